#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

void minisom_winners(const double* rows, std::int64_t n, std::int64_t d, const double* codebook,
                     std::int64_t m, MiniSomDistance distance, std::int64_t* units);

void minisom_steps(const double* rows, std::int64_t d, const MiniSomSteps& steps, MiniSomMap map,
                   double* codebook);

}  // namespace somscape::SOMSCAPE_ISA
