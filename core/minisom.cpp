// MiniSom's online rule with NumPy's rounding: the same seed ends at the same map.
//
// The rule of stepwise.cpp is the same but for its roundings, and one of them may give a row to
// another unit, after which two trainings part for good.  So here differences are summed as NumPy
// sums an axis, the first of the units whose distances round to the same wins, and every unit is
// pulled, however weakly, where that changes a bit.  How strongly it is pulled comes in tables,
// from NumPy's own exp.
#include "minisom.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "buffer.hpp"
#include "pack.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

using S = Simd<double>;
using Vec = S::Vec;

constexpr std::int64_t rows_per_part = 64;

// A second thread comes in at 0.2 ms of work, later than elsewhere: rows are asked about in small
// numbers and often, and on a busy machine waiting for it takes longer.
constexpr double patience = 4;

// From this many units on enough of them are too far from a winner to move that it pays to look
// which: at 100 units looking cost a step 17 %, at 225 it saved 25 % (64 features, sigma 1 to 1/3).
constexpr std::int64_t large_map = 200;

// Panels whose running sums fit the registers together: 8 sums each.
constexpr int at_once = vectors_at_once / 2;
static_assert(panels_at_once % at_once == 0);
using Some = Vec[at_once];

constexpr std::int64_t numpy_block = 128;

// sum[q] = the sum of term(q, f): eight sums side by side, where there are as many terms.
template <class Term>
SOMSCAPE_INLINE inline void numpy_sums_of_block(std::int64_t f, std::int64_t end, Term term,
                                                Some& sum) {
    Some total = {};  // not `sum`, which might lie where `term` reads
    if (end - f >= 8) {
        Vec s[8 * at_once];
        unrolled<8 * at_once>([&](auto k) SOMSCAPE_INLINE { s[k] = term(k / 8, f + k % 8); });
        for (f += 8; f + 8 <= end; f += 8)
            unrolled<8 * at_once>([&](auto k) SOMSCAPE_INLINE { s[k] += term(k / 8, f + k % 8); });
        unrolled<at_once>([&](auto q) SOMSCAPE_INLINE {
            const Vec* const t = s + 8 * q;
            total[q] = ((t[0] + t[1]) + (t[2] + t[3])) + ((t[4] + t[5]) + (t[6] + t[7]));
        });
    }
    for (; f < end; ++f)
        unrolled<at_once>([&](auto q) SOMSCAPE_INLINE { total[q] += term(q, f); });
    unrolled<at_once>([&](auto q) SOMSCAPE_INLINE { sum[q] = total[q]; });
}

// By halves down to blocks.
template <class Term>
void numpy_sums_of_halves(std::int64_t begin, std::int64_t end, const Term& term, Some& sum) {
    const std::int64_t n = end - begin, middle = begin + n / 2 - n / 2 % 8;
    if (n <= numpy_block) return numpy_sums_of_block(begin, end, term, sum);
    Some rest;
    numpy_sums_of_halves(begin, middle, term, sum);
    numpy_sums_of_halves(middle, end, term, rest);
    for (int q = 0; q < at_once; ++q) sum[q] += rest[q];
}

// sum[q] = the sum of term(q, f) over the features, in the order in which NumPy adds up an axis.
template <class Term>
SOMSCAPE_INLINE inline void numpy_sums(std::int64_t d, Term term, Some& sum) {
    if (d <= numpy_block) numpy_sums_of_block(0, d, term, sum);
    else numpy_sums_of_halves(0, d, term, sum);
}

// How far the units of some panels are from a row of that length; squared for the Euclidean
// distance.
template <MiniSomDistance distance>
SOMSCAPE_INLINE inline void measure(const double* x, double length, const double* panels,
                                    std::int64_t d, Some& apart) {
    const auto unit = [=](int q, std::int64_t f) SOMSCAPE_INLINE {
        return S::load(panels + (q * d + f) * S::lanes);
    };
    const auto difference = [=](int q, std::int64_t f) SOMSCAPE_INLINE {
        return S::broadcast(x[f]) - unit(q, f);
    };
    if constexpr (distance == MiniSomDistance::euclidean)
        numpy_sums(d, [=](int q, std::int64_t f) SOMSCAPE_INLINE {
            const Vec a = difference(q, f);
            return a * a;
        }, apart);
    else if constexpr (distance == MiniSomDistance::manhattan)
        numpy_sums(d, [=](int q, std::int64_t f) SOMSCAPE_INLINE {
            return magnitude(difference(q, f));
        }, apart);
    else if constexpr (distance == MiniSomDistance::cosine) {
        Some squares, products;
        numpy_sums(d, [=](int q, std::int64_t f) SOMSCAPE_INLINE {
            return unit(q, f) * unit(q, f);
        }, squares);
        numpy_sums(d, [=](int q, std::int64_t f) SOMSCAPE_INLINE {
            return unit(q, f) * S::broadcast(x[f]);
        }, products);
        for (int q = 0; q < at_once; ++q) {
            const Vec lengths = root(squares[q]) * S::broadcast(length) + S::broadcast(1e-8);
            apart[q] = S::broadcast(1.0) - products[q] / lengths;
        }
    } else {
        constexpr bool is_signed = distance == MiniSomDistance::signed_chebyshev;
        for (Vec& most : apart) most = S::broadcast(-std::numeric_limits<double>::infinity());
        for (std::int64_t f = 0; f < d; ++f)
            for (int q = 0; q < at_once; ++q) {
                const Vec a = difference(q, f);
                apart[q] = larger(is_signed ? a : magnitude(a), apart[q]);
            }
    }
}

double length_of(const double* x, std::int64_t d) {
    double sum = 0;
    for (std::int64_t f = 0; f < d; ++f) sum += x[f] * x[f];
    return std::sqrt(sum);
}

// The nearest unit; `values` is work space for as many values as there are lanes in all panels.
template <MiniSomDistance distance>
std::int64_t winner(const double* x, const double* packed, std::int64_t m, std::int64_t d,
                    double* values) {
    const std::int64_t panels = n_panels<double>(m);
    const double length = distance == MiniSomDistance::cosine ? length_of(x, d) : 0.0;
    for (std::int64_t p = 0; p < panels; p += at_once) {
        Some apart;
        measure<distance>(x, length, packed + p * d * S::lanes, d, apart);
        for (int q = 0; q < at_once; ++q) S::store(values + (p + q) * S::lanes, apart[q]);
    }
    std::fill(values + m, values + panels * S::lanes, std::numeric_limits<double>::infinity());
    Vec least = S::broadcast(std::numeric_limits<double>::infinity());
    for (std::int64_t p = 0; p < panels; ++p) least = smaller(S::load(values + p * S::lanes), least);
    const double best = least_lane(least);
    // MiniSom compares roots, and squares a few roundings apart have the same root.
    constexpr bool is_squared = distance == MiniSomDistance::euclidean;
    const double limit = is_squared ? best * (1 + 0x1p-50) : best;
    for (std::int64_t p = 0; p < panels; ++p)
        for (std::uint32_t near = not_above_mask(S::load(values + p * S::lanes),
                                                 S::broadcast(limit));
             near; near &= near - 1) {
            const std::int64_t unit = p * S::lanes + __builtin_ctz(near);
            if (!is_squared || std::sqrt(values[unit]) == std::sqrt(best))
                return std::min(unit, m - 1);
        }
    return 0;  // nothing is near where all is NaN
}

// act(distance), with the distance as a constant of the type.
template <class Act>
void with_distance(MiniSomDistance distance, Act act) {
    using D = MiniSomDistance;
    switch (distance) {
        case D::euclidean: return act(std::integral_constant<D, D::euclidean>{});
        case D::manhattan: return act(std::integral_constant<D, D::manhattan>{});
        case D::chebyshev: return act(std::integral_constant<D, D::chebyshev>{});
        case D::signed_chebyshev: return act(std::integral_constant<D, D::signed_chebyshev>{});
        case D::cosine: return act(std::integral_constant<D, D::cosine>{});
    }
}

// How strongly every unit is pulled in a step.
class Pull {
public:
    Pull(const MiniSomSteps& s, MiniSomMap m) : steps(s), map(m), along_y(m.n_y) {}

    void write(std::int64_t t, std::int64_t unit, double* to) const {
        const std::int64_t x = unit / map.n_y, y = unit % map.n_y, n = map.n_offsets();
        for (std::int64_t term = 0; term < steps.n_terms; ++term) {
            const double* by_x = steps.along_x + (t * steps.n_terms + term) * n;
            const double* by_y = steps.along_y + (t * steps.n_terms + term) * map.n_y;
            for (std::int64_t j = 0; j < map.n_y; ++j)
                along_y[j] = is_within(t, j, y) ? by_y[std::abs(j - y)] : 0.0;
            for (std::int64_t i = 0; i < map.n_x; ++i) {
                const double even = weight(t, by_x, i, x, shift(0) - shift(y));
                const double odd = weight(t, by_x, i, x, shift(1) - shift(y));
                fill(to + i * map.n_y, even, odd, term > 0);
            }
        }
        const double rate = steps.rates[t];
        for (std::int64_t i = 0; i < map.n_x * map.n_y; ++i) to[i] *= rate;
    }

private:
    // MiniSom moves every other row of hexagons half a step to the left, counted from the last.
    std::int64_t shift(std::int64_t y) const {
        return map.is_hexagonal && (map.n_y - 1 - y) % 2 == 0 ? 1 : 0;
    }

    // Compared as MiniSom does: close to a whole window the outcome depends on the place.
    bool is_within(std::int64_t t, std::int64_t i, std::int64_t center) const {
        if (!steps.windows) return true;
        const double at = double(center), window = steps.windows[t];
        return double(i) > at - window && double(i) < at + window;
    }

    double weight(std::int64_t t, const double* by_x, std::int64_t i, std::int64_t x,
                  std::int64_t half_steps) const {
        if (!is_within(t, i, x)) return 0.0;
        return by_x[map.is_hexagonal ? std::abs(2 * (i - x) - half_steps) : std::abs(i - x)];
    }

    // The units of one x, with the weights along x of even and of odd y.
    void fill(double* to, double even, double odd, bool adds) const {
        const double* by_y = along_y.get();
        const auto pass = [&](auto value) SOMSCAPE_INLINE {
            if (adds) for (std::int64_t j = 0; j < map.n_y; ++j) to[j] += value(j);
            else for (std::int64_t j = 0; j < map.n_y; ++j) to[j] = value(j);
        };
        if (even == odd) pass([=](std::int64_t j) SOMSCAPE_INLINE { return even * by_y[j]; });
        else pass([=](std::int64_t j) SOMSCAPE_INLINE { return (j % 2 ? odd : even) * by_y[j]; });
    }

    const MiniSomSteps& steps;
    const MiniSomMap map;
    Buffer<double> along_y;
};

// The codebook in panels, and between which sizes the values of each lane lie.
class Panels {
public:
    Panels(const double* codebook, std::int64_t m_, std::int64_t d_)
        : m(m_), d(d_), panels(n_panels<double>(m_)), packed(packed_size<double>(m_, d_)),
          least(panels), most(panels) {
        pack(codebook, m, d, packed.get());
        for (std::int64_t p = 0; p < panels; ++p) {
            least[p] = Vec{};  // nobody looks: always pulled
            most[p] = S::broadcast(std::numeric_limits<double>::infinity());
            if (is_large()) bound_panel(p);
        }
    }

    const double* get() const { return packed.get(); }
    std::int64_t n_lanes() const { return panels * S::lanes; }
    void unpack_to(double* codebook) const { unpack(packed.get(), m, d, codebook); }

    // w += step * (x - w).  Where the pull is so weak that no value can change, and units far
    // from the winner are most of a large map, there is nothing to do.
    void pull(const double* x, const double* steps) const {
        double largest = 0;
        for (std::int64_t f = 0; f < d; ++f) largest = std::max(largest, std::abs(x[f]));
        for (std::int64_t p = 0; p < panels; ++p) {
            const Vec step = S::load(steps + p * S::lanes);
            const Vec change = magnitude(step) * (most[p] + S::broadcast(largest));
            if (not_above_mask(change, least[p] * S::broadcast(0x1p-56)) == S::all) continue;
            double* panel = packed.get() + p * d * S::lanes;
            for (std::int64_t f = 0; f < d; ++f) {
                const Vec w = S::load(panel + f * S::lanes);
                S::store(panel + f * S::lanes, w + step * (S::broadcast(x[f]) - w));
            }
            if (is_large()) bound_panel(p);
        }
    }

private:
    bool is_large() const { return m >= large_map; }

    void bound_panel(std::int64_t p) const {
        const double* panel = packed.get() + p * d * S::lanes;
        Vec low = S::broadcast(std::numeric_limits<double>::infinity()), high = {};
        for (std::int64_t f = 0; f < d; ++f) {
            const Vec size = magnitude(S::load(panel + f * S::lanes));
            low = smaller(size, low);
            high = larger(size, high);
        }
        least[p] = low;
        most[p] = high;
    }

    std::int64_t m, d, panels;
    Buffer<double> packed;
    Buffer<Vec> least, most;
};

}  // namespace

void minisom_winners(const double* rows, std::int64_t n, std::int64_t d, const double* codebook,
                     std::int64_t m, MiniSomDistance distance, std::int64_t* units) {
    const Buffer<double> packed(packed_size<double>(m, d));
    pack(codebook, m, d, packed.get());
    const std::int64_t lanes = n_panels<double>(m) * S::lanes;
    const std::int64_t parts = (n + rows_per_part - 1) / rows_per_part;
    const int threads = thread_count(double(n) * double(m) * double(d) / patience);
    with_distance(distance, [&](auto which) {
        share(threads, parts, [&](std::int64_t part) {
            const Buffer<double> values(lanes);
            const std::int64_t end = std::min(n, (part + 1) * rows_per_part);
            for (std::int64_t i = part * rows_per_part; i < end; ++i)
                units[i] = winner<decltype(which)::value>(rows + i * d, packed.get(), m, d, values.get());
        });
    });
}

void minisom_steps(const double* rows, std::int64_t d, const MiniSomSteps& steps, MiniSomMap map,
                   double* codebook) {
    const std::int64_t m = map.n_x * map.n_y;
    const Panels panels(codebook, m, d);
    const Pull pull(steps, map);
    const Buffer<double> values(panels.n_lanes()), pulls(panels.n_lanes());
    std::fill_n(pulls.get(), panels.n_lanes(), 0.0);
    with_distance(map.distance, [&](auto which) {
        for (std::int64_t t = 0; t < steps.n_steps; ++t) {
            const std::int64_t row = steps.order[t];
            const double* x = rows + row * d;
            std::int64_t unit = steps.given ? steps.given[row] : -1;
            if (unit < 0) unit = winner<decltype(which)::value>(x, panels.get(), m, d, values.get());
            pull.write(t, unit, pulls.get());
            panels.pull(x, pulls.get());
        }
    });
    panels.unpack_to(codebook);
}

}  // namespace somscape::SOMSCAPE_ISA
