// Neighborhood sums over the map, first along columns, then along rows.
//
// out[r] = sum over r' of row_weight[r, r'] * (column kernel[r, r'] applied to row r' of sums).
// A gaussian needs one column kernel on a rectangular map and three on a hexagonal one (the
// half-step shifts between rows), a bubble one per row offset (grid/_neighborhood.py).
// Every element is summed by one thread in a fixed order: the same bits for any thread count.
#include "smooth.hpp"

#include <algorithm>

#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

inline void add_scaled(double* to, const double* from, double factor, std::int64_t f) {
    for (std::int64_t j = 0; j < f; ++j) to[j] += factor * from[j];
}

// Row r' of the map with one column kernel applied; `taps` is centered on offset 0.
void along_columns(const double* source, const double* taps, std::int64_t n_cols, std::int64_t f,
                   double* target) {
    std::fill_n(target, n_cols * f, 0.0);
    for (std::int64_t c = 0; c < n_cols; ++c)
        for (std::int64_t from = 0; from < n_cols; ++from) {
            const double factor = taps[c - from];
            if (factor != 0.0) add_scaled(target + c * f, source + from * f, factor, f);
        }
}

}  // namespace

void smooth(const double* sums, const double* row_weight, const std::int32_t* kernel,
            const double* col_kernel, std::int64_t n_rows, std::int64_t n_cols, std::int64_t f,
            std::int64_t n_kernels, double* work, double* out) {
    const std::int64_t row_size = n_cols * f;
    const int threads = thread_count(2.0 * double(n_rows) * double(row_size) *
                                     double(n_rows + n_cols));
    (void)threads;
    std::fill_n(out, n_rows * row_size, 0.0);
#pragma omp parallel num_threads(threads)
    for (std::int64_t k = 0; k < n_kernels; ++k) {
        const double* taps = col_kernel + k * (2 * n_cols - 1) + (n_cols - 1);
#pragma omp for schedule(static)
        for (std::int64_t from = 0; from < n_rows; ++from) {
            bool is_used = false;
            for (std::int64_t r = 0; r < n_rows; ++r)
                is_used |= kernel[r * n_rows + from] == k && row_weight[r * n_rows + from] != 0.0;
            if (is_used)
                along_columns(sums + from * row_size, taps, n_cols, f, work + from * row_size);
        }
#pragma omp for schedule(static)
        for (std::int64_t r = 0; r < n_rows; ++r)
            for (std::int64_t from = 0; from < n_rows; ++from) {
                const double factor = row_weight[r * n_rows + from];
                if (kernel[r * n_rows + from] == k && factor != 0.0)
                    add_scaled(out + r * row_size, work + from * row_size, factor, row_size);
            }
    }
}

}  // namespace somscape::SOMSCAPE_ISA
