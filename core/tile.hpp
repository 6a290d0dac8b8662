// Scores of a tile of rows against a few vectors of units: what a search spends its time in.
//
// Lanes hold units.  A row's features are broadcast one after the other and the scores grow in
// registers, rows_at_once x vectors_at_once of them.  Every features_at_once features the partial
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

// Inlined always, and unrolled: only then do the scores stay in registers.
template <class Metric, int vectors, class T>
[[gnu::always_inline]] inline void add_features(const T* const* row, const T* const* unit, std::int64_t begin,
                         std::int64_t end,
                         typename Simd<T>::Vec (&score)[rows_at_once][vectors]) {
    using S = Simd<T>;
    for (std::int64_t f = begin; f < end; ++f) {
        typename S::Vec w[vectors];
        for (int v = 0; v < vectors; ++v) w[v] = S::load(unit[v] + f * group_size);
        for (int r = 0; r < rows_at_once; ++r) {
            const typename S::Vec x = S::broadcast(row[r][f]);
            for (int v = 0; v < vectors; ++v) score[r][v] = Metric::add(x, w[v], score[r][v]);
        }
    }
}

// The blocks of features after the first.
template <class Metric, int vectors, class T>
[[gnu::noinline]] void add_blocks(const T* const* row, const T* const* unit, std::int64_t d,
                                  typename Simd<T>::Vec (&score)[rows_at_once][vectors]) {
    for (std::int64_t begin = features_at_once; begin < d; begin += features_at_once) {
        typename Simd<T>::Vec part[rows_at_once][vectors] = {};
        add_features<Metric, vectors>(row, unit, begin, std::min(d, begin + features_at_once), part);
        for (int r = 0; r < rows_at_once; ++r)
            for (int v = 0; v < vectors; ++v) score[r][v] = Metric::join(score[r][v], part[r][v]);
    }
}

template <class Metric, int vectors, class T>
[[gnu::always_inline]] inline void score_tile(
    const T* const* row, const T* packed,
    const T* start,       // IN scores before the first feature, by unit
    std::int64_t vector,  // first of the vectors to score
    std::int64_t d, typename Simd<T>::Vec (&score)[rows_at_once][vectors]) {
    using S = Simd<T>;
    const T* unit[vectors];
    for (int v = 0; v < vectors; ++v) {
        unit[v] = vector_at(packed, vector + v, d);
        const typename S::Vec first = S::load(start + (vector + v) * S::lanes);
        for (int r = 0; r < rows_at_once; ++r) score[r][v] = first;
    }
    add_features<Metric, vectors>(row, unit, 0, std::min(d, features_at_once), score);
    if (d > features_at_once) {
        // Through memory, but a copy: the scores of short rows never leave the registers.
        typename S::Vec copy[rows_at_once][vectors];
        std::copy_n(&score[0][0], rows_at_once * vectors, &copy[0][0]);
        add_blocks<Metric, vectors>(row, unit, d, copy);
        std::copy_n(&copy[0][0], rows_at_once * vectors, &score[0][0]);
    }
}

}  // namespace somscape::SOMSCAPE_ISA
