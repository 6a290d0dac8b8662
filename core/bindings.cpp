// The core as a Python module: checks shapes once, releases the GIL, picks the instruction set.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "buffer.hpp"
#include "kernels.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace somscape {
namespace {

template <class T, int N>
using Array = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

// Usable on this processor, best first.
const std::vector<const Kernels*>& usable() {
    static const std::vector<const Kernels*> sets = [] {
        std::vector<const Kernels*> found;
#ifdef SOMSCAPE_HAS_AVX512
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
            found.push_back(&avx512::kernels());
#endif
#ifdef SOMSCAPE_HAS_AVX2
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found.push_back(&avx2::kernels());
#endif
#if defined(__ARM_NEON)
        found.push_back(&neon::kernels());
#else
        found.push_back(&baseline::kernels());
#endif
        return found;
    }();
    return sets;
}

const Kernels*& current() {
    static const Kernels* set = usable().front();
    return set;
}

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const Kernels* set : usable()) names.emplace_back(set->name);
    return names;
}

void use_instruction_set(const std::string& name) {
    for (const Kernels* set : usable())
        if (name == set->name) {
            current() = set;
            return;
        }
    throw std::invalid_argument("instruction set '" + name + "' is not usable on this processor");
}

template <class T>
const KernelsOf<T>& kernels_of() {
    if constexpr (sizeof(T) == 4) return current()->f32;
    else return current()->f64;
}

void require(bool holds, const char* claim) {
    if (!holds) throw std::invalid_argument(std::string("core: ") + claim);
}

void require_units(const std::int64_t* units, std::int64_t n, std::int64_t m) {
    for (std::int64_t i = 0; i < n; ++i)
        require(units[i] >= 0 && units[i] < m, "a unit is out of range");
}

void require_permutation(const std::int64_t* order, std::int64_t n, std::int64_t m) {
    require(n == m, "order must name each unit once");
    std::vector<char> is_named(m);  // bytes: bits would wait for each other
    for (std::int64_t i = 0; i < n; ++i) {
        require(order[i] >= 0 && order[i] < m && !is_named[order[i]],
                "order must name each unit once");
        is_named[order[i]] = 1;
    }
}

template <class T>
std::int64_t search(Array<const T, 2> rows, Array<const double, 2> codebook,
                    std::optional<Array<const std::int64_t, 1>> order,
                    std::optional<Array<const double, 1>> weights, int metric, bool has_missing,
                    bool one_thread, Array<std::int64_t, 2> units,
                    std::optional<Array<double, 2>> distances) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = codebook.shape(0);
    const std::int64_t k = units.shape(1);
    require(d >= 1 && std::int64_t(codebook.shape(1)) == d,
            "rows and codebook must have the same features, at least one");
    require(std::int64_t(units.shape(0)) == n &&
                (!distances || (std::int64_t(distances->shape(0)) == n &&
                                std::int64_t(distances->shape(1)) == k)),
            "units and distances must be (n, k)");
    require(k >= 1 && k <= max_best && k <= m, "k must be in 1..min(16, units)");
    require(!weights || std::int64_t(weights->shape(0)) == d, "one weight per feature");
    require(metric >= 0 && metric <= int(Metric::cosine), "unknown metric");
    require(!has_missing || Metric(metric) != Metric::cosine, "cosine does not support missing values");
    nb::gil_scoped_release unlocked;
    if (order) require_permutation(order->data(), order->shape(0), m);
    return kernels_of<T>().search(
        {rows.data(), codebook.data(), n, m, d, order ? order->data() : nullptr,
         weights ? weights->data() : nullptr, Metric(metric), has_missing, int(k), one_thread},
        units.data(), distances ? distances->data() : nullptr);
}

template <class T>
void mean_of_nearest(Array<const T, 2> rows, Array<const double, 2> codebook, std::int64_t k,
                     Array<double, 1> means, std::optional<Array<double, 2>> parts) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = codebook.shape(0);
    require(d >= 1 && std::int64_t(codebook.shape(1)) == d,
            "rows and codebook must have the same features, at least one");
    require(std::int64_t(means.shape(0)) == n, "one mean per row");
    require(!parts || (std::int64_t(parts->shape(0)) == n && std::int64_t(parts->shape(1)) == d),
            "one part per value");
    require(k >= 1 && k <= m, "k must be in 1..units");
    nb::gil_scoped_release unlocked;
    kernels_of<T>().mean_of_nearest(rows.data(), n, d, codebook.data(), m, k, means.data(),
                                    parts ? parts->data() : nullptr);
}

template <class T>
void sum_of_lines(Array<const T, 2> rows, Array<const std::int64_t, 1> features,
                  Array<const double, 2> x, Array<const double, 2> y, Array<double, 1> sums) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1);
    const Lines lines{features.data(), x.data(), y.data(), std::int64_t(x.shape(0)),
                      std::int64_t(x.shape(1))};
    require(std::int64_t(features.shape(0)) == lines.n, "one feature per line");
    require(std::int64_t(y.shape(0)) == lines.n && std::int64_t(y.shape(1)) == lines.n_knots,
            "x and y must have the same knots");
    require(lines.n_knots >= 2, "a line must have two knots");
    require(std::int64_t(sums.shape(0)) == n, "one sum per row");
    nb::gil_scoped_release unlocked;
    for (std::int64_t j = 0; j < lines.n; ++j)
        require(features.data()[j] >= 0 && features.data()[j] < d, "a feature is out of range");
    kernels_of<T>().sum_of_lines(rows.data(), n, d, lines, sums.data());
}

template <class T>
SparseRows<T> sparse_rows(const Array<const std::int64_t, 1>& begin,
                          const Array<const std::int32_t, 1>& features,
                          const Array<const T, 1>& values, std::int64_t d) {
    const std::int64_t n = std::int64_t(begin.shape(0)) - 1;
    require(n >= 0 && begin.data()[0] == 0, "the first row must start at 0");
    for (std::int64_t i = 0; i < n; ++i)
        require(begin.data()[i] <= begin.data()[i + 1], "rows must not end before they start");
    const std::int64_t stored = begin.data()[n];
    require(stored <= std::int64_t(features.shape(0)) && stored <= std::int64_t(values.shape(0)),
            "rows name more values than there are");
    const std::int32_t* feature = features.data();
    bool is_inside = true, is_ascending = true;  // no branch a value: there are many
    for (std::int64_t at = 0; at < stored; ++at) is_inside &= feature[at] >= 0 && feature[at] < d;
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t at = begin.data()[i] + 1; at < begin.data()[i + 1]; ++at)
            is_ascending &= feature[at - 1] < feature[at];
    require(is_inside, "a feature is out of range");
    require(is_ascending, "the features of a row must ascend");
    return {begin.data(), features.data(), values.data(), n};
}

template <class T>
void search_sparse(Array<const std::int64_t, 1> begin, Array<const std::int32_t, 1> features,
                   Array<const T, 1> values, Array<const double, 2> codebook, int metric,
                   Array<std::int64_t, 2> units, Array<double, 2> distances) {
    const std::int64_t d = codebook.shape(1), m = codebook.shape(0), k = units.shape(1);
    require(metric == int(Metric::euclidean) || metric == int(Metric::cosine),
            "sparse rows have the Euclidean and the cosine metric");
    require(k >= 1 && k <= max_best && k <= m, "k must be in 1..min(16, units)");
    nb::gil_scoped_release unlocked;
    const SparseRows<T> rows = sparse_rows<T>(begin, features, values, d);
    require(std::int64_t(units.shape(0)) == rows.n && std::int64_t(distances.shape(0)) == rows.n &&
                std::int64_t(distances.shape(1)) == k,
            "units and distances must be (n, k)");
    kernels_of<T>().search_sparse(rows, codebook.data(), m, d, Metric(metric), int(k),
                                  units.data(), distances.data());
}

using PerRow = std::optional<Array<const double, 1>>;

Winners winners(const Array<const std::int64_t, 1>& units, const PerRow& weights,
                const PerRow& distances, std::int64_t n, std::int64_t m, double weight_scale,
                double error_scale) {
    require(std::int64_t(units.shape(0)) == n, "one unit per row");
    require(!weights || std::int64_t(weights->shape(0)) == n, "one weight per row");
    require(!distances || std::int64_t(distances->shape(0)) == n, "one distance per row");
    require_units(units.data(), n, m);
    return {units.data(), weights ? weights->data() : nullptr,
            distances ? distances->data() : nullptr, n, weight_scale, error_scale};
}

template <class T>
std::int64_t sums_sparse(Array<const std::int64_t, 1> begin, Array<const std::int32_t, 1> features,
                         Array<const T, 1> values, Array<const std::int64_t, 1> units,
                         PerRow weights, PerRow distances, Array<const double, 1> scale,
                         double weight_scale, double error_scale, Array<std::int64_t, 1> counts,
                         Array<std::int64_t, 2> totals) {
    const std::int64_t d = totals.shape(1), m = totals.shape(0);
    require(std::int64_t(scale.shape(0)) == d, "one scale per feature");
    require(std::int64_t(counts.shape(0)) == m, "one count per unit");
    nb::gil_scoped_release unlocked;
    const SparseRows<T> rows = sparse_rows<T>(begin, features, values, d);
    return kernels_of<T>().sums_sparse(
        rows, d, scale.data(),
        winners(units, weights, distances, rows.n, m, weight_scale, error_scale), counts.data(),
        totals.data());
}

template <class T>
std::int64_t sums(Array<const T, 2> rows, Array<const std::int64_t, 1> units, PerRow weights,
                  PerRow distances, Array<const double, 1> center, Array<const double, 1> scale,
                  double weight_scale, double error_scale, Array<std::int64_t, 1> counts,
                  Array<std::int64_t, 2> totals) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = totals.shape(0);
    require(d >= 1, "rows must have a feature");
    require(std::int64_t(center.shape(0)) == d && std::int64_t(scale.shape(0)) == d &&
                std::int64_t(totals.shape(1)) == d,
            "center, scale and totals need one column per feature");
    require(std::int64_t(counts.shape(0)) == m, "one count per unit");
    nb::gil_scoped_release unlocked;
    return kernels_of<T>().sums(
        rows.data(), d, center.data(), scale.data(),
        winners(units, weights, distances, n, m, weight_scale, error_scale), m, counts.data(),
        totals.data());
}

double smooth(Array<const std::int64_t, 2> totals, Array<const std::int64_t, 1> counts,
              Array<const double, 1> scale, double weight_scale, Array<const double, 1> center,
              Array<const double, 2> row_weight, Array<const std::int32_t, 2> kernel,
              Array<const double, 2> col_kernel, Array<const double, 2> codebook,
              Array<double, 2> out) {
    const std::size_t m = totals.shape(0), d = totals.shape(1), n_rows = row_weight.shape(0);
    const std::size_t n_cols = (col_kernel.shape(1) + 1) / 2;
    require(counts.shape(0) == m, "one count per unit");
    require(scale.shape(0) == d && center.shape(0) == d, "one scale and center per feature");
    require(row_weight.shape(1) == n_rows && kernel.shape(0) == n_rows &&
                kernel.shape(1) == n_rows,
            "row_weight and kernel must be (n_rows, n_rows)");
    require(m >= 1 && n_rows * n_cols == m && col_kernel.shape(1) == 2 * n_cols - 1,
            "col_kernel must have 2 n_cols - 1 columns for n_rows x n_cols units");
    require(codebook.shape(0) == m && codebook.shape(1) == d && out.shape(0) == m &&
                out.shape(1) == d,
            "codebook and out must have the shape of totals");
    nb::gil_scoped_release unlocked;
    return current()->smooth(
        totals.data(), counts.data(), scale.data(), weight_scale, center.data(), std::int64_t(d),
        {row_weight.data(), kernel.data(), col_kernel.data(), std::int64_t(n_rows),
         std::int64_t(n_cols), std::int64_t(col_kernel.shape(0))},
        codebook.data(), out.data());
}

MiniSomDistance minisom_distance(int distance) {
    require(distance >= 0 && distance <= int(MiniSomDistance::signed_chebyshev),
            "unknown distance");
    return MiniSomDistance(distance);
}

template <class T>
double stepwise(Array<const T, 2> rows, Array<const std::int64_t, 1> order,
                Array<const double, 1> rates, Array<const double, 1> radii, std::int64_t n_rows,
                std::int64_t n_cols, bool is_hexagonal, bool wraps_rows, bool wraps_cols,
                std::optional<Array<const double, 2>> distances, int pulls,
                Array<T, 2> codebook) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = codebook.shape(0);
    const std::int64_t n_steps = order.shape(0);
    require(std::int64_t(codebook.shape(1)) == d, "rows and codebook differ in features");
    require(n_rows >= 1 && n_cols >= 1 && n_rows * n_cols == m,
            "codebook must have one row per unit");
    require(std::int64_t(rates.shape(0)) == n_steps && std::int64_t(radii.shape(0)) == n_steps,
            "one rate and one radius per step");
    require(pulls >= 0 && pulls <= int(Pulls::triangle), "unknown neighborhood");
    require(Pulls(pulls) != Pulls::triangle || !(is_hexagonal || distances),
            "a neighborhood by axis needs a rectangular lattice");
    require(!distances || (n_cols == 1 && std::int64_t(distances->shape(0)) == m &&
                           std::int64_t(distances->shape(1)) == m),
            "distances must be (m, m), for m rows of one unit");
    nb::gil_scoped_release unlocked;
    for (std::int64_t t = 0; t < n_steps; ++t)
        require(order.data()[t] >= 0 && order.data()[t] < n, "order names a row that is not there");
    const Buffer<T> packed(kernels_of<T>().packed_size(m, d));
    const Buffer<T> steps(kernels_of<T>().packed_size(m, 1));
    const MapShape shape{n_rows,     n_cols,
                         is_hexagonal, wraps_rows,
                         wraps_cols, distances ? distances->data() : nullptr,
                         Pulls(pulls)};
    return kernels_of<T>().stepwise(rows.data(), order.data(), rates.data(), radii.data(), n_steps,
                                    d, shape, packed.get(), steps.get(), codebook.data());
}

void minisom_winners(Array<const double, 2> rows, Array<const double, 2> codebook, int distance,
                     Array<std::int64_t, 1> units) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = codebook.shape(0);
    require(d >= 1 && m >= 1 && std::int64_t(codebook.shape(1)) == d,
            "rows and codebook must have the same features, at least one");
    require(std::int64_t(units.shape(0)) == n, "one unit per row");
    nb::gil_scoped_release unlocked;
    current()->minisom_winners(rows.data(), n, d, codebook.data(), m, minisom_distance(distance),
                               units.data());
}

void minisom_steps(Array<const double, 2> rows, Array<const std::int64_t, 1> order,
                   std::optional<Array<const std::int64_t, 1>> given,
                   Array<const double, 1> rates, std::optional<Array<const double, 1>> windows,
                   Array<const double, 3> along_x, Array<const double, 3> along_y,
                   bool is_hexagonal, int distance, Array<double, 3> codebook) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), n_steps = order.shape(0);
    const MiniSomMap map{std::int64_t(codebook.shape(0)), std::int64_t(codebook.shape(1)),
                         is_hexagonal, minisom_distance(distance)};
    require(d >= 1 && map.n_x >= 1 && map.n_y >= 1 && std::int64_t(codebook.shape(2)) == d,
            "rows and codebook must have the same features, at least one");
    require(std::int64_t(rates.shape(0)) == n_steps, "one rate per step");
    require(!windows || std::int64_t(windows->shape(0)) == n_steps, "one window per step");
    require(!given || std::int64_t(given->shape(0)) == n, "one given unit per row");
    const std::int64_t n_terms = along_x.shape(1);
    require(n_terms >= 1 && std::int64_t(along_y.shape(1)) == n_terms &&
                std::int64_t(along_x.shape(0)) == n_steps &&
                std::int64_t(along_y.shape(0)) == n_steps &&
                std::int64_t(along_x.shape(2)) == map.n_offsets() &&
                std::int64_t(along_y.shape(2)) == map.n_y,
            "tables along x and y must have each step, term and offset");
    nb::gil_scoped_release unlocked;
    for (std::int64_t t = 0; t < n_steps; ++t)
        require(order.data()[t] >= 0 && order.data()[t] < n, "order names a row that is not there");
    for (std::int64_t i = 0; given && i < n; ++i)
        require(given->data()[i] >= -1 && given->data()[i] < map.n_x * map.n_y,
                "a unit is out of range");
    current()->minisom_steps(rows.data(), d,
                             {order.data(), given ? given->data() : nullptr, rates.data(),
                              windows ? windows->data() : nullptr, along_x.data(), along_y.data(),
                              n_steps, n_terms},
                             map, codebook.data());
}

void margin_steps(Array<const float, 2> rows, Array<const std::int64_t, 1> classes,
                  Array<const double, 1> weights, Array<const std::int64_t, 1> first_units,
                  Array<const std::int64_t, 1> order, std::int64_t batch,
                  Array<const double, 2> lengths, std::int64_t n_before,
                  Array<float, 3> prototypes, Array<float, 3> axes) {
    const std::int64_t n = rows.shape(0), d = rows.shape(1), m = prototypes.shape(1);
    const std::int64_t n_classes = std::int64_t(first_units.shape(0)) - 1;
    require(d >= 1 && d <= max_product, "rows must have 1 to 128 features");
    require(std::int64_t(classes.shape(0)) == n && std::int64_t(weights.shape(0)) == n,
            "one class and one weight per row");
    require(prototypes.shape(0) == 3 && std::int64_t(prototypes.shape(2)) == d &&
                axes.shape(0) == 3 && std::int64_t(axes.shape(1)) == d &&
                std::int64_t(axes.shape(2)) == d,
            "prototypes must be (3, m, d), axes (3, d, d)");
    const MarginSteps steps{order.data(), std::int64_t(order.shape(0)), batch, lengths.data(),
                            n_before};
    require(batch >= 1 && batch <= max_product, "a step takes 1 to 128 rows");
    require(lengths.shape(1) == 2 &&
                std::int64_t(lengths.shape(0)) == (steps.n + batch - 1) / batch,
            "two lengths per step");
    require(n_classes >= 1 && first_units.data()[0] == 0 && first_units.data()[n_classes] == m,
            "first units must begin with 0 and end with the number of units");
    nb::gil_scoped_release unlocked;
    for (std::int64_t c = 0; c < n_classes; ++c)
        require(first_units.data()[c] <= first_units.data()[c + 1], "first units must not fall");
    for (std::int64_t t = 0; t < steps.n; ++t) {
        const std::int64_t i = order.data()[t];
        require(i >= 0 && i < n, "order names a row that is not there");
        const std::int64_t c = classes.data()[i];
        require(c >= 0 && c < n_classes, "a class is out of range");
        const std::int64_t n_own = first_units.data()[c + 1] - first_units.data()[c];
        require(n_own > 0 && n_own < m, "a row needs a unit of its class, and one of another");
    }
    if (steps.n == 0) return;
    current()->margin_steps(
        {rows.data(), classes.data(), weights.data(), first_units.data(), d}, steps, m,
        prototypes.data(), axes.data());
}

template <class T>
void define(nb::module_& m) {
    m.def("search", &search<T>, "rows"_a.noconvert(), "codebook"_a.noconvert(),
          "order"_a.noconvert().none(), "weights"_a.noconvert().none(), "metric"_a,
          "has_missing"_a, "one_thread"_a, "units"_a.noconvert(), "distances"_a.noconvert().none());
    m.def("mean_of_nearest", &mean_of_nearest<T>, "rows"_a.noconvert(), "codebook"_a.noconvert(),
          "k"_a, "means"_a.noconvert(), "parts"_a.noconvert().none());
    m.def("sum_of_lines", &sum_of_lines<T>, "rows"_a.noconvert(), "features"_a.noconvert(),
          "x"_a.noconvert(), "y"_a.noconvert(), "sums"_a.noconvert());
    m.def("sums", &sums<T>, "rows"_a.noconvert(), "units"_a.noconvert(),
          "weights"_a.noconvert().none(), "distances"_a.noconvert().none(),
          "center"_a.noconvert(), "scale"_a.noconvert(), "weight_scale"_a, "error_scale"_a,
          "counts"_a.noconvert(), "totals"_a.noconvert());
    m.def("search_sparse", &search_sparse<T>, "begin"_a.noconvert(), "features"_a.noconvert(),
          "values"_a.noconvert(), "codebook"_a.noconvert(), "metric"_a, "units"_a.noconvert(),
          "distances"_a.noconvert());
    m.def("sums_sparse", &sums_sparse<T>, "begin"_a.noconvert(), "features"_a.noconvert(),
          "values"_a.noconvert(), "units"_a.noconvert(), "weights"_a.noconvert().none(),
          "distances"_a.noconvert().none(), "scale"_a.noconvert(), "weight_scale"_a,
          "error_scale"_a, "counts"_a.noconvert(), "totals"_a.noconvert());
    m.def("stepwise", &stepwise<T>, "rows"_a.noconvert(), "order"_a.noconvert(),
          "rates"_a.noconvert(), "radii"_a.noconvert(), "n_rows"_a, "n_cols"_a, "is_hexagonal"_a,
          "wraps_rows"_a, "wraps_cols"_a, "distances"_a.noconvert().none(), "pulls"_a,
          "codebook"_a.noconvert());
}

}  // namespace
}  // namespace somscape

NB_MODULE(_core, m) {
    using namespace somscape;
    define<float>(m);
    define<double>(m);
    m.def("smooth", &smooth, "totals"_a.noconvert(), "counts"_a.noconvert(),
          "scale"_a.noconvert(), "weight_scale"_a, "center"_a.noconvert(),
          "row_weight"_a.noconvert(), "kernel"_a.noconvert(), "col_kernel"_a.noconvert(),
          "codebook"_a.noconvert(), "out"_a.noconvert());
    m.def("minisom_winners", &minisom_winners, "rows"_a.noconvert(), "codebook"_a.noconvert(),
          "distance"_a, "units"_a.noconvert());
    m.def("minisom_steps", &minisom_steps, "rows"_a.noconvert(), "order"_a.noconvert(),
          "given"_a.noconvert().none(), "rates"_a.noconvert(), "windows"_a.noconvert().none(),
          "along_x"_a.noconvert(), "along_y"_a.noconvert(), "is_hexagonal"_a, "distance"_a,
          "codebook"_a.noconvert());
    m.def("margin_steps", &margin_steps, "rows"_a.noconvert(), "classes"_a.noconvert(),
          "weights"_a.noconvert(), "first_units"_a.noconvert(), "order"_a.noconvert(), "batch"_a,
          "lengths"_a.noconvert(), "n_before"_a, "prototypes"_a.noconvert(),
          "axes"_a.noconvert());
    m.def("instruction_sets", &instruction_sets);
    m.def("instruction_set", [] { return std::string(current()->name); });
    m.def("use_instruction_set", &use_instruction_set, "name"_a);
    m.def("n_threads", [] { return max_threads(); });
    m.def("allow_processors", [](int n) { processors_allowed() = n; }, "n"_a);
    m.attr("max_best") = max_best;
}
