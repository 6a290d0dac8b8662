"""Where units lie and who is next to whom, against the oracle and by hand."""

import itertools

import naive
import numpy as np
import pytest
from texts import rejected

from somscape.grid import Lattice

SHAPES = list(itertools.product(range(1, 8), range(1, 8)))
KINDS = ["rectangular", "hexagonal"]
BOUNDARIES = ["plane", "cylinder", "torus"]


def is_allowed(shape, kind, boundary):
    return not (kind == "hexagonal" and boundary == "torus" and shape[0] % 2)


def every(shapes):
    """All lattices of some shapes, as parameters."""
    combinations = itertools.product(shapes, KINDS, BOUNDARIES)
    return [
        (*shape, kind, edge) for shape, kind, edge in combinations if is_allowed(shape, kind, edge)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_positions_equal_the_oracle_on_every_shape(kind):
    for shape in SHAPES:
        expected = naive.positions(*shape, kind)
        np.testing.assert_allclose(Lattice(*shape, kind).positions, expected, rtol=1e-15)


def test_units_are_numbered_along_rows():
    row, col = Lattice(3, 5).rows_and_cols(np.array([0, 4, 5, 14]))
    assert row.tolist() == [0, 0, 1, 2]
    assert col.tolist() == [0, 4, 0, 4]


@pytest.mark.parametrize(("n_rows", "n_cols", "kind", "boundary"), every(SHAPES))
def test_distances_from_each_unit_equal_the_oracle(n_rows, n_cols, kind, boundary):
    lattice = Lattice(n_rows, n_cols, kind, boundary)
    found = np.stack([lattice.distances_from(unit) for unit in range(lattice.n_units)])
    expected = naive.map_distances(n_rows, n_cols, kind, boundary)
    # 1e-14: a few roundings of numbers below 10.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(found, found.T, rtol=0, atol=1e-14)
    offsets = np.stack([lattice.offsets_from(unit) for unit in range(lattice.n_units)])
    expected = naive.axis_offsets(n_rows, n_cols, kind, boundary)
    np.testing.assert_allclose(offsets, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_neighbors_equal_the_oracle_on_every_shape(kind, boundary):
    for shape in SHAPES:
        if not is_allowed(shape, kind, boundary):
            continue
        neighbors = Lattice(*shape, kind, boundary).neighbors
        assert neighbors.shape == (shape[0] * shape[1], 6 if kind == "hexagonal" else 8)
        expected = naive.neighbors(*shape, kind, boundary)
        for unit, row in enumerate(neighbors.tolist()):
            gaps = [-1] * (len(row) - len(expected[unit]))
            assert row == expected[unit] + gaps, (shape, unit)


@pytest.mark.parametrize(("n_rows", "n_cols", "kind", "boundary"), every([(4, 3), (2, 5), (1, 4)]))
def test_are_neighbors_agrees_with_the_list_of_neighbors(n_rows, n_cols, kind, boundary):
    lattice = Lattice(n_rows, n_cols, kind, boundary)
    lists = naive.neighbors(n_rows, n_cols, kind, boundary)
    a, b = np.divmod(np.arange(lattice.n_units**2), lattice.n_units)
    expected = [int(other) in lists[unit] for unit, other in zip(a, b, strict=True)]
    assert lattice.are_neighbors(a, b).tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_cells_tile_the_plane(kind):
    # A cell's area (shoelace formula) is the area for one unit: pitch times 1. And each side of
    # it has its mirror image in a neighbor, so every corner is a whole step from another's.
    lattice = Lattice(4, 5, kind)
    x, y = lattice.cell.T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert area == pytest.approx(lattice.row_pitch, rel=1e-14)
    np.testing.assert_allclose(lattice.cell.mean(axis=0), 0, atol=1e-15)
    corners = (lattice.positions[:, None] + lattice.cell).reshape(-1, 2)
    inner = lattice.positions[6] + lattice.cell
    for corner in inner:
        at_corner = np.isclose(np.hypot(*(corners - corner).T), 0, atol=1e-12).sum()
        assert at_corner == (3 if kind == "hexagonal" else 4)


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 3),
        (3, -2),
        (2, 3, "triangular"),
        (2, 3, "hexagonal", "sphere"),
        (3, 4, "hexagonal", "torus"),
    ],
)
def test_a_wrong_lattice_is_refused_with_what_is_allowed(arguments):
    with rejected(ValueError):
        Lattice(*arguments)


@pytest.mark.parametrize("size", [2.5, "2", True, None])
def test_a_size_that_is_no_whole_number_is_refused(size):
    with rejected((TypeError, ValueError), parameter="n_rows"):
        Lattice(size, 3)
    with rejected((TypeError, ValueError), parameter="n_cols"):
        Lattice(3, size)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (4, 4), (5, 3), (10, 10), (13, 7)])
def test_the_walk_visits_each_unit_once_and_stays_close(shape):
    lattice = Lattice(*shape, "rectangular")
    walk = lattice.walk
    assert sorted(walk.tolist()) == list(range(lattice.n_units))
    for start in range(0, lattice.n_units - 15, 16):
        row, col = np.divmod(walk[start : start + 16], shape[1])
        # 4 x 4, or where the walk turns two patches of that many units.
        assert max(np.ptp(row), np.ptp(col) if min(shape) >= 3 else 0) <= 8
