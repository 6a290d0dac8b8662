// The mean distance of each row to its k nearest units, and what each feature adds to it.
//
// All squared distances are sums of differences, computed once and in one order; what is left is to
// find the k least.  Lanes hold rows, so that their searches for the least go side by side.
#include "mean_of_nearest.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "buffer.hpp"
#include "least.hpp"
#include "prepare.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

using S = Simd<double>;

constexpr std::int64_t block_size = vectors_at_once * S::lanes;

struct RoundedSquares {  // not fused: the same bits on every set
    static S::Vec add(S::Vec x, S::Vec w, S::Vec score) { return score + (x - w) * (x - w); }
};

template <class T>
class Nearest {
public:
    Nearest(const T* rows, std::int64_t n, std::int64_t d, const double* codebook, std::int64_t m,
            std::int64_t k, double* means, double* parts)
        : rows(rows), n(n), d(d), codebook(codebook), m(m), k(k), means(means), parts(parts),
          least(k), n_places(least.n_places(m)) {}

    void run() const {
        const int threads = thread_count(double(n) * double(d) * double(m));
        std::vector<std::unique_ptr<Work>> work_of(threads);
        for (auto& one : work_of) one = std::make_unique<Work>(*this);
        share_as_free(threads, (n + block_size - 1) / block_size, 1,
                      [&](std::int64_t block, int thread) {
                          const std::int64_t first = block * block_size;
                          measure(first, std::min(block_size, n - first), *work_of[thread]);
                      });
    }

private:
    struct Work {
        explicit Work(const Nearest& all)
            : rows(block_size, all.d), squares(vectors_at_once * all.n_places),
              sorted(all.parts ? all.n_places : 0), units(all.k), pulls(all.k) {}
        Units<double> rows;  // packed as units are elsewhere
        Buffer<S::Vec> squares, sorted;  // squares: (vectors_at_once, n_places)
        Buffer<std::int64_t> units;
        Buffer<double> pulls;
    };

    void measure(std::int64_t first, std::int64_t count, Work& work) const {
        for (std::int64_t i = 0; i < block_size; ++i) {  // past the end the last one, in vain
            const T* row = rows + (first + std::min(i, count - 1)) * d;
            for (std::int64_t f = 0; f < d; ++f) work.rows.at(i, f) = double(row[f]);
        }
        const std::int64_t n_vectors = (count + S::lanes - 1) / S::lanes;
        by_vectors(0, n_vectors, [&](std::int64_t v, auto vectors) SOMSCAPE_INLINE {
            for (std::int64_t unit = 0; unit < m; unit += rows_at_once)
                put_squares<vectors>(unit, v, work);
        });
        for (std::int64_t v = 0; v < n_vectors; ++v)
            judge(first + v * S::lanes, std::min<std::int64_t>(S::lanes, count - v * S::lanes),
                  work.squares.get() + v * n_places, work);
    }

    template <int vectors>
    void put_squares(std::int64_t begin, std::int64_t v, Work& work) const {
        const double* unit[rows_at_once];
        for (int u = 0; u < rows_at_once; ++u) unit[u] = codebook + std::min(begin + u, m - 1) * d;
        const double* row[vectors];
        unrolled<vectors>([&](auto q) SOMSCAPE_INLINE {
            row[q] = vector_at(work.rows.packed.get(), v + q, d);
        });
        Tile<double, rows_at_once, vectors> tile = {};
        add_features<RoundedSquares>(unit, row, AllFeatures{d}, 0, d, tile);
        tile.each([&](auto square, auto u, auto q) SOMSCAPE_INLINE {
            if (begin + u < m) work.squares[(v + q) * n_places + begin + u] = square;
        });
    }

    // What a vector of rows asks for, of which `count` are there.
    void judge(std::int64_t first, std::int64_t count, S::Vec* squares, Work& work) const {
        std::fill(squares + m, squares + n_places,
                  S::broadcast(std::numeric_limits<double>::infinity()));
        S::Vec* sorted = squares;
        if (parts) sorted = std::copy_n(squares, n_places, work.sorted.get()) - n_places;
        least.put_first(sorted, n_places);
        S::Vec sum = {};
        for (std::int64_t j = 0; j < k; ++j) sum += root(sorted[j]);
        for (std::int64_t lane = 0; lane < count; ++lane) {
            means[first + lane] = sum[lane] / double(k);
            if (parts) put_parts(first + lane, lane, squares, sorted[k - 1][lane], work);
        }
    }

    // Each of the k nearest units, and the first of equally far ones, adds its differences.
    void put_parts(std::int64_t i, std::int64_t lane, const S::Vec* squares, double most,
                   Work& work) const {
        std::int64_t n_less = 0, n_found = 0;
        for (std::int64_t unit = 0; unit < m; ++unit) n_less += squares[unit][lane] < most;
        std::int64_t n_equal = k - n_less;
        for (std::int64_t unit = 0; unit < m; ++unit) {
            const double square = squares[unit][lane];
            if (square > most || (square == most && n_equal-- <= 0)) continue;
            work.units[n_found] = unit;
            work.pulls[n_found++] = square > 0 ? 1.0 / std::sqrt(square) : 0.0;
        }
        const T* row = rows + i * d;
        double* to = parts + i * d;
        std::fill_n(to, d, 0.0);
        for (std::int64_t j = 0; j < k; ++j) {
            const double* unit = codebook + work.units[j] * d;
            const double pull = work.pulls[j];
            for (std::int64_t f = 0; f < d; ++f) {
                const double step = double(row[f]) - unit[f];
                to[f] += pull * (step * step);
            }
        }
    }

    const T* rows;
    std::int64_t n, d;
    const double* codebook;
    std::int64_t m, k;
    double *means, *parts;
    Least least;
    std::int64_t n_places;
};

}  // namespace

template <class T>
void mean_of_nearest(const T* rows, std::int64_t n, std::int64_t d, const double* codebook,
                     std::int64_t m, std::int64_t k, double* means, double* parts) {
    Nearest<T>(rows, n, d, codebook, m, k, means, parts).run();
}

template void mean_of_nearest(const float*, std::int64_t, std::int64_t, const double*,
                              std::int64_t, std::int64_t, double*, double*);
template void mean_of_nearest(const double*, std::int64_t, std::int64_t, const double*,
                              std::int64_t, std::int64_t, double*, double*);

}  // namespace somscape::SOMSCAPE_ISA
