// The online rule (Kohonen 1982): one row, its winner, and a pull on the winner's neighborhood.
//
// w_i += rate * h(i, winner) * (x - w_i), with the codebook kept in panels for the whole block
// of steps, so that search and pull both run over lanes of units.
#include "stepwise.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "elementary.hpp"
#include "nearest.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

// A pull below this moves a unit by less than 1e-18 of its distance to the row: left out.
constexpr double smallest_pull = 0x1p-60;
constexpr double row_pitch_sq = 0.75;  // rows of hexagons lie sqrt(3)/2 apart
constexpr double radius_tolerance = 1e-9;  // rounding must not put a unit at the radius out

// What a unit's offset from the winner along one axis adds to the squared map distance, and by
// what it multiplies the weight of a neighborhood that is a product of both axes.
struct Parts {
    explicit Parts(std::int64_t n) : sq(n), factor(n) {}
    std::vector<double> sq, factor;
};

double gaussian(double distance_sq, double radius) {
    const double exponent = -0.5 * (distance_sq / radius) / radius;  // radius^2 may vanish
    return exponent < -42.0 ? 0.0 : exponential(exponent);           // below smallest_pull
}

double epanechnikov(double distance_sq, double radius) {
    return std::max(0.0, 1.0 - (distance_sq / radius) / radius);
}

// Squared map distances split into a row part and a column part, and so does a gaussian.  Both
// parts are looked up by offset; a table per radius costs one to three exponentials, because
// g^((k+1)^2) = g^(k^2) g^(2k+1).  Errors grow with k^2 / 2 units in the last place.
class Pull {
public:
    explicit Pull(MapShape s)
        : shape(s), row_part(s.n_rows), col_part(s.n_cols), half_part(s.n_cols + 1),
          same(s.n_cols), shifted(s.n_cols) {
        const double pitch_sq = shape.is_hexagonal ? row_pitch_sq : 1.0;
        squares(row_part.sq, pitch_sq, 0.0);
        squares(col_part.sq, 1.0, 0.0);
        squares(half_part.sq, 1.0, 0.5);
    }

    // step[unit] = rate * h(unit, winner)
    template <class T>
    void write(std::int64_t winner, double radius, double rate, T* step) {
        if (shape.distances) return write_graph(winner, radius, rate, step);
        if (radius != tabled_radius) tabulate(radius);
        const std::int64_t win_row = winner / shape.n_cols, win_col = winner % shape.n_cols;
        place_columns(win_row, win_col);
        const double limit = radius * radius + radius_tolerance;
        for (std::int64_t r = 0; r < shape.n_rows; ++r) {
            const std::int64_t k = offset(r, win_row, shape.n_rows, shape.wraps_rows);
            const double row_sq = row_part.sq[k], by_row = row_part.factor[k];
            const Parts& columns = parity(r) == parity(win_row) ? same : shifted;
            const double* col_sq = columns.sq.data();
            const double* by_col = columns.factor.data();
            T* to = step + r * shape.n_cols;
            if (shape.pulls == Pulls::bubble)
                fill(to, shape.n_cols, rate, [&](std::int64_t c) {
                    return row_sq + col_sq[c] <= limit ? 1.0 : 0.0;
                });
            else if (shape.pulls == Pulls::cut_gaussian)
                fill(to, shape.n_cols, rate, [&](std::int64_t c) {
                    return row_sq + col_sq[c] <= limit ? by_row * by_col[c] : 0.0;
                });
            else if (shape.pulls == Pulls::epanechnikov)
                fill(to, shape.n_cols, rate, [&](std::int64_t c) {
                    return epanechnikov(row_sq + col_sq[c], radius);
                });
            else
                fill(to, shape.n_cols, rate, [&](std::int64_t c) { return by_row * by_col[c]; });
        }
    }

private:
    template <class T>
    void write_graph(std::int64_t winner, double radius, double rate, T* step) const {
        const std::int64_t m = shape.n_rows;
        const double* distance = shape.distances + winner * m;
        const double limit = radius * radius + radius_tolerance;
        fill(step, m, rate, [&](std::int64_t unit) {
            const double sq = distance[unit] * distance[unit];
            if (shape.pulls == Pulls::epanechnikov) return epanechnikov(sq, radius);
            if (shape.pulls != Pulls::gaussian && !(sq <= limit)) return 0.0;
            return shape.pulls == Pulls::bubble ? 1.0 : gaussian(sq, radius);
        });
    }

    template <class T, class Weight>
    static void fill(T* to, std::int64_t n, double rate, Weight weight) {
        for (std::int64_t i = 0; i < n; ++i) {
            const double h = weight(i);
            to[i] = h < smallest_pull ? T(0) : T(rate * h);
        }
    }

    std::int64_t parity(std::int64_t r) const { return shape.is_hexagonal ? r % 2 : 0; }

    static std::int64_t offset(std::int64_t a, std::int64_t b, std::int64_t period, bool wraps) {
        const std::int64_t step = a < b ? b - a : a - b;
        return wraps ? std::min(step, period - step) : step;
    }

    // Columns of the winner's kind of row, and of rows half a step to the side of it.
    void place_columns(std::int64_t win_row, std::int64_t win_col) {
        const std::int64_t n = shape.n_cols;
        for (std::int64_t c = 0; c < n; ++c)
            place(same, c, col_part, offset(c, win_col, n, shape.wraps_cols));
        if (!shape.is_hexagonal) return;
        // In half steps: 2 (c - win_col) +- 1 is odd, and half_part[k] belongs to k + 1/2.
        const std::int64_t side = parity(win_row) == 1 ? -1 : 1;
        for (std::int64_t c = 0; c < n; ++c)
            place(shifted, c, half_part,
                  offset(2 * c + side, 2 * win_col, 2 * n, shape.wraps_cols) / 2);
    }

    static void place(Parts& to, std::int64_t c, const Parts& from, std::int64_t k) {
        to.sq[c] = from.sq[k];
        to.factor[c] = from.factor[k];
    }

    // to[k] = pitch_sq (k + shift)^2
    static void squares(std::vector<double>& to, double pitch_sq, double shift) {
        for (std::size_t k = 0; k < to.size(); ++k)
            to[k] = pitch_sq * (double(k) + shift) * (double(k) + shift);
    }

    void tabulate(double radius) {
        tabled_radius = radius;
        if (shape.pulls == Pulls::triangle) {
            by_axis(row_part.factor, radius);
            by_axis(col_part.factor, radius);
        }
        if (shape.pulls != Pulls::gaussian && shape.pulls != Pulls::cut_gaussian) return;
        const double exponent = -0.5 / radius / radius;  // the square of a radius may vanish
        const double g = exponential(exponent);
        const double g_row = shape.is_hexagonal ? exponential(row_pitch_sq * exponent) : g;
        powers(row_part.factor, 1.0, g_row, g_row);
        powers(col_part.factor, 1.0, g, g);
        if (shape.is_hexagonal) powers(half_part.factor, exponential(0.25 * exponent), g * g, g);
    }

    static void by_axis(std::vector<double>& to, double radius) {
        for (std::size_t k = 0; k < to.size(); ++k) to[k] = std::max(0.0, radius - double(k));
    }

    // to[k] = g^((k + h)^2) for h = 0 or 1/2, from to[0] and to[1] / to[0].
    static void powers(std::vector<double>& to, double first, double ratio, double g) {
        to[0] = first;
        for (std::size_t k = 1; k < to.size(); ++k, ratio *= g * g) to[k] = to[k - 1] * ratio;
    }

    MapShape shape;
    double tabled_radius = -1.0;
    Parts row_part, col_part, half_part, same, shifted;
};

template <class T>
void pull_units(const T* x, const T* steps, std::int64_t panels, std::int64_t d, T* packed) {
    using S = Simd<T>;
    using Vec = typename S::Vec;
    for (std::int64_t p = 0; p < panels; ++p) {
        const Vec step = S::load(steps + p * S::lanes);
        if (not_above_mask(step, Vec{}) == S::all) continue;
        T* panel = packed + p * d * S::lanes;
        for (std::int64_t f = 0; f < d; ++f) {
            const Vec w = S::load(panel + f * S::lanes);
            S::store(panel + f * S::lanes, w + step * (S::broadcast(x[f]) - w));
        }
    }
}

}  // namespace

template <class T>
double stepwise(const T* rows, const std::int64_t* order, const double* rates,
                const double* radii, std::int64_t n_steps, std::int64_t d, MapShape shape,
                T* packed, T* steps, T* codebook) {
    const std::int64_t m = shape.n_rows * shape.n_cols;
    const std::int64_t panels = (m + Simd<T>::lanes - 1) / Simd<T>::lanes;
    Pull neighborhood(shape);
    pack(codebook, m, d, packed);
    std::fill_n(steps, packed_size<T>(m, 1), T(0));
    double total = 0;
    for (std::int64_t t = 0; t < n_steps; ++t) {
        const T* x = rows + order[t] * d;
        const Nearest<T> winner = nearest(x, packed, m, d);
        total += std::sqrt(double(winner.distance_sq));
        neighborhood.write(winner.unit, radii[t], rates[t], steps);
        pull_units(x, steps, panels, d, packed);
    }
    unpack(packed, m, d, codebook);
    return total;
}

template double stepwise(const float*, const std::int64_t*, const double*, const double*,
                         std::int64_t, std::int64_t, MapShape, float*, float*, float*);
template double stepwise(const double*, const std::int64_t*, const double*, const double*,
                         std::int64_t, std::int64_t, MapShape, double*, double*, double*);

}  // namespace somscape::SOMSCAPE_ISA
