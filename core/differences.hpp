// Rows that float scores leave open meet all units once more, as sums of differences in double.
//
// Scores cancel: their error grows with the size of rows and units, and units that are closer to each
// other than that look alike.  The error of a sum of (x - w)^2 or |x - w| is relative, as the judge's
// is (exact.hpp), whose work is then a few units of each row, not all.  Feature weights and the cosine
// multiply rows and units first; what that rounds is added to the bound.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "buffer.hpp"
#include "kernels.hpp"
#include "prepare.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace somscape::SOMSCAPE_ISA {

template <bool may_lack_values>
struct SumOfSquares {  // a missing value (NaN) adds nothing
    template <class Vec>
    static Vec add(Vec x, Vec w, Vec score) {
        const Vec difference = may_lack_values ? larger(magnitude(x - w), Vec{}) : x - w;
        return multiply_add(difference, difference, score);
    }
    template <class Vec>
    static Vec join(Vec a, Vec b) { return a + b; }
};

template <class T>
class Differences {
public:
    using S = Simd<double>;
    using Vec = S::Vec;

    explicit Differences(const SearchInput<T>& in)
        : in(in), is_cosine(in.metric == Metric::cosine), units(in.m, in.d) {
        Buffer<double> sizes(in.m);
        share(thread_count(4.0 * double(in.m) * double(in.d)), in.m, [&](std::int64_t unit) {
            sizes[unit] = prepare(in.codebook + unit * in.d, is_cosine ? -1.0 : 1.0,
                                  &units.at(unit, 0), group_size);
            units.start[unit] = 0;
        });
        units.norm = *std::max_element(sizes.get(), sizes.get() + in.m);
    }

    // Of one thread.
    struct Work {
        explicit Work(const Differences& all)
            : rows(rows_at_once * all.in.d), scores(rows_at_once * all.n_places()),
              sorted(all.in.k > 1 ? all.in.m : 0), units(all.n_places() + group_size) {}
        Buffer<double> rows, scores, sorted;
        Buffer<std::int32_t> units;
    };

    // choose(row, units, how many) for each of n rows, at most rows_at_once: its k nearest are there.
    template <class Choose>
    void narrow(const std::int64_t* rows, int n, Work& work, Choose choose) const {
        const double* row[rows_at_once];
        double size[rows_at_once];
        for (int r = 0; r < rows_at_once; ++r) {
            const int from = std::min(r, n - 1);  // past the end the last one, in vain
            double* to = work.rows.get() + from * in.d;
            if (r < n) size[r] = prepare(in.rows + rows[r] * in.d, 1.0, to, 1);
            row[r] = to;
        }
        double kth[rows_at_once];
        switch (in.metric) {
            case Metric::manhattan: score<SumOfDifferences>(row, work, kth); break;
            case Metric::chebyshev: score<LargestDifference>(row, work, kth); break;
            case Metric::cosine: score<Dot>(row, work, kth); break;
            default:
                if (in.has_missing) score<SumOfSquares<true>>(row, work, kth);
                else score<SumOfSquares<false>>(row, work, kth);
        }
        for (int r = 0; r < n; ++r) {
            const double* scores = work.scores.get() + r * n_places();
            const std::int64_t n_near = put_near(scores, limit(kth[r], size[r]), work);
            choose(rows[r], work.units.get(), n_near);
        }
    }

private:
    std::int64_t n_places() const { return units.n_groups * group_size; }

    // Writes a row or unit as it is compared, and returns its size.
    template <class V>
    double prepare(const V* x, double sign, double* to, std::int64_t step) const {
        const bool is_sum = in.metric == Metric::manhattan || in.metric == Metric::chebyshev;
        double length = 1, size = 0;
        if (is_cosine) {
            double sum = 0;
            for (std::int64_t f = 0; f < in.d; ++f)
                sum += (in.weights ? in.weights[f] : 1.0) * double(x[f]) * double(x[f]);
            length = sum > 0 ? 1 / std::sqrt(sum) : 0.0;
        }
        for (std::int64_t f = 0; f < in.d; ++f) {
            const double weight = !in.weights ? 1.0 : is_sum ? in.weights[f] : std::sqrt(in.weights[f]);
            const double value = sign * double(x[f]) * weight * length;
            to[f * step] = value;
            if (!std::isnan(value)) size += is_sum ? std::fabs(value) : value * value;
        }
        return is_sum ? size : std::sqrt(size);
    }

    // Writes the scores of all units, and the k-th least of each row.
    template <class Measure>
    void score(const double* const (&row)[rows_at_once], Work& work,
               double (&kth)[rows_at_once]) const {
        Vec least[rows_at_once];
        std::fill_n(least, rows_at_once, S::broadcast(std::numeric_limits<double>::infinity()));
        by_vectors(0, units.n_vectors(), [&](std::int64_t v, auto vectors) SOMSCAPE_INLINE {
            const auto tile = score_tile<Measure, rows_at_once, vectors>(
                row, units.packed.get(), units.start.get(), v, in.d, AllFeatures{in.d});
            unrolled<rows_at_once>([&](auto r) SOMSCAPE_INLINE {
                double* to = work.scores.get() + r * n_places() + v * S::lanes;
                unrolled<vectors>([&](auto q) SOMSCAPE_INLINE {
                    S::store(to + q * S::lanes, tile.at[r][q]);
                    least[r] = smaller(tile.at[r][q], least[r]);
                });
            });
        });
        for (int r = 0; r < rows_at_once; ++r)
            kth[r] = in.k == 1 ? least_lane(least[r])
                               : kth_score(work.scores.get() + r * n_places(), work);
    }

    double kth_score(const double* scores, Work& work) const {
        // The least of every 16th belong to different units, so their k-th is no less.
        double few[group_size];
        std::fill_n(few, group_size, std::numeric_limits<double>::infinity());
        for (std::int64_t unit = 0; unit < n_places(); unit += group_size)
            for (int i = 0; i < group_size; ++i)
                few[i] = scores[unit + i] < few[i] ? scores[unit + i] : few[i];
        std::nth_element(few, few + in.k - 1, few + group_size);
        const std::int64_t n = put_near(scores, few[in.k - 1], work);
        double* sorted = work.sorted.get();
        for (std::int64_t i = 0; i < n; ++i) sorted[i] = scores[work.units[i]];
        std::nth_element(sorted, sorted + in.k - 1, sorted + n);
        return sorted[in.k - 1];
    }

    // Lists the units whose score is at most `most`, and returns how many: all, where it is not
    // finite or so few are numbers.
    std::int64_t put_near(const double* scores, double most, Work& work) const {
        const Vec limit = S::broadcast(most);
        std::int32_t* end = work.units.get();
        for (std::int64_t unit = 0; unit < in.m && std::isfinite(most); unit += S::lanes) {
            const std::uint32_t near = not_above_mask(S::load(scores + unit), limit);
            if (near) end += put_places(near, std::int32_t(unit), end);
        }
        const std::int64_t n = end - work.units.get();
        if (n >= in.k) return n;
        for (std::int64_t unit = 0; unit < in.m; ++unit) work.units[unit] = std::int32_t(unit);
        return in.m;
    }

    // No unit whose score is above can be among the k nearest.  Scores and the judge's values are each
    // wrong by at most d + 16 roundings; a product with a weight is rounded once more.
    double limit(double kth, double row_size) const {
        const double relative = (double(in.d) + 16) * 0x1p-50;
        if (is_cosine) return kth + 4 * relative;
        const double absolute = in.weights ? 0x1p-49 * (row_size + units.norm) : 0.0;
        const double vanished = 4 * double(in.d) * std::numeric_limits<double>::denorm_min();
        const double largest = in.metric == Metric::euclidean
            ? (std::sqrt(kth) + absolute) * (std::sqrt(kth) + absolute) : kth + absolute;
        return largest * (1 + relative) + vanished;
    }

    const SearchInput<T>& in;
    const bool is_cosine;
    Units<double> units;
};

}  // namespace somscape::SOMSCAPE_ISA
