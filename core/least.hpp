// The k least of many values, in ascending order.
//
// A bound first: the least of 2 k groups, which take turns with the values, belong to different
// values, so their k-th is no less than the k-th of all, and little more.  The few values up to it are
// ranked by counting for each how many are less, without a branch to mispredict.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "buffer.hpp"
#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

class Least {  // of one thread
public:
    using S = Simd<double>;

    // Values come by whole vectors; infinite ones may fill the last.
    Least(std::int64_t n, std::int64_t k)
        : n(n), k(k), n_groups((2 * k + S::lanes - 1) / S::lanes * S::lanes),
          groups(n_groups), few(n + S::lanes), ordered(k + 1) {}

    const double* of(const double* values) {
        const S::Vec most = S::broadcast(bound(values));
        double* end = few.get();
        for (std::int64_t i = 0; i < n; i += S::lanes) {
            const S::Vec some = S::load(values + i);
            end += put_lanes(not_above_mask(some, most), some, end);
        }
        put_in_order(few.get(), end);
        return ordered.get();
    }

private:
    // Above this, sorting takes fewer steps than counting.
    static constexpr std::int64_t max_counted = 192;

    double bound(const double* values) {
        if (n <= n_groups) return std::numeric_limits<double>::infinity();
        double* least = groups.get();
        std::copy_n(values, n_groups, least);
        for (std::int64_t i = n_groups; i < n; i += n_groups)
            for (std::int64_t g = 0; g < std::min(n_groups, n - i); g += S::lanes)
                S::store(least + g, smaller(S::load(least + g), S::load(values + i + g)));
        put_in_order(least, least + n_groups);
        return ordered[k - 1];
    }

    // The values may change their places; a vector after the last one may be overwritten.
    void put_in_order(double* begin, double* end) {
        if (end - begin > std::max(k, max_counted)) {
            std::nth_element(begin, begin + k - 1, end);
            end = begin + k;
        }
        if (k > max_counted) {
            std::sort(begin, end);
            std::copy(begin, end, ordered.get());
            return;
        }
        std::fill_n(ordered.get(), k, -std::numeric_limits<double>::infinity());
        for (double* at = begin; at < end; at += S::lanes) {
            const S::Vec some = S::load(at);
            S::IntVec rank = {};
            for (const double* other = begin; other < end; ++other)
                rank -= (S::IntVec)(S::broadcast(*other) < some);
            const std::int64_t here = std::min<std::int64_t>(S::lanes, end - at);
            for (std::int64_t lane = 0; lane < here; ++lane)
                ordered[std::min<std::int64_t>(rank[lane], k)] = some[lane];
        }
        // Equal values share the first of their places.
        for (std::int64_t i = 1; i < k; ++i) ordered[i] = std::max(ordered[i], ordered[i - 1]);
    }

    std::int64_t n, k, n_groups;
    Buffer<double> groups, few, ordered;
};

}  // namespace somscape::SOMSCAPE_ISA
