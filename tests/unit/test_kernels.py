"""The four kernels, on every instruction set of the core and on NumPy, against the oracle."""

import itertools
from fractions import Fraction

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from texts import rejected

from somscape.grid import Graph, Lattice
from somscape.grid._neighborhood import Neighborhood
from somscape.kernels._kernels import OnlineSteps
from somscape.kernels._select import VARIABLE, select_kernels

FLOATS = [np.float32, np.float64]
# Around the panels of 4 to 16 lanes, worked on two and four at once.
UNITS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65]
SHAPES = [(1, 1), (1, 7), (9, 1), (2, 5), (4, 3), (3, 4), (2, 2)]
LATTICES = [
    (*shape, kind, boundary)
    for shape, kind, boundary in itertools.product(
        SHAPES, ["rectangular", "hexagonal"], ["plane", "cylinder", "torus"]
    )
    if not (kind == "hexagonal" and boundary == "torus" and shape[0] % 2)
]
NEIGHBORHOODS = ["gaussian", "bubble", "cut_gaussian", "epanechnikov"]
# And those by axis, which rectangular lattices alone have.
LATTICES_PULLED = [
    (*lattice, neighborhood)
    for lattice in LATTICES
    for neighborhood in [*NEIGHBORHOODS, *(["triangle"] if lattice[2][0] == "r" else [])]
]
# Distances are computed in float64 from the given values: a few roundings.
EXACT = {"rtol": 1e-13, "atol": 0}


def case(n, m, d, dtype, seed, offset=0.0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) + offset
    codebook = rng.normal(size=(m, d)) + offset
    return rows.astype(dtype), codebook.astype(dtype)


def check_search(kernels, rows, codebook, k=1):
    units, distances = kernels.search(rows, codebook, k)
    expected_units, expected_distances = naive.best_units(rows, codebook, k)
    np.testing.assert_array_equal(units, expected_units)
    np.testing.assert_allclose(distances, expected_distances, **EXACT)
    assert units.dtype == np.int64
    assert distances.dtype == np.float64


# Search


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("m", UNITS)
def test_bmu_is_the_nearest_unit_for_every_number_of_units(kernels, m, dtype):
    rows, codebook = case(23, m, 3, dtype, seed=m)
    check_search(kernels, rows, codebook)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9])
@pytest.mark.parametrize("d", [1, 2, 5, 33])
def test_search_of_few_rows_and_of_one_feature(kernels, n, d):
    rows, codebook = case(n, 11, d, np.float64, seed=n)
    check_search(kernels, rows, codebook, k=2)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("m", "k"), [(16, 16), (33, 16), (17, 15), (3, 3), (1, 1), (40, 2), (9, 8)]
)
def test_k_nearest_units_come_nearest_first(kernels, m, k, dtype):
    rows, codebook = case(31, m, 4, dtype, seed=k)
    check_search(kernels, rows, codebook, k)


@given(
    hnp.arrays(np.float64, (5, 2), elements=st.integers(-3, 3).map(float)),
    hnp.arrays(np.float64, (9, 2), elements=st.integers(-3, 3).map(float)),
    st.integers(1, 9),
    st.sampled_from(FLOATS),
)
def test_search_equals_the_oracle_where_ties_abound(kernels, rows, codebook, k, dtype):
    check_search(kernels, rows.astype(dtype), codebook.astype(dtype), k)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_winners_in_float32_do_not_suffer_from_an_offset(kernels, offset, seed):
    # The rows as rounded to float32 are the data; the oracle measures them in float64.  A row
    # whose two best squared distances agree to 6 roundings of float32 may go to either.
    rows, codebook = case(200, 30, 4, np.float32, seed, offset)
    units, distances = kernels.search(rows, codebook)
    expected, nearest = naive.best_units(rows, codebook, 2)
    is_clear = nearest[:, 1] ** 2 > nearest[:, 0] ** 2 * (1 + 6 * 2.0**-24)
    assert is_clear.mean() > 0.99
    np.testing.assert_array_equal(units[is_clear, 0], expected[is_clear, 0])
    np.testing.assert_allclose(distances[:, 0], nearest[:, 0], rtol=3 * 2.0**-24)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [(np.float32, 1e18), (np.float64, 1e150), (np.float32, 1e-17), (float, 1e-150)],
)
def test_search_near_the_limits_of_the_type_equals_the_oracle(kernels, dtype, size):
    rows, codebook = case(20, 17, 3, np.float64, seed=5)
    rows, codebook = (np.clip(a * size, -size, size).astype(dtype) for a in (rows, codebook))
    check_search(kernels, rows, codebook, k=3)


@pytest.mark.parametrize("k", [1, 3])
def test_squares_beyond_float32_still_give_distinct_units(kernels, k):
    # Rows and codebook are finite, which is all that a caller promises; their squared distance
    # is not.  All units are then equally far in float32.
    rows = np.full((2, 3), 1e20, np.float32)
    units, distances = kernels.search(rows, np.eye(4, 3, dtype=np.float32), k)
    assert units.tolist() == [list(range(k))] * 2
    np.testing.assert_allclose(distances, np.sqrt(3) * 1e20, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "tiny"), [(np.float32, 1e-42), (np.float64, 5e-324)])
def test_denormal_values_neither_disturb_other_features_nor_make_nan(kernels, dtype, tiny):
    rows, codebook = case(20, 9, 3, dtype, seed=1)
    rows[:, 1] = np.where(np.arange(20) % 2, tiny, -tiny)
    codebook[:, 1] = tiny
    check_search(kernels, rows, codebook)
    units, distances = kernels.search(
        np.full((1, 2), tiny, dtype), np.full((9, 2), -tiny, dtype), 2
    )
    assert units.tolist() == [[0, 1]]
    assert np.isfinite(distances).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_no_rows_give_no_winners(kernels, dtype):
    units, distances = kernels.search(np.empty((0, 3), dtype), np.zeros((5, 3), dtype), 2)
    assert units.shape == distances.shape == (0, 2)


@pytest.mark.parametrize("k", [0, 5, 17])
def test_a_number_of_units_that_is_not_there_is_refused(kernels, k):
    with pytest.raises(ValueError, match=r"k must be in 1\.\.min\(16, units\)"):
        kernels.search(np.zeros((2, 3)), np.zeros((20 if k > 5 else 4, 3)), k)


# Sums


def exact_sums(rows, units, weights, center, scale, weight_scale, m):
    """Counts and totals in exact arithmetic, each term rounded half to even."""
    counts, totals = [0] * m, [[0] * rows.shape[1] for _ in range(m)]
    for i, row in enumerate(rows.tolist()):
        weight = 1.0 if weights is None else float(weights[i])
        counts[units[i]] += round(Fraction(weight) * Fraction(weight_scale))
        for f, value in enumerate(row):
            scaled = (value - center[f]) * scale[f]
            whole = float(weight).is_integer()
            term = int(weight) * round(scaled) if whole else round(weight * scaled)
            totals[units[i]][f] += term
    return counts, totals


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("n", "d", "m"), [(1, 1, 1), (1, 3, 4), (37, 9, 5), (40, 17, 1), (8, 8, 3)]
)
def test_sums_equal_exact_arithmetic(kernels, n, d, m, weighted, dtype):
    rng = np.random.default_rng(n + d)
    rows = rng.normal(size=(n, d)).astype(dtype)
    units = rng.integers(0, m, n)
    weights = rng.choice([0.25, 1.0, 2.0, 3.7, 1e-3], n) if weighted else None
    center, scale = rng.normal(size=d), 2.0 ** rng.integers(-2, 40, d)
    counts, totals = np.full(m, 7), np.full((m, d), -3)
    kernels.sums(rows, units, weights, center, scale, 2.0**30, counts, totals)
    expected_counts, expected_totals = exact_sums(rows, units, weights, center, scale, 2.0**30, m)
    # Added to what was there: 7 and -3.
    assert counts.tolist() == [7 + c for c in expected_counts]
    assert totals.tolist() == [[t - 3 for t in row] for row in expected_totals]


def test_halves_are_rounded_to_even_by_all_kernels(kernels):
    # 0.5, 1.5, 2.5, -0.5, -1.5 -> 0, 2, 2, 0, -2
    counts, totals = np.zeros(5, int), np.zeros((5, 1), int)
    rows = np.array([[0.5], [1.5], [2.5], [-0.5], [-1.5]])
    kernels.sums(rows, np.arange(5), None, np.zeros(1), np.ones(1), 1.0, counts, totals)
    assert totals[:, 0].tolist() == [0, 2, 2, 0, -2]


def test_errors_by_hand(kernels):
    # Distances 1.5 and 0.75 of weights 1 and 3, in eighths: 12 and 18; 0.1 is cut to 0.
    rows, units = np.zeros((3, 1)), np.zeros(3, int)
    scales = (np.zeros(1), np.ones(1), 1.0, np.zeros(1, int), np.zeros((1, 1), int))
    distances, weights = np.array([1.5, 0.75, 0.1]), np.array([1.0, 3.0, 1.0])
    assert kernels.sums(rows, units, weights, *scales, distances, 8.0) == 30
    assert kernels.sums(rows, units, None, *scales, distances, 8.0) == 18
    assert kernels.sums(rows, units, None, *scales) == 0


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("d", [3, 9, 20, 33])
def test_many_rows_have_the_sums_of_the_twin_on_all_threads(core, numpy_kernels, d, weighted):
    rng = np.random.default_rng(d)
    n, m = 30_000, 7
    rows, units = rng.normal(size=(n, d)).astype(np.float32), rng.integers(0, m, n)
    weights = rng.choice([1.0, 1.0, 1.0, 2.0, 0.3], n) if weighted else None
    center, scale, distances = rng.normal(size=d), 2.0 ** rng.integers(10, 30, d), rng.random(n)
    found = []
    for kernels in (core, numpy_kernels):
        counts, totals = np.ones(m, int), np.full((m, d), 5)
        error = kernels.sums(
            rows, units, weights, center, scale, 2.0**20, counts, totals, distances, 2.0**30
        )
        found.append((error, counts.tolist(), totals.tolist()))
    assert found[0] == found[1]


def test_rows_of_tiny_weight_are_summed_without_a_warning(kernels):
    # With a total weight of 2^-10 the scale lets weighted terms, not values, fill 2^51.
    rows, weights = np.array([[-1.0], [1.0]]), np.full(2, 2.0**-11)
    counts, totals = np.zeros(1, int), np.zeros((1, 1), int)
    kernels.sums(
        rows,
        np.zeros(2, int),
        weights,
        np.array([-1.0]),
        np.array([2.0**60]),
        2.0**70,
        counts,
        totals,
    )
    assert counts.tolist() == [2**60]
    assert totals.tolist() == [[2**50]]


def separations(n_rows, n_cols, kind, boundary, neighborhood):
    """Map distances, or offsets along both axes, as the oracle's neighborhood takes them."""
    by_axis = neighborhood == "triangle"
    measure = naive.axis_offsets if by_axis else naive.map_distances
    return measure(n_rows, n_cols, kind, boundary)


# Smoothing


def smooth(kernels, totals, counts, tables, codebook=None):
    """Smooth sums in units of 2^-20 and counts in units of 2^-30, around center 0.5."""
    m, d = totals.shape
    before = np.full((m, d), -7.0) if codebook is None else codebook
    scale, center = np.full(d, 2.0**20), np.full(d, 0.5)
    return kernels.smooth(totals, counts, scale, 2.0**30, center, tables, before)


def sums_case(m, d, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(-(2**40), 2**40, (m, d)), rng.integers(1, 2**40, m)


@pytest.mark.parametrize(("n_rows", "n_cols", "kind", "boundary", "neighborhood"), LATTICES_PULLED)
def test_smoothing_is_the_mean_weighted_by_the_neighborhood_matrix(
    kernels, n_rows, n_cols, kind, boundary, neighborhood
):
    lattice = Lattice(n_rows, n_cols, kind, boundary)
    totals, counts = sums_case(lattice.n_units, 3, seed=0)
    distances = separations(n_rows, n_cols, kind, boundary, neighborhood)
    for radius in (0.3, 1.0, 2.6, 1e6):
        h = naive.neighborhood(distances, radius, neighborhood)
        tables = Neighborhood(lattice, neighborhood).tables(radius)
        found, step = smooth(kernels, totals, counts, tables)
        expected = 0.5 + (h @ (totals / 2.0**20)) / (h @ (counts / 2.0**30))[:, None]
        # Weights good to 1e-10; sums of at most 63 terms, which may cancel.
        size = (h @ np.abs(totals / 2.0**20)) / (h @ (counts / 2.0**30))[:, None]
        assert (np.abs(found - expected) <= 1e-9 * size + 1e-12).all()
        assert step == pytest.approx(np.sqrt(((found + 7.0) ** 2).sum(axis=1)).max(), rel=1e-12)


@pytest.mark.parametrize("d", [1, 7, 8, 9, 40])
def test_smoothing_takes_any_number_of_features(kernels, d):
    lattice = Lattice(9, 6)
    totals, counts = sums_case(54, d, seed=d)
    h = naive.neighborhood(naive.map_distances(9, 6, "hexagonal", "plane"), 1.5, "gaussian")
    tables = Neighborhood(lattice, "gaussian").tables(1.5)
    found, _ = smooth(kernels, totals, counts, tables, np.zeros((54, d)))
    assert found.dtype == np.float64
    expected = 0.5 + (h @ (totals / 2.0**20)) / (h @ (counts / 2.0**30))[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_features_are_smoothed_alike_however_many_go_together(core):
    # 300 x 300 units leave room for 8 features of a batch; the last batch holds one.
    lattice = Lattice(300, 300, "rectangular")
    totals, counts = sums_case(lattice.n_units, 17, seed=3)
    tables = Neighborhood(lattice, "gaussian").tables(2.0)
    found, _ = smooth(core, totals, counts, tables)
    for f in (0, 7, 8, 16):
        alone, _ = smooth(core, np.ascontiguousarray(totals[:, f : f + 1]), counts, tables)
        np.testing.assert_array_equal(found[:, f], alone[:, 0])


def test_units_whose_neighborhood_won_nothing_keep_their_prototype(kernels):
    counts = np.array([2**30, 0, 0, 0, 0])
    totals = np.array([[2**21], [0], [0], [0], [0]])
    tables = Neighborhood(Lattice(1, 5, "rectangular"), "bubble").tables(1.0)
    before = np.arange(5.0)[:, None]
    found, step = smooth(kernels, totals, counts, tables, before)
    assert found[:, 0].tolist() == [2.5, 2.5, 2, 3, 4]
    assert step == 2.5


# The online rule


def online_case(lattice, dtype, seed, n_steps=25):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(12, 3)).astype(dtype)
    codebook = rng.normal(size=(lattice.n_units, 3)).astype(dtype)
    order = rng.integers(0, 12, n_steps)
    return rows, codebook, order, np.linspace(0.6, 0.05, n_steps), np.linspace(2.5, 0.4, n_steps)


@pytest.mark.parametrize(("n_rows", "n_cols", "kind", "boundary", "neighborhood"), LATTICES_PULLED)
def test_the_online_rule_equals_the_oracle_step_by_step(
    kernels, n_rows, n_cols, kind, boundary, neighborhood
):
    lattice = Lattice(n_rows, n_cols, kind, boundary)
    rows, codebook, order, rates, radii = online_case(lattice, np.float64, seed=n_cols)
    if neighborhood == "triangle":  # whose peak is the squared radius
        rates = rates / radii**2
    distances = separations(n_rows, n_cols, kind, boundary, neighborhood)
    expected, expected_total = codebook, 0.0
    for t in range(0, len(order), 5):
        part = slice(t, t + 5)
        for i in range(t, t + 5):
            at = rows[order[i : i + 1]]
            expected_total = naive.best_units(at, expected)[1][0, 0]
            expected = naive.online(
                rows,
                order[i : i + 1],
                expected,
                distances,
                radii[i : i + 1],
                rates[i : i + 1],
                neighborhood,
            )
            one = kernels.stepwise(
                rows,
                OnlineSteps(order[i : i + 1], rates[i : i + 1], radii[i : i + 1]),
                lattice,
                neighborhood,
                codebook,
            )
            assert one == pytest.approx(expected_total, rel=1e-10)
        # Errors of 1e-16 a step, and weights good to 1e-15.
        np.testing.assert_allclose(codebook, expected, rtol=0, atol=1e-12, err_msg=str(part))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
def test_many_online_steps_at_once_equal_the_oracle(kernels, neighborhood, dtype):
    lattice = Lattice(4, 5, "hexagonal")
    rows, codebook, order, rates, radii = online_case(lattice, dtype, seed=3, n_steps=60)
    distances = naive.map_distances(4, 5, "hexagonal", "plane")
    expected = naive.online(rows, order, codebook, distances, radii, rates, neighborhood)
    kernels.stepwise(rows, OnlineSteps(order, rates, radii), lattice, neighborhood, codebook)
    assert codebook.dtype == dtype
    # 60 steps: 1e-12 in float64, 1e-4 in float32, as the kernels promise.
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(codebook, expected, rtol=0, atol=tolerance)


def some_graph():
    """Two rings of 5 joined by a long edge, chords of other lengths, and a pair apart."""
    adjacency = np.zeros((12, 12))
    edges = [(i, (i + 1) % 5, 1.0) for i in range(5)] + [
        (5 + i, 5 + (i + 1) % 5, 0.7) for i in range(5)
    ]
    for a, b, length in [*edges, (0, 2, 1.3), (1, 6, 2.5), (10, 11, 1.0)]:
        adjacency[a, b] = adjacency[b, a] = length
    return adjacency


@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
def test_the_online_rule_on_a_graph_equals_the_oracle(kernels, neighborhood):
    graph, distances = Graph(some_graph()), naive.graph_distances(some_graph())
    rows, codebook, order, rates, radii = online_case(graph, np.float64, seed=5, n_steps=40)
    expected = naive.online(rows, order, codebook, distances, radii, rates, neighborhood)
    kernels.stepwise(rows, OnlineSteps(order, rates, radii), graph, neighborhood, codebook)
    np.testing.assert_allclose(codebook, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
def test_smoothing_over_a_graph_equals_the_oracle(kernels, neighborhood):
    totals, counts = sums_case(12, 3, seed=4)
    for radius in (0.3, 1.0, 2.6, 1e6):
        h = naive.neighborhood(naive.graph_distances(some_graph()), radius, neighborhood)
        tables = Neighborhood(Graph(some_graph()), neighborhood).tables(radius)
        found, _ = smooth(kernels, totals, counts, tables)
        expected = 0.5 + (h @ (totals / 2.0**20)) / (h @ (counts / 2.0**30))[:, None]
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("neighborhood", ["cut_gaussian", "epanechnikov", "triangle"])
@pytest.mark.parametrize("radius", [1e-3, 1e-160, 1e-300])
def test_the_tiniest_radius_makes_no_nan(kernels, neighborhood, radius):
    lattice = Lattice(3, 4, "rectangular")
    codebook = np.arange(12.0)[:, None]
    steps = OnlineSteps(np.zeros(1, int), np.ones(1), np.array([radius]))
    kernels.stepwise(np.array([[3.25]]), steps, lattice, neighborhood, codebook)
    moved = 0.25 * radius**2 if neighborhood == "triangle" else 0.25
    np.testing.assert_allclose(codebook[:, 0], np.arange(12.0) + moved * (np.arange(12) == 3))
    totals, counts = sums_case(12, 1, seed=0)
    tables = Neighborhood(lattice, neighborhood).tables(radius)
    found, _ = smooth(kernels, totals, counts, tables)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("kind", ["rectangular", "hexagonal"])
@pytest.mark.parametrize(("radius", "boundary"), [(0.4, "plane"), (9.0, "torus"), (80.0, "plane")])
def test_the_online_rule_holds_on_a_long_map_at_any_radius(kernels, kind, radius, boundary):
    # Weights that the core builds up from column to column must not drift over a hundred of them.
    lattice = Lattice(2, 130, kind, boundary)
    codebook = np.zeros((260, 1))
    codebook[5] = 1.0
    kernels.stepwise(
        np.array([[2.0]]),
        OnlineSteps(np.zeros(1, int), np.array([0.5]), np.array([radius])),
        lattice,
        "gaussian",
        codebook,
    )
    places = naive.positions(2, 130, kind)
    dx, dy = np.abs(places - places[5]).T
    if boundary == "torus":
        dx, dy = np.minimum(dx, 130 - dx), np.minimum(dy, 2 * lattice.row_pitch - dy)
    pull = 0.5 * naive.neighborhood(np.hypot(dx, dy), radius, "gaussian")
    expected = pull * 2.0
    expected[5] = 1.5
    np.testing.assert_allclose(codebook[:, 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("m", UNITS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_online_winner_may_be_any_unit_and_the_lowest_of_equals(kernels, m, dtype):
    # Units in pairs at 0, 0, 1, 1, ...: the lower of each pair moves, at a radius that reaches no
    # other.  Padding of the last panel must not win, nor move.
    places = (np.arange(m) // 2).astype(dtype)[:, None]
    order = np.arange(m)
    codebook = places.copy()
    kernels.stepwise(
        (places + 0.25).astype(dtype),
        OnlineSteps(order, np.full(m, 1.0), np.full(m, 0.1)),
        Lattice(1, m, "rectangular"),
        "bubble",
        codebook,
    )
    moved = np.where(np.arange(m) % 2 == 0, 0.25, 0)
    np.testing.assert_array_equal(codebook[:, 0], places[:, 0] + moved)


@pytest.mark.parametrize("radius_sq", [1, 3, 4, 7])
@pytest.mark.parametrize("winner", [24, 17])
def test_a_unit_at_exactly_the_radius_is_moved_by_an_online_bubble(kernels, radius_sq, winner):
    # Squared distances between hexagons are 0, 1, 3, 4, 7, ...; sqrt(3)^2 is below 3 in float64.
    codebook = np.zeros((49, 1))
    codebook[winner] = 1
    kernels.stepwise(
        np.array([[2.0]]),
        OnlineSteps(np.zeros(1, int), np.array([0.5]), np.array([np.sqrt(radius_sq)])),
        Lattice(7, 7),
        "bubble",
        codebook,
    )
    distances = naive.map_distances(7, 7, "hexagonal", "plane")[winner]
    expected = np.where(np.round(distances**2) <= radius_sq, 1.0, 0.0)
    expected[winner] = 1.5
    np.testing.assert_array_equal(codebook[:, 0], expected)


def test_no_online_steps_change_nothing(kernels):
    codebook = np.array([[1.0, -2.0], [3.0, 4.0]])
    none = np.empty(0)
    total = kernels.stepwise(
        np.zeros((1, 2)),
        OnlineSteps(none.astype(int), none, none),
        Lattice(2, 1),
        "gaussian",
        codebook,
    )
    assert total == 0
    assert codebook.tolist() == [[1, -2], [3, 4]]


@pytest.mark.parametrize("radius", [1e-3, 1e-8, 1e-160])
def test_an_online_step_of_tiny_radius_moves_the_winner_alone(kernels, radius):
    lattice = Lattice(3, 4)
    rng = np.random.default_rng(8)
    codebook, row = rng.normal(size=(12, 2)), rng.normal(size=(1, 2))
    before = codebook.copy()
    winner = naive.best_units(row, before)[0][0, 0]
    kernels.stepwise(
        row,
        OnlineSteps(np.zeros(1, int), np.ones(1), np.array([radius])),
        lattice,
        "gaussian",
        codebook,
    )
    before[winner] = row
    np.testing.assert_allclose(codebook, before, rtol=1e-14)


# What the core checks before it touches memory


@pytest.mark.parametrize(
    ("rows", "codebook"),
    [
        (np.zeros((2, 3)), np.zeros((4, 2))),
        (np.asfortranarray(np.zeros((2, 3))), np.zeros((4, 3))),
        (np.zeros((2, 3), int), np.zeros((4, 3), int)),
        (np.zeros(3), np.zeros((4, 3))),
    ],
    ids=["features differ", "fortran order", "whole numbers", "one dimension"],
)
def test_the_core_refuses_arrays_that_it_was_not_promised(core, rows, codebook):
    with pytest.raises((ValueError, TypeError)):
        core.search(rows, codebook, 1)


@pytest.mark.parametrize("unit", [-1, 4])
def test_the_core_refuses_units_that_are_not_there(core, unit):
    with pytest.raises(ValueError, match="out of range"):
        core.sums(
            np.zeros((1, 2)),
            np.array([unit]),
            None,
            np.zeros(2),
            np.ones(2),
            1.0,
            np.zeros(4, int),
            np.zeros((4, 2), int),
        )


@pytest.mark.parametrize("row", [-1, 2])
def test_the_core_refuses_an_order_of_rows_that_are_not_there(core, row):
    with pytest.raises(ValueError, match="not there"):
        core.stepwise(
            np.zeros((2, 1)),
            OnlineSteps(np.array([row]), np.ones(1), np.ones(1)),
            Lattice(1, 2),
            "bubble",
            np.zeros((2, 1)),
        )


def test_an_unknown_instruction_set_is_refused_and_changes_nothing(core):
    from somscape.kernels import _core

    before = _core.instruction_set()
    with pytest.raises(ValueError, match="'mmx' is not usable"):
        _core.use_instruction_set("mmx")
    assert _core.instruction_set() == before
    assert core.name == f"core/{before}"


# Choosing


def test_the_environment_chooses_the_kernels(monkeypatch):
    monkeypatch.setenv(VARIABLE, "numpy")
    assert select_kernels().name == "numpy"
    monkeypatch.setenv(VARIABLE, "gpu")
    with rejected(ValueError, parameter="SOMSCAPE_KERNELS", value="gpu"):
        select_kernels()


def test_the_core_is_used_where_it_is_built(core, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    assert select_kernels() is core
    assert select_kernels().name.startswith("core/")


def test_without_the_core_numpy_is_used_and_asking_for_the_core_says_what_to_do(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("somscape.kernels._select.is_core_built", lambda: False)
    assert select_kernels().name == "numpy"
    with rejected(ValueError, parameter="SOMSCAPE_KERNELS", value="core"):
        select_kernels("core")
