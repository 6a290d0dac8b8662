#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
void sum_of_lines(const T* rows, std::int64_t n, std::int64_t d, const Lines& lines, double* sums);

}  // namespace somscape::SOMSCAPE_ISA
