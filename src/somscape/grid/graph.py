"""A graph of units and edges that is used as the lattice of a map."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_whole
from somscape._weights import ones_or
from somscape.errors import InputError, ParameterError
from somscape.grid.lattice import Lattice, neighbor_pairs

MAX_LANDMARKS = 1000
"""Maximum number of units for computing axes.  This takes about half a second."""

GRAIN = 2.0**-30
"""Share of the longest path length to whose multiples positions are rounded.  Rounding removes
small differences between the results of linear algebra libraries."""

SAME_SIZE = 1e-6
"""Maximum relative difference of two values that are treated as equal despite rounding errors."""


def classical_scaling(distances: Float64s) -> Float64s:
    """Return positions of units in the plane whose distances approximate the given distances."""
    is_joined = np.isfinite(distances)
    apart = 1.5 * float(distances[is_joined].max()) or 1.0
    marks = np.arange(0, len(distances), -(-len(distances) // MAX_LANDMARKS))
    squares = np.where(is_joined[marks], distances[marks], apart) ** 2
    mean = squares[:, marks].mean(axis=1)
    products = -0.5 * (squares[:, marks] - mean - mean[:, None] + mean.mean())
    sizes, vectors = np.linalg.eigh((products + products.T) / 2)
    axes, lengths = _main_axes(sizes[::-1], vectors[:, ::-1])
    # With all units as landmarks this is axis * sqrt(size), the classical solution.
    roots = np.sqrt(np.where(lengths > 0, lengths, 1.0))
    places: Float64s = 0.5 * (mean[:, None] - squares).T @ (axes / roots)
    places[:, lengths <= 0] = 0.0
    grain = GRAIN * apart
    return np.ascontiguousarray(np.rint((places - places.mean(axis=0)) / grain) * grain)


def _main_axes(sizes: Float64s, vectors: Float64s) -> tuple[Float64s, Float64s]:
    """Return two values: the two eigenvectors with the largest eigenvalues, and these eigenvalues.

    Eigenvalues within rounding errors are returned as 0.
    """
    axes, lengths = np.zeros((len(sizes), 2)), np.zeros(2)
    floor = SAME_SIZE * max(float(sizes[0]), 0.0)
    n_found = start = 0
    while n_found < 2 and start < len(sizes) and sizes[start] > floor:
        end = start + int((sizes[start:] >= sizes[start] * (1 - SAME_SIZE)).sum())
        space = vectors[:, start:end].copy()
        for _ in range(min(2 - n_found, end - start)):
            from_middle = np.sqrt((space**2).sum(axis=1))
            furthest = int(np.argmax(from_middle >= from_middle.max() * (1 - SAME_SIZE)))
            direction = space[furthest] / from_middle[furthest]
            axes[:, n_found], lengths[n_found] = space @ direction, sizes[start]
            space = space - np.outer(space @ direction, direction)
            n_found += 1
        start = end
    return axes, lengths


MAX_GRAPH_UNITS = 10_000
"""Largest number of units of a graph.  The table of distances then uses 0.8 GB."""

CELL_CORNERS = 24
CELL_SHARE = 0.42
"""Radius of the disk that plots draw for a unit, as a share of the usual distance between units."""


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Graph(Lattice):
    """A lattice whose units are the nodes of a graph.

    The map distance of two units is the length of the shortest path between them along the edges.
    In training, two units without a path between them do not affect each other.  A graph has
    ``n_rows = n_units`` and ``n_cols = 1``.

    Parameters
    ----------
    adjacency : array-like or scipy.sparse array of shape (n_units, n_units)
        Symmetric matrix with the length of the edge between each pair of units, or 0 without an
        edge.  Radii in training use the same unit of length as the edges.
    positions : array-like of shape (n_units, 2), optional
        Position (x, y) of each unit, for plots and for the initialization of the map by PCA.  The y
        axis points down.  By default, positions are computed from the lengths of shortest paths by
        classical scaling, which suits nearly flat graphs.

    Attributes
    ----------
    n_rows, n_cols : int
        Number of units, and 1.
    kind, boundary : str
        ``"graph"`` and ``"plane"``.

    Raises
    ------
    InputError
        If `adjacency` is not a square symmetric matrix, has more than 10,000 rows, contains a
        negative or non-finite value, or is not 0 on the diagonal.  If `positions` does not
        have the shape (n_units, 2).

    See Also
    --------
    Lattice : Units in rows and columns.

    References
    ----------
    W. S. Torgerson (1952), Multidimensional scaling: I. Theory and method, Psychometrika 17.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, Graph
    >>> ring = np.roll(np.eye(6), 1, axis=1) + np.roll(np.eye(6), -1, axis=1)
    >>> graph = Graph(ring)
    >>> graph.distances_from(0).tolist()
    [0.0, 1.0, 2.0, 3.0, 2.0, 1.0]
    >>> SOM(lattice=graph).fit(np.random.default_rng(0).normal(size=(50, 3))).codebook_.shape
    (6, 3)
    """

    def __init__(self, adjacency: Any, positions: Any = None) -> None:
        checked = _checked_adjacency(adjacency)
        n_units = checked.shape[0]
        given = None if positions is None else _checked_positions(positions, n_units)
        fields = {"n_rows": n_units, "n_cols": 1, "kind": "graph", "boundary": "plane"}
        for name, value in {**fields, "_adjacency": checked, "_given_positions": given}.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"Graph({self.n_units} units, {self.adjacency.nnz // 2} edges)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        mine, others = ((*graph.edges, graph.positions) for graph in (self, other))
        return all(map(np.array_equal, mine, others))

    def __hash__(self) -> int:
        return hash((self.n_units, self.edges[0].tobytes()))

    @classmethod
    def from_edges(
        cls, n_units: int, *, pairs: Any, lengths: Any, positions: Any = None
    ) -> "Graph":
        """Make a graph from the edges in a list, in the form of `Graph.edges`.

        Parameters
        ----------
        n_units : int
            Number of units.
        pairs : array-like of shape (n_edges, 2), int
            The two units of each edge.  The same edge can be given twice, once in each direction.
        lengths : array-like of shape (n_edges,)
            Length of each edge, which is above 0.
        positions : array-like of shape (n_units, 2), optional
            Position of each unit, as for `Graph`.

        Returns
        -------
        Graph

        Raises
        ------
        InputError
            If a unit number is invalid, an array has the wrong shape, or an edge has two lengths.
        """
        from scipy.sparse import coo_array

        check_whole("n_units", n_units, 1, high=MAX_GRAPH_UNITS)
        ends, values = _checked_edges(n_units, pairs, lengths)
        upper = coo_array((values, (ends[:, 0], ends[:, 1])), shape=(n_units, n_units))
        return cls(upper + upper.T, positions)

    @property
    def adjacency(self) -> Any:
        """Matrix of the edge lengths, as a sparse array of shape (n_units, n_units)."""
        return self.__dict__["_adjacency"]

    @property
    def edges(self) -> tuple[Ints, Float64s]:
        """The two units of each edge, of shape (n_edges, 2), and the edge lengths.

        In each pair, the unit with the lower number is first.
        """
        entries = self.adjacency.tocoo()
        pairs = np.column_stack([entries.row, entries.col]).astype(np.int64)
        is_upper = pairs[:, 0] < pairs[:, 1]
        return pairs[is_upper], entries.data[is_upper]

    @property
    def size_text(self) -> str:
        """Number of units as text for the title of a plot."""
        return f"{self.n_units} units"

    @property
    def longest_side(self) -> float:
        """Length of the longest shortest path in edges of median length, plus 1."""
        table = self.distance_table
        return 1.0 + float(table[np.isfinite(table)].max()) / self.step

    @property
    def step(self) -> float:
        """Median length of the edges (1 without edges), used for default radii."""
        return float(np.median(self.adjacency.data)) if self.adjacency.nnz else 1.0

    @cached_property
    def distance_table(self) -> Float64s:
        """Length of the shortest path for each pair of units (n_units, n_units).

        Without a path between two units, the length is infinite.
        """
        from scipy.sparse.csgraph import dijkstra

        table: Float64s = dijkstra(self.adjacency)
        # The two directions of a path may differ in the last bit, because sums round differently.
        table = np.minimum(table, table.T)
        table.flags.writeable = False
        return table

    @cached_property
    def positions(self) -> Float64s:
        """Position (x, y) of each unit, of shape (n_units, 2). The y axis points down."""
        given: Float64s | None = self.__dict__["_given_positions"]
        return classical_scaling(self.distance_table) if given is None else given

    @cached_property
    def walk(self) -> Ints:
        """All units in an order that keeps neighbors close together, of shape (n_units,).

        The units are in the reverse Cuthill-McKee order (1969).
        """
        from scipy.sparse.csgraph import reverse_cuthill_mckee

        walk = reverse_cuthill_mckee(self.adjacency, symmetric_mode=True)
        return np.ascontiguousarray(walk, dtype=np.int64)

    def distances_from(self, unit: int) -> Float64s:
        """Return the length of the shortest path from one unit to every unit.

        Parameters
        ----------
        unit : int
            The unit from which distances are measured.

        Returns
        -------
        ndarray of shape (n_units,)
            Length of the shortest path to each unit, or infinity without a path.
        """
        return self.distance_table[unit].copy()

    @cached_property
    def neighbors(self) -> Ints:
        """Neighbors of each unit along its edges, in ascending order.

        The shape is (n_units, largest number of edges of a unit).  Units with fewer edges are
        padded with -1.
        """
        degree = np.diff(self.adjacency.indptr)
        slots = np.arange(int(degree.max(initial=0)))
        found = np.full((self.n_units, len(slots)), -1, dtype=np.int64)
        found[slots < degree[:, None]] = self.adjacency.indices
        return found

    @property
    def cell(self) -> Float64s:
        """Corners of a unit's disk in plots, relative to its position (24, 2)."""
        angle = 2 * np.pi * np.arange(CELL_CORNERS) / CELL_CORNERS
        circle = np.column_stack([np.cos(angle), np.sin(angle)])
        return CELL_SHARE * _usual_gap(self.positions) * circle


def _usual_gap(positions: Float64s) -> float:
    """Return the usual distance of a position to the nearest other one, or 1 if all are equal."""
    from scipy.spatial import KDTree

    places = np.unique(positions, axis=0)
    if len(places) < 2:
        return 1.0
    nearest = KDTree(places).query(places, k=2)[0][:, 1]
    # Cells of this size do not overlap, unless a few units are very close together.
    return float(max(nearest.min(), 0.5 * np.quantile(nearest, 0.25)))


def _checked_edges(n_units: int, pairs: Any, lengths: Any) -> tuple[Ints, Float64s]:
    """Return two values: the pair of units of each edge, lower unit first, and the edge lengths.
    Raise InputError if the edges are not valid."""
    ends = np.asarray(pairs)
    if ends.size == 0:
        ends = np.empty((0, 2), dtype=np.int64)
    if ends.ndim != 2 or ends.shape[1] != 2 or ends.dtype.kind not in "iu":
        raise InputError(
            "`pairs` must be an array of unit numbers with shape (n_edges, 2). Got values of type "
            f"{ends.dtype} with shape {ends.shape}.",
            value=ends.shape,
        )
    values: Float64s = np.asarray(lengths, dtype=np.float64)
    if values.shape != (len(ends),):
        raise InputError(
            f"`lengths` must have shape ({len(ends)},), with one length for each row of `pairs`. "
            f"Got shape {values.shape}.",
            value=values.shape,
        )
    is_out = ((ends < 0) | (ends >= n_units) | (ends[:, :1] == ends[:, 1:])).any(axis=1)
    if is_out.any():
        raise InputError(
            f"`pairs` must join two different units from 0 to {n_units - 1}, but edge "
            f"{is_out.argmax()} is {ends[is_out.argmax()].tolist()}.",
            value=ends[is_out.argmax()].tolist(),
        )
    ordered = np.sort(ends, axis=1)
    ends, first, edge = np.unique(ordered, axis=0, return_index=True, return_inverse=True)
    is_other = values[first][edge.ravel()] != values
    if is_other.any():
        at = int(is_other.argmax())
        a, b = ends[edge.ravel()[at]]
        raise InputError(
            f"`lengths` contains two lengths for the edge between units {a} and {b}, which are "
            f"{values[at]:g} and {values[first][edge.ravel()[at]]:g}. Leave out one of them.",
            value=values[at],
        )
    return ends, values[first]


def _checked_adjacency(adjacency: Any) -> Any:
    """Convert a matrix of edge lengths to a canonical ``csr_array``, or raise InputError."""
    from scipy.sparse import csr_array

    given = adjacency
    if not hasattr(given, "tocsr"):
        is_array = hasattr(given, "__array__") or isinstance(given, (list, tuple))
        adjacency = np.asarray(given if is_array else None)
    if adjacency.dtype.kind not in "biuf":
        raise InputError(
            "`adjacency` must be an array or scipy.sparse array of numbers, but is "
            f"{type(given).__name__} ({adjacency.dtype}). For a networkx graph, pass "
            "nx.to_numpy_array(graph). For a list of edges, use Graph.from_edges.",
            value=type(given).__name__,
        )
    if len(adjacency.shape) != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise InputError(
            "`adjacency` must be square, with a row and a column for each unit. Got shape "
            f"{adjacency.shape}.",
            value=adjacency.shape,
        )
    n_units = adjacency.shape[0]
    if not 1 <= n_units <= MAX_GRAPH_UNITS:
        raise InputError(
            f"`adjacency` must have 1 to {MAX_GRAPH_UNITS} units, but has {n_units}. Use a "
            "`Lattice` for more units.",
            value=n_units,
        )
    edges = csr_array(adjacency, dtype=np.float64, copy=True)
    edges.sum_duplicates()
    edges.eliminate_zeros()
    # Before SciPy 1.15, graph algorithms need int32. The number of units is small enough.
    edges.indices, edges.indptr = edges.indices.astype(np.int32), edges.indptr.astype(np.int32)
    _check_lengths(edges)
    return edges


def _check_lengths(edges: Any) -> None:
    entries = edges.tocoo()
    is_wrong = ~(np.isfinite(entries.data) & (entries.data > 0)) | (entries.row == entries.col)
    if is_wrong.any():
        at = int(is_wrong.argmax())
        a, b, length = int(entries.row[at]), int(entries.col[at]), float(entries.data[at])
        if a == b:
            raise InputError(
                f"`adjacency` must have a zero diagonal, but contains {length:g} for unit {a}.",
                value=length,
            )
        raise InputError(
            "`adjacency` must contain finite lengths above 0, or 0 for no edge. Got "
            f"{length:g} between units {a} and {b}.",
            value=length,
        )
    uneven = (edges != edges.T).tocoo()
    if uneven.nnz:
        a, b = int(uneven.row[0]), int(uneven.col[0])
        raise InputError(
            f"`adjacency` must be symmetric, but contains {edges[a, b]:g} from unit {a} to {b} and "
            f"{edges[b, a]:g} from unit {b} to {a}. If each edge is given in only "
            "one direction, pass np.maximum(A, A.T).",
            value=edges[a, b],
        )


def _checked_positions(positions: Any, n_units: int) -> Float64s:
    try:
        places = np.array(positions, dtype=np.float64, order="C")
    except (ValueError, TypeError) as error:
        raise InputError(f"`positions` cannot be converted to numbers ({error}).") from error
    if places.shape != (n_units, 2):
        raise InputError(
            f"`positions` must have shape ({n_units}, 2), with x and y of each unit. Got shape "
            f"{places.shape}.",
            value=places.shape,
        )
    if not np.isfinite(places).all():
        raise InputError("`positions` must be finite numbers.")
    return places


def sparse_graph(lengths: Float64s, a: Ints, b: Ints, n: int) -> Any:
    """Return a graph as a sparse array of edge lengths.  The edges lead from `a` to `b`."""
    from scipy.sparse import csr_array

    order = np.lexsort([b, a])
    begins = np.searchsorted(a[order], np.arange(n + 1))
    # Before SciPy 1.15, graph algorithms need int32.
    ends = b[order].astype(np.int32), begins.astype(np.int32)
    return csr_array((lengths[order], *ends), shape=(n, n))


def shortest_paths(
    n_units: int, pairs: Ints, lengths: Float64s | None = None, *, starts: Ints | None = None
) -> Float64s:
    """Return the lengths of the shortest paths from each of the units `starts` to all units."""
    from scipy.sparse.csgraph import dijkstra

    # Edges of length 0 remain edges, because the array stores them explicitly.
    graph = sparse_graph(ones_or(lengths, len(pairs)), pairs[:, 0], pairs[:, 1], n_units)
    found: Float64s = dijkstra(graph, indices=starts, unweighted=lengths is None)
    return np.atleast_2d(found)


def connected_groups(lattice: Lattice, units: Ints, labels: Ints | None = None) -> Ints:
    """Number the connected groups of units. If labels are given, a group has only one label."""
    from scipy.sparse.csgraph import connected_components

    place = np.full(lattice.n_units, -1)
    place[units] = np.arange(len(units))
    pairs = place[neighbor_pairs(lattice)]
    pairs = pairs[(pairs >= 0).all(axis=1)]
    if labels is not None:
        pairs = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    graph = sparse_graph(np.ones(len(pairs)), pairs[:, 0], pairs[:, 1], len(units))
    return np.asarray(connected_components(graph, directed=False)[1])


def lattice_parts(lattice: Lattice) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two values that describe a lattice in a map file: JSON data and arrays."""
    if isinstance(lattice, Graph):
        pairs, lengths = lattice.edges
        arrays = {"pairs": pairs, "lengths": lengths, "positions": lattice.positions}
        named = {f"lattice.{name}": values for name, values in arrays.items()}
        return {"kind": "graph", "n_units": lattice.n_units}, named
    return {name: getattr(lattice, name) for name in ("n_rows", "n_cols", "kind", "boundary")}, {}


def lattice_of(header: Any, arrays: Mapping[str, Any], n_units: int) -> Lattice:
    """Make a lattice from the two values that `lattice_parts` returned."""
    if not isinstance(header, dict) or header.get("kind") != "graph":
        return Lattice(**header)
    if header["n_units"] != n_units:
        raise ParameterError(
            f"the graph has {header['n_units']} units, but there are {n_units} prototypes",
            value=header["n_units"],
        )
    parts = {name: arrays[f"lattice.{name}"] for name in ("pairs", "lengths", "positions")}
    return Graph.from_edges(n_units, **parts)
