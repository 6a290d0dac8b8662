// The nearest units of each row: exact, without a matrix of distances.
//
// Two ways through a block of rows, with the same answer: all units meet all rows, or groups of
// units that cannot hold the best are left out (skip.hpp).  Where most rows share a value, rows and
// units meet on the other features alone (common.hpp), and rows that have the same ones together
// (arrange.hpp).  The best is kept by lane (lanes.hpp), the best few on a shortlist (shortlist.hpp).
// Scores are float and carry an error bound (prepare.hpp); what it leaves open is decided otherwise
// (decide.hpp).  Whether skipping pays is measured on some rows of every 32nd block.  Of equal rows
// one is searched, of equal units k (equal.hpp), where there are many.
#include "search.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "arrange.hpp"
#include "common.hpp"
#include "decide.hpp"
#include "equal.hpp"
#include "lanes.hpp"
#include "pairs.hpp"
#include "prepare.hpp"
#include "shortlist.hpp"
#include "skip.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

constexpr std::int64_t block_bytes = 1 << 20;   // work space of a thread
constexpr std::int64_t tile_bytes = 160 << 10;  // rows that meet a tile of units stay in cache
constexpr std::int64_t max_tiles = 16, max_tile_rows = max_tiles * rows_at_once;
// Vectors of units that a few rows are scored against before they are listed: 96 KiB at most.
constexpr std::int64_t scored_at_once = 256;
// So that threads end together; a few blocks in a row fetch ahead for each other.
constexpr std::int64_t blocks_per_thread = 4, max_at_once = 8;
constexpr std::int64_t max_block_rows = Pairs::max_rows / rows_at_once * rows_at_once;

// Work below this is not worth packing the codebook for.
constexpr std::int64_t few_rows = 3;
// Groups and rows from which skipping is tried.
constexpr std::int64_t min_groups = 8, min_rows_to_skip = 2048;
constexpr std::int64_t blocks_per_probe = 32, probe_rows = 40 * rows_at_once;

template <class T>
class Search {
public:
    using F = float;
    using S = Simd<F>;
    using Vec = typename S::Vec;
    // A group may be less than vectors_at_once: more rows then keep the arithmetic busy.
    static constexpr int group_rows_at_once =
        vectors_per_group<F> == 1 ? 2 * rows_at_once : rows_at_once;

    Search(const SearchInput<T>& in, std::int64_t* units, double* distances)
        : in(in), decisions(in, units, distances) {}

    // Returns how many rows had to meet all units in double.
    std::int64_t run() {
        if (in.n <= few_rows) {
            for (std::int64_t row = 0; row < in.n; ++row) decisions.choose_among_all(row);
            find_distances(0, in.n);
            return 0;
        }
        prepared = std::make_unique<Prepared<T>>(in);
        const bool may_skip = in.order && in.metric == Metric::euclidean && !in.has_missing &&
                              !in.weights && prepared->units.n_groups >= min_groups &&
                              in.n >= min_rows_to_skip && std::isfinite(prepared->units.norm);
        if (may_skip) groups = std::make_unique<Groups<T>>(*prepared);
        if (groups && does_arranging_pay(*prepared)) order = arranged(*prepared, *groups);
        const double work = double(in.n) * double(in.m) * double(prepared->d);
        const int threads = in.one_thread ? 1 : thread_count(work);
        const std::int64_t block = rows_per_block(threads);
        std::vector<std::unique_ptr<Work>> work_of;
        for (int t = 0; t < threads; ++t) work_of.push_back(std::make_unique<Work>(*this, block));
        const std::int64_t n_blocks = (in.n + block - 1) / block;
        const std::int64_t at_once =
            std::clamp<std::int64_t>(n_blocks / (blocks_per_thread * threads), 1, max_at_once);
        share_as_free(threads, n_blocks, at_once, [&](std::int64_t b, int thread) {
            const std::int64_t first = b * block, count = std::min(block, in.n - first);
            Work& work = *work_of[thread];
            const bool is_probe = b % blocks_per_probe == 0;
            if (work.are_scores_vain && !is_probe) return meet_without_scores(first, count, work);
            const std::int64_t n_before = work.decisions.n_narrowed;
            std::int64_t done = 0;
            if (groups && is_probe) {
                done = std::min(count, std::clamp<std::int64_t>(block / 8, rows_at_once, probe_rows));
                work.features.mean_length();  // from here on
                skipping(first, done, work);
                does_skipping_pay = groups->pays(double(work.n_needed) / double(done),
                                                 work.features.mean_length());
            }
            if (done < count) {
                if (does_skipping_pay) skipping(first + done, count - done, work);
                else meet_all(first + done, count - done, work);
            }
            work.are_scores_vain = work.decisions.n_narrowed - n_before > count / 2;
        });
        std::int64_t n_narrowed = 0;
        for (const auto& work : work_of) n_narrowed += work->decisions.n_narrowed;
        return n_narrowed;
    }

private:
    // Of one thread, on cache lines of its own.  After the last row comes a stand-in, for tiles
    // that lack rows.
    struct alignas(64) Work {
        Work(const Search& search, std::int64_t n_rows)
            : rows((n_rows + 1) * search.prepared->stride), norms(n_rows), errors(n_rows),
              lanes(n_rows + rows_at_once, search.prepared->units.n_vectors()),
              lists(n_rows + 1, search.in.k), unsettled(n_rows),
              scores(rows_at_once * scored_at_once * S::lanes), features(search.prepared->d) {
            if (search.prepared->common)
                features = FeatureLists<F>(search.prepared->d, n_rows + 1, max_tiles);
            if (!search.groups) return;
            const std::int64_t n_groups = search.prepared->units.n_groups;
            center_scores = Buffer<F>(rows_at_once * search.groups->padded());
            pairs = Pairs(n_groups, rows_at_once * n_groups + group_size);
        }
        Buffer<F> rows;  // prepared
        Buffer<double> norms, errors;
        Lanes<F> lanes;
        Shortlists<F> lists;
        Buffer<std::int32_t> unsettled;
        Buffer<F> scores;  // of one tile of rows, before they are listed
        FeatureLists<F> features;
        Buffer<F> center_scores;  // of the rows of one tile
        Pairs pairs{0, 0};
        std::int64_t n_needed = 0;
        typename Decisions<T>::Work decisions;
        bool are_scores_vain = false;  // they decided less than half of the last block they had
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
            prepared->stride * std::int64_t(sizeof(F)) + Shortlists<F>::capacity * 8 + 3 * sizeof(Vec);
        std::int64_t rows = std::min(block_bytes / per_row, max_block_rows);
        rows = std::min(rows, (in.n + blocks_per_thread * threads - 1) / (blocks_per_thread * threads));
        return std::max<std::int64_t>(1, (rows + rows_at_once - 1) / rows_at_once) * rows_at_once;
    }

    // Rows that meet all units are taken few at a time, so that they and their lanes stay in cache.
    void meet_all(std::int64_t first, std::int64_t count, Work& work) {
        const std::int64_t row_bytes = prepared->stride * std::int64_t(sizeof(F));
        const std::int64_t step = std::clamp<std::int64_t>(
            tile_bytes / row_bytes / rows_at_once * rows_at_once, rows_at_once, max_tile_rows);
        with_measure([&](auto measure) {
            using Measure = decltype(measure);
            for (std::int64_t begin = 0; begin < count; begin += step) {
                const std::int64_t here = std::min(step, count - begin);
                prepare(first + begin, here, work);
                if (in.k == 1) plain<Measure>(first + begin, here, work);
                else listing<Measure>(first + begin, here, work);
                find_distances(first + begin, here);
            }
        });
    }

    void meet_without_scores(std::int64_t first, std::int64_t count, Work& work) {
        for (std::int64_t i = 0; i < count; ++i) work.unsettled[i] = std::int32_t(i);
        narrow(first, count, work);
        find_distances(first, count);
    }

    const T* row_at(std::int64_t row) const { return in.rows + row * in.d; }
    std::int64_t row_of(std::int64_t i) const { return order.get() ? order[i] : i; }
    // Fetches as many further rows meanwhile: they are next, mostly.
    void prepare(std::int64_t first, std::int64_t count, Work& work) const {
        for (std::int64_t i = first; i < first + count; ++i) {
            const auto* ahead =
                reinterpret_cast<const char*>(row_at(row_of(std::min(i + count, in.n - 1))));
            for (std::int64_t at = 0; at < in.d * std::int64_t(sizeof(T)); at += 64)
                __builtin_prefetch(ahead + at, 0, 2);
            F* to = work.rows.get() + (i - first) * prepared->stride;
            work.norms[i - first] = prepared->row(row_at(row_of(i)), to);
            work.features.mark(i - first, to);
        }
        prepared->finish_sizes(work.norms.get(), count, work.errors.get());
    }

    // Numbers of the next rows of `count`; past the end, the last one again.
    static auto next_rows(std::int64_t from, std::int64_t count) {
        return [=](int r) { return std::min(from + r, count - 1); };
    }

    template <int n_rows, class Index>
    SOMSCAPE_INLINE void point_to(const F* (&row)[n_rows], const Work& work,
                                  Index index) const {
        for (int r = 0; r < n_rows; ++r)
            row[r] = work.rows.get() + index(r) * prepared->stride;
    }

    template <class Measure, int vectors, int rows = rows_at_once, class Features>
    SOMSCAPE_INLINE Tile<F, rows, vectors> score(const F* const* row, std::int64_t v,
                                                 Features features) const {
        const Units<F>& units = prepared->units;
        return score_tile<Measure, rows, vectors>(row, units.packed.get(), units.start.get(), v,
                                                  prepared->d, features);
    }

    // Stretches of the codebook, each small enough to stay in the cache.
    template <class Measure>
    void plain(std::int64_t first, std::int64_t count, Work& work) {
        const std::int64_t n_vectors = prepared->units.n_vectors();
        const std::int64_t vector_bytes = prepared->d * std::int64_t(sizeof(Vec));
        const std::int64_t stretch = std::max<std::int64_t>(
            tile_bytes / vector_bytes / vectors_at_once * vectors_at_once, vectors_at_once);
        for (std::int64_t i = 0; i < count + rows_at_once; ++i) work.lanes.clear(i);
        for (std::int64_t i = 0; i < count; i += rows_at_once)
            work.features.template list<rows_at_once>(i / rows_at_once, next_rows(i, count));
        for (std::int64_t v = 0; v < n_vectors; v += stretch)
            for (std::int64_t i = 0; i < count; i += rows_at_once)
                meet<Measure>(i, count, v, std::min(v + stretch, n_vectors), work);
        settle<Measure>(first, count, work);
    }

    // Rows i, i + 1, ... and a stretch of vectors; rows from `count` on are met in vain, as the last
    // one again.
    template <class Measure>
    void meet(std::int64_t i, std::int64_t count, std::int64_t v, std::int64_t last_v, Work& work) {
        const F* row[rows_at_once];
        point_to(row, work, next_rows(i, count));
        work.features.template with<Measure>(i / rows_at_once, [&](auto features) SOMSCAPE_INLINE {
            by_vectors(v, last_v, [&](std::int64_t v, auto vectors) SOMSCAPE_INLINE {
                const auto tile = score<Measure, vectors>(row, v, features);
                unrolled<rows_at_once>(
                    [&](auto r) SOMSCAPE_INLINE { work.lanes.take(i + r, tile.at[r], v); });
            });
        });
    }

    // Decides rows whose lanes are known; those that lanes cannot decide are listed.
    template <class Measure>
    void settle(std::int64_t first, std::int64_t count, Work& work) {
        std::int64_t n_unsettled = 0;
        for (std::int64_t i = 0; i < count; ++i) {
            const F limit = F(work.lanes.best(i) + F(2 * work.errors[i]));
            std::int32_t places[S::lanes];
            const int n = work.lanes.finish(i, limit, places);
            if (n == 1) {
                decisions.settle(row_of(first + i), prepared->unit_at(places[0]));
            } else if (n > 1) {
                choose(row_of(first + i), places, n);
            } else {
                work.lists.clear(i, work.errors[i], limit);
                work.unsettled[n_unsettled++] = std::int32_t(i);
            }
        }
        list_rows<Measure>(n_unsettled, work, true);
        finish(first, n_unsettled, work, [&](std::int64_t i) { return work.unsettled[i]; });
    }

    template <class Measure>
    void listing(std::int64_t first, std::int64_t count, Work& work) {
        for (std::int64_t i = 0; i < count; ++i) work.lists.clear(i, work.errors[i]);
        for (std::int64_t i = 0; i < count; ++i) work.unsettled[i] = std::int32_t(i);
        const bool can_tell = in.k <= S::lanes;
        list_rows<Measure>(count, work, can_tell);
        if (can_tell) {
            std::int64_t n_full = 0;
            for (std::int64_t i = 0; i < count; ++i)
                if (work.lists.is_full(i)) {
                    work.lists.clear(i, work.errors[i]);
                    work.unsettled[n_full++] = std::int32_t(i);
                }
            list_rows<Measure>(n_full, work, false);
        }
        finish(first, count, work, [](std::int64_t i) { return i; });
    }

    // Offers all units to the shortlists of the first `count` unsettled rows.  Scores come first,
    // and the least of each lane: where `lanes_tell`, these set the limit before any score is
    // offered, for k of them belong to k units.
    template <class Measure>
    void list_rows(std::int64_t count, Work& work, bool lanes_tell) {
        const std::int64_t n_vectors = prepared->units.n_vectors();
        for (std::int64_t i = 0; i < count; i += rows_at_once) {
            const F* row[rows_at_once];
            const auto unsettled = [&](int r) { return work.unsettled[next_rows(i, count)(r)]; };
            point_to(row, work, unsettled);
            work.features.template list<rows_at_once>(0, unsettled);
            Vec least[rows_at_once];
            std::fill_n(least, rows_at_once, S::broadcast(std::numeric_limits<F>::infinity()));
            for (std::int64_t begin = 0; begin < n_vectors; begin += scored_at_once) {
                const std::int64_t end = std::min(begin + scored_at_once, n_vectors);
                work.features.template with<Measure>(0, [&](auto features) SOMSCAPE_INLINE {
                    by_vectors(begin, end, [&](std::int64_t v, auto vectors) SOMSCAPE_INLINE {
                        const auto tile = score<Measure, vectors>(row, v, features);
                        unrolled<rows_at_once>([&](auto r) SOMSCAPE_INLINE {
                            F* to = work.scores.get() + (r * scored_at_once + v - begin) * S::lanes;
                            unrolled<vectors>([&](auto q) SOMSCAPE_INLINE {
                                S::store(to + q * S::lanes, tile.at[r][q]);
                                least[r] = smaller(tile.at[r][q], least[r]);
                            });
                        });
                    });
                });
                for (std::int64_t r = 0; r < rows_at_once && i + r < count; ++r) {
                    const std::int64_t list = work.unsettled[i + r];
                    const F* scores = work.scores.get() + r * scored_at_once * S::lanes;
                    if (lanes_tell) work.lists.tighten(list, kth_lane<F>(least[r], in.k));
                    for (std::int64_t v = begin; v < end && !work.lists.is_full(list); ++v) {
                        const Vec here = S::load(scores + (v - begin) * S::lanes);
                        if (lanes_tell) work.lists.offer_within(list, here, v * S::lanes);
                        else work.lists.offer(list, here, v * S::lanes);
                    }
                }
            }
        }
    }

    void skipping(std::int64_t first, std::int64_t count, Work& work) {
        prepare(first, count, work);
        std::fill_n(work.rows.get() + count * prepared->stride, prepared->stride, F(0));
        work.features.mark_none(count);
        if (in.k == 1) {
            for (std::int64_t i = 0; i < count; ++i) work.lanes.clear(i);
            work.lanes.clear(count);
            meet_needed(
                count, work, [&](std::int64_t row) { return work.lanes.best(row); },
                [&](std::int64_t row, const auto& score, std::int64_t v)
                    SOMSCAPE_INLINE { work.lanes.take(row, score, v); });
            settle<Dot>(first, count, work);
        } else {
            for (std::int64_t i = 0; i < count; ++i) work.lists.clear(i, work.errors[i]);
            work.lists.clear(count, 0, -std::numeric_limits<F>::infinity());
            meet_needed(
                count, work, [&](std::int64_t row) { return work.lists.kth(row); },
                [&](std::int64_t row, const auto& score, std::int64_t v) SOMSCAPE_INLINE {
                    int q = 0;
                    for (const Vec part : score) work.lists.offer(row, part, (v + q++) * S::lanes);
                });
            finish(first, count, work, [](std::int64_t i) { return i; });
        }
        find_distances(first, count);
    }

    // take(row, scores, vector) for each row's nearest group and then for the groups that
    // best(row), the k-th least score in there, does not rule out.
    template <class Best, class Take>
    SOMSCAPE_INLINE void meet_needed(std::int64_t count, Work& work, Best best, Take take) {
        work.n_needed = 0;
        const auto meet = [&] {
            work.n_needed += work.pairs.by_group(
                [&](std::int64_t group, const std::int16_t* rows, std::int64_t n) SOMSCAPE_INLINE {
                    meet_group(group, rows, n, std::int16_t(count), work, take);
                });
        };
        for (std::int64_t i = 0; i < count; i += rows_at_once) {
            const F* row[rows_at_once];
            point_to(row, work, next_rows(i, count));
            std::int32_t nearest[rows_at_once];
            work.features.template list<rows_at_once>(0, next_rows(i, count));
            work.features.template with<Dot>(0, [&](auto features) SOMSCAPE_INLINE {
                groups->find_nearest(row, features, work.center_scores.get(), nearest);
                meet_own_groups(row, features, nearest, i, count, take);
            });
            for (int r = 0; r < rows_at_once && i + r < count; ++r) {
                const F* center_scores = work.center_scores.get() + r * groups->padded();
                const auto bounds = groups->bounds(work.norms[i + r], work.errors[i + r],
                                                   double(best(i + r)),
                                                   double(center_scores[nearest[r]]));
                work.pairs.note(groups->put_needed(center_scores, nearest[r], bounds,
                                                   Pairs::pair(i + r), work.pairs.end()));
            }
            if (work.pairs.is_full()) meet();
        }
        meet();
    }

    template <class Features, class Take>
    SOMSCAPE_INLINE void meet_own_groups(const F* const (&row)[rows_at_once], Features features,
                                         const std::int32_t (&nearest)[rows_at_once],
                                         std::int64_t i, std::int64_t count, Take take) const {
        for (int part = 0; part < vectors_per_group<F>; ++part) {
            std::int64_t v[rows_at_once];
            for (int r = 0; r < rows_at_once; ++r) v[r] = nearest[r] * vectors_per_group<F> + part;
            const auto tile = score_each<Dot, rows_at_once>(
                row, prepared->units.packed.get(), prepared->units.start.get(), v, prepared->d,
                features);
            unrolled<rows_at_once>([&](auto r) SOMSCAPE_INLINE {
                if (i + r < count) take(i + r, tile.at[r], v[r]);
            });
        }
    }

    // Many rows at once; a stand-in fills the last tile.
    template <class Take>
    SOMSCAPE_INLINE void meet_group(std::int64_t group, const std::int16_t* rows,
                                           std::int64_t n, std::int16_t stand_in, Work& work,
                                           Take take) const {
        for (; n >= group_rows_at_once; n -= group_rows_at_once, rows += group_rows_at_once)
            meet_tile<group_rows_at_once>(group, rows, work, take);
        std::int16_t last[group_rows_at_once];
        std::fill_n(last, group_rows_at_once, stand_in);
        std::copy_n(rows, n, last);
        if (n > rows_at_once) meet_tile<group_rows_at_once>(group, last, work, take);
        else if (n > 0) meet_tile<rows_at_once>(group, last, work, take);
    }

    template <int n_rows, class Take>
    SOMSCAPE_INLINE void meet_tile(std::int64_t group, const std::int16_t* rows,
                                          Work& work, Take take) const {
        constexpr int per_group = vectors_per_group<F>;
        constexpr int vectors = std::min(per_group, vectors_at_once);
        const F* row[n_rows];
        const auto index = [=](int r) { return std::int64_t(rows[r]); };
        point_to(row, work, index);
        work.features.template list<n_rows>(0, index);
        work.features.template with<Dot>(0, [&](auto features) SOMSCAPE_INLINE {
            for (std::int64_t v = group * per_group; v < (group + 1) * per_group; v += vectors) {
                const auto tile = score<Dot, vectors, n_rows>(row, v, features);
                unrolled<n_rows>([&](auto r) SOMSCAPE_INLINE { take(rows[r], tile.at[r], v); });
            }
        });
    }

    // Decides n rows of the block, at(0), at(1), ... in ascending order, by their shortlists.
    template <class At>
    void finish(std::int64_t first, std::int64_t n, Work& work, At at) {
        std::int64_t n_left = 0;
        for (std::int64_t i = 0; i < n; ++i) {
            const std::int64_t row = at(i);
            const int listed = work.lists.finish(row);
            if (std::isfinite(work.errors[row]) && listed >= in.k &&
                listed <= Shortlists<F>::capacity)
                choose(row_of(first + row), work.lists.places_of(row), listed);
            else
                work.unsettled[n_left++] = std::int32_t(row);
        }
        narrow(first, n_left, work);
    }

    // Decides the first n unsettled rows without their scores.
    void narrow(std::int64_t first, std::int64_t n, Work& work) {
        const auto number = [&](std::int64_t i) { return row_of(first + work.unsettled[i]); };
        decisions.narrow(n, number, work.decisions);
    }

    void choose(std::int64_t row, const std::int32_t* places, int n) {
        decisions.choose(row, n, [&](std::int64_t i) { return prepared->unit_at(places[i]); });
    }

    void find_distances(std::int64_t first, std::int64_t count) const {
        for (std::int64_t i = first; i < first + count; ++i) decisions.find_distances(row_of(i));
    }

    const SearchInput<T>& in;
    Decisions<T> decisions;
    std::unique_ptr<Prepared<T>> prepared;
    std::unique_ptr<Groups<T>> groups;
    Buffer<std::int64_t> order;  // in which rows are taken, where not as they are
    std::atomic<bool> does_skipping_pay{false};
};

}  // namespace

template <class T>
std::int64_t search(const SearchInput<T>& in, std::int64_t* units, double* distances) {
    SearchInput<T> some = in;
    if (const Kinds kinds(DenseRows<T>{in.rows, in.d}, in.n); kinds.are_few()) {
        Buffer<T> rows(kinds.count() * in.d);
        for (std::int64_t kind = 0; kind < kinds.count(); ++kind)
            std::copy_n(in.rows + kinds.first_of(kind) * in.d, in.d, rows.get() + kind * in.d);
        some.rows = rows.get();
        some.n = kinds.count();
        const FoundOnce found(kinds, in.k);
        const auto n_narrowed =
            search(some, found.units.get(), distances ? found.distances.get() : nullptr);
        found.copy_to(in.n, units, distances);
        return n_narrowed;
    }
    if (const FewerUnits fewer(in.codebook, in.m, in.d, in.k); fewer.are_fewer()) {
        const auto order = fewer.among_these(in.order);
        some.codebook = fewer.prototypes();
        some.m = fewer.count();
        some.order = order.get();
        const std::int64_t n_narrowed = Search<T>(some, units, distances).run();
        fewer.restore(units, in.n * in.k);
        return n_narrowed;
    }
    return Search<T>(in, units, distances).run();
}

template std::int64_t search(const SearchInput<float>&, std::int64_t*, double*);
template std::int64_t search(const SearchInput<double>&, std::int64_t*, double*);

}  // namespace somscape::SOMSCAPE_ISA
