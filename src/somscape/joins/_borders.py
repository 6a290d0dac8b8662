"""How far rows lie from the border of two parts of a map, along the parts."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.joins._near import Near
from somscape.joins._pieces import Pieces
from somscape.joins._touching import edges_of, sparse_graph
from somscape.joins._valley import valley

N_AT_BORDER = 20
"""Rows nearest to a border, by which the distance of two units there is taken."""

MAX_LEAP = 2.0
"""How many such distances two units of both parts lie apart at most where the parts touch."""


FACING = 1.5
"""The same for units that do not touch one of the other part: along a gap few do."""

BENT = 1.5
"""How many times as long as that the path along the part to one that does may be."""

LARGE = 1.25
"""Maps of more units than this many times ``5 sqrt(n)``, the default, try no narrow windows."""

NARROWEST = 0.7
"""Their narrowest half width where a unit has one row, in distances of two units of a part; with
more rows it is as many times narrower."""


def narrowest_window(n_units: int, n_rows: float) -> float:
    """Return the least half width of windows on a map, in distances of two units of a part."""
    is_large = n_units > LARGE * 5 * np.sqrt(n_rows)
    return NARROWEST * n_units / n_rows if is_large else 0.0


class Borders:
    """Compares rows at the border of two parts with the rows beside it.

    At the border, a row lies as far from it as from the middle between its own unit and the nearest
    of the other part, along the line through both: a difference of two distances, in which what
    separates the row from both cancels.  A row of an inner unit lies as far as the shortest path
    from the border, along the part, is long; so a bent group is no denser where it turns.  Units
    beside the other part, but far along their own from where both touch, lie at the border, too.

    Parameters
    ----------
    near : Near
    touching : csr_array of shape (n_units, n_units)
        Distances of units that touch.
    narrowest : float, default=0.0
        Least half width of a window, in distances of two units of a part; see `narrowest_window`.
    """

    def __init__(self, near: Near, touching: Any, *, narrowest: float = 0.0) -> None:
        self._near, self._touching, self._narrowest = near, touching, narrowest

    def compare(self, pieces: Pieces, parts: tuple[int, int], rows: tuple[Ints, Ints]) -> float:
        """Return how unlikely so few rows at the border are; see `valley`."""
        faced = [self._facing(rows[i], pieces, parts[1 - i]) for i in (0, 1)]
        far, gaps = (np.concatenate(each) for each in zip(*faced, strict=True))
        at_border = np.argsort(far, kind="stable")[:N_AT_BORDER]  # NaN comes last
        known = gaps[at_border][~np.isnan(far[at_border])]
        if not len(known):  # no row of one part has a unit of the other among its nearest
            _, ends, lengths = edges_of(self._touching, pieces.members[parts[0]])
            known = lengths[pieces.of_unit[ends] == parts[1]]
        unit = float(np.median(known)) if len(known) else 0.0
        along = [
            self._along(rows[i], pieces, (parts[i], parts[1 - i]), unit, faced[i]) for i in (0, 1)
        ]
        weights = [self._near.weights[rows[i]] for i in (0, 1)]
        narrowest = self._narrowest and self._narrowest * self._spacing(
            np.concatenate(rows)[at_border], pieces
        )
        return valley(along[0], weights[0], along[1], weights[1], unit, narrowest=narrowest)

    def _spacing(self, rows: Ints, pieces: Pieces) -> float:
        """Return the distance of two units of one part near some rows; 0 if none is near."""
        part = pieces.of_unit[self._near.units[rows]]
        is_own = part == part[:, :1]
        is_own[:, 0] = False
        has_own = is_own.any(axis=1)
        gaps = self._near.gaps[rows[has_own], is_own[has_own].argmax(axis=1)]
        return float(np.median(gaps)) if len(gaps) else 0.0

    def _facing(self, rows: Ints, pieces: Pieces, other: int) -> tuple[Float64s, Float64s]:
        """Return how far rows lie from the middle to another part, and from unit to unit."""
        near = self._near
        is_other = pieces.of_unit[near.units[rows]] == other
        slot = is_other.argmax(axis=1)
        gaps = near.gaps[rows, slot]
        rise = near.squares[rows, slot] - near.squares[rows, 0]
        is_there = is_other[np.arange(len(rows)), slot] & (gaps > 0)
        far = np.full(len(rows), np.nan)
        np.divide(rise, 2 * gaps, out=far, where=is_there)
        return far, np.where(is_there, gaps, np.nan)

    def _along(
        self,
        rows: Ints,
        pieces: Pieces,
        parts: tuple[int, int],
        unit: float,
        faced: tuple[Float64s, Float64s],
    ) -> Float64s:
        """Return how far rows of a part lie from its border with another, along the part."""
        near = self._near
        members = pieces.members[parts[0]]
        begins, ends, lengths = edges_of(self._touching, members)
        leads = pieces.of_unit[ends] == parts[1]
        far, gaps = faced
        far = np.where(np.isnan(far), unit / 2, far)
        if not leads.any():
            return far
        is_first = np.zeros(len(members), dtype=bool)
        leaps = lengths[leads]
        is_first[begins[leads][leaps <= max(MAX_LEAP * unit, leaps.min())]] = True
        place = np.full(len(pieces.of_unit), -1)
        place[members] = np.arange(len(members))
        own = place[near.units[rows, 0]]
        inside = place[ends] >= 0
        squares = sparse_graph(
            lengths[inside] ** 2, begins[inside], place[ends[inside]], len(members)
        )
        path, before = _paths(squares, is_first)
        facing = np.full(len(members), np.inf)
        np.fmin.at(facing, own, gaps)
        is_beside = (facing <= FACING * unit) & (facing < BENT * path)
        if is_beside.any():
            is_first |= is_beside
            path, before = _paths(squares, is_first)
        inner = np.flatnonzero(~is_first[own])
        step = before[own[inner]]
        beyond = self._beyond(rows[inner], members[np.maximum(step, 0)])
        along = np.maximum(path[own[inner]] + beyond + unit / 2, 0)
        far[inner] = np.where(step >= 0, along, np.inf)
        return far

    def _beyond(self, rows: Ints, before: Ints) -> Float64s:
        """Return how far rows lie beyond their unit, seen from the unit before it."""
        near = self._near
        is_before = near.units[rows] == before[:, None]
        slot = is_before.argmax(axis=1)
        gaps = near.gaps[rows, slot]
        rise = near.squares[rows, slot] - near.squares[rows, 0] - gaps**2
        is_there = is_before[np.arange(len(rows)), slot] & (gaps > 0)
        return np.divide(rise, 2 * gaps, out=np.zeros(len(rows)), where=is_there)


def _paths(squares: Any, is_first: np.ndarray) -> tuple[Float64s, Ints]:
    """Return the length of each unit's path from the border, and the unit before it, or -1."""
    from scipy.sparse.csgraph import dijkstra

    cost, before, _ = dijkstra(
        squares, indices=np.flatnonzero(is_first), min_only=True, return_predecessors=True
    )
    known = before >= 0
    back = np.where(known, before, np.arange(len(before)))
    path = np.sqrt(np.maximum(np.where(known, cost - cost[back], 0), 0))
    while (back != back[back]).any():  # each round doubles how far the paths are added up
        path = path + path[back]
        back = back[back]
    return path, np.where(known, before, -1)
