// The nearest units of sparse rows, at the cost of what is stored.
//
// A row's score against a vector of units is |w|^2 / 2 plus -w[f] x[f] over its stored features:
// one vector load per value.  Thousands of rows meet a stretch of the features of a few vectors
// before the next, so that the stretch stays in the cache.  Nothing is centered, for that
// would fill the rows.  What float scores cannot settle is judged in double, then exactly, as for
// dense rows.
#include "sparse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "equal.hpp"
#include "exact.hpp"
#include "prepare.hpp"
#include "shortlist.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

constexpr std::int64_t max_rows = 8192;        // of a block: 3 MB of shortlists
constexpr std::int64_t stretch_features = 8192;  // half a megabyte of a group
// Sums of one row that grow side by side, to hide the latency of the additions.
constexpr int max_chains = 4;
template <int vectors>
constexpr int chains_of = max_chains / vectors > 1 ? max_chains / vectors : 1;

// In stripes, as the judge of dense rows adds.
double sum_of_squares(const double* w, std::int64_t d) {
    using S = Simd<double>;
    constexpr int pieces = 8 / S::lanes;
    S::Vec sum[pieces] = {};
    std::int64_t f = 0;
    for (; f + 8 <= d; f += 8)
        unrolled<pieces>([&](auto p) SOMSCAPE_INLINE {
            const S::Vec value = S::load(w + f + p * S::lanes);
            sum[p] += value * value;
        });
    double rest = 0;
    for (; f < d; ++f) rest += w[f] * w[f];
    return sum_in_pairs(sum) + rest;
}

// Squared distance as |w|^2 + sum of x (x - 2 w) over the stored features.
template <class T>
class SparseJudge {
public:
    using Row = std::int64_t;

    SparseJudge(const SparseRows<T>& rows, const double* codebook, std::int64_t m, std::int64_t d,
                bool is_cosine)
        : rows(rows), codebook(codebook), d(d), is_cosine(is_cosine), norms_sq(m) {
        share(thread_count(double(m) * double(d)), m, [&](std::int64_t u) {
            norms_sq[u] = sum_of_squares(codebook + u * d, d);
        });
    }

    double norm_sq_of_unit(std::int64_t unit) const { return norms_sq[unit]; }

    double value(Row row, std::int64_t unit) const {
        const double* w = codebook + unit * d;
        double sum = 0;
        if (is_cosine) {
            for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at)
                sum += double(rows.values[at]) * w[rows.features[at]];
            const double norms = std::sqrt(norms_sq[unit]) * std::sqrt(norm_sq(row));
            return norms > 0 ? 1.0 - sum / norms : 1.0;
        }
        for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at) {
            const double x = rows.values[at];
            sum += x * (x - 2.0 * w[rows.features[at]]);
        }
        return norms_sq[unit] + sum;
    }

    void to_distances(double* values, std::int64_t n) const {
        if (!is_cosine)
            for (std::int64_t i = 0; i < n; ++i) values[i] = std::sqrt(std::max(0.0, values[i]));
    }

    bool is_before(Row row, std::int64_t a, double value_a, std::int64_t b, double value_b) const {
        const double terms = double(rows.begin[row + 1] - rows.begin[row] + d + 8);
        const double size = norms_sq[a] + norms_sq[b] + 4 * norm_sq(row);
        const double vanished = terms * std::numeric_limits<double>::denorm_min();
        if (is_cosine || std::fabs(value_a - value_b) > terms * 0x1p-53 * size + vanished)
            return value_a < value_b || (value_a == value_b && a < b);
        const double sign = exact_difference(row, a, b);
        return sign < 0 || (sign == 0 && a < b);
    }

private:
    double norm_sq(Row row) const {
        double sum = 0;
        for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at)
            sum += double(rows.values[at]) * double(rows.values[at]);
        return sum;
    }

    // The sign of |x - a|^2 - |x - b|^2.
    double exact_difference(Row row, std::int64_t unit_a, std::int64_t unit_b) const {
        const double *a = codebook + unit_a * d, *b = codebook + unit_b * d;
        RoundedComparison rounded;
        for (std::int64_t f = 0; f < d; ++f)
            if (a[f] != b[f])
                rounded.add(a[f] - b[f], a[f] + b[f], std::fabs(a[f]) + std::fabs(b[f]));
        for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at) {
            const double x = rows.values[at], difference = a[rows.features[at]] - b[rows.features[at]];
            if (difference != 0) rounded.add(difference, -2 * x, 2 * std::fabs(x));
        }
        if (rounded.is_certain()) return rounded.sign();
        Comparison comparison(a, b, d);
        for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at)
            comparison.note_size(rows.values[at]);
        for (std::int64_t f = 0; f < d; ++f)
            if (a[f] != b[f]) comparison.add_squares(f);
        for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at)
            comparison.add_products(rows.features[at], rows.values[at]);
        return comparison.sign();
    }

    const SparseRows<T>& rows;
    const double* codebook;
    std::int64_t d;
    bool is_cosine;
    std::vector<double> norms_sq;
};

template <class T>
class SparseSearch {
public:
    using S = Simd<float>;
    using Vec = S::Vec;

    SparseSearch(const SparseRows<T>& rows, const double* codebook, std::int64_t m, std::int64_t d,
                 Metric metric, int k, std::int64_t* units, double* distances)
        : rows(rows), m(m), d(d), k(k), is_cosine(metric == Metric::cosine), units(units),
          distances(distances), judge(rows, codebook, m, d, is_cosine), packed(m, d) {
        share(thread_count(double(m) * double(d)), packed.n_groups,
              [&](std::int64_t g) { pack(codebook, g); });
        for (std::int64_t u = 0; u < m; ++u) {
            const double norm = or_infinite(std::sqrt(judge.norm_sq_of_unit(u)));
            packed.norm = std::max(packed.norm, is_cosine && std::isfinite(norm) ? 1.0 : norm);
            packed.start_size = std::max(packed.start_size, or_infinite(packed.start[u]));
        }
        packed.norm = packed.norm * (1 + 1e-6) + 1e-18;
    }

    void run() {
        if (rows.n == 0) return;
        const double stored = double(rows.begin[rows.n] - rows.begin[0]);
        const int threads = thread_count(stored * double(m));
        const std::int64_t n_blocks = (rows.n + threads * max_rows - 1) / (threads * max_rows) *
                                      threads;
        std::vector<Work> work;
        const std::int64_t block = (rows.n + n_blocks - 1) / n_blocks;
        for (int t = 0; t < threads; ++t) work.emplace_back(k, block, n_stretches());
        share_as_free(threads, n_blocks, 1, [&](std::int64_t b, int thread) {
            const std::int64_t first = std::min(b * block, rows.n);
            search(first, std::min(block, rows.n - first), work[thread]);
        });
    }

private:
    struct Work {
        Work(int k, std::int64_t n_rows, std::int64_t n_stretches)
            : lists(n_rows, k), factors(n_rows), errors(n_rows), sums(n_rows * vectors_at_once),
              stretches(n_rows * (n_stretches + 1)) {}
        Shortlists<float> lists;
        Buffer<float> factors;  // that a row's values are multiplied by
        Buffer<double> errors;
        Buffer<Vec> sums;                 // scores so far
        Buffer<std::int64_t> stretches;  // where each row's values of each stretch start, and end
    };

    std::int64_t n_stretches() const { return (d + stretch_features - 1) / stretch_features; }

    void pack(const double* codebook, std::int64_t g) {
        const std::int64_t first = g * group_size, here = std::min<std::int64_t>(group_size, m - first);
        double length[group_size];
        for (std::int64_t i = 0; i < here; ++i) {
            const double norm_sq = judge.norm_sq_of_unit(first + i);
            length[i] = !is_cosine ? 1.0 : norm_sq > 0 ? 1.0 / std::sqrt(norm_sq) : 0.0;
            packed.start[first + i] = is_cosine ? 0.0f : float(0.5 * norm_sq);
        }
        constexpr std::int64_t at_once = 64;  // features, that stay in cache while they are turned
        for (std::int64_t begin = 0; begin < d; begin += at_once)
            for (std::int64_t i = 0; i < here; ++i)
                for (std::int64_t f = begin; f < std::min(begin + at_once, d); ++f)
                    packed.at(first + i, f) =
                        float(-codebook[(first + i) * d + f] * length[i]);
    }

    void search(std::int64_t first, std::int64_t count, Work& work) {
        const std::int64_t parts = n_stretches();
        for (std::int64_t i = 0; i < count; ++i) prepare(first + i, i, work);
        by_vectors(0, packed.n_vectors(), [&](std::int64_t v, auto vectors) {
            Vec start[vectors];
            const float* w[vectors];
            for (int q = 0; q < vectors; ++q) {
                start[q] = S::load(packed.start.get() + (v + q) * S::lanes);
                w[q] = vector_at(packed.packed.get(), v + q, d);
            }
            for (std::int64_t part = 0; part < parts; ++part)
                for (std::int64_t i = 0; i < count; ++i) {
                    const std::int64_t* ends = work.stretches.get() + i * (parts + 1) + part;
                    Vec* sum = work.sums.get() + i * vectors_at_once;
                    if (part == 0) std::copy_n(start, int(vectors), sum);
                    add<vectors>(ends[0], ends[1], work.factors[i], w, sum);
                    if (part == parts - 1)
                        for (int q = 0; q < vectors; ++q)
                            work.lists.offer(i, sum[q], (v + q) * S::lanes);
                }
        });
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t row = first + i;
            Ranking ranking(judge, row, k, units + row * k, distances + row * k);
            const int n = work.lists.finish(i);
            if (std::isfinite(work.errors[i]) && n >= k && n <= Shortlists<float>::capacity)
                for (int j = 0; j < n; ++j) add(ranking, row, work.lists.places_of(i)[j]);
            else
                for (std::int64_t u = 0; u < m; ++u) add(ranking, row, u);
        }
        judge.to_distances(distances + first * k, count * k);
    }

    void add(Ranking<SparseJudge<T>>& ranking, std::int64_t row, std::int64_t unit) const {
        ranking.add(unit, judge.value(row, unit));
    }

    void prepare(std::int64_t row, std::int64_t i, Work& work) const {
        double norm_sq = 0;
        const std::int64_t n_stored = rows.begin[row + 1] - rows.begin[row];
        for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at)
            norm_sq += double(rows.values[at]) * double(rows.values[at]);
        const double factor = !is_cosine ? 1.0 : norm_sq > 0 ? 1.0 / std::sqrt(norm_sq) : 0.0;
        work.factors[i] = float(factor);
        const double size = std::sqrt(norm_sq + double(n_stored) * 1e-38) * factor;
        const double largest = size * packed.norm + packed.start_size;
        // One rounding per value of a chain, a few to join the chains of each stretch, and for
        // preparing and using.
        const double depth = double(n_stored) + double(max_chains * n_stretches()) + 12;
        constexpr double most = double(std::numeric_limits<float>::max()) / 8;
        work.errors[i] = largest < most && factor < most && std::sqrt(norm_sq) < most
            ? 1.01 * depth * 0x1p-24 * largest +
                  double(n_stored) * std::numeric_limits<float>::denorm_min()
            : std::numeric_limits<double>::infinity();
        work.lists.clear(i, work.errors[i]);
        std::int64_t* ends = work.stretches.get() + i * (n_stretches() + 1);
        std::int64_t at = rows.begin[row];
        for (std::int64_t part = 0; part < n_stretches(); ++part) {
            ends[part] = at;
            while (at < rows.begin[row + 1] && rows.features[at] < (part + 1) * stretch_features)
                ++at;
        }
        ends[n_stretches()] = rows.begin[row + 1];
    }

    // The values from `at` to `end` added to the scores of some vectors.
    template <int vectors>
    void add(std::int64_t at, std::int64_t end, float factor, const float* const* w,
             Vec* score) const {
        constexpr int chains = chains_of<vectors>;
        Vec sum[chains][vectors] = {};
        unrolled<vectors>([&](auto q) SOMSCAPE_INLINE { sum[0][q] = score[q]; });
        const auto add_value = [&](std::int64_t i, auto chain) SOMSCAPE_INLINE {
            const Vec x = S::broadcast(float(rows.values[i]) * factor);
            const std::int64_t from = rows.features[i] * std::int64_t(group_size);
            unrolled<vectors>([&](auto q) SOMSCAPE_INLINE {
                sum[chain][q] = multiply_add(x, S::load(w[q] + from), sum[chain][q]);
            });
        };
        for (; at + chains <= end; at += chains)
            unrolled<chains>([&](auto c) SOMSCAPE_INLINE { add_value(at + c, c); });
        for (; at < end; ++at) add_value(at, std::integral_constant<int, 0>{});
        unrolled<vectors>([&](auto q) SOMSCAPE_INLINE {
            score[q] = sum[0][q];
            unrolled<chains - 1>([&](auto c) SOMSCAPE_INLINE { score[q] += sum[c + 1][q]; });
        });
    }

    const SparseRows<T>& rows;
    std::int64_t m, d;
    int k;
    bool is_cosine;
    std::int64_t* units;
    double* distances;
    SparseJudge<T> judge;
    Units<float> packed;
};

// The first row of each kind.
template <class T>
class Gathered {
public:
    Gathered(const SparseRows<T>& from, const Kinds& kinds) : begin(kinds.count() + 1) {
        begin[0] = 0;
        for (std::int64_t kind = 0; kind < kinds.count(); ++kind) {
            const std::int64_t row = kinds.first_of(kind);
            begin[kind + 1] = begin[kind] + from.begin[row + 1] - from.begin[row];
        }
        n = kinds.count();
        features = Buffer<std::int32_t>(begin[n]);
        values = Buffer<T>(begin[n]);
        for (std::int64_t kind = 0; kind < n; ++kind) {
            const std::int64_t at = from.begin[kinds.first_of(kind)];
            const std::int64_t n_stored = begin[kind + 1] - begin[kind];
            std::copy_n(from.features + at, n_stored, features.get() + begin[kind]);
            std::copy_n(from.values + at, n_stored, values.get() + begin[kind]);
        }
    }
    SparseRows<T> rows() const { return {begin.get(), features.get(), values.get(), n}; }

private:
    std::int64_t n;
    Buffer<std::int64_t> begin;
    Buffer<std::int32_t> features;
    Buffer<T> values;
};

}  // namespace

template <class T>
void search_sparse(SparseRows<T> rows, const double* codebook, std::int64_t m, std::int64_t d,
                   Metric metric, int k, std::int64_t* units, double* distances) {
    if (const Kinds kinds(StoredRows<T>{rows}, rows.n); kinds.are_few()) {
        const Gathered<T> some(rows, kinds);
        const FoundOnce found(kinds, k);
        search_sparse(some.rows(), codebook, m, d, metric, k, found.units.get(),
                      found.distances.get());
        return found.copy_to(rows.n, units, distances);
    }
    if (const FewerUnits fewer(codebook, m, d, k); fewer.are_fewer()) {
        SparseSearch<T>(rows, fewer.prototypes(), fewer.count(), d, metric, k, units, distances)
            .run();
        return fewer.restore(units, rows.n * k);
    }
    SparseSearch<T>(rows, codebook, m, d, metric, k, units, distances).run();
}

template void search_sparse(SparseRows<float>, const double*, std::int64_t, std::int64_t, Metric,
                            int, std::int64_t*, double*);
template void search_sparse(SparseRows<double>, const double*, std::int64_t, std::int64_t, Metric,
                            int, std::int64_t*, double*);

}  // namespace somscape::SOMSCAPE_ISA
