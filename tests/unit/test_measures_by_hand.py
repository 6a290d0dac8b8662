"""Measures of a map on cases whose numbers were worked out by hand or printed by others.

``SOMperf`` is Florent Forest's library; its numbers are those of its test notebook, 0.2b0.
"""

import math

import naive
import numpy as np
import pytest

from somscape import SOM, Graph, Lattice, Map, measures
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


def test_combined_error_of_a_fold() -> None:
    # Row -2: 1 to unit 0; its second is unit 2, by way of 1: 12 + 5.  Row 8: 1, and 5 from unit 1
    # to its neighbor 2.  (18 + 6) / 2 = 12.
    assert measures.combined_error(FOLD, ON_FOLD) == pytest.approx(12, **CLOSE)
    neighbors = naive.neighbors(1, 3, "rectangular", "plane")
    assert naive.combined_error(ON_FOLD, FOLD.codebook, neighbors) == pytest.approx(12, **CLOSE)


def test_topographic_product_of_a_fold() -> None:
    # Prototypes 0-1: 12, 0-2: 7, 1-2: 5.  Unit 0 by map 1, 2, by data 2, 1: k = 1 has
    # Q1 = 12 / 7 and Q2 = 1 / 2; k = 2 has 1.  Unit 1 by map 0, 2 (equally near), by data 2, 0:
    # Q1 = 12 / 5, Q2 = 1.  Unit 2: 1.  So (log(6 / 7) + log(12 / 5)) / 2, over 3 * 2.
    expected = math.log(72 / 35) / 12
    assert measures.topographic_product(FOLD) == pytest.approx(expected, **CLOSE)
    on_map = naive.map_distances(1, 3, "rectangular", "plane")
    assert naive.topographic_product(FOLD.codebook, on_map) == pytest.approx(expected, **CLOSE)


def test_trustworthiness_shares_the_places_of_one_unit() -> None:
    # Rows 0, 1, 2 and 6, 7, 8 on two units, k = 1.  On the map each row's nearest are the two of
    # its unit, 1/2 each.  Row 0: nearest 1; row 2 has rank 2: excess 1/2.  Row 1: 0 and 2 are
    # equally near: 0.  Row 2 as row 0, and so on: 4 * 1/2 = 2, times 2 / (6 (12 - 3 - 1)).
    map_, X = line(1, 7), column(0, 1, 2, 6, 7, 8)
    assert measures.trustworthiness(map_, X, k=1) == pytest.approx(1 - 1 / 12, **CLOSE)
    assert measures.continuity(map_, X, k=1) == 1
    tables = (
        naive.row_distances(X),
        naive.placed_distances(X, map_.codebook, [[0, 1], [1, 0]]),
    )
    found = naive.neighbor_measures(*tables, 1)
    assert found[:2] == pytest.approx((11 / 12, 1), **CLOSE)


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
