"""The order in which the units of a map join, last those between which density falls most."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.joins._borders import Borders, narrowest_window
from somscape.joins._near import Kept, Near, Pull, near_units
from somscape.joins._pieces import Pieces
from somscape.joins._touching import touching_units
from somscape.joins._valley import FEW, SHALLOW

SUSPECT = 0.02
"""Parts wait for all others to join if a border of one group would so rarely be as empty."""

TELLING = -np.log(SUSPECT) / np.log1p(SHALLOW)
"""Rows (6.7) up to which a part is never suspect: beside an empty border, `valley` gives 1.8 to the
power of minus the rows at least."""

ALPHA = 3e-4
"""Parts are two groups if a border of one group would so rarely be as empty: at most this, and at
most what the next two give."""

ALPHA_ROWS = 0.1
"""The same, divided by the number of rows: more rows make more places to find a border."""

ALPHA_UNITS = 0.05
"""The same, divided by the number of units: there are about as many borders."""

EMPTY_WEIGHT = 1e-9
"""Weight of a unit that won no row, as a share of the mean weight, so that it joins early."""


@dataclass(frozen=True, eq=False)
class Joins:
    """How the units of a map join to one piece.

    Attributes
    ----------
    pairs : ndarray of shape (n_joins, 2)
        Two pieces, each named by its lowest unit, the lower first; the joined piece has the first
        name.  Undoing the last joins, one after another, gives regions of which the later ones lie
        inside the earlier.
    evidence : ndarray of shape (n_joins,), float64
        How unlikely so few rows between both pieces are, if they are one group.
    n_apart : int
        Number of pieces between which density falls.
    """

    pairs: Ints
    evidence: Float64s
    n_apart: int

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the joins as named arrays of a file."""
        return {
            "joins.pairs": self.pairs.astype(np.int64),
            "joins.evidence": self.evidence,
            "joins.n_apart": np.array([self.n_apart], dtype=np.int64),
        }

    def renumbered(self, places: Ints) -> "Joins":
        """Return the same joins of units that have other numbers."""
        name, pairs = places.tolist(), []
        for into, other in self.pairs.tolist():
            low, high = sorted((name[into], name[other]))
            pairs.append((low, high))
            name[into] = low
        return replace(self, pairs=np.array(pairs, dtype=np.intp).reshape(-1, 2))


def joins_of(arrays: Mapping[str, np.ndarray], n_units: int) -> Joins | None:
    """Return the joins of a file's arrays, or None if it holds none."""
    if not any(name.startswith("joins.") for name in arrays):
        return None
    pairs, evidence = arrays["joins.pairs"], arrays["joins.evidence"]
    (n_apart,) = arrays["joins.n_apart"].tolist()
    if (
        pairs.dtype.kind != "i"
        or pairs.shape != (len(evidence), 2)
        or evidence.dtype != np.float64
        or arrays["joins.n_apart"].dtype.kind != "i"
    ):
        raise ValueError("joins must be pairs of units with evidence")
    if not ((evidence >= 0) & (evidence <= 1)).all():
        raise ValueError("evidence of joins must lie from 0 to 1")
    into, other = pairs[:, 0], pairs[:, 1]
    is_gone = len(np.unique(other)) == len(other) and ((into >= 0) & (into < other)).all()
    if (
        not is_gone
        or not (other < n_units).all()
        or not 0 < n_units - len(pairs) <= n_apart <= n_units
    ):
        raise ValueError("joins must name each piece by its lowest unit, and leave at least one")
    if (_when_gone(pairs, n_units)[into] <= np.arange(len(pairs))).any():
        raise ValueError("a piece that joined another cannot join again")
    return Joins(pairs.astype(np.intp), evidence, int(n_apart))


def _when_gone(pairs: Ints, n_units: int) -> Ints:
    """Return which join ends each piece; a number behind all joins for those that stay."""
    gone = np.full(n_units, len(pairs))
    gone[pairs[:, 1]] = np.arange(len(pairs))
    return gone


def pieces_after(n_units: int, pairs: Ints) -> Ints:
    """Return which piece each unit belongs to after some joins."""
    piece = np.arange(n_units)
    for into, other in pairs[::-1].tolist():  # later joins of `into` are known by then
        piece[other] = piece[into]
    return piece


def join_units(
    kept: Kept, places: Float64s, hits: Float64s, lattice: Lattice, pull: Pull | None = None
) -> Joins:
    """Return how the units of a map join."""
    kept = kept.distinct
    near = near_units(kept.rows, kept.weights, places, pull)
    touching, closest = touching_units(near, places, lattice)
    narrowest = narrowest_window(len(places), hits.sum() or len(kept.rows))
    borders = Borders(near, touching, narrowest=narrowest)
    first = _Parts(borders, closest, near, places, hits).join_all()
    alpha = min(ALPHA, ALPHA_ROWS / near.weights.sum(), ALPHA_UNITS / len(places))
    piece_of = _held_apart(len(places), first, alpha)
    inside = [join for join in first if piece_of[join[0]] == piece_of[join[1]]]
    parts = _Parts(borders, closest, near, places, hits)
    for into, other, _ in inside:
        parts.join(into, other)
    n_pieces = len(places) - len(inside)
    between = parts.join_all(by_evidence=True)
    n_joined = next((i for i, join in enumerate(between) if join[2] < alpha), len(between))
    ordered = [*_weakest_first(inside), *between]
    pairs = np.array([join[:2] for join in ordered], dtype=np.intp).reshape(-1, 2)
    return Joins(pairs, np.array([join[2] for join in ordered]), n_pieces - n_joined)


def import_solvers() -> None:
    """Import what `join_units` needs: where memory is limited, before the limit."""
    import scipy.sparse.csgraph
    import scipy.special  # noqa: F401 - before the limit


Join = tuple[int, int, float]
"""Two pieces and the evidence that they are apart."""


class _Parts:
    """The parts of a map that have joined so far, and their rows."""

    def __init__(
        self, borders: Borders, closest: Any, near: Near, places: Float64s, hits: Float64s
    ) -> None:
        n_units = len(places)
        hits = hits if hits.any() else np.ones(n_units)
        beside = [
            closest.indices[closest.indptr[u] : closest.indptr[u + 1]].tolist()
            for u in range(n_units)
        ]
        self._pieces = Pieces(beside, places, np.maximum(hits, EMPTY_WEIGHT * hits.mean()))
        self._borders = borders
        winners = near.units[:, 0]
        order = np.argsort(winners, kind="stable")
        bounds = np.searchsorted(winners[order], np.arange(n_units + 1))
        self._rows = [order[bounds[u] : bounds[u + 1]] for u in range(n_units)]
        self._counts = np.bincount(winners, near.weights, minlength=n_units)
        self._is_live = np.ones(n_units, dtype=bool)

    def join(self, into: int, other: int) -> None:
        """Join two parts; the second name is not used afterwards."""
        self._pieces.join(into, other)
        self._rows[into] = np.concatenate([self._rows[into], self._rows[other]])
        self._counts[into] += self._counts[other]
        self._is_live[other] = False

    def join_all(self, by_evidence: bool = False) -> list[Join]:
        """Join all parts that touch, and return the joins in order."""
        pieces, joins = self._pieces, []
        # A changed part has new costs: `age` tells old entries of the heap from new ones.
        age = [0] * len(self._rows)
        heap: list[tuple[bool, float, int, int, int, int]] = []

        def push(a: int, b: int) -> None:
            low, high = min(a, b), max(a, b)
            key = -self._evidence(low, high) if by_evidence else self._cost(low, high)
            heappush(heap, (by_evidence, key, low, high, age[low], age[high]))

        for low in np.flatnonzero(self._is_live).tolist():
            for high in sorted(pieces.neighbors[low]):
                if low < high:
                    push(low, high)
        while heap:
            waits, key, low, high, age_low, age_high = heappop(heap)
            if age[low] != age_low or age[high] != age_high:
                continue
            if not waits and (evidence := self._evidence(low, high, TELLING)) < SUSPECT:
                heappush(heap, (True, -evidence, low, high, age_low, age_high))
                continue
            joins.append((low, high, -key if waits else 1.0))
            self.join(low, high)
            age[low] += 1
            age[high] = -1
            for piece in sorted(pieces.neighbors[low]):
                push(low, piece)
        return joins

    def _evidence(self, a: int, b: int, few: float = FEW) -> float:
        """Return how unlikely so few rows between two parts are, if they are one group."""
        if min(self._counts[a], self._counts[b]) <= few:
            return 1.0
        return self._borders.compare(self._pieces, (a, b), (self._rows[a], self._rows[b]))

    def _cost(self, a: int, b: int) -> float:
        weights = self._pieces.weights
        shared = weights[a] * weights[b] / (weights[a] + weights[b])
        return float(np.sqrt(shared) * self._pieces.apart(a, np.array([b]))[0])


def _held_apart(n_units: int, joins: list[Join], alpha: float) -> Ints:
    """Return the piece of each unit if joins with evidence, and those above them, are undone."""
    holds: set[int] = set()
    kept = []
    for into, other, evidence in joins:
        if evidence < alpha or into in holds or other in holds:
            holds.add(into)
        else:
            kept.append((into, other))
    return pieces_after(n_units, np.array(kept, dtype=np.intp).reshape(-1, 2))


def _weakest_first(joins: list[Join]) -> list[Join]:
    """Return joins in an order whose last are those above the strongest evidence."""
    made: dict[int, int] = {}
    below: list[list[int]] = []
    strongest: list[float] = []
    is_inner = [False] * len(joins)
    for i, (into, other, evidence) in enumerate(joins):
        below.append([made[name] for name in (into, other) if name in made])
        for j in below[i]:
            is_inner[j] = True
        own = evidence if evidence < SUSPECT else 1.0
        strongest.append(min([own, *(strongest[j] for j in below[i])]))
        made[into] = i
    heap = [(strongest[i], -i) for i in range(len(joins)) if not is_inner[i]]
    heapify(heap)
    undone = []
    while heap:
        i = -heappop(heap)[1]
        undone.append(joins[i])
        for j in below[i]:
            heappush(heap, (strongest[j], -j))
    return undone[::-1]
