"""The neighborhood tables: multiplied out, they are the plain matrix of weights."""

import itertools

import naive
import numpy as np
import pytest
from texts import rejected

from somscape.grid import Graph, Lattice
from somscape.grid._neighborhood import Neighborhood, pull_from

SHAPES = [(1, 1), (1, 6), (6, 1), (2, 5), (4, 3), (3, 4), (2, 2), (6, 7)]
LATTICES = [
    (*shape, kind, boundary)
    for shape, kind, boundary in itertools.product(
        SHAPES, ["rectangular", "hexagonal"], ["plane", "cylinder", "torus"]
    )
    if not (kind == "hexagonal" and boundary == "torus" and shape[0] % 2)
]
KINDS = ["gaussian", "bubble", "cut_gaussian", "epanechnikov"]
RADII = [0.1, 0.5, 0.7, 1.0, np.sqrt(3), 2.0, 3.7, 1e4]


def multiplied_out(tables, lattice):
    """The matrix h[target, source] that tables stand for."""
    h = np.empty((lattice.n_units, lattice.n_units))
    n_cols = lattice.n_cols
    for target, source in itertools.product(range(lattice.n_units), repeat=2):
        (r, c), (r2, c2) = divmod(target, n_cols), divmod(source, n_cols)
        taps = tables.col_kernel[tables.kernel[r, r2]]
        h[target, source] = tables.row_weight[r, r2] * taps[c - c2 + n_cols - 1]
    return h


@pytest.mark.parametrize("neighborhood", KINDS)
@pytest.mark.parametrize(("n_rows", "n_cols", "kind", "boundary"), LATTICES)
def test_tables_multiplied_out_equal_the_oracle(n_rows, n_cols, kind, boundary, neighborhood):
    lattice = Lattice(n_rows, n_cols, kind, boundary)
    distances = naive.map_distances(n_rows, n_cols, kind, boundary)
    for radius in RADII:
        h = multiplied_out(Neighborhood(lattice, neighborhood).tables(radius), lattice)
        expected = naive.neighborhood(distances, radius, neighborhood)
        # Relative 1e-10: exponents are rounded before the exponential, up to 700 of them.
        # Where 1 - d^2 / r^2 ends, both terms are rounded.
        close = 1e-15 if neighborhood == "epanechnikov" else 1e-300
        np.testing.assert_allclose(h, expected, rtol=1e-10, atol=close)
        for unit in range(lattice.n_units):
            pull = pull_from(lattice, neighborhood, unit, radius)
            np.testing.assert_allclose(pull, expected[:, unit], rtol=1e-10, atol=close)


@pytest.mark.parametrize("boundary", ["plane", "cylinder", "torus"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("neighborhood", ["triangle"])
def test_neighborhoods_by_axis_are_products_of_both_offsets(shape, boundary, neighborhood):
    lattice = Lattice(*shape, "rectangular", boundary)
    offsets = naive.axis_offsets(*shape, "rectangular", boundary)
    for radius in (0.5, 1.0, 2.5):
        expected = naive.neighborhood(offsets, radius, neighborhood)
        found = multiplied_out(Neighborhood(lattice, neighborhood).tables(radius), lattice)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        for unit in range(lattice.n_units):
            pull = pull_from(lattice, neighborhood, unit, radius)
            np.testing.assert_allclose(pull, expected[unit], rtol=1e-14)


@pytest.mark.parametrize("neighborhood", ["triangle"])
def test_a_neighborhood_by_axis_is_refused_where_there_are_no_axes(neighborhood):
    with rejected(ValueError, parameter="neighborhood", value="triangle"):
        Neighborhood(Lattice(3, 3), neighborhood)
    with rejected(ValueError, parameter="neighborhood", value="triangle"):
        Neighborhood(Graph([[0, 1], [1, 0]]), neighborhood).tables(1.0)


@pytest.mark.parametrize("neighborhood", KINDS)
def test_the_table_of_a_graph_equals_the_oracle_and_paths_that_are_not_there_pull_nothing(
    neighborhood,
):
    # A square with a long diagonal, and a pair that nothing joins to it.
    adjacency = np.zeros((6, 6))
    for a, b, length in [(0, 1, 1), (1, 2, 1.5), (2, 3, 1), (3, 0, 0.5), (0, 2, 1.2), (4, 5, 2)]:
        adjacency[a, b] = adjacency[b, a] = length
    graph, distances = Graph(adjacency), naive.graph_distances(adjacency)
    for radius in RADII:
        h = multiplied_out(Neighborhood(graph, neighborhood).tables(radius), graph)
        expected = naive.neighborhood(distances, radius, neighborhood)
        np.testing.assert_allclose(h, expected, rtol=1e-10, atol=1e-15)
        assert (h[:4, 4:] == 0).all()
        np.testing.assert_allclose(
            pull_from(graph, neighborhood, 2, radius), expected[2], rtol=1e-10, atol=1e-15
        )


def test_gaussians_tabulated_together_equal_those_worked_out_alone():
    lattice, radii = Lattice(5, 4), np.array([3.0, 1.5, 0.5])
    known = Neighborhood(lattice, "gaussian")
    known.tabulate(radii)
    for radius in (*radii, 2.0):
        alone = Neighborhood(lattice, "gaussian").tables(radius)
        np.testing.assert_array_equal(known.tables(radius).row_weight, alone.row_weight)
        np.testing.assert_array_equal(known.tables(radius).col_kernel, alone.col_kernel)


@pytest.mark.parametrize("radius", [1.0, np.sqrt(3), 2.0, np.sqrt(7), 3.0])
def test_a_unit_at_exactly_the_radius_is_inside_a_bubble_of_hexagons(radius):
    # Around an inner unit of the hexagonal lattice the squared distances 1, 3, 4, 7, 9 are taken
    # by 6, 6, 6, 12, 6 units, so the bubbles hold 7, 13, 19, 31, 37.
    lattice = Lattice(13, 13, "hexagonal")
    h = multiplied_out(Neighborhood(lattice, "bubble").tables(radius), lattice)
    held = {1: 7, 3: 13, 4: 19, 7: 31, 9: 37}[round(radius**2)]
    assert h[6 * 13 + 6].sum() == held
    assert h[5 * 13 + 6].sum() == held


@pytest.mark.parametrize("radius", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("neighborhood", KINDS)
def test_radii_whose_square_is_no_float_reach_the_unit_alone_or_all(neighborhood, radius):
    lattice = Lattice(2, 3)
    h = multiplied_out(Neighborhood(lattice, neighborhood).tables(radius), lattice)
    np.testing.assert_array_equal(h, np.eye(6) if radius < 1 else np.ones((6, 6)))


@pytest.mark.parametrize(
    ("kind", "neighborhood", "most"),
    [
        ("rectangular", "gaussian", 1),
        ("hexagonal", "gaussian", 3),
        ("hexagonal", "bubble", 15),
        ("hexagonal", "cut_gaussian", 15),
        ("rectangular", "epanechnikov", 4),
    ],
)
def test_tables_need_few_column_kernels(kind, neighborhood, most):
    # Smoothing costs one pass per kernel; a bubble of radius 2 has offsets of at most 2 rows.
    tables = Neighborhood(Lattice(30, 20, kind), neighborhood).tables(2.0)
    assert len(tables.col_kernel) <= most
    assert tables.col_kernel.shape[1] == 39
    assert tables.kernel.dtype == np.int32


@pytest.mark.parametrize("kind", ["rectangular", "hexagonal"])
def test_a_neighborhood_that_ends_is_tabulated_by_offset_and_has_no_kernel_twice(kind):
    # Radius 2 reaches row offsets of 0 to 2 row pitches: on hexagons 0, 1, 2 (pitch 0.87), where
    # odd offsets come with both shifts; and the one kernel that stands for pairs out of reach.
    tables = Neighborhood(Lattice(3000, 2, kind), "bubble").tables(2.0)
    assert len(tables.col_kernel) == (4 if kind == "hexagonal" else 3)
    assert tables.row_weight.sum(axis=1).max() == 5
