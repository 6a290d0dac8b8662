"""Lattices of any shape: distances, places, what is refused, and a map trained on one."""

import copy
import math
import pickle

import naive
import numpy as np
import pytest
import scipy.sparse
from texts import rejected

from somscape import SOM, Graph, Lattice, SOMDetector, load, measures, plots, report, tables
from somscape.errors import MapFileError
from somscape.grid import graph as _layout
from somscape.save import read_record, write_record


def adjacency_of(n, edges):
    adjacency = np.zeros((n, n))
    for a, b, length in edges:
        adjacency[a, b] = adjacency[b, a] = length
    return adjacency


def ring(n):
    return adjacency_of(n, [(i, (i + 1) % n, 1.0) for i in range(n)])


def path(lengths):
    return adjacency_of(len(lengths) + 1, [(i, i + 1, length) for i, length in enumerate(lengths)])


def random_adjacency(n, seed):
    """About two edges a unit, of lengths from 0.5 to 2; seldom connected."""
    rng = np.random.default_rng(seed)
    adjacency = np.triu(rng.uniform(0.5, 2, (n, n)) * (rng.random((n, n)) < 2 / n), 1)
    return adjacency + adjacency.T


def distances_of(graph):
    return np.stack([graph.distances_from(unit) for unit in range(graph.n_units)])


# Distances and neighbors


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 2, 9, 20])
def test_distances_are_the_shortest_paths(n, seed):
    adjacency = random_adjacency(n, seed)
    found = distances_of(Graph(adjacency))
    np.testing.assert_allclose(found, naive.graph_distances(adjacency), rtol=1e-14)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(found, distances_of(Graph(scipy.sparse.coo_array(adjacency))))


@pytest.mark.parametrize("boundary", ["plane", "cylinder", "torus"])
@pytest.mark.parametrize("kind", ["rectangular", "hexagonal"])
def test_the_graph_of_a_lattice_has_its_neighbors_and_counts_steps(kind, boundary):
    lattice = Lattice(4, 5, kind, boundary)
    graph = Graph(lattice.adjacency, lattice.positions)
    lists = naive.neighbors(4, 5, kind, boundary)
    assert [[u for u in row if u >= 0] for row in graph.neighbors.tolist()] == lists
    steps = naive.graph_distances(lattice.adjacency.toarray())
    np.testing.assert_array_equal(distances_of(graph), steps)
    if kind == "rectangular":  # where diagonal steps count 1
        np.testing.assert_array_equal(steps, naive.axis_offsets(4, 5, kind, boundary).max(axis=-1))
    a, b = np.divmod(np.arange(400), 20)
    np.testing.assert_array_equal(graph.are_neighbors(a, b), lattice.are_neighbors(a, b))
    np.testing.assert_array_equal(graph.positions, lattice.positions)


def test_a_graph_has_one_unit_a_row():
    graph = Graph(ring(7))
    assert (graph.n_units, graph.n_rows, graph.n_cols, graph.kind) == (7, 7, 1, "graph")
    row, col = graph.rows_and_cols(np.arange(7))
    assert row.tolist() == list(range(7))
    assert not col.any()
    assert repr(graph) == "Graph(7 units, 7 edges)"
    assert graph.size_text == "7 units"


@pytest.mark.parametrize("adjacency", [ring(9), random_adjacency(30, 1), np.zeros((4, 4))])
def test_the_walk_visits_each_unit_once(adjacency):
    walk = Graph(adjacency).walk
    assert walk.dtype == np.int64
    assert sorted(walk.tolist()) == list(range(len(adjacency)))


def test_units_without_edges_have_no_neighbors():
    graph = Graph(np.zeros((3, 3)))
    assert graph.neighbors.shape == (3, 0)
    assert not graph.are_neighbors(np.array([0, 1]), np.array([1, 2])).any()
    assert distances_of(graph).tolist() == [
        [0, math.inf, math.inf],
        [math.inf, 0, math.inf],
        [math.inf, math.inf, 0],
    ]
    assert np.isfinite(graph.positions).all()


def test_edges_make_the_graph_again():
    graph = Graph(random_adjacency(15, 2))
    pairs, lengths = graph.edges
    assert (pairs[:, 0] < pairs[:, 1]).all()
    again = Graph.from_edges(15, pairs=pairs, lengths=lengths, positions=graph.positions)
    assert again == graph
    assert hash(again) == hash(graph)
    assert graph != Graph(ring(15))
    assert graph != Lattice(15, 1)
    assert graph != Graph(graph.adjacency, graph.positions + 1)


def test_edges_may_be_lists_and_go_both_ways():
    one_way = Graph.from_edges(3, pairs=[[0, 1], [2, 1]], lengths=[1, 2])
    both = Graph.from_edges(3, pairs=[[0, 1], [1, 0], [1, 2], [2, 1]], lengths=[1, 1, 2, 2])
    assert one_way == both
    assert one_way.edges[1].tolist() == [1, 2]
    assert Graph.from_edges(3, pairs=[], lengths=[]).edges[0].shape == (0, 2)


def test_a_graph_is_frozen_and_keeps_no_hold_on_what_it_was_made_from():
    adjacency = ring(5)
    graph = Graph(adjacency)
    adjacency[0, 2] = adjacency[2, 0] = 1
    assert graph.distances_from(0).tolist() == [0, 1, 2, 2, 1]
    with pytest.raises(AttributeError):
        graph.n_rows = 3
    graph.distances_from(0)[:] = 7
    assert graph.distances_from(0).tolist() == [0, 1, 2, 2, 1]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_a_graph_can_be_copied(twin):
    graph = Graph(ring(5))
    assert twin(graph) == graph


# Places


def pairwise(places):
    return np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=-1))


def test_a_path_lies_on_a_line_with_its_lengths():
    places = Graph(path([1, 2, 4])).positions
    # From unit 0 at 0, 1, 3, 7 along x; around the mean 2.75.  Unit 3 is furthest out.
    np.testing.assert_allclose(places[:, 0], [-2.75, -1.75, 0.25, 4.25], atol=1e-7)
    np.testing.assert_array_equal(places[:, 1], 0)


@pytest.mark.parametrize("n", [3, 4, 5, 12, 31])
def test_a_ring_is_laid_out_as_one_from_unit_0_on(n):
    places = Graph(ring(n)).positions
    size = np.hypot(*places.T)
    np.testing.assert_allclose(size, size[0], rtol=1e-6)
    assert places[0, 0] == pytest.approx(size[0], rel=1e-6)
    assert places[0, 1] == pytest.approx(0, abs=1e-6)
    steps = np.hypot(*(np.roll(places, -1, axis=0) - places).T)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-5)


@pytest.mark.parametrize("limit", [1000, 20])
def test_places_in_a_plane_are_found_from_their_distances(monkeypatch, limit):
    # 50 points, all joined by edges of their distance; from all of them, and from 17 landmarks.
    monkeypatch.setattr(_layout, "MAX_LANDMARKS", limit)
    given = np.random.default_rng(3).normal(size=(50, 2)) * [3, 1]
    found = Graph(pairwise(given)).positions
    np.testing.assert_allclose(pairwise(found), pairwise(given), atol=1e-6)


@pytest.mark.parametrize(
    "adjacency",
    [
        np.ones((6, 6)) - np.eye(6),
        adjacency_of(7, [(0, i, 1.0) for i in range(1, 7)]),
        random_adjacency(20, 0),
        np.zeros((1, 1)),
    ],
    ids=["complete", "star", "in parts", "one unit"],
)
def test_places_are_finite_and_the_same_each_time(adjacency):
    places = Graph(adjacency).positions
    assert places.shape == (len(adjacency), 2)
    assert np.isfinite(places).all()
    np.testing.assert_array_equal(Graph(adjacency).positions, places)
    assert np.isfinite(Graph(adjacency).cell).all()
    assert np.ptp(Graph(adjacency).cell, axis=0).min() > 0


def test_turned_eigenvectors_give_the_same_places(monkeypatch):
    # Axes of equal size are arbitrary; another library may give them turned, or with other signs.
    plain = Graph(ring(8)).positions
    eigh = np.linalg.eigh

    def turned(matrix):
        sizes, vectors = eigh(matrix)
        c, s = math.cos(0.7), math.sin(0.7)
        vectors[:, -2:] = vectors[:, -2:] @ np.array([[c, -s], [s, c]])
        return sizes, vectors

    monkeypatch.setattr(np.linalg, "eigh", turned)
    np.testing.assert_allclose(Graph(ring(8)).positions, plain, atol=1e-8)


# What is refused

NAN, INF = math.nan, math.inf


class Networkx:
    """What NumPy sees of a networkx graph: a sequence of nodes with their neighbors."""

    def __len__(self):
        return 2

    def __getitem__(self, node):
        return {0: {1: {}}, 1: {0: {}}}[node]


@pytest.mark.parametrize(
    ("pairs", "lengths"),
    [
        ([[0, 3]], [1]),
        ([[0, 1], [-1, 1]], [1, 1]),
        ([[1, 1]], [1]),
        ([[0, 1, 2]], [1]),
        ([[0.5, 1]], [1]),
        ([[0, 1]], [1, 2]),
        ([[0, 1], [1, 0]], [1, 2]),
    ],
)
def test_wrong_edges_are_refused_with_what_is_wrong(pairs, lengths):
    with rejected():
        Graph.from_edges(3, pairs=pairs, lengths=lengths)


@pytest.mark.parametrize(
    "adjacency",
    [
        np.zeros((2, 3)),
        np.zeros(4),
        np.zeros((0, 0)),
        scipy.sparse.csr_array((10_001, 10_001)),
        [["a", "b"], ["b", "a"]],
        None,
        Networkx(),
        scipy.sparse.csr_array([[0, 1j], [-1j, 0]]),
        np.array([[0, 1j], [-1j, 0]]),
        [[0, 1], [0, 0]],
        [[0, 1], [2, 0]],
        [[0, 0], [0, 3]],
        [[0, -1], [-1, 0]],
        [[0, NAN], [NAN, 0]],
        [[0, INF], [INF, 0]],
    ],
)
def test_a_wrong_adjacency_is_refused_with_what_is_wrong(adjacency):
    with rejected(parameter="adjacency"):
        Graph(adjacency)


@pytest.mark.parametrize(
    "positions",
    [
        np.zeros((4, 2)),
        np.zeros(5),
        np.full((5, 2), NAN),
        [["a", "b"]] * 5,
    ],
)
def test_wrong_positions_are_refused(positions):
    with rejected(parameter="positions"):
        Graph(ring(5), positions)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"n_rows": 3}, ValueError),
        ({"n_cols": 5}, ValueError),
        ({"boundary": "torus"}, ValueError),
        ({"neighborhood": "triangle"}, ValueError),
        ({"lattice": ring(5)}, TypeError),
        ({"lattice": "hexagonal", "neighborhood": "triangle"}, ValueError),
        ({"init": np.zeros((4, 3))}, ValueError),
    ],
)
def test_settings_that_a_graph_cannot_have_are_refused(options, kind):
    with rejected(kind):
        SOM(**({"lattice": Graph(ring(5))} | options)).fit(rows_of())


def test_an_online_triangle_that_would_grow_without_bound_is_refused():
    options = {"lattice": "rectangular", "neighborhood": "triangle", "algorithm": "online"}
    with rejected(parameter="learning_rate", value=0.5):
        SOM(3, 4, radius_start=3.0, **options).fit(rows_of())
    codebook = SOM(3, 4, radius_start=1.4, random_state=0, **options).fit(rows_of()).codebook_
    assert np.abs(codebook).max() < 10


# A map on a graph


def rows_of(n=60, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)) * [3, 2, 1]


def chorded():
    """A ring of 12 with three chords."""
    edges = [(0, 6, 2.0), (2, 9, 1.5), (4, 7, 1.0)]
    return ring(12) + adjacency_of(12, edges)


@pytest.mark.parametrize("neighborhood", ["gaussian", "bubble", "cut_gaussian", "epanechnikov"])
def test_batch_training_on_a_graph_equals_the_oracle(kernels, neighborhood):
    X, start = rows_of(), rows_of(12, seed=1)
    som = SOM(
        lattice=Graph(chorded()), neighborhood=neighborhood, init=start, n_epochs=4,
        radius_start=2.2, radius_end=0.7, tol=0,
    ).fit(X)  # fmt: skip
    codebook = start
    for t in range(4):
        radius = naive.schedule("geometric", 2.2, 0.7, t, 4)
        distances = naive.graph_distances(chorded())
        codebook = naive.batch_epoch(X, codebook, distances, radius, neighborhood)
    np.testing.assert_allclose(som.codebook_, codebook, rtol=0, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"algorithm": "online"}, {"init": "sample"}])
def test_a_map_on_a_graph_measures_saves_and_draws_itself(tmp_path, options):
    X = rows_of()
    graph = Graph(chorded())
    som = SOM(lattice=graph, random_state=0, **options).fit(X)
    lists = [[int(u) for u in np.flatnonzero(row)] for row in chorded()]
    np.testing.assert_allclose(som.map_.u_heights, naive.u_heights(som.codebook_, lists))
    assert measures.topographic_error(som.map_, X) == naive.topographic_error(
        X, som.codebook_, lists
    )
    som.map_.save(tmp_path / "a.som")
    back = load(tmp_path / "a.som")
    assert back.lattice == graph
    np.testing.assert_array_equal(back.codebook, som.codebook_)
    np.testing.assert_array_equal(back.winners(X), som.labels_)
    back.save(tmp_path / "b.som")
    assert (tmp_path / "a.som").read_bytes() == (tmp_path / "b.som").read_bytes()
    assert repr(back) == "Map(12 graph, 3 features)"
    assert plots.umatrix(back, X, X[:, 0] > 0).ax_.get_title() == "U-matrix, 12 units"
    for display in (plots.hits(back, X, X[:, 0] > 0), plots.planes(back)):
        assert display.figure_ is not None


def fill(arrays, name, value):
    """Replace an array, which is read-only, by one of a single value."""
    arrays[name] = np.full_like(arrays[name], value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda header, arrays: fill(arrays, "lattice.pairs", 17),
        lambda header, arrays: fill(arrays, "lattice.pairs", -1),
        lambda header, arrays: fill(arrays, "lattice.lengths", math.nan),
        lambda header, arrays: fill(arrays, "lattice.positions", math.nan),
        lambda header, arrays: arrays.pop("lattice.pairs"),
        lambda header, arrays: arrays.update({"lattice.pairs": np.zeros(3)}),
        lambda header, arrays: header["lattice"].update(n_units=10**12),
        lambda header, arrays: header["lattice"].update(n_units="6"),
        lambda header, arrays: header["lattice"].update(n_units=7),
        lambda header, arrays: header["lattice"].pop("n_units"),
    ],
)
def test_a_saved_graph_that_is_damaged_is_refused(tmp_path, damage):
    SOM(lattice=Graph(ring(6))).fit(rows_of()).map_.save(tmp_path / "m.som")
    record = read_record(tmp_path / "m.som")
    damage(record.header, record.arrays)
    write_record(tmp_path / "m.som", record)
    with rejected(MapFileError):
        load(tmp_path / "m.som")


def test_parts_that_no_path_joins_do_not_pull_each_other():
    # Two pairs of units and two groups of rows: each pair goes to the mean of its group.
    adjacency = adjacency_of(4, [(0, 1, 1.0), (2, 3, 1.0)])
    X = np.array([[-1.0], [-3.0], [10.0], [14.0]])
    start = np.array([[-1.0], [-3.0], [10.0], [14.0]])
    som = SOM(lattice=Graph(adjacency), init=start, n_epochs=1, radius_start=1e6, radius_end=1e6)
    np.testing.assert_allclose(som.fit(X).codebook_[:, 0], [-2, -2, 12, 12], rtol=1e-9)


def test_automatic_radii_follow_the_graphs_extent_and_edges():
    # A path of 41 units is 41 long: a quarter of it, and half after another start than PCA's.
    X = rows_of()
    for scale in (1.0, 1e3):
        graph = Graph(scale * path([1.0] * 40))
        found = SOM(lattice=graph, n_init=1).fit(X).map_.parameters
        assert found["radius_start"] == pytest.approx(41 / 4 * scale)
        assert found["radius_end"] == pytest.approx(0.7 * scale)
        found = SOM(lattice=graph, init="sample", random_state=0).fit(X).map_.parameters
        assert found["radius_start"] == pytest.approx(41 / 2 * scale)


def test_a_report_holds_a_graphs_edges_and_cells_of_width_one():
    x = np.random.default_rng(0).normal(size=80)
    table = tables.table_from_columns({"x": x, "y": 3 * x**2})
    som = SOM(lattice=Graph(100 * chorded()))
    detector = SOMDetector(som=som, random_state=0).fit(table).detector_
    shown = report.build(detector, table, detector.alerts(table, 3))["map"]
    assert (shown["kind"], shown["n_rows"], shown["n_cols"]) == ("graph", 12, 1)
    expected = [[a, b] for a in range(12) for b in range(a, 12) if chorded()[a, b]]
    assert sorted(shown["edges"]) == expected
    assert np.ptp(shown["cell"], axis=0) == pytest.approx([1, 1], abs=1e-3)
    # No two cells overlap.
    gaps = pairwise(np.array(shown["positions"]))[~np.eye(12, dtype=bool)]
    assert gaps.min() > 0.99
