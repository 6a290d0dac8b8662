// The nearest unit of one row, for the online rule.
//
// Squared differences are summed in registers, rather than |w|^2 - 2 x.w: nothing cancels, so
// offsets in the data cost no accuracy.
#pragma once

#include <cstdint>
#include <limits>

#include "pack.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
struct Nearest {
    T distance_sq;
    std::int64_t unit;  // the lowest of equally near ones
};

// Each lane keeps its own best, without a branch to mispredict; lanes compete once, at the end.
template <class T>
inline Nearest<T> nearest(const T* x, const T* packed, std::int64_t m, std::int64_t d) {
    using S = Simd<T>;
    using Vec = typename S::Vec;
    using Mask = decltype(Vec{} < Vec{});
    Vec least = S::broadcast(std::numeric_limits<T>::infinity());
    Mask at = {};  // panel of each lane's best
    for (std::int64_t p = 0; p < n_panels<T>(m); p += panels_at_once) {
        const T* panel = packed + p * d * S::lanes;
        Vec sum[panels_at_once] = {};
        for (std::int64_t f = 0; f < d; ++f)
            for (int q = 0; q < panels_at_once; ++q) {
                const Vec difference =
                    S::broadcast(x[f]) - S::load(panel + (q * d + f) * S::lanes);
                sum[q] += difference * difference;
            }
        for (int q = 0; q < panels_at_once; ++q) {
            const Mask closer = sum[q] < least;
            least = closer ? sum[q] : least;
            at = closer ? Mask{} + std::int32_t(p + q) : at;
        }
    }
    Nearest<T> best{std::numeric_limits<T>::infinity(), 0};
    for (int lane = 0; lane < S::lanes; ++lane) {
        const std::int64_t unit = std::int64_t(at[lane]) * S::lanes + lane;
        const T value = least[lane];
        if (value < best.distance_sq || (value == best.distance_sq && unit < best.unit))
            best = {value, unit};
    }
    return best;
}

}  // namespace somscape::SOMSCAPE_ISA
