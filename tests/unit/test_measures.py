"""How good a map is, and how a ranking agrees with a label."""

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import Lattice, Map, measures
from somscape.measures import Agreement, label_agreement
from somscape.tables import Encoding, table_from_columns
from somscape.tables._fit_encoding import fit_encoding

SHAPES = [
    (2, 5, "rectangular", "plane"),
    (3, 4, "rectangular", "torus"),
    (4, 3, "hexagonal", "plane"),
    (4, 5, "hexagonal", "torus"),
    (1, 6, "hexagonal", "plane"),
]


def make_map(codebook: np.ndarray, lattice: Lattice, encoding: Encoding | None = None) -> Map:
    codebook = np.asarray(codebook)
    names = [f"x{i}" for i in range(codebook.shape[1])]
    return Map(codebook, lattice, encoding or Encoding.plain(names), np.ones(len(codebook)))


# Quantization error


def test_quantization_error_is_the_mean_distance_by_hand() -> None:
    # Distances 0, 5 (a triangle of 3, 4, 5) and 1: their mean is 2.  Squared they would be 26 / 3.
    map_ = make_map(np.array([[0.0, 0.0], [-10.0, -10.0]]), Lattice(1, 2, "rectangular"))
    rows = np.array([[0.0, 0.0], [3.0, 4.0], [-10.0, -11.0]])
    assert measures.quantization_error(map_, rows) == pytest.approx(2.0, rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_errors_equal_the_oracle(shape: tuple, dtype: type) -> None:
    rng = np.random.default_rng(3)
    lattice = Lattice(*shape)
    codebook = rng.normal(size=(lattice.n_units, 3)).astype(dtype)
    rows = rng.normal(size=(50, 3)).astype(dtype)
    map_ = make_map(codebook, lattice)
    # float32 rows are subtracted in float32: about 1e-7 each.
    expected = naive.quantization_error(rows, codebook)
    tolerance = 1e-6 if dtype is np.float32 else 1e-12
    assert measures.quantization_error(map_, rows) == pytest.approx(expected, rel=tolerance)
    neighbors = naive.neighbors(*shape)
    expected = naive.topographic_error(rows, codebook, neighbors)
    assert measures.topographic_error(map_, rows) == pytest.approx(expected, abs=1e-12)


def test_errors_take_tables_as_the_map_encodes_them() -> None:
    table = table_from_columns({"n": [0.5, 10.5, 5.5], "c": ["a", "b", "a"]})
    encoding = fit_encoding(table)
    rows = encoding.encode(table)
    map_ = make_map(rows[:2], Lattice(1, 2, "rectangular"), encoding)
    # Row 2 is half a range from unit 0 and of its category.
    assert measures.quantization_error(map_, table) == pytest.approx(0.5 / 3, rel=1e-12)


def test_errors_do_not_change_with_the_order_of_the_rows() -> None:
    rng = np.random.default_rng(4)
    map_ = make_map(rng.normal(size=(12, 2)), Lattice(3, 4))
    rows = rng.normal(size=(60, 2))
    turned = rows[rng.permutation(60)]
    # A sum in another order: a few roundings.
    assert measures.quantization_error(map_, turned) == pytest.approx(
        measures.quantization_error(map_, rows), rel=1e-13
    )
    assert measures.topographic_error(map_, turned) == measures.topographic_error(map_, rows)


def test_errors_refuse_other_features() -> None:
    map_ = make_map(np.zeros((2, 3)), Lattice(1, 2))
    with rejected(parameter="X"):
        measures.quantization_error(map_, np.zeros((4, 2)))


@pytest.mark.parametrize("measure", [measures.quantization_error, measures.topographic_error])
def test_errors_of_no_rows_are_refused(measure) -> None:
    map_ = make_map(np.zeros((2, 3)), Lattice(1, 2))
    with rejected(parameter="X"):
        measure(map_, np.empty((0, 3)))


@pytest.mark.parametrize("measure", [measures.quantization_error, measures.topographic_error])
def test_a_row_of_weight_two_is_two_rows(measure) -> None:
    rng = np.random.default_rng(5)
    map_ = make_map(rng.normal(size=(12, 2)), Lattice(3, 4))
    rows, weights = rng.normal(size=(60, 2)), np.arange(60) % 3
    expected = measure(map_, np.repeat(rows, weights, axis=0))
    assert measure(map_, rows, sample_weight=weights) == pytest.approx(expected, rel=1e-13)
    with rejected(parameter="sample_weight", row=3):
        measure(map_, rows, sample_weight=np.where(np.arange(60) == 3, -1, 1))


# Topographic error


def test_topographic_error_of_a_folded_line_by_hand() -> None:
    # Units 0 1 2 in a row at -3, 9, 4.  -2: best 0, second 2, not adjacent.  8: best 1, second
    # 2, adjacent.  0: best 0 (3 away), second 2 (4 away), not adjacent.  5: 2 and 1, adjacent.
    map_ = make_map(np.array([[-3.0], [9.0], [4.0]]), Lattice(1, 3, "rectangular"))
    rows = np.array([[-2.0], [8.0], [0.0], [5.0]])
    assert measures.topographic_error(map_, rows) == 0.5


def test_topographic_error_counts_8_neighbors_on_a_rectangular_map() -> None:
    # Units 0 1 / 2 3: best 0 and second 3 touch at a corner.
    codebook = np.array([[0.0], [50.0], [60.0], [1.0]])
    rows = np.array([[0.1]])
    assert measures.topographic_error(make_map(codebook, Lattice(2, 2, "rectangular")), rows) == 0
    # On a hexagonal map unit 0 of an even row touches 1 and 2, not 3.
    assert measures.topographic_error(make_map(codebook, Lattice(2, 2, "hexagonal")), rows) == 1


def test_topographic_error_sees_that_a_torus_wraps() -> None:
    codebook = np.array([[0.0], [50.0], [60.0], [1.0]])
    rows = np.array([[0.1]])
    plane = make_map(codebook, Lattice(1, 4, "rectangular", "plane"))
    torus = make_map(codebook, Lattice(1, 4, "rectangular", "torus"))
    assert measures.topographic_error(plane, rows) == 1
    assert measures.topographic_error(torus, rows) == 0


def test_topographic_error_of_one_unit_is_nan() -> None:
    assert np.isnan(measures.topographic_error(make_map(np.zeros((1, 2)), Lattice(1, 1)), [[1, 2]]))


# Agreement with a label


def test_agreement_by_hand() -> None:
    # Ranked: 9 yes, 8 no, 7 yes, 6 no, 5 no.  Pairs (yes, no): 9 beats three, 7 beats two of
    # three: 5 of 6.  Of the first two one is yes: 1 / 2, against 2 / 5 of all: 1.25 times.
    scores = np.array([5.0, 9, 6, 7, 8])
    is_labelled = np.array([False, True, False, True, False])
    found = label_agreement(scores, is_labelled, 2)
    assert found == Agreement(pytest.approx(5 / 6), 0.5, pytest.approx(1.25), 2, 5, 2)


def test_agreement_shares_ties_by_hand() -> None:
    # Pairs: 2 against 2 counts half, 2 against 1 counts one; 1.5 of 2.
    found = label_agreement(np.array([2.0, 2, 1]), np.array([True, False, False]), 1)
    assert found.auroc == 0.75


def test_agreement_counts_equal_scores_in_the_order_given() -> None:
    scores = np.array([3.0, 3, 3, 1])
    found = label_agreement(scores, np.array([True, False, False, False]), 1)
    assert found.precision == 1.0
    found = label_agreement(scores, np.array([False, False, True, False]), 1)
    assert found.precision == 0.0


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30).filter(
        lambda pairs: len({label for _, label in pairs}) == 2
    )
)
def test_auroc_equals_the_oracle(pairs: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in pairs], dtype=float)
    labels = np.array([label for _, label in pairs])
    expected = naive.auroc(scores, labels)
    assert label_agreement(scores, labels, 1).auroc == pytest.approx(expected, abs=1e-12)


def test_perfect_and_inverted_rankings() -> None:
    scores = np.arange(10.0)
    assert label_agreement(scores, scores > 6, 3).auroc == 1.0
    assert label_agreement(-scores, scores > 6, 3).auroc == 0.0
    assert label_agreement(scores, scores > 6, 3).precision == 1.0
    assert label_agreement(scores, scores > 6, 10).lift == pytest.approx(1.0, rel=1e-15)
