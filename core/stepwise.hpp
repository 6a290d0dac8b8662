#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
double stepwise(const T* rows, const std::int64_t* order, const double* rates,
                const double* radii, std::int64_t n_steps, std::int64_t d, MapShape shape,
                T* packed, T* steps, T* codebook);

}  // namespace somscape::SOMSCAPE_ISA
