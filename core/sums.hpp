#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
std::int64_t sums(const T* rows, std::int64_t d, const double* center, const double* scale,
                  const Winners& winners, std::int64_t m, std::int64_t* counts,
                  std::int64_t* totals);

template <class T>
std::int64_t sums_sparse(SparseRows<T> rows, std::int64_t d, const double* scale,
                         const Winners& winners, std::int64_t* counts, std::int64_t* totals);

}  // namespace somscape::SOMSCAPE_ISA
