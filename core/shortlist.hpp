// The units that may be among a row's k nearest, given that scores are only nearly right.
//
// A unit whose score lies more than twice the error bound above the k-th least score seen is out;
// the others are kept and judged exactly at the end (exact.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "buffer.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
class Shortlists {
public:
    static constexpr int capacity = 32;

    Shortlists(std::int64_t n_rows, int k)
        : k(k), limits(n_rows), slacks(n_rows), least(n_rows * k), counts(n_rows),
          scores(n_rows * capacity), places(n_rows * capacity) {}

    // Scores above `limit` are known to be out.
    void clear(std::int64_t row, double error, T limit = std::numeric_limits<T>::infinity()) {
        counts[row] = 0;
        slacks[row] = T(2 * error);
        limits[row] = limit;
        std::fill_n(least.get() + row * k, k, std::numeric_limits<T>::infinity());
    }
    T kth(std::int64_t row) const { return least[row * k + k - 1]; }

    // Scores of the units at `place`, place + 1, ...
    template <class Vec>
    SOMSCAPE_INLINE void offer(std::int64_t row, Vec score, std::int64_t place) {
        const std::uint32_t mask = not_above_mask(score, Simd<T>::broadcast(limits[row]));
        if (mask) accept(row, score, mask, place);
    }

    // Known: k scores are `score` or less.
    void tighten(std::int64_t row, T score) {
        limits[row] = std::min(limits[row], T(score + slacks[row]));
    }

    // As offer, where no more is learned from the scores than which lie within the limit.
    template <class Vec>
    SOMSCAPE_INLINE void offer_within(std::int64_t row, Vec score, std::int64_t place) {
        std::uint32_t mask = not_above_mask(score, Simd<T>::broadcast(limits[row]));
        for (; mask; mask &= mask - 1) {
            const int lane = __builtin_ctz(mask);
            keep(row, score[lane], place + lane);
        }
    }
    bool is_full(std::int64_t row) const { return counts[row] > capacity; }

    // Places that are still in; more than capacity: too many to hold, all units are to be judged.
    int finish(std::int64_t row) {
        if (counts[row] <= capacity) drop_beyond_limit(row);
        return counts[row];
    }
    const std::int32_t* places_of(std::int64_t row) const { return places.get() + row * capacity; }

private:
    template <class Vec>
    [[gnu::noinline]] void accept(std::int64_t row, Vec score, std::uint32_t mask,
                                  std::int64_t place) {
        if (k == 1) {
            note(row, least_lane(score));
            mask = not_above_mask(score, Simd<T>::broadcast(limits[row]));
        }
        for (; mask; mask &= mask - 1) {
            const int lane = __builtin_ctz(mask);
            if (k > 1) note(row, score[lane]);
            if (score[lane] <= limits[row]) keep(row, score[lane], place + lane);
        }
    }

    void note(std::int64_t row, T score) {
        T* sorted = least.get() + row * k;
        if (!(score < sorted[k - 1])) return;
        int i = k - 1;
        for (; i > 0 && score < sorted[i - 1]; --i) sorted[i] = sorted[i - 1];
        sorted[i] = score;
        tighten(row, sorted[k - 1]);
    }

    void keep(std::int64_t row, T score, std::int64_t place) {
        if (counts[row] == capacity) drop_beyond_limit(row);
        if (counts[row] >= capacity) {
            counts[row] = capacity + 1;
            return;
        }
        const std::int64_t at = row * capacity + counts[row]++;
        scores[at] = score;
        places[at] = std::int32_t(place);
    }

    void drop_beyond_limit(std::int64_t row) {
        const std::int64_t first = row * capacity;
        int kept = 0;
        for (int i = 0; i < counts[row]; ++i)
            if (scores[first + i] <= limits[row]) {
                scores[first + kept] = scores[first + i];
                places[first + kept++] = places[first + i];
            }
        counts[row] = kept;
    }

    int k;
    Buffer<T> limits, slacks, least;
    Buffer<std::int32_t> counts;
    Buffer<T> scores;
    Buffer<std::int32_t> places;
};

}  // namespace somscape::SOMSCAPE_ISA
