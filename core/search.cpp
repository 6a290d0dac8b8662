// The nearest units of each row, without a matrix of distances.
//
// A tile of rows meets a tile of panels and only the best leave the registers (nearest.hpp);
// for several units per row, sums that beat the row's current k-th best.
#include "search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "nearest.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

constexpr int rows_at_once = 4;

// The k best units of one row so far, nearest first.
template <class T>
struct Best {
    T distance_sq[max_best];
    std::int64_t unit[max_best];

    void clear(int k) {
        std::fill_n(distance_sq, k, std::numeric_limits<T>::infinity());
        std::iota(unit, unit + k, 0);  // stays, should every square overflow
    }
    // Keeps order; among equals the unit that came first, the lower one, stays ahead.
    void insert(int k, T value, std::int64_t which) {
        int at = k - 1;
        for (; at > 0 && value < distance_sq[at - 1]; --at) {
            distance_sq[at] = distance_sq[at - 1];
            unit[at] = unit[at - 1];
        }
        distance_sq[at] = value;
        unit[at] = which;
    }
};

template <class T>
void search_several(const T* const* row, const T* packed, std::int64_t m, std::int64_t d, int k,
                    Best<T>* best) {
    using S = Simd<T>;
    const std::int64_t panels = n_panels<T>(m);
    for (std::int64_t p = 0; p < panels; p += panels_at_once) {
        typename S::Vec sum[rows_at_once][panels_at_once] = {};
        measure(row, packed + p * d * S::lanes, d, sum);
        for (int r = 0; r < rows_at_once; ++r)
            for (int q = 0; q < panels_at_once; ++q)
                for (std::uint32_t closer =
                         less_mask(sum[r][q], S::broadcast(best[r].distance_sq[k - 1]));
                     closer; closer &= closer - 1) {
                    const int lane = __builtin_ctz(closer);
                    if (sum[r][q][lane] < best[r].distance_sq[k - 1])
                        best[r].insert(k, sum[r][q][lane], (p + q) * S::lanes + lane);
                }
    }
}

// Distances again, in double, so that what is reported does not carry float's rounding.
template <class T>
void report(const T* row, const T* codebook, std::int64_t d, int k, const Best<T>& found,
            std::int64_t* units, double* distances) {
    Best<double> exact;
    exact.clear(k);
    for (int i = 0; i < k; ++i) {
        const T* w = codebook + found.unit[i] * d;
        double sum = 0;
        for (std::int64_t f = 0; f < d; ++f) {
            const double difference = double(row[f]) - double(w[f]);
            sum += difference * difference;
        }
        exact.insert(i + 1, sum, found.unit[i]);
    }
    for (int i = 0; i < k; ++i) {
        units[i] = exact.unit[i];
        distances[i] = std::sqrt(exact.distance_sq[i]);
    }
}

}  // namespace

template <class T>
void search(const T* rows, const T* codebook, std::int64_t n, std::int64_t m, std::int64_t d,
            int k, T* packed, std::int64_t* units, double* distances) {
    pack(codebook, m, d, packed);
    const std::int64_t n_tiles = (n + rows_at_once - 1) / rows_at_once;
    const int threads = thread_count(double(n) * double(m) * double(d));
    (void)threads;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t tile = 0; tile < n_tiles; ++tile) {
        const std::int64_t first = tile * rows_at_once;
        const int n_here = int(std::min<std::int64_t>(rows_at_once, n - first));
        const T* row[rows_at_once];
        Best<T> best[rows_at_once];
        for (int r = 0; r < rows_at_once; ++r) {
            row[r] = rows + (first + std::min(r, n_here - 1)) * d;
            best[r].clear(k);
        }
        if (k == 1) {
            T distance_sq[rows_at_once];
            std::int64_t unit[rows_at_once];
            nearest<rows_at_once>(row, packed, m, d, distance_sq, unit);
            for (int r = 0; r < rows_at_once; ++r) best[r].insert(1, distance_sq[r], unit[r]);
        } else {
            search_several(row, packed, m, d, k, best);
        }
        for (int r = 0; r < n_here; ++r)
            report(row[r], codebook, d, k, best[r], units + (first + r) * k,
                   distances + (first + r) * k);
    }
}

template void search(const float*, const float*, std::int64_t, std::int64_t, std::int64_t, int,
                     float*, std::int64_t*, double*);
template void search(const double*, const double*, std::int64_t, std::int64_t, std::int64_t, int,
                     double*, std::int64_t*, double*);

}  // namespace somscape::SOMSCAPE_ISA
