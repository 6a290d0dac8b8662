"""Measures of a map on cases whose numbers were worked out by hand or printed by others.

``SOMperf`` is Florent Forest's library; its numbers are those of its test notebook, 0.2b0.
"""

import math

import naive
import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, measures
from somscape.kernels import Metric
from somscape.tables import Encoding

CLOSE = {"abs": 1e-9, "rel": 0}


def make_map(codebook, lattice, **fields) -> Map:
    codebook = np.atleast_2d(np.asarray(codebook, dtype=float))
    names = [f"x{i}" for i in range(codebook.shape[1])]
    return Map(codebook, lattice, Encoding.plain(names), np.ones(len(codebook)), **fields)


def line(*values: float) -> Map:
    """Units in a row, with one feature."""
    return make_map(np.array(values)[:, None], Lattice(1, len(values), "rectangular"))


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def four_neighbors(n_rows: int, n_cols: int) -> Graph:
    """Squares with 4 neighbors, as SOMperf and the SOM Toolbox have them."""
    units = np.arange(n_rows * n_cols).reshape(n_rows, n_cols)
    pairs = np.concatenate(
        [
            np.column_stack([units[:, :-1].ravel(), units[:, 1:].ravel()]),
            np.column_stack([units[:-1].ravel(), units[1:].ravel()]),
        ]
    )
    return Graph.from_edges(units.size, pairs=pairs, lengths=np.ones(len(pairs)))


# Units 0 1 2 in a row at -3, 9 and 4: a fold.
FOLD, ON_FOLD = line(-3, 9, 4), column(-2, 8)


def test_explained_variance() -> None:
    # Each row is 1/2 from its unit: 4 / 4 = 1.  The mean is 5: 25 + 16 + 16 + 25 = 82.
    map_, X = line(0.5, 9.5), column(0, 1, 9, 10)
    assert measures.explained_variance(map_, X) == pytest.approx(81 / 82, **CLOSE)
    assert naive.explained_variance(X, map_.codebook) == pytest.approx(81 / 82, **CLOSE)


def test_explained_variance_by_feature() -> None:
    # Feature 0 as above; feature 1 is 0 and 2 around units at 1: nothing explained; 2 is constant.
    map_ = make_map([[0.5, 1, 7], [9.5, 1, 7]], Lattice(1, 2))
    X = [[0.0, 0, 7], [1, 2, 7], [9, 0, 7], [10, 2, 7]]
    found = measures.explained_variance_by_feature(map_, X)
    np.testing.assert_allclose(found, [81 / 82, 0, np.nan], rtol=0, atol=1e-9)
    # 1 + 4 of 82 + 4.
    assert measures.explained_variance(map_, X) == pytest.approx(81 / 86, **CLOSE)


def test_explained_variance_leaves_out_missing_values() -> None:
    # Feature 1 is there in rows 0 and 1 only: 1 + 1 about units and mean.  Feature 0 as above.
    names = ["x0", "x1"]
    encoding = Encoding.plain(names, missing="mask")
    map_ = Map(np.array([[0.5, 1], [9.5, 1]]), Lattice(1, 2), encoding, np.ones(2))
    X = [[0.0, 0], [1, 2], [9, np.nan], [10, np.nan]]
    assert measures.explained_variance(map_, X) == pytest.approx(81 / 84, **CLOSE)
    found = measures.explained_variance_by_feature(map_, X)
    np.testing.assert_allclose(found, [81 / 82, 0], rtol=0, atol=1e-9)


def test_root_mean_squared_error() -> None:
    # Distances 0, 5 (a triangle of 3, 4, 5) and 1: 26 / 3.
    map_ = make_map([[0.0, 0.0], [-10.0, -10.0]], Lattice(1, 2))
    X = [[0.0, 0.0], [3.0, 4.0], [-10.0, -11.0]]
    expected = math.sqrt(26 / 3)
    assert measures.root_mean_squared_error(map_, X) == pytest.approx(expected, **CLOSE)
    assert naive.root_mean_squared_error(X, map_.codebook) == pytest.approx(expected, **CLOSE)
    # The far row three times: (75 + 1) / 5.
    found = measures.root_mean_squared_error(map_, X, sample_weight=[1, 3, 1])
    assert found == pytest.approx(math.sqrt(76 / 5), **CLOSE)


def test_embedding_accuracy() -> None:
    # Feature 0: units and rows are spread alike, but for 1/4 of the rows at 0 and not at 1, so
    # that the functions differ by 1/4.  Feature 1: all units at 0, half of the rows below: 1/2.
    # Sums of squares: 0 0 2 3 have 13 - 25/4 = 6.75, and -1 -1 1 1 have 4.
    map_ = make_map([[0.0, 0], [1, 0], [2, 0], [3, 0]], Lattice(1, 4))
    X = [[0.0, -1], [0, -1], [2, 1], [3, 1]]
    for max_gap, expected in ((0.1, 0), (0.25, 6.75 / 10.75), (0.4, 6.75 / 10.75), (0.5, 1)):
        found = measures.embedding_accuracy(map_, X, max_gap=max_gap)
        assert found == pytest.approx(expected, **CLOSE), max_gap
        found = naive.embedding_accuracy(X, map_.codebook, max_gap)
        assert found == pytest.approx(expected, **CLOSE), max_gap
    assert measures.embedding_accuracy(map_, map_.codebook) == 1
    with rejected(ValueError, parameter="max_gap", value=0):
        measures.embedding_accuracy(map_, X, max_gap=0)


def test_embedding_accuracy_leaves_out_missing_values() -> None:
    # Feature 0 without one of the rows at 0: at 1 there are 1/3 of the rows and 1/2 of the units.
    encoding = Encoding.plain(["x0", "x1"], missing="mask")
    map_ = Map(np.array([[0.0, 0], [1, 0], [2, 0], [3, 0]]), Lattice(1, 4), encoding, np.ones(4))
    X = np.array([[0.0, np.nan], [np.nan, 1], [2, np.nan], [3, np.nan]])
    assert measures.embedding_accuracy(map_, X, max_gap=0.17) == 1
    assert measures.embedding_accuracy(map_, X, max_gap=0.16) == 0


def test_distortion_and_its_parts() -> None:
    # Units at 0 and 4, both pulled in full.  Row 1: 1 + 9 = 10; row 4: 16 + 0 = 16; the mean is 13.
    # Unit 0, H = 2, m = 2: its row's mean 1 gives 2 (1 - 2)^2 = 2, the prototypes 4 + 4 = 8.
    # Unit 1: 2 (4 - 2)^2 = 8 and 8.  Each over 2 rows.
    map_, X = line(0, 4), column(1, 4)
    parts = measures.distortion_parts(map_, X, radius=1, neighborhood="bubble")
    assert parts.spread.tolist() == [[0], [0]]
    np.testing.assert_allclose(parts.bias, [[1], [4]], rtol=0, atol=1e-9)
    np.testing.assert_allclose(parts.stress, [[4], [4]], rtol=0, atol=1e-9)
    assert parts.total == pytest.approx(13, **CLOSE)
    found = measures.distortion(map_, X, radius=1, neighborhood="bubble")
    assert found == pytest.approx(13, **CLOSE)
    on_map = naive.map_distances(1, 2, "rectangular", "plane")
    assert naive.distortion(X, map_.codebook, on_map, 1, "bubble") == pytest.approx(13, **CLOSE)


def test_combined_error_of_a_fold() -> None:
    # Row -2: 1 to unit 0; its second is unit 2, by way of 1: 12 + 5.  Row 8: 1, and 5 from unit 1
    # to its neighbor 2.  (18 + 6) / 2 = 12.
    assert measures.combined_error(FOLD, ON_FOLD) == pytest.approx(12, **CLOSE)
    neighbors = naive.neighbors(1, 3, "rectangular", "plane")
    assert naive.combined_error(ON_FOLD, FOLD.codebook, neighbors) == pytest.approx(12, **CLOSE)


def test_mean_tied_rank_of_a_fold() -> None:
    # From unit 0, unit 1 is 1 step away and unit 2 is 2: rank 2.  From unit 1 both are 1: 1.5.
    assert measures.mean_tied_rank(FOLD, ON_FOLD) == pytest.approx(1.75, **CLOSE)
    neighbors = naive.neighbors(1, 3, "rectangular", "plane")
    assert naive.mean_tied_rank(ON_FOLD, FOLD.codebook, neighbors) == 1.75


def test_topographic_product_of_a_fold() -> None:
    # Prototypes 0-1: 12, 0-2: 7, 1-2: 5.  Unit 0 by map 1, 2, by data 2, 1: k = 1 has
    # Q1 = 12 / 7 and Q2 = 1 / 2; k = 2 has 1.  Unit 1 by map 0, 2 (equally near), by data 2, 0:
    # Q1 = 12 / 5, Q2 = 1.  Unit 2: 1.  So (log(6 / 7) + log(12 / 5)) / 2, over 3 * 2.
    expected = math.log(72 / 35) / 12
    assert measures.topographic_product(FOLD) == pytest.approx(expected, **CLOSE)
    on_map = naive.map_distances(1, 3, "rectangular", "plane")
    assert naive.topographic_product(FOLD.codebook, on_map) == pytest.approx(expected, **CLOSE)


def test_topographic_function_of_a_fold() -> None:
    # Neighbors in the data: 0-2 and 1-2.  On the map 0-2 are 2 steps apart: 2 of 3 units see a
    # neighbor more than 1 step away.  0-1, neighbors on the map, are 2 steps apart in the data.
    found = measures.topographic_function(FOLD, ON_FOLD)
    assert found.k.tolist() == [-2, -1, 0, 1, 2]
    np.testing.assert_allclose(found.values, [0, 2 / 3, 4 / 3, 2 / 3, 0], rtol=0, atol=1e-9)
    assert found.at_zero == pytest.approx(4 / 3, **CLOSE)
    neighbors = naive.neighbors(1, 3, "rectangular", "plane")
    np.testing.assert_allclose(
        naive.topographic_function(ON_FOLD, FOLD.codebook, neighbors), found.values, atol=1e-12
    )


def test_distances_of_three_rows() -> None:
    # In the data 1, 3, 2; on the map 1, 2, 1.  C = 1 + 6 + 2.  Over their largest, differences
    # are 1/3 - 1/2, 0 and 2/3 - 1/2: 2 / 36 over 3 pairs.  Ranks 1, 3, 2 and 1.5, 3, 1.5.
    map_, X = line(0, 1, 3), column(0, 1, 3)
    assert measures.c_measure(map_, X) == pytest.approx(9, **CLOSE)
    assert measures.kruskal_stress(map_, X) == pytest.approx(1 / 54, **CLOSE)
    assert measures.rank_correlation(map_, X) == pytest.approx(math.sqrt(3) / 2, **CLOSE)
    tables = (
        naive.row_distances(X),
        naive.placed_distances(X, map_.codebook, naive.map_distances(1, 3, "rectangular", "plane")),
    )
    assert naive.c_measure(*tables) == pytest.approx(9, **CLOSE)
    assert naive.kruskal_stress(*tables) == pytest.approx(1 / 54, **CLOSE)
    assert naive.rank_correlation(*tables) == pytest.approx(math.sqrt(3) / 2, **CLOSE)


def test_use_of_units() -> None:
    # Hits 2, 1, 0, 1: shares 1/2, 1/4, 1/4 have entropy 1.5 bits of 2.  Differences between all
    # pairs add up to 12, over 2 * 4 * 4.
    map_, X = line(0, 1, 2, 3), column(0, 0, 1, 3)
    assert measures.dead_units(map_, X) == 0.25
    assert measures.hit_entropy(map_, X) == pytest.approx(0.75, **CLOSE)
    assert measures.hit_gini(map_, X) == pytest.approx(0.375, **CLOSE)
    assert naive.gini([2, 1, 0, 1]) == pytest.approx(0.375, **CLOSE)


def test_regions_of_three_rows() -> None:
    # Regions 0, 1 and 4.  Row 0: 1 inside, 4 outside: 3/4; row 1: 1 and 3: 2/3; row 4 is alone: 0.
    # Means 0.5 and 4, widths 0.5 and 0: 0.5 / 3.5 for both.
    map_, X, regions = line(0, 1, 4), column(0, 1, 4), [0, 0, 1]
    found = measures.silhouette(map_, X, regions=regions)
    assert found == pytest.approx(17 / 36, **CLOSE)
    assert measures.davies_bouldin(map_, X, regions=regions) == pytest.approx(1 / 7, **CLOSE)
    assert naive.silhouette(naive.row_distances(X), regions) == pytest.approx(17 / 36, **CLOSE)
    assert naive.davies_bouldin(X, regions) == pytest.approx(1 / 7, **CLOSE)


def test_davies_bouldin_compares_means_over_what_they_share() -> None:
    # No row of region 1 has a feature 1, so that means differ by 8 in feature 0 alone.
    names, regions = ["x0", "x1"], [0, 1]
    X = [[0.0, 4], [2, 4], [9, np.nan], [9, np.nan]]
    for weights, total, share in ((None, 2, 1), (np.array([3.0, 1.0]), 4, 3)):
        # Region 0 is as wide as sqrt(share), where nothing is missing; over share * 8^2, scaled up.
        map_ = Map(
            np.array([[1.0, 4], [9, 4]]),
            Lattice(1, 2),
            Encoding.plain(names, missing="mask"),
            np.ones(2),
            metric=Metric("euclidean", feature_weights=weights),
        )
        expected = math.sqrt(share) / math.sqrt(64 * share * total / share)
        found = measures.davies_bouldin(map_, X, regions=regions)
        assert found == pytest.approx(expected, **CLOSE)


def test_davies_bouldin_scales_rows_up_by_weights() -> None:
    # Means are (1, 4) and (9, 0); rows without feature 1 are 1 away in feature 0, of weight 3 of 4.
    map_ = Map(
        np.array([[1.0, 4], [9, 0]]),
        Lattice(1, 2),
        Encoding.plain(["x0", "x1"], missing="mask"),
        np.ones(2),
        metric=Metric("euclidean", feature_weights=np.array([3.0, 1.0])),
    )
    X = [[0.0, np.nan], [2, np.nan], [1, 4], [9, 0]]
    between = math.sqrt(3 * 64 + 16)
    found = measures.davies_bouldin(map_, X, regions=[0, 1])
    assert found == pytest.approx(2 / 3 * math.sqrt(3 * 4 / 3) / between, **CLOSE)


def test_trustworthiness_shares_the_places_of_one_unit() -> None:
    # Rows 0, 1, 2 and 6, 7, 8 on two units, k = 1.  On the map each row's nearest are the two of
    # its unit, 1/2 each.  Row 0: nearest 1; row 2 has rank 2: excess 1/2.  Row 1: 0 and 2 are
    # equally near: 0.  Row 2 as row 0, and so on: 4 * 1/2 = 2, times 2 / (6 (12 - 3 - 1)).
    map_, X = line(1, 7), column(0, 1, 2, 6, 7, 8)
    assert measures.trustworthiness(map_, X, k=1) == pytest.approx(1 - 1 / 12, **CLOSE)
    assert measures.continuity(map_, X, k=1) == 1
    # In common: 1/2 for each of the rows at the ends, 2 * 1/2 for those in the middle.
    assert measures.neighborhood_preservation(map_, X, k=1) == pytest.approx(4 / 6, **CLOSE)
    tables = (
        naive.row_distances(X),
        naive.placed_distances(X, map_.codebook, [[0, 1], [1, 0]]),
    )
    found = naive.neighbor_measures(*tables, 1)
    assert found == pytest.approx((11 / 12, 1, 4 / 6), **CLOSE)


# Printed by others


@pytest.mark.parametrize("size", [5, 9, 17, 33])
def test_errors_of_even_grids_are_those_of_somperf(size: int) -> None:
    across = np.linspace(-1, 1, size)
    W = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    spacing = 2 / (size - 1)
    # 8 neighbors hold the 4 of SOMperf, and second units are among these.
    map_ = make_map(W, Lattice(size, size, "rectangular"))
    assert measures.combined_error(map_, W) == pytest.approx(spacing, **CLOSE)
    assert spacing in (0.5, 0.25, 0.125, 0.0625)
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, len(W))
    X = W + 0.25 * spacing * np.column_stack([np.cos(angle), np.sin(angle)])
    assert measures.quantization_error(map_, X) == pytest.approx(spacing / 4, **CLOSE)
    assert measures.topographic_error(make_map(W, four_neighbors(size, size)), X) == 0


@pytest.mark.parametrize(
    ("X", "preserved", "trusted"),
    [
        ([(-1.25, 1.25), (1.25, -1.25), (4, 4)], 1 / 3, 1 / 3),
        ([(-1.25, 1.25), (0.75, -0.75), (4, 4)], 1 / 3, 1 / 6),
    ],
)
def test_neighbors_are_those_of_somperf(X, preserved: float, trusted: float) -> None:
    # On the grid they are the same: the units' corners lie as their prototypes do.
    W = [[-1, -1], [1, -1], [-1, 1], [1, 1]]
    map_ = make_map(W, Lattice(2, 2, "rectangular"))
    for on in ("prototypes", "grid"):
        found = measures.trustworthiness(map_, X, k=1, on=on)
        assert found == pytest.approx(trusted, **CLOSE)
        # What SOMperf calls neighborhood preservation.
        assert measures.continuity(map_, X, k=1, on=on) == pytest.approx(preserved, **CLOSE)


CLASSES = [
    *(0, 0, 0, 0, 0, 1, 0, 2, 0),
    *(0, 0, 0, 0, 1, 1, 1, 1, 1, 0),
    *(0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2),
    *(0, 1, 1, 1, 2, 2, 2, 2),
    *(2, 1, 1, 2, 2, 2, 2, 2),
]
UNITS = [
    *(0, 0, 0, 1, 1, 1, 2, 3, 4),
    *(5, 5, 5, 6, 6, 6, 7, 8, 9, 9),
    *(10, 10, 11, 11, 12, 12, 12, 13, 13, 13, 14),
    *(15, 17, 17, 18, 18, 19, 19, 19),
    *(20, 21, 22, 22, 22, 23, 24, 24),
]
GROUPS = [
    *(0, 0, 0, 0, 0, 0, 0, 1, 0),
    *(0, 0, 0, 2, 2, 2, 2, 2, 0, 0),
    *(0, 0, 2, 2, 2, 2, 2, 1, 1, 1, 1),
    *(0, 2, 2, 1, 1, 1, 1, 1),
    *(1, 2, 2, 2, 2, 1, 1, 1),
]


def test_labels_are_those_of_somperf() -> None:
    # 46 rows of 3 classes on 5 x 5 units.
    map_ = make_map(np.arange(25.0)[:, None], four_neighbors(5, 5))
    X = np.array(UNITS, dtype=float)[:, None]
    assert len(CLASSES) == len(UNITS) == len(GROUPS) == 46
    assert measures.class_scatter(map_, X, labels=CLASSES) == 2.0
    found = measures.majority_entropy(map_, X, labels=CLASSES)
    assert found == pytest.approx(3.701301974, abs=5e-10)
    purity = measures.purity(map_, X, labels=CLASSES)
    assert purity == pytest.approx(0.847826087, abs=5e-10)
    assert 1 - purity == pytest.approx(0.152173913, abs=5e-10)
    # Its accuracy of groups of units, each matched with a class, is their purity.
    regions = np.zeros(25, dtype=int)
    regions[UNITS] = GROUPS
    found = measures.purity(map_, X, labels=CLASSES, regions=regions)
    assert found == pytest.approx(0.826086957, abs=5e-10)


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize(("n_rows", "n_cols", "sign"), [(4, 64, -1), (6, 43, 1), (16, 16, 1)])
def test_topographic_product_changes_its_sign_between_64_x_4_and_43_x_6(
    n_rows: int, n_cols: int, sign: int
) -> None:
    # x ~ N(0.5, 0.06^2), y uniform, about 256 units: SOMperf prints -0.013, 0.001 and 0.012, of
    # maps that it trained itself, so that only signs can be compared.
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(0.5, 0.06, 5000), rng.uniform(size=5000)])
    som = SOM(n_rows, n_cols, lattice="rectangular", radius_end=1.0, random_state=0).fit(X)
    found = measures.topographic_product(som)
    assert np.sign(found) == sign
