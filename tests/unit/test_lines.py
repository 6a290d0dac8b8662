"""What units say of numbers, by hand: means, slopes, and how both shrink."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape.grid import Lattice
from somscape.recognize.predictor import (
    MAX_LOCAL_AXES,
    PRIOR,
    Bend,
    UnitLines,
    line_of,
    lines_of,
    pulls_on_map,
    steps_apart,
    sums_by_unit,
    together,
)

EACH = np.eye(2)
ROWS = np.array([[0.0], [2.0], [10.0]])
Y = np.array([1.0, 3.0, 9.0])
UNITS = np.array([0, 0, 1])


def sums_of(y=Y, rows=ROWS):
    return sums_by_unit(rows, y, np.ones(3), UNITS, 2)


def test_sums_leave_unknown_rows_out_and_count_weights():
    found = sums_by_unit(ROWS, np.array([1.0, np.nan, 9.0]), np.array([2.0, 5.0, 1.0]), UNITS, 2)
    np.testing.assert_array_equal(found.firsts, [[2, 0, 2], [1, 10, 9]])
    np.testing.assert_array_equal(found.seconds, [[[0, 0]], [[100, 90]]])
    np.testing.assert_array_equal(found.total, [[100, 90]])


def test_without_slopes_a_unit_says_the_mean_of_its_rows_and_a_little_of_all():
    values, slopes = line_of(sums_of(), EACH, Bend())
    of_all = PRIOR * 13 / 3
    np.testing.assert_allclose(values, [(4 + of_all) / (2 + PRIOR), (9 + of_all) / (1 + PRIOR)])
    assert slopes is None


def test_the_slope_of_all_rows_is_that_of_ridge_regression():
    values, slopes = line_of(sums_of(), EACH, Bend(ridge=5.0))
    expected = ((ROWS[:, 0] - 4) @ (Y - 13 / 3)) / (((ROWS[:, 0] - 4) ** 2).sum() + 5)
    np.testing.assert_allclose(slopes, [[expected], [expected]])
    mean = (2 + PRIOR * 4) / (2 + PRIOR)  # of the rows of the first unit
    at_mean = (4 + PRIOR * 13 / 3) / (2 + PRIOR)
    assert values[0] == pytest.approx(at_mean - expected * mean)


def test_a_unit_of_its_own_slope_bends_from_that_of_all():
    # Two units far apart with opposite slopes; the slope of all rows is 0.
    rows = np.array([[-3.0], [-1.0], [1.0], [3.0]])
    y = np.array([0.0, 2.0, 2.0, 0.0])
    sums = sums_by_unit(rows, y, np.ones(4), np.array([0, 0, 1, 1]), 2)
    _, free = line_of(sums, EACH, Bend(ridge=1.0, local_ridge=1e-9))
    _, held = line_of(sums, EACH, Bend(ridge=1.0, local_ridge=1e9))
    assert free[0, 0] > 0.5
    assert free[1, 0] == pytest.approx(-free[0, 0])
    np.testing.assert_allclose(held, 0, atol=1e-6)


@given(st.integers(0, 1000))
def test_a_plane_is_found_exactly_wherever_rows_lie(seed):
    rng = np.random.default_rng(seed)
    rows, units = rng.normal(size=(40, 3)), rng.integers(0, 6, 40)
    slope, at_zero = rng.normal(size=3), rng.normal()
    y = rows @ slope + at_zero
    sums = [sums_by_unit(rows, y, np.ones(40), units, 6)]
    for bend in (Bend(1.0, 1e-12), Bend(1.0, 1e-12, 1e-9)):
        lines = lines_of(sums, pulls_on_map(steps_apart(Lattice(2, 3)), bend.radius), bend)
        said = lines.of_rows(rows, units[:, None])
        np.testing.assert_allclose(together(said, np.ones((40, 1)))[:, 0], y, atol=1e-6)


def test_pulls_over_three_units_by_hand():
    found = pulls_on_map(steps_apart(Lattice(1, 3, "rectangular")), 2.0)
    near, far = math.exp(-1 / 8), math.exp(-4 / 8)
    np.testing.assert_allclose(found, [[1, near, far], [near, 1, near], [far, near, 1]])


def test_rows_get_what_their_units_say_by_how_much_each_counts():
    lines = UnitLines(np.array([[1.0], [5.0]]), np.array([[[2.0]], [[0.0]]]))
    said = lines.of_rows(np.array([[10.0]]), np.array([[0, 1]]))
    np.testing.assert_allclose(said, [[[21], [5]]])
    np.testing.assert_allclose(together(said, np.array([[0.25, 0.75]])), [[9]])


def test_rows_of_many_axes_share_their_slopes_and_an_unknown_target_has_none():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, MAX_LOCAL_AXES + 1))
    units, lattice = rng.integers(0, 4, 60), Lattice(2, 2)
    y = np.stack([rows[:, 0], np.full(60, np.nan)])
    sums = [sums_by_unit(rows, each, np.ones(60), units, 4) for each in y]
    lines = lines_of(sums, pulls_on_map(steps_apart(lattice), 1.0), Bend(1.0, 1.0, 1.0))
    assert (lines.slopes[:, 0] == lines.slopes[0, 0]).all()
    assert not lines.slopes[:, 1].any()
    assert not lines.values[:, 1].any()
