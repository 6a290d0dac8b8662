// Counts and sums of the rows of each unit, and of their errors, the same bits in any order.
//
// Values become 64-bit integers, (x - center) * scale with a power of two as scale, and integer
// addition is associative: threads, chunks and workers may add in any order.  The caller chose
// the scale so that no term can pass 2^51 and no sum 2^62 (fit/problem.py).
#include "sums.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "buffer.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

// The nearest integer, halves to even: it stands in the low bits of value + 1.5 * 2^52.  Unlike
// llrint this is two additions, for a whole vector, on every instruction set.
constexpr double shift = 0x1.8p52;
inline std::int64_t to_fixed(double value) {
    return std::bit_cast<std::int64_t>(value + shift) - std::bit_cast<std::int64_t>(shift);
}

constexpr std::int64_t strip_size = 8;  // features that are added together
constexpr std::int64_t block_bytes = 256 << 10;

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

std::int64_t sum_of_errors(const Winners& winners) {
    if (!winners.distances) return 0;
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < winners.n; ++i) {
        const double distance = winners.distances[i];
        const double weighted = winners.weights ? distance * winners.weights[i] : distance;
        sum += std::int64_t(weighted * winners.error_scale);
    }
    return sum;
}

// Some neighboring features: what turns their values into integers, and where those are added.
template <class T>
struct Strip {
    const T* rows;  // of the first row the first feature
    std::int64_t d;
    const double *center, *scale;
    std::int64_t* totals;  // of the first unit
    std::int64_t stride;   // from unit to unit
};

template <class T>
inline void add_weighted_row(const Strip<T>& strip, int n, std::int64_t i, const Winners& winners) {
    const T* row = strip.rows + i * strip.d;
    std::int64_t* total = strip.totals + winners.units[i] * strip.stride;
    for (int f = 0; f < n; ++f)
        total[f] += weighted(winners.weights[i], (double(row[f]) - strip.center[f]) * strip.scale[f]);
}

// Rows of weight 1: as whole vectors and single values, whose centers and scales stay in registers.
template <int n, class T>
void add_rows(const Strip<T>& strip, std::int64_t first, std::int64_t last,
              const std::int64_t* units) {
    using S = Simd<double>;
    constexpr int pieces = n / S::lanes, rest = n % S::lanes, at_rest = pieces * S::lanes;
    typedef T Values __attribute__((vector_size(S::lanes * sizeof(T)), aligned(alignof(T)),
                                    may_alias));
    typedef std::int64_t Totals __attribute__((vector_size(SOMSCAPE_VECTOR_BYTES),
                                               aligned(alignof(std::int64_t)), may_alias));
    S::Vec center[pieces + 1], scale[pieces + 1];
    double center_of_rest[rest + 1], scale_of_rest[rest + 1];
    unrolled<pieces>([&](auto p) SOMSCAPE_INLINE {
        center[p] = S::load(strip.center + p * S::lanes);
        scale[p] = S::load(strip.scale + p * S::lanes);
    });
    unrolled<rest>([&](auto f) SOMSCAPE_INLINE {
        center_of_rest[f] = strip.center[at_rest + f];
        scale_of_rest[f] = strip.scale[at_rest + f];
    });
    for (std::int64_t i = first; i < last; ++i) {
        const T* row = strip.rows + i * strip.d;
        std::int64_t* total = strip.totals + units[i] * strip.stride;
        unrolled<pieces>([&](auto p) SOMSCAPE_INLINE {
            const auto value = __builtin_convertvector(
                *reinterpret_cast<const Values*>(row + p * S::lanes), typename S::Vec);
            const S::Vec shifted = (value - center[p]) * scale[p] + S::broadcast(shift);
            *reinterpret_cast<Totals*>(total + p * S::lanes) +=
                (S::IntVec)shifted - (S::IntVec)S::broadcast(shift);
        });
        unrolled<rest>([&](auto f) SOMSCAPE_INLINE {
            total[at_rest + f] += to_fixed((double(row[at_rest + f]) - center_of_rest[f]) *
                                           scale_of_rest[f]);
        });
    }
}

// Adds some rows' values of n features, at most strip_size.
template <class T>
void add_strip(const Strip<T>& strip, int n, std::int64_t first, std::int64_t last,
               const Winners& winners) {
    for (std::int64_t i = first; i < last; ++i) {
        std::int64_t end = i;
        while (end < last && weight_of(winners, end) == 1.0) ++end;
        unrolled<strip_size>([&](auto less) SOMSCAPE_INLINE {
            if (n == less + 1 && end > i) add_rows<less + 1>(strip, i, end, winners.units);
        });
        if (end < last) add_weighted_row(strip, n, end, winners);
        i = end;
    }
}

}  // namespace

// Threads share the features, and the counts and errors as one more strip of them.  The first strip
// of a thread is added in a space of its own, m x 8 integers: in the totals it would lie on cache
// lines that another thread writes.  Blocks of rows stay in the cache meanwhile.
template <class T>
std::int64_t sums(const T* rows, std::int64_t d, const double* center, const double* scale,
                  const Winners& winners, std::int64_t m, std::int64_t* counts,
                  std::int64_t* totals) {
    const std::int64_t n = winners.n, n_strips = (d + strip_size - 1) / strip_size;
    const std::int64_t block =
        std::max<std::int64_t>(1, block_bytes / (d * std::int64_t(sizeof(T))));
    const std::int64_t threads =
        std::min<std::int64_t>(1 + n_strips, thread_count(4.0 * double(n) * double(d)));
    const auto first_strip = [&](std::int64_t part) { return (1 + n_strips) * part / threads - 1; };
    const Buffer<std::int64_t> apart(threads > 1 ? threads * m * strip_size : 0);
    std::int64_t error = 0;
    share(int(threads), threads, [&](std::int64_t part) {
        const std::int64_t begin = std::max<std::int64_t>(0, first_strip(part));
        if (part == 0) {
            count(winners, counts);
            error = sum_of_errors(winners);
        } else {
            std::fill_n(apart.get() + part * m * strip_size, m * strip_size, 0);
        }
        for (std::int64_t first = 0; first < n; first += block)
            for (std::int64_t s = begin; s < first_strip(part + 1); ++s) {
                const std::int64_t f = s * strip_size;
                Strip<T> strip{rows + f, d, center + f, scale + f, totals + f, d};
                if (part > 0 && s == begin) {
                    strip.totals = apart.get() + part * m * strip_size;
                    strip.stride = strip_size;
                }
                add_strip(strip, int(std::min(strip_size, d - f)), first,
                          std::min(first + block, n), winners);
            }
    });
    for (std::int64_t part = 1; part < threads; ++part) {
        const std::int64_t f = first_strip(part) * strip_size;
        const std::int64_t* from = apart.get() + part * m * strip_size;
        for (std::int64_t u = 0; u < m; ++u)
            for (std::int64_t j = 0; j < std::min(strip_size, d - f); ++j)
                totals[u * d + f + j] += from[u * strip_size + j];
    }
    return error;
}

// Threads share the units: what a row adds to is scattered over the features.
template <class T>
std::int64_t sums_sparse(SparseRows<T> rows, std::int64_t d, const double* scale,
                         const Winners& winners, std::int64_t* counts, std::int64_t* totals) {
    count(winners, counts);
    const int threads = thread_count(8.0 * double(rows.begin[rows.n] - rows.begin[0]));
    share(threads, threads, [&](std::int64_t part) {
        for (std::int64_t i = 0; i < rows.n; ++i) {
            if (winners.units[i] % threads != part) continue;
            std::int64_t* total = totals + winners.units[i] * d;
            const double weight = weight_of(winners, i);
            for (std::int64_t at = rows.begin[i]; at < rows.begin[i + 1]; ++at) {
                const std::int64_t f = rows.features[at];
                total[f] += weighted(weight, double(rows.values[at]) * scale[f]);
            }
        }
    });
    return sum_of_errors(winners);
}

template std::int64_t sums(const float*, std::int64_t, const double*, const double*,
                           const Winners&, std::int64_t, std::int64_t*, std::int64_t*);
template std::int64_t sums(const double*, std::int64_t, const double*, const double*,
                           const Winners&, std::int64_t, std::int64_t*, std::int64_t*);
template std::int64_t sums_sparse(SparseRows<float>, std::int64_t, const double*, const Winners&,
                                  std::int64_t*, std::int64_t*);
template std::int64_t sums_sparse(SparseRows<double>, std::int64_t, const double*, const Winners&,
                                  std::int64_t*, std::int64_t*);

}  // namespace somscape::SOMSCAPE_ISA
