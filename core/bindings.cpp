// The core as a Python module: checks shapes once, releases the GIL, picks the instruction set.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace somscape {
namespace {

template <class T, int N>
using Array = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

// Usable on this processor, best first.
const std::vector<const Kernels*>& usable() {
    static const std::vector<const Kernels*> sets = [] {
        std::vector<const Kernels*> found;
#ifdef SOMSCAPE_HAS_X86_SETS
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
            found.push_back(&avx512::kernels());
        if (__builtin_cpu_supports("avx2")) found.push_back(&avx2::kernels());
#endif
#if defined(__ARM_NEON)
        found.push_back(&neon::kernels());
#else
        found.push_back(&baseline::kernels());
#endif
        return found;
    }();
    return sets;
}

const Kernels*& current() {
    static const Kernels* set = usable().front();
    return set;
}

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const Kernels* set : usable()) names.emplace_back(set->name);
    return names;
}

void use_instruction_set(const std::string& name) {
    for (const Kernels* set : usable())
        if (name == set->name) {
            current() = set;
            return;
        }
    throw std::invalid_argument("instruction set '" + name + "' is not usable on this processor");
}

template <class T>
const KernelsOf<T>& kernels_of() {
    if constexpr (sizeof(T) == 4) return current()->f32;
    else return current()->f64;
}

void require(bool holds, const char* claim) {
    if (!holds) throw std::invalid_argument(std::string("core: ") + claim);
}

// Work space that starts on a cache line, as whole-vector loads like it.
template <class T>
class WorkSpace {
public:
    explicit WorkSpace(std::size_t n)
        : values(static_cast<T*>(::operator new(n * sizeof(T), line))) {}
    ~WorkSpace() { ::operator delete(values, line); }
    WorkSpace(const WorkSpace&) = delete;
    WorkSpace& operator=(const WorkSpace&) = delete;
    T* get() const { return values; }

private:
    static constexpr std::align_val_t line{64};
    T* values;
};

template <class T>
void search(Array<const T, 2> rows, Array<const T, 2> codebook, Array<std::int64_t, 2> units,
            Array<double, 2> distances) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = codebook.shape(0);
    const std::int64_t k = units.shape(1);
    require(std::int64_t(codebook.shape(1)) == d, "rows and codebook differ in features");
    require(std::int64_t(units.shape(0)) == n && std::int64_t(distances.shape(0)) == n &&
                std::int64_t(distances.shape(1)) == k,
            "units and distances must be (n, k)");
    require(k >= 1 && k <= max_best && k <= m, "k must be in 1..min(16, units)");
    nb::gil_scoped_release unlocked;
    const WorkSpace<T> packed(kernels_of<T>().packed_size(m, d));
    kernels_of<T>().search(rows.data(), codebook.data(), n, m, d, int(k), packed.get(),
                           units.data(), distances.data());
}

template <class T>
void sums(Array<const T, 2> rows, Array<const std::int64_t, 1> units,
          std::optional<Array<const double, 1>> weights, Array<const double, 1> center,
          Array<const double, 1> scale, double weight_scale, Array<std::int64_t, 1> counts,
          Array<std::int64_t, 2> totals) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = totals.shape(0);
    require(std::int64_t(units.shape(0)) == n, "one unit per row");
    require(!weights || std::int64_t(weights->shape(0)) == n, "one weight per row");
    require(std::int64_t(center.shape(0)) == d && std::int64_t(scale.shape(0)) == d &&
                std::int64_t(totals.shape(1)) == d,
            "center, scale and totals need one column per feature");
    require(std::int64_t(counts.shape(0)) == m, "one count per unit");
    nb::gil_scoped_release unlocked;
    for (std::int64_t i = 0; i < n; ++i)
        require(units.data()[i] >= 0 && units.data()[i] < m, "a unit is out of range");
    kernels_of<T>().sums(rows.data(), units.data(), weights ? weights->data() : nullptr, n, d,
                         center.data(), scale.data(), weight_scale, counts.data(), totals.data());
}

void smooth(Array<const double, 3> sums, Array<const double, 2> row_weight,
            Array<const std::int32_t, 2> kernel, Array<const double, 2> col_kernel,
            Array<double, 3> out) {
    const std::size_t n_rows = sums.shape(0), n_cols = sums.shape(1), f = sums.shape(2);
    require(row_weight.shape(0) == n_rows && row_weight.shape(1) == n_rows &&
                kernel.shape(0) == n_rows && kernel.shape(1) == n_rows,
            "row_weight and kernel must be (n_rows, n_rows)");
    require(col_kernel.shape(1) == 2 * n_cols - 1, "col_kernel must have 2 n_cols - 1 columns");
    require(out.shape(0) == n_rows && out.shape(1) == n_cols && out.shape(2) == f,
            "out must have the shape of sums");
    nb::gil_scoped_release unlocked;
    const WorkSpace<double> work(n_rows * n_cols * f);
    current()->smooth(sums.data(), row_weight.data(), kernel.data(), col_kernel.data(), n_rows,
                      n_cols, f, col_kernel.shape(0), work.get(), out.data());
}

template <class T>
double stepwise(Array<const T, 2> rows, Array<const std::int64_t, 1> order,
                Array<const double, 1> rates, Array<const double, 1> radii, std::int64_t n_rows,
                std::int64_t n_cols, bool is_hexagonal, bool is_torus, bool is_bubble,
                Array<T, 2> codebook) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = codebook.shape(0);
    const std::int64_t n_steps = order.shape(0);
    require(std::int64_t(codebook.shape(1)) == d, "rows and codebook differ in features");
    require(n_rows >= 1 && n_cols >= 1 && n_rows * n_cols == m,
            "codebook must have one row per unit");
    require(std::int64_t(rates.shape(0)) == n_steps && std::int64_t(radii.shape(0)) == n_steps,
            "one rate and one radius per step");
    nb::gil_scoped_release unlocked;
    for (std::int64_t t = 0; t < n_steps; ++t)
        require(order.data()[t] >= 0 && order.data()[t] < n, "order names a row that is not there");
    const WorkSpace<T> packed(kernels_of<T>().packed_size(m, d));
    const WorkSpace<T> steps(kernels_of<T>().packed_size(m, 1));
    const MapShape shape{n_rows, n_cols, is_hexagonal, is_torus, is_bubble};
    return kernels_of<T>().stepwise(rows.data(), order.data(), rates.data(), radii.data(), n_steps,
                                    d, shape, packed.get(), steps.get(), codebook.data());
}

template <class T>
void define(nb::module_& m) {
    m.def("search", &search<T>, "rows"_a.noconvert(), "codebook"_a.noconvert(),
          "units"_a.noconvert(), "distances"_a.noconvert());
    m.def("sums", &sums<T>, "rows"_a.noconvert(), "units"_a.noconvert(),
          "weights"_a.noconvert().none(), "center"_a.noconvert(), "scale"_a.noconvert(),
          "weight_scale"_a, "counts"_a.noconvert(), "totals"_a.noconvert());
    m.def("stepwise", &stepwise<T>, "rows"_a.noconvert(), "order"_a.noconvert(),
          "rates"_a.noconvert(), "radii"_a.noconvert(), "n_rows"_a, "n_cols"_a, "is_hexagonal"_a,
          "is_torus"_a, "is_bubble"_a, "codebook"_a.noconvert());
}

}  // namespace
}  // namespace somscape

NB_MODULE(_core, m) {
    using namespace somscape;
    define<float>(m);
    define<double>(m);
    m.def("smooth", &smooth, "sums"_a.noconvert(), "row_weight"_a.noconvert(),
          "kernel"_a.noconvert(), "col_kernel"_a.noconvert(), "out"_a.noconvert());
    m.def("instruction_sets", &instruction_sets);
    m.def("instruction_set", [] { return std::string(current()->name); });
    m.def("use_instruction_set", &use_instruction_set, "name"_a);
    m.def("n_threads", [] { return thread_count(1e300); });
    m.attr("max_best") = max_best;
}
