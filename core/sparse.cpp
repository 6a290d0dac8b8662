// The nearest units of sparse rows, at the cost of what is stored.
//
// A row's score against a vector of units is |w|^2 / 2 plus -w[f] x[f] over its stored features:
// one vector load per value.  All rows of a block meet one group of 16 units before the next, so
// that the group's features, 64 bytes each, stay in the cache.  Nothing is centered, for that
// would fill the rows.  What float scores cannot settle is judged in double, then exactly, as for
// dense rows.
#include "sparse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "exact.hpp"
#include "prepare.hpp"
#include "shortlist.hpp"
#include "threads.hpp"

namespace somscape::SOMSCAPE_ISA {
namespace {

constexpr std::int64_t block_rows = 512;
constexpr int chains = 4;  // sums of one row that grow side by side

// Squared distance as |w|^2 + sum of x (x - 2 w) over the stored features.
template <class T>
class SparseJudge {
public:
    using Row = std::int64_t;

    SparseJudge(const SparseRows<T>& rows, const T* codebook, std::int64_t m, std::int64_t d,
                bool is_cosine)
        : rows(rows), codebook(codebook), d(d), is_cosine(is_cosine), norms_sq(m) {
        for (std::int64_t u = 0; u < m; ++u) {
            double sum = 0;
            for (std::int64_t f = 0; f < d; ++f)
                sum += double(codebook[u * d + f]) * double(codebook[u * d + f]);
            norms_sq[u] = sum;
        }
    }

    double value(Row row, std::int64_t unit) const {
        const T* w = codebook + unit * d;
        double sum = 0;
        if (is_cosine) {
            for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at)
                sum += double(rows.values[at]) * double(w[rows.features[at]]);
            const double norms = std::sqrt(norms_sq[unit]) * std::sqrt(norm_sq(row));
            return norms > 0 ? 1.0 - sum / norms : 1.0;
        }
        for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at) {
            const double x = rows.values[at];
            sum += x * (x - 2.0 * double(w[rows.features[at]]));
        }
        return norms_sq[unit] + sum;
    }

    double distance(double value) const {
        return is_cosine ? value : std::sqrt(std::max(0.0, value));
    }

    bool is_before(Row row, std::int64_t a, double value_a, std::int64_t b, double value_b) const {
        const double terms = double(rows.begin[row + 1] - rows.begin[row] + d + 8);
        const double size = norms_sq[a] + norms_sq[b] + 4 * norm_sq(row);
        if (is_cosine || std::fabs(value_a - value_b) > terms * 0x1p-53 * size)
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
        const T *a = codebook + unit_a * d, *b = codebook + unit_b * d;
        ExactSum sum;
        for (std::int64_t f = 0; f < d; ++f) {
            if (a[f] == b[f]) continue;
            sum.add_product(a[f], a[f]);
            sum.add_product(-double(b[f]), b[f]);
        }
        for (std::int64_t at = rows.begin[row]; at < rows.begin[row + 1]; ++at) {
            const std::int64_t f = rows.features[at];
            sum.add_product(-2.0 * rows.values[at], a[f]);
            sum.add_product(2.0 * rows.values[at], b[f]);
        }
        return sum.sign();
    }

    const SparseRows<T>& rows;
    const T* codebook;
    std::int64_t d;
    bool is_cosine;
    std::vector<double> norms_sq;
};

template <class T>
class SparseSearch {
public:
    using S = Simd<float>;
    using Vec = S::Vec;

    SparseSearch(const SparseRows<T>& rows, const T* codebook, std::int64_t m, std::int64_t d,
                 Metric metric, int k, std::int64_t* units, double* distances)
        : rows(rows), m(m), d(d), k(k), is_cosine(metric == Metric::cosine), units(units),
          distances(distances), judge(rows, codebook, m, d, is_cosine), packed(m, d) {
        for (std::int64_t u = 0; u < m; ++u) pack(codebook + u * d, u);
    }

    void run() {
        const std::int64_t n_blocks = (rows.n + block_rows - 1) / block_rows;
        const double stored = double(rows.begin[rows.n] - rows.begin[0]);
        const int threads = thread_count(stored * double(m));
        std::vector<Work> work;
        for (int t = 0; t < threads; ++t) work.emplace_back(k);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (std::int64_t b = 0; b < n_blocks; ++b)
            search(b * block_rows, std::min(block_rows, rows.n - b * block_rows),
                   work[thread_number()]);
    }

private:
    struct Work {
        explicit Work(int k) : lists(block_rows, k), factors(block_rows), errors(block_rows) {}
        Shortlists<float> lists;
        Buffer<float> factors;  // that a row's values are multiplied by
        Buffer<double> errors;
    };

    void pack(const T* w, std::int64_t unit) {
        double norm_sq = 0, kept_sq = 0;
        for (std::int64_t f = 0; f < d; ++f) norm_sq += double(w[f]) * double(w[f]);
        const double length = !is_cosine ? 1.0 : norm_sq > 0 ? 1.0 / std::sqrt(norm_sq) : 0.0;
        for (std::int64_t f = 0; f < d; ++f) {
            const float value = float(-double(w[f]) * length);
            packed.at(unit, f) = value;
            kept_sq += double(value) * double(value);
        }
        const double half = is_cosine ? 0.0 : 0.5 * norm_sq;
        packed.start[unit] = float(half);
        packed.norm = std::max(packed.norm, std::sqrt(kept_sq + double(d) * 1e-38));
        packed.start_size = std::max(packed.start_size, half);
    }

    void search(std::int64_t first, std::int64_t count, Work& work) {
        for (std::int64_t i = 0; i < count; ++i) prepare(first + i, i, work);
        for (std::int64_t v = 0; v < packed.n_vectors(); ++v)
            for (std::int64_t i = 0; i < count; ++i)
                work.lists.offer(i, score(first + i, work.factors[i], v), v * S::lanes);
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t row = first + i;
            Ranking ranking(judge, row, k, units + row * k, distances + row * k);
            const int n = work.lists.finish(i);
            if (std::isfinite(work.errors[i]) && n >= k && n <= Shortlists<float>::capacity)
                for (int j = 0; j < n; ++j) ranking.add(work.lists.places_of(i)[j]);
            else
                for (std::int64_t u = 0; u < m; ++u) ranking.add(u);
            ranking.finish();
        }
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
        // One rounding per value of a chain, a few to join them, for preparing and for using.
        const double depth = double(n_stored) / chains + chains + 12;
        work.errors[i] = largest < double(std::numeric_limits<float>::max()) / 8
            ? 1.01 * depth * 0x1p-24 * largest +
                  double(n_stored) * std::numeric_limits<float>::denorm_min()
            : std::numeric_limits<double>::infinity();
        work.lists.clear(i, work.errors[i]);
    }

    Vec score(std::int64_t row, float factor, std::int64_t v) const {
        const float* w = vector_at(packed.packed.get(), v, d);
        Vec sum[chains] = {S::load(packed.start.get() + v * S::lanes)};
        std::int64_t at = rows.begin[row];
        const std::int64_t end = rows.begin[row + 1];
        const auto term = [&](std::int64_t i, Vec to) {
            const Vec x = S::broadcast(float(rows.values[i]) * factor);
            return multiply_add(x, S::load(w + rows.features[i] * group_size), to);
        };
        for (; at + chains <= end; at += chains)
            for (int c = 0; c < chains; ++c) sum[c] = term(at + c, sum[c]);
        for (; at < end; ++at) sum[0] = term(at, sum[0]);
        return (sum[0] + sum[1]) + (sum[2] + sum[3]);
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

}  // namespace

template <class T>
void search_sparse(SparseRows<T> rows, const T* codebook, std::int64_t m, std::int64_t d,
                   Metric metric, int k, std::int64_t* units, double* distances) {
    SparseSearch<T>(rows, codebook, m, d, metric, k, units, distances).run();
}

template void search_sparse(SparseRows<float>, const float*, std::int64_t, std::int64_t, Metric,
                            int, std::int64_t*, double*);
template void search_sparse(SparseRows<double>, const double*, std::int64_t, std::int64_t, Metric,
                            int, std::int64_t*, double*);

}  // namespace somscape::SOMSCAPE_ISA
