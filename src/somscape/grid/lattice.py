"""The grid of units: positions, map distances, neighbors, symmetries and cells."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, check_whole
from somscape.errors import ParameterError

KINDS = ("rectangular", "hexagonal")
BOUNDARIES = ("plane", "cylinder", "torus")
HEXAGON_ROW_PITCH = np.sqrt(0.75)
"""Distance between rows of hexagons.  All six neighbors are then at distance 1."""

STRIP_ROWS = 4


@dataclass(frozen=True)
class Lattice:
    """Arrange units in rows and columns.

    Units are numbered by ``unit = row * n_cols + col``.  On a hexagonal lattice, the odd rows (1,
    3, ...) are shifted right by half a grid step, and the distance between rows is sqrt(3)/2.

    Parameters
    ----------
    n_rows, n_cols : int
        Size of the map, each at least 1.
    kind : {"rectangular", "hexagonal"}, default="hexagonal"
        Units have 8 neighbors on a rectangular lattice and 6 neighbors on a hexagonal lattice.
    boundary : {"plane", "cylinder", "torus"}, default="plane"
        On a cylinder, the last column is next to the first column.  On a torus, the last row is
        also next to the first row.

    Raises
    ------
    ValueError, TypeError
        If `n_rows` or `n_cols` is below 1, or if `kind` or `boundary` is unknown.  If a
        hexagonal torus has an odd number of rows, because its first and last row would not
        interlock.

    See Also
    --------
    Graph : Units with edges that you choose.

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
            raise ParameterError(
                f"`n_rows` of a hexagonal torus must be even, but is {self.n_rows}. Pass "
                f"n_rows={self.n_rows + 1}, boundary='plane' or boundary='cylinder'.",
                value=self.n_rows,
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
        """Whether the last row is next to the first row, as on a torus."""
        return self.boundary == "torus"

    @property
    def wraps_cols(self) -> bool:
        """Whether the last column is next to the first column (cylinder and torus)."""
        return self.boundary in ("cylinder", "torus")

    @property
    def size_text(self) -> str:
        """Number of rows and columns as text for the title of a plot."""
        return f"{self.n_rows} x {self.n_cols} units"

    @property
    def longest_side(self) -> float:
        """Number of units along the longer side, used for default radii."""
        return max(self.n_rows, self.n_cols)

    @property
    def step(self) -> float:
        """Usual distance of neighboring units (1 on a grid), used for default radii."""
        return 1.0

    @property
    def distance_table(self) -> Float64s | None:
        """Map distances between all units, or None if rows and columns determine them.

        The value is None for a `Lattice`.  For a `Graph`, the shape is (n_units, n_units).
        """
        return None

    @property
    def row_pitch(self) -> float:
        """Distance between rows, in grid steps."""
        return float(HEXAGON_ROW_PITCH) if self.is_hexagonal else 1.0

    @cached_property
    def positions(self) -> Float64s:
        """Position (x, y) of each unit in grid steps (n_units, 2), with the y axis down."""
        row, col = self.rows_and_cols(np.arange(self.n_units))
        shift = 0.5 * (row % 2) if self.is_hexagonal else 0.0
        return np.column_stack([col + shift, row * self.row_pitch])

    def rows_and_cols(self, units: Ints) -> tuple[Ints, Ints]:
        """Return the row and the column of each unit."""
        return units // self.n_cols, units % self.n_cols

    @cached_property
    def walk(self) -> Ints:
        """All units in an order that keeps neighbors close together, of shape (n_units,).

        The rows are divided into strips of about four, and the order goes through each strip column
        by column.  So any 16 consecutive units form a patch of about 4 x 4 units.
        """
        return _walk(self.n_rows, self.n_cols)

    def distances_from(self, unit: int) -> Float64s:
        """Return the map distance, in grid steps, from one unit to every unit.

        Parameters
        ----------
        unit : int
            The unit from which distances are measured.

        Returns
        -------
        ndarray of shape (n_units,)
            Euclidean distance of each unit's position, by the shorter way on a cylinder or torus.
        """
        return np.sqrt((self.offsets_from(unit) ** 2).sum(axis=1))

    def offsets_from(self, unit: int) -> Float64s:
        """Return how far every unit is from one unit along each axis, in grid steps.

        Parameters
        ----------
        unit : int
            The unit from which distances are measured.

        Returns
        -------
        ndarray of shape (n_units, 2)
            Absolute distance of each unit along x and y, by the shorter way on a cylinder or torus.
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
        """Neighbors of each unit in ascending order, of shape (n_units, 8 or 6).

        Units with fewer neighbors are padded with -1.  A unit is never its own neighbor, and each
        neighbor is listed once, even on a small torus.
        """
        row, col = self.rows_and_cols(np.arange(self.n_units))
        found = np.stack([self._at(row + dr, col + dc) for dr, dc in self._steps(row)], axis=1)
        found[found == np.arange(self.n_units)[:, None]] = -1
        found = np.sort(found, axis=1)
        found[:, 1:][found[:, 1:] == found[:, :-1]] = -1
        # Put the neighbors first, in ascending order, and the padding last.
        order = np.argsort(np.where(found < 0, self.n_units, found), axis=1, kind="stable")
        return np.take_along_axis(found, order, axis=1)

    def are_neighbors(self, a: Ints, b: Ints) -> np.ndarray:
        """Return, for each i, whether the units `a[i]` and `b[i]` are neighbors."""
        return (self.neighbors[a] == np.asarray(b)[..., None]).any(axis=-1)

    @cached_property
    def adjacency(self) -> Any:
        """Sparse matrix (CSR) with the value 1 for each pair of neighboring units.

        The matrix is symmetric, of shape (n_units, n_units).  On a `Graph`, the matrix contains
        the lengths of the edges.
        """
        from scipy.sparse import csr_array

        pairs = neighbor_pairs(self)
        return csr_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(self.n_units, self.n_units))

    @property
    def cell(self) -> Float64s:
        """Corners of a cell around its position, in grid steps (4 or 6, 2)."""
        if self.is_hexagonal:
            angle = np.pi / 6 + np.pi / 3 * np.arange(6)
            return np.column_stack([np.cos(angle), np.sin(angle)]) / np.sqrt(3)
        return np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])

    def _steps(self, row: Ints) -> list[tuple[int, Ints]]:
        """Return row and column offsets of neighbors.  On hexagons, they depend on the row."""
        zero = np.zeros_like(row)
        if not self.is_hexagonal:
            return [(dr, zero + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if dr or dc]
        left = row % 2 - 1  # even rows have neighbors to the left, odd rows to the right
        sides = [(dr, left + dc) for dr in (-1, 1) for dc in (0, 1)]
        return [(0, zero - 1), (0, zero + 1), *sides]

    def _at(self, row: Ints, col: Ints) -> Ints:
        """Return the unit at each given row and column, or -1 if they are outside the map."""
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
    """Return all pairs of neighboring units, each pair in both directions."""
    unit, slot = np.nonzero(lattice.neighbors >= 0)
    return np.column_stack([unit, lattice.neighbors[unit, slot]])


NEAR = 1e-6
"""Maximum distance in grid steps at which a unit still counts as being at a position."""


@dataclass(frozen=True, eq=False)
class Turn:
    """A rotation or reflection that maps a lattice onto itself.

    Attributes
    ----------
    words : str
        Description such as "turned by 180 degrees", or "" if every unit stays at its position.
    units : ndarray of shape (n_units,), int
        For the position of each unit, the unit that moves to this position.
    """

    words: str
    units: Ints


@dataclass(frozen=True, eq=False)
class Shifts:
    """All shifts of a lattice by a number of rows down and a number of steps to the right.

    On a hexagonal lattice, each step to the right is half a grid step, because odd rows are shifted
    by half a grid step.

    Attributes
    ----------
    rows, columns : ndarray of shape (n_units,), int
        Row of each unit, and its position in steps from the left.
    are_there : ndarray of shape (n_rows, n_across), bool
        Whether each shift moves all units to positions at which there are units.
    halves : int
        Number of steps to the right in one grid step (2 on a hexagonal lattice, otherwise 1).
    """

    rows: Ints
    columns: Ints
    are_there: np.ndarray
    halves: int

    def units(self, down: int, across: int) -> Ints:
        """Return, for the position of each unit, the unit that the shift moves there."""
        n_rows, n_across = self.are_there.shape
        row, column = (self.rows - down) % n_rows, (self.columns - across) % n_across
        return np.asarray(row * (n_across // self.halves) + column // self.halves)

    def words(self, down: int, across: int) -> str:
        """Describe the shift in words by the shorter way, or return "" if units do not move."""
        n_rows, n_across = self.are_there.shape
        ways = (
            (_shorter_way(down, n_rows), "up", "down"),
            (_shorter_way(across, n_across) / self.halves, "to the left", "to the right"),
        )
        phrases = [
            f"{abs(steps):g} step{'' if abs(steps) == 1 else 's'} {forth if steps > 0 else back}"
            for steps, back, forth in ways
            if steps
        ]
        return f"shifted by {' and '.join(phrases)}" if phrases else ""


def shifts(lattice: Lattice) -> Shifts:
    """Return the shifts of a lattice along its closed directions (cylinder or torus)."""
    halves = 2 if lattice.is_hexagonal else 1
    row, column = lattice.rows_and_cols(np.arange(lattice.n_units))
    down, across = np.ogrid[: lattice.n_rows, : halves * lattice.n_cols]
    are_there = (across - down * (halves - 1)) % halves == 0
    are_there &= lattice.wraps_rows | (down == 0)
    are_there &= lattice.wraps_cols | (across == 0)
    return Shifts(row, halves * column + row % halves, are_there, halves)


def turns(lattice: Lattice) -> list[Turn]:
    """Return the rotations and reflections of a lattice. The first one does not move units."""
    stays = Turn("", np.arange(lattice.n_units))
    if lattice.distance_table is not None:
        return [stays]
    found = {stays.units.tobytes(): stays}
    n = 6 if lattice.is_hexagonal else 4
    for words, matrix in [*_rotations(n), *_reflections(n)]:
        place = _turned_units(lattice, matrix)
        if place is not None:
            turn = Turn(words, np.argsort(place))
            found.setdefault(turn.units.tobytes(), turn)
    return list(found.values())


def _rotations(n: int) -> list[tuple[str, Float64s]]:
    """Return names and matrices of the rotations of a regular polygon with n sides.  Rotations are
    clockwise because y points down."""
    found = []
    for i in range(1, n):
        angle, degrees = 2 * np.pi * i / n, 360 * i // n
        way = "" if degrees == 180 else " clockwise" if degrees < 180 else " counterclockwise"
        cos, sin = np.cos(angle), np.sin(angle)
        words = f"turned by {min(degrees, 360 - degrees)} degrees{way}"
        found.append((words, np.array([[cos, -sin], [sin, cos]])))
    return found


def _reflections(n: int) -> list[tuple[str, Float64s]]:
    """Return names and matrices of the reflections of a regular polygon with n sides."""
    found = []
    for i in range(n):
        angle, degrees = np.pi * i / n, 180 * i // n
        diagonal = f"over the diagonal from the upper {'left' if degrees < 90 else 'right'}"
        words = f"flipped {({0: 'top to bottom', 90: 'left to right'}).get(degrees, diagonal)}"
        cos, sin = np.cos(2 * angle), np.sin(2 * angle)
        found.append((words, np.array([[cos, sin], [sin, -cos]])))
    return found


def _turned_units(lattice: Lattice, matrix: Float64s) -> Ints | None:
    """Return the unit at whose position each unit is after a turn, or None without symmetry."""
    wraps = np.array([lattice.wraps_cols, lattice.wraps_rows])
    periods = np.array([lattice.n_cols, lattice.n_rows * lattice.row_pitch])
    # Edges that meet must still meet after the turn.
    ends = (matrix * periods)[:, wraps]
    if np.abs(ends[~wraps]).max(initial=0) > NEAR:
        return None
    rounds = ends[wraps] / periods[wraps, None]
    if np.abs(rounds - np.rint(rounds)).max(initial=0) > NEAR:
        return None
    # Turn around the middle. Directions that wrap have no middle, but shifts cover these cases.
    middle = np.where(wraps, 0.0, lattice.positions.mean(axis=0))
    turned = (lattice.positions - middle) @ matrix.T + middle
    aside = (0.0, 0.5) if lattice.wraps_cols else (0.0,)
    placed = [_units_at(lattice, turned + np.array([more, 0.0])) for more in aside]
    return next((units for units in placed if units is not None), None)


def _units_at(lattice: Lattice, places: Float64s) -> Ints | None:
    """Return the unit at each of the positions, or None if a position is without a unit."""
    row = np.rint(places[:, 1] / lattice.row_pitch).astype(np.intp)
    far = places[:, 1] / lattice.row_pitch - row
    row = row % lattice.n_rows if lattice.wraps_rows else row
    x = places[:, 0] - (0.5 * (row % 2) if lattice.is_hexagonal else 0.0)
    col = np.rint(x).astype(np.intp)
    far = np.maximum(np.abs(far), np.abs(x - col))
    col = col % lattice.n_cols if lattice.wraps_cols else col
    is_inside = (row >= 0) & (row < lattice.n_rows) & (col >= 0) & (col < lattice.n_cols)
    if far.max() > NEAR or not is_inside.all():
        return None
    return np.asarray(row * lattice.n_cols + col)


def _shorter_way(steps: int, n: int) -> int:
    """Convert steps around n positions to the shorter direction (negative means backward).  If both
    directions are equally long, keep the forward direction."""
    return steps if steps <= n // 2 else steps - n
