// The nearest unit of a few rows at a time, for the online rule.
//
// Squared differences are summed in registers, rather than |w|^2 - 2 x.w: nothing cancels, so
// offsets in the data cost no accuracy.
#pragma once

#include <cstdint>
#include <limits>

#include "pack.hpp"

namespace somscape::SOMSCAPE_ISA {

// Squared distances of a tile of rows to `panels_at_once` panels, added to `sum`.
template <class T, int rows>
inline void measure(const T* const* row, const T* panel, std::int64_t d,
                    typename Simd<T>::Vec (&sum)[rows][panels_at_once]) {
    using S = Simd<T>;
    for (std::int64_t f = 0; f < d; ++f)
        for (int q = 0; q < panels_at_once; ++q) {
            const typename S::Vec w = S::load(panel + (q * d + f) * S::lanes);
            for (int r = 0; r < rows; ++r) {
                const typename S::Vec difference = S::broadcast(row[r][f]) - w;
                sum[r][q] += difference * difference;
            }
        }
}

// Each lane keeps its own best, without a branch to mispredict; lanes compete once, at the end.
template <int rows, class T>
inline void nearest(const T* const* row, const T* packed, std::int64_t m, std::int64_t d,
                    T* distance_sq,        // OUT (rows,)
                    std::int64_t* unit) {  // OUT (rows,), the lowest of equally near ones
    using S = Simd<T>;
    using Vec = typename S::Vec;
    using Mask = decltype(Vec{} < Vec{});
    Vec least[rows];
    Mask at[rows] = {};  // panel of each lane's best
    for (Vec& value : least) value = S::broadcast(std::numeric_limits<T>::infinity());
    const std::int64_t panels = n_panels<T>(m);
    for (std::int64_t p = 0; p < panels; p += panels_at_once) {
        Vec sum[rows][panels_at_once] = {};
        measure(row, packed + p * d * S::lanes, d, sum);
        for (int q = 0; q < panels_at_once; ++q)
            for (int r = 0; r < rows; ++r) {
                const Mask closer = sum[r][q] < least[r];
                least[r] = closer ? sum[r][q] : least[r];
                at[r] = closer ? Mask{} + std::int32_t(p + q) : at[r];
            }
    }
    for (int r = 0; r < rows; ++r) {
        distance_sq[r] = std::numeric_limits<T>::infinity();
        unit[r] = 0;
        for (int lane = 0; lane < S::lanes; ++lane) {
            const std::int64_t candidate = std::int64_t(at[r][lane]) * S::lanes + lane;
            const T value = least[r][lane];
            if (value < distance_sq[r] || (value == distance_sq[r] && candidate < unit[r])) {
                distance_sq[r] = value;
                unit[r] = candidate;
            }
        }
    }
}

}  // namespace somscape::SOMSCAPE_ISA
