// The nearest units of each row: exact, without a matrix of distances.
//
// Three ways through a block of rows, all with the same answer:
//   plain    one best unit: every lane keeps its best and second best score;
//   listing  several best, or rows that `plain` cannot settle: scores near the best are listed;
//   skipping groups of units that cannot hold the best are left out (skip.hpp).
// Scores carry an error bound (prepare.hpp); units that it cannot separate are judged in double
// and beyond (exact.hpp).  Whether skipping pays is measured on some rows of every 32nd block.
#include "search.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "exact.hpp"
#include "prepare.hpp"
#include "shortlist.hpp"
#include "skip.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

constexpr std::int64_t block_bytes = 1 << 20;   // work space of a thread
constexpr std::int64_t tile_bytes = 160 << 10;  // rows that meet a tile of units stay in cache
constexpr std::int64_t most_tile_rows = 32 * rows_at_once;
constexpr std::int64_t most_block_rows = 1024 / rows_at_once * rows_at_once;

// Work below this is not worth packing the codebook for.
constexpr std::int64_t few_rows = 3;
// Groups and rows from which skipping is tried.
constexpr std::int64_t least_groups = 8, least_rows_to_skip = 2048;
constexpr std::int64_t blocks_per_probe = 32, probe_rows = 40 * rows_at_once;
// Where float scores cannot settle so many of the first rows, double scores are used.
constexpr std::int64_t sample_rows = 64, least_rows_to_sample = 4096;
// To find out which groups a row needs costs as much as so many features of a group.
constexpr double skipping_costs = 200, share_that_pays = 0.9;

template <class T, class F>
class Search {
public:
    using S = Simd<F>;
    using Vec = typename S::Vec;
    using IntVec = typename S::IntVec;

    Search(const SearchInput<T>& in, std::int64_t* units, double* distances)
        : in(in), units(units), distances(distances), judge(in) {}

    // Returns how many rows had to be judged against all units.
    std::int64_t run() {
        if (in.n <= few_rows) {
            for (std::int64_t row = 0; row < in.n; ++row) judge_all(row);
            return in.n;
        }
        prepared = std::make_unique<Prepared<T, F>>(in);
        const bool may_skip = in.order && in.metric == Metric::euclidean && !in.has_missing &&
                              !in.weights && prepared->units.n_groups >= least_groups &&
                              in.n >= least_rows_to_skip;
        if (may_skip) groups = std::make_unique<Groups<T, F>>(*prepared);
        const int threads = thread_count(double(in.n) * double(in.m) * double(prepared->d));
        const std::int64_t block = rows_per_block(threads);
        std::vector<Work> work;
        for (int t = 0; t < threads; ++t) work.emplace_back(*this, block);
        const std::int64_t n_blocks = (in.n + block - 1) / block;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (std::int64_t b = 0; b < n_blocks; ++b) {
            const std::int64_t first = b * block;
            const std::int64_t count = std::min(block, in.n - first);
            Work& mine = work[thread_number()];
            std::int64_t done = 0;
            if (groups && b % blocks_per_probe == 0) {
                done = std::min(count, probe_rows);
                prepare(first, done, mine);
                skipping(first, done, mine);
                does_skipping_pay.store(did_skipping_pay(done, mine), std::memory_order_relaxed);
            }
            if (done < count) meet_all(first + done, count - done, mine);
        }
        return n_judged;
    }

private:
    struct Work {
        Work(const Search& search, std::int64_t n_rows)
            : rows(n_rows * search.prepared->d), norms(n_rows), errors(n_rows),
              lists(n_rows, search.in.k), unsettled(n_rows),
              least(most_tile_rows + rows_at_once), second(most_tile_rows + rows_at_once),
              at(most_tile_rows + rows_at_once) {
            if (!search.groups) return;
            const std::int64_t n_groups = search.prepared->units.n_groups;
            center_scores = Buffer<F>(n_rows * search.groups->padded());
            nearest = Buffer<std::int32_t>(n_rows);
            needing = Buffer<std::int16_t>(n_groups * n_rows);
            needing_end = Buffer<std::int16_t*>(n_groups);
        }
        Buffer<F> rows;  // prepared
        Buffer<double> norms, errors;
        Shortlists<F> lists;
        Buffer<std::int32_t> unsettled;
        Buffer<Vec> least, second;  // of each row of a tile, by lane
        Buffer<IntVec> at;          // vector of each lane's least
        Buffer<F> center_scores;
        Buffer<std::int32_t> nearest;    // group of each row
        Buffer<std::int16_t> needing;    // by group: rows that have to meet it
        Buffer<std::int16_t*> needing_end;
    };

    template <class Do>
    void with_measure(Do&& run) const {
        switch (in.metric) {
            case Metric::manhattan: return run(SumOfDifferences{});
            case Metric::chebyshev: return run(LargestDifference{});
            default: return run(Dot{});
        }
    }

    std::int64_t rows_per_block(int threads) const {
        const std::int64_t per_row =
            prepared->d * std::int64_t(sizeof(F)) + Shortlists<F>::capacity * 8 +
            (groups ? prepared->units.n_groups * std::int64_t(sizeof(F) + 2) : 0);
        std::int64_t rows = std::min(block_bytes / per_row, most_block_rows);
        rows = std::min(rows, (in.n + 4 * threads - 1) / (4 * threads));
        return std::max<std::int64_t>(1, (rows + rows_at_once - 1) / rows_at_once) * rows_at_once;
    }

    void meet_all(std::int64_t first, std::int64_t count, Work& work) {
        prepare(first, count, work);
        if (does_skipping_pay.load(std::memory_order_relaxed)) return skipping(first, count, work);
        with_measure([&](auto measure) {
            using Measure = decltype(measure);
            if (in.k == 1) plain<Measure>(first, count, work);
            else listing<Measure>(first, count, work);
        });
    }

    void prepare(std::int64_t first, std::int64_t count, Work& work) const {
        for (std::int64_t i = 0; i < count; ++i) {
            work.norms[i] = prepared->row(in.rows + (first + i) * in.d,
                                          work.rows.get() + i * prepared->d);
            work.errors[i] = prepared->error(work.norms[i]);
        }
    }

    // The next rows_at_once of `count` prepared rows; past the end, the last one again.
    template <class Index>
    void point_to(const F* (&row)[rows_at_once], std::int64_t from, std::int64_t count,
                  const Work& work, Index index) const {
        const std::int64_t stride = prepared->d;
        for (int r = 0; r < rows_at_once; ++r)
            row[r] = work.rows.get() + index(std::min(from + r, count - 1)) * stride;
    }

    // Sub-blocks of rows and stretches of the codebook, each small enough to stay in the cache.
    template <class Measure>
    void plain(std::int64_t first, std::int64_t count, Work& work) {
        const std::int64_t row_bytes = prepared->d * std::int64_t(sizeof(F));
        const std::int64_t step = std::clamp<std::int64_t>(
            tile_bytes / row_bytes / rows_at_once * rows_at_once, rows_at_once, most_tile_rows);
        const std::int64_t n_vectors = prepared->units.n_vectors();
        const std::int64_t stretch = std::max<std::int64_t>(
            tile_bytes / (row_bytes * S::lanes) / vectors_at_once * vectors_at_once,
            vectors_at_once);
        for (std::int64_t begin = 0; begin < count; begin += step) {
            const std::int64_t here = std::min(step, count - begin);
            for (std::int64_t i = 0; i < here + rows_at_once; ++i) {
                work.least[i] = work.second[i] =
                    S::broadcast(std::numeric_limits<F>::infinity());
                work.at[i] = IntVec{};
            }
            for (std::int64_t v = 0; v < n_vectors; v += stretch)
                for (std::int64_t i = 0; i < here; i += rows_at_once)
                    meet<Measure>(begin, i, here, v, std::min(v + stretch, n_vectors), work);
            settle<Measure>(first + begin, begin, here, work);
        }
    }

    // Rows i, i + 1, ... of a sub-block and a stretch of vectors; rows past `here` are met in
    // vain, as the last one again.
    template <class Measure>
    void meet(std::int64_t begin, std::int64_t i, std::int64_t here, std::int64_t v,
              std::int64_t end, Work& work) {
        const F* row[rows_at_once];
        point_to(row, i, here, work, [&](std::int64_t j) { return begin + j; });
        Vec least[rows_at_once], second[rows_at_once];
        IntVec at[rows_at_once];
        std::copy_n(work.least.get() + i, rows_at_once, least);
        std::copy_n(work.second.get() + i, rows_at_once, second);
        std::copy_n(work.at.get() + i, rows_at_once, at);
        const auto meet_vectors = [&]<int vectors>() {
            Vec score[rows_at_once][vectors];
            score_tile<Measure, vectors>(row, prepared->units.packed.get(),
                                         prepared->units.start.get(), v, prepared->d, score);
            for (int r = 0; r < rows_at_once; ++r)
                for (int q = 0; q < vectors; ++q) {
                    const Vec s = score[r][q];
                    second[r] = smaller(second[r], larger(least[r], s));
                    at[r] = s < least[r] ? IntVec{} + typename S::Int(v + q) : at[r];
                    least[r] = smaller(least[r], s);
                }
        };
        for (; v + vectors_at_once <= end; v += vectors_at_once)
            meet_vectors.template operator()<vectors_at_once>();
        for (; v < end; ++v) meet_vectors.template operator()<1>();
        std::copy_n(least, rows_at_once, work.least.get() + i);
        std::copy_n(second, rows_at_once, work.second.get() + i);
        std::copy_n(at, rows_at_once, work.at.get() + i);
    }

    // The best of each lane compete; rows whose best is not clear are listed again.
    template <class Measure>
    void settle(std::int64_t first, std::int64_t begin, std::int64_t here, Work& work) {
        std::int64_t n_unsettled = 0;
        for (std::int64_t i = 0; i < here; ++i) {
            const Vec least = work.least[i];
            const F limit = F(least_lane(least) + F(2 * work.errors[begin + i]));
            std::uint32_t close = not_above_mask(least, S::broadcast(limit));
            const bool is_known =
                close && !not_above_mask(work.second[i], S::broadcast(limit));
            if (is_known && !(close & (close - 1))) {
                const int lane = __builtin_ctz(close);
                write(first + i, prepared->unit_at(work.at[i][lane] * S::lanes + lane));
                continue;
            }
            if (!is_known) {
                work.lists.clear(begin + i, work.errors[begin + i], limit);
                work.unsettled[n_unsettled++] = std::int32_t(begin + i);
                continue;
            }
            std::int32_t places[S::lanes];
            int n = 0;
            for (; close; close &= close - 1) {
                const int lane = __builtin_ctz(close);
                places[n++] = std::int32_t(work.at[i][lane] * S::lanes + lane);
            }
            choose(first + i, places, n);
        }
        list_rows<Measure>(n_unsettled, work, [&](std::int64_t i) { return work.unsettled[i]; });
        for (std::int64_t i = 0; i < n_unsettled; ++i)
            finish(first - begin + work.unsettled[i], work.unsettled[i], work);
    }

    template <class Measure>
    void listing(std::int64_t first, std::int64_t count, Work& work) {
        for (std::int64_t i = 0; i < count; ++i) work.lists.clear(i, work.errors[i]);
        list_rows<Measure>(count, work, [](std::int64_t i) { return i; });
        for (std::int64_t i = 0; i < count; ++i) finish(first + i, i, work);
    }

    // Offers all units to the shortlists of some rows.
    template <class Measure, class Index>
    void list_rows(std::int64_t count, Work& work, Index index) {
        const std::int64_t n_vectors = prepared->units.n_vectors();
        for (std::int64_t i = 0; i < count; i += rows_at_once) {
            std::int64_t v = 0;
            for (; v + vectors_at_once <= n_vectors; v += vectors_at_once)
                offer<Measure, vectors_at_once>(i, count, v, work, index);
            for (; v < n_vectors; ++v) offer<Measure, 1>(i, count, v, work, index);
        }
    }

    template <class Measure, int vectors, class Index>
    void offer(std::int64_t i, std::int64_t count, std::int64_t v, Work& work, Index index) {
        const F* row[rows_at_once];
        point_to(row, i, count, work, index);
        Vec score[rows_at_once][vectors];
        score_tile<Measure, vectors>(row, prepared->units.packed.get(),
                                     prepared->units.start.get(), v, prepared->d, score);
        for (int r = 0; r < rows_at_once && i + r < count; ++r)
            for (int q = 0; q < vectors; ++q)
                work.lists.offer(index(i + r), score[r][q], (v + q) * S::lanes);
    }

    void skipping(std::int64_t first, std::int64_t count, Work& work) {
        const std::int64_t n_groups = prepared->units.n_groups, width = groups->padded();
        find_nearest_groups(count, work);
        for (std::int64_t i = 0; i < count; ++i) work.lists.clear(i, work.errors[i]);
        const auto clear = [&] {
            for (std::int64_t g = 0; g < n_groups; ++g)
                work.needing_end[g] = work.needing.get() + g * count;
        };
        const auto need = [&](std::int64_t group, std::int64_t row) {
            *work.needing_end[group]++ = std::int16_t(row);
        };
        clear();
        for (std::int64_t i = 0; i < count; ++i) need(work.nearest[i], i);
        meet_groups(count, work);
        clear();
        for (std::int64_t i = 0; i < count; ++i)
            groups->visit_needed(work.center_scores.get() + i * width, work.nearest[i],
                                 work.norms[i], work.errors[i], double(work.lists.kth(i)),
                                 [&](std::int64_t group) { need(group, i); });
        meet_groups(count, work);
        for (std::int64_t i = 0; i < count; ++i) finish(first + i, i, work);
    }

    void find_nearest_groups(std::int64_t count, Work& work) {
        const Units<F>& centers = groups->center_units();
        const std::int64_t width = groups->padded();
        for (std::int64_t i = 0; i < count; i += rows_at_once) {
            const F* row[rows_at_once];
            point_to(row, i, count, work, [](std::int64_t j) { return j; });
            Vec least[rows_at_once];
            IntVec at[rows_at_once] = {};
            for (Vec& value : least) value = S::broadcast(std::numeric_limits<F>::infinity());
            for (std::int64_t v = 0; v < centers.n_vectors(); ++v) {
                Vec score[rows_at_once][1];
                score_tile<Dot, 1>(row, centers.packed.get(), centers.start.get(), v, prepared->d,
                                   score);
                for (int r = 0; r < rows_at_once && i + r < count; ++r) {
                    const Vec s = score[r][0];
                    S::store(work.center_scores.get() + (i + r) * width + v * S::lanes, s);
                    at[r] = s < least[r] ? IntVec{} + typename S::Int(v) : at[r];
                    least[r] = smaller(least[r], s);
                }
            }
            for (int r = 0; r < rows_at_once && i + r < count; ++r) {
                const std::uint32_t best =
                    not_above_mask(least[r], S::broadcast(F(least_lane(least[r]))));
                const int lane = best ? __builtin_ctz(best) : 0;
                work.nearest[i + r] = std::int32_t(at[r][lane] * S::lanes + lane);
            }
        }
    }

    // Offers each group to the rows that need it.
    void meet_groups(std::int64_t count, Work& work) {
        constexpr int vectors = std::min(vectors_per_group<F>, vectors_at_once);
        for (std::int64_t g = 0; g < prepared->units.n_groups; ++g) {
            const std::int16_t* rows = work.needing.get() + g * count;
            const std::int64_t n = work.needing_end[g] - rows;
            for (std::int64_t i = 0; i < n; i += rows_at_once)
                for (int part = 0; part < vectors_per_group<F>; part += vectors)
                    offer<Dot, vectors>(i, n, g * vectors_per_group<F> + part, work,
                                        [&](std::int64_t j) { return std::int64_t(rows[j]); });
        }
    }

    // Skipping met the centers, each row's own group, and the groups needed, and found out which.
    bool did_skipping_pay(std::int64_t count, const Work& work) const {
        const double n_groups = double(prepared->units.n_groups), rows = double(count);
        double met = rows * (double(groups->padded()) / group_size + 1 +
                             skipping_costs / double(prepared->d));
        for (std::int64_t g = 0; g < prepared->units.n_groups; ++g)
            met += double(work.needing_end[g] - (work.needing.get() + g * count));
        return met < share_that_pays * rows * n_groups;
    }

    void finish(std::int64_t row, std::int64_t i, Work& work) {
        const int n = work.lists.finish(i);
        const bool is_bounded = std::isfinite(work.errors[i]);
        if (is_bounded && n == 1 && in.k == 1) {
            write(row, prepared->unit_at(work.lists.places_of(i)[0]));
        } else if (is_bounded && n >= in.k && n <= Shortlists<F>::capacity) {
            choose(row, work.lists.places_of(i), n);
        } else {
            judge_all(row);
            n_judged.fetch_add(1, std::memory_order_relaxed);
        }
    }

    // The nearest unit where only one can be it.
    void write(std::int64_t row, std::int64_t unit) {
        units[row] = unit;
        distances[row] = judge.distance(judge.value(in.rows + row * in.d, unit));
    }

    // The k nearest of n places, judged exactly.
    void choose(std::int64_t row, const std::int32_t* places, int n) {
        Ranking ranking(judge, in.rows + row * in.d, in.k, units + row * in.k,
                        distances + row * in.k);
        for (int i = 0; i < n; ++i) ranking.add(prepared->unit_at(places[i]));
        ranking.finish();
    }

    void judge_all(std::int64_t row) {
        Ranking ranking(judge, in.rows + row * in.d, in.k, units + row * in.k,
                        distances + row * in.k);
        for (std::int64_t unit = 0; unit < in.m; ++unit) ranking.add(unit);
        ranking.finish();
    }

    const SearchInput<T>& in;
    std::int64_t* units;
    double* distances;
    Judge<T> judge;
    std::unique_ptr<Prepared<T, F>> prepared;
    std::unique_ptr<Groups<T, F>> groups;
    std::atomic<bool> does_skipping_pay{false};
    std::atomic<std::int64_t> n_judged{0};
};

}  // namespace

template <class T>
void search(const SearchInput<T>& in, std::int64_t* units, double* distances) {
    if (in.n >= least_rows_to_sample) {
        SearchInput<T> sample = in;
        sample.n = sample_rows;
        if (Search<T, float>(sample, units, distances).run() > sample_rows / 16) {
            Search<T, double>(in, units, distances).run();
            return;
        }
    }
    Search<T, float>(in, units, distances).run();
}

template void search(const SearchInput<float>&, std::int64_t*, double*);
template void search(const SearchInput<double>&, std::int64_t*, double*);

}  // namespace somscape::SOMSCAPE_ISA
