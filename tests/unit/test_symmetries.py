"""Turns, flips and shifts of a lattice keep all distances, and there are no others."""

import itertools

import numpy as np
import pytest

from somscape.grid import Graph, Lattice
from somscape.grid.lattice import shifts, turns

SHAPES = [(1, 1), (1, 4), (4, 1), (2, 2), (2, 3), (3, 2), (3, 3), (4, 4), (4, 5), (5, 4), (6, 3)]
KINDS = ["rectangular", "hexagonal"]
EVERY = [
    Lattice(*shape, kind, boundary)
    for shape, kind, boundary in itertools.product(SHAPES, KINDS, ["plane", "cylinder", "torus"])
    if not (kind == "hexagonal" and boundary == "torus" and shape[0] % 2)
]


def distances(lattice):
    return np.stack([lattice.distances_from(unit) for unit in range(lattice.n_units)])


def all_symmetries(lattice):
    """Each turn, followed by each shift."""
    return [
        turn.units[shifts(lattice).units(down, across)]
        for turn in turns(lattice)
        for down, across in zip(*np.nonzero(shifts(lattice).are_there), strict=True)
    ]


@pytest.mark.parametrize("lattice", EVERY, ids=repr)
def test_a_symmetry_is_an_order_of_the_units_that_keeps_all_distances(lattice):
    apart = distances(lattice)
    found = all_symmetries(lattice)
    for units in found:
        assert sorted(units) == list(range(lattice.n_units))
        np.testing.assert_allclose(apart[np.ix_(units, units)], apart, atol=1e-9)
    assert found[0].tolist() == list(range(lattice.n_units))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 1), (2, 2), (2, 3), (3, 2)])
def test_on_a_plane_there_are_all_of_them(shape, kind):
    lattice = Lattice(*shape, kind)
    apart = distances(lattice)
    expected = {
        order
        for order in itertools.permutations(range(lattice.n_units))
        if np.allclose(apart[np.ix_(order, order)], apart)
    }
    found = [tuple(units.tolist()) for units in all_symmetries(lattice)]
    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.mark.parametrize(
    ("lattice", "n_turns", "n_shifts"),
    [
        (Lattice(4, 4, "rectangular"), 8, 1),
        (Lattice(4, 5, "rectangular"), 4, 1),
        (Lattice(4, 5), 2, 1),  # half a turn
        (Lattice(5, 4), 2, 1),  # top to bottom
        (Lattice(4, 5, "rectangular", "cylinder"), 4, 5),
        (Lattice(4, 5, "hexagonal", "cylinder"), 4, 5),
        (Lattice(5, 5, "hexagonal", "cylinder"), 4, 5),
        (Lattice(4, 4, "rectangular", "torus"), 8, 16),
        (Lattice(4, 5, "rectangular", "torus"), 4, 20),
        (Lattice(4, 5, "hexagonal", "torus"), 4, 20),
        (Graph([[0, 1], [1, 0]]), 1, 1),
    ],
    ids=repr,
)
def test_how_many_there_are(lattice, n_turns, n_shifts):
    assert len(turns(lattice)) == n_turns
    assert shifts(lattice).are_there.sum() == n_shifts
    both = {tuple(units.tolist()) for units in all_symmetries(lattice)}
    assert len(both) == n_turns * n_shifts


def test_units_and_words_by_hand():
    # 0 1 2        Each place names the unit that comes to lie there.
    # 3 4 5
    found = {turn.words: turn.units.tolist() for turn in turns(Lattice(2, 3, "rectangular"))}
    assert found == {
        "": [0, 1, 2, 3, 4, 5],
        "turned by 180 degrees": [5, 4, 3, 2, 1, 0],
        "flipped top to bottom": [3, 4, 5, 0, 1, 2],
        "flipped left to right": [2, 1, 0, 5, 4, 3],
    }
    square = {turn.words: turn.units.tolist() for turn in turns(Lattice(2, 2, "rectangular"))}
    assert square["turned by 90 degrees clockwise"] == [2, 0, 3, 1]
    assert square["turned by 90 degrees counterclockwise"] == [1, 3, 0, 2]
    assert square["flipped over the diagonal from the upper left"] == [0, 2, 1, 3]
    assert square["flipped over the diagonal from the upper right"] == [3, 1, 2, 0]


def test_shifts_by_hand():
    torus = Lattice(2, 3, "rectangular", "torus")
    assert shifts(torus).units(0, 1).tolist() == [2, 0, 1, 5, 3, 4]
    assert shifts(torus).units(1, 0).tolist() == [3, 4, 5, 0, 1, 2]
    assert shifts(torus).words(1, 2) == "shifted by 1 step down and 1 step to the left"
    assert shifts(torus).words(0, 0) == ""
    #  0   1        A step down goes half a step aside; halves of steps are counted.
    #    2   3
    hexagons = Lattice(2, 2, "hexagonal", "torus")
    assert shifts(hexagons).units(1, 1).tolist() == [3, 2, 0, 1]
    assert shifts(hexagons).words(1, 1) == "shifted by 1 step down and 0.5 steps to the right"
