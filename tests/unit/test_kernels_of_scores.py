"""The kernels of scores, on every instruction set of the core and on NumPy: all the same bits."""

import bisect
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from threadpoolctl import threadpool_limits

from somscape.kernels._numpy_twin import lines

FLOATS = [np.float32, np.float64]


def in_order(terms):
    """Add one after the other; `sum` compensates for rounding since Python 3.12."""
    total = 0.0
    for term in terms:
        total += term
    return total


# The mean distance to the nearest units


def naive_mean(row, codebook, k):
    squares = []
    for w in codebook.tolist():
        differences = [x_j - w_j for x_j, w_j in zip(row.tolist(), w, strict=True)]
        squares.append(in_order(difference * difference for difference in differences))
    return in_order(math.sqrt(square) for square in sorted(squares)[:k]) / k


def check_mean(kernels, rows, codebook, k):
    means = kernels.mean_of_nearest(rows, codebook, k)
    assert means.dtype == np.float64
    assert means.tolist() == [naive_mean(row, codebook, k) for row in rows]


def normal_case(n, m, d, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(m, d))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [0, 1, 2, 5, 6, 7, 23, 24, 25, 49])
@pytest.mark.parametrize(("m", "k", "d"), [(1, 1, 1), (17, 17, 3), (64, 8, 2), (95, 24, 21)])
def test_any_number_of_rows_has_the_mean_of_plain_python(kernels, n, m, k, d, dtype):
    check_mean(kernels, *normal_case(n, m, d, dtype, seed=n), k)


@pytest.mark.parametrize("m", [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 63, 64, 65, 130, 424])
def test_any_number_of_units_has_the_mean_of_plain_python(kernels, m):
    rows, codebook = normal_case(3, m, 4, seed=m)
    for k in {1, min(m, 2), min(m, 8), min(m, 24), min(m, 64), m}:
        check_mean(kernels, rows, codebook, k)


@pytest.mark.parametrize("d", [127, 128, 129, 300])
def test_features_are_added_in_their_order_however_many_there_are(kernels, d):
    check_mean(kernels, *normal_case(7, 20, d, seed=d), 5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("m", "k"), [(40, 24), (424, 24), (1131, 8)])
def test_nearest_units_that_come_last_or_tie_are_found(kernels, m, k, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-3, 4, size=(5, 2)).astype(np.float64)
    codebook = rng.integers(-9, 10, size=(m, 2)).astype(np.float64)
    codebook = codebook[np.argsort(-(codebook**2).sum(axis=1), kind="stable")]
    check_mean(kernels, rows, codebook, k)


@given(st.data())
def test_the_mean_distance_equals_plain_python_where_ties_abound(kernels, data):
    n, m, d = (data.draw(st.integers(1, most)) for most in (8, 70, 4))
    values = st.integers(-2, 2).map(float) | st.floats(-1e3, 1e3, width=32)
    dtype = data.draw(st.sampled_from(FLOATS))
    rows = data.draw(hnp.arrays(dtype, (n, d), elements=values))
    codebook = data.draw(hnp.arrays(np.float64, (m, d), elements=values))
    check_mean(kernels, rows, codebook, data.draw(st.integers(1, m)))


def test_a_row_too_far_to_be_squared_is_infinitely_far(kernels):
    codebook = np.array([[0.0], [1.0], [1e200]])
    assert kernels.mean_of_nearest(np.array([[0.0]]), codebook, 2).tolist() == [0.5]
    assert kernels.mean_of_nearest(np.array([[0.0]]), codebook, 3).tolist() == [math.inf]


def test_a_codebook_in_float32_is_measured_as_it_is(kernels):
    rows, codebook = normal_case(9, 30, 3)
    small = codebook.astype(np.float32)
    np.testing.assert_array_equal(
        kernels.mean_of_nearest(rows, small, 4),
        kernels.mean_of_nearest(rows, small.astype(np.float64), 4),
    )


@pytest.mark.parametrize("k", [0, 5])
def test_more_units_than_there_are_have_no_mean_distance(kernels, k):
    with pytest.raises(ValueError, match=r"k must be in 1\.\.units"):
        kernels.mean_of_nearest(np.zeros((2, 3)), np.zeros((4, 3)), k)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("m", "k", "d"), [(424, 24, 30), (95, 24, 21), (300, 8, 30)])
def test_many_rows_have_the_means_of_the_twin_on_all_threads(core, numpy_kernels, m, k, d, dtype):
    rows, codebook = normal_case(1500, m, d, dtype, seed=m)
    expected = numpy_kernels.mean_of_nearest(rows, codebook, k)
    for n_threads in (1, 2, 3):
        with threadpool_limits(n_threads):
            np.testing.assert_array_equal(core.mean_of_nearest(rows, codebook, k), expected)


# What each feature adds to the distances


def naive_parts(row, codebook, k):
    """Add the units' differences in the order of the units; of equally far ones the first count."""
    row = [float(x) for x in row]
    squares = [
        in_order((x - w) * (x - w) for x, w in zip(row, unit, strict=True)) for unit in codebook
    ]
    nearest = sorted(sorted(range(len(squares)), key=squares.__getitem__)[:k])
    pulls = [1.0 / math.sqrt(squares[unit]) if squares[unit] > 0 else 0.0 for unit in nearest]
    return [
        in_order(
            p * ((x - codebook[u][f]) * (x - codebook[u][f]))
            for u, p in zip(nearest, pulls, strict=True)
        )
        for f, x in enumerate(row)
    ]


def check_parts(kernels, rows, codebook, k):
    means, parts = kernels.parts_of_nearest(rows, codebook, k)
    np.testing.assert_array_equal(means, kernels.mean_of_nearest(rows, codebook, k))
    assert parts.tolist() == [naive_parts(row, codebook.tolist(), k) for row in rows]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 33])
@pytest.mark.parametrize(("m", "k", "d"), [(1, 1, 1), (17, 17, 3), (95, 24, 21), (130, 40, 9)])
def test_parts_are_those_of_plain_python(kernels, n, m, k, d, dtype):
    check_parts(kernels, *normal_case(n, m, d, dtype, seed=n), k)


@given(st.data())
def test_parts_equal_plain_python_where_ties_abound(kernels, data):
    n, m, d = (data.draw(st.integers(1, most)) for most in (8, 70, 4))
    values = st.integers(-2, 2).map(float) | st.floats(-1e3, 1e3, width=32)
    dtype = data.draw(st.sampled_from(FLOATS))
    rows = data.draw(hnp.arrays(dtype, (n, d), elements=values))
    codebook = data.draw(hnp.arrays(np.float64, (m, d), elements=values))
    check_parts(kernels, rows, codebook, data.draw(st.integers(1, m)))


# Piecewise linear functions


def naive_line(value, x, y):
    """Follow the segment on which the value lies; the end segments go on."""
    n_knots = x.index(x[-1]) + 1
    i = min(max(bisect.bisect_right(x, value) - 1, 0), n_knots - 2)
    slope = (y[i + 1] - y[i]) / (x[i + 1] - x[i])
    return y[i] + (value - x[i]) * slope


def check_lines(kernels, rows, features, x, y):
    terms = [
        [naive_line(row[f], *xy) for f, *xy in zip(features, x.tolist(), y.tolist(), strict=True)]
        for row in rows.tolist()
    ]
    assert lines(rows, features, x, y).tolist() == terms
    sums = kernels.sum_of_lines(rows, features, x, y)
    assert sums.dtype == np.float64
    assert sums.tolist() == [in_order(of_row) for of_row in terms]


def lines_case(n, d, n_knots, dtype=np.float64, seed=0):
    """Rows on, between and beyond knots; some lines have fewer knots than others."""
    rng = np.random.default_rng(seed)
    features = rng.permutation(d)[: max(1, d - 1)]
    x = np.cumsum(rng.integers(1, 4, size=(len(features), n_knots)), axis=1) / 4
    for j, n_own in enumerate(rng.integers(2, n_knots + 1, size=len(features))):
        x[j, n_own:] = x[j, n_own - 1]
    rows = rng.integers(-8, 4 * int(x.max()) + 8, size=(n, d)) / 4 + rng.choice([0, 0.1], (n, d))
    return rows.astype(dtype), features, x, rng.normal(size=x.shape)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 31, 33, 127, 128, 129, 300])
def test_any_number_of_rows_has_the_sums_of_plain_python(kernels, n, dtype):
    check_lines(kernels, *lines_case(n, 5, 9, dtype, seed=n))


@pytest.mark.parametrize("n_knots", [2, 3, 4, 5, 8, 9, 16, 17, 33, 40, 63, 64, 65])
def test_any_number_of_knots_has_the_sums_of_plain_python(kernels, n_knots):
    check_lines(kernels, *lines_case(40, 3, n_knots, seed=n_knots))


def test_a_feature_may_have_several_lines_and_another_none(kernels):
    rows, _, x, y = lines_case(50, 5, 6, seed=1)
    check_lines(kernels, rows, np.array([4, 0, 4, 2]), x, y)


@given(st.data())
def test_sums_of_lines_equal_plain_python(kernels, data):
    n, d, c, n_knots = (data.draw(st.integers(*span)) for span in ((1, 9), (1, 4), (1, 4), (2, 20)))
    numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
    features = np.array(data.draw(st.lists(st.integers(0, d - 1), min_size=c, max_size=c)))
    x = np.empty((c, n_knots))
    for j in range(c):
        own = sorted(data.draw(st.sets(numbers, min_size=2, max_size=n_knots)))
        x[j] = own + own[-1:] * (n_knots - len(own))
    y = data.draw(hnp.arrays(np.float64, (c, n_knots), elements=numbers))
    values = numbers | st.sampled_from(x.ravel().tolist())
    dtype = data.draw(st.sampled_from(FLOATS))
    rows = data.draw(hnp.arrays(np.float64, (n, d), elements=values)).astype(dtype)
    check_lines(kernels, rows, features, x, y)


def test_a_line_that_rises_beyond_all_numbers_is_infinite_there(kernels):
    x, y = np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[0.0, 10.0], [0.0, 1.0]])
    rows = np.array([[1e308], [-1e308], [2.0]])
    features = np.zeros(2, dtype=np.int64)
    assert lines(rows, features, x, y)[:, 0].tolist() == [math.inf, -math.inf, 20.0]
    sums = kernels.sum_of_lines(rows, features, x, y)
    assert sums.tolist() == [math.inf, -math.inf, 22.0]


def test_no_lines_add_up_to_zero(kernels):
    nothing = np.empty((0, 2))
    found = kernels.sum_of_lines(np.ones((3, 2)), np.empty(0, dtype=np.int64), nothing, nothing)
    assert found.tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", FLOATS)
def test_many_rows_have_the_sums_of_lines_of_the_twin_on_all_threads(core, numpy_kernels, dtype):
    case = lines_case(20_001, 12, 40, dtype)
    expected = numpy_kernels.sum_of_lines(*case)
    for n_threads in (1, 2, 3):
        with threadpool_limits(n_threads):
            np.testing.assert_array_equal(core.sum_of_lines(*case), expected)


@pytest.mark.parametrize(
    ("x_shape", "y_shape", "features"),
    [((1, 1), (1, 1), [0]), ((1, 3), (1, 2), [0]), ((2, 3), (2, 3), [0])],
    ids=["one knot", "knots differ", "a line without a feature"],
)
def test_lines_that_do_not_fit_are_refused(kernels, x_shape, y_shape, features):
    with pytest.raises(ValueError, match=r"two|same knots|one feature per line"):
        kernels.sum_of_lines(
            np.zeros((2, 2)), np.array(features), np.zeros(x_shape), np.zeros(y_shape)
        )


@pytest.mark.parametrize("feature", [-1, 2])
def test_the_core_refuses_a_line_of_a_feature_that_is_not_there(core, feature):
    x = np.array([[0.0, 1.0]])
    with pytest.raises(ValueError, match="out of range"):
        core.sum_of_lines(np.zeros((1, 2)), np.array([feature]), x, x)


def test_lines_are_added_in_the_order_given(kernels):
    # 1 + 1.2e-16 + 1.2e-16 is 1 from the left, more than 1 from the right.
    x = np.array([[0.0, 1.0]] * 3)
    y = np.array([[1.0, 1.0], [1.2e-16, 1.2e-16], [1.2e-16, 1.2e-16]])
    for order in itertools.permutations(range(3)):
        which = list(order)
        expected = in_order(float(y[j, 0]) for j in which)
        found = kernels.sum_of_lines(
            np.zeros((1, 1)), np.zeros(3, dtype=np.int64), x[which], y[which]
        )
        assert found.tolist() == [expected]
