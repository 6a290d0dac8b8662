// The nearest unit of each row where scores can tell: every lane keeps its best and second best.
//
// No branch depends on a score, so units are taken at the pace of the arithmetic.  At the end the
// lanes compete; units further from the best than twice the error bound are out.  What is left
// goes to the judge (exact.hpp), or, where a lane's second best is still in, to a shortlist.
#pragma once

#include <cstdint>
#include <limits>

#include "buffer.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
class Lanes {
public:
    using S = Simd<T>;
    using Vec = typename S::Vec;
    using IntVec = typename S::IntVec;

    Lanes(std::int64_t n_rows, std::int64_t n_vectors)
        : least(n_rows), second(n_rows), at(n_rows), numbers(n_vectors) {
        for (std::int64_t v = 0; v < n_vectors; ++v) numbers[v] = typename S::Int(v);
    }

    void clear(std::int64_t row) {
        least[row] = second[row] = S::broadcast(std::numeric_limits<T>::infinity());
        at[row] = IntVec{};
    }

    // Scores of a row against the vectors of units v, v + 1, ...
    template <int vectors>
    SOMSCAPE_INLINE void take(std::int64_t row, const Vec (&score)[vectors],
                                     std::int64_t v) {
        Vec low = least[row], high = second[row];
        IntVec where = at[row];
        // From memory: a number would travel to the vector registers slowly.
        const typename S::Int* number = numbers.get() + v;
        unrolled<vectors>([&](auto q) SOMSCAPE_INLINE {
            high = smaller(high, larger(low, score[q]));
            where = score[q] < low ? IntVec{} + number[q] : where;
            low = smaller(low, score[q]);
        });
        least[row] = low;
        second[row] = high;
        at[row] = where;
    }

    T best(std::int64_t row) const { return least_lane(least[row]); }

    // Writes the places of the units that may be the nearest, up to one per lane, and returns how
    // many; 0 where a lane has more than one, or scores are not bounded.
    int finish(std::int64_t row, T limit, std::int32_t (&places)[S::lanes]) const {
        if (not_above_mask(second[row], S::broadcast(limit))) return 0;
        int n = 0;
        for (std::uint32_t close = not_above_mask(least[row], S::broadcast(limit)); close;
             close &= close - 1) {
            const int lane = __builtin_ctz(close);
            places[n++] = std::int32_t(at[row][lane] * S::lanes + lane);
        }
        return n;
    }

private:
    Buffer<Vec> least, second;
    Buffer<IntVec> at;  // vector of each lane's least
    Buffer<typename S::Int> numbers;
};

}  // namespace somscape::SOMSCAPE_ISA
