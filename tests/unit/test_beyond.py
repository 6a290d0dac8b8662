"""Numbers beyond all others of their column: by hand, and that other rows keep their scores."""

import math
import pickle
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somscape import SOM, SOMDetector, TableEncoder, load
from somscape.outliers import _train
from somscape.outliers.rarity import (
    COMPARED_ROWS,
    Beyond,
    ends_of,
    rarity_of,
    with_beyond,
)
from somscape.tables import Encoding, table_from_columns

N_ROWS = 300


def people():
    """A mixed table with one age that nobody has."""
    rng = np.random.default_rng(4)
    columns = {
        "age": [*rng.integers(18, 76, N_ROWS - 1).tolist(), 127],
        "pay": rng.lognormal(10, 0.5, N_ROWS).round().tolist(),
        "town": [f"t{level}" for level in rng.zipf(1.5, N_ROWS).clip(max=30)],
        "job": [f"j{level}" for level in rng.zipf(1.7, N_ROWS).clip(max=12)],
    }
    return table_from_columns(columns)


def fitted(table, **parameters):
    return SOMDetector(encoder=TableEncoder(max_levels=None), random_state=0, **parameters).fit(
        table
    )


@pytest.fixture(scope="module")
def both():
    """A table, a detector without what is added beyond, and the detector that adds it."""
    table = people()
    with patch.object(_train, "with_beyond", lambda rarity, *_, **__: rarity):
        before = fitted(table).detector_
    return table, before, fitted(table)


def raised(values, unit=1.0, weights=None):
    """What is added at and beyond values of one column."""
    rows = np.asarray(values, dtype=np.float64)[:, None]
    rarity = rarity_of(rows, weights, Encoding.plain(["a"]))
    beyond = Beyond(unit, ends_of(rows, weights))
    more = with_beyond(rarity, rows, weights, Encoding.plain(["a"]), beyond)
    more.check(1)

    def added(asked):
        at = np.asarray(asked, dtype=np.float64)[:, None]
        return more.scores(at) - rarity.scores(at)

    return added


def test_the_step_of_the_tail_tells_what_is_beyond():
    # Of 100 rows too few lie in the outer 5 % for a tail: from the middle, 49.5, up to the second
    # highest value, 98, all but 1 of 50 are lost, which is log(50) steps.
    added = raised(range(100), unit=3.0)
    step = 48.5 / math.log(50)
    free = math.log(2) + 1
    start = (math.exp(0.2 * free) - 1) / 0.2
    inside = [97.99 + step * start, 99, 50, 0, 1.01 - step * start]
    np.testing.assert_allclose(added(inside), 0, atol=1e-12)
    for steps in (0.5, 4.0, 64.0):  # at knots
        expected = 3 * (math.log(1 + 0.2 * (start + steps)) / 0.2 - free)
        at = step * (start + steps)
        np.testing.assert_allclose(added([98 + at, 1 - at]), expected, atol=1e-9)


def test_a_value_is_compared_with_the_other_rows_only():
    values = np.append(np.random.default_rng(0).normal(size=200), 40.0)
    assert raised(values)([40.0]) > 5
    np.testing.assert_allclose(raised([*values, 40.0])([40.0]), 0, atol=1e-12)


def test_a_row_of_weight_two_is_two_rows():
    values = np.append(np.random.default_rng(0).normal(size=200), 40.0)
    weights = np.append(np.ones(200), 2.0)
    np.testing.assert_allclose(raised(values, weights=weights)([40.0]), 0, atol=1e-12)


@pytest.mark.parametrize("values", [[1.0] * 30 + [2.0], [0.0, 1.0, 90.0], [1.0] * 40])
def test_too_few_rows_or_values_tell_nothing(values):
    np.testing.assert_allclose(raised(values)([90.0, 1e6, -1e6]), 0, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_some_rows_tell_the_step_and_all_rows_what_is_second(weighted):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(4000, 2))
    rows[[7, 9], 1], rows[[11, 12], 0] = (30.0, 20.0), (-25.0, -50.0)
    drawn = np.arange(1000, 4000)
    weights = np.append(np.full(1000, 2.0), np.full(3000, 1.0)) if weighted else None
    encoding, n = Encoding.plain(["a", "b"]), 5000.0 if weighted else 4000.0
    rarity = rarity_of(rows[drawn], None, encoding)
    beyond = Beyond(1.0, ends_of(rows, weights))
    found = with_beyond(rarity, rows[drawn], None, encoding, beyond, n_rows=n)
    start = (math.exp(0.2 * (math.log(4) + 1)) - 1) / 0.2
    for j, side in ((0, -1.0), (1, 1.0)):
        values = np.sort(side * rows[drawn, j])
        second = (50.0, 30.0)[j] if weighted else (25.0, 20.0)[j]
        step = (second - values[2850]) / math.log(0.05 * n)
        at = np.zeros((2, 2))
        at[:, j] = side * (second + step * (start + np.array([-0.01, 1.0])))
        expected = [0.0, 5 * math.log(1 + 0.2 * (start + 1)) - (math.log(4) + 1)]
        np.testing.assert_allclose(found.scores(at) - rarity.scores(at), expected, atol=0.02)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_ends_are_the_outermost_two_of_each_side(kind):
    rng = np.random.default_rng(2)
    rows = np.round(rng.standard_t(2, size=(2 * COMPARED_ROWS, 4)), 1).astype(kind)
    rows[:, 2].sort()  # each value beyond all before it
    rows[:, 3] = 5.0
    for n in (1, 2, 3, COMPARED_ROWS, COMPARED_ROWS + 1, len(rows)):
        some = rows[:n].astype(np.float64)
        expected = np.full((2, 2, 4), -np.inf)
        for side, sign in enumerate((-1.0, 1.0)):
            expected[side, : min(n, 2)] = np.sort(sign * some, axis=0)[:-3:-1]
        np.testing.assert_array_equal(ends_of(rows[:n], None), expected)
        halves = ends_of(rows[n // 2 : n], None, ends_of(rows[: n // 2], None))
        np.testing.assert_array_equal(halves, expected)


@pytest.mark.parametrize("place", [0, COMPARED_ROWS + 7])
def test_whole_weights_count_rows_at_the_ends_and_others_do_not(place):
    rows = np.linspace(0, 1, 2 * COMPARED_ROWS)[:, None]
    rows[place] = 9.0
    whole = np.ones(len(rows))
    whole[place] = 3.0
    assert ends_of(rows, whole)[1, :, 0].tolist() == [9.0, 9.0]
    faded = whole - 0.25
    assert ends_of(rows, faded)[1, :, 0].tolist() == [9.0, 1.0]


def test_the_unit_is_the_spread_up_to_the_highest_hundredth():
    ends = np.zeros((2, 2, 1))
    assert Beyond.of(np.arange(101.0), None, ends).unit == 49.0
    three = Beyond.of(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0]), ends)
    assert three.unit == pytest.approx(0.98)


def test_nothing_is_added_without_a_unit():
    rows = np.arange(100.0)[:, None]
    rarity = rarity_of(rows, None, Encoding.plain(["a"]))
    beyond = Beyond(0.0, ends_of(rows, None))
    assert with_beyond(rarity, rows, None, Encoding.plain(["a"]), beyond) is rarity


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_what_is_added_fits_any_rows(seed):
    rng = np.random.default_rng(seed)
    n, encoding = int(rng.integers(20, 200)), Encoding.plain(["a", "b", "c"])
    rows = np.column_stack(
        [
            rng.choice([0.0, 1.0], n, p=[0.5, 0.5]),  # as many at an end as not
            np.where(rng.random(n) < 0.6, 0.0, rng.lognormal(3, 2, n)),  # most at an end
            rng.standard_t(1, n).round(int(rng.integers(0, 3))),
        ]
    )
    weights = (None, rng.uniform(0.5, 1.5, n), rng.integers(1, 4, n).astype(float))[seed % 3]
    some = np.sort(rng.permutation(n)[: int(rng.integers(10, n))])
    of_some = None if weights is None else weights[some]
    rarity = rarity_of(rows[some], of_some, encoding)
    if rarity is None:
        return
    beyond = Beyond(1.0, ends_of(rows, weights))
    more = with_beyond(rarity, rows[some], of_some, encoding, beyond, n_rows=float(n))
    more.check(3)
    far = np.vstack([rows, 10 * rows, -10 * rows - 1])
    assert (more.scores(far) >= rarity.scores(far) - 1e-9).all()


def test_a_value_below_a_column_of_zeros_and_amounts_is_rare():
    rng = np.random.default_rng(0)
    rows = np.where(rng.random(500) < 0.6, 0.0, rng.lognormal(3, 1, 500))[:, None]
    rarity = rarity_of(rows, None, Encoding.plain(["paid"]))
    scores = rarity.scores(np.array([[0.0], [-1.0], [-20.0], [-50.0], [-500.0]]))
    assert scores[0] == 0
    assert (np.diff(scores) > 0).all()


def test_wrong_signs_among_rows_that_do_not_train():
    rng, n = np.random.default_rng(0), 22_000
    drawn = np.random.default_rng(0).permutation(n)[:20_000]
    paid = np.where(rng.random(n) < 0.6, 0, rng.lognormal(3, 1, n)).round(2)
    wrong = np.setdiff1d(np.arange(n), drawn)[:2]
    paid[wrong] = [-500, -6000]
    table = table_from_columns({"paid": paid, "b": rng.normal(size=n)})
    detector = SOMDetector(som=SOM(8, 8), encoder=TableEncoder(), random_state=0).fit(table)
    assert (-detector.score_samples(table)).argmax() == wrong[1]


def test_a_lone_age_comes_first_and_the_others_keep_their_scores(both):
    table, unraised, detector = both
    now, before = -detector.score_samples(table), unraised.scores(table)
    assert (now > now[-1]).sum() == 0
    alone = replace(unraised, relation=None).scores(table)
    assert (alone > alone[-1]).sum() > 20  # relations know such an age, too
    added = replace(detector.detector_, relation=None).scores(table)
    np.testing.assert_allclose(added[:-1], alone[:-1], rtol=1e-12)
    # The spread of all scores is the unit of what relations add.
    np.testing.assert_allclose(now[:-1], before[:-1], rtol=2e-3)


def test_the_age_is_the_reason(both):
    table, _, detector = both
    assert "age 127: highest of 300 rows" in str(detector.alerts(table, 1))
    shares = detector.contributions(table)
    np.testing.assert_allclose(shares.sum(axis=1), -detector.score_samples(table))


def test_saved_pickled_and_row_by_row_scores_are_the_same(both, tmp_path):
    table, _, detector = both
    expected = detector.score_samples(table)
    detector.detector_.save(tmp_path / "people.npz")
    np.testing.assert_array_equal(-load(tmp_path / "people.npz").scores(table), expected)
    again = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(again.score_samples(table), expected)
    last = table.take(np.array([N_ROWS - 1]))
    np.testing.assert_array_equal(detector.score_samples(last), expected[-1:])


def test_a_new_row_beyond_all_counts_as_a_learned_one_does(both):
    table, _, _ = both
    detector = fitted(table.take(np.arange(N_ROWS - 1)))
    scores = -detector.score_samples(table)
    assert scores.argmax() == N_ROWS - 1


def test_more_rows_keep_what_is_beyond():
    table = people()
    usual = table.take(np.arange(N_ROWS - 1))
    detector = fitted(usual)
    detector.partial_fit(usual.take(np.arange(50)))
    assert (-detector.score_samples(table)).argmax() == N_ROWS - 1


def test_of_a_long_stream_all_rows_tell_what_is_second():
    rng, n = np.random.default_rng(5), 6000
    age = rng.normal(40, 10, n)
    age[:3] = 127, 126, 125
    table = table_from_columns({"age": age, "b": rng.normal(size=n), "c": rng.normal(size=n)})
    detector = SOMDetector(som=SOM(8, 8), encoder=TableEncoder(), random_state=0).fit(table)
    before = -detector.score_samples(table.take(np.arange(3)))
    detector.partial_fit(table.take(np.arange(1000, 1050)))
    after = -detector.score_samples(table.take(np.arange(3)))
    assert (after < 1.3 * before).all()


def test_arrays_are_scored_as_before():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[3, 0] = 40
    with patch.object(_train, "with_beyond", side_effect=AssertionError):
        SOMDetector(random_state=0).fit(X)
