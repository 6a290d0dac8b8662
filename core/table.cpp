// This instruction set's kernels, gathered for bindings.cpp to choose from.
#include "kernels.hpp"
#include "lines.hpp"
#include "margin.hpp"
#include "mean_of_nearest.hpp"
#include "minisom.hpp"
#include "pack.hpp"
#include "search.hpp"
#include "smooth.hpp"
#include "sparse.hpp"
#include "stepwise.hpp"
#include "sums.hpp"

#define SOMSCAPE_TEXT_(x) #x
#define SOMSCAPE_TEXT(x) SOMSCAPE_TEXT_(x)

namespace somscape::SOMSCAPE_ISA {
namespace {

template <class T>
constexpr KernelsOf<T> kernels_of() {
    return {search<T>,      search_sparse<T>, mean_of_nearest<T>, sum_of_lines<T>,
            packed_size<T>, sums<T>,          sums_sparse<T>,     stepwise<T>};
}

}  // namespace

const Kernels& kernels() {
    static const Kernels table{SOMSCAPE_TEXT(SOMSCAPE_ISA), smooth,
                               minisom_winners,             minisom_steps,
                               margin_steps,                kernels_of<float>(),
                               kernels_of<double>()};
    return table;
}

}  // namespace somscape::SOMSCAPE_ISA
