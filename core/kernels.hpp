// The kernels of one instruction set, as a table of functions.
//
// Arguments are plain arrays in C order, marked IN, OUT or INOUT where they are declared.
// No kernel allocates in its loop, and none checks what bindings.cpp has checked.
#pragma once

#include <cstddef>
#include <cstdint>

namespace somscape {

// How units are laid out and how strongly the winner pulls them.
struct MapShape {
    std::int64_t n_rows;
    std::int64_t n_cols;
    bool is_hexagonal;
    bool is_torus;
    bool is_bubble;  // else gaussian
};

template <class T>
struct KernelsOf {
    // Values of T that the codebook needs when packed for `search` and `stepwise`.
    std::size_t (*packed_size)(std::int64_t n_units, std::int64_t n_features);

    void (*search)(const T* rows,             // IN  (n, d)
                   const T* codebook,         // IN  (m, d)
                   std::int64_t n, std::int64_t m, std::int64_t d,
                   int k,                     // IN  units wanted per row, 1..max_best
                   T* packed,                 // OUT work space of packed_size(m, d)
                   std::int64_t* units,       // OUT (n, k), nearest first, lowest index on ties
                   double* distances);        // OUT (n, k), Euclidean

    void (*sums)(const T* rows,               // IN  (n, d)
                 const std::int64_t* units,   // IN  (n,), each in 0..m-1
                 const double* weights,       // IN  (n,) or null for all 1
                 std::int64_t n, std::int64_t d,
                 const double* center,        // IN  (d,)
                 const double* scale,         // IN  (d,), powers of two
                 double weight_scale,         // IN  power of two
                 std::int64_t* counts,        // INOUT (m,)
                 std::int64_t* totals);       // INOUT (m, d)

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
    KernelsOf<float> f32;
    KernelsOf<double> f64;

    void (*smooth)(const double* sums,         // IN  (n_rows, n_cols, f)
                   const double* row_weight,   // IN  (n_rows, n_rows), target row by source row
                   const std::int32_t* kernel, // IN  (n_rows, n_rows), which column kernel
                   const double* col_kernel,   // IN  (n_kernels, 2 n_cols - 1), by column offset
                   std::int64_t n_rows, std::int64_t n_cols, std::int64_t f,
                   std::int64_t n_kernels,
                   double* work,               // OUT work space (n_rows, n_cols, f)
                   double* out);               // OUT (n_rows, n_cols, f)
};

constexpr int max_best = 16;

// One per instruction set that was compiled in; table.cpp defines them.
namespace baseline { const Kernels& kernels(); }
namespace avx2 { const Kernels& kernels(); }
namespace avx512 { const Kernels& kernels(); }
namespace neon { const Kernels& kernels(); }

}  // namespace somscape
