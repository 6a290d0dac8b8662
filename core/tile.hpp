// Scores of a tile of rows against a few vectors of units: what a search spends its time in.
//
// Lanes hold units.  A row's features are broadcast one after the other and the scores grow in
// registers, such as rows_at_once x vectors_at_once of them.  Every features_at_once features the partial
// scores are set aside: rounding errors then grow with the length of a block and the number of
// blocks, not with the number of features.
#pragma once

#include <algorithm>
#include <cstdint>

#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

constexpr std::int64_t features_at_once = 128;

// How a feature adds to a score, and how two partial scores become one.
struct Dot {
    template <class Vec>
    static Vec add(Vec x, Vec w, Vec score) { return multiply_add(x, w, score); }
    template <class Vec>
    static Vec join(Vec a, Vec b) { return a + b; }
};

struct SumOfDifferences {  // a missing value (NaN) adds nothing
    template <class Vec>
    static Vec add(Vec x, Vec w, Vec score) { return score + larger(magnitude(x - w), Vec{}); }
    template <class Vec>
    static Vec join(Vec a, Vec b) { return a + b; }
};

struct LargestDifference {
    template <class Vec>
    static Vec add(Vec x, Vec w, Vec score) { return larger(magnitude(x - w), score); }
    template <class Vec>
    static Vec join(Vec a, Vec b) { return larger(a, b); }
};

// Units in groups of 16, feature after feature within a group, on every instruction set.
constexpr int group_size = 16;

template <class T>
constexpr int vectors_per_group = group_size / Simd<T>::lanes;

// Where the values of a vector of units start; the next feature is group_size further.
template <class T>
inline const T* vector_at(const T* packed, std::int64_t vector, std::int64_t d) {
    constexpr int per_group = vectors_per_group<T>;
    return packed + vector / per_group * group_size * d + vector % per_group * Simd<T>::lanes;
}

// Every feature; or those of a list, where the others add nothing (common.hpp).
struct AllFeatures {
    std::int64_t n;
    std::int64_t at(std::int64_t i) const { return i; }
};

struct ListedFeatures {
    std::int64_t n;
    const std::int32_t* list;
    std::int64_t at(std::int64_t i) const { return list[i]; }
};

// Scores of some rows against some vectors of units.
template <class T, int rows, int vectors>
struct Tile {
    using Vec = typename Simd<T>::Vec;
    Vec at[rows][vectors];

    // act(score, row, vector)
    template <class Act>
    SOMSCAPE_INLINE void each(Act act) {
        unrolled<rows>([&](auto r) SOMSCAPE_INLINE {
            unrolled<vectors>([&](auto v) SOMSCAPE_INLINE { act(at[r][v], r, v); });
        });
    }
};

template <class Metric, int rows, int vectors, class T, class Features>
SOMSCAPE_INLINE inline void add_features(const T* const* row, const T* const* unit,
                                         Features features, std::int64_t begin, std::int64_t end,
                                         Tile<T, rows, vectors>& score) {
    using S = Simd<T>;
    for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t f = features.at(i);
        typename S::Vec w[vectors];
        unrolled<vectors>(
            [&](auto v) SOMSCAPE_INLINE { w[v] = S::load(unit[v] + f * group_size); });
        unrolled<rows>([&](auto r) SOMSCAPE_INLINE {
            const typename S::Vec x = S::broadcast(row[r][f]);
            unrolled<vectors>([&](auto v) SOMSCAPE_INLINE {
                score.at[r][v] = Metric::add(x, w[v], score.at[r][v]);
            });
        });
    }
}

// The blocks of features after the first.
template <class Metric, int rows, int vectors, class T, class Features>
[[gnu::noinline]] void add_blocks(const T* const* row, const T* const* unit, Features features,
                                  Tile<T, rows, vectors>& score) {
    for (std::int64_t begin = features_at_once; begin < features.n; begin += features_at_once) {
        Tile<T, rows, vectors> part = {};
        add_features<Metric>(row, unit, features, begin,
                             std::min(features.n, begin + features_at_once), part);
        score.each([&](auto& sum, auto r, auto v) SOMSCAPE_INLINE {
            sum = Metric::join(sum, part.at[r][v]);
        });
    }
}

// Inlined always: only then do the scores stay in registers.
template <class Metric, int rows, int vectors, class T, class Features>
SOMSCAPE_INLINE inline Tile<T, rows, vectors> score_tile(
    const T* const* row, const T* packed,
    const T* start,       // IN scores before the first feature, by unit
    std::int64_t vector,  // first of the vectors to score
    std::int64_t d,       // features that are packed, of which `features` count
    Features features) {
    using S = Simd<T>;
    Tile<T, rows, vectors> score;
    const T* unit[vectors];
    unrolled<vectors>([&](auto v) SOMSCAPE_INLINE {
        unit[v] = vector_at(packed, vector + v, d);
        const typename S::Vec first = S::load(start + (vector + v) * S::lanes);
        unrolled<rows>([&](auto r) SOMSCAPE_INLINE { score.at[r][v] = first; });
    });
    add_features<Metric>(row, unit, features, 0, std::min(features.n, features_at_once), score);
    if (features.n > features_at_once) {
        // Through memory, but a copy: the scores of short rows never leave the registers.
        Tile<T, rows, vectors> copy;
        copy.each([&](auto& to, auto r, auto v) SOMSCAPE_INLINE { to = score.at[r][v]; });
        add_blocks<Metric>(row, unit, features, copy);
        score.each([&](auto& to, auto r, auto v) SOMSCAPE_INLINE { to = copy.at[r][v]; });
    }
    return score;
}

// act(v) for v = begin, ... before end, told at compile time how many vectors to take at once.
template <class Act>
SOMSCAPE_INLINE inline void by_vectors(std::int64_t v, std::int64_t end, Act act) {
    for (; v + vectors_at_once <= end; v += vectors_at_once)
        act(v, std::integral_constant<int, vectors_at_once>{});
    if constexpr (vectors_at_once == 4) {
        if (end - v == 3) act(v, std::integral_constant<int, 3>{});
        if (end - v == 2) act(v, std::integral_constant<int, 2>{});
    }
    if (end - v == 1) act(v, std::integral_constant<int, 1>{});
}

// As score_tile, but each row against a vector of its own.
template <class Metric, int rows, class T, class Features>
SOMSCAPE_INLINE inline Tile<T, rows, 1> score_each(const T* const* row, const T* packed,
                                                          const T* start,
                                                          const std::int64_t* vector,
                                                          std::int64_t d, Features features) {
    using S = Simd<T>;
    Tile<T, rows, 1> score;
    const T* unit[rows];
    unrolled<rows>([&](auto r) SOMSCAPE_INLINE {
        unit[r] = vector_at(packed, vector[r], d);
        score.at[r][0] = S::load(start + vector[r] * S::lanes);
    });
    const auto add = [&](std::int64_t begin, Tile<T, rows, 1>& to) SOMSCAPE_INLINE {
        const std::int64_t end = std::min(features.n, begin + features_at_once);
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t f = features.at(i);
            unrolled<rows>([&](auto r) SOMSCAPE_INLINE {
                to.at[r][0] = Metric::add(S::broadcast(row[r][f]),
                                          S::load(unit[r] + f * group_size), to.at[r][0]);
            });
        }
    };
    add(0, score);
    for (std::int64_t begin = features_at_once; begin < features.n; begin += features_at_once) {
        Tile<T, rows, 1> part = {};
        add(begin, part);
        score.each([&](auto& sum, auto r, auto v) SOMSCAPE_INLINE {
            sum = Metric::join(sum, part.at[r][v]);
        });
    }
    return score;
}

}  // namespace somscape::SOMSCAPE_ISA
