// Which groups of units a row need not meet.
//
// Units of a group lie close on the map, so mostly close in the data.  Let C be a group's center,
// R its radius, A the group whose center is nearest to the row x, and u a distance that one of
// A's units has.  A group without a unit nearer than u is found by two bounds:
//   ball:   |x - w| >= |x - C| - R;
//   plane:  along the line from A's center to C, all units of the group lie beyond a plane, and
//           |x - w| is at least the distance of x to it.  Where groups span clusters the radius
//           is large and the ball tells nothing; the plane still does.
// Both need no more than the scores of the centers, one per group instead of 16.  With scores
// s = |C|^2 / 2 - x.C the second reads
//   s(C) + margin(A, C) - |C - A| u > s(A),  margin = min over w of A's score of w less C's score
//   of w, plus (|A|^2 - |C|^2) / 2.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "buffer.hpp"
#include "prepare.hpp"
#include "tile.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
class Groups {
public:
    using F = float;
    using S = Simd<F>;
    using Vec = typename S::Vec;
    using IntVec = typename S::IntVec;

    explicit Groups(const Prepared<T>& prepared)
        : prepared(prepared), n(prepared.units.n_groups), d(prepared.d), centers(n * d),
          packed(n, d), radius(padded()) {
        std::fill_n(radius.get(), padded(), F(0));
        share(thread_count(8.0 * double(prepared.in.m) * double(d)), n,
              [&](std::int64_t g) { find_center(g); });
        if (n <= max_with_planes && prepared.in.n >= rows_per_plane * n) find_planes();
    }

    std::int64_t padded() const { return packed.n_groups * group_size; }

    // Writes the scores of all centers, a row after the other, and the group of the least.
    template <class Features>
    void find_nearest(const F* const (&row)[rows_at_once], Features features, F* center_scores,
                      std::int32_t (&nearest)[rows_at_once]) const {
        Vec least[rows_at_once];
        IntVec at[rows_at_once] = {};
        for (Vec& value : least) value = S::broadcast(std::numeric_limits<F>::infinity());
        by_vectors(0, packed.n_vectors(), [&](std::int64_t v, auto vectors) SOMSCAPE_INLINE {
            const auto tile = score_tile<Dot, rows_at_once, vectors>(
                row, packed.packed.get(), packed.start.get(), v, d, features);
            unrolled<rows_at_once>([&](auto r) SOMSCAPE_INLINE {
                F* to = center_scores + r * padded() + v * S::lanes;
                unrolled<vectors>([&](auto q) SOMSCAPE_INLINE {
                    const Vec s = tile.at[r][q];
                    S::store(to + q * S::lanes, s);
                    at[r] = s < least[r] ? IntVec{} + typename S::Int(v + q) : at[r];
                    least[r] = smaller(least[r], s);
                });
            });
        });
        unrolled<rows_at_once>([&](auto r) SOMSCAPE_INLINE {
            const std::uint32_t best = not_above_mask(least[r], S::broadcast(least_lane(least[r])));
            const int lane = best ? __builtin_ctz(best) : 0;  // 0 for NaN
            // Where no score is finite, the lane may lie past the last group.
            nearest[r] = std::min(std::int32_t(at[r][lane] * S::lanes + lane), std::int32_t(n - 1));
        });
    }

    // Whether rows that need so many groups, on average, beside their own, had better skip, where
    // scores take so many features.  In features of one group of units, as measured: meeting a
    // group costs 5 beside its own, where all are met in turn, and 40 where rows are gathered; to
    // meet a vector of centers and to apply the bounds costs 35, and 50 in all.  Listing features
    // for rows that are gathered is taken to cost 20 more, which is no measured number.
    bool pays(double n_needed, double n_features) const {
        const double all = double(n) * (n_features + 5);
        const double centers = double(packed.n_vectors()) * (n_features + 35);
        const double gathered = n_features + (prepared.common ? 60 : 40);
        return centers + (1 + n_needed) * gathered + 50 < all;
    }

    // What a row that has a unit of score `best` compares the scores of centers with.
    struct Bounds {
        F distance, ball_limit, plane_limit;
    };

    Bounds bounds(double row_norm, double error, double best, double nearest_center) const {
        constexpr double u = 0.5 * std::numeric_limits<F>::epsilon();
        const double norm_sq = row_norm * row_norm;
        const double distance = std::sqrt(std::max(0.0, norm_sq + 2 * (best + error)));
        const double lowest_norm_sq = norm_sq * (1 - 4 * (double(d) + 16) * u);
        return {F(distance * (1 + 8 * u)), F(3 * error - 0.5 * lowest_norm_sq),
                F(nearest_center + 6 * error)};
    }

    // Writes first + g for each group g but `nearest` that may hold a unit as near as the row's
    // best so far, and returns how many.
    std::int64_t put_needed(const F* center_score,  // IN of this row, by group
                            std::int64_t nearest, const Bounds& bounds, std::int32_t first,
                            std::int32_t* needed) const {  // OUT room for all, and a vector
        constexpr double u = 0.5 * std::numeric_limits<F>::epsilon();
        const Vec distance = S::broadcast(bounds.distance), half = S::broadcast(F(-0.5 - 16 * u));
        const Vec ball_limit = S::broadcast(bounds.ball_limit);
        const Vec plane_limit = S::broadcast(bounds.plane_limit);
        const F* margin = has_planes ? margins.get() + nearest * padded() : nullptr;
        const F* apart = has_planes ? distances.get() + nearest * padded() : nullptr;
        const auto within_ball = [&](std::int64_t g) SOMSCAPE_INLINE {
            const Vec far = S::load(radius.get() + g) + distance;
            return not_above_mask(multiply_add(half, far * far, S::load(center_score + g)),
                                  ball_limit);
        };
        const auto before_plane = [&](std::int64_t g) SOMSCAPE_INLINE {
            const Vec beyond = S::load(margin + g) - S::load(apart + g) * distance;
            return not_above_mask(S::load(center_score + g) + beyond, plane_limit);
        };
        std::int64_t count = 0;
        const auto put = [&](std::int64_t g, std::uint32_t mask) SOMSCAPE_INLINE {
            const std::uint64_t own = nearest - g;
            const std::uint32_t others = own < S::lanes ? ~(std::uint32_t(1) << own) : ~0u;
            count += put_places(mask & others, first + std::int32_t(g), needed + count);
        };
        if (!has_planes) {
            for (std::int64_t g = 0; g < n; g += S::lanes) put(g, within_ball(g));
        } else if (n <= max_with_planes_in_cache) {
            for (std::int64_t g = 0; g < n; g += S::lanes) put(g, within_ball(g) & before_plane(g));
        } else {
            std::int16_t left[max_with_planes / S::lanes];
            std::uint32_t mask[max_with_planes / S::lanes];
            int n_left = 0;
            for (std::int64_t g = 0; g < n; g += S::lanes) {
                left[n_left] = std::int16_t(g);
                mask[n_left] = within_ball(g);
                n_left += mask[n_left] != 0;
            }
            for (int i = 0; i < n_left; ++i) put(left[i], mask[i] & before_plane(left[i]));
        }
        return count;
    }

private:
    static constexpr std::int64_t max_with_planes = 1024;  // two tables of 4 MiB
    // Above, what the balls leave is listed first, and only that looked up.
    static constexpr std::int64_t max_with_planes_in_cache = 256;
    static constexpr std::int64_t rows_per_plane = 64;      // the tables cost as much as n rows

    void find_center(std::int64_t g) {
        const auto& in = prepared.in;
        const std::int64_t first = g * group_size;
        const std::int64_t last = std::min(first + group_size, in.m);
        double norm_sq = 0;
        for (std::int64_t f = 0; f < d; ++f) {
            double sum = 0;
            for (std::int64_t place = first; place < last; ++place)
                sum -= double(prepared.units.at(place, f));
            const F value = F(sum / double(last - first));
            centers[g * d + f] = value;
            packed.at(g, f) = -value;
            norm_sq += double(value) * double(value);
        }
        packed.start[g] = F(0.5 * norm_sq);
        double farthest = 0;
        for (std::int64_t place = first; place < last; ++place) {
            const double* w = in.codebook + prepared.unit_at(place) * d;
            double distance_sq = 0;
            for (std::int64_t f = 0; f < d; ++f) {
                const double difference =
                    (w[f] - prepared.middle[f]) * prepared.scale -
                    double(centers[g * d + f]);
                distance_sq += difference * difference;
            }
            farthest = std::max(farthest, distance_sq);
        }
        radius[g] = F(std::sqrt(farthest) * (1 + 4 * std::numeric_limits<F>::epsilon() +
                                             double(d) * 0x1p-53));
    }

    // Scores of up to rows_at_once centers from `first` on against the vectors of `units`.
    template <class Visit>
    void score_centers(std::int64_t first, const Units<F>& units, std::int64_t begin,
                       std::int64_t end, Visit visit) const {
        const F* row[rows_at_once];
        for (int r = 0; r < rows_at_once; ++r)
            row[r] = centers.get() + std::min(first + r, n - 1) * d;
        by_vectors(begin, end, [&](std::int64_t v, auto vectors) SOMSCAPE_INLINE {
            auto tile = score_tile<Dot, rows_at_once, vectors>(
                row, units.packed.get(), units.start.get(), v, d, AllFeatures{d});
            tile.each([&](auto& score, auto r, auto q) SOMSCAPE_INLINE {
                if (first + r < n) visit(first + r, v + q, score);
            });
        });
    }

    void find_planes() {
        constexpr F infinity = std::numeric_limits<F>::infinity();
        const double error = prepared.error(prepared.units.norm);
        const std::int64_t width = padded();
        margins = Buffer<F>(n * width);
        distances = Buffer<F>(n * width);
        Buffer<F> own(n * group_size);
        for (std::int64_t g = 0; g < n; ++g)
            score_centers(g, prepared.units, g * vectors_per_group<F>,
                          (g + 1) * vectors_per_group<F>,
                          [&](std::int64_t a, std::int64_t v, Vec score) {
                              if (a != g) return;
                              for (int lane = 0; lane < S::lanes; ++lane)
                                  own[v * S::lanes + lane] =
                                      score[lane] < infinity ? score[lane] : -infinity;
                          });
        const int threads = thread_count(double(n) * double(prepared.in.m) * double(d));
        share(threads, (n + rows_at_once - 1) / rows_at_once, [&](std::int64_t part) {
            const std::int64_t first = part * rows_at_once;
            score_centers(first, prepared.units, 0, prepared.units.n_vectors(),
                          [&](std::int64_t a, std::int64_t v, Vec score) SOMSCAPE_INLINE {
                              F& margin = margins[a * width + v / vectors_per_group<F>];
                              const F here = least_lane(score - S::load(own.get() + v * S::lanes));
                              const bool is_first = v % vectors_per_group<F> == 0;
                              margin = is_first ? here : std::min(margin, here);
                          });
            score_centers(first, packed, 0, packed.n_vectors(),
                          [&](std::int64_t a, std::int64_t v, Vec score) {
                              S::store(distances.get() + a * width + v * S::lanes, score);
                          });
            for (std::int64_t a = first; a < std::min(first + rows_at_once, n); ++a)
                finish_planes(packed.start[a], error, margins.get() + a * width,
                              distances.get() + a * width);
        });
        has_planes = true;
    }

    // Of one center: the other centers' scores become their distances.
    void finish_planes(double half_a, double error, F* __restrict margin,
                       F* __restrict distance) const {
        constexpr double u = 0.5 * std::numeric_limits<F>::epsilon();
        const F* __restrict half = packed.start.get();
        for (std::int64_t g = 0; g < n; ++g) {
            margin[g] = F(double(margin[g]) + half_a - double(half[g]) - 4 * error);
            const double apart_sq = std::max(0.0, 2 * (double(distance[g]) + half_a));
            distance[g] = F(std::sqrt(apart_sq + 4 * error) * (1 + 16 * u));
        }
        std::fill(distance + n, distance + padded(), F(0));
        std::fill(margin + n, margin + padded(), std::numeric_limits<F>::infinity());
    }

    const Prepared<T>& prepared;
    std::int64_t n, d;
    Buffer<F> centers;  // (n, d)
    Units<F> packed;    // the same as units to score
    Buffer<F> radius;
    Buffer<F> margins, distances;  // (n, padded): row A, column C
    bool has_planes = false;
};

}  // namespace somscape::SOMSCAPE_ISA
