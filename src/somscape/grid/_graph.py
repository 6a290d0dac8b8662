"""A lattice of any shape: units and the edges between them, as a user gives them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.grid._lattice import Lattice
from somscape.grid._layout import classical_scaling

MAX_GRAPH_UNITS = 10_000
"""The table of distances then takes 0.8 GB."""

CELL_CORNERS = 24
CELL_SHARE = 0.42
"""Radius of a cell, as a share of the distance from a unit to the nearest other."""


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Graph(Lattice):
    """Arrange units as the nodes of a graph.

    Map distances are the shortest paths along the edges; units that no path joins do not pull
    each other.  As a lattice, a graph has ``n_rows = n_units`` and ``n_cols = 1``.

    Parameters
    ----------
    adjacency : array-like or scipy.sparse array of shape (n_units, n_units)
        Length of the edge between two units, 0 for no edge; symmetric.  Radii are in the unit of
        these lengths: for an adjacency of 0 and 1, in steps.
    positions : array-like of shape (n_units, 2), optional
        (x, y) of each unit for drawing and for a PCA start; y grows downward.  Default: by
        classical scaling of the shortest paths, which suits graphs that are nearly flat.

    Attributes
    ----------
    n_rows, n_cols : int
        The number of units, and 1.
    kind, boundary : str
        ``"graph"`` and ``"plane"``.

    Raises
    ------
    InputError
        For an adjacency that is not square, not symmetric, or has a value below 0, that is not
        finite, or on the diagonal; for more than 10,000 units; for positions that do not fit.

    See Also
    --------
    Lattice : Units in rows and columns.
    somscape.plots.spanning_tree : A graph made from a map.

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
        return all(
            np.array_equal(a, b)
            for a, b in zip(
                (*self.edges, self.positions), (*other.edges, other.positions), strict=True
            )
        )

    def __hash__(self) -> int:
        return hash((self.n_units, self.edges[0].tobytes()))

    @classmethod
    def from_edges(
        cls, n_units: int, *, pairs: Any, lengths: Any, positions: Any = None
    ) -> "Graph":
        """Make a graph from a list of edges, as `edges` gives it.

        Parameters
        ----------
        n_units : int
            Number of units.
        pairs : array-like of shape (n_edges, 2), int
            The units that each edge joins.  An edge may be given in both directions.
        lengths : array-like of shape (n_edges,)
            Above 0.
        positions : array-like of shape (n_units, 2), optional
            As for `Graph`.

        Returns
        -------
        Graph

        Raises
        ------
        InputError
            For units that do not exist, other shapes, and an edge with two lengths.
        """
        from scipy.sparse import coo_array

        check_whole("n_units", n_units, 1, high=MAX_GRAPH_UNITS)
        ends, values = _checked_edges(n_units, pairs, lengths)
        upper = coo_array((values, (ends[:, 0], ends[:, 1])), shape=(n_units, n_units))
        return cls(upper + upper.T, positions)

    @property
    def adjacency(self) -> Any:
        """Lengths of the edges: a ``scipy.sparse.csr_array`` of shape (n_units, n_units)."""
        return self.__dict__["_adjacency"]

    @property
    def edges(self) -> tuple[Ints, Float64s]:
        """Pairs of units, of shape (n_edges, 2), lower unit first, and their lengths."""
        entries = self.adjacency.tocoo()
        pairs = np.column_stack([entries.row, entries.col]).astype(np.int64)
        is_upper = pairs[:, 0] < pairs[:, 1]
        return pairs[is_upper], entries.data[is_upper]

    @property
    def size_text(self) -> str:
        """The number of units, in words for a title."""
        return f"{self.n_units} units"

    @property
    def longest_side(self) -> float:
        """Units along the longest of all shortest paths, which radii are chosen by."""
        table = self.distance_table
        return 1.0 + float(table[np.isfinite(table)].max()) / self.step

    @property
    def step(self) -> float:
        """Median length of the edges, which radii are chosen by; 1 where there are none."""
        return float(np.median(self.adjacency.data)) if self.adjacency.nnz else 1.0

    @cached_property
    def distance_table(self) -> Float64s:
        """Shortest paths between all units, of shape (n_units, n_units).

        Infinite where there is none.
        """
        from scipy.sparse.csgraph import dijkstra

        table: Float64s = dijkstra(self.adjacency)
        # A path's lengths may add up to another last bit from its other end.
        table = np.minimum(table, table.T)
        table.flags.writeable = False
        return table

    @cached_property
    def positions(self) -> Float64s:
        """(x, y) of each unit, of shape (n_units, 2); y grows downward."""
        given: Float64s | None = self.__dict__["_given_positions"]
        return classical_scaling(self.distance_table) if given is None else given

    @cached_property
    def walk(self) -> Ints:
        """All units, neighbors close together, of shape (n_units,).

        By the order of Cuthill and McKee (1969), reversed.
        """
        from scipy.sparse.csgraph import reverse_cuthill_mckee

        walk = reverse_cuthill_mckee(self.adjacency, symmetric_mode=True)
        return np.ascontiguousarray(walk, dtype=np.int64)

    def distances_from(self, unit: int) -> Float64s:
        """Return the length of the shortest path from one unit to every unit.

        Parameters
        ----------
        unit : int
            The unit to measure from.

        Returns
        -------
        ndarray of shape (n_units,)
            Infinite where there is no path.
        """
        return self.distance_table[unit].copy()

    @cached_property
    def neighbors(self) -> Ints:
        """Units at the other ends of each unit's edges, ascending.

        Of shape (n_units, most edges of a unit); -1 where there are fewer.
        """
        degree = np.diff(self.adjacency.indptr)
        slots = np.arange(int(degree.max(initial=0)))
        found = np.full((self.n_units, len(slots)), -1, dtype=np.int64)
        found[slots < degree[:, None]] = self.adjacency.indices
        return found

    @property
    def cell(self) -> Float64s:
        """Corners of a small disk around a position, of shape (24, 2)."""
        angle = 2 * np.pi * np.arange(CELL_CORNERS) / CELL_CORNERS
        circle = np.column_stack([np.cos(angle), np.sin(angle)])
        return CELL_SHARE * _usual_gap(self.positions) * circle


def _usual_gap(positions: Float64s) -> float:
    """Distance to the nearest other place that most units have; 1 where all are at one place."""
    from scipy.spatial import KDTree

    places = np.unique(positions, axis=0)
    if len(places) < 2:
        return 1.0
    nearest = KDTree(places).query(places, k=2)[0][:, 1]
    # Cells that do not overlap, unless a few units lie very close.
    return float(max(nearest.min(), 0.5 * np.quantile(nearest, 0.25)))


def _checked_edges(n_units: int, pairs: Any, lengths: Any) -> tuple[Ints, Float64s]:
    """Return each edge once, lower unit first, and its length, or say what is wrong."""
    ends = np.asarray(pairs)
    if ends.size == 0:
        ends = np.empty((0, 2), dtype=np.int64)
    if ends.ndim != 2 or ends.shape[1] != 2 or ends.dtype.kind not in "iu":
        raise InputError(
            "`pairs` must hold two unit numbers for each edge, shape (n_edges, 2); got "
            f"{ends.dtype} of shape {ends.shape}."
        )
    values: Float64s = np.asarray(lengths, dtype=np.float64)
    if values.shape != (len(ends),):
        raise InputError(
            f"`lengths` must have shape ({len(ends)},), one for each of `pairs`; got "
            f"{values.shape}."
        )
    is_out = ((ends < 0) | (ends >= n_units) | (ends[:, :1] == ends[:, 1:])).any(axis=1)
    if is_out.any():
        raise InputError(
            f"`pairs` must join two different units from 0 to {n_units - 1}; got "
            f"{ends[is_out.argmax()].tolist()} for edge {is_out.argmax()}."
        )
    ends, first, edge = np.unique(
        np.sort(ends, axis=1), axis=0, return_index=True, return_inverse=True
    )
    is_other = values[first][edge.ravel()] != values
    if is_other.any():
        at = int(is_other.argmax())
        a, b = ends[edge.ravel()[at]]
        raise InputError(
            f"`lengths` must agree where an edge is given twice; got {values[at]:g} and "
            f"{values[first][edge.ravel()[at]]:g} between units {a} and {b}. Leave one out."
        )
    return ends, values[first]


def _checked_adjacency(adjacency: Any) -> Any:
    """Return edge lengths as a canonical ``csr_array``, or say what is wrong with them."""
    from scipy.sparse import csr_array

    given = adjacency
    if not hasattr(given, "tocsr"):
        is_array = hasattr(given, "__array__") or isinstance(given, (list, tuple))
        adjacency = np.asarray(given if is_array else None)
    if adjacency.dtype.kind not in "biuf":
        raise InputError(
            "`adjacency` must hold numbers in an array or scipy.sparse array; got "
            f"{type(given).__name__} ({adjacency.dtype}). For a networkx graph pass "
            "nx.to_numpy_array(graph), for a list of edges make the graph by Graph.from_edges."
        )
    if len(adjacency.shape) != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise InputError(
            "`adjacency` must be square, a row and a column for each unit; got the shape "
            f"{adjacency.shape}."
        )
    n_units = adjacency.shape[0]
    if not 1 <= n_units <= MAX_GRAPH_UNITS:
        raise InputError(
            f"`adjacency` must have 1 to {MAX_GRAPH_UNITS} units; got {n_units}. A `Lattice` "
            "takes more."
        )
    edges = csr_array(adjacency, dtype=np.float64, copy=True)
    edges.sum_duplicates()
    edges.eliminate_zeros()
    # SciPy's algorithms on graphs take no others before 1.15, and there are few enough units.
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
                f"`adjacency` must have a zero diagonal; got {length:g} from unit {a} to itself."
            )
        raise InputError(
            "`adjacency` must hold finite lengths above 0, and 0 for no edge; got "
            f"{length:g} between units {a} and {b}."
        )
    uneven = (edges != edges.T).tocoo()
    if uneven.nnz:
        a, b = int(uneven.row[0]), int(uneven.col[0])
        raise InputError(
            f"`adjacency` must be symmetric; got {edges[a, b]:g} from unit {a} to {b} and "
            f"{edges[b, a]:g} back. Pass np.maximum(A, A.T) if each edge is there once."
        )


def _checked_positions(positions: Any, n_units: int) -> Float64s:
    try:
        places = np.array(positions, dtype=np.float64, order="C")
    except (ValueError, TypeError) as error:
        raise InputError(f"`positions` must hold numbers; {error}.") from error
    if places.shape != (n_units, 2):
        raise InputError(
            f"`positions` must have shape ({n_units}, 2), x and y of each unit; got {places.shape}."
        )
    if not np.isfinite(places).all():
        raise InputError("`positions` must be finite.")
    return places
