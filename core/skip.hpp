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

template <class T, class F>
class Groups {
public:
    using S = Simd<F>;
    using Vec = typename S::Vec;

    explicit Groups(const Prepared<T, F>& prepared)
        : prepared(prepared), n(prepared.units.n_groups), d(prepared.d), centers(n * d),
          packed(n, d), radius(padded()) {
        std::fill_n(radius.get(), padded(), F(0));
        const int threads = thread_count(8.0 * double(prepared.in.m) * double(d));
        (void)threads;
#pragma omp parallel for schedule(static) num_threads(threads)
        for (std::int64_t g = 0; g < n; ++g) find_center(g);
        if (n <= most_with_planes && prepared.in.n >= rows_per_plane * n) find_planes();
    }

    std::int64_t padded() const { return packed.n_groups * group_size; }
    const Units<F>& center_units() const { return packed; }

    // What a row that has a unit of score `best` compares the scores of centers with.
    struct Bounds {
        F distance, ball_limit, plane_limit;
    };

    Bounds bounds(double row_norm, double error, double best, double nearest_center) const {
        constexpr double u = 0.5 * std::numeric_limits<F>::epsilon();
        const double norm_sq = row_norm * row_norm;
        const double reach = std::sqrt(std::max(0.0, norm_sq + 2 * (best + error)));
        const double lowest_norm_sq = norm_sq * (1 - 4 * (double(d) + 16) * u);
        return {F(reach * (1 + 8 * u)), F(3 * error - 0.5 * lowest_norm_sq),
                F(nearest_center + 6 * error)};
    }

    // Writes first + g for each group g that may hold a unit as near as the row's best so far,
    // `nearest` perhaps among them, and returns how many.
    std::int64_t put_needed(const F* center_score,  // IN of this row, by group
                            std::int64_t nearest, const Bounds& bounds, std::int32_t first,
                            std::int32_t* needed) const {  // OUT room for all, and a vector
        constexpr double u = 0.5 * std::numeric_limits<F>::epsilon();
        const Vec distance = S::broadcast(bounds.distance), half = S::broadcast(F(-0.5 - 16 * u));
        const Vec ball_limit = S::broadcast(bounds.ball_limit);
        const Vec plane_limit = S::broadcast(bounds.plane_limit);
        const F* margin = has_planes ? margins.get() + nearest * padded() : nullptr;
        const F* apart = has_planes ? distances.get() + nearest * padded() : nullptr;
        std::int64_t count = 0;
        for (std::int64_t g = 0; g < n; g += S::lanes) {
            const Vec score = S::load(center_score + g);
            const Vec far = S::load(radius.get() + g) + distance;
            std::uint32_t may_be = not_above_mask(multiply_add(half, far * far, score), ball_limit);
            if (has_planes) {
                const Vec beyond = S::load(margin + g) - S::load(apart + g) * distance;
                may_be &= not_above_mask(score + beyond, plane_limit);
            }
            count += put_places(may_be, first + std::int32_t(g), needed + count);
        }
        return count;
    }

private:
    static constexpr std::int64_t most_with_planes = 1024;  // two tables of 4 MiB
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
            const T* w = in.codebook + prepared.unit_at(place) * d;
            double distance_sq = 0;
            for (std::int64_t f = 0; f < d; ++f) {
                const double difference =
                    (double(w[f]) - double(prepared.middle[f])) * prepared.scale -
                    double(centers[g * d + f]);
                distance_sq += difference * difference;
            }
            farthest = std::max(farthest, distance_sq);
        }
        radius[g] = F(std::sqrt(farthest) * (1 + 4 * std::numeric_limits<F>::epsilon()));
    }

    // Scores of up to rows_at_once centers from `first` on against the vectors of `units`.
    template <class Visit>
    void score_centers(std::int64_t first, const Units<F>& units, std::int64_t begin,
                       std::int64_t end, Visit visit) const {
        const F* row[rows_at_once];
        for (int r = 0; r < rows_at_once; ++r)
            row[r] = centers.get() + std::min(first + r, n - 1) * d;
        for (std::int64_t v = begin; v < end; ++v) {
            const auto tile = score_tile<Dot, rows_at_once, 1>(row, units.packed.get(),
                                                               units.start.get(), v, d);
            for (int r = 0; r < rows_at_once && first + r < n; ++r) visit(first + r, v, tile.at[r][0]);
        }
    }

    void find_planes() {
        constexpr double u = 0.5 * std::numeric_limits<F>::epsilon();
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
        std::fill_n(margins.get(), n * width, infinity);
        std::fill_n(distances.get(), n * width, F(0));
        const int threads = thread_count(double(n) * double(prepared.in.m) * double(d));
        (void)threads;
#pragma omp parallel for schedule(static) num_threads(threads)
        for (std::int64_t first = 0; first < n; first += rows_at_once) {
            score_centers(first, prepared.units, 0, prepared.units.n_vectors(),
                          [&](std::int64_t a, std::int64_t v, Vec score) {
                              F& margin = margins[a * width + v / vectors_per_group<F>];
                              margin = std::min(margin, F(least_lane(
                                  score - S::load(own.get() + v * S::lanes))));
                          });
            score_centers(first, packed, 0, packed.n_vectors(),
                          [&](std::int64_t a, std::int64_t v, Vec score) {
                              for (int lane = 0; lane < S::lanes; ++lane) {
                                  const std::int64_t g = v * S::lanes + lane;
                                  if (g >= n) return;
                                  const double half_a = packed.start[a], half_g = packed.start[g];
                                  F& margin = margins[a * width + g];
                                  margin = F(double(margin) + half_a - half_g - 4 * error);
                                  const double apart_sq = 2 * (double(score[lane]) + half_a);
                                  distances[a * width + g] = F(
                                      std::sqrt(std::max(0.0, apart_sq) + 4 * error) * (1 + 16 * u));
                              }
                          });
        }
        has_planes = true;
    }

    const Prepared<T, F>& prepared;
    std::int64_t n, d;
    Buffer<F> centers;  // (n, d)
    Units<F> packed;    // the same as units to score
    Buffer<F> radius;
    Buffer<F> margins, distances;  // (n, padded): row A, column C
    bool has_planes = false;
};

}  // namespace somscape::SOMSCAPE_ISA
