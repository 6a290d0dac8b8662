// The k least of many values, in ascending order, for as many rows at once as a vector has lanes.
//
// Values come in runs that are sorted by comparing and exchanging, which needs no branch.  Of two
// sorted runs the lesser of first and last, second and last but one, ... are the least of both, and
// rise and then fall: half as many exchanges sort them again (Batcher 1968, Sorting networks and
// their applications).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

class Least {
public:
    using Vec = Simd<double>::Vec;

    explicit Least(std::int64_t k)
        : run(std::max<std::int64_t>(in_registers, std::bit_ceil(std::uint64_t(k)))) {}

    // How many values the least are sought among: infinite ones fill the last run.
    std::int64_t n_places(std::int64_t n) const { return (n + run - 1) / run * run; }

    // Puts the least of n_places values first.
    void put_first(Vec* values, std::int64_t n_places) const {
        sort(values);
        for (Vec* next = values + run; next < values + n_places; next += run) {
            sort(next);
            for (std::int64_t i = 0; i < run; ++i)
                values[i] = smaller(values[i], next[run - 1 - i]);
            sort_bitonic(values, run);
        }
    }

private:
    static constexpr int in_registers = 16;

    static void exchange(Vec& low, Vec& high) {
        const Vec less = smaller(low, high);
        high = larger(low, high);
        low = less;
    }

    void sort(Vec* values) const {
        for (std::int64_t i = 0; i < run; i += in_registers) sort_few(values + i);
        for (std::int64_t half = in_registers; half < run; half *= 2)
            for (Vec* at = values; at < values + run; at += 2 * half) {
                for (std::int64_t i = 0; i < half; ++i) exchange(at[i], at[2 * half - 1 - i]);
                sort_bitonic(at, half);
                sort_bitonic(at + half, half);
            }
    }

    static void sort_few(Vec* values) {
        Vec at[in_registers];
        unrolled<in_registers>([&](auto i) SOMSCAPE_INLINE { at[i] = values[i]; });
        unrolled<4>([&](auto log) SOMSCAPE_INLINE {
            constexpr int half = 1 << log;
            unrolled<in_registers / 2>([&](auto pair) SOMSCAPE_INLINE {
                constexpr int first = pair / half * 2 * half, i = pair % half;
                exchange(at[first + i], at[first + 2 * half - 1 - i]);
            });
            clean<half / 2>(at);
        });
        unrolled<in_registers>([&](auto i) SOMSCAPE_INLINE { values[i] = at[i]; });
    }

    // Values that rise and then fall, or are shifted so.
    static void sort_bitonic(Vec* values, std::int64_t n) {
        for (std::int64_t half = n / 2; half >= in_registers; half /= 2)
            for (Vec* at = values; at < values + n; at += 2 * half)
                for (std::int64_t i = 0; i < half; ++i) exchange(at[i], at[i + half]);
        for (std::int64_t first = 0; first < n; first += in_registers) {
            Vec at[in_registers];
            unrolled<in_registers>([&](auto i) SOMSCAPE_INLINE { at[i] = values[first + i]; });
            clean<in_registers / 2>(at);
            unrolled<in_registers>([&](auto i) SOMSCAPE_INLINE { values[first + i] = at[i]; });
        }
    }

    template <int half>
    SOMSCAPE_INLINE static void clean(Vec (&at)[in_registers]) {
        if constexpr (half > 0) {
            unrolled<in_registers / 2>([&](auto pair) SOMSCAPE_INLINE {
                constexpr int i = pair / half * 2 * half + pair % half;
                exchange(at[i], at[i + half]);
            });
            clean<half / 2>(at);
        }
    }

    std::int64_t run;
};

}  // namespace somscape::SOMSCAPE_ISA
