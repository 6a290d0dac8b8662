#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
double smooth(const std::int64_t* totals, const std::int64_t* counts, const double* scale,
              double weight_scale, const double* center, std::int64_t d,
              const Neighborhood& neighborhood, const T* codebook, T* out);

}  // namespace somscape::SOMSCAPE_ISA
