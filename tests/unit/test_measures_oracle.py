"""Measures of a map equal plain loops over their formulas, on every lattice and with weights."""

from functools import cache, cached_property

import naive
import numpy as np
import pytest
from texts import rejected

from somscape import Graph, Lattice, Map, measures
from somscape.kernels import Metric
from somscape.measures import distances as _pairs
from somscape.tables import Encoding

CLOSE = {"rel": 1e-9, "abs": 1e-9}

SHAPES = [
    (2, 5, "rectangular", "plane"),
    (3, 4, "rectangular", "torus"),
    (4, 3, "hexagonal", "plane"),
    (4, 5, "hexagonal", "torus"),
    (3, 4, "hexagonal", "cylinder"),
    (1, 6, "hexagonal", "plane"),
    "graph",
]

EDGES = [(0, 1), (1, 2), (2, 3), (3, 0), (2, 4), (4, 5), (5, 6)]
LENGTHS = [1.0, 2.0, 1.0, 0.5, 1.5, 1.0, 3.0]


EVERY = [
    measures.quantization_error,
    measures.explained_variance,
    measures.combined_error,
    measures.trustworthiness,
    measures.continuity,
]


class Case:
    """A map that is not trained, rows on it, and what the oracle knows of both."""

    def __init__(self, shape, seed: int = 3, n_rows: int = 45, whole: bool = False) -> None:
        rng = np.random.default_rng(seed)
        if shape == "graph":
            table = np.zeros((7, 7))
            for (a, b), length in zip(EDGES, LENGTHS, strict=True):
                table[a, b] = table[b, a] = length
            lattice, self.on_map = Graph(table), naive.graph_distances(table)
            self.neighbors = [np.flatnonzero(row).tolist() for row in table]
        else:
            lattice, self.on_map = Lattice(*shape), naive.map_distances(*shape)
            self.neighbors = naive.neighbors(*shape)
        self.codebook = rng.normal(size=(lattice.n_units, 3))
        self.X = rng.normal(size=(n_rows, 3)) - 0.3
        if whole:  # many ties
            self.codebook, self.X = np.rint(2 * self.codebook), np.rint(self.X)
        self.map_ = make_map(self.codebook, lattice)
        self.units = naive.best_units(self.X, self.codebook)[0][:, 0]

    @cached_property
    def tables(self):
        """Distances of all pairs of rows, in the data and on the map."""
        on_map = np.round(self.on_map, 9)
        return (
            naive.row_distances(self.X),
            naive.placed_distances(self.X, self.codebook, on_map),
        )


def make_map(codebook, lattice, *, missing: str = "error", metric: Metric | None = None) -> Map:
    names = [f"x{i}" for i in range(np.shape(codebook)[1])]
    encoding = Encoding.plain(names, missing=missing)
    return Map(
        codebook, lattice, encoding, np.ones(len(codebook)), metric=metric or Metric("euclidean")
    )


@cache
def case_of(shape, whole: bool) -> Case:
    """The case of many tests, whose distances the oracle works out once."""
    return Case(shape, whole=whole)


@pytest.fixture(params=SHAPES, ids=str)
def case(request) -> Case:
    return case_of(request.param, False)


def test_explained_variance_equals_the_oracle(case: Case) -> None:
    expected = naive.explained_variance(case.X, case.codebook)
    assert measures.explained_variance(case.map_, case.X) == pytest.approx(expected, **CLOSE)


def test_order_equals_the_oracle(case: Case) -> None:
    given = (case.X, case.codebook, case.neighbors)
    if case.map_.lattice.kind != "graph":
        # The steps of a combined error are as long as prototypes lie apart, on a graph, too.
        expected = naive.topographic_product(case.codebook, case.on_map)
        assert measures.topographic_product(case.map_) == pytest.approx(expected, **CLOSE)
    # One step where both are neighbors, as Euclidean distances have it anyway.
    expected = naive.combined_error(*given)
    assert measures.combined_error(case.map_, case.X) == pytest.approx(expected, **CLOSE)


def test_topographic_product_of_a_graph_equals_the_oracle() -> None:
    case = Case("graph")
    expected = naive.topographic_product(case.codebook, case.on_map)
    assert measures.topographic_product(case.map_) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("k", [1, 4, 22])
@pytest.mark.parametrize("on", ["grid", "prototypes"])
@pytest.mark.parametrize("whole", [False, True], ids=["apart", "tied"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_neighbors_equal_the_oracle(shape, whole: bool, on: str, k: int) -> None:
    case = case_of(shape, whole)
    in_data, on_map = case.tables
    if on == "prototypes":
        on_map = naive.placed_distances(case.X, case.codebook, naive.row_distances(case.codebook))
    expected = naive.neighbor_measures(in_data, on_map, k)
    found = tuple(
        measure(case.map_, case.X, k=k, on=on)
        for measure in (measures.trustworthiness, measures.continuity)
    )
    assert found == pytest.approx(expected[:2], **CLOSE)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("on", ["grid", "prototypes"])
def test_more_equal_rows_than_neighbors_equal_the_oracle(on: str, k: int) -> None:
    # Row 0 five times shares its unit with row 2, and row 7 four times has one of its own.
    X = np.repeat([[0.0], [2], [3], [7]], [5, 2, 3, 4], axis=0)
    W = np.array([[1.0], [3.5], [7.0]])
    map_ = make_map(W, Lattice(1, 3))
    apart = naive.row_distances(W) if on == "prototypes" else [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    expected = naive.neighbor_measures(
        naive.row_distances(X), naive.placed_distances(X, W, apart), k
    )
    found = tuple(
        measure(map_, X, k=k, on=on) for measure in (measures.trustworthiness, measures.continuity)
    )
    assert found == pytest.approx(expected[:2], **CLOSE)


def test_fractional_weights_equal_the_oracle(case: Case) -> None:
    weights = np.random.default_rng(6).uniform(0.3, 3, len(case.X))
    counts = (weights / weights.mean()).tolist()
    shares = [
        measure(case.map_, case.X, k=4, sample_weight=weights)
        for measure in (measures.trustworthiness, measures.continuity)
    ]
    assert shares == pytest.approx(naive.neighbor_measures(*case.tables, 4, counts)[:2], **CLOSE)
    assert 0 <= min(shares) <= max(shares) <= 1


# What changes nothing


@pytest.mark.parametrize("whole", [False, True], ids=["apart", "tied"])
@pytest.mark.parametrize("measure", EVERY)
def test_a_row_of_weight_two_is_two_rows(measure, whole: bool) -> None:
    case = Case((3, 4, "hexagonal", "plane"), whole=whole)
    weights = np.arange(45) % 4
    expected = measure(case.map_, np.repeat(case.X, weights, axis=0))
    found = measure(case.map_, case.X, sample_weight=weights)
    assert found == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("measure", EVERY)
def test_the_order_of_rows_changes_nothing(measure) -> None:
    case = Case((3, 4, "hexagonal", "plane"), whole=True)
    turned = np.random.default_rng(1).permutation(45)
    expected = measure(case.map_, case.X)
    assert measure(case.map_, case.X[turned]) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("measure", EVERY)
def test_units_of_weights_change_nothing(measure) -> None:
    # Weights that are not whole numbers count in their mean.
    case = Case((3, 4, "rectangular", "plane"))
    weights = np.random.default_rng(2).uniform(0.5, 2, 45)
    expected = measure(case.map_, case.X, sample_weight=weights)
    found = measure(case.map_, case.X, sample_weight=7.5 * weights)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("measure", [measures.trustworthiness, measures.continuity])
def test_moving_and_stretching_map_and_rows_changes_no_ranks(measure) -> None:
    case = Case((3, 4, "hexagonal", "plane"))
    moved = make_map(1e3 + 8 * case.codebook, case.map_.lattice)
    expected = measure(case.map_, case.X)
    assert measure(moved, 1e3 + 8 * case.X) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("name", ["euclidean", "manhattan", "chebyshev", "cosine"])
@pytest.mark.parametrize("measure", [measures.trustworthiness, measures.continuity])
def test_another_unit_of_whole_numbers_breaks_no_ties(measure, name: str) -> None:
    rng = np.random.default_rng(8)
    X, W = rng.integers(0, 3, (120, 6)) + 0.0, rng.uniform(0, 2, (12, 6))
    X[:, 0] += 1  # no row without an angle
    lattice = Lattice(3, 4)
    for on in ("grid", "prototypes"):
        expected = measure(make_map(W, lattice, metric=Metric(name)), X, k=7, on=on)
        for scale in (0.1, 1 / 3):
            map_ = make_map(scale * W, lattice, metric=Metric(name))
            assert measure(map_, scale * X, k=7, on=on) == pytest.approx(expected, **CLOSE)


def test_a_row_far_off_breaks_no_ranks_of_others() -> None:
    case = Case((3, 4, "hexagonal", "plane"))
    far = np.append(case.X, [[1e6, 0, 0]], axis=0)
    distances = _pairs.RowDistances(Metric("euclidean"), far, np.ones(46))
    ranks = np.argsort(distances.of(np.arange(45))[:, :45], axis=1)
    np.testing.assert_array_equal(ranks, np.argsort(case.tables[0], axis=1))


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_lengths_of_edges_have_any_unit(scale: float) -> None:
    case = Case("graph")
    table = np.zeros((7, 7))
    for (a, b), length in zip(EDGES, LENGTHS, strict=True):
        table[a, b] = table[b, a] = length
    map_ = make_map(case.codebook, Graph(scale * table))
    expected = measures.trustworthiness(case.map_, case.X)
    assert measures.trustworthiness(map_, case.X) == pytest.approx(expected, **CLOSE)
    expected = measures.topographic_product(case.map_)
    assert measures.topographic_product(map_) == pytest.approx(expected, **CLOSE)


def test_a_map_of_the_rows_themselves_keeps_all() -> None:
    W = np.random.default_rng(4).normal(size=(12, 2))
    map_ = make_map(W, Lattice(3, 4))
    assert measures.explained_variance(map_, W) == 1
    assert measures.trustworthiness(map_, W, k=3, on="prototypes") == 1


# Samples and memory


@pytest.mark.parametrize("measure", [measures.trustworthiness, measures.continuity])
def test_a_sample_is_close_to_all_rows(measure) -> None:
    case = Case((4, 5, "hexagonal", "torus"), n_rows=1500)
    every = measure(case.map_, case.X, max_rows=1500)
    found = measure(case.map_, case.X, max_rows=300)
    assert found == pytest.approx(every, rel=0.05, abs=0.02)
    assert found != every
    turned = np.random.default_rng(1).permutation(1500)
    again = measure(case.map_, case.X[turned], max_rows=300)
    assert again == pytest.approx(found, **CLOSE)


def test_blocks_change_nothing(monkeypatch) -> None:
    case = Case((2, 5, "rectangular", "plane"), n_rows=200)
    expected = measures.trustworthiness(case.map_, case.X)
    monkeypatch.setattr(_pairs, "BLOCK_VALUES", 600)
    assert measures.trustworthiness(case.map_, case.X) == pytest.approx(expected, **CLOSE)


def test_memory_does_not_grow_with_the_square_of_the_rows() -> None:
    import tracemalloc

    case = Case((2, 5, "rectangular", "plane"), n_rows=10)
    X = np.random.default_rng(0).normal(size=(30_000, 3))
    tracemalloc.start()
    measures.trustworthiness(case.map_, X, max_rows=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # all distances would take 7.2 GB


# Metrics and gaps


METRICS = [
    Metric("euclidean"),
    Metric("euclidean", feature_weights=np.array([2.0, 0.0, 0.5])),
    Metric("manhattan"),
    Metric("manhattan", feature_weights=np.array([2.0, 1.0, 0.5])),
    Metric("chebyshev"),
    Metric("cosine"),
    Metric("correlation"),
    Metric("mahalanobis", whitening=np.diag([2.0, 1.0, 0.5]), center=np.ones(3)),
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: f"{m.name}-{m.feature_weights}")
def test_rows_are_as_far_apart_as_the_metric_says(metric: Metric) -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3)) - 0.4
    found = _pairs.RowDistances(metric, rows, np.ones(20)).of(np.arange(4, 9))
    np.testing.assert_allclose(found, metric.distances(rows[4:9], rows), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["euclidean", "manhattan", "chebyshev"])
@pytest.mark.parametrize("weights", [None, np.array([2.0, 1.0, 0.5])])
def test_rows_with_gaps_are_as_far_apart_as_the_metric_says(name: str, weights) -> None:
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(20, 3))
    rows = whole.copy()
    rows[:5, 1] = np.nan
    metric = Metric(name, feature_weights=weights)
    found = _pairs.RowDistances(metric, rows, np.ones(20)).of(np.arange(5))
    # A missing value of either counts as equal, and the rest is scaled up; the gaps of the first
    # five are all in column 1, so it does not matter what stands there.
    expected = metric.distances(rows[:5], whole)
    # Products lose half of the digits of a distance of 0.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("measure", EVERY)
def test_gaps_are_left_out(measure) -> None:
    case = Case((3, 4, "rectangular", "plane"))
    map_ = make_map(case.codebook, case.map_.lattice, missing="mask")
    X = case.X.copy()
    X[::7, 1] = X[::5, 0] = X[1, 1:] = np.nan
    X[3] = np.nan  # a row without any value has no unit
    found = measure(map_, X)
    assert np.isfinite(found)
    assert measure(map_, np.delete(X, 3, axis=0)) == pytest.approx(found, **CLOSE)


def test_rows_without_a_common_value_are_as_far_apart_as_rows_usually_are() -> None:
    # Row 0 knows its distances from rows 2 and 3, one of two features: sqrt(2) times 2 and 4.
    rows = np.array([[0.0, np.nan], [np.nan, 5], [2, 3], [4, 9]])
    distances = _pairs.RowDistances(Metric("euclidean"), rows, np.ones(4))
    found = distances.of(np.arange(2)) / np.sqrt(2)
    np.testing.assert_allclose(found, [[0, 3, 2, 4], [3, 0, 2, 4]], atol=1e-9)
    # Row 3 stands for three.
    weighted = _pairs.RowDistances(Metric("manhattan"), rows, np.array([1.0, 1, 1, 3]))
    assert weighted.of(np.array([0]))[0, 1] == pytest.approx(2 * (2 + 3 * 4) / 4)
    # A row of count 1/2 is none of its 3 others.
    weighted = _pairs.RowDistances(Metric("manhattan"), rows, np.array([0.5, 0.5, 1, 2]))
    assert weighted.of(np.array([0]))[0, 1] == pytest.approx(2 * (2 + 2 * 4) / 3)
    map_ = make_map([[0.0, 5.0], [3.0, 5.0]], Lattice(1, 2), missing="mask")
    assert np.isfinite(measures.trustworthiness(map_, rows, k=1))


def test_a_row_without_a_value_in_common_with_any_other_is_refused() -> None:
    map_ = make_map(np.zeros((2, 2)), Lattice(1, 2), missing="mask")
    X = [[1.0, np.nan], [np.nan, 1.0], [np.nan, 2.0]]
    with rejected(parameter="X"):
        measures.trustworthiness(map_, X, k=1)


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: f"{m.name}-{m.feature_weights}")
@pytest.mark.parametrize("measure", EVERY)
def test_every_metric_has_every_measure(measure, metric: Metric) -> None:
    case = Case((3, 4, "hexagonal", "plane"))
    map_ = make_map(case.codebook, case.map_.lattice, metric=metric)
    found = measure(map_, case.X)
    assert np.isfinite(found)
    assert type(found) is float  # not NumPy's, which prints otherwise
