"""What maps a lattice to itself: turns, flips, and shifts where edges meet."""

from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid._lattice import Lattice

NEAR = 1e-6
"""How far a place may lie from a unit, in grid steps, by rounding."""


@dataclass(frozen=True, eq=False)
class Turn:
    """A turn or a flip of a lattice.

    Attributes
    ----------
    words : str
        Such as "turned by 180 degrees"; "" where all stays.
    units : ndarray of shape (n_units,), int
        By place, the unit that comes to lie there.
    """

    words: str
    units: Ints


@dataclass(frozen=True, eq=False)
class Shifts:
    """The shifts of a lattice, in rows down and in steps across.

    On hexagons halves of steps are counted across, because a row down lies half a step aside.

    Attributes
    ----------
    rows, columns : ndarray of shape (n_units,), int
        Where each unit lies, in these steps.
    are_there : ndarray of shape (n_rows, n_across), bool
        Whether a shift maps units to units.
    halves : int
        Counted steps in a step across: 2 on hexagons, else 1.
    """

    rows: Ints
    columns: Ints
    are_there: np.ndarray
    halves: int

    def units(self, down: int, across: int) -> Ints:
        """Return, by place, the unit that comes to lie there."""
        n_rows, n_across = self.are_there.shape
        row, column = (self.rows - down) % n_rows, (self.columns - across) % n_across
        return np.asarray(row * (n_across // self.halves) + column // self.halves)

    def words(self, down: int, across: int) -> str:
        """Return a shift in words, the short way round; "" where all stays."""
        n_rows, n_across = self.are_there.shape
        ways = (
            (_short(down, n_rows), "up", "down"),
            (_short(across, n_across) / self.halves, "to the left", "to the right"),
        )
        said = [
            f"{abs(steps):g} step{'' if abs(steps) == 1 else 's'} {forth if steps > 0 else back}"
            for steps, back, forth in ways
            if steps
        ]
        return f"shifted by {' and '.join(said)}" if said else ""


def shifts(lattice: Lattice) -> Shifts:
    """Return the shifts of a lattice: by nothing, and over edges that meet."""
    halves = 2 if lattice.is_hexagonal else 1
    row, column = lattice.rows_and_cols(np.arange(lattice.n_units))
    down, across = np.ogrid[: lattice.n_rows, : halves * lattice.n_cols]
    are_there = (across - down * (halves - 1)) % halves == 0
    are_there = (
        are_there & (lattice.wraps_rows | (down == 0)) & (lattice.wraps_cols | (across == 0))
    )
    return Shifts(row, halves * column + row % halves, are_there, halves)


def turns(lattice: Lattice) -> list[Turn]:
    """Return the turns and flips of a lattice, first what leaves all as it is."""
    stays = Turn("", np.arange(lattice.n_units))
    if lattice.distance_table is not None:
        return [stays]
    found = {stays.units.tobytes(): stays}
    n = 6 if lattice.is_hexagonal else 4
    for words, matrix in [*_rotations(n), *_reflections(n)]:
        place = _moved(lattice, matrix)
        if place is not None:
            turn = Turn(words, np.argsort(place))
            found.setdefault(turn.units.tobytes(), turn)
    return list(found.values())


def _rotations(n: int) -> list[tuple[str, Float64s]]:
    """Return the rotations of a polygon of n sides; clockwise, as y grows downward."""
    found = []
    for i in range(1, n):
        angle, degrees = 2 * np.pi * i / n, 360 * i // n
        way = "" if degrees == 180 else " clockwise" if degrees < 180 else " counterclockwise"
        cos, sin = np.cos(angle), np.sin(angle)
        words = f"turned by {min(degrees, 360 - degrees)} degrees{way}"
        found.append((words, np.array([[cos, -sin], [sin, cos]])))
    return found


def _reflections(n: int) -> list[tuple[str, Float64s]]:
    """Return the reflections of a polygon of n sides."""
    found = []
    for i in range(n):
        angle, degrees = np.pi * i / n, 180 * i // n
        diagonal = f"over the diagonal from the upper {'left' if degrees < 90 else 'right'}"
        words = f"flipped {({0: 'top to bottom', 90: 'left to right'}).get(degrees, diagonal)}"
        cos, sin = np.cos(2 * angle), np.sin(2 * angle)
        found.append((words, np.array([[cos, sin], [sin, -cos]])))
    return found


def _moved(lattice: Lattice, matrix: Float64s) -> Ints | None:
    """Return the unit at each unit's place after a turn, or None where it is no symmetry."""
    wraps = np.array([lattice.wraps_cols, lattice.wraps_rows])
    periods = np.array([lattice.n_cols, lattice.n_rows * lattice.row_pitch])
    # What meets must still meet.
    ends = (matrix * periods)[:, wraps]
    if np.abs(ends[~wraps]).max(initial=0) > NEAR:
        return None
    rounds = ends[wraps] / periods[wraps, None]
    if np.abs(rounds - np.rint(rounds)).max(initial=0) > NEAR:
        return None
    # Around the middle; where edges meet there is none, and shifts do the rest.
    middle = np.where(wraps, 0.0, lattice.positions.mean(axis=0))
    turned = (lattice.positions - middle) @ matrix.T + middle
    aside = (0.0, 0.5) if lattice.wraps_cols else (0.0,)
    placed = [_units_at(lattice, turned + np.array([more, 0.0])) for more in aside]
    return next((units for units in placed if units is not None), None)


def _units_at(lattice: Lattice, places: Float64s) -> Ints | None:
    """Return the unit at each place, or None if one is empty."""
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


def _short(steps: int, n: int) -> int:
    """Return steps the short way round, forth if both are equal."""
    return steps if steps <= n // 2 else steps - n
