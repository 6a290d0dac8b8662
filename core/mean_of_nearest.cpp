// The mean distance of each row to its k nearest units.
//
// Nobody asks which units they are, so all squared distances are sums of differences, computed once
// and in one order; what is left is to find and sort the k least.
#include "mean_of_nearest.hpp"

#include <algorithm>
#include <cmath>
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

constexpr std::int64_t tiles_at_once = 4;  // that meet the same vectors of units
constexpr std::int64_t block_size = tiles_at_once * rows_at_once;

struct RoundedSquares {  // not fused: the same bits on every set
    static Simd<double>::Vec add(Simd<double>::Vec x, Simd<double>::Vec w,
                                 Simd<double>::Vec score) {
        return score + (x - w) * (x - w);
    }
};

template <class T>
class MeanOfNearest {
public:
    using S = Simd<double>;

    MeanOfNearest(const T* rows, std::int64_t n, std::int64_t d, const double* codebook,
                  std::int64_t m, std::int64_t k, double* means)
        : rows(rows), n(n), d(d), k(k), means(means), units(m, d) {
        for (std::int64_t unit = 0; unit < m; ++unit) {
            units.start[unit] = 0;
            for (std::int64_t f = 0; f < d; ++f) units.at(unit, f) = codebook[unit * d + f];
        }
    }

    void run() {
        const double work = double(n) * double(d) * double(n_places());
        const int threads = thread_count(work);
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
        explicit Work(const MeanOfNearest& all)
            : rows(block_size * all.d), squares(block_size * all.n_places()),
              least(all.n_places(), all.k) {}
        Buffer<double> rows, squares;
        Least least;
    };

    std::int64_t n_places() const { return units.n_groups * group_size; }

    void measure(std::int64_t first, std::int64_t count, Work& work) {
        std::copy_n(rows + first * d, count * d, work.rows.get());
        const std::int64_t n_tiles = (count + rows_at_once - 1) / rows_at_once;
        by_vectors(0, units.n_vectors(), [&](std::int64_t v, auto vectors) SOMSCAPE_INLINE {
            for (std::int64_t tile = 0; tile < n_tiles; ++tile)
                put_squares<vectors>(tile * rows_at_once, count, v, work);
        });
        for (std::int64_t i = 0; i < count; ++i) {
            const double* nearest = work.least.of(work.squares.get() + i * n_places());
            double sum = 0;
            for (std::int64_t j = 0; j < k; ++j) sum += std::sqrt(nearest[j]);
            means[first + i] = sum / double(k);
        }
    }

    template <int vectors>
    void put_squares(std::int64_t begin, std::int64_t count, std::int64_t v, Work& work) {
        const double* row[rows_at_once];
        for (int r = 0; r < rows_at_once; ++r)  // past the end the last one, in vain
            row[r] = work.rows.get() + std::min(begin + r, count - 1) * d;
        Tile<double, rows_at_once, vectors> tile;
        const double* unit[vectors];
        unrolled<vectors>([&](auto q) SOMSCAPE_INLINE {
            unit[q] = vector_at(units.packed.get(), v + q, d);
            const S::Vec start = S::load(units.start.get() + (v + q) * S::lanes);
            unrolled<rows_at_once>([&](auto r) SOMSCAPE_INLINE { tile.at[r][q] = start; });
        });
        add_features<RoundedSquares>(row, unit, AllFeatures{d}, 0, d, tile);
        double* to = work.squares.get() + begin * n_places() + v * S::lanes;
        tile.each([&](auto square, auto r, auto q) SOMSCAPE_INLINE {
            S::store(to + r * n_places() + q * S::lanes, square);
        });
    }

    const T* rows;
    std::int64_t n, d, k;
    double* means;
    Units<double> units;
};

}  // namespace

template <class T>
void mean_of_nearest(const T* rows, std::int64_t n, std::int64_t d, const double* codebook,
                     std::int64_t m, std::int64_t k, double* means) {
    MeanOfNearest<T>(rows, n, d, codebook, m, k, means).run();
}

template void mean_of_nearest(const float*, std::int64_t, std::int64_t, const double*,
                              std::int64_t, std::int64_t, double*);
template void mean_of_nearest(const double*, std::int64_t, std::int64_t, const double*,
                              std::int64_t, std::int64_t, double*);

}  // namespace somscape::SOMSCAPE_ISA
