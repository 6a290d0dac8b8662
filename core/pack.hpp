// The codebook in panels: for each group of `lanes` units, feature after feature.
//
// One vector then holds the same feature of neighboring units, so a row's distance to all of
// them grows lane by lane, in the order of the features.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

// Panels that are worked on together: two hide the adds' latency, more only pad small maps.
constexpr int panels_at_once = 2;

template <class T>
std::int64_t n_panels(std::int64_t n_units) {
    constexpr std::int64_t group = Simd<T>::lanes * panels_at_once;
    return (n_units + group - 1) / group * panels_at_once;
}

template <class T>
std::size_t packed_size(std::int64_t n_units, std::int64_t n_features) {
    return std::size_t(n_panels<T>(n_units)) * Simd<T>::lanes * n_features;
}

// Lanes past the last unit hold a value whose squared distance to any row overflows to infinity,
// so that they are never chosen; itself finite, so that pulling them by 0 leaves them there.
template <class T>
void pack(const T* codebook, std::int64_t m, std::int64_t d, T* packed) {
    constexpr int lanes = Simd<T>::lanes;
    const std::int64_t panels = n_panels<T>(m);
    for (std::int64_t p = 0; p < panels; ++p)
        for (std::int64_t f = 0; f < d; ++f)
            for (int lane = 0; lane < lanes; ++lane) {
                const std::int64_t unit = p * lanes + lane;
                packed[(p * d + f) * lanes + lane] =
                    unit < m ? codebook[unit * d + f] : std::numeric_limits<T>::max() / T(4);
            }
}

template <class T>
void unpack(const T* packed, std::int64_t m, std::int64_t d, T* codebook) {
    constexpr int lanes = Simd<T>::lanes;
    for (std::int64_t unit = 0; unit < m; ++unit)
        for (std::int64_t f = 0; f < d; ++f)
            codebook[unit * d + f] = packed[(unit / lanes * d + f) * lanes + unit % lanes];
}

}  // namespace somscape::SOMSCAPE_ISA
