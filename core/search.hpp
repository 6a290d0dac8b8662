#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
void search(const T* rows, const T* codebook, std::int64_t n, std::int64_t m, std::int64_t d,
            int k, T* packed, std::int64_t* units, double* distances);

}  // namespace somscape::SOMSCAPE_ISA
