"""exp, log and asinh agree with exact values."""

import math

import numpy as np
import pytest

from somscape import _elementary as elementary

VALUES = np.concatenate(
    [
        np.random.default_rng(0).normal(size=500) * 10.0 ** np.arange(-8, 12).repeat(25),
        [0.0, -0.0, 1.0, -1.0, 0.4, 1e8, 1e150, -1e150, 5e-324, 0.1715, 0.7071],
    ]
)


def test_exp_is_within_two_units_in_the_last_place():
    x = np.clip(VALUES, -700, 700)
    expected = [math.exp(v) for v in x]
    np.testing.assert_allclose(elementary.exp(x), expected, rtol=5e-16)


def test_exp_vanishes_and_overflows_without_a_warning():
    found = elementary.exp(np.array([-np.inf, -800.0, -746.0, 0.0, 710.0, np.inf]))
    assert found.tolist() == [0.0, 0.0, 0.0, 1.0, np.inf, np.inf]


def test_log_is_within_two_units_in_the_last_place():
    x = np.abs(VALUES[VALUES != 0])
    expected = [math.log(v) for v in x]
    np.testing.assert_allclose(elementary.log(x), expected, rtol=5e-16, atol=1e-16)


def test_asinh_is_within_two_units_in_the_last_place_and_odd():
    expected = [math.asinh(v) for v in VALUES]
    np.testing.assert_allclose(elementary.asinh(VALUES), expected, rtol=7e-16, atol=5e-324)
    np.testing.assert_array_equal(elementary.asinh(-VALUES), -elementary.asinh(VALUES))


@pytest.mark.parametrize("function", [elementary.exp, elementary.log, elementary.asinh])
def test_empty_arrays_stay_empty(function):
    assert function(np.empty(0)).shape == (0,)
