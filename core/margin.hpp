#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

void margin_steps(const ClassedRows& known, const MarginSteps& steps, std::int64_t m,
                  float* prototypes, float* axes);

}  // namespace somscape::SOMSCAPE_ISA
