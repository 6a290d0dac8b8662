"""How units join to regions: by hand, on shapes, on noise, nested, and from a file."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import binom
from sklearn.metrics import adjusted_rand_score
from texts import rejected

from somscape import SOM, Graph, Map, load, regions
from somscape.grid import Lattice
from somscape.grid._neighborhood import pull_from
from somscape.grid.graph import sparse_graph
from somscape.maps import _joins as joining
from somscape.maps._joins import (
    FEW,
    SHALLOW,
    SUSPECT,
    TELLING,
    Borders,
    JoinedUnits,
    Joins,
    KeptRows,
    Pull,
    edges_of,
    held_apart,
    joins_of,
    near_units,
    pieces_after,
    touching_units,
    valley,
    weakest_first,
)
from somscape.maps._normals import join_units


def ones(n):
    return np.ones(n)


# Rows without their own pull


def test_a_row_sees_prototypes_that_it_did_not_train():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 4))
    lattice = Lattice(2, 3)
    units = np.arange(60) % 6
    pulls = np.stack([pull_from(lattice, "gaussian", unit, 0.7) for unit in range(6)])

    def trained_on(some):
        weights = pulls[units[some]]
        return weights.T @ rows[some] / weights.sum(axis=0)[:, None]

    codebook = trained_on(np.arange(60))
    hits = np.bincount(units, minlength=6).astype(float)
    near = near_units(rows, ones(60), codebook, Pull(lattice, hits, "gaussian", 0.7))
    plain = near_units(rows, ones(60), codebook, None)
    checked = 0
    for row in range(60):
        if plain.units[row, 0] != units[row]:
            continue  # its winner is another one, of which it is not a part
        without = trained_on(np.delete(np.arange(60), row))
        squares = ((rows[row] - without) ** 2).sum(axis=1)
        np.testing.assert_allclose(near.squares[row], np.sort(squares), rtol=1e-9)
        np.testing.assert_array_equal(near.units[row], np.argsort(squares))
        checked += 1
    assert checked > 5


def test_a_row_whose_unit_won_none_pulled_no_unit():
    rows, codebook = np.array([[0.1], [0.9]]), np.array([[0.0], [1.0]])
    pull = Pull(Lattice(1, 2), np.array([5.0, 0.0]), "gaussian", 0.5)
    near, plain = (near_units(rows, ones(2), codebook, each) for each in (pull, None))
    np.testing.assert_array_equal(near.squares[1], plain.squares[1])
    assert (near.squares[0] > plain.squares[0]).all()


# A valley


def test_an_empty_border_between_ten_and_twenty_rows():
    a, b = np.full(10, 1.2), np.full(20, 1.3)
    # No row at the border, ten beside it: each would lie at the border with 0.8 / 1.8.
    assert valley(a, ones(10), b, ones(20), 1.0) == pytest.approx((1 / (1 + SHALLOW)) ** 10)


def test_a_tail_of_the_binomial_distribution():
    a = np.r_[np.full(3, 0.05), np.full(12, 1.0)]
    b = np.full(30, 1.0)
    expected = binom.cdf(3, 15, SHALLOW / (1 + SHALLOW))
    assert valley(a, ones(15), b, ones(30), 1.0) == pytest.approx(expected, rel=1e-9)


def test_a_weight_of_two_is_two_rows():
    rng = np.random.default_rng(0)
    a, b = rng.random(30) + 0.2, rng.random(40) + 0.3
    twice = valley(np.repeat(a, 2), ones(60), np.repeat(b, 2), ones(80), 0.4)
    assert valley(a, 2 * ones(30), b, 2 * ones(40), 0.4) == pytest.approx(twice, rel=1e-12)


@pytest.mark.parametrize("make", ["random", "normal"])
def test_one_group_cut_anywhere_has_no_valley(make):
    rng = np.random.default_rng(0)
    values = getattr(rng, make)(size=400)
    for cut in np.quantile(values, [0.1, 0.3, 0.5, 0.8]):
        a, b = cut - values[values < cut], values[values >= cut] - cut
        assert valley(a, ones(len(a)), b, ones(len(b)), 0.2) > 1e-3


def test_windows_narrower_than_the_narrowest_are_not_tried():
    a, b = np.full(10, 1.2), np.full(20, 1.3)
    assert valley(a, ones(10), b, ones(20), 1.0, narrowest=1.0) == pytest.approx(1 / 1.8**10)
    # Only the widest window is left, in which all rows lie at the border.
    assert valley(a, ones(10), b, ones(20), 1.0, narrowest=9.0) == 1.0


@pytest.mark.parametrize(("n_a", "n_b"), [(0, 50), (3, 50), (50, 3)])
def test_few_rows_show_nothing(n_a, n_b):
    assert valley(np.full(n_a, 9.0), ones(n_a), np.full(n_b, 9.0), ones(n_b), 1.0) == 1.0


def test_seven_rows_beside_an_empty_border_are_the_fewest_that_are_suspect():
    found = [valley(np.full(n, 1.2), ones(n), np.full(50, 1.2), ones(50), 1.0) for n in (6, 7)]
    assert found == pytest.approx([0.02940, 0.01633], abs=5e-6)  # 5/9 to the power of the rows
    assert found[0] > SUSPECT > found[1]
    assert 6 < TELLING < 7


# Along the parts


@given(st.integers(1, 8), st.lists(st.integers(0, 7), unique=True), st.randoms())
def test_edges_of_units_are_their_rows_of_the_graph(n, units, random):
    ends = [(i, j) for i in range(n) for j in range(n) if random.random() < 0.4]
    random.shuffle(ends)
    a, b = np.array(ends, dtype=int).reshape(-1, 2).T
    dense = np.zeros((n, n))
    dense[a, b] = lengths = np.arange(1.0, len(ends) + 1)
    graph = sparse_graph(lengths, a, b, n)
    np.testing.assert_array_equal(graph.toarray(), dense)
    units = np.array([unit for unit in units if unit < n], dtype=int)
    places, others, found = edges_of(graph, units)
    at = np.nonzero(dense[units])
    np.testing.assert_array_equal([places, others], at)
    np.testing.assert_array_equal(found, dense[units][at])


def chain(n):
    return Graph(np.eye(n, k=1) + np.eye(n, k=-1))


def two_parts(places):
    """Borders of two parts along a chain, of two units and the others, and rows 0.25 above each."""
    n = len(places)
    touching = csr_array(np.eye(n, k=1) + np.eye(n, k=-1))
    near = near_units(places + np.array([0.0, 0.25]), ones(n), places, None)
    pieces = JoinedUnits.on(chain(n), places, ones(n))
    for into, other in [(0, 1), *((2, i) for i in range(3, n))]:
        pieces.join(into, other)
    return Borders(near, touching), pieces, np.arange(2, n)


def test_rows_lie_as_far_as_the_path_along_their_part():
    # Units on the edges of a bay, 1 apart; the last lies 2 beside the first, and 7 along the path.
    places = np.array([[0.0, 0], [0, 1], [0, 2], [0, 3], [1, 3], [2, 3], [2, 2], [2, 1], [2, 0]])
    borders, pieces, rows = two_parts(places)
    faced = borders._facing(rows, pieces, 0)
    # 0.75 up from the middle between units 1 and 2.
    assert (faced[0][0], faced[1][0]) == (0.75, 1.0)
    along = borders._along(rows, pieces, (2, 0), 1.0, faced)
    # The path leads up, to the side, and down: rows lie 0.25 farther, as far, and 0.25 less.
    np.testing.assert_allclose(along, [0.75, 1.75, 2.5, 3.5, 4.25, 5.25, 6.25])


def test_rows_beside_the_other_part_lie_at_the_border():
    # The bay is half as wide: the last three units lie at most 1.5 from the first two.
    places = np.array([[0.0, 0], [0, 1], [0, 2], [0, 3], [1, 3], [1, 2], [1, 1], [1, 0]])
    borders, pieces, rows = two_parts(places)
    faced = borders._facing(rows, pieces, 0)
    along = borders._along(rows, pieces, (2, 0), 1.0, faced)
    # From unit 5 to 1, one to the side and one down, a row lies 2.5 / sqrt(8) from the middle.
    np.testing.assert_allclose(along, [0.75, 1.75, 1.75, 2.5 / 8**0.5, 0.5, 0.5])


def test_units_touch_that_are_first_and_second_of_a_row():
    places = np.array([[0.0], [1], [2], [9], [5]])
    rows = np.array([[0.4], [1.6], [2.1], [8.9]])
    near = near_units(rows, ones(4), places, None)
    touching, closest = touching_units(near, places, chain(5))
    pairs = set(zip(*(index.tolist() for index in closest.tocoo().coords), strict=True))
    # 0.4 lies between 0 and 2, as 1 wins no row; 8.9 between 3 and 2.  1 and 4 join the nearest.
    both = [pair for x, y in [(0, 1), (0, 2), (2, 3), (2, 4)] for pair in [(x, y), (y, x)]]
    assert pairs == set(both)
    assert closest[2, 3] == 7.0
    assert touching.nnz >= closest.nnz


# The order of joins


def test_joins_with_evidence_and_those_above_them_are_undone():
    joins = [(0, 1, 1.0), (2, 3, 1.0), (0, 2, 1e-9), (4, 5, 1.0), (0, 4, 0.5)]
    assert held_apart(6, joins, 1e-4).tolist() == [0, 0, 2, 2, 4, 4]


def test_the_strongest_evidence_is_undone_first():
    joins = [(0, 1, 1e-3), (2, 3, 1.0), (0, 2, 1.0), (4, 5, 1.0), (0, 4, 1.0)]
    ordered = weakest_first(joins)
    assert sorted(ordered) == sorted(joins)
    # First what holds the evidence, then by their order.
    assert ordered == [(2, 3, 1.0), (4, 5, 1.0), (0, 1, 1e-3), (0, 2, 1.0), (0, 4, 1.0)]


@given(seed=st.integers(0, 999), n=st.integers(20, 150))
def test_parts_that_are_never_suspect_join_as_if_they_were_looked_at(seed, n):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)).round(1) + 4 * rng.integers(0, 3, (n, 1))
    given_ = KeptRows(X, rng.uniform(0.1, 3, n)), X[:20] + 0.1, ones(20), Lattice(4, 5)
    found = join_units(*given_)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "TELLING", FEW)
        known = join_units(*given_)
    np.testing.assert_array_equal(found.pairs, known.pairs)
    np.testing.assert_array_equal(found.evidence, known.evidence)
    assert found.n_apart == known.n_apart


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), n=st.integers(1, 60), side=st.integers(1, 5))
def test_regions_of_each_number_lie_inside_those_of_fewer(seed, n, side):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)).round(1) + 6 * rng.integers(0, 2, (n, 1))
    places = rng.normal(size=(side * 4, 2)).round(1)
    hits = rng.integers(0, 4, side * 4).astype(float)
    joins = join_units(KeptRows(X, ones(n)), places, hits, Lattice(side, 4))
    assert len(joins.pairs) == side * 4 - 1
    assert 1 <= joins.n_apart <= side * 4
    assert joins_of(joins.to_arrays(), side * 4) is not None
    coarse = pieces_after(side * 4, joins.pairs)
    assert set(coarse) == {0}
    for k in range(2, side * 4 + 1):
        fine = pieces_after(side * 4, joins.pairs[: side * 4 - k])
        assert len(set(fine)) == k
        assert len(set(zip(fine.tolist(), coarse.tolist(), strict=True))) == k
        coarse = fine


# Shapes and noise


def two_rings(rng):
    angle = rng.uniform(0, 2 * np.pi, 800)
    ring = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(800)])
    ring += rng.uniform(-0.1, 0.1, ring.shape)
    ring[400:] = ring[400:, [0, 2, 1]] + [1, 0, 0]
    return ring, np.repeat([0, 1], 400)


def ball_in_a_shell(rng):
    X = rng.normal(size=(1000, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    X[:500] *= 0.25 * rng.random((500, 1)) ** (1 / 3)
    return X, np.repeat([0, 1], 500)


def touching_diamonds(rng):
    u, v = rng.uniform(-1, 1, (2, 1000))
    X = np.column_stack([(u + v) / 2, (u - v) / 2])
    X[:500, 0] += 2.04
    return X, np.repeat([0, 1], 500)


def dense_and_thin(rng):
    wide, dense = rng.normal(size=(400, 2)), rng.normal([5.0, 0], 0.1, (100, 2))
    return np.concatenate([wide, dense]), np.repeat([0, 1], [400, 100])


@pytest.mark.all_tries
@pytest.mark.parametrize("make", [two_rings, ball_in_a_shell, touching_diamonds, dense_and_thin])
def test_groups_of_any_shape_are_the_regions(make):
    X, truth = make(np.random.default_rng(0))
    som = SOM(random_state=0).fit(X)
    found = regions.find_regions(som)
    assert found.n_regions == 2
    assert adjusted_rand_score(truth, found.of(X)) > 0.97
    again = regions.find_regions(som, 2)
    np.testing.assert_array_equal(again.labels, found.labels)


@pytest.mark.nightly
@pytest.mark.all_tries
def test_more_than_twelve_groups_are_found():
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(20), 100)
    X = 12 * rng.normal(size=(20, 5))[truth] + rng.normal(size=(2000, 5))
    found = regions.find_regions(SOM(random_state=0).fit(X))
    assert found.n_regions == 20
    assert adjusted_rand_score(truth, found.of(X)) > 0.99


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize(
    ("make", "n", "d"),
    [("normal", 300, 300), ("random", 500, 2), ("lognormal", 500, 5), ("normal", 100, 1000)],
)
def test_noise_is_one_region(make, n, d):
    X = getattr(np.random.default_rng(0), make)(size=(n, d))
    assert regions.find_regions(SOM(random_state=0).fit(X)).n_regions == 1


@pytest.mark.parametrize("seed", [3, 10, 26])
def test_a_sphere_is_one_region_on_a_map_of_as_many_units_as_rows(seed):
    X = np.random.default_rng(seed).normal(size=(200, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    som = SOM(14, 14, n_init=1, random_state=0).fit(X)
    assert regions.find_regions(som).n_regions == 1


@pytest.mark.nightly
@pytest.mark.all_tries
def test_a_sphere_is_one_region_on_a_map_of_four_times_the_default_size():
    X = np.random.default_rng([101, 2000]).normal(size=(2000, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    assert regions.find_regions(SOM(28, 33, random_state=101).fit(X)).n_regions == 1


@pytest.mark.all_tries
def test_a_large_map_finds_both_groups():
    X, truth = two_rings(np.random.default_rng(0))
    X, truth = X[::2], truth[::2]
    found = regions.find_regions(SOM(16, 20, n_init=1, random_state=0).fit(X))
    assert found.n_regions == 2
    assert adjusted_rand_score(truth, found.of(X)) == 1.0


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize("weigh", [lambda n: np.full(n, 10.0), lambda n: np.arange(n) % 20 + 1.0])
def test_heavy_rows_are_no_groups(weigh):
    X = np.random.default_rng(0).normal(size=(500, 3))
    assert regions.find_regions(SOM(random_state=0).fit(X, sample_weight=weigh(500))).n_regions == 1
    groups = np.repeat([[0.0, 0], [12, 0], [0, 12]], 150, axis=0)
    X = np.random.default_rng(0).normal(size=(450, 2)) + groups
    assert regions.find_regions(SOM(random_state=0).fit(X, sample_weight=weigh(450))).n_regions == 3


@pytest.mark.all_tries
def test_equal_and_rounded_rows_are_no_groups():
    rng = np.random.default_rng(0)
    for X in (
        np.repeat(rng.normal(size=(100, 3)), 5, axis=0),
        rng.normal(size=(1000, 1)).round(1),
        (2 * rng.normal(size=(1000, 2))).round() / 2,
        rng.integers(0, 4, (500, 3)).astype(float),
    ):
        assert regions.find_regions(SOM(random_state=0).fit(X)).n_regions == 1


def test_the_unit_of_the_data_changes_no_region():
    X, _ = two_rings(np.random.default_rng(0))
    for unit in (1e-140, 1e-12, 1e12):
        assert regions.find_regions(SOM(random_state=0).fit(unit * X)).n_regions == 2


def test_half_a_ring_is_one_region():
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, np.pi, 600), rng.uniform(0.85, 1.15, 600)
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    assert regions.find_regions(SOM(random_state=0).fit(X)).n_regions == 1


def test_rows_with_gaps_and_weights_tell_regions():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)) + 9.0 * np.repeat([0, 1, 2], 100)[:, None]
    X[:, 1:][rng.random((300, 3)) < 0.2] = np.nan
    som = SOM(random_state=0, missing="mask").fit(X, sample_weight=rng.integers(1, 3, 300))
    assert regions.find_regions(som).n_regions == 3


@pytest.mark.parametrize("metric", ["cosine", "manhattan", "mahalanobis", "chebyshev"])
def test_other_metrics_tell_regions(metric):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) + 20.0 * np.eye(3)[np.repeat([0, 1, 2], 100)]
    found = regions.find_regions(SOM(metric=metric, random_state=0).fit(X))
    assert found.n_regions == 3


@pytest.mark.all_tries
def test_weights_of_features_count():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    X[200:, 1] += 9
    seen = SOM(random_state=0).fit(X)
    unseen = SOM(random_state=0, feature_weight=[1.0, 0.0]).fit(X)
    assert regions.find_regions(seen).n_regions == 2
    assert regions.find_regions(unseen).n_regions == 1


# Files, pickles, and maps without rows


def rows_and_map():
    X, _ = two_rings(np.random.default_rng(0))
    return X, SOM(random_state=0).fit(X).map_


def test_a_file_holds_what_rows_told_and_no_rows(tmp_path):
    X, map_ = rows_and_map()
    map_.save(tmp_path / "rings.som")
    loaded = load(tmp_path / "rings.som")
    assert isinstance(map_.told, KeptRows)
    assert isinstance(loaded.told, Joins)
    for n in ("auto", 1, 7):
        expected = regions.find_regions(map_, n).labels
        np.testing.assert_array_equal(regions.find_regions(loaded, n).labels, expected)
    record = map_.to_record()
    assert not any(len(values) == len(X) for values in record.arrays.values())
    pickled = pickle.loads(pickle.dumps(map_))
    np.testing.assert_array_equal(
        regions.find_regions(pickled).labels, regions.find_regions(map_).labels
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"joins.n_apart": np.array([0], dtype=np.int64)},
        {"joins.evidence": np.full(3, 2.0)},
        {"joins.evidence": np.ones(2)},
        {"joins.pairs": np.array([[0, 1], [0, 1], [0, 3]], dtype=np.int64)},
        {"joins.pairs": np.array([[0, 1], [2, 3], [0, 4]], dtype=np.int64)},
        {"joins.pairs": np.array([[0, 1], [1, 3], [0, 2]], dtype=np.int64)},
        {"joins.pairs": np.array([[1, 0], [2, 3], [0, 2]], dtype=np.int64)},
        {"joins.pairs": np.array([[0, 1], [2, 3], [-1, 2]], dtype=np.int64)},
        {"joins.by_shape": np.ones(2, dtype=np.int64)},
        {"joins.by_shape": np.full(3, 2, dtype=np.int64)},
        {"joins.by_shape": np.ones(3)},
    ],
)
def test_damaged_joins_are_refused(wrong):
    right = {
        "joins.pairs": np.array([[0, 1], [2, 3], [0, 2]], dtype=np.int64),
        "joins.evidence": np.ones(3),
        "joins.n_apart": np.array([1], dtype=np.int64),
        "joins.by_shape": np.zeros(3, dtype=np.int64),
    }
    assert joins_of(right, 4).n_apart == 1
    assert joins_of({}, 4) is None
    with rejected(ValueError):
        joins_of(right | wrong, 4)


def test_a_map_without_rows_takes_some_or_goes_by_prototypes():
    X, map_ = rows_and_map()
    bare = Map(map_.codebook, map_.lattice, map_.encoding, map_.hits)
    by_ward = regions.find_regions(map_, 5, method="ward")
    np.testing.assert_array_equal(regions.find_regions(bare, 5).labels, by_ward.labels)
    assert regions.find_regions(bare, X=X).n_regions == 2
    with rejected(parameter="method", value="valleys"):
        regions.find_regions(bare, method="valleys")
    with rejected(ValueError, parameter="method", value="single"):
        regions.find_regions(map_, method="single")
    with rejected(parameter="n_regions", value=141):
        regions.find_regions(map_, map_.n_units + 1)


def test_a_map_that_went_on_learning_keeps_no_rows():
    X, _ = rows_and_map()
    som = SOM(random_state=0).partial_fit(X)
    assert som.map_.told is not None
    som.partial_fit(X[:100])
    assert som.map_.told is None
