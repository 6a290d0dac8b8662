#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
std::int64_t search(const SearchInput<T>& in, std::int64_t* units, double* distances);

}  // namespace somscape::SOMSCAPE_ISA
