"""Regions of a map: Ward's joins by hand and by scikit-learn, how many, what sets each apart."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, regions
from somscape.errors import InputError
from somscape.maps._joins import pieces_after
from somscape.regions import find_regions
from somscape.regions import regions as describing
from somscape.regions.find import FAR, merge_small_regions, separation, ward_joins
from somscape.tables import Encoding, table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables.codes import NumberCode
from somscape.tables.kinds import Roles


def map_of(places, lattice, hits=None, **options):
    places = np.asarray(places, dtype=np.float64)
    names = [f"x{i}" for i in range(places.shape[1])]
    hits = np.ones(len(places)) if hits is None else np.asarray(hits, dtype=np.float64)
    return Map(places, lattice, Encoding.plain(names), hits, **options)


def chain(n):
    return Graph(np.eye(n, k=1) + np.eye(n, k=-1))


def blobs(rng, sizes, apart=8.0):
    centers = apart * np.eye(max(3, len(sizes)))[: len(sizes)]
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(size=(len(truth), centers.shape[1])) + centers[truth], truth


# Ward's joins


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        # At 0, 1, 3 and 4.2.  First costs 1 / 2, 4 / 2 and 1.44 / 2; units 2 and 3 join before
        # 0.5 (weight 2) joins 3: 2 / 3 * 2.5^2 = 4.17.
        ([1, 1, 1, 1], [(0, 1), (2, 3), (0, 2)]),
        # First costs 16 / 8, 4 / 5 * 4 and 1 / 2 * 1.44; then 3.6 (weight 2) to 1:
        # 8 / 6 * 2.6^2 = 9.01, so that 0 and 1 come next at 2.
        ([4, 4, 1, 1], [(2, 3), (0, 1), (0, 2)]),
        # First 100 / 101; then 0.0099 (weight 101) to 3 costs 100 * 2.99^2 = 894, less than the
        # 5000 * 1.44 of the two heavy units.
        ([100, 1, 1e4, 1e4], [(0, 1), (0, 2), (0, 3)]),
    ],
)
def test_joins_of_a_chain_by_hand(weights, expected):
    places = np.array([[0.0], [1.0], [3.0], [4.2]])
    assert ward_joins(chain(4), places, np.array(weights, dtype=float)) == expected


@pytest.mark.parametrize("kind", ["hexagonal", "rectangular"])
@pytest.mark.parametrize("boundary", ["plane", "cylinder", "torus"])
def test_regions_are_those_of_scikit_learn_where_units_weigh_the_same(kind, boundary):
    rng = np.random.default_rng(0)
    for n_rows, n_cols in ((4, 7), (6, 5), (10, 1) if boundary == "plane" else (8, 3)):
        lattice = Lattice(n_rows, n_cols, kind, boundary)
        places = rng.normal(size=(lattice.n_units, 4))
        for k in (2, 3, 5, 9):
            ours = find_regions(map_of(places, lattice), k).labels
            ward = AgglomerativeClustering(k, connectivity=lattice.adjacency, linkage="ward")
            assert adjusted_rand_score(ward.fit_predict(places), ours) == 1.0


def test_a_unit_of_weight_two_is_two_units():
    # The doubled unit hangs on the end of a chain, at the same place: it joins at no cost.
    rng = np.random.default_rng(1)
    places = rng.normal(size=(9, 2))
    doubled = np.vstack([places, places[8]])
    once = find_regions(map_of(places, chain(9), [1] * 8 + [2]), 4)
    twice = find_regions(map_of(doubled, chain(10)), 4)
    assert adjusted_rand_score(once.labels, twice.labels[:9]) == 1.0


@settings(max_examples=60, deadline=None)
@given(
    n_rows=st.integers(1, 7),
    n_cols=st.integers(1, 7),
    kind=st.sampled_from(["hexagonal", "rectangular"]),
    boundary=st.sampled_from(["plane", "cylinder", "torus"]),
    k=st.one_of(st.just("auto"), st.integers(1, 8)),
    seed=st.integers(0, 999),
)
def test_each_region_is_one_piece_of_the_map(n_rows, n_cols, kind, boundary, k, seed):
    if kind == "hexagonal" and boundary == "torus":
        n_rows += n_rows % 2
    rng = np.random.default_rng(seed)
    lattice = Lattice(n_rows, n_cols, kind, boundary)
    # Rounded, so that places and hits tie.
    places = rng.normal(size=(lattice.n_units, 2)).round(int(rng.integers(0, 3)))
    map_ = map_of(places, lattice, rng.integers(0, 3, lattice.n_units))
    k = k if k == "auto" else min(k, lattice.n_units)
    found = find_regions(map_, k)
    assert set(found.labels) == set(range(found.n_regions))
    assert k == "auto" or found.n_regions == k
    for region in range(found.n_regions):
        units = set(np.flatnonzero(found.labels == region).tolist())
        reached, ahead = set(), [min(units)]
        while ahead:
            unit = ahead.pop()
            reached.add(unit)
            ahead += (set(lattice.neighbors[unit].tolist()) & units) - reached
        assert reached == units
    assert (np.diff(found.sizes) <= 0).all()
    again = find_regions(map_, k)
    np.testing.assert_array_equal(again.labels, found.labels)


def test_parts_of_a_graph_stay_apart():
    edges = np.zeros((7, 7))
    for a, b in ((0, 1), (2, 3), (3, 4)):
        edges[a, b] = edges[b, a] = 1
    map_ = map_of(np.zeros((7, 1)), Graph(edges), [1, 1, 5, 1, 1, 1, 3])
    found = find_regions(map_)
    # By rows: 2, 3 and 4 with seven, 6 with three, 0 and 1 with two, 5 with one.
    assert found.labels.tolist() == [2, 2, 0, 0, 0, 3, 1]
    with rejected(parameter="n_regions", value=3):
        find_regions(map_, 3)


def test_units_that_won_no_row_go_to_the_nearest_neighbor():
    # Unit 2, between two groups, lies nearer to the second.
    map_ = map_of([[0.0], [1.0], [6.0], [9.0], [10.0]], chain(5), [9, 9, 0, 9, 9])
    assert find_regions(map_, 2).labels.tolist() == [0, 0, 1, 1, 1]
    nearer = map_of([[0.0], [1.0], [3.0], [9.0], [10.0]], chain(5), [9, 9, 0, 9, 9])
    assert find_regions(nearer, 2).labels.tolist() == [0, 0, 0, 1, 1]


def test_a_map_without_hits_counts_units():
    rng = np.random.default_rng(0)
    places = rng.normal(size=(20, 2))
    ours = find_regions(map_of(places, Lattice(4, 5)), 3)
    without = find_regions(map_of(places, Lattice(4, 5), np.zeros(20)), 3)
    assert adjusted_rand_score(ours.labels, without.labels) == 1.0
    assert without.sizes.tolist() == [0, 0, 0]


def test_a_few_rows_are_no_region_of_their_own():
    four = find_regions(map_of([[0.0], [1.0], [500.0]], chain(3), [50, 50, 4]))
    five = find_regions(map_of([[0.0], [1.0], [500.0]], chain(3), [50, 50, 5]))
    assert (four.n_regions, five.n_regions) == (2, 3)


def test_all_joins_leave_one_piece():
    lattice = Lattice(5, 6)
    joins = ward_joins(lattice, np.random.default_rng(0).normal(size=(30, 2)), np.ones(30))
    assert len(joins) == 29
    assert pieces_after(30, np.array(joins)).tolist() == [0] * 30
    assert pieces_after(30, np.empty((0, 2), dtype=int)).tolist() == list(range(30))


# How many


@pytest.mark.parametrize("sizes", [[80, 70, 60], [150, 40], [90, 80, 70, 60, 50, 40]])
def test_groups_that_lie_apart_are_the_regions(sizes):
    X, truth = blobs(np.random.default_rng(0), sizes)
    som = SOM(random_state=0).fit(X)
    found = find_regions(som)
    assert found.n_regions == len(sizes)
    assert adjusted_rand_score(truth, found.of(X)) == 1.0
    assert found.sizes.tolist() == sorted(sizes, reverse=True)
    assert repr(found) == f"Regions({len(sizes)} regions of {som.map_.n_units} units)"


ONE_GROUP = {
    "normal": lambda rng: rng.normal(size=(300, 2)),
    "long": lambda rng: rng.normal(size=(300, 2)) * [6, 1],
    "uniform": lambda rng: rng.uniform(size=(300, 2)),
    "many features": lambda rng: rng.normal(size=(150, 20)),
    "few rows": lambda rng: rng.normal(size=(30, 2)),
}


@pytest.mark.parametrize("name", ONE_GROUP)
def test_one_group_is_one_region(name):
    X = ONE_GROUP[name](np.random.default_rng(0))
    found = find_regions(SOM(random_state=0).fit(X))
    assert found.n_regions == 1
    (only,) = found.describe(X)
    assert (only.name, only.differences) == ("all rows", ())


def test_groups_in_a_row_come_apart_though_their_halves_do_not():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(5), 70)
    X = rng.normal(size=(350, 2)) + 8.0 * truth[:, None] * [1, 0]
    found = find_regions(SOM(random_state=0).fit(X))
    assert adjusted_rand_score(truth, found.of(X)) == 1.0


def test_separation_by_hand():
    # Means 0 and 10, variances along the line 1 and 4: 10 / sqrt(2.5); the other feature is
    # across it.
    places = np.array([[-1.0, 7], [1, -7], [8, 5], [12, -5]])
    a, b = np.array([0, 1]), np.array([2, 3])
    assert separation(places, np.ones(4), a, b, 0.0) == pytest.approx(10 / 2.5**0.5, rel=1e-12)
    assert separation(places, np.ones(4), a, b, 1.5) == pytest.approx(5.0, rel=1e-12)
    # Weights 3 and 1: mean -0.5 and, of 7 and -7, 3.5, so that the line is (10.5, -3.5); along it
    # units 0 and 1 lie at -0.5 * 10.5 - 3.5 * 3.5 = -17.5 and 52.5, the others at -38.5 and 38.5.
    weighted = separation(places, np.array([3.0, 1, 1, 1]), a, b, 0.0)
    spread = ((3 * 17.5**2 + 52.5**2) / 4 + 38.5**2) / 2
    assert weighted == pytest.approx((10.5**2 + 3.5**2) / spread**0.5, rel=1e-12)
    assert separation(places[:2] * 0, np.ones(2), np.array([0]), np.array([1]), 0.0) == 0.0
    assert separation(places, np.ones(4), np.array([0]), np.array([1]), 0.0) == np.inf


@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_halves_of_one_group_are_nearer_than_the_limit(draw):
    values = np.sort(getattr(np.random.default_rng(0), draw)(size=20_000))[:, None]
    halves = np.arange(10_000), np.arange(10_000, 20_000)
    assert separation(values, np.ones(20_000), *halves, 0.0) < 0.9 * FAR


# What sets them apart


def delta(a, b):
    """Cliff's delta by all pairs, as he writes it (1993)."""
    return (np.sign(np.subtract.outer(a, b))).mean()


def test_effects_are_cliffs_delta_of_all_pairs():
    rng = np.random.default_rng(0)
    X, _ = blobs(rng, [60, 40, 30], apart=3.0)
    X[:, 1] = X[:, 1].round()  # ties
    found = find_regions(SOM(5, 6, random_state=0).fit(X), 4)
    of_row = found.of(X)
    all_described = found.describe(X)
    assert len(all_described) == 4
    first = all_described[0]
    share = f"{100 * (of_row == 0).mean():.0f} %"
    table = ET.fromstring(all_described._repr_html_())
    cells = [[cell.text for cell in row] for row in table.find("tbody")]
    assert cells[0][:4] == ["0", first.name, str((of_row == 0).sum()), share]
    assert len(cells) == 4
    for region, described in enumerate(all_described):
        assert described.n_rows == (of_row == region).sum()
        effects = {each.column: each.effect for each in described.differences}
        sizes = [abs(each.effect) for each in described.differences]
        assert sizes == sorted(sizes, reverse=True)
        for j in range(3):
            expected = delta(X[of_row == region, j], X[of_row != region, j])
            if abs(expected) >= 0.147:
                assert effects.pop(f"x{j}") == pytest.approx(expected, abs=1e-12)
        assert not effects


def mixed():
    """Two groups of 6 and 4 rows that differ in everything but `same`."""
    table = table_from_columns(
        {
            "amount": [10, 20, 30, 40, 50, 60, 1000, 2000, 3000, 4000],
            "kind": ["a"] * 5 + ["b"] + ["c"] * 4,
            "day": [f"2024-01-{i + 1:02}" for i in range(6)] + ["2024-03-01"] * 4,
            "grade": ["low"] * 6 + ["high"] * 4,
            "same": [1, 2, 3, 4, 5, 6, 1, 2, 5, 6],
        }
    )
    roles = Roles(dates=("day",), ordinals={"grade": ["low", "mid", "high"]}, numbers=("same",))
    encoding = fit_encoding(table, roles)
    rows = encoding.encode(table)
    places = np.stack([rows[:6].mean(axis=0), rows[6:].mean(axis=0)])
    return table, Map(places, Lattice(1, 2), encoding, np.array([6.0, 4.0]))


def test_differences_stand_in_original_units():
    table, map_ = mixed()
    first, second = find_regions(map_, 2).describe(table)
    by_column = {each.column: each for each in second.differences}
    weekday = by_column.pop("day: weekday")  # 1 March 2024 was a Friday, as 5 January
    assert str(weekday) == "day: weekday = Friday in 100 % (elsewhere in 17 %)"
    assert set(by_column) == {"amount", "kind", "day", "grade"}
    assert all(by_column[name].effect == 1.0 for name in by_column)
    amount = by_column["amount"]
    # Of 1000 to 4000 the second, first and third; of the other six the second, third and fifth.
    assert [amount.inside.low, amount.inside.median, amount.inside.high] == pytest.approx(
        [1000, 2000, 3000]
    )
    assert [amount.outside.low, amount.outside.median, amount.outside.high] == pytest.approx(
        [20, 30, 50]
    )
    assert str(amount) == "amount 1000 to 3000, median 2000 (elsewhere 20 to 50, median 30)"
    kind = by_column["kind"]
    assert (kind.level, kind.inside, kind.outside) == ("c", 1.0, 0.0)
    assert str(kind) == "kind = c in 100 % (elsewhere in 0 %)"
    assert by_column["day"].inside.median == np.datetime64("2024-03-01")
    assert str(by_column["day"]).startswith("day 2024-03-01 (elsewhere 2024-01-02 to 2024-01-05")
    assert (by_column["grade"].inside.low, by_column["grade"].outside.high) == ("high", "low")
    assert second.name == "high amount, kind = c"
    assert [each.words for each in second.differences[2:]] == [
        "late day",
        "high grade",
        "day: weekday = Friday",
    ]
    # Of the first region's levels c is the one that it lacks: the largest difference.
    kind = next(each for each in first.differences if each.column == "kind")
    assert (kind.level, kind.effect, kind.words) == ("c", -1.0, "kind seldom c")


def test_names_of_regions_differ():
    # Four groups of one column: two lie high, and two lie low.
    X = np.repeat([[0.0], [1.0], [8.0], [9.0]], 20, axis=0)
    map_ = SOM(1, 4, random_state=0).fit(X).map_
    found = regions.Regions(map_, np.arange(4)).describe(X)
    names = [region.name for region in found]
    assert len(set(names)) == 4
    assert sorted(name for name in names if "(2)" in name) == ["high x0 (2)", "low x0 (2)"]


def test_quartiles_that_differ_from_0_by_rounding_are_0():
    column = table_from_columns({"x": np.r_[np.zeros(30), np.full(30, 4542.0)]}).columns[0]
    code = NumberCode.fit(column, "")
    quartiles = describing._quartiles(code, code.place(np.full(9, -3.64e-12))[:, None])
    assert str(quartiles) == "0"


def test_region_that_is_neither_high_nor_low_lies_between_the_others():
    map_ = map_of([[0.0], [5.0], [9.0]], chain(3), [9, 9, 9])
    found = find_regions(map_, 3)
    names = [region.name for region in found.describe(np.repeat([[0.0], [5.0], [9.0]], 9, axis=0))]
    assert names == ["low x0", "between the others", "high x0"]


def test_of_two_levels_the_one_that_is_more_frequent_is_named():
    table = table_from_columns({"a": ["y"] * 7 + ["n"] * 5, "x": range(12)})
    encoding = fit_encoding(table)
    rows = encoding.encode(table)
    map_ = Map(rows[[0, 11]], Lattice(1, 2), encoding, np.array([7.0, 5.0]))
    first, second = find_regions(map_, 2).describe(table)
    assert [r.differences[0].words for r in (first, second)] == ["a = y", "a = n"]


def test_missing_cells_count_nowhere_where_they_are_masked():
    X = np.array([[0.0, 1], [0, np.nan], [0, 3], [9, 4], [9, np.nan], [9, 6]])
    encoding = Encoding.plain(["x", "y"], missing="mask")
    map_ = Map(np.array([[0.0, 2], [9, 5]]), Lattice(1, 2), encoding, np.array([3.0, 3.0]))
    found = find_regions(map_, 2)
    first, _ = found.describe(X)
    y = next(each for each in first.differences if each.column == "y")
    assert (y.effect, y.inside.low, y.outside.high) == (-1.0, 1.0, 6.0)
    assert found.of(np.array([[np.nan, np.nan], [9, np.nan]])).tolist() == [-1, 1]


def test_regions_without_rows_and_columns_without_values_differ_in_nothing():
    map_ = map_of([[0.0, 0], [9, 0]], Lattice(1, 2))
    found = find_regions(map_, 2)
    first, second = found.describe(np.zeros((3, 2)))
    assert (first.n_rows, second.n_rows, second.name) == (3, 0, "no rows")
    assert first.differences == second.differences == ()
    assert [r.n_rows for r in found.describe(np.zeros((0, 2)))] == [0, 0]


def test_long_and_hostile_names_stay_text_and_short():
    name, level = "<script>" + "x" * 5000, "</script>" + "\u202e" * 300
    table = table_from_columns({name: [level] * 6 + ["b"] * 4, "n": [0.0] * 6 + [1.0] * 4})
    encoding = fit_encoding(table, Roles(numbers=("n",)))
    rows = encoding.encode(table)
    map_ = Map(rows[[0, 9]], Lattice(1, 2), encoding, np.array([6.0, 4.0]))
    first, _ = find_regions(map_, 2).describe(table)
    assert len(first.name) < 80
    assert first.differences[0].column == name
    assert first.differences[0].level == level


# Asking


@pytest.mark.parametrize("metric", ["cosine", "manhattan", "mahalanobis"])
def test_other_metrics_find_groups_too(metric):
    X, truth = blobs(np.random.default_rng(0), [80, 60, 40], apart=20.0)
    found = find_regions(SOM(metric=metric, random_state=0).fit(X), 3)
    assert adjusted_rand_score(truth, found.of(X)) > 0.95


@pytest.mark.parametrize(
    ("n_regions", "error"),
    [
        (0, ValueError),
        (2.5, TypeError),
        ("many", TypeError),
        (3, InputError),
    ],
)
def test_other_numbers_are_refused(n_regions, error):
    with rejected(error, parameter="n_regions"):
        find_regions(map_of([[0.0], [9.0]], Lattice(1, 2)), n_regions)


def test_something_else_than_a_map_is_refused():
    with rejected(TypeError, value="ndarray"):
        regions.find_regions(np.zeros((3, 2)))


# Merging small regions


def test_small_regions_by_hand():
    # The unit with 1 row joins its neighbor at 1.5, not the one at 9; that with 2 rows joins them.
    map_ = map_of(np.array([[1, 1.5, 3, 9, 9.5]]).T, Lattice(1, 5, "rectangular"))
    assert merge_small_regions(map_, np.array([1, 4, 2, 7, 9]), min_rows=5).tolist() == [
        0,
        0,
        0,
        1,
        2,
    ]
    assert merge_small_regions(map_, np.array([1, 1, 1, 1, 0]), min_rows=5).tolist() == [0] * 5
    assert merge_small_regions(map_, np.array([5, 5, 5, 5, 5]), min_rows=5).tolist() == [
        0,
        1,
        2,
        3,
        4,
    ]


@pytest.mark.parametrize("least", [1, 20, 100, 399, 401])
def test_merged_regions_have_enough_rows_and_hang_together(least):
    rng = np.random.default_rng(0)
    map_ = SOM(6, 7, random_state=0).fit(rng.normal(size=(400, 3))).map_
    regions = merge_small_regions(map_, map_.hits, min_rows=least)
    assert set(regions) == set(range(regions.max() + 1))
    counts = np.bincount(regions, map_.hits)
    assert (counts >= min(least, 400)).all() or regions.max() == 0
    assert least != 20 or regions.max() > 5
    for region in range(regions.max() + 1):
        units = set(np.flatnonzero(regions == region).tolist())
        reached = {min(units)}
        for _ in units:
            reached |= {
                n for u in reached for n in map_.lattice.neighbors[u].tolist() if n in units
            }
        assert reached == units


def test_parts_of_a_graph_join_the_nearest_region():
    adjacency = np.zeros((4, 4))
    adjacency[0, 1] = adjacency[1, 0] = adjacency[2, 3] = adjacency[3, 2] = 1
    map_ = Map(np.arange(4.0)[:, None], Graph(adjacency), Encoding.plain(["x"]), np.ones(4))
    assert merge_small_regions(map_, np.array([1, 1, 9, 9]), min_rows=3).tolist() == [0, 0, 0, 1]
