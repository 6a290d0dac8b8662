"""Radii of other programs give the weights that those programs' formulas give."""

import math

import naive
import numpy as np
import pytest
from texts import rejected

from somscape.grid import radius_from
from somscape.grid._neighborhood import CONVENTIONS

DISTANCES = np.array([0.0, 0.5, 1.0, math.sqrt(3), 2.0, 3.7])

# Weight by map distance d for that program's value v, from its source (docs/contribute/sources.md).
GAUSSIANS = {
    "minisom": lambda d, v: math.exp(-(d**2) / (2 * v**2)),
    "som_toolbox": lambda d, v: math.exp(-(d**2) / (2 * v**2)),
    "somoclu": lambda d, v: math.exp(-(d**2) / (2 * (0.5 * v) ** 2)),
    "xpysom": lambda d, v: math.exp(-(d**2) / (2 * 0.5**2 * v**2)),
    "somperf": lambda d, v: math.exp(-(d**2) / v**2),
    # A density: in proportion to it.
    "gigasom": lambda d, v: math.exp(-0.5 * (d / v) ** 2) / (v * math.sqrt(2 * math.pi)),
}


@pytest.mark.parametrize("value", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("convention", GAUSSIANS)
def test_the_gaussian_of_our_radius_is_in_proportion_to_theirs(convention, value):
    theirs = np.array([GAUSSIANS[convention](d, value) for d in DISTANCES])
    ours = naive.neighborhood(DISTANCES, radius_from(value, convention), "gaussian")
    np.testing.assert_allclose(ours, theirs / theirs[0], rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.99, 1.0, 1.5, 2.0])
def test_kohonens_bubble_holds_the_winner_alone_below_1(value):
    # Of distances between units, 0 and from 1 up.
    distances = DISTANCES[[0, 2, 3, 4, 5]]
    theirs = distances <= value if value >= 1 else distances == 0
    ours = naive.neighborhood(distances, radius_from(value, "kohonen"), "bubble")
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("value", "convention", "kind"),
    [
        (1.0, "sas", ValueError),
        (0.0, "minisom", ValueError),
        (-1.0, "kohonen", ValueError),
        (math.nan, "somoclu", ValueError),
        ("wide", "somoclu", TypeError),
    ],
)
def test_wrong_values_are_refused(value, convention, kind):
    with rejected(kind):
        radius_from(value, convention)


def test_all_conventions_are_tested():
    assert set(CONVENTIONS) == {*GAUSSIANS, "kohonen"}
