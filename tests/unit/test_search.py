"""Search is exact: every winner is the one that exact arithmetic on the given numbers finds."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array

from somscape.grid import Lattice
from somscape.kernels import _numpy_twin
from somscape.kernels._kernels import METRICS
from somscape.kernels._sparse import SparseRows, column_range

FLOATS = [np.float32, np.float64]
# Around groups of 16 units, and blocks of 128 features.
SIZES = [(1, 1, 1), (3, 5, 7), (7, 16, 3), (40, 17, 14), (50, 64, 129), (9, 100, 260)]
KINDS = ["plain", "offset", "far offset", "grid", "scales", "copies", "tiny", "huge", "mirrored"]


def case(kind, n, m, d, dtype, seed=0):
    """Rows and a codebook of a kind that is hard to tell apart in floating point."""
    rng = np.random.default_rng(seed)
    centers = 3 * rng.normal(size=(20, d))
    rows = centers[rng.integers(0, 20, n)] + 0.3 * rng.normal(size=(n, d))
    codebook = centers[rng.integers(0, 20, m)] + 0.3 * rng.normal(size=(m, d))
    if kind == "offset":
        rows, codebook = rows + 1e4, codebook + 1e4
    elif kind == "far offset":  # in float32 the last bits are all that is left
        rows, codebook = rows + 3e6, codebook + 3e6
    elif kind == "grid":  # many exact ties
        rows, codebook = np.round(rows), np.round(codebook)
    elif kind == "scales":
        scale = 10.0 ** rng.integers(-9, 9, d)
        rows, codebook = rows * scale, codebook * scale
    elif kind == "copies":
        codebook = codebook[rng.integers(0, m, m)]
        rows[::3] = codebook[rng.integers(0, m, len(rows[::3]))]
    elif kind == "tiny":  # denormal in float32, and so are the squares
        rows, codebook = rows * 1e-40, codebook * 1e-40
    elif kind == "huge":
        rows, codebook = rows * 1e17, codebook * 1e17
    elif kind == "mirrored":  # rows halfway between units, to the last bit or nearly
        codebook = np.concatenate([codebook, -codebook])[:m].astype(dtype)
        rows[::2] = 0.0
        rows[1::4] = (codebook[0].astype(float) + codebook[-1]) / 2
    return rows.astype(dtype), codebook.astype(dtype)


def exact_order(rows, codebook, k):
    """The k nearest units of each row: long double, and whole numbers where that is too close."""
    wide = codebook.astype(np.longdouble)
    whole_rows, whole_units = _whole(rows, codebook)
    units = np.empty((len(rows), k), dtype=int)
    for i, row in enumerate(rows.astype(np.longdouble)):
        distance = ((row - wide) ** 2).sum(axis=1)
        near = np.argsort(distance, kind="stable")
        close = distance[near[: k + 1]].max() * (1 + 1e-15)
        rivals = near[distance[near] <= close]
        keys = {u: _exact_distance(whole_rows[i], whole_units[u]) for u in rivals.tolist()}
        units[i] = sorted(keys, key=lambda u: (keys[u], u))[:k]
    return units


def _whole(*tables):
    """The tables as whole numbers, without rounding: all times the same power of two."""
    shares = [[[x.as_integer_ratio() for x in row] for row in table.tolist()] for table in tables]
    scale = max(below for table in shares for row in table for _, below in row)
    return [[[x * (scale // below) for x, below in row] for row in table] for table in shares]


def _exact_distance(row, unit):
    return sum((x - w) ** 2 for x, w in zip(row, unit, strict=True))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", KINDS)
def test_winners_are_those_of_exact_arithmetic(core, kind, dtype):
    for n, m, d in SIZES:
        rows, codebook = case(kind, n, m, d, dtype)
        expected_units = exact_order(rows, codebook, min(5, m))
        for k in {1, 2, min(5, m)} - {2 if m == 1 else 0}:
            units, distances = core.search(rows, codebook, k)
            np.testing.assert_array_equal(units, expected_units[:, :k], f"{n} {m} {d}")
            difference = rows[:, None, :].astype(float) - codebook[units].astype(float)
            expected = np.sqrt((difference**2).sum(axis=2))
            np.testing.assert_allclose(distances, expected, rtol=1e-13, atol=1e-300)


def test_a_difference_far_below_the_largest_terms_decides(core):
    # Squares of x +- 1/4 cancel to the last bit; what is left is 2^-120 against 0.
    rng = np.random.default_rng(0)
    for _ in range(50):
        x = 1 + rng.random()
        rows = np.array([[0.0, x]] * 5)
        codebook = np.array([[2.0**-60, x + 0.25], [0.0, x - 0.25]])
        units, _ = core.search(rows, codebook)
        np.testing.assert_array_equal(units, exact_order(rows, codebook, 1))


@pytest.mark.parametrize("size", [5e-324, 1e-300, 1e-160, 1e150, 1e300])
def test_winners_are_exact_where_squares_vanish_or_overflow(core, size):
    rng = np.random.default_rng(1)
    rows = np.round(rng.normal(size=(60, 3)), 1) * size
    codebook = np.round(rng.normal(size=(20, 3)), 1) * size
    units, _ = core.search(rows, codebook)
    rows, codebook = _whole(rows, codebook)
    exact = [min(range(20), key=lambda u: (_exact_distance(row, codebook[u]), u)) for row in rows]
    assert units[:, 0].tolist() == exact


def test_float32_rows_are_exact_around_a_center_that_float32_cannot_hold(core):
    # Rows of 0 tie with 40 units; the rows of 1.5 lie halfway between units 0 and 1.
    codebook = np.array([[1.0], [2.0], *[[0.0]] * 40], dtype=np.float32)
    rows = np.full((4096, 1), 1.5, dtype=np.float32)
    rows[:64] = 0
    units = core.search(rows, codebook)[0][:, 0]
    assert set(units[:64]) == {2}
    assert set(units[64:]) == {0}


def test_a_tiny_sparse_row_has_the_direction_of_its_values(core):
    row = SparseRows.from_csr(csr_array(np.full((1, 3), 1e-39, dtype=np.float32)))
    codebook = np.array([[1, 1e-3, 1e-3], [1, 1, -0.01]], dtype=np.float32)
    assert core.search(row, codebook, metric="cosine")[0].tolist() == [[1]]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", KINDS)
def test_skipping_groups_of_units_changes_no_winner(core, kind, dtype):
    # 2,048 rows and 8 groups are what skipping begins at; few clusters make it pay.
    lattice = Lattice(13, 20, "rectangular")
    rows, codebook = case(kind, 2500, lattice.n_units, 6, dtype, seed=1)
    rows, codebook = rows[np.argsort(rows[:, 0])], codebook[np.argsort(codebook[:, 0])]
    for k in (1, 3):
        plain, far = core.search(rows, codebook, k)
        units, distances = core.search(rows, codebook, k, order=lattice.walk)
        np.testing.assert_array_equal(units, plain)
        np.testing.assert_array_equal(distances, far)
    some = np.arange(0, 2500, 17)
    np.testing.assert_array_equal(plain[some], exact_order(rows[some], codebook, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_a_float64_codebook_is_not_rounded_for_float32_rows(core, kind):
    # Units in pairs that float32 cannot tell apart: only the digits beyond it decide.
    lattice = Lattice(13, 20, "rectangular")
    rows, codebook = case(kind, 2500, lattice.n_units, 6, np.float64, seed=2)
    codebook = codebook.astype(np.float32).astype(np.float64)
    codebook[1::2] = codebook[::2] * (1 + 1e-10 * np.random.default_rng(0).normal(size=(130, 6)))
    rows = rows.astype(np.float32)
    plain, far = core.search(rows, codebook, 2)
    units, distances = core.search(rows, codebook, 2, order=lattice.walk)
    np.testing.assert_array_equal(units, plain)
    np.testing.assert_array_equal(distances, far)
    some = np.arange(0, 2500, 17)
    np.testing.assert_array_equal(plain[some], exact_order(rows[some], codebook, 2))
    np.testing.assert_array_equal(core.search(rows[:2], codebook, 2)[0], plain[:2])
    np.testing.assert_array_equal(core.winners(rows, codebook)[:, 0], plain[:, 0])


@pytest.mark.parametrize("dtype", FLOATS)
def test_many_features_do_not_widen_the_error_of_float64_sums(core, dtype):
    # Two prototypes and their negatives, 24 times each: rows of 0 tie with them but for the last
    # bit, so that they meet all units in float64.  1,000 squares of the nearer one, added in turn,
    # round up and those of the other one down, by more than the bound of the scores allows.
    d = 1000
    near = _value_with_rounding(d, 2.52)
    far = np.where(np.arange(d) % 25 == 0, _value_with_rounding(d, 3.48), 0.0)
    far[far == 0] = _value_with_rounding(d, 2.48)
    far[: d // 2 : 3] = _value_with_rounding(d, 3.48)
    a, b = np.full(d, near), far
    assert sum(Fraction(x) ** 2 for x in a.tolist()) < sum(Fraction(x) ** 2 for x in b.tolist())
    codebook = np.concatenate([np.tile([b, -b], (12, 1)), np.tile([a, -a], (12, 1))])
    assert (core.winners(np.zeros((4096, d), dtype), codebook) == 24).all()


def _value_with_rounding(d, place):
    """Return a number near 1.2 whose half square lies at a place between steps of a sum of d."""
    step = 2.0 ** (np.floor(np.log2(d * 0.72)) - 52)
    values = 1.2 + np.arange(20_000) * 2.0**-52
    halves = 0.5 * values * values
    parts = (halves - np.floor(halves[0] / step) * step) / step
    return float(values[np.abs(parts - place).argmin()])


def test_weighted_winners_do_not_depend_on_the_number_of_rows(core, numpy_kernels):
    # Rows so far off that all distances are equal in float64: the lowest unit wins.
    rng = np.random.default_rng(9)
    rows = rng.normal(size=(5000, 12))
    codebook = rng.normal(size=(60, 12)) * 1e-40
    weights = rng.random(12)
    many = core.search(rows, codebook, feature_weights=weights)[0]
    few = np.concatenate(
        [core.search(rows[i : i + 3], codebook, feature_weights=weights)[0] for i in range(60)]
    )
    np.testing.assert_array_equal(many[:60], few[::3])
    expected = numpy_kernels.search(rows[:60], codebook, feature_weights=weights)[0]
    np.testing.assert_array_equal(many[:60], expected)


@pytest.mark.parametrize("spread", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("d", [2, 10, 40])
def test_skipping_is_exact_on_smooth_and_on_torn_maps(core, d, spread):
    rng = np.random.default_rng(d)
    lattice = Lattice(20, 20)
    corners = 4 * rng.normal(size=(4, d))
    x, y = (lattice.positions / lattice.positions.max(axis=0)).T
    blend = np.stack([x * y, x * (1 - y), (1 - x) * y, (1 - x) * (1 - y)], axis=1)
    codebook = (blend @ corners + spread * rng.normal(size=(400, d))).astype(np.float32)
    rows = codebook[rng.integers(0, 400, 6000)] + 0.1 * rng.normal(size=(6000, d))
    rows = rows.astype(np.float32)
    # Rows on the border between far units are where a bound that is too tight would show.
    pair = rng.integers(0, 400, (2, 500))
    rows[:500] = (codebook[pair[0]] + codebook[pair[1]]) / 2
    for k in (1, 2):
        units, distances = core.search(rows, codebook, k, order=lattice.walk)
        expected, far = core.search(rows, codebook, k)
        np.testing.assert_array_equal(units, expected)
        np.testing.assert_array_equal(distances, far)


@pytest.mark.parametrize("noise", [0.01, 3.0])
def test_skipping_is_exact_on_large_maps(core, noise):
    # 576 groups: more than a cache of planes holds, and on noise more pairs than are kept at once.
    rng = np.random.default_rng(3)
    lattice = Lattice(96, 96, "rectangular", "torus")
    angle = 2 * np.pi * lattice.positions / 96
    surface = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    codebook = (surface + noise * rng.normal(size=surface.shape)).astype(np.float32)
    rows = codebook[rng.integers(0, len(codebook), 40_000)]
    rows = (rows + 0.1 * rng.normal(size=rows.shape)).astype(np.float32)
    units, distances = core.search(rows, codebook, order=lattice.walk)
    expected, far = core.search(rows, codebook)
    np.testing.assert_array_equal(units, expected)
    np.testing.assert_array_equal(distances, far)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("k", [1, 3])
def test_winners_are_the_units_of_a_search(kernels, k, dtype):
    rows, codebook = case("copies", 2100, 130, 5, dtype)
    order = Lattice(10, 13).walk
    expected = kernels.search(rows, codebook, k)[0]
    np.testing.assert_array_equal(kernels.winners(rows, codebook, k), expected)
    np.testing.assert_array_equal(kernels.winners(rows, codebook, k, order=order), expected)
    np.testing.assert_array_equal(kernels.winners(rows[:2], codebook, k), expected[:2])
    sparse = SparseRows.from_csr(csr_array(rows[:50]))
    np.testing.assert_array_equal(kernels.winners(sparse, codebook, k), expected[:50])


@pytest.mark.parametrize("k", [2, 8, 16])
@pytest.mark.parametrize("m", [3, 17, 40, 6000])
@pytest.mark.parametrize("n_different", [1, 7, 6000])
def test_the_best_few_are_exact_among_many_alike(core, k, m, n_different):
    # Up to 6,000 units that are equal, more than a shortlist holds, and more than are scored at
    # once; of equally near ones the lowest come first.
    if k > m:
        return
    rng = np.random.default_rng(0)
    codebook = rng.normal(size=(n_different, 5))[rng.integers(n_different, size=m)]
    rows = rng.normal(size=(50, 5))
    apart = ((rows[:, None] - codebook[None]) ** 2).sum(axis=2)
    expected = np.argsort(apart, axis=1, kind="stable")[:, :k]
    units, distances = core.search(rows, codebook, k)
    np.testing.assert_array_equal(units, expected)
    np.testing.assert_allclose(
        distances, np.sqrt(np.take_along_axis(apart, expected, axis=1)), rtol=1e-12
    )


@pytest.mark.parametrize("kind", ["plain", "grid", "far offset"])
def test_all_instruction_sets_give_the_same_bits(core, numpy_kernels, kind):
    rows, codebook = case(kind, 300, 90, 20, np.float32, seed=2)
    units, distances = core.search(rows, codebook, 3)
    expected, far = numpy_kernels.search(rows, codebook, 3)
    np.testing.assert_array_equal(units, expected)
    np.testing.assert_array_equal(distances, far)


def test_an_order_must_name_each_unit_once(core):
    rows, codebook = case("plain", 5, 4, 2, np.float64)
    for order in ([0, 1, 2], [0, 1, 2, 2], [0, 1, 2, 4], [-1, 0, 1, 2]):
        with pytest.raises(ValueError, match="order must name each unit once"):
            core.search(rows, codebook, order=np.array(order))


# Other metrics, weights and missing values


def by_definition(rows, codebook, metric, weights):
    """All distances in float64, from the formulas."""
    x, w = rows[:, None, :].astype(float), codebook[None, :, :].astype(float)
    g = np.ones(x.shape[2]) if weights is None else weights
    if metric == "euclidean":
        return np.sqrt(np.nansum(g * (x - w) ** 2, axis=2))
    if metric == "manhattan":
        return np.nansum(g * np.abs(x - w), axis=2)
    if metric == "chebyshev":
        return np.nan_to_num(g * np.abs(x - w)).max(axis=2)
    norms = np.sqrt((g * x * x).sum(axis=2) * (g * w * w).sum(axis=2))
    return 1 - np.divide((g * x * w).sum(axis=2), norms, out=0 * norms, where=norms > 0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_numpy_twin_measures_few_units_and_finds_what_all_of_them_give(
    kind, missing, weighted, monkeypatch
):
    rows, codebook = case(kind, 400, 60, 10, np.float64)
    rng = np.random.default_rng(0)
    rows[rng.random(rows.shape) < 0.3 * missing] = np.nan
    weights = rng.choice([0.3, 1.0, 4.0], 10) if weighted else None
    n_measured = 0

    def counted(x, w, weights):
        nonlocal n_measured
        n_measured += np.broadcast(x[..., 0], w[..., 0]).size
        return squares(x, w, weights)

    squares = _numpy_twin._squares
    monkeypatch.setattr(_numpy_twin, "_squares", counted)
    monkeypatch.setattr(_numpy_twin, "MEASURES", (counted, *_numpy_twin.MEASURES[1:]))
    options = {"feature_weights": weights, "has_missing": missing}
    twin = _numpy_twin.NumpyKernels()
    found = {k: twin.search(rows, codebook, k, **options) for k in (1, 3)}
    if kind in ("plain", "offset", "huge"):
        assert n_measured < 1.2 * (1 + 3) * len(rows)
    monkeypatch.setattr(_numpy_twin, "_nearest", lambda *_: None)
    for k, (units, distances) in found.items():
        of_all = twin.search(rows, codebook, k, **options)
        np.testing.assert_array_equal(units, of_all[0])
        np.testing.assert_array_equal(distances, of_all[1])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_finds_the_nearest_by_its_definition(kernels, metric, missing, weighted, dtype):
    if missing and metric == "cosine":
        pytest.skip("cosine does not support missing values")
    for n, m, d in [(1, 1, 1), (30, 17, 5), (200, 40, 20), (20, 100, 140)]:
        rows, codebook = case("plain", n, m, d, dtype, seed=d)
        rng = np.random.default_rng(m)
        weights = rng.choice([0.0, 0.3, 1.0, 4.0], d) if weighted else None
        if missing:
            rows[rng.random(rows.shape) < 0.3] = np.nan
            rows[0] = np.nan  # nothing known: all units are equally near
        for k in (1, min(3, m)):
            units, distances = kernels.search(
                rows, codebook, k, metric=metric, feature_weights=weights, has_missing=missing
            )
            expected = by_definition(rows, codebook, metric, weights)
            found = np.take_along_axis(expected, units, axis=1)
            np.testing.assert_allclose(distances, found, rtol=1e-12, atol=1e-14)
            # By value: units that rounding alone tells apart may come either way.
            best = np.sort(expected, axis=1)[:, :k]
            np.testing.assert_allclose(found, best, rtol=1e-12, atol=1e-14)
            if missing:
                assert units[0].tolist() == list(range(k))


def test_a_row_of_zeros_has_no_direction(kernels):
    rows, codebook = np.zeros((1, 2)), np.array([[1.0, 0.0], [0.0, 1.0]])
    units, distances = kernels.search(rows, codebook, metric="cosine")
    assert (units.tolist(), distances.tolist()) == ([[0]], [[1.0]])


def test_missing_values_have_no_cosine(kernels):
    rows, codebook = case("plain", 5, 4, 2, np.float64)
    with pytest.raises(ValueError, match="cosine"):
        kernels.search(rows, codebook, metric="cosine", has_missing=True)


# Sparse rows


def sparse_case(n, m, d, dtype, seed=0):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((n, d)) < 0.1, rng.integers(-3, 4, (n, d)), 0).astype(dtype)
    codebook = np.where(rng.random((m, d)) < 0.3, rng.integers(-2, 3, (m, d)), 0).astype(dtype)
    return dense, SparseRows.from_csr(csr_array(dense)), codebook


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 17, 30), (700, 33, 200), (40, 20, 9000)])
def test_sparse_rows_have_the_winners_of_the_same_rows_in_full(kernels, shape, dtype):
    dense, rows, codebook = sparse_case(*shape, dtype)
    for k in (1, min(4, shape[1])):
        units, distances = kernels.search(rows, codebook, k)
        whole = ((dense[:, None, :] - codebook[None]).astype(int) ** 2).sum(axis=2)
        exact = np.argsort(whole, axis=1, kind="stable")[:, :k]  # the values are whole numbers
        np.testing.assert_array_equal(units, exact)
        expected = by_definition(dense, codebook, "euclidean", None)
        np.testing.assert_allclose(
            distances, np.take_along_axis(expected, units, axis=1), rtol=1e-12, atol=1e-6
        )


def test_no_sparse_rows_have_no_winners(kernels):
    _, rows, codebook = sparse_case(3, 4, 6, np.float32)
    units, distances = kernels.search(rows[:0], codebook, 2)
    assert (units.shape, distances.shape) == ((0, 2), (0, 2))


def test_sparse_rows_have_a_cosine(kernels):
    dense, rows, codebook = sparse_case(300, 20, 50, np.float64, seed=3)
    _, distances = kernels.search(rows, codebook, metric="cosine")
    expected = by_definition(dense, codebook, "cosine", None).min(axis=1)
    np.testing.assert_allclose(distances[:, 0], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_sums_equal_dense_ones(kernels, weighted):
    dense, rows, _ = sparse_case(90, 1, 40, np.float32, seed=4)
    rng = np.random.default_rng(5)
    units, weights = rng.integers(0, 6, 90), rng.choice([0.5, 1.0, 3.0], 90) if weighted else None
    found = []
    for some_rows in (dense, rows):
        counts, totals = np.zeros(6, int), np.zeros((6, 40), int)
        scale = np.full(40, 2.0**30)
        kernels.sums(some_rows, units, weights, np.zeros(40), scale, 2.0**20, counts, totals)
        found.append((counts, totals))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_sparse_rows_can_be_cut_picked_and_filled():
    dense, rows, _ = sparse_case(20, 1, 15, np.float64, seed=6)
    np.testing.assert_array_equal(rows[3:11].dense(), dense[3:11])
    np.testing.assert_array_equal(rows[19:40].dense(), dense[19:])
    np.testing.assert_array_equal(rows.take(np.array([5, 0, 5])).dense(), dense[[5, 0, 5]])
    low, high = column_range(rows)
    np.testing.assert_array_equal(low, dense.min(axis=0))
    np.testing.assert_array_equal(high, dense.max(axis=0))


def test_values_stored_twice_are_added_up():
    matrix = csr_array(
        (np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0]), np.array([0, 3])), shape=(1, 2)
    )
    assert SparseRows.from_csr(matrix).dense().tolist() == [[4.0, 3.0]]


@pytest.mark.parametrize(
    ("begin", "features"), [([0, 1, 3], [0, 1, 1]), ([0, 1, 3], [0, 1, 5]), ([1, 1, 3], [0, 1, 2])]
)
def test_the_core_refuses_sparse_rows_that_are_not_in_order(core, begin, features):
    rows = SparseRows(np.array(begin), np.array(features, dtype=np.int32), np.ones(3), 3)
    with pytest.raises(ValueError, match=r"features|feature|first row"):
        core.search(rows, np.zeros((2, 3)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
# From 2048 rows on, units far away are skipped.
@pytest.mark.parametrize(("n", "m"), [(2, 20), (300, 20), (2500, 20), (2500, 150)])
def test_a_unit_is_always_one_of_the_map_even_where_no_distance_is_finite(
    core, dtype, metric, wrong, n, m
):
    # Not what the kernels promise to take, but what a fault before them would hand over.
    rows, order = np.random.default_rng(0).normal(size=(n, 4)).astype(dtype), np.arange(m)
    for k in (1, 3):
        for codebook in (np.full((m, 4), wrong), np.where(order[:, None] < 9, 0.5, wrong)):
            units, _ = core.search(rows, codebook * np.ones(4), k, order=order, metric=metric)
            assert ((units >= 0) & (units < m)).all()
        finite = np.random.default_rng(1).normal(size=(m, 4))
        units, _ = core.search(np.full_like(rows, np.nan), finite, k, order=order, metric=metric)
        assert ((units >= 0) & (units < m)).all()


@pytest.mark.parametrize("weight", [1e30, 1e60, 1e150, 1e300])
@pytest.mark.parametrize("m", [1, 20])
def test_weights_that_float_scores_cannot_hold_are_judged_in_double(core, weight, m):
    rng = np.random.default_rng(0)
    rows, codebook = rng.normal(size=(300, 4)), rng.normal(size=(m, 4))
    units, distances = core.search(rows, codebook, 1, feature_weights=np.full(4, weight))
    expected, plain = core.search(rows, codebook, 1)
    np.testing.assert_array_equal(units, expected)
    np.testing.assert_allclose(distances, plain * np.sqrt(weight), rtol=1e-14)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_unit_of_sparse_rows_is_one_of_the_map_even_where_no_distance_is_finite(core, wrong):
    rows = SparseRows.from_csr(csr_array(np.random.default_rng(0).normal(size=(300, 4))))
    for metric in ("euclidean", "cosine"):
        units, _ = core.search(rows, np.full((20, 4), wrong), 3, metric=metric)
        assert ((units >= 0) & (units < 20)).all()
