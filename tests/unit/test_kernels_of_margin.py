"""The kernel of the margin rule, beside the papers' formulas by loops, and beside its twin."""

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape.kernels._kernels import ClassedRows, MarginSteps


def made(n, m, d, n_classes=3, seed=0, *, has_ties=False):
    """Return rows, prototypes of `n_classes` in order, and axes, with room for means."""
    rng = np.random.default_rng(seed)
    rounded = np.round if has_ties else np.asarray
    unit_classes = np.sort(np.append(np.arange(n_classes), rng.integers(0, n_classes, m)))[:m]
    unit_classes[-1] = n_classes - 1
    classes = rng.choice(np.unique(unit_classes), n)
    first_units = np.searchsorted(unit_classes, np.arange(n_classes + 1))
    rows = rounded(rng.normal(size=(n, d))).astype(np.float32)
    known = ClassedRows(rows, classes, rng.uniform(0.5, 2, n), first_units)
    prototypes, axes = np.zeros((3, m, d), np.float32), np.zeros((3, d, d), np.float32)
    prototypes[0] = rounded(rng.normal(size=(m, d)))
    axes[0] = np.eye(d) if has_ties else rng.normal(size=(d, d)) / np.sqrt(d)
    return known, prototypes, axes


def steps_over(order, batch, length=0.01, n_before=0):
    n_steps = -(-len(order) // batch)
    lengths = length * np.linspace(1, 0.1, n_steps)[:, None] * [1.0, 0.5]
    return MarginSteps(np.asarray(order), batch, lengths, n_before)


def slopes_of(kernels, known, prototypes, axes):
    """Return the slopes of all rows: after a first step the mean is a tenth of them."""
    prototypes, axes = prototypes.copy(), axes.copy()
    n = len(known.rows)
    kernels.margin_steps(known, steps_over(range(n), n), prototypes, axes)
    return 10 * prototypes[1].astype(float), 10 * axes[1].astype(float)


def units_of(known):
    return np.repeat(np.arange(len(known.first_units) - 1), np.diff(known.first_units))


@pytest.mark.parametrize("has_ties", [False, True])
@pytest.mark.parametrize(("n", "m", "d"), [(1, 3, 1), (7, 5, 2), (40, 19, 5), (64, 70, 17)])
def test_slopes_are_those_of_the_formulas(kernels, n, m, d, has_ties):
    known, prototypes, axes = made(n, m, d, has_ties=has_ties)
    found = slopes_of(kernels, known, prototypes, axes)
    given = (known.rows, known.classes, known.weights, prototypes[0], units_of(known), axes[0])
    for mine, expected in zip(found, naive.margin_slopes(*given)[1:], strict=True):
        np.testing.assert_allclose(mine, expected, atol=2e-6 * np.abs(expected).max(), rtol=1e-5)


def test_of_equally_near_prototypes_the_first_is_pulled(kernels):
    # Units at -1 and 1 of both classes; the row at 0 is equally far from all four.
    known = ClassedRows(
        np.zeros((1, 1), np.float32), np.array([1]), np.ones(1), np.array([0, 2, 4])
    )
    prototypes, axes = np.zeros((3, 4, 1), np.float32), np.zeros((3, 1, 1), np.float32)
    prototypes[0, :, 0], axes[0] = [1, -1, 1, -1], 1
    moved, _ = slopes_of(kernels, known, prototypes, axes)
    # A sigmoid of 0 has the slope 8 / 4; own = other = 1, so d mu / d own = 2 / 4.
    np.testing.assert_allclose(moved[:, 0], [-2, 0, 2, 0], rtol=1e-6)


def test_steps_are_those_of_the_paper(kernels):
    known, prototypes, axes = made(30, 6, 3)
    steps = steps_over(np.arange(30), 10)
    start = np.append(prototypes[0], axes[0])
    batches = iter(steps.order.reshape(3, 10))

    def slopes_at(values):
        some = next(batches)
        given = (known.rows[some], known.classes[some], known.weights[some])
        w, a = np.split(np.array(values), [prototypes[0].size])
        a = a.reshape(axes[0].shape)
        slopes = naive.margin_slopes(*given, w.reshape(prototypes[0].shape), units_of(known), a)
        seen.append(a)
        return np.append(*slopes[1:])

    # Steps of axes go by their largest entry, so axes stand apart: one run for each of the two.
    seen = []
    naive.adam(start, slopes_at, [0.0] * 3)
    assert len(seen) == 3
    kernels.margin_steps(known, steps._replace(lengths=steps.lengths * [1, 0]), prototypes, axes)
    batches = iter(steps.order.reshape(3, 10))
    w = naive.adam(start[:18], lambda w: slopes_at([*w, *start[18:]])[:18], steps.lengths[:, 0])
    np.testing.assert_allclose(prototypes[0].ravel(), w, rtol=1e-4, atol=1e-5)
    assert axes[0].ravel().tolist() == start[18:].tolist()


def test_axes_move_by_a_share_of_their_largest_entry(kernels):
    known, prototypes, axes = made(20, 6, 3)
    axes[0] *= 4 / np.abs(axes[0]).max()
    before = axes[0].copy()
    _, slope = slopes_of(kernels, known, prototypes, axes)
    steps = MarginSteps(np.arange(20), 20, np.array([[0.0, 0.01]]), 0)
    kernels.margin_steps(known, steps, prototypes, axes)
    np.testing.assert_allclose(axes[0], before - 0.04 * np.sign(slope), rtol=1e-4, atol=1e-5)


def test_slopes_of_long_ago_become_nothing(kernels):
    known, prototypes, axes = made(4, 6, 2)
    far = prototypes[0, 0] = np.full(2, 1e4, np.float32)
    prototypes[1:, 0] = 1e-30
    kernels.margin_steps(known, steps_over([0], 1, n_before=600), prototypes, axes)
    assert prototypes[1:, 0].tolist() == [[0, 0], [0, 0]]
    np.testing.assert_array_equal(prototypes[0, 0], far)


@pytest.mark.parametrize("has_ties", [False, True])
@pytest.mark.parametrize(
    ("n", "m", "d", "n_classes"),
    [(5, 2, 1, 2), (130, 17, 4, 3), (100, 33, 16, 26), (200, 300, 9, 7), (150, 90, 100, 2)],
)
def test_the_core_has_the_bits_of_its_twin(core, numpy_kernels, n, m, d, n_classes, has_ties):
    known, *one = made(n, m, d, n_classes, seed=m, has_ties=has_ties)
    other = [each.copy() for each in one]
    steps = steps_over(np.random.default_rng(1).permutation(n), 64, n_before=3)
    core.margin_steps(known, steps, *one)
    numpy_kernels.margin_steps(known, steps, *other)
    for mine, expected in zip(one, other, strict=True):
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(mine, expected)


@given(
    n=st.integers(1, 40),
    m=st.integers(2, 40),
    d=st.integers(1, 20),
    n_classes=st.integers(2, 9),
    batch=st.integers(1, 20),
    seed=st.integers(0, 999),
)
def test_any_shape_has_the_bits_of_the_twin(core, numpy_kernels, n, m, d, n_classes, batch, seed):
    known, *one = made(n, m, d, n_classes, seed=seed, has_ties=seed % 2 == 0)
    other = [each.copy() for each in one]
    steps = steps_over(np.random.default_rng(seed).integers(0, n, 2 * n), batch)
    core.margin_steps(known, steps, *one)
    numpy_kernels.margin_steps(known, steps, *other)
    for mine, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_steps_in_two_calls_are_those_of_one(kernels):
    known, *whole = made(50, 9, 4)
    parts = [each.copy() for each in whole]
    steps = steps_over(np.arange(50), 8)
    kernels.margin_steps(known, steps, *whole)
    for some, at in ((slice(0, 3), slice(0, 24)), (slice(3, 7), slice(24, 50))):
        part = MarginSteps(steps.order[at], 8, steps.lengths[some], some.start)
        kernels.margin_steps(known, part, *parts)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_steps_change_nothing(kernels):
    known, prototypes, axes = made(5, 4, 2)
    before = prototypes.copy(), axes.copy()
    kernels.margin_steps(known, steps_over(np.zeros(0, np.int64), 8), prototypes, axes)
    np.testing.assert_array_equal(prototypes, before[0])
    np.testing.assert_array_equal(axes, before[1])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"order": np.array([5])}, "order names a row that is not there"),
        ({"batch": 0}, "1 to 128 rows"),
        ({"batch": 129}, "1 to 128 rows"),
        ({"lengths": np.zeros((2, 2))}, "two lengths per step"),
        ({"classes": np.array([0, 1, 9, 1, 0])}, "a class is out of range"),
        ({"first_units": np.array([0, 0, 4])}, "a unit of its class, and one of another"),
        ({"first_units": np.array([0, 5, 4])}, "first units must not fall"),
        ({"first_units": np.array([0, 2, 3])}, "end with the number of units"),
        ({"weights": np.ones(4)}, "one class and one weight per row"),
    ],
)
def test_the_core_refuses_what_it_would_read_past(core, wrong, said):
    known = ClassedRows(
        np.zeros((5, 2), np.float32), np.array([0, 1, 0, 1, 0]), np.ones(5), np.array([0, 2, 4])
    )
    steps = steps_over(np.array([0, 1, 2, 3]), 8)
    known = known._replace(**{k: v for k, v in wrong.items() if k in known._fields})
    steps = steps._replace(**{k: v for k, v in wrong.items() if k in steps._fields})
    with pytest.raises(ValueError, match=said):
        core.margin_steps(
            known, steps, np.zeros((3, 4, 2), np.float32), np.zeros((3, 2, 2), np.float32)
        )
