// Values that most rows share, as pictures, counts and encoded categories have them, and the
// features that are left to score where rows have such values.
//
// A feature's middle (prepare.hpp) is then the value itself.  Rows that have it there are 0 when
// prepared, so that their scores stay as they are, to the bit, without that feature.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "buffer.hpp"
#include "kernels.hpp"
#include "tile.hpp"

namespace somscape::SOMSCAPE_ISA {

// Where a larger share of the features is left, all are scored.  And how many times as far as from
// their mean units may be from the common values: early in training they are all alike.
constexpr double max_listed = 0.85, max_times_farther = 4;

// What a sample of the rows says of each feature.
template <class T>
class CommonValues {
public:
    // Rows and units from which a look at a sample costs little.
    static bool are_worth_a_look(const SearchInput<T>& in) {
        return in.n >= 8 * sample_rows && in.m >= 4 * group_size && !in.has_missing &&
               (in.metric == Metric::euclidean || in.metric == Metric::cosine);
    }

    explicit CommonValues(const SearchInput<T>& in) : value(in.d), share(in.d), d(in.d) {
        std::fill_n(value.get(), d, T(0));
        if (in.metric != Metric::cosine) vote(in);  // for which no middle is taken away
        count(in);
    }

    // More than half of the rows have the value: it is no further from the rows' mean than one
    // standard deviation.
    bool is_common(std::int64_t f) const { return share[f] > 0.5f && std::isfinite(value[f]); }
    T at(std::int64_t f) const { return value[f]; }

    // The share of features in which a row has another value, and in which one of the rows of a
    // tile has, on average.
    double left_alone() const { return alone; }
    double left_together() const { return together; }

private:
    static constexpr std::int64_t sample_tiles = 10, sample_rows = sample_tiles * rows_at_once;

    template <class Act>
    static void each_sampled(const SearchInput<T>& in, Act act) {
        for (std::int64_t i = 0; i < sample_rows; ++i)
            act(in.rows + i * (in.n / sample_rows) * in.d);
    }

    // Boyer and Moore (1991): what more than half of the rows have outlives the others' votes.
    void vote(const SearchInput<T>& in) {
        Buffer<T> votes(d);
        std::fill_n(votes.get(), d, T(0));
        each_sampled(in, [&](const T* x) {
            for (std::int64_t f = 0; f < d; ++f) {
                if (votes[f] == 0) value[f] = x[f];
                votes[f] += x[f] == value[f] ? T(1) : T(-1);
            }
        });
    }

    void count(const SearchInput<T>& in) {
        Buffer<std::int32_t> here(d), rows(d), tiles(d);  // that have another value
        for (Buffer<std::int32_t>* counts : {&here, &rows, &tiles})
            std::fill_n(counts->get(), d, 0);
        std::int64_t n = 0;
        each_sampled(in, [&](const T* x) {
            for (std::int64_t f = 0; f < d; ++f) here[f] += x[f] != value[f];
            if (++n % rows_at_once) return;
            for (std::int64_t f = 0; f < d; ++f) {
                rows[f] += here[f];
                tiles[f] += here[f] > 0;
                here[f] = 0;
            }
        });
        alone = together = 0;
        for (std::int64_t f = 0; f < d; ++f) {
            share[f] = 1 - float(rows[f]) / sample_rows;
            alone += is_common(f) ? 1 - share[f] : 1;
            together += is_common(f) ? double(tiles[f]) / sample_tiles : 1;
        }
        alone /= double(d);
        together /= double(d);
    }

    Buffer<T> value;
    Buffer<float> share;
    std::int64_t d;
    double alone = 1, together = 1;
};

// The features in which prepared rows are not 0: marked for each row of a block, listed for tiles.
template <class F>
class FeatureLists {
public:
    using S = Simd<F>;

    // Without room nothing is listed, and all features are scored.
    explicit FeatureLists(std::int64_t d) : d(d) {}
    FeatureLists(std::int64_t d, std::int64_t n_rows, std::int64_t n_lists)
        : d(d), n_marks((d + S::lanes - 1) / S::lanes), room(d + 2 * group_size),
          marks(n_rows * n_marks), lists(n_lists * room), lengths(n_lists) {}

    void mark(std::int64_t i, const F* row) {
        if (!n_marks) return;
        Mark* to = marks.get() + i * n_marks;
        for (std::int64_t f = 0; f < d; f += S::lanes) {
            const auto zero = not_above_mask(magnitude(S::load(row + f)), typename S::Vec{});
            const std::uint32_t there =
                d - f < S::lanes ? (std::uint32_t(1) << (d - f)) - 1 : S::all;
            *to++ = Mark(there & ~zero);
        }
    }
    void mark_none(std::int64_t i) {
        if (n_marks) std::fill_n(marks.get() + i * n_marks, n_marks, Mark(0));
    }

    // Lists what one of a tile's rows index(0), ... index(n_rows - 1) has.
    template <int n_rows, class Index>
    void list(std::int64_t which, Index index) {
        if (!n_marks) return;
        const Mark* of[n_rows];
        for (int r = 0; r < n_rows; ++r) of[r] = marks.get() + index(r) * n_marks;
        std::int32_t* to = lists.get() + which * room;
        std::int64_t n = 0;
        for (std::int64_t at = 0; at < n_marks; ++at) {
            std::uint32_t any = 0;
            for (int r = 0; r < n_rows; ++r) any |= of[r][at];
            n += put_places(any, std::int32_t(at * S::lanes), to + n);
        }
        lengths[which] = n;
        n_listed += n;
        ++n_lists;
    }

    // Features of the lists since this was last asked, on average.
    double mean_length() {
        const double mean = n_lists ? double(n_listed) / double(n_lists) : double(d);
        n_listed = n_lists = 0;
        return std::min(mean, double(d));
    }

    // act(features): the listed ones, where they are few enough to pay.
    template <class Measure, class Act>
    SOMSCAPE_INLINE void with(std::int64_t which, Act act) const {
        if constexpr (std::is_same_v<Measure, Dot>)
            if (n_marks && double(lengths[which]) < max_listed * double(d))
                return act(ListedFeatures{lengths[which], lists.get() + which * room});
        act(AllFeatures{d});
    }

private:
    using Mark = std::uint16_t;  // a bit for each lane
    std::int64_t d, n_marks = 0, room = 0;
    Buffer<Mark> marks;
    Buffer<std::int32_t> lists;
    Buffer<std::int64_t> lengths;
    std::int64_t n_listed = 0, n_lists = 0;
};

}  // namespace somscape::SOMSCAPE_ISA
