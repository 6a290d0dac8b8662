// An order of the rows in which neighbors are alike, so that the rows of a tile leave out the same
// features (common.hpp).
//
// Rows whose nearest units are the same, about, lie together: sorted by the group of units whose
// center is nearest, and by the nearest unit in there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "buffer.hpp"
#include "prepare.hpp"
#include "skip.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace somscape::SOMSCAPE_ISA {

// Whether the search ends sooner for it.  Each row meets all centers and one group of units first.
// A tile of rows that are alike then has, as measured, less than half of the features that other
// rows have beyond those of each.
template <class T>
bool does_arranging_pay(const Prepared<T>& prepared) {
    if (!prepared.common) return false;
    const double less = (prepared.common->left_together() - prepared.common->left_alone()) / 2;
    return less * double(prepared.in.m) > 1.3 * double(prepared.units.n_groups + group_size);
}

// The place of the least score of a group, near the row's nearest unit, for each row.
template <class T, class Features>
void find_places(const Prepared<T>& prepared, const float* const (&row)[rows_at_once],
                 Features features, const std::int32_t (&group)[rows_at_once],
                 std::int32_t (&place)[rows_at_once]) {  // OUT
    using S = Simd<float>;
    constexpr int per_group = vectors_per_group<float>;
    float least[rows_at_once];
    for (int r = 0; r < rows_at_once; ++r) {
        least[r] = std::numeric_limits<float>::infinity();
        place[r] = group[r] * group_size;
    }
    for (int part = 0; part < per_group; ++part) {
        std::int64_t v[rows_at_once];
        for (int r = 0; r < rows_at_once; ++r) v[r] = group[r] * per_group + part;
        const auto tile = score_each<Dot, rows_at_once>(
            row, prepared.units.packed.get(), prepared.units.start.get(), v, prepared.d,
            features);
        for (int r = 0; r < rows_at_once; ++r) {
            const float here = least_lane(tile.at[r][0]);
            if (!(here < least[r])) continue;  // nor where it is NaN
            least[r] = here;
            const std::uint32_t lanes = not_above_mask(tile.at[r][0], S::broadcast(here));
            place[r] = std::int32_t(v[r] * S::lanes + __builtin_ctz(lanes));
        }
    }
}

// The rows, those that belong to the same place together, else in their order.
template <class T>
Buffer<std::int64_t> arranged(const Prepared<T>& prepared, const Groups<T>& groups) {
    const auto& in = prepared.in;
    struct alignas(64) Work {  // of one thread
        Buffer<float> rows, center_scores;
        FeatureLists<float> features;
    };
    const double effort = double(in.n) * double(prepared.units.n_groups) * double(prepared.d);
    const int threads = in.one_thread ? 1 : thread_count(effort);
    std::vector<Work> work_of;
    for (int t = 0; t < threads; ++t)
        work_of.push_back({Buffer<float>(rows_at_once * prepared.stride),
                           Buffer<float>(rows_at_once * groups.padded()),
                           FeatureLists<float>(prepared.d, rows_at_once, 1)});
    Buffer<std::int32_t> place_of(in.n);
    constexpr std::int64_t tiles_at_once = 8;
    share_as_free(threads, (in.n + rows_at_once - 1) / rows_at_once, tiles_at_once,
                  [&](std::int64_t tile, int thread) {
        const std::int64_t first = tile * rows_at_once;
        Work& work = work_of[thread];
        const float* row[rows_at_once];
        for (std::int64_t r = 0; r < rows_at_once; ++r) {
            float* to = work.rows.get() + r * prepared.stride;
            prepared.row(in.rows + std::min(first + r, in.n - 1) * in.d, to);
            work.features.mark(r, to);
            row[r] = to;
        }
        work.features.template list<rows_at_once>(0, [](int r) { return r; });
        std::int32_t group[rows_at_once], place[rows_at_once];
        work.features.template with<Dot>(0, [&](auto features) SOMSCAPE_INLINE {
            groups.find_nearest(row, features, work.center_scores.get(), group);
            find_places(prepared, row, features, group, place);
        });
        for (std::int64_t r = 0; r < rows_at_once && first + r < in.n; ++r)
            place_of[first + r] = place[r];
    });
    const std::int64_t n_places = prepared.units.n_groups * group_size;
    Buffer<std::int64_t> begin(n_places), order(in.n);
    std::fill_n(begin.get(), n_places, std::int64_t(0));
    for (std::int64_t i = 0; i < in.n; ++i) ++begin[place_of[i]];
    std::int64_t total = 0;
    for (std::int64_t p = 0; p < n_places; ++p) total += std::exchange(begin[p], total);
    for (std::int64_t i = 0; i < in.n; ++i) order[begin[place_of[i]]++] = i;
    return order;
}

}  // namespace somscape::SOMSCAPE_ISA
