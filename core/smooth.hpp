#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

double smooth(const std::int64_t* totals, const std::int64_t* counts, const double* scale,
              double weight_scale, const double* center, std::int64_t d,
              const Neighborhood& neighborhood, const double* codebook, double* out);

}  // namespace somscape::SOMSCAPE_ISA
