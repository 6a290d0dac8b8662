// Rows and units in the form that tiles are scored in, and how wrong a score can be.
//
// Euclidean: |x - w|^2 / 2 = |x|^2 / 2 + (|w|^2 / 2 - x.w), and the first term is the same for all
// units, so a score starts at |w|^2 / 2 and adds -w[f] x[f].  Rows and units are centered on the
// codebook's mean first, or a value that most rows share (common.hpp), or cancellation would grow
// with the data's offset, and brought to size 1 by a power of two.  Scores are float even for
// double inputs; what float cannot tell apart is told in double (differences.hpp).
// Missing values double the features: sum of m (w^2 / 2 - x w) is a scalar product of (x, m)
// with (-w, w^2 / 2).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>

#include "buffer.hpp"
#include "common.hpp"
#include "kernels.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace somscape::SOMSCAPE_ISA {

// A size that bounds scores: NaN, which every comparison would pass over, counts as infinite.
inline double or_infinite(double size) {
    return std::isnan(size) ? std::numeric_limits<double>::infinity() : size;
}

// A codebook packed in groups.
template <class F>
struct Units {
    std::int64_t n_groups = 0, d = 0;
    Buffer<F> packed;  // (n_groups, d, group_size)
    Buffer<F> start;   // (n_groups * group_size,), infinite past the last unit: never chosen
    double norm = 0;   // the largest unit's, in the metric's sense
    double start_size = 0;
    double from_middle = 0;  // the largest distance of a unit from the middle, features not weighted

    Units(std::int64_t m, std::int64_t d)
        : n_groups((m + group_size - 1) / group_size), d(d), packed(n_groups * group_size * d),
          start(n_groups * group_size) {
        std::fill_n(packed.get() + (n_groups - 1) * group_size * d, group_size * d, F(0));
        std::fill_n(start.get(), n_groups * group_size, std::numeric_limits<F>::infinity());
    }

    std::int64_t n_vectors() const { return n_groups * vectors_per_group<F>; }
    F& at(std::int64_t place, std::int64_t f) const {
        return packed[(place / group_size * d + f) * group_size + place % group_size];
    }
};

template <class T>
class Prepared {
public:
    using F = float;  // what rows, units and scores are prepared in

    explicit Prepared(const SearchInput<T>& in)
        : in(in), is_dot(in.metric == Metric::euclidean || in.metric == Metric::cosine),
          d(in.has_missing && in.metric == Metric::euclidean ? 2 * in.d : in.d),
          stride((d + Simd<F>::lanes - 1) / Simd<F>::lanes * Simd<F>::lanes),
          middle(in.d), units(in.m, d),
          row_middle(in.d + Simd<F>::lanes) {
        find_middle();
        Buffer<double> norms(in.m);
        share(thread_count(8.0 * double(in.m) * double(d)), in.m, [&](std::int64_t place) {
            norms[place] = is_dot ? place_for_products(place) : place_for_differences(place);
        });
        for (std::int64_t place = 0; place < in.m; ++place) {
            units.norm = std::max(units.norm, or_infinite(norms[place]));
            units.start_size = std::max(units.start_size, or_infinite(units.start[place]));
        }
        // Roundings on the way to a score, in units of the last place of its largest partial sum:
        // one per feature of a block, one per block, and 8 for preparing and for using it.
        const double blocks = std::ceil(double(d) / features_at_once);
        double depth = in.metric == Metric::chebyshev
            ? 8 : double(std::min(d, features_at_once)) + blocks + 8;
        if (is_precise) depth += 4;  // rows are centered in two steps
        rounding = 1.01 * depth * 0.5 * std::numeric_limits<F>::epsilon();
        if (in.metric == Metric::euclidean && in.weights) {
            double most = 0;
            for (std::int64_t f = 0; f < in.d; ++f) most = std::max(most, in.weights[f]);
            judge_rounding = most * (double(d) / 8 + 16) * 0x1p-53;
            for (std::int64_t u = 0; u < in.m; ++u) {
                double from_middle_sq = 0;
                for (std::int64_t f = 0; f < in.d; ++f) {
                    const double b = (in.codebook[u * in.d + f] - middle[f]) * scale;
                    from_middle_sq += b * b;
                }
                const double exact = root(from_middle_sq);
                units.from_middle = std::max(units.from_middle, exact * (1 + double(d) * 0x1p-53));
            }
        }
    }

    // Prepares one row and returns its size: the sum of its values' squares where scores are
    // products, else their sum or maximum.
    double row(const T* x, F* out) const {
        if (in.metric == Metric::cosine) return of_length_one(x, out);
        if (in.metric == Metric::euclidean) return in.has_missing ? masked(x, out)
                                                                  : centered(x, out);
        double size = 0;
        for (std::int64_t f = 0; f < d; ++f) {
            const double value = at_center(x[f], f) * weight(f);
            out[f] = F(value);
            const double here = std::isnan(value) ? 0.0 : std::fabs(value);
            size = in.metric == Metric::chebyshev ? std::max(size, here) : size + here;
        }
        return size;
    }

    // From sizes as `row` returns them to the rows' norms and the errors of their scores.
    void finish_sizes(double* sizes,      // INOUT (n,)
                      std::int64_t n,
                      double* errors) const {  // OUT (n,)
        if (is_dot)
            for (std::int64_t i = 0; i < n; ++i) sizes[i] = root(sizes[i]);
        for (std::int64_t i = 0; i < n; ++i) errors[i] = error(sizes[i]);
    }

    // No computed score of a row of this size is further than this from the exact one; infinite
    // where scores, or scores with this added, could overflow.
    double error(double row_size) const {
        const double largest = is_dot ? row_size * units.norm + units.start_size
                                      : row_size + units.norm;
        constexpr double most = double(std::numeric_limits<F>::max()) / 8;
        if (!(largest < most)) return std::numeric_limits<double>::infinity();
        // With weighted features the judge is exact to roundings of the distance itself.
        const double distance = row_size + units.from_middle;
        const double judged = judge_rounding * distance * distance;
        const double wrong =
            rounding * largest + judged + double(d) * std::numeric_limits<F>::denorm_min();
        return wrong < most ? wrong : std::numeric_limits<double>::infinity();
    }

    std::int64_t unit_at(std::int64_t place) const { return in.order ? in.order[place] : place; }
    double weight(std::int64_t f) const { return in.weights ? in.weights[f] : 1.0; }
    double at_center(T value, std::int64_t f) const {
        return (double(value) - middle[f]) * scale;
    }

    const SearchInput<T>& in;
    const bool is_dot;
    const std::int64_t d, stride;  // values of a prepared row, and its room: whole vectors
    std::unique_ptr<CommonValues<T>> common;  // where they spare enough features
    Buffer<double> middle;
    double scale = 1;
    Units<F> units;
    double rounding = 0, judge_rounding = 0;

private:
    // Rows are centered in the wider type: the error bound counts no rounding in a narrower one.
    using Wider = std::conditional_t<(sizeof(T) > sizeof(F)), T, F>;

    // The root of a sum of squares, some of which may have vanished.
    double root(double sum) const {
        return std::sqrt(sum + double(d) * double(std::numeric_limits<F>::min()));
    }

    // And the scale, by the unit that is farthest from it.
    void find_middle() {
        std::fill_n(middle.get(), in.d, 0.0);
        std::fill_n(row_middle.get(), in.d + Simd<F>::lanes, T(0));
        double farthest = 0;
        if (in.metric != Metric::cosine) {
            move_to_mean();
            farthest = largest_distance();
            // The mean is rounded.  Units that are all alike, as after an epoch that one of them won,
            // are nearer to each other than to it: they take a second look, and all its digits.
            double size = 0;
            for (std::int64_t f = 0; f < in.d; ++f) size = std::max(size, std::fabs(middle[f]));
            is_precise = farthest < 0x1p-20 * size;
            if (is_precise) {
                move_to_mean();
                farthest = largest_distance();
            } else {
                for (std::int64_t f = 0; f < in.d; ++f) middle[f] = T(middle[f]);
            }
        }
        if (!is_precise && CommonValues<T>::are_worth_a_look(in) && find_common_values())
            farthest = largest_distance();
        if (in.metric != Metric::cosine && farthest > 0 && std::isfinite(farthest))
            scale = std::exp2(-std::ilogb(farthest));
        for (std::int64_t f = 0; f < in.d; ++f) row_middle[f] = T(middle[f]);
        if (!is_precise) return;
        rest = Buffer<Wider>(in.d + Simd<F>::lanes);
        std::fill_n(rest.get(), in.d + Simd<F>::lanes, Wider(0));
        for (std::int64_t f = 0; f < in.d; ++f) rest[f] = Wider(middle[f] - double(row_middle[f]));
    }

    void move_to_mean() {
        Buffer<double> sum(in.d);
        std::fill_n(sum.get(), in.d, 0.0);
        for (std::int64_t u = 0; u < in.m; ++u)
            for (std::int64_t f = 0; f < in.d; ++f) sum[f] += in.codebook[u * in.d + f] - middle[f];
        constexpr double largest = std::numeric_limits<T>::max();
        for (std::int64_t f = 0; f < in.d; ++f)
            middle[f] = std::clamp(middle[f] + sum[f] / double(in.m), -largest, largest);
    }

    // Takes them as the middle where they spare enough, and where units are not so much further
    // from them than from each other that rounding would hide what tells them apart.
    bool find_common_values() {
        auto found = std::make_unique<CommonValues<T>>(in);
        if (found->left_alone() > max_listed) return false;
        if (in.metric != Metric::cosine) {
            Buffer<double> mean(in.d);
            std::copy_n(middle.get(), in.d, mean.get());
            const double from_mean_sq = farthest_sq();
            for (std::int64_t f = 0; f < in.d; ++f)
                if (found->is_common(f)) middle[f] = double(found->at(f));
            if (!(farthest_sq() <= max_times_farther * max_times_farther * from_mean_sq)) {
                std::copy_n(mean.get(), in.d, middle.get());
                return false;
            }
        }
        common = std::move(found);
        return true;
    }

    // The largest squared distance of a unit from the middle.
    double farthest_sq() const {
        Buffer<double> of(in.m);
        share(thread_count(2.0 * double(in.m) * double(in.d)), in.m, [&](std::int64_t u) {
            double sum = 0;
            for (std::int64_t f = 0; f < in.d; ++f) {
                const double b = in.codebook[u * in.d + f] - middle[f];
                sum += b * b;
            }
            of[u] = sum;
        });
        return *std::max_element(of.get(), of.get() + in.m);
    }

    // In any one feature, of a unit from the middle.
    double largest_distance() const {
        Buffer<double> farthest(in.d);  // by feature, as vectors like it
        std::fill_n(farthest.get(), in.d, 0.0);
        for (std::int64_t u = 0; u < in.m; ++u)
            for (std::int64_t f = 0; f < in.d; ++f) {
                const double here = std::fabs(in.codebook[u * in.d + f] - middle[f]);
                farthest[f] = farthest[f] < here ? here : farthest[f];
            }
        double most = 0;
        for (std::int64_t f = 0; f < in.d; ++f) most = std::max(most, farthest[f]);
        return most;
    }

    // Packs a unit and returns its size.
    double place_for_products(std::int64_t place) {
        const double* w = in.codebook + unit_at(place) * in.d;
        const bool is_cosine = in.metric == Metric::cosine;
        double norm_sq = 0, half = 0, length = scale;
        F* to = &units.at(place, 0);
        if (!is_cosine && !in.has_missing && !in.weights) {
            for (std::int64_t f = 0; f < in.d; ++f) {
                const double b = (w[f] - middle[f]) * scale;
                to[f * group_size] = F(-b);
                half += 0.5 * b * b;
            }
            units.start[place] = F(half);
            return root(2 * half * (1 + 4 * std::numeric_limits<F>::epsilon() + double(d) * 0x1p-53));
        }
        if (is_cosine) length = to_length_one(w);
        for (std::int64_t f = 0; f < in.d; ++f) {
            const double b = (w[f] - middle[f]) * length;
            const F value = F(-b * weight(f));
            to[f * group_size] = value;
            norm_sq += double(value) * double(value);
            const double term = 0.5 * weight(f) * b * b;
            if (in.has_missing) {
                to[(in.d + f) * group_size] = F(term);
                norm_sq += term * term;
            } else if (!is_cosine) {
                half += term;
            }
        }
        units.start[place] = F(half);
        return root(norm_sq * (1 + double(d) * 0x1p-53));
    }

    double place_for_differences(std::int64_t place) {
        const double* w = in.codebook + unit_at(place) * in.d;
        double size = 0;
        for (std::int64_t f = 0; f < in.d; ++f) {
            const F value = F((w[f] - middle[f]) * scale * weight(f));
            units.at(place, f) = value;
            const double here = std::fabs(double(value));
            size = in.metric == Metric::chebyshev ? std::max(size, here) : size + here;
        }
        units.start[place] = F(0);
        return size;
    }

    template <class V>
    double to_length_one(const V* x) const {
        double sum = 0;
        for (std::int64_t f = 0; f < in.d; ++f) sum += weight(f) * double(x[f]) * double(x[f]);
        return sum > 0 ? 1.0 / std::sqrt(sum) : 0.0;
    }

    double of_length_one(const T* x, F* out) const {
        const double length = to_length_one(x);
        double sum = 0;  // not 1 where features are weighted
        for (std::int64_t f = 0; f < in.d; ++f) {
            out[f] = F(double(x[f]) * length);
            sum += double(out[f]) * double(out[f]);
        }
        return sum;
    }

    double masked(const T* x, F* out) const {
        double sum = 0;
        for (std::int64_t f = 0; f < in.d; ++f) {
            const bool is_there = !std::isnan(x[f]);
            out[f] = is_there ? F(at_center(x[f], f)) : F(0);
            out[in.d + f] = is_there ? F(1) : F(0);
            sum += double(out[f]) * double(out[f]) + double(out[in.d + f]);
        }
        return sum;
    }

    double centered(const T* x, F* out) const {
        const double norm_sq = is_precise ? centered<true>(x, out) : centered<false>(x, out);
        // Float squares overflow for rows far from units that are all alike.
        return (std::isfinite(norm_sq) ? norm_sq : sum_of_squares(out)) *
               (1 + double(in.d) * std::numeric_limits<F>::epsilon());
    }

    template <bool has_rest>
    double centered(const T* x, F* out) const {
        constexpr int lanes = Simd<F>::lanes;
        typedef T Wide __attribute__((vector_size(lanes * sizeof(T)), aligned(alignof(T)),
                                      may_alias));
        typedef Wider Exact __attribute__((vector_size(lanes * sizeof(Wider)),
                                           aligned(alignof(Wider)), may_alias));
        typename Simd<F>::Vec sum = {};
        const auto add = [&](const Wide& value, std::int64_t f) SOMSCAPE_INLINE {
            const Wide& from = *reinterpret_cast<const Wide*>(row_middle.get() + f);
            Exact centered =
                __builtin_convertvector(value, Exact) - __builtin_convertvector(from, Exact);
            if constexpr (has_rest) centered -= *reinterpret_cast<const Exact*>(rest.get() + f);
            const auto prepared = __builtin_convertvector(centered * Wider(scale), typename Simd<F>::Vec);
            Simd<F>::store(out + f, prepared);
            sum += prepared * prepared;
        };
        std::int64_t f = 0;
        for (; f + lanes <= in.d; f += lanes) add(*reinterpret_cast<const Wide*>(x + f), f);
        if (f < in.d) {
            Wide value;
            load_first(x + f, in.d - f, value);
            add(value, f);
        }
        return double(sum_of_lanes(sum));
    }

    double sum_of_squares(const F* prepared) const {
        double sum = 0;
        for (std::int64_t f = 0; f < in.d; ++f) sum += double(prepared[f]) * double(prepared[f]);
        return sum;
    }

    Buffer<T> row_middle;  // the middle in the rows' type
    bool is_precise = false;
    Buffer<Wider> rest;  // what is left of the middle then
};

}  // namespace somscape::SOMSCAPE_ISA
