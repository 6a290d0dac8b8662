#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

void smooth(const double* sums, const double* row_weight, const std::int32_t* kernel,
            const double* col_kernel, std::int64_t n_rows, std::int64_t n_cols, std::int64_t f,
            std::int64_t n_kernels, double* work, double* out);

}  // namespace somscape::SOMSCAPE_ISA
