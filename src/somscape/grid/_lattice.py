"""The grid of units: positions, map distances, neighbors and the cells that draw them."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, check_whole

KINDS = ("rectangular", "hexagonal")
BOUNDARIES = ("plane", "cylinder", "torus")
HEXAGON_ROW_PITCH = np.sqrt(0.75)
"""Rows of hexagons lie this far apart, so that all six neighbors are at distance 1."""

STRIP_ROWS = 4


@dataclass(frozen=True)
class Lattice:
    """Arrange units in rows and columns.

    ``unit = row * n_cols + col`` throughout.  On a hexagonal lattice the odd rows
    (1, 3, ...) lie half a step to the right and rows are sqrt(3)/2 apart.

    Parameters
    ----------
    n_rows, n_cols : int
        Size of the map, each at least 1.
    kind : {"rectangular", "hexagonal"}, default="hexagonal"
        Units have 8 neighbors on a rectangular lattice and 6 on a hexagonal one.
    boundary : {"plane", "cylinder", "torus"}, default="plane"
        On a cylinder the last column meets the first; on a torus the last row also meets the
        first.

    Raises
    ------
    ValueError, TypeError
        For a size below 1, an unknown kind or boundary, or a hexagonal torus with an
        odd number of rows, whose first and last row would not interlock.

    See Also
    --------
    Graph : Units joined by edges of your own.

    Examples
    --------
    >>> from somscape import Lattice
    >>> lattice = Lattice(2, 3, kind="hexagonal")
    >>> lattice.n_units
    6
    >>> lattice.positions[3].round(3).tolist()
    [0.5, 0.866]
    """

    n_rows: int
    n_cols: int
    kind: str = "hexagonal"
    boundary: str = "plane"

    def __post_init__(self) -> None:
        check_whole("n_rows", self.n_rows, 1)
        check_whole("n_cols", self.n_cols, 1)
        check_choice("kind", self.kind, KINDS)
        check_choice("boundary", self.boundary, BOUNDARIES)
        if self.is_hexagonal and self.wraps_rows and self.n_rows % 2:
            raise ValueError(
                f"a hexagonal torus needs an even `n_rows`; got {self.n_rows}. "
                f"Pass {self.n_rows + 1}, or boundary='plane' or 'cylinder'."
            )

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.n_rows * self.n_cols

    @property
    def is_hexagonal(self) -> bool:
        """Whether units are hexagons."""
        return self.kind == "hexagonal"

    @property
    def wraps_rows(self) -> bool:
        """Whether the last row meets the first, as on a torus."""
        return self.boundary == "torus"

    @property
    def wraps_cols(self) -> bool:
        """Whether the last column meets the first, as on a cylinder and on a torus."""
        return self.boundary in ("cylinder", "torus")

    @property
    def size_text(self) -> str:
        """The number of units, in words for a title."""
        return f"{self.n_rows} x {self.n_cols} units"

    @property
    def longest_side(self) -> float:
        """Length of the longer side in units, which radii are chosen by."""
        return max(self.n_rows, self.n_cols)

    @property
    def step(self) -> float:
        """Usual distance between neighbors, which radii are chosen by: 1 but on a graph."""
        return 1.0

    @property
    def distance_table(self) -> Float64s | None:
        """Distances of all pairs of units where no rule gives them.

        None here: rows and columns tell how far units lie apart.  A `Graph` has a table of shape
        (n_units, n_units).
        """
        return None

    @property
    def row_pitch(self) -> float:
        """Distance between rows, in grid steps."""
        return float(HEXAGON_ROW_PITCH) if self.is_hexagonal else 1.0

    @cached_property
    def positions(self) -> Float64s:
        """(x, y) of each unit in grid steps, of shape (n_units, 2); y grows downward."""
        row, col = self.rows_and_cols(np.arange(self.n_units))
        shift = 0.5 * (row % 2) if self.is_hexagonal else 0.0
        return np.column_stack([col + shift, row * self.row_pitch])

    def rows_and_cols(self, units: Ints) -> tuple[Ints, Ints]:
        """Return the row and the column of each unit."""
        return units // self.n_cols, units % self.n_cols

    @cached_property
    def walk(self) -> Ints:
        """All units, neighbors close together, of shape (n_units,).

        Through strips of about four rows, column by column, there and back: any 16 units in a
        row lie in a patch of about 4 x 4.
        """
        return _walk(self.n_rows, self.n_cols)

    def distances_from(self, unit: int) -> Float64s:
        """Return the map distance, in grid steps, from one unit to every unit.

        Parameters
        ----------
        unit : int
            The unit to measure from.

        Returns
        -------
        ndarray of shape (n_units,)
            Euclidean distance between positions, the shortest way round where edges meet.
        """
        return np.sqrt((self.offsets_from(unit) ** 2).sum(axis=1))

    def offsets_from(self, unit: int) -> Float64s:
        """Return how far every unit lies from one along each axis, in grid steps.

        Parameters
        ----------
        unit : int
            The unit to measure from.

        Returns
        -------
        ndarray of shape (n_units, 2)
            Along x and y, without sign, the shortest way round where edges meet.
        """
        offsets: Float64s = np.abs(self.positions - self.positions[unit])
        wraps = (self.wraps_cols, self.wraps_rows)
        periods = (self.n_cols, self.n_rows * self.row_pitch)
        for axis, (is_wrapped, period) in enumerate(zip(wraps, periods, strict=True)):
            if is_wrapped:
                offsets[:, axis] = np.minimum(offsets[:, axis], period - offsets[:, axis])
        return offsets

    @cached_property
    def neighbors(self) -> Ints:
        """Neighbors of each unit, ascending, of shape (n_units, 8 or 6); -1 where fewer.

        Where edges meet on a map only one or two units wide, a unit is not its own neighbor,
        and no neighbor counts twice.
        """
        row, col = self.rows_and_cols(np.arange(self.n_units))
        found = np.stack([self._at(row + dr, col + dc) for dr, dc in self._steps(row)], axis=1)
        found[found == np.arange(self.n_units)[:, None]] = -1
        found = np.sort(found, axis=1)
        found[:, 1:][found[:, 1:] == found[:, :-1]] = -1
        # Real neighbors first, in ascending order; the gaps go last.
        order = np.argsort(np.where(found < 0, self.n_units, found), axis=1, kind="stable")
        return np.take_along_axis(found, order, axis=1)

    def are_neighbors(self, a: Ints, b: Ints) -> np.ndarray:
        """Return whether units `a[i]` and `b[i]` are neighbors, elementwise."""
        return (self.neighbors[a] == np.asarray(b)[..., None]).any(axis=-1)

    @cached_property
    def adjacency(self) -> Any:
        """Which units are neighbors: a ``scipy.sparse.csr_array`` of 1 for each pair.

        Symmetric, of shape (n_units, n_units); on a `Graph` it holds the lengths of the edges.
        """
        from scipy.sparse import csr_array

        pairs = neighbor_pairs(self)
        return csr_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(self.n_units, self.n_units))

    @property
    def cell(self) -> Float64s:
        """Corners of the cell around a position, of shape (4 or 6, 2), in grid steps."""
        if self.is_hexagonal:
            angle = np.pi / 6 + np.pi / 3 * np.arange(6)
            return np.column_stack([np.cos(angle), np.sin(angle)]) / np.sqrt(3)
        return np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])

    def _steps(self, row: Ints) -> list[tuple[int, Ints]]:
        """Row and column offsets of the neighbors; columns may depend on the row's parity."""
        zero = np.zeros_like(row)
        if not self.is_hexagonal:
            return [(dr, zero + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if dr or dc]
        left = row % 2 - 1  # even rows lean left, odd rows right
        sides = [(dr, left + dc) for dr in (-1, 1) for dc in (0, 1)]
        return [(0, zero - 1), (0, zero + 1), *sides]

    def _at(self, row: Ints, col: Ints) -> Ints:
        """Unit at each row and column, or -1 beyond an edge that meets no other."""
        if self.wraps_rows:
            row = row % self.n_rows
        if self.wraps_cols:
            col = col % self.n_cols
        inside = (row >= 0) & (row < self.n_rows) & (col >= 0) & (col < self.n_cols)
        return np.where(inside, row * self.n_cols + col, -1)


@lru_cache(maxsize=8)
def _walk(n_rows: int, n_cols: int) -> Ints:
    n_strips = -(-n_rows // STRIP_ROWS)
    strips = np.array_split(np.arange(n_rows * n_cols).reshape(n_rows, n_cols), n_strips)
    walk = np.concatenate([s[:, :: -1 if i % 2 else 1].T.ravel() for i, s in enumerate(strips)])
    walk.flags.writeable = False  # shared by lattices of this shape
    return walk


def neighbor_pairs(lattice: Lattice) -> Ints:
    """Return all pairs of neighbors of a lattice, each in both directions."""
    unit, slot = np.nonzero(lattice.neighbors >= 0)
    return np.column_stack([unit, lattice.neighbors[unit, slot]])
