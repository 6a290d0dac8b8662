// Neighborhood sums over the map, first along columns, then along rows.
//
// out[r] = sum over r' of row_weight[r, r'] * (column kernel[r, r'] applied to row r' of sums).
// A gaussian needs one column kernel on a rectangular map and three on a hexagonal one (the
// half-step shifts between rows), a bubble one per row offset (grid/_neighborhood.py).
// Both passes are small matrix products, in tiles of targets and values that stay in registers.
// Every element is summed in the order of the sources, without contraction: the same bits for
// any thread count and instruction set.
#include "smooth.hpp"

#include <algorithm>

#include "buffer.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

using S = Simd<double>;

constexpr int targets_at_once = 4;
constexpr std::int64_t values_per_task = 512;

// Rows of values, each `stride` after the one before.
template <class Value>
struct Rows {
    Value* first;
    std::int64_t stride;
};
using Sources = Rows<const double>;
using Targets = Rows<double>;

// Weight of source s for target t: at[t * by_target + s * by_source].
struct Weights {
    const double* at;
    std::int64_t by_target, by_source;
    double of(std::int64_t target, std::int64_t source) const {
        return at[target * by_target + source * by_source];
    }
};

// target[t] += sum over the sources of weight * source, for the values from `begin` on.
template <int vectors>
inline void add_tile(Sources source, Weights weight, std::int64_t first, std::int64_t last,
                     Targets target, int n_targets, std::int64_t begin) {
    typename S::Vec sum[targets_at_once][vectors];
    for (int t = 0; t < targets_at_once; ++t)
        for (int v = 0; v < vectors; ++v)
            sum[t][v] = S::load(target.first + std::min(t, n_targets - 1) * target.stride + begin +
                                v * S::lanes);
    for (std::int64_t s = first; s < last; ++s) {
        double w[targets_at_once];
        for (int t = 0; t < targets_at_once; ++t) w[t] = weight.of(std::min(t, n_targets - 1), s);
        if (w[0] == 0.0 && w[1] == 0.0 && w[2] == 0.0 && w[3] == 0.0) continue;
        for (int v = 0; v < vectors; ++v) {
            const typename S::Vec value =
                S::load(source.first + s * source.stride + begin + v * S::lanes);
            for (int t = 0; t < targets_at_once; ++t) sum[t][v] += S::broadcast(w[t]) * value;
        }
    }
    for (int t = 0; t < n_targets; ++t)
        for (int v = 0; v < vectors; ++v)
            S::store(target.first + t * target.stride + begin + v * S::lanes, sum[t][v]);
}

// The same for values from `begin` to `end`, and any number of targets up to targets_at_once.
void add_weighted(Sources source, Weights weight, std::int64_t first, std::int64_t last,
                  Targets target, int n_targets, std::int64_t begin, std::int64_t end) {
    constexpr int vectors = vectors_at_once;
    for (; begin + vectors * S::lanes <= end; begin += vectors * S::lanes)
        add_tile<vectors>(source, weight, first, last, target, n_targets, begin);
    for (; begin + S::lanes <= end; begin += S::lanes)
        add_tile<1>(source, weight, first, last, target, n_targets, begin);
    for (; begin < end; ++begin)
        for (int t = 0; t < n_targets; ++t) {
            double sum = target.first[t * target.stride + begin];
            for (std::int64_t s = first; s < last; ++s)
                if (const double w = weight.of(t, s); w != 0.0)
                    sum += w * source.first[s * source.stride + begin];
            target.first[t * target.stride + begin] = sum;
        }
}

// Offsets from the first to past the last nonzero tap.
struct Reach {
    std::int64_t low, high;
};

Reach reach_of(const double* taps, std::int64_t n_cols) {
    Reach reach{n_cols - 1, -(n_cols - 1)};
    for (std::int64_t offset = -(n_cols - 1); offset < n_cols; ++offset)
        if (taps[offset] != 0.0) {
            reach.low = std::min(reach.low, offset);
            reach.high = std::max(reach.high, offset);
        }
    return reach;
}

// One row of the map with one column kernel applied; `taps` is centered on offset 0.
void along_columns(const double* source, const double* taps, Reach reach, std::int64_t n_cols,
                   std::int64_t f, double* target) {
    std::fill_n(target, n_cols * f, 0.0);
    for (std::int64_t c = 0; c < n_cols; c += targets_at_once) {
        const int here = int(std::min<std::int64_t>(targets_at_once, n_cols - c));
        const std::int64_t first = std::max<std::int64_t>(0, c - reach.high);
        const std::int64_t last = std::min(n_cols, c + here - 1 - reach.low + 1);
        if (first < last)
            add_weighted({source, f}, {taps + c, 1, -1}, first, last, {target + c * f, f}, here, 0,
                         f);
    }
}

}  // namespace

void smooth(const double* sums, const double* row_weight, const std::int32_t* kernel,
            const double* col_kernel, std::int64_t n_rows, std::int64_t n_cols, std::int64_t f,
            std::int64_t n_kernels, double* work, double* out) {
    const std::int64_t row_size = n_cols * f;
    const std::int64_t n_parts = (row_size + values_per_task - 1) / values_per_task;
    const int threads = thread_count(2.0 * double(n_rows) * double(row_size) *
                                     double(n_rows + n_cols));
    (void)threads;
    std::fill_n(out, n_rows * row_size, 0.0);
    const Buffer<double> weight_of_kernel(n_rows * n_rows);
#pragma omp parallel num_threads(threads)
    for (std::int64_t k = 0; k < n_kernels; ++k) {
        const double* taps = col_kernel + k * (2 * n_cols - 1) + (n_cols - 1);
        const Reach reach = reach_of(taps, n_cols);
#pragma omp for schedule(static)
        for (std::int64_t from = 0; from < n_rows; ++from) {
            bool is_used = false;
            for (std::int64_t r = 0; r < n_rows; ++r) {
                const std::int64_t at = r * n_rows + from;
                weight_of_kernel[at] = kernel[at] == k ? row_weight[at] : 0.0;
                is_used |= weight_of_kernel[at] != 0.0;
            }
            if (is_used)
                along_columns(sums + from * row_size, taps, reach, n_cols, f,
                              work + from * row_size);
        }
        // A source row that no target uses holds nothing, and is met by zero weights alone.
        // Targets two rows apart: on a hexagonal map they use the same sources.
#pragma omp for schedule(static) collapse(2)
        for (std::int64_t group = 0; group < (n_rows + 7) / 8 * 2; ++group)
            for (std::int64_t part = 0; part < n_parts; ++part) {
                const std::int64_t first = group / 2 * 8 + group % 2;
                const std::int64_t left = (n_rows - first + 1) / 2;
                if (first >= n_rows) continue;
                add_weighted({work, row_size}, {weight_of_kernel.get() + first * n_rows, 2 * n_rows, 1},
                             0, n_rows, {out + first * row_size, 2 * row_size},
                             int(std::min<std::int64_t>(left, targets_at_once)),
                             part * values_per_task,
                             std::min(row_size, (part + 1) * values_per_task));
            }
    }
}

}  // namespace somscape::SOMSCAPE_ISA
