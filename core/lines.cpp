// The sum over columns of a piecewise linear function of each.
//
// A block of rows is taken column by column: the column's knots are at hand, and the rows' searches
// for their segments go side by side, step by step, without a branch.  Not by vectors that gather
// knots: they took two and a half times as long (AVX-512 on a Cascade Lake).
#include "lines.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "buffer.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

constexpr std::int64_t block_size = 128;  // rows
constexpr int at_once = 8;  // rows whose searches do not wait for each other
constexpr double work_per_value = 16;

// The segments of all columns, as many for each: a power of two, those past the last never begun.
class Segments {
public:
    explicit Segments(const Lines& lines)
        : size(std::bit_ceil(std::uint64_t(lines.n_knots - 1))), begin(lines.n * size),
          start(lines.n * size), slope(lines.n * size) {
        for (std::int64_t column = 0; column < lines.n; ++column)
            put(lines.x + column * lines.n_knots, lines.y + column * lines.n_knots, lines.n_knots,
                column * size);
    }

    // Adds the column's line at each value.
    void add(std::int64_t column, const double (&values)[block_size], double* sums) const {
        const double* x = begin.get() + column * size;
        const double* y = start.get() + column * size;
        const double* rise = slope.get() + column * size;
        for (std::int64_t i = 0; i < block_size; i += at_once) {
            std::int64_t at[at_once] = {};
            for (std::int64_t half = size / 2; half > 0; half /= 2)
                unrolled<at_once>([&](auto q) SOMSCAPE_INLINE {
                    const std::int64_t further = at[q] + half;
                    at[q] = SOMSCAPE_EITHER(x[further] <= values[i + q]) ? further : at[q];
                });
            unrolled<at_once>([&](auto q) SOMSCAPE_INLINE {
                sums[i + q] += y[at[q]] + (values[i + q] - x[at[q]]) * rise[at[q]];
            });
        }
    }

private:
    void put(const double* x, const double* y, std::int64_t n_knots, std::int64_t to) {
        for (std::int64_t i = 0; i < size; ++i) {
            const bool is_there = i + 1 < n_knots && x[i] < x[i + 1];
            begin[to + i] = is_there ? x[i] : std::numeric_limits<double>::quiet_NaN();
            start[to + i] = is_there ? y[i] : 0.0;
            slope[to + i] = is_there ? (y[i + 1] - y[i]) / (x[i + 1] - x[i]) : 0.0;
        }
    }

    std::int64_t size;
    Buffer<double> begin, start, slope;
};

}  // namespace

template <class T>
void sum_of_lines(const T* rows, std::int64_t n, std::int64_t d, const Lines& lines, double* sums) {
    const Segments segments(lines);
    const std::int64_t n_blocks = (n + block_size - 1) / block_size;
    share(thread_count(work_per_value * double(n) * double(lines.n)), n_blocks,
          [&](std::int64_t block) {
              const std::int64_t first = block * block_size, count = std::min(block_size, n - first);
              double values[block_size] = {}, sum[block_size] = {};
              for (std::int64_t column = 0; column < lines.n; ++column) {
                  const T* value = rows + first * d + lines.features[column];
                  for (std::int64_t i = 0; i < count; ++i) values[i] = double(value[i * d]);
                  segments.add(column, values, sum);
              }
              std::copy_n(sum, count, sums + first);
          });
}

template void sum_of_lines(const float*, std::int64_t, std::int64_t, const Lines&, double*);
template void sum_of_lines(const double*, std::int64_t, std::int64_t, const Lines&, double*);

}  // namespace somscape::SOMSCAPE_ISA
