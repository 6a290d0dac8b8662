// Equal rows and equal units, to be searched once: tables of flags and codes have few different rows.
//
// A map of them has more units than rows to tell apart, so that units share prototypes, or nearly, and
// rows have to be judged (exact.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "buffer.hpp"
#include "kernels.hpp"

namespace somscape {

inline std::uint64_t hash_of(const void* start, std::size_t n_bytes, std::uint64_t hash = 0) {
    const auto* at = static_cast<const char*>(start);
    for (std::size_t here; n_bytes > 0; n_bytes -= here, at += here) {
        std::uint64_t word = 0;
        here = std::min(n_bytes, sizeof word);
        std::memcpy(&word, at, here);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;  // the golden ratio's bits
        hash ^= hash >> 29;
    }
    return hash;
}

// Rows as `Kinds` asks of them.
template <class T>
struct DenseRows {
    const T* rows;
    std::int64_t d;

    std::uint64_t hash(std::int64_t i) const { return hash_of(rows + i * d, d * sizeof(T)); }
    bool are_equal(std::int64_t i, std::int64_t j) const {
        return std::memcmp(rows + i * d, rows + j * d, d * sizeof(T)) == 0;
    }
};

template <class T>
struct StoredRows {
    const SparseRows<T>& rows;

    std::int64_t n_stored(std::int64_t i) const { return rows.begin[i + 1] - rows.begin[i]; }
    std::uint64_t hash(std::int64_t i) const {
        const std::int64_t begin = rows.begin[i], n = n_stored(i);
        return hash_of(rows.values + begin, n * sizeof(T),
                       hash_of(rows.features + begin, n * sizeof(std::int32_t)));
    }
    bool are_equal(std::int64_t i, std::int64_t j) const {
        const std::int64_t a = rows.begin[i], b = rows.begin[j], n = n_stored(i);
        return n == n_stored(j) &&
               std::equal(rows.features + a, rows.features + a + n, rows.features + b) &&
               (n == 0 || std::memcmp(rows.values + a, rows.values + b, n * sizeof(T)) == 0);
    }
};

// Rows, or units, by kind: those of the same bytes.
class Kinds {
public:
    // All rows are looked at only where two samples have equal ones: a small one for tables that have
    // none, then every 16th row.
    template <class Rows>
    Kinds(const Rows& rows, std::int64_t n) {
        const std::int64_t every_16th = n / 16, sampled = std::min(every_16th, max_sampled);
        if (sampled < min_sampled || !tell_apart(rows, sampled, n / sampled, sampled - sampled / 16) ||
            !tell_apart(rows, every_16th, 16, every_16th / 8 * 5))
            return;
        is_worth_it = tell_apart(rows, n, 1, n / 2);
    }

    // Whether at most half of the rows are unlike all before them.
    bool are_few() const { return is_worth_it; }
    std::int64_t count() const { return n_kinds; }
    std::int64_t first_of(std::int64_t kind) const { return firsts[kind]; }
    std::int64_t of_row(std::int64_t row) const { return kind_of_row[row]; }

private:
    static constexpr std::int64_t max_kinds = 1 << 15;
    static constexpr std::int64_t min_sampled = 16, max_sampled = 512;

    // Numbers the kinds of the rows 0, step, 2 step, ...; false if there are more than `most`.
    template <class Rows>
    bool tell_apart(const Rows& rows, std::int64_t n, std::int64_t step, std::int64_t most) {
        most = std::min(most, max_kinds);
        n_places = 2;
        while (n_places < 2 * most) n_places *= 2;  // half of them stay free
        at_place = Buffer<std::int32_t>(n_places);
        firsts = Buffer<std::int64_t>(most);
        kind_of_row = Buffer<std::int32_t>(n);
        std::fill_n(at_place.get(), n_places, -1);
        n_kinds = 0;
        for (std::int64_t i = 0; i < n; ++i) {
            std::int32_t& kind = place_of(rows, i * step);
            if (kind < 0) {
                if (n_kinds == most) return false;
                firsts[n_kinds] = i * step;
                kind = std::int32_t(n_kinds++);
            }
            kind_of_row[i] = kind;
        }
        return true;
    }

    // Where rows like this one are, or a free place for them.
    template <class Rows>
    std::int32_t& place_of(const Rows& rows, std::int64_t row) const {
        // The high bits of a product are the well mixed ones.
        for (std::uint64_t place = rows.hash(row) >> 20;; ++place) {
            std::int32_t& kind = at_place[place & (n_places - 1)];
            if (kind < 0 || rows.are_equal(firsts[kind], row)) return kind;
        }
    }

    std::int64_t n_kinds = 0, n_places = 0;
    bool is_worth_it = false;
    Buffer<std::int32_t> at_place;  // the kind; -1 where it is free
    Buffer<std::int64_t> firsts;    // the first row of each kind
    Buffer<std::int32_t> kind_of_row;
};

// A codebook without those equal units that cannot be among the k nearest: all but the first k.
class FewerUnits {
public:
    FewerUnits(const double* from, std::int64_t m, std::int64_t d, int k) : m(m) {
        const Kinds kinds(DenseRows<double>{from, d}, m);
        if (!kinds.are_few()) return;
        Buffer<int> n_of_kind(kinds.count());
        std::fill_n(n_of_kind.get(), kinds.count(), 0);
        codebook = Buffer<double>(m * d);
        kept = Buffer<std::int64_t>(m);
        for (std::int64_t unit = 0; unit < m; ++unit) {
            if (n_of_kind[kinds.of_row(unit)]++ >= k) continue;
            std::copy_n(from + unit * d, d, codebook.get() + n_kept * d);
            kept[n_kept++] = unit;
        }
    }

    bool are_fewer() const { return n_kept > 0; }
    std::int64_t count() const { return n_kept; }
    const double* prototypes() const { return codebook.get(); }

    // An order of all units, or null, as one of those that are left.
    Buffer<std::int64_t> among_these(const std::int64_t* order) const {
        if (!order) return {};
        Buffer<std::int64_t> number(m), result(m);
        std::fill_n(number.get(), m, std::int64_t(-1));
        for (std::int64_t i = 0; i < n_kept; ++i) number[kept[i]] = i;
        std::int64_t n = 0;
        for (std::int64_t i = 0; i < m; ++i)
            if (number[order[i]] >= 0) result[n++] = number[order[i]];
        return result;
    }

    // Numbers of those that are left become numbers among all.
    void restore(std::int64_t* units, std::int64_t n) const {
        for (std::int64_t i = 0; i < n; ++i) units[i] = kept[units[i]];
    }

private:
    std::int64_t m, n_kept = 0;
    Buffer<double> codebook;
    Buffer<std::int64_t> kept;
};

// What was found for one row of each kind, for all rows.
struct FoundOnce {
    FoundOnce(const Kinds& kinds, int k)
        : kinds(kinds), k(k), units(kinds.count() * k), distances(kinds.count() * k) {}

    void copy_to(std::int64_t n, std::int64_t* all_units, double* all_distances) const {
        for (std::int64_t i = 0; i < n; ++i) {
            const std::int64_t from = kinds.of_row(i) * k;
            std::copy_n(units.get() + from, k, all_units + i * k);
            if (all_distances) std::copy_n(distances.get() + from, k, all_distances + i * k);
        }
    }

    const Kinds& kinds;
    const std::int64_t k;
    Buffer<std::int64_t> units;
    Buffer<double> distances;
};

}  // namespace somscape
