// The neighborhood mean of the units' sums: the next codebook.
//
// Sums and counts go over the map along columns, then along rows:
// out[r] = sum over r' of row_weight[r, r'] * (column kernel[r, r'] applied to row r').
// A gaussian needs one column kernel on a rectangular map and three on a hexagonal one (the
// half-step shifts between rows), a bubble one per row offset (grid/_neighborhood.py).
// Both passes are small matrix products, in tiles of targets and values that stay in registers.
// Every element is summed in the order of the sources, without contraction: the same bits for
// any thread count and instruction set.  Features are taken in batches, so that the work space
// stays small on any map.
#include "smooth.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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
struct Offsets {
    std::int64_t low, high;
};

Offsets offsets_of(const double* taps, std::int64_t n_cols) {
    Offsets offsets{n_cols - 1, -(n_cols - 1)};
    for (std::int64_t offset = -(n_cols - 1); offset < n_cols; ++offset)
        if (taps[offset] != 0.0) {
            offsets.low = std::min(offsets.low, offset);
            offsets.high = std::max(offsets.high, offset);
        }
    return offsets;
}

// One row of the map with one column kernel applied; `taps` is centered on offset 0.
void along_columns(const double* source, const double* taps, Offsets offsets, std::int64_t n_cols,
                   std::int64_t f, double* target) {
    std::fill_n(target, n_cols * f, 0.0);
    for (std::int64_t c = 0; c < n_cols; c += targets_at_once) {
        const int here = int(std::min<std::int64_t>(targets_at_once, n_cols - c));
        const std::int64_t first = std::max<std::int64_t>(0, c - offsets.high);
        const std::int64_t last = std::min(n_cols, c + here - 1 - offsets.low + 1);
        if (first < last)
            add_weighted({source, f}, {taps + c, 1, -1}, first, last, {target + c * f, f}, here, 0,
                         f);
    }
}

constexpr std::int64_t batch_bytes = 1 << 17;  // of each of three work spaces

class Smoother {
public:
    Smoother(const Neighborhood& h, int threads)
        : h(h), threads(threads), weight(h.n_rows * h.n_rows) {}

    // `values`, `work` and `out` are (n_rows, n_cols, f).
    void run(const double* values, std::int64_t f, double* work, double* out) const {
        const std::int64_t row_size = h.n_cols * f;
        const std::int64_t n_parts = (row_size + values_per_task - 1) / values_per_task;
        std::fill_n(out, h.n_rows * row_size, 0.0);
        for (std::int64_t k = 0; k < h.n_kernels; ++k) {
            const double* taps = h.col_kernel + k * (2 * h.n_cols - 1) + (h.n_cols - 1);
            const Offsets offsets = offsets_of(taps, h.n_cols);
            share(threads, h.n_rows, [&](std::int64_t from) {
                bool is_used = false;
                for (std::int64_t r = 0; r < h.n_rows; ++r) {
                    const std::int64_t at = r * h.n_rows + from;
                    weight[at] = h.kernel[at] == k ? h.row_weight[at] : 0.0;
                    is_used |= weight[at] != 0.0;
                }
                if (is_used)
                    along_columns(values + from * row_size, taps, offsets, h.n_cols, f,
                                  work + from * row_size);
            });
            // A source row that no target uses holds nothing, and is met by zero weights alone.
            // Targets two rows apart: on a hexagonal map they use the same sources.
            share(threads, (h.n_rows + 7) / 8 * 2 * n_parts, [&](std::int64_t task) {
                const std::int64_t group = task / n_parts, part = task % n_parts;
                const std::int64_t first = group / 2 * 8 + group % 2;
                const std::int64_t left = (h.n_rows - first + 1) / 2;
                if (first < h.n_rows)
                    add_weighted({work, row_size}, {weight.get() + first * h.n_rows, 2 * h.n_rows, 1},
                                 0, h.n_rows, {out + first * row_size, 2 * row_size},
                                 int(std::min<std::int64_t>(left, targets_at_once)),
                                 part * values_per_task,
                                 std::min(row_size, (part + 1) * values_per_task));
            });
        }
    }

private:
    const Neighborhood& h;
    int threads;
    Buffer<double> weight;  // (n_rows, n_rows) of the kernel at work, 0 where another applies
};

// Writes the means of one unit's features and returns the square of how far they are from before.
double next_values(const double* __restrict sum, double weight, const double* __restrict center,
                   std::int64_t n, const double* __restrict before, double* __restrict after) {
    // A neighborhood that won no more than the least normal number won nothing.
    if (!(weight > std::numeric_limits<double>::min())) {
        std::copy_n(before, n, after);
        return 0.0;
    }
    for (std::int64_t j = 0; j < n; ++j) after[j] = center[j] + sum[j] / weight;
    double moved_sq = 0;
    for (std::int64_t j = 0; j < n; ++j) {
        const double step = after[j] - before[j];
        moved_sq += step * step;
    }
    return moved_sq;
}

}  // namespace

double smooth(const std::int64_t* totals, const std::int64_t* counts, const double* scale,
              double weight_scale, const double* center, std::int64_t d,
              const Neighborhood& neighborhood, const double* codebook, double* out) {
    const std::int64_t m = neighborhood.n_rows * neighborhood.n_cols;
    const std::int64_t fitting = batch_bytes / std::int64_t(sizeof(double)) / m / 8 * 8;
    const std::int64_t n_values = d + 1;  // of a unit: its count, then its totals
    const std::int64_t batch = std::clamp<std::int64_t>(fitting, 8, (n_values + 7) / 8 * 8);
    const int threads =
        thread_count(2.0 * double(m) * double(std::min(n_values, batch)) *
                     double(neighborhood.n_rows + neighborhood.n_cols));
    const Buffer<double> values(m * batch), work(m * batch), smoothed(m * batch), weights(m),
        moved_sq(m), unit_of(d);
    for (std::int64_t j = 0; j < d; ++j) unit_of[j] = 1.0 / scale[j];  // exact: powers of two
    std::fill_n(moved_sq.get(), m, 0.0);
    const Smoother smoother(neighborhood, threads);

    for (std::int64_t begin = 0; begin < n_values; begin += batch) {
        const std::int64_t end = std::min(begin + batch, n_values), f = (end - begin + 7) / 8 * 8;
        const std::int64_t counted = begin == 0 ? 1 : 0, feature = begin + counted - 1;
        const std::int64_t n_features = end - begin - counted;
        share(threads, m, [&](std::int64_t u) {
            double* __restrict to = values.get() + u * f;
            const std::int64_t* __restrict total = totals + u * d + feature;
            if (counted) to[0] = double(counts[u]) / weight_scale;
            for (std::int64_t j = 0; j < n_features; ++j)
                to[counted + j] = double(total[j]) * unit_of[feature + j];
            std::fill(to + counted + n_features, to + f, 0.0);
        });
        smoother.run(values.get(), f, work.get(), smoothed.get());
        share(threads, m, [&](std::int64_t u) {
            const double* __restrict sum = smoothed.get() + u * f + counted;
            if (counted) weights[u] = sum[-1];
            moved_sq[u] += next_values(sum, weights[u], center + feature, n_features,
                                       codebook + u * d + feature, out + u * d + feature);
        });
    }
    return std::sqrt(*std::max_element(moved_sq.get(), moved_sq.get() + m));
}

}  // namespace somscape::SOMSCAPE_ISA
