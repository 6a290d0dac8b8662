// The kernels of one instruction set, as a table of functions.
//
// Arguments are plain arrays in C order, marked IN, OUT or INOUT where they are declared.
// No kernel allocates in its loop, but for work space that few rows need (decide.hpp), and none checks
// what bindings.cpp has checked.
#pragma once

#include <cstddef>
#include <cstdint>

namespace somscape {

// How strongly a winner pulls, in the order of NEIGHBORHOODS in grid/_neighborhood.py, which has the
// formulas.  The last goes by axis, all others by map distance.
enum class Pulls { gaussian, bubble, cut_gaussian, epanechnikov, triangle };

// How units are laid out and how strongly the winner pulls them.
struct MapShape {
    std::int64_t n_rows;
    std::int64_t n_cols;
    bool is_hexagonal;
    bool wraps_rows;
    bool wraps_cols;
    const double* distances;  // (m, m) map distances of a graph, or null for a lattice
    Pulls pulls;
};

// How strongly units pull each other, by row offset and column offset (grid/_neighborhood.py).
struct Neighborhood {
    const double* row_weight;    // (n_rows, n_rows), target row by source row
    const std::int32_t* kernel;  // (n_rows, n_rows), which column kernel
    const double* col_kernel;    // (n_kernels, 2 n_cols - 1), by column offset
    std::int64_t n_rows, n_cols, n_kernels;
};

enum class Metric { euclidean, manhattan, chebyshev, cosine };

constexpr int max_best = 16;

template <class T>
struct SearchInput {
    const T* rows;                // (n, d); NaN for a missing value
    const double* codebook;       // (m, d), finite
    std::int64_t n, m, d;
    const std::int64_t* order;    // (m,) all units, those that lie close on the map together; or null
    const double* weights;        // (d,) what each feature counts, or null for all 1
    Metric metric;
    bool has_missing;
    int k;                        // units wanted per row, 1..min(max_best, m)
    bool one_thread;              // whether no other thread may help
};

// How MiniSom measures; signed: the largest difference, row less unit, without absolute values.
enum class MiniSomDistance { euclidean, cosine, manhattan, chebyshev, signed_chebyshev };

// A map as MiniSom lays it out: unit = x * n_y + y.
struct MiniSomMap {
    std::int64_t n_x, n_y;
    bool is_hexagonal;  // every other y is half a step to the left, counted from the last
    MiniSomDistance distance;
    // Offsets along x, counted in half steps on hexagons.
    std::int64_t n_offsets() const { return is_hexagonal ? 2 * n_x : n_x; }
};

// Steps of MiniSom's rule.  A unit is pulled by rate times the sum over terms of
// along_x[x offset] * along_y[y offset].
struct MiniSomSteps {
    const std::int64_t* order;  // (n_steps,), rows to present
    const std::int64_t* given;  // (n,) the unit that each row pulls at, -1 for the nearest; or null
    const double* rates;        // (n_steps,)
    const double* windows;      // (n_steps,) units this far along an axis are not pulled; or null
    const double* along_x;      // (n_steps, n_terms, n_offsets)
    const double* along_y;      // (n_steps, n_terms, n_y)
    std::int64_t n_steps, n_terms;
};

// The unit of each row, and what the row counts there.
struct Winners {
    const std::int64_t* units;  // (n,), each in 0..m-1
    const double* weights;      // (n,) or null for all 1
    const double* distances;    // (n,) or null where errors are not wanted
    std::int64_t n;
    double weight_scale, error_scale;  // powers of two
};

// Rows in compressed sparse row format; what is not stored is 0.
template <class T>
struct SparseRows {
    const std::int64_t* begin;     // (n + 1,) where each row's values start and end
    const std::int32_t* features;  // of each value
    const T* values;
    std::int64_t n;
};

// Piecewise linear functions, one per column; the last knot may be repeated.
struct Lines {
    const std::int64_t* features;  // (n,) of which each is a function
    const double *x, *y;           // (n, n_knots), x ascending, the first two different
    std::int64_t n, n_knots;
};

// Rows of known class.  Class c has the units first_units[c] up to first_units[c + 1].
struct ClassedRows {
    const float* rows;                // (n, d)
    const std::int64_t* classes;      // (n,)
    const double* weights;            // (n,), above 0
    const std::int64_t* first_units;  // (n_classes + 1,)
    std::int64_t d;                   // 1..max_product
};

// Sums of this many products are added one after the other.
constexpr std::int64_t max_product = 128;

// Steps of the margin rule, of `batch` rows each; the last may have fewer.
struct MarginSteps {
    const std::int64_t* order;  // (n,), rows to present
    std::int64_t n, batch;      // at least 1; a batch at most max_product
    const double* lengths;      // (n_steps, 2), of prototypes, and of axes by their largest entry
    std::int64_t n_before;      // steps that were taken before
};

template <class T>
struct KernelsOf {
    std::int64_t (*search)(const SearchInput<T>& in,
                           std::int64_t* units,  // OUT (n, k), nearest first, lowest index on ties
                           double* distances);   // OUT (n, k), in the metric; or null
    // returns how many rows met all units in float64, equal ones counted once

    void (*search_sparse)(SparseRows<T> rows,
                          const double* codebook,  // IN  (m, d)
                          std::int64_t m, std::int64_t d,
                          Metric metric,      // IN  euclidean or cosine
                          int k,
                          std::int64_t* units,  // OUT (n, k)
                          double* distances);   // OUT (n, k)

    void (*mean_of_nearest)(const T* rows,           // IN  (n, d)
                            std::int64_t n, std::int64_t d,
                            const double* codebook,  // IN  (m, d)
                            std::int64_t m,
                            std::int64_t k,          // IN  1..m
                            double* means,           // OUT (n,), of the k least distances
                            double* parts);          // OUT (n, d); or null

    void (*sum_of_lines)(const T* rows,  // IN  (n, d)
                         std::int64_t n, std::int64_t d, const Lines& lines,
                         double* sums);  // OUT (n,), lines added in their order

    // Values of T that the codebook needs when packed for `stepwise`.
    std::size_t (*packed_size)(std::int64_t n_units, std::int64_t n_features);

    std::int64_t (*sums)(const T* rows,          // IN  (n, d)
                         std::int64_t d,
                         const double* center,   // IN  (d,)
                         const double* scale,    // IN  (d,), powers of two
                         const Winners& winners,
                         std::int64_t m,
                         std::int64_t* counts,   // INOUT (m,)
                         std::int64_t* totals);  // INOUT (m, d)
    // returns the weighted sum of the distances, in units of 1 / error_scale

    std::int64_t (*sums_sparse)(SparseRows<T> rows, std::int64_t d, const double* scale,
                                const Winners& winners, std::int64_t* counts,
                                std::int64_t* totals);  // as for sums, around 0

    double (*stepwise)(const T* rows,            // IN  (n, d)
                       const std::int64_t* order,  // IN  (n_steps,), rows to present
                       const double* rates,      // IN  (n_steps,)
                       const double* radii,      // IN  (n_steps,), grid steps
                       std::int64_t n_steps, std::int64_t d,
                       MapShape shape,
                       T* packed,                // OUT work space of packed_size(m, d)
                       T* steps,                 // OUT work space of packed_size(m, 1)
                       T* codebook);             // INOUT (m, d)
    // returns the sum of the winners' distances before each update
};

struct Kernels {
    const char* name;

    double (*smooth)(const std::int64_t* totals,  // IN  (m, d), as sums leaves them
                     const std::int64_t* counts,  // IN  (m,)
                     const double* scale, double weight_scale, const double* center,
                     std::int64_t d,
                     const Neighborhood& neighborhood,  // IN  on n_rows x n_cols = m units
                     const double* codebook,      // IN  (m, d), kept where nothing was won
                     double* out);                // OUT (m, d)
    // returns how far the unit that moved furthest moved

    void (*minisom_winners)(const double* rows,      // IN  (n, d)
                            std::int64_t n, std::int64_t d,
                            const double* codebook,  // IN  (m, d)
                            std::int64_t m, MiniSomDistance distance,
                            std::int64_t* units);    // OUT (n,)

    void (*minisom_steps)(const double* rows,        // IN  (n, d)
                          std::int64_t d, const MiniSomSteps& steps, MiniSomMap map,
                          double* codebook);         // INOUT (m, d)

    void (*margin_steps)(const ClassedRows& known, const MarginSteps& steps, std::int64_t m,
                         float* prototypes,  // INOUT (3, m, d): them, and means of their slopes and
                         float* axes);       // INOUT (3, d, d)   of the squares of these

    KernelsOf<float> f32;
    KernelsOf<double> f64;
};

// One per instruction set that was compiled in; table.cpp defines them.
namespace baseline { const Kernels& kernels(); }
namespace avx2 { const Kernels& kernels(); }
namespace avx512 { const Kernels& kernels(); }
namespace neon { const Kernels& kernels(); }

}  // namespace somscape
