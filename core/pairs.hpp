// Which groups of units a row still has to meet: pairs as rows find them, then lists by group.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "buffer.hpp"

namespace somscape {

class Pairs {
public:
    static constexpr std::int64_t max_rows = 1 << 10;

    // Room for `at_once` more pairs is there until is_full says otherwise.
    Pairs(std::int64_t n_groups, std::int64_t at_once)
        : n_groups(n_groups), limit(min_room), pairs(limit + at_once), rows(limit + at_once),
          ends(n_groups) {}

    // Pairs of a row are pair(row) + group, to be written from end() on and then noted.
    static std::int32_t pair(std::int64_t row) { return std::int32_t(row << group_bits); }
    std::int32_t* end() const { return pairs.get() + n; }
    void note(std::int64_t more) { n += more; }
    bool is_full() const { return n > limit; }

    // act(group, its rows, how many), and no pairs are left.  Returns how many there were.
    template <class Act>
    std::int64_t by_group(Act act) {
        std::fill_n(ends.get(), n_groups, 0);
        for (std::int64_t i = 0; i < n; ++i) ++ends[group_of(i)];
        std::int32_t total = 0;
        for (std::int64_t g = 0; g < n_groups; ++g) total += std::exchange(ends[g], total);
        for (std::int64_t i = 0; i < n; ++i)
            rows[ends[group_of(i)]++] = std::int16_t(pairs[i] >> group_bits);
        for (std::int64_t g = 0, begin = 0; g < n_groups; begin = ends[g++])
            if (ends[g] > begin) act(g, rows.get() + begin, ends[g] - begin);
        return std::exchange(n, 0);
    }

private:
    static constexpr int group_bits = 21;
    static constexpr std::int64_t min_room = 1 << 15;

    std::int64_t group_of(std::int64_t i) const { return pairs[i] & ((1 << group_bits) - 1); }

    std::int64_t n_groups, limit, n = 0;
    Buffer<std::int32_t> pairs;
    Buffer<std::int16_t> rows;
    Buffer<std::int32_t> ends;
};

}  // namespace somscape
