"""The three parts of a classifier, by hand: the margin rule, smoothing, and how it is chosen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape.fit.settings import Settings
from somscape.grid import Lattice
from somscape.recognize._answering import MAX_AXES, KnownRows, Space
from somscape.recognize._train import Held, best_smoothing, held_out, sharpened
from somscape.recognize.recognizer import Smoothing, classes_of_units, counts_by_unit, smoothed


def test_the_margin_rule_learns_to_overlook_a_column_of_noise():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 100)
    rows = np.column_stack([y * 0.6 + rng.normal(0, 0.15, 200), rng.normal(0, 1.4, 200)])
    start = rows[[0, 50, 100, 150]]
    prototypes, axes = sharpened(rows, y, np.ones(200), start, np.array([0, 0, 1, 1]), seed=0)
    lengths = np.sqrt((axes**2).sum(axis=1))
    assert lengths[0] > 2 * lengths[1]
    assert (axes**2).sum() == pytest.approx(2)
    apart = ((rows @ axes)[:, None] - prototypes) ** 2
    is_right = (apart.sum(axis=2).argmin(axis=1) >= 2) == (y == 1)
    assert is_right.mean() > 0.95


def test_rows_of_a_class_without_a_prototype_move_nothing():
    rows, start = np.array([[0.0], [1.0]]), np.array([[0.2], [0.9]])
    prototypes, axes = sharpened(
        rows, np.array([1, 1]), np.ones(2), start, np.array([0, 0]), seed=0
    )
    np.testing.assert_allclose(prototypes, start, rtol=1e-6)
    np.testing.assert_allclose(axes, [[1.0]])


def test_counts_leave_unknown_rows_out():
    found = counts_by_unit(
        np.array([0, 0, 2, 2]), np.array([1, -1, 0, 0]), np.array([1.0, 9.0, 2.0, 0.5]), (3, 2)
    )
    np.testing.assert_array_equal(found, [[0, 1], [0, 0], [2.5, 0]])


def test_counts_smoothed_over_three_units_by_hand():
    lattice = Lattice(1, 3, "rectangular")
    counts = np.array([[4.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    near, far = math.exp(-0.5), math.exp(-2)
    expected = [[4, 2 * far], [4 * near, 2 * near], [4 * far, 2]]
    np.testing.assert_allclose(smoothed(counts, lattice, 1.0), expected)


def test_an_empty_unit_takes_the_class_nearby_and_each_class_has_a_unit():
    lattice = Lattice(1, 4, "rectangular")
    counts = np.array([[5.0, 0, 2], [3, 0, 1], [0, 0, 0], [0, 6, 0]])
    assert classes_of_units(counts, lattice, is_needed=False).tolist() == [0, 0, 1, 1]
    assert classes_of_units(counts, lattice, is_needed=True).tolist() == [2, 0, 1, 1]


def test_shares_and_probabilities_by_hand():
    smoothing = Smoothing(power=2.0, prior=1.0)
    counts = np.array([[3.0, 1.0], [0.0, 4.0]])
    # Of all 8 rows, 3 are of class 0.  A unit counts 0.9 of a row of its own and 0.1 of all.
    shares = smoothing.shares(counts, np.array([0, 1]))
    first = (3 + 0.9 + 0.1 * 3 / 8) / 5
    second = (0.1 * 3 / 8) / 5
    np.testing.assert_allclose(shares, [[first, 1 - first], [second, 1 - second]])
    # Twice as far counts a quarter.
    p = smoothing.probabilities(shares, np.array([[0, 1], [1, 0]]), np.array([[1.0, 2], [0, 3]]))
    expected = (first + 0.25 * second) / 1.25
    np.testing.assert_allclose(p, [[expected, 1 - expected], [second, 1 - second]])


@given(st.integers(0, 1000), st.integers(2, 4))
def test_probabilities_are_between_the_shares_and_add_up_to_one(seed, k):
    rng = np.random.default_rng(seed)
    shares = Smoothing(prior=0.1).shares(rng.integers(0, 5, (6, 3)) + 0.1, rng.integers(0, 3, 6))
    units = np.stack([rng.permutation(6)[:k] for _ in range(9)])
    distances = np.sort(rng.integers(0, 4, (9, k)).astype(float), axis=1)
    p = Smoothing(power=rng.uniform(1, 50)).probabilities(shares, units, distances)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p >= shares[units].min(axis=1) - 1e-12).all()
    assert (p <= shares[units].max(axis=1) + 1e-12).all()


def test_each_known_row_is_left_out_once_and_a_class_of_one_row_never():
    y = np.array([0] * 20 + [1] * 3 + [2] + [-1] * 4)
    parts = [np.flatnonzero(left_out) for left_out in held_out(y, np.ones(28), 0)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(23))
    assert len(parts) == 5
    for part in parts:
        assert set(y[np.setdiff1d(np.arange(28), part)]) == {0, 1, 2, -1}
    assert len(list(held_out(np.tile([0, 1], 600), np.ones(1200), 0))) == 1
    assert not list(held_out(np.array([0, 1, -1]), np.ones(3), 0))


def test_the_smoothing_that_rows_left_out_ask_for_is_chosen():
    y = np.array([0, 1] * 20)
    counts, classes = np.array([[9.0, 0.0], [0.0, 9.0]]), np.array([0, 1])
    units = np.stack([y, 1 - y], axis=1)
    near = np.tile([1.0, 1.1], (40, 1))
    right = Held(counts, classes, units, near, y, np.ones(40))
    wrong = right._replace(y=np.array([0, 1, 1, 0] * 10))
    (sure, small), (mixed, large) = (
        best_smoothing([part], is_smooth=True) for part in (right, wrong)
    )
    assert (sure.power, sure.prior) == (48, 0.03)
    assert mixed.power < 8
    pulls = 1.1**-48
    first = (9 + 0.03 * 0.95) / 9.03
    assert small == pytest.approx(-math.log((first + pulls * (1 - first)) / (1 + pulls)))
    assert large == pytest.approx(math.log(2), rel=0.1)
    assert best_smoothing([right], is_smooth=False)[0].power == 8
    assert best_smoothing([], is_smooth=True) == (Smoothing(), 0.0)


def test_rows_of_many_features_are_seen_on_their_main_axes():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 4)) @ rng.normal(size=(4, MAX_AXES + 50)) * 7 + 1e5
    space = Space.of(rows, np.ones(30))
    placed = space.place(rows)
    assert placed.shape == (30, 4)
    assert placed.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-9)
    assert placed.var(axis=0).mean() == pytest.approx(1)
    apart = np.linalg.norm(rows[1:] - rows[0], axis=1) / np.linalg.norm(rows[1] - rows[0])
    found = np.linalg.norm(placed[1:] - placed[0], axis=1) / np.linalg.norm(placed[1] - placed[0])
    np.testing.assert_allclose(found, apart, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "starts_work", "n_init"),
    [
        ({}, 1e5, 10),  # 100 x 5 values on 20 units are 1e4 multiply-adds
        ({}, 1e3, 1),
        ({}, 1e9, 16),
        ({"n_init": 4}, 1e3, 4),
        ({"n_epochs": 5}, 1e3, "auto"),
        ({"radius_start": 3.0}, 1e3, "auto"),
        ({"init": "sample"}, 1e3, "auto"),
        ({"algorithm": "multires"}, 1e3, "auto"),
    ],
)
def test_all_starts_together_take_limited_work(given, starts_work, n_init):
    known = KnownRows(np.zeros((100, 5)), np.zeros(100, int), np.ones(100))
    assert known.sized(Settings(**given), 20, starts_work).n_init == n_init


def test_large_tables_keep_the_automatic_starts():
    known = KnownRows(np.zeros((10**5, 5)), np.zeros(10**5, int), np.ones(10**5))
    assert known.sized(Settings(), 1000, 1e3).n_init == "auto"
