// The margin rule (Schneider, Biehl and Hammer 2009): prototypes move, and axes turn, until rows lie
// nearest to their own class.
//
// A step takes some rows.  What takes long are three products of small matrices: the rows on the
// axes, how near they lie to the prototypes, and the slope of the axes.  Lanes hold units, or axes,
// and every sum is taken in one order, so that all instruction sets find the same bits.
#include "margin.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "buffer.hpp"
#include "elementary.hpp"
#include "tile.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

using S = Simd<float>;
using Vec = S::Vec;

constexpr double steepness = 8, tiny = 1e-12;
constexpr double kept_of_mean = 0.9, kept_of_square = 0.99;
// Means that go on shrinking become numbers with which processors compute slowly.
constexpr float vanished = 1e-30f;

struct Product {
    static Vec add(Vec x, Vec w, Vec sum) { return sum + x * w; }  // never rounded once
    static Vec join(Vec a, Vec b) { return a + b; }
};

std::int64_t whole(std::int64_t n, std::int64_t of) { return (n + of - 1) / of * of; }

// Columns in groups of group_size, row after row within a group (tile.hpp).
struct Grouped {
    Grouped(std::int64_t n_rows_, std::int64_t n_cols_)
        : n_rows(n_rows_), n_cols(n_cols_), n_padded(whole(n_cols_, group_size)),
          values(n_rows_ * n_padded) {
        std::fill_n(values.get(), size(), 0.0f);
    }

    std::int64_t size() const { return n_rows * n_padded; }
    std::int64_t n_vectors() const { return n_padded / S::lanes; }
    std::int64_t place(std::int64_t row, std::int64_t col) const {
        return (col / group_size * n_rows + row) * group_size + col % group_size;
    }
    // The first of a column's values; the next is group_size further.
    float* column(std::int64_t col) const { return values.get() + place(0, col); }
    float& at(std::int64_t row, std::int64_t col) const { return values[place(row, col)]; }

    const std::int64_t n_rows, n_cols, n_padded;
    const Buffer<float> values;
};

// Rows in full, their number padded for tiles, their length for vectors; padding is 0.
struct Padded {
    Padded(std::int64_t n_rows, std::int64_t n_cols)
        : pitch(whole(n_cols, group_size)), values(whole(n_rows, rows_at_once) * pitch) {
        std::fill_n(values.get(), whole(n_rows, rows_at_once) * pitch, 0.0f);
    }
    float* row(std::int64_t i) const { return values.get() + i * pitch; }

    const std::int64_t pitch;
    const Buffer<float> values;
};

// Values that steps change, with the means of their slopes and of the slopes' squares (Adam: Kingma
// and Ba 2015).
struct Changing {
    Changing(float* from, std::int64_t n_rows, std::int64_t n_cols, bool is_turned)
        : value(n_rows, n_cols), mean(n_rows, n_cols), square(n_rows, n_cols),
          slope(n_rows, n_cols), given(from), turned(is_turned) {
        each([](float& packed, float& plain) { packed = plain; });
    }

    void write_back() {
        each([](float& packed, float& plain) { plain = packed; });
    }

    // A step of a vector of values against its slope, which is then 0.
    SOMSCAPE_INLINE Vec step(std::int64_t at, Vec length, Vec growth) const {
        const Vec by = S::load(slope.values.get() + at);
        const Vec m = kept(S::broadcast(float(kept_of_mean)) * S::load(mean.values.get() + at) +
                           S::broadcast(float(1 - kept_of_mean)) * by);
        const Vec s = kept(S::broadcast(float(kept_of_square)) * S::load(square.values.get() + at) +
                           S::broadcast(float(1 - kept_of_square)) * (by * by));
        const Vec w = S::load(value.values.get() + at) -
                      length * m / (root(s * growth) + S::broadcast(float(tiny)));
        S::store(slope.values.get() + at, Vec{});
        S::store(mean.values.get() + at, m);
        S::store(square.values.get() + at, s);
        S::store(value.values.get() + at, w);
        return w;
    }

    Grouped value, mean, square, slope;

private:
    static Vec kept(Vec a) { return magnitude(a) < S::broadcast(vanished) ? Vec{} : a; }

    template <class Act>
    void each(Act act) {
        const std::int64_t n_rows = value.n_rows, n_cols = value.n_cols;
        float* plain = given;
        for (Grouped* part : {&value, &mean, &square})
            for (std::int64_t a = 0; a < (turned ? n_cols : n_rows); ++a)
                for (std::int64_t b = 0; b < (turned ? n_rows : n_cols); ++b)
                    act(turned ? part->at(b, a) : part->at(a, b), *plain++);
    }

    float* given;
    bool turned;  // whether what is given has columns in its rows
};

// act(sum, i, v) for each vector v of first[j] + a[i][0] b[0][j] + a[i][1] b[1][j] + ..., added in
// this order, of rows_at_once rows of a.
template <class Act>
SOMSCAPE_INLINE inline void multiply(const float* const* a, const Grouped& b, std::int64_t depth,
                                     const float* first, Act act) {
    by_vectors(0, b.n_vectors(), [&](std::int64_t vector, auto count) SOMSCAPE_INLINE {
        auto sums = score_tile<Product, rows_at_once, decltype(count)::value>(
            a, b.values.get(), first, vector, b.n_rows, AllFeatures{depth});
        sums.each([&](Vec& sum, auto r, auto v) SOMSCAPE_INLINE { act(sum, r, vector + v); });
    });
}

// The same for all of n rows, told their number.
template <class Act>
void multiply_all(const Padded& a, std::int64_t n, const Grouped& b, std::int64_t depth,
                  const float* first, Act act) {
    for (std::int64_t i = 0; i < n; i += rows_at_once) {
        const float* rows[rows_at_once];
        for (int r = 0; r < rows_at_once; ++r) rows[r] = a.row(i + r);
        multiply(rows, b, depth, first, [&](Vec sum, auto r, std::int64_t v) SOMSCAPE_INLINE {
            act(sum, i + r, v);
        });
    }
}

float largest_lane(Vec a) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    return _mm512_reduce_max_ps((__m512)a);
#else
    return reduced(a, [](auto one, auto other) { return larger(one, other); });
#endif
}

// The first of the largest values; `begin` where none is a number.
std::int64_t first_of_largest(const float* values, std::int64_t begin, std::int64_t end) {
    std::int64_t best = begin;
    if (end - begin < S::lanes) {
        for (std::int64_t i = begin; i < end; ++i)
            if (values[i] > values[best]) best = i;
        return best;
    }
    Vec most[4];  // they need not wait for each other
    for (Vec& each : most) each = S::load(values + end - S::lanes);
    std::int64_t i = begin;
    for (; i + 4 * S::lanes <= end; i += 4 * S::lanes)
        unrolled<4>([&](auto q) SOMSCAPE_INLINE {
            most[q] = larger(S::load(values + i + q * S::lanes), most[q]);
        });
    for (; i + S::lanes <= end; i += S::lanes) most[0] = larger(S::load(values + i), most[0]);
    const float top = largest_lane(larger(larger(most[0], most[1]), larger(most[2], most[3])));
    for (i = begin; i < end; i += S::lanes) {
        i = std::min(i, end - S::lanes);
        const std::uint32_t there = not_above_mask(S::broadcast(top), S::load(values + i));
        if (there) return i + __builtin_ctz(there);
    }
    return best;
}

class Rule {
public:
    Rule(const ClassedRows& rows, std::int64_t batch, std::int64_t m, float* w, float* a)
        : known(rows), d(rows.d), prototypes(w, d, m, true), axes(a, d, d, false),
          nearness(prototypes.value.n_padded), none(axes.value.n_padded),
          given(batch, d), turned(batch, d), across(d, batch), by_row(batch, d),
          scores(rows_at_once, m), own(batch), other(batch) {
        std::fill_n(none.get(), axes.value.n_padded, 0.0f);
        for (std::int64_t u = 0; u < prototypes.value.n_padded; u += S::lanes) {
            Vec squares = {};
            const float* w_u = prototypes.value.column(u);
            for (std::int64_t f = 0; f < d; ++f) {
                const Vec value = S::load(w_u + f * group_size);
                squares += value * value;
            }
            set_nearness(u, squares);
        }
        bar_padding();
    }

    void step(const std::int64_t* some, std::int64_t n, double length, double turn, double growth) {
        take(some, n);
        find_nearest(some, n);
        double total = 0;
        for (std::int64_t i = 0; i < n; ++i) total += known.weights[some[i]];
        for (std::int64_t i = 0; i < n; ++i) pull(i, known.weights[some[i]] / total);
        multiply_all(across, d, by_row, n, none.get(), [&](Vec sum, std::int64_t f, std::int64_t v)
            SOMSCAPE_INLINE {
            if (f < d) S::store(&axes.slope.at(f, v * S::lanes), sum);
        });
        move(float(length), float(turn), float(growth));
    }

    void write_back() {
        prototypes.write_back();
        axes.write_back();
    }

private:
    // score(unit) = row . w - |w|^2 / 2 is largest at the nearest unit, and begins with its end.
    void set_nearness(std::int64_t u, Vec squares) {
        S::store(nearness.get() + u, S::broadcast(-0.5f) * squares);
    }
    void bar_padding() {
        std::fill(nearness.get() + prototypes.value.n_cols,
                  nearness.get() + prototypes.value.n_padded,
                  -std::numeric_limits<float>::infinity());
    }

    void take(const std::int64_t* some, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i)
            for (std::int64_t f = 0; f < d; ++f)
                across.row(f)[i] = given.row(i)[f] = known.rows[some[i] * d + f];
        multiply_all(given, n, axes.value, d, none.get(),
                     [&](Vec sum, std::int64_t i, std::int64_t v) SOMSCAPE_INLINE {
            S::store(turned.row(i) + v * S::lanes, sum);
        });
    }

    void find_nearest(const std::int64_t* some, std::int64_t n) {
        const std::int64_t m = prototypes.value.n_cols;
        for (std::int64_t i = 0; i < n; i += rows_at_once) {
            const float* rows[rows_at_once];
            for (int r = 0; r < rows_at_once; ++r) rows[r] = turned.row(i + r);
            multiply(rows, prototypes.value, d, nearness.get(),
                     [&](Vec sum, auto r, std::int64_t v) SOMSCAPE_INLINE {
                S::store(scores.row(r) + v * S::lanes, sum);
            });
            for (std::int64_t r = 0; r < rows_at_once && i + r < n; ++r) {
                const std::int64_t* range = known.first_units + known.classes[some[i + r]];
                float* of_row = scores.row(r);
                own[i + r] = first_of_largest(of_row, range[0], range[1]);
                std::fill(of_row + range[0], of_row + range[1],
                          -std::numeric_limits<float>::infinity());
                other[i + r] = first_of_largest(of_row, 0, m);
            }
        }
    }

    // The slopes of one row: of its two prototypes, and of itself on the axes.
    void pull(std::int64_t i, double share) {
        const float* x = turned.row(i);
        const float *w = prototypes.value.column(own[i]), *v = prototypes.value.column(other[i]);
        float squares = 0, other_squares = 0;
        for (std::int64_t f = 0; f < d; ++f) {
            const float one = x[f] - w[f * group_size], two = x[f] - v[f * group_size];
            squares += one * one;
            other_squares += two * two;
        }
        const double d_own = squares, d_other = other_squares, both = d_own + d_other + tiny;
        const double value = 1 / (1 + exponential(-steepness * (d_own - d_other) / both));
        const double slope = steepness * value * (1 - value) * share * 2 / (both * both);
        const float by_own = float(2 * slope * d_other), by_other = float(-2 * slope * d_own);
        float* of_own = prototypes.slope.column(own[i]);
        float* of_other = prototypes.slope.column(other[i]);
        for (std::int64_t f = 0; f < d; ++f) {
            const float one = by_own * (x[f] - w[f * group_size]);
            const float two = by_other * (x[f] - v[f * group_size]);
            of_own[f * group_size] -= one;
            of_other[f * group_size] -= two;
            by_row.at(i, f) = one + two;
        }
    }

    void move(float length, float turn, float growth) {
        const std::int64_t group = d * group_size;
        for (std::int64_t u = 0; u < prototypes.value.n_padded; u += S::lanes) {
            const std::int64_t first = u / group_size * group + u % group_size;
            Vec squares = {};
            for (std::int64_t f = 0; f < d; ++f) {
                const Vec value = prototypes.step(first + f * group_size, S::broadcast(length),
                                                  S::broadcast(growth));
                squares += value * value;
            }
            set_nearness(u, squares);
        }
        bar_padding();
        Vec most = {};
        for (std::int64_t at = 0; at < axes.value.size(); at += S::lanes)
            most = larger(magnitude(S::load(axes.value.values.get() + at)), most);
        const float largest = largest_lane(most);
        for (std::int64_t at = 0; at < axes.value.size(); at += S::lanes)
            axes.step(at, S::broadcast(turn * largest), S::broadcast(growth));
    }

    const ClassedRows known;
    const std::int64_t d;
    Changing prototypes, axes;
    Buffer<float> nearness, none;
    Padded given, turned, across;
    Grouped by_row;
    Padded scores;
    Buffer<std::int64_t> own, other;
};

}  // namespace

void margin_steps(const ClassedRows& known, const MarginSteps& steps, std::int64_t m,
                  float* prototypes, float* axes) {
    Rule rule(known, std::min(steps.batch, steps.n), m, prototypes, axes);
    double of_mean = 1, of_square = 1;  // shares of the means that are still the 0 they began with
    const auto count = [&] { of_mean *= kept_of_mean, of_square *= kept_of_square; };
    for (std::int64_t t = 0; t < steps.n_before; ++t) count();
    const double* length = steps.lengths;
    for (std::int64_t i = 0; i < steps.n; i += steps.batch, length += 2) {
        count();
        rule.step(steps.order + i, std::min(steps.batch, steps.n - i), length[0] / (1 - of_mean),
                  length[1] / (1 - of_mean), 1 / (1 - of_square));
    }
    rule.write_back();
}

}  // namespace somscape::SOMSCAPE_ISA
