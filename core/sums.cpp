// Counts and sums of the rows of each unit, the same bits in any order.
//
// Values become 64-bit integers, (x - center) * scale with a power of two as scale, and integer
// addition is associative: threads, chunks and workers may add in any order.  The caller chose
// the scale so that no term can pass 2^51 and no sum 2^62 (fit/_problem.py).
#include "sums.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

// The nearest integer, halves to even: it stands in the low bits of value + 1.5 * 2^52.  Unlike
// llrint this is two additions, for a whole vector, on every instruction set.
inline std::int64_t to_fixed(double value) {
    constexpr double shift = 0x1.8p52;
    return std::bit_cast<std::int64_t>(value + shift) - std::bit_cast<std::int64_t>(shift);
}

constexpr std::int64_t rows_ahead = 8;  // whose totals are fetched meanwhile
constexpr std::int64_t least_features = 8;

// A whole weight is that many copies of the value, to the bit.
inline std::int64_t weighted(double weight, double value) {
    const double times = std::rint(weight);
    return weight == times ? std::int64_t(times) * to_fixed(value) : to_fixed(weight * value);
}

double weight_of(const Winners& winners, std::int64_t i) {
    return winners.weights ? winners.weights[i] : 1.0;
}

void count(const Winners& winners, std::int64_t* counts) {
    for (std::int64_t i = 0; i < winners.n; ++i)
        counts[winners.units[i]] += std::llrint(weight_of(winners, i) * winners.weight_scale);
}

template <class T>
inline void add_row(const T* __restrict row, double weight, const double* __restrict center,
                    const double* __restrict scale, std::int64_t begin, std::int64_t end,
                    std::int64_t* __restrict total) {
    if (weight == 1.0)
        for (std::int64_t f = begin; f < end; ++f)
            total[f] += to_fixed((double(row[f]) - center[f]) * scale[f]);
    else
        for (std::int64_t f = begin; f < end; ++f)
            total[f] += weighted(weight, (double(row[f]) - center[f]) * scale[f]);
}

}  // namespace

// Threads share the features, not the rows: no private copies of the sums, and none to merge.
template <class T>
void sums(const T* rows, std::int64_t d, const double* center, const double* scale,
          const Winners& winners, std::int64_t* counts, std::int64_t* totals) {
    count(winners, counts);
    const std::int64_t n = winners.n, *units = winners.units;
    const std::int64_t slices = std::clamp<std::int64_t>(
        d / least_features, 1, thread_count(4.0 * double(n) * double(d)));
#pragma omp parallel for schedule(static) num_threads(int(slices))
    for (std::int64_t slice = 0; slice < slices; ++slice) {
        const std::int64_t begin = d * slice / slices, end = d * (slice + 1) / slices;
        for (std::int64_t i = 0; i < n; ++i) {
            if (i + rows_ahead < n) __builtin_prefetch(totals + units[i + rows_ahead] * d + begin);
            add_row(rows + i * d, weight_of(winners, i), center, scale, begin, end,
                    totals + units[i] * d);
        }
    }
}

// Threads share the units: what a row adds to is scattered over the features.
template <class T>
void sums_sparse(SparseRows<T> rows, std::int64_t d, const double* scale, const Winners& winners,
                 std::int64_t* counts, std::int64_t* totals) {
    count(winners, counts);
    const int threads = thread_count(8.0 * double(rows.begin[rows.n] - rows.begin[0]));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int part = 0; part < threads; ++part)
        for (std::int64_t i = 0; i < rows.n; ++i) {
            if (winners.units[i] % threads != part) continue;
            std::int64_t* total = totals + winners.units[i] * d;
            const double weight = weight_of(winners, i);
            for (std::int64_t at = rows.begin[i]; at < rows.begin[i + 1]; ++at) {
                const std::int64_t f = rows.features[at];
                total[f] += weighted(weight, double(rows.values[at]) * scale[f]);
            }
        }
}

template void sums(const float*, std::int64_t, const double*, const double*, const Winners&,
                   std::int64_t*, std::int64_t*);
template void sums(const double*, std::int64_t, const double*, const double*, const Winners&,
                   std::int64_t*, std::int64_t*);
template void sums_sparse(SparseRows<float>, std::int64_t, const double*, const Winners&,
                          std::int64_t*, std::int64_t*);
template void sums_sparse(SparseRows<double>, std::int64_t, const double*, const Winners&,
                          std::int64_t*, std::int64_t*);

}  // namespace somscape::SOMSCAPE_ISA
