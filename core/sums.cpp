// Counts and sums of the rows of each unit, the same bits in any order.
//
// Values become 64-bit integers, (x - center) * scale with a power of two as scale, and integer
// addition is associative: threads, chunks and workers may add in any order.  The caller chose
// the scale so that no sum can pass 2^62 (fit/_problem.py).
#include "sums.hpp"

#include <algorithm>
#include <cmath>

#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

inline std::int64_t to_fixed(double value) { return std::llrint(value); }

}  // namespace

// Threads share the features, not the rows: no private copies of the sums, and none to merge.
template <class T>
void sums(const T* rows, const std::int64_t* units, const double* weights, std::int64_t n,
          std::int64_t d, const double* center, const double* scale, double weight_scale,
          std::int64_t* counts, std::int64_t* totals) {
    for (std::int64_t i = 0; i < n; ++i)
        counts[units[i]] += to_fixed((weights ? weights[i] : 1.0) * weight_scale);

    const int threads = int(std::min<std::int64_t>(thread_count(4.0 * double(n) * double(d)),
                                                   (d + 7) / 8));
    (void)threads;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t slice = 0; slice < (d + 7) / 8; ++slice) {
        const std::int64_t begin = slice * 8;
        const std::int64_t end = std::min(begin + 8, d);
        for (std::int64_t i = 0; i < n; ++i) {
            const T* row = rows + i * d;
            std::int64_t* total = totals + units[i] * d;
            const double weight = weights ? weights[i] : 1.0;
            const std::int64_t times = to_fixed(weight);
            // A whole weight is that many copies of the row, to the bit.
            if (double(times) == weight) {
                for (std::int64_t f = begin; f < end; ++f)
                    total[f] += times * to_fixed((double(row[f]) - center[f]) * scale[f]);
            } else {
                for (std::int64_t f = begin; f < end; ++f)
                    total[f] += to_fixed(weight * ((double(row[f]) - center[f]) * scale[f]));
            }
        }
    }
}

template void sums(const float*, const std::int64_t*, const double*, std::int64_t, std::int64_t,
                   const double*, const double*, double, std::int64_t*, std::int64_t*);
template void sums(const double*, const std::int64_t*, const double*, std::int64_t, std::int64_t,
                   const double*, const double*, double, std::int64_t*, std::int64_t*);

}  // namespace somscape::SOMSCAPE_ISA
