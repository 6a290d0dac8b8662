"""How rare single values are, by hand and by what must always hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from texts import rejected

from somscape import SOMDetector, TableEncoder
from somscape.outliers import Rarity
from somscape.outliers.rarity import rarity_of
from somscape.outliers.score import ENDLESS, reach_of, within_reach
from somscape.tables import Encoding, table_from_columns

NUMBERS = arrays.arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e6, 1e6, width=32))


def learned(values, weights=None):
    values = np.asarray(values, dtype=np.float64)
    return rarity_of(values[:, None], weights, Encoding.plain(["a"]))


def added(rarity, values):
    return rarity.scores(np.asarray(values, dtype=np.float64)[:, None])


def test_a_number_adds_minus_the_log_of_twice_its_share():
    # Of 20 rows, 6 have 1 or less and 4 have 3 or more: shares of 0.3 and 0.2.
    rarity = learned([1] * 6 + [2] * 10 + [3] * 4)
    np.testing.assert_allclose(added(rarity, [1, 2, 3]), [-math.log(0.6), 0, -math.log(0.4)])
    np.testing.assert_allclose(added(rarity, [1.5]), -math.log(0.6) / 2)  # straight in between


def test_a_row_of_weight_three_is_three_rows():
    once = learned([1, 2, 2, 3, 7], np.array([3.0, 1, 2, 1, 1]))
    repeated = learned([1, 1, 1, 2, 2, 2, 3, 7])
    np.testing.assert_array_equal(once.x, repeated.x)
    np.testing.assert_array_equal(once.y, repeated.y)


def test_a_value_far_out_adds_much_more_than_the_last_one():
    values = np.random.default_rng(0).normal(size=2000)
    at = added(learned(values), [0.0, 3.0, 10.0, 40.0])
    assert at[0] < 0.1
    assert 5 < at[1] < 9
    assert at[1] + 10 < at[2] < at[3] - 10


def test_one_far_value_among_many_columns_ranks_first():
    X = np.random.default_rng(0).normal(size=(1000, 21))
    X[3, 4] = 40
    assert SOMDetector(random_state=0).fit(X).score_samples(X).argmin() == 3


def test_another_value_than_a_columns_only_one_is_as_rare_as_can_be():
    rarity = learned([5.0] * 30)
    np.testing.assert_allclose(added(rarity, [5, 6, 1e9]), [0, math.log(31), math.log(31)])


def test_a_level_adds_minus_the_log_of_the_share_of_levels_as_rare():
    cells = ["a"] * 6 + ["b"] * 2 + ["c"] * 2
    encoding = TableEncoder(categories=["k"]).fit(table_from_columns({"k": cells})).encoding_
    rows = encoding.encode(table_from_columns({"k": ["a", "b", "c"]}))
    new = rows[0] * 0
    new[3] = rows.max()  # the feature of levels that the table did not have
    rarity = rarity_of(encoding.encode(table_from_columns({"k": cells})), None, encoding)
    np.testing.assert_allclose(rarity.scores(rows), [0, -math.log(0.4), -math.log(0.4)])
    np.testing.assert_allclose(rarity.scores(new[None]), [math.log(11)])


@given(NUMBERS)
def test_lines_fall_to_the_middle_and_rise_from_it(values):
    rarity = learned(values)
    if rarity is None:
        return
    rarity.check(1)
    y = added(rarity, np.unique(np.concatenate([rarity.x[0], values])))
    lowest = int(y.argmin())
    assert (np.diff(y[: lowest + 1]) <= 1e-9).all()
    assert (np.diff(y[lowest:]) >= -1e-9).all()
    assert y.min() >= 0


@given(NUMBERS, st.floats(1e-3, 1e3), st.sampled_from([-1, 1]))
def test_units_and_direction_change_nothing(values, scale, sign):
    if len(np.unique(values)) < 2:
        return
    scale = 2.0 ** round(math.log2(scale)) * sign
    np.testing.assert_allclose(
        added(learned(values), values), added(learned(values * scale), values * scale), atol=1e-9
    )


def test_parts_add_up_to_the_sum():
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, size=(300, 5))
    rarity = rarity_of(X, None, Encoding.plain(list("abcde")))
    np.testing.assert_allclose(rarity.parts(X).sum(axis=1), rarity.scores(X), rtol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"features": np.array([0, 0])},
        {"features": np.array([0, 3])},
        {"features": np.array([0.0, 1.0])},
        {"x": np.array([[0.0, 1.0], [2.0, 2.0]])},
        {"x": np.array([[0.0, 1.0], [2.0, 1.0]])},
        {"x": np.array([[0.0], [1.0]])},
        {"y": np.array([[0.0, 1.0], [2.0, -1.0]])},
        {"y": np.array([[0.0, 1.0]])},
        {"y": np.full((2, 2), np.nan)},
    ],
    ids=str,
)
def test_parts_that_do_not_fit_are_refused(change):
    lines = {"x": np.array([[0.0, 1.0], [2.0, 3.0]]), "y": np.zeros((2, 2))}
    parts = {"features": np.array([0, 1]), **lines}
    Rarity(**parts).check(3)
    with rejected(ValueError, parameter="rarity"):
        Rarity(**parts | change).check(3)


def test_reach_by_hand():
    # Mean 2, standard deviation 2.
    rows = np.array([[0.0], [4.0]])
    encoding = Encoding.plain(["a"])
    reach = reach_of(rows, None, encoding, 1.5)
    np.testing.assert_allclose(reach, [[-1], [5]], rtol=1e-5)
    far = np.array([[-9.0], [2.0], [9.0]])
    np.testing.assert_allclose(within_reach(far, reach), [[-1], [2], [5]], rtol=1e-5)
    assert within_reach(rows, reach) is rows
    assert within_reach(far, None) is far


@pytest.mark.parametrize("offset", [-1e7, 1e3, 1e7])
def test_reach_far_from_zero_is_as_exact(offset):
    X = np.round(np.random.default_rng(0).normal(size=(200, 4)), 3)
    near, far = (SOMDetector(random_state=0).fit(rows) for rows in (X, X + offset))
    low, high = far.detector_.of_all_rows.reach - offset
    np.testing.assert_allclose([low, high], near.detector_.of_all_rows.reach, atol=1e-5)
    scores, at_zero = far.score_samples(X + offset), near.score_samples(X)
    np.testing.assert_allclose(scores, at_zero, rtol=1e-6)
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(at_zero))


def test_what_does_not_vary_and_categories_have_no_far_end():
    encoding = Encoding.plain(["a"])
    np.testing.assert_array_equal(
        reach_of(np.ones((5, 1)), None, encoding, 1.5), [[-ENDLESS], [ENDLESS]]
    )
    table = table_from_columns({"k": ["a", "b", "a", "c"]})
    encoding = TableEncoder(categories=["k"]).fit(table).encoding_
    reach = reach_of(encoding.encode(table), None, encoding, 1.5)
    assert (np.abs(reach) == ENDLESS).all()
