// The online rule (Kohonen 1982): one row, its winner, and a pull on the winner's neighborhood.
//
// w_i += rate * h(i, winner) * (x - w_i), with the codebook kept in panels for the whole block
// of steps, so that search and pull both run over lanes of units.
#include "stepwise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pack.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

// A pull below this moves a unit by less than 1e-18 of its distance to the row: left out.
constexpr double smallest_pull = 0x1p-60;
constexpr double row_pitch_sq = 0.75;  // rows of hexagons lie sqrt(3)/2 apart

double wrapped(double offset, double period) {
    offset = std::fabs(offset);
    return std::min(offset, period - offset);
}

// Writes h for every unit; squared map distances split into a row part and a column part.
class Pull {
public:
    explicit Pull(MapShape s) : shape(s), row(s.n_rows), col(2 * s.n_cols) {}

    void write(std::int64_t winner, double radius, double* pull) {
        const std::int64_t win_row = winner / shape.n_cols;
        const double win_col = double(winner % shape.n_cols);
        fill_parts(win_row, win_col, radius);
        const double limit = radius * radius + 1e-9;
        for (std::int64_t r = 0; r < shape.n_rows; ++r) {
            const double* c = col.data() + (parity(r) == parity(win_row) ? 0 : shape.n_cols);
            double* to = pull + r * shape.n_cols;
            if (shape.is_bubble) {
                for (std::int64_t j = 0; j < shape.n_cols; ++j) to[j] = row[r] + c[j] <= limit;
            } else {
                for (std::int64_t j = 0; j < shape.n_cols; ++j) {
                    const double h = row[r] * c[j];
                    to[j] = h < smallest_pull ? 0.0 : h;
                }
            }
        }
    }

private:
    std::int64_t parity(std::int64_t r) const { return shape.is_hexagonal ? r % 2 : 0; }

    void fill_parts(std::int64_t win_row, double win_col, double radius) {
        const double pitch_sq = shape.is_hexagonal ? row_pitch_sq : 1.0;
        for (std::int64_t r = 0; r < shape.n_rows; ++r) {
            double step = double(r - win_row);
            if (shape.is_torus) step = wrapped(step, double(shape.n_rows));
            row[r] = part(pitch_sq * step * step, radius);
        }
        // Second half: columns of the rows that lie half a step to the side of the winner's.
        const double shift = parity(win_row) == 1 ? -0.5 : 0.5;
        for (int half = 0; half < (shape.is_hexagonal ? 2 : 1); ++half)
            for (std::int64_t j = 0; j < shape.n_cols; ++j) {
                double step = double(j) + (half ? shift : 0.0) - win_col;
                if (shape.is_torus) step = wrapped(step, double(shape.n_cols));
                col[half * shape.n_cols + j] = part(step * step, radius);
            }
    }

    double part(double distance_sq, double radius) const {
        return shape.is_bubble ? distance_sq : std::exp(-distance_sq / (2.0 * radius * radius));
    }

    MapShape shape;
    std::vector<double> row, col;
};

template <class T>
std::int64_t winner_of(const T* x, const T* packed, std::int64_t m, std::int64_t d,
                       T* distance_sq) {
    using S = Simd<T>;
    using Vec = typename S::Vec;
    T best = std::numeric_limits<T>::infinity();
    std::int64_t unit = 0;
    const std::int64_t panels = n_panels<T>(m);
    for (std::int64_t p = 0; p < panels; p += panels_at_once) {
        const T* panel = packed + p * d * S::lanes;
        Vec sum[panels_at_once] = {};
        for (std::int64_t f = 0; f < d; ++f) {
            const Vec value = S::broadcast(x[f]);
            for (int q = 0; q < panels_at_once; ++q) {
                const Vec difference = value - S::load(panel + (q * d + f) * S::lanes);
                sum[q] += difference * difference;
            }
        }
        for (int q = 0; q < panels_at_once; ++q)
            for (std::uint32_t closer = less_mask(sum[q], S::broadcast(best)); closer;
                 closer &= closer - 1) {
                const int lane = __builtin_ctz(closer);
                if (sum[q][lane] < best) {
                    best = sum[q][lane];
                    unit = (p + q) * S::lanes + lane;
                }
            }
    }
    *distance_sq = best;
    return unit;
}

template <class T>
void pull_units(const T* x, double rate, const double* pull, std::int64_t panels, std::int64_t d,
                T* packed) {
    using S = Simd<T>;
    using Vec = typename S::Vec;
    for (std::int64_t p = 0; p < panels; ++p) {
        Vec step;
        bool is_pulled = false;
        for (int lane = 0; lane < S::lanes; ++lane) {
            step[lane] = T(rate * pull[p * S::lanes + lane]);
            is_pulled |= pull[p * S::lanes + lane] != 0.0;
        }
        if (!is_pulled) continue;
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
                T* packed, double* pull, T* codebook) {
    const std::int64_t m = shape.n_rows * shape.n_cols;
    const std::int64_t panels = (m + Simd<T>::lanes - 1) / Simd<T>::lanes;
    Pull neighborhood(shape);
    pack(codebook, m, d, packed);
    std::fill_n(pull, packed_size<T>(m, 1), 0.0);
    double total = 0;
    for (std::int64_t t = 0; t < n_steps; ++t) {
        const T* x = rows + order[t] * d;
        T distance_sq;
        const std::int64_t winner = winner_of(x, packed, m, d, &distance_sq);
        total += std::sqrt(double(distance_sq));
        neighborhood.write(winner, radii[t], pull);
        pull_units(x, rates[t], pull, panels, d, packed);
    }
    unpack(packed, m, d, codebook);
    return total;
}

template double stepwise(const float*, const std::int64_t*, const double*, const double*,
                         std::int64_t, std::int64_t, MapShape, float*, double*, float*);
template double stepwise(const double*, const std::int64_t*, const double*, const double*,
                         std::int64_t, std::int64_t, MapShape, double*, double*, double*);

}  // namespace somscape::SOMSCAPE_ISA
