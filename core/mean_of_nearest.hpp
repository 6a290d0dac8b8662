#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
void mean_of_nearest(const T* rows, std::int64_t n, std::int64_t d, const double* codebook,
                     std::int64_t m, std::int64_t k, double* means, double* parts);

}  // namespace somscape::SOMSCAPE_ISA
