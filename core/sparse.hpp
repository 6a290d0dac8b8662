#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
void search_sparse(SparseRows<T> rows, const double* codebook, std::int64_t m, std::int64_t d,
                   Metric metric, int k, std::int64_t* units, double* distances);

}  // namespace somscape::SOMSCAPE_ISA
