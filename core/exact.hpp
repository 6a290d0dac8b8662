// Distances in double, and which of two units is nearer when double cannot tell.
//
// The double sum runs in eight stripes, the same on every instruction set, and is what the user
// sees.  Squares add up, so its error is relative: units further apart than that are ordered by
// it.  The rest of the Euclidean cases compare rounded sums of (a - b) ((a - x) + (b - x)) and the
// bound of their error first: distances are often equal in double, these sums seldom.  Last, products
// of the inputs are added, each held exactly by one or two doubles and their sum by an expansion
// (Shewchuk 1997, section 2.4).  A power of two brings the inputs to size 1 first; what lies 2^480
// below the largest is lost.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

// A sum of doubles without rounding: parts that do not overlap, smallest first.
class ExactSum {
public:
    void add(double value) {
        std::size_t kept = 0;
        for (const double part : parts) {
            const double sum = value + part;
            const double back = sum - value;
            const double lost = (value - (sum - back)) + (part - back);
            if (lost != 0.0) parts[kept++] = lost;
            value = sum;
        }
        parts.resize(kept);
        if (value != 0.0) parts.push_back(value);
    }
    void add_product(double a, double b) {
        const double product = a * b;
        add(product);
        add(std::fma(a, b, -product));
    }
    // The largest part outweighs all others together.
    double sign() const { return parts.empty() ? 0.0 : parts.back(); }

private:
    std::vector<double> parts;
};

// The sign of |x - a|^2 - |x - b|^2 = sum of a a - b b - 2 x a + 2 x b.
class Comparison {
public:
    Comparison(const double* a, const double* b, std::int64_t d) : a(a), b(b) {
        for (std::int64_t f = 0; f < d; ++f) {
            note_size(a[f]);
            note_size(b[f]);
        }
    }
    // Sizes come before sums.
    void note_size(double value) { largest = std::max(largest, std::fabs(value)); }

    void add_squares(std::int64_t f) {
        sum.add_product(scaled(a[f]), scaled(a[f]));
        sum.add_product(-scaled(b[f]), scaled(b[f]));
    }
    void add_products(std::int64_t f, double x) {
        sum.add_product(-2.0 * scaled(x), scaled(a[f]));
        sum.add_product(2.0 * scaled(x), scaled(b[f]));
    }
    double sign() const { return sum.sign(); }

private:
    double scaled(double value) const {
        return largest > 0 ? std::ldexp(value, -std::ilogb(largest)) : 0.0;
    }

    const double *a, *b;
    double largest = 0;
    ExactSum sum;
};

// The same sign as a sum of rounded terms, with a bound of its error.
class RoundedComparison {
public:
    // A term (a - b) * factor; `size` is what the parts of the factor add up to without signs.
    void add(double difference, double factor, double size) {
        sum += difference * factor;
        sizes += std::fabs(difference) * size;
        ++n_terms;
    }
    // Without terms a and b are the same.
    bool is_certain() const {
        const double terms = double(n_terms);
        return n_terms == 0 || std::fabs(sum) > (terms + 8) * 0x1p-51 * sizes +
                                   4 * terms * std::numeric_limits<double>::denorm_min();
    }
    double sign() const { return sum; }

private:
    double sum = 0, sizes = 0;
    std::int64_t n_terms = 0;
};

// The k nearest of the units that are added, in order.  The judge is one of those below.
template <class Judge>
class Ranking {
public:
    Ranking(const Judge& judge, typename Judge::Row x, int k,
            std::int64_t* units,  // OUT (k,)
            double* values)       // OUT (k,)
        : judge(judge), x(x), k(k), units(units), values(values) {}

    void add(std::int64_t unit, double value) {
        if (found == k && !judge.is_before(x, unit, value, units[k - 1], values[k - 1])) return;
        int i = found < k ? found++ : k - 1;
        for (; i > 0 && judge.is_before(x, unit, value, units[i - 1], values[i - 1]); --i) {
            units[i] = units[i - 1];
            values[i] = values[i - 1];
        }
        units[i] = unit;
        values[i] = value;
    }

private:
    const Judge& judge;
    typename Judge::Row x;
    int k, found = 0;
    std::int64_t* units;
    double* values;
};

template <class T>
class Judge {
public:
    using Row = const T*;

    explicit Judge(const SearchInput<T>& in)
        : in(in), tolerance((double(in.d) / stripes + 8) * 0x1p-53) {}

    // Squared distance for the Euclidean metric, else the distance itself.
    double value(const T* x, std::int64_t unit) const {
        const double* w = in.codebook + unit * in.d;
        const bool is_dense = !in.has_missing && !in.weights;
        switch (in.metric) {
            case Metric::cosine: return cosine(x, w);
            case Metric::chebyshev: return largest(x, w);
            case Metric::manhattan:
                return is_dense ? dense<false>(x, w) : total(x, w, [](double a, double b) {
                    return std::fabs(a - b);
                });
            default:
                return is_dense ? dense<true>(x, w) : total(x, w, [](double a, double b) {
                    return (a - b) * (a - b);
                });
        }
    }

    void to_distances(double* values, std::int64_t n) const {
        if (in.metric == Metric::euclidean)
            for (std::int64_t i = 0; i < n; ++i) values[i] = std::sqrt(values[i]);
    }

    // Whether unit a, at value_a, comes before unit b: nearer, or as near with a lower index.
    bool is_before(const T* x, std::int64_t a, double value_a, std::int64_t b,
                   double value_b) const {
        // Squares of tiny differences may have vanished, those of huge ones overflowed.
        const double vanished = double(in.d) * std::numeric_limits<double>::denorm_min();
        const bool can_tell =
            std::fabs(value_a - value_b) > tolerance * (value_a + value_b) + vanished;
        if (can_tell || in.metric != Metric::euclidean || in.weights)
            return value_a < value_b || (value_a == value_b && a < b);
        const double sign = exact_difference(x, a, b);
        return sign < 0 || (sign == 0 && a < b);
    }

private:
    using S = Simd<double>;
    static constexpr int stripes = 8, pieces = stripes / S::lanes;
    template <class V>
    struct Loaded {
        typedef V Vec __attribute__((vector_size(S::lanes * sizeof(V)), aligned(alignof(V)),
                                     may_alias));
    };
    using Values = typename Loaded<T>::Vec;
    using Prototype = typename Loaded<double>::Vec;

    // The sum of squared or absolute differences.
    template <bool is_squared>
    double dense(const T* x, const double* w) const {
        typename S::Vec sum[pieces] = {};
        const auto add = [&](const Values& a, const Prototype& b, int p) SOMSCAPE_INLINE {
            const typename S::Vec difference = __builtin_convertvector(a, typename S::Vec) -
                                               b;
            sum[p] += is_squared ? difference * difference : magnitude(difference);
        };
        std::int64_t f = 0;
        for (; f + stripes <= in.d; f += stripes)
            unrolled<pieces>([&](auto p) SOMSCAPE_INLINE {
                const std::int64_t at = f + p * S::lanes;
                add(*reinterpret_cast<const Values*>(x + at),
                    *reinterpret_cast<const Prototype*>(w + at), p);
            });
        unrolled<pieces>([&](auto p) SOMSCAPE_INLINE {
            const std::int64_t at = f + p * S::lanes;
            if (at >= in.d) return;
            Values a;
            Prototype b;
            const std::int64_t here = std::min<std::int64_t>(S::lanes, in.d - at);
            load_first(x + at, here, a);
            load_first(w + at, here, b);
            add(a, b, p);
        });
        return sum_in_pairs(sum);
    }

    template <class V, class W, class Term>
    double total(const V* x, const W* w, Term term) const {
        double s[stripes] = {};
        for (std::int64_t f = 0; f < in.d; ++f)
            if (!std::isnan(x[f]))
                s[f % stripes] +=
                    term(double(x[f]), double(w[f])) * (in.weights ? in.weights[f] : 1.0);
        return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    }

    double largest(const T* x, const double* w) const {
        double most = 0;
        for (std::int64_t f = 0; f < in.d; ++f) {
            const double here = std::fabs(double(x[f]) - double(w[f])) *
                                (in.weights ? in.weights[f] : 1.0);
            if (here > most) most = here;
        }
        return most;
    }

    // 1 where either has no direction.
    double cosine(const T* x, const double* w) const {
        const auto product = [](double a, double b) { return a * b; };
        const double norms = std::sqrt(total(x, x, product)) * std::sqrt(total(w, w, product));
        return norms > 0 ? 1.0 - total(x, w, product) / norms : 1.0;
    }

    double exact_difference(const T* x, std::int64_t unit_a, std::int64_t unit_b) const {
        const double* a = in.codebook + unit_a * in.d;
        const double* b = in.codebook + unit_b * in.d;
        RoundedComparison rounded;
        for (std::int64_t f = 0; f < in.d; ++f) {
            if (a[f] == b[f] || std::isnan(x[f])) continue;
            const double to_a = a[f] - double(x[f]), to_b = b[f] - double(x[f]);
            rounded.add(a[f] - b[f], to_a + to_b, std::fabs(to_a) + std::fabs(to_b));
        }
        if (rounded.is_certain()) return rounded.sign();
        Comparison comparison(a, b, in.d);
        for (std::int64_t f = 0; f < in.d; ++f)
            if (!std::isnan(x[f])) comparison.note_size(x[f]);
        for (std::int64_t f = 0; f < in.d; ++f) {
            if (a[f] == b[f] || std::isnan(x[f])) continue;
            comparison.add_squares(f);
            comparison.add_products(f, x[f]);
        }
        return comparison.sign();
    }

    const SearchInput<T>& in;
    double tolerance;
};

}  // namespace somscape::SOMSCAPE_ISA
