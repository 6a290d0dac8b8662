"""The order in which the units of a map are joined to regions.  Units on different sides of a gap
in the data are joined last."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.errors import ParameterError
from somscape.grid._neighborhood import pull_from
from somscape.grid.graph import sparse_graph
from somscape.grid.lattice import Lattice, neighbor_pairs
from somscape.kernels._kernels import MAX_BEST
from somscape.kernels._select import select_kernels

MIN_REST = 1e-3
"""Lower limit for the share of the pull on a unit that remains if one row is removed."""

MAX_KEPT = 4000
"""Maximum number of rows that a small map keeps in memory to find regions."""

KEPT_PER_UNIT = 8
MIN_KEPT = 200
MAX_VALUES = 1 << 22
"""Maximum number of values in the rows that a map keeps (16 or 32 MB), but at least 200 rows."""


@dataclass(frozen=True, eq=False)
class Near:
    """For each of some rows, its nearest units, with the nearest unit first.

    Attributes
    ----------
    units : ndarray of shape (n, k)
    squares : ndarray of shape (n, k), float64
        Squared distances from the row to these units.
    gaps : ndarray of shape (n, k), float64
        Distances from the first of these units to the others.
    weights : ndarray of shape (n,), float64
        Weight of each row.
    """

    units: Ints
    squares: Float64s
    gaps: Float64s
    weights: Float64s


@dataclass(frozen=True, eq=False)
class KeptRows:
    """Rows that a map keeps in memory, but not in files, to find gaps between its units.

    Attributes
    ----------
    rows : ndarray of shape (n, n_features)
        Rows after the transformation by the metric, with NaN for missing values.
    weights : ndarray of shape (n,), float64
    """

    rows: Floats
    weights: Float64s

    @classmethod
    def of(cls, rows: Floats, weights: Float64s | None) -> "KeptRows":
        """Create kept rows from those rows that have a value, with their weights."""
        there = ~np.isnan(rows).all(axis=1)
        weights = np.ones(len(rows)) if weights is None else weights
        return cls(np.ascontiguousarray(rows[there]), weights[there])

    @property
    def distinct(self) -> "KeptRows":
        """The distinct rows, each with the total weight of its copies."""
        rows, place = np.unique(self.rows, axis=0, return_inverse=True)
        return KeptRows(rows, np.bincount(place.ravel(), self.weights).astype(np.float64))


@dataclass(frozen=True)
class Pull:
    """How strongly rows pulled units in the last epoch.  The radius is in grid steps."""

    lattice: Lattice
    hits: Float64s
    neighborhood: str
    radius: float


def rows_to_keep(shape: tuple[int, ...], n_units: int) -> Ints:
    """Return the numbers of the rows that a map keeps (all rows or a random sample)."""
    n, n_features = shape
    by_size = max(MIN_KEPT, MAX_VALUES // n_features)
    n_kept = min(n, max(MAX_KEPT, KEPT_PER_UNIT * n_units), by_size)
    if n_kept == n:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, n_kept, replace=False))


def near_units(rows: Floats, weights: Float64s, codebook: Floats, pull: Pull | None) -> Near:
    """Return up to 16 nearest units of each row."""
    k = min(MAX_BEST, len(codebook))
    is_there = ~np.isnan(rows)
    has_missing = not is_there.all()
    units, distances = select_kernels().search(rows, codebook, k, has_missing=has_missing)
    squares = distances**2 * (rows.shape[1] / is_there.sum(axis=1, keepdims=True))
    if pull is not None:
        squares *= _factors_without_own_pull(units, weights, pull) ** 2
        order = np.argsort(squares, axis=1, kind="stable")
        units = np.take_along_axis(units, order, axis=1)
        squares = np.take_along_axis(squares, order, axis=1)
    alike = weights * (weights.sum() / (weights**2).sum())
    return Near(units, squares, _gaps_of_units(units, codebook), alike)


def _factors_without_own_pull(units: Ints, weights: Float64s, pull: Pull) -> Float64s:
    """Return factors for the distances from rows to units that undo the pull of each row."""
    winners = units[:, 0]
    pulls = np.zeros(units.shape)
    total = np.zeros(pull.lattice.n_units)
    order = np.argsort(winners, kind="stable")
    bounds = np.searchsorted(winners[order], np.arange(pull.lattice.n_units + 1))
    for unit in np.flatnonzero(pull.hits):
        strength = pull_from(pull.lattice, pull.neighborhood, int(unit), pull.radius)
        total += pull.hits[unit] * strength
        own = order[bounds[unit] : bounds[unit + 1]]
        pulls[own] = strength[units[own]]
    whole = np.maximum(total[units], np.finfo(np.float64).tiny)
    rest = 1 - np.minimum(weights[:, None] * pulls / whole, 1)
    return np.asarray(1 / np.maximum(rest, MIN_REST))


def _gaps_of_units(units: Ints, codebook: Floats) -> Float64s:
    """For each row, return the distances from its nearest unit to its other near units."""
    n_units = len(codebook)
    keys = np.minimum(units[:, :1], units) * n_units + np.maximum(units[:, :1], units)
    pairs, place = np.unique(keys, return_inverse=True)
    first, other = np.divmod(pairs, n_units)
    apart = np.empty(len(pairs))
    step = max(1, (1 << 20) // codebook.shape[1])
    for part in blocks(len(pairs), step):
        apart[part] = np.sqrt(((codebook[first[part]] - codebook[other[part]]) ** 2).sum(axis=1))
    return np.asarray(apart[place.reshape(keys.shape)])


class JoinedUnits:
    """Groups of a map's units, called pieces.  At first, each unit is a piece.

    The name of a piece is the number of one of its units.

    Parameters
    ----------
    neighbors : iterable of iterable of int
        Units that each unit can join.
    centers : ndarray of shape (n_units, n_features), float64
        Prototypes.
    weights : ndarray of shape (n_units,), float64
        Weight of each unit, above 0.  The center of a piece is the weighted mean of its prototypes.

    Attributes
    ----------
    centers : ndarray of shape (n_units, n_features)
        Weighted mean of each piece's prototypes.
    weights : ndarray of shape (n_units,)
        Total weight of each piece.
    neighbors : list of set of int
        Pieces that touch each piece.
    of_unit : ndarray of shape (n_units,)
        Piece of each unit.
    members : list of ndarray
        Units of each piece, ascending.
    """

    def __init__(
        self, neighbors: Iterable[Iterable[int]], centers: Float64s, weights: Float64s
    ) -> None:
        self.centers = centers.copy()
        self.weights = weights.copy()
        self.neighbors = [set(units) for units in neighbors]
        self.of_unit = np.arange(len(centers))
        self.members = list(np.arange(len(centers))[:, None])

    @classmethod
    def on(cls, lattice: Lattice, centers: Float64s, weights: Float64s) -> "JoinedUnits":
        """Create one piece per unit.  Only neighbors on the lattice can join."""
        return cls((row[row >= 0].tolist() for row in lattice.neighbors), centers, weights)

    def join(self, into: int, other: int) -> None:
        """Add piece `other` to piece `into`.  The name `other` is not used afterwards."""
        total = self.weights[into] + self.weights[other]
        step = self.centers[other] - self.centers[into]
        self.centers[into] += step * (self.weights[other] / total)
        self.weights[into] = total
        self.of_unit[self.members[other]] = into
        self.members[into] = np.sort(np.concatenate([self.members[into], self.members[other]]))
        for piece in self.neighbors[other]:
            self.neighbors[piece].discard(other)
            self.neighbors[piece].add(into)
        self.neighbors[into] |= self.neighbors[other]
        self.neighbors[into] -= {into, other}
        self.neighbors[other] = set()

    def apart(self, piece: int, others: Ints) -> Float64s:
        """Return squared distances from a piece's center to the centers of other pieces."""
        return np.asarray(((self.centers[others] - self.centers[piece]) ** 2).sum(axis=1))

    @property
    def labels(self) -> Ints:
        """Number of each unit's piece.  Pieces are numbered by their first units."""
        _, first, number = np.unique(self.of_unit, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[number]


MAX_STRETCH = 2.5
"""Largest distance at which a row's third nearest unit touches its first two units, as a multiple
of the usual distance between first and second units."""

TINY = 1e-12
"""A distance of 0 is replaced by this share of the longest distance, because a sparse array does
not store 0."""


def touching_units(near: Near, places: Float64s, lattice: Lattice) -> tuple[Any, Any]:
    """Return the distances of all touching units and of the closest pairs, as sparse arrays."""
    from scipy.sparse.csgraph import connected_components

    n_units = len(places)
    has_rows = np.zeros(n_units, dtype=bool)
    has_rows[near.units[:, 0]] = True
    closest = np.concatenate(
        [_pair_two_nearest(near, has_rows), _pair_empty_units(places, has_rows)]
    )
    closest = _pairs(closest, n_units)
    _, part = connected_components(_lengths(closest, places), directed=False)
    beside = neighbor_pairs(lattice)
    between = beside[part[beside[:, 0]] != part[beside[:, 1]]]
    closest = _pairs(np.concatenate([closest, between]), n_units)
    three = near.units[:, :3]
    three = three[has_rows[three].all(axis=1)]
    slots = [(i, j) for i in range(three.shape[1]) for j in range(i + 1, three.shape[1])]
    more = _pairs(np.concatenate([three[:, pair] for pair in slots] or [closest[:0]]), n_units)
    usual = _median_lengths(_lengths(closest, places))
    apart = np.sqrt(((places[more[:, 0]] - places[more[:, 1]]) ** 2).sum(axis=1))
    more = more[apart <= MAX_STRETCH * usual[more].min(axis=1)]
    touching = _pairs(np.concatenate([closest, more]), n_units)
    return _lengths(touching, places), _lengths(closest, places)


def _pair_two_nearest(near: Near, has_rows: np.ndarray) -> Ints:
    """For each row, return its nearest unit and its next nearest unit that has rows."""
    is_other = has_rows[near.units]
    is_other[:, 0] = False
    rows = np.flatnonzero(is_other.any(axis=1))
    return np.column_stack([near.units[rows, 0], near.units[rows, is_other[rows].argmax(axis=1)]])


def _pair_empty_units(places: Float64s, has_rows: np.ndarray) -> Ints:
    """For each unit without rows, return this unit and the nearest unit that has rows."""
    empty, full = np.flatnonzero(~has_rows), np.flatnonzero(has_rows)
    if not len(empty) or not len(full):
        return np.empty((0, 2), dtype=np.intp)
    nearest, _ = select_kernels().search(places[empty], places[full], 1)
    return np.column_stack([empty, full[nearest[:, 0]]])


def _pairs(pairs: Ints, n_units: int) -> Ints:
    """Return each distinct pair of units in both directions, in ascending order."""
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return np.column_stack(np.divmod(np.unique(pairs[:, 0] * n_units + pairs[:, 1]), n_units))


def _lengths(pairs: Ints, places: Float64s) -> Any:
    apart = np.sqrt(((places[pairs[:, 0]] - places[pairs[:, 1]]) ** 2).sum(axis=1))
    apart = np.maximum(apart, TINY * apart.max(initial=0) or 1.0)
    return sparse_graph(apart, pairs[:, 0], pairs[:, 1], len(places))


def edges_of(graph: Any, nodes: Ints) -> tuple[Ints, Ints, Float64s]:
    """Return the edges that begin at `nodes`: index of the begin in `nodes`, end, and length."""
    begins = graph.indptr[nodes]
    counts = graph.indptr[nodes + 1] - begins
    places = np.repeat(np.arange(len(nodes)), counts)
    skipped = np.cumsum(counts) - counts
    at = np.arange(len(places)) + (begins - skipped)[places]
    return places, graph.indices[at], graph.data[at]


def _median_lengths(edges: Any) -> Float64s:
    """For each unit, return the median length of its edges, or infinity if it has none."""
    unit = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    ordered = edges.data[np.lexsort([edges.data, unit])]
    count = np.diff(edges.indptr)
    middle = np.minimum(edges.indptr[:-1] + (count - 1) // 2, max(len(ordered) - 1, 0))
    return np.where(count > 0, ordered[middle] if len(ordered) else np.inf, np.inf)


WIDTHS = np.array([0.125, 0.175, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8])
"""Half widths of windows for counting rows, in distances between two units at the border."""

PLACES = np.arange(1, 24)
"""Starts of the windows on both sides of a border, as multiples of the half width."""

FEW = 3.0
"""Number of rows up to which a part of the map is too small to judge its border."""

SHALLOW = 0.8
"""Share of the rows next to a border below which the rows at the border mean a gap."""

NOTHING = 1e-9
"""Number of rows that replaces 0, because `betainc` needs a positive number."""


def valley(
    a: Float64s,
    a_weights: Float64s,
    b: Float64s,
    b_weights: Float64s,
    unit: float,
    *,
    narrowest: float = 0.0,
    shallow: float = SHALLOW,
) -> float:
    """Return the probability of so few rows at a border if both sides are one cluster."""
    from scipy.special import betainc

    if min(a_weights.sum(), b_weights.sum()) <= FEW or not unit > 0:
        return 1.0
    widths = WIDTHS * unit
    widths = widths[widths >= min(narrowest, widths[-1])]
    low = np.multiply.outer(widths, PLACES)
    high = low + 2 * widths[:, None]
    border, fullest = np.zeros(len(widths)), []
    for values, weights in ((a, a_weights), (b, b_weights)):
        order = np.argsort(values, kind="stable")
        ordered, total = values[order], np.concatenate([[0.0], np.cumsum(weights[order])])
        border += total[np.searchsorted(ordered, widths)]
        inside = total[np.searchsorted(ordered, high)] - total[np.searchsorted(ordered, low)]
        fullest.append(inside.max(axis=1))
    side = np.minimum(*fullest)
    tails = betainc(np.maximum(side, NOTHING), border + 1, 1 / (1 + shallow))
    return float(np.where(side > 0, tails, 1.0).min())


N_AT_BORDER = 20
"""Number of rows nearest to a border from which the distance between units there is measured."""

MAX_LEAP = 2.0
"""Largest distance of two units that touch across a border, as a multiple of the usual distance of
units at this border."""


FACING = 1.5
"""A unit is also at the border if its distance from the other part is at most this multiple of the
usual distance.  Few units touch across a gap."""

BENT = 1.5
"""A unit that is at the border only because of `FACING` must be closer to the other part than this
multiple of its path inside its own part to a unit that touches the other part."""

LARGE = 1.25
"""Multiple of 5 sqrt(n) units (the default size) above which narrow windows are not used."""

NARROWEST = 0.7
"""Smallest half width of a window on a large map with one row per unit, as a multiple of the
distance between two units.  For n rows per unit, it is divided by n."""


def narrowest_window(n_units: int, n_rows: float) -> float:
    """Return the smallest half width of windows, as a multiple of the distance between units."""
    is_large = n_units > LARGE * 5 * np.sqrt(n_rows)
    return NARROWEST * n_units / n_rows if is_large else 0.0


class Borders:
    """Compares the number of rows at a border with the numbers of rows on both sides.

    At the border, a line connects a row's unit with the nearest unit of the other part.  The
    distance of the row to the border is measured along this line, from the middle.  The distance is
    computed from the squared distances between the row and both units.  For all other rows, the
    distance is the shortest path to the border inside the part.  So the bends of a part do not
    affect how densely its rows appear.  A unit that is close to the other part but has a long path
    is also at the border.

    Parameters
    ----------
    near : Near
    touching : csr_array of shape (n_units, n_units)
        Distances of touching units.
    narrowest : float, default=0.0
        Smallest half width of a window, from `narrowest_window`.
    """

    def __init__(self, near: Near, touching: Any, *, narrowest: float = 0.0) -> None:
        self._near, self._touching, self._narrowest = near, touching, narrowest

    def compare(
        self, pieces: JoinedUnits, parts: tuple[int, int], rows: tuple[Ints, Ints]
    ) -> float:
        """Return the result of `valley` for the border between two parts of the map."""
        faced = [self._facing(rows[i], pieces, parts[1 - i]) for i in (0, 1)]
        far, gaps = (np.concatenate(each) for each in zip(*faced, strict=True))
        at_border = np.argsort(far, kind="stable")[:N_AT_BORDER]  # NaN comes last
        known = gaps[at_border][~np.isnan(far[at_border])]
        if not len(known):  # no row has a unit of the other part among its nearest units
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

    def _spacing(self, rows: Ints, pieces: JoinedUnits) -> float:
        """Return the median distance of two near units of one part, over some rows, or 0."""
        part = pieces.of_unit[self._near.units[rows]]
        is_own = part == part[:, :1]
        is_own[:, 0] = False
        has_own = is_own.any(axis=1)
        gaps = self._near.gaps[rows[has_own], is_own[has_own].argmax(axis=1)]
        return float(np.median(gaps)) if len(gaps) else 0.0

    def _facing(self, rows: Ints, pieces: JoinedUnits, other: int) -> tuple[Float64s, Float64s]:
        """Return distances of rows to the middle between two units, and between both units."""
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
        pieces: JoinedUnits,
        parts: tuple[int, int],
        unit: float,
        faced: tuple[Float64s, Float64s],
    ) -> Float64s:
        """Return the distances from rows to the border, along paths in their own part."""
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
        short, a, b = lengths[inside] ** 2, begins[inside], place[ends[inside]]
        squares = sparse_graph(short, a, b, len(members))
        path, before = _paths(squares, is_first)
        facing = np.full(len(members), np.inf)
        np.fmin.at(facing, own, gaps)
        is_beside = (facing <= FACING * unit) & (facing < BENT * path)
        if is_beside.any():
            is_first |= is_beside
            path, before = _paths(squares, is_first)
        inner = np.flatnonzero(~is_first[own])
        step = before[own[inner]]
        beyond = self._distances_beyond(rows[inner], members[np.maximum(step, 0)])
        along = np.maximum(path[own[inner]] + beyond + unit / 2, 0)
        far[inner] = np.where(step >= 0, along, np.inf)
        return far

    def _distances_beyond(self, rows: Ints, before: Ints) -> Float64s:
        """For each row, return how far it is beyond its unit in the direction of the path."""
        near = self._near
        is_before = near.units[rows] == before[:, None]
        slot = is_before.argmax(axis=1)
        gaps = near.gaps[rows, slot]
        rise = near.squares[rows, slot] - near.squares[rows, 0] - gaps**2
        is_there = is_before[np.arange(len(rows)), slot] & (gaps > 0)
        return np.divide(rise, 2 * gaps, out=np.zeros(len(rows)), where=is_there)


def _paths(squares: Any, is_first: np.ndarray) -> tuple[Float64s, Ints]:
    """For each unit, return the length of its path from the border, and the previous unit or -1."""
    from scipy.sparse.csgraph import dijkstra

    cost, before, _ = dijkstra(
        squares, indices=np.flatnonzero(is_first), min_only=True, return_predecessors=True
    )
    known = before >= 0
    back = np.where(known, before, np.arange(len(before)))
    path = np.sqrt(np.maximum(np.where(known, cost - cost[back], 0), 0))
    while (back != back[back]).any():  # each round doubles the number of steps in the sums
        path = path + path[back]
        back = back[back]
    return path, np.where(known, before, -1)


SUSPECT = 0.02
"""Result of `valley` below which two parts are joined only after all other parts."""

TELLING = -np.log(SUSPECT) / np.log1p(SHALLOW)
"""Number of rows (6.7) up to which a part cannot reach `SUSPECT`.  For n rows and an empty border,
`valley` returns at least 1.8 to the power of -n."""

ALPHA = 3e-4
"""Result of `valley` below which two parts are separate clusters, if it is also below the next two
limits."""

ALPHA_ROWS = 0.1
"""The result of `valley` must also be below this number divided by the number of rows.  More rows
create more borders by chance."""

ALPHA_UNITS = 0.05
"""The result of `valley` must also be below this number divided by the number of units.  A map has
about as many borders as units."""

ALPHA_LARGE = 0.01
"""Factor for these limits on a large map (see `LARGE`), whose borders have few rows."""

EMPTY_WEIGHT = 1e-9
"""Weight of a unit without rows, as a share of the mean weight.  Such units join early."""


@dataclass(frozen=True, eq=False)
class Joins:
    """The order in which the units of a map are joined, until few pieces remain.

    Attributes
    ----------
    pairs : ndarray of shape (n_joins, 2)
        Names of the two pieces of each join, in ascending order.  The name of a piece is its lowest
        unit, so the joined piece gets the first name.  Undoing the last joins splits regions into
        smaller regions.
    evidence : ndarray of shape (n_joins,), float64
        Result of `valley` for the border of the two pieces.
    n_apart : int
        Number of pieces at which gaps separate all pieces.
    by_shape : ndarray of shape (n_joins,), bool
        Whether fitted laws (True) or gaps (False) are the evidence.
    """

    pairs: Ints
    evidence: Float64s
    n_apart: int
    by_shape: Bools

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the joins as named arrays for a file."""
        return {
            "joins.pairs": self.pairs.astype(np.int64),
            "joins.evidence": self.evidence,
            "joins.n_apart": np.array([self.n_apart], dtype=np.int64),
            "joins.by_shape": self.by_shape.astype(np.int64),
        }

    def renumbered(self, places: Ints) -> "Joins":
        """Return the same joins after unit i has received the number ``places[i]``."""
        name, pairs = places.tolist(), []
        for into, other in self.pairs.tolist():
            low, high = sorted((name[into], name[other]))
            pairs.append((low, high))
            name[into] = low
        return replace(self, pairs=np.array(pairs, dtype=np.intp).reshape(-1, 2))


def joins_of(arrays: Mapping[str, np.ndarray], n_units: int) -> Joins | None:
    """Return the joins from the arrays of a map file, or None if the arrays lack joins."""
    if not any(name.startswith("joins.") for name in arrays):
        return None
    pairs, evidence = arrays["joins.pairs"], arrays["joins.evidence"]
    (n_apart,) = arrays["joins.n_apart"].tolist()
    by_shape = arrays["joins.by_shape"]
    if (
        by_shape.dtype.kind != "i"
        or by_shape.shape != evidence.shape
        or not np.isin(by_shape, (0, 1)).all()
    ):
        raise ParameterError("by_shape must be 0 or 1 per join", parameter="joins.by_shape")
    if (
        pairs.dtype.kind != "i"
        or pairs.shape != (len(evidence), 2)
        or evidence.dtype != np.float64
        or arrays["joins.n_apart"].dtype.kind != "i"
    ):
        raise ParameterError("joins must be pairs of units with evidence", parameter="joins.pairs")
    if not ((evidence >= 0) & (evidence <= 1)).all():
        raise ParameterError("evidence of joins must be from 0 to 1", parameter="joins.evidence")
    into, other = pairs[:, 0], pairs[:, 1]
    is_gone = len(np.unique(other)) == len(other) and ((into >= 0) & (into < other)).all()
    is_counted = 0 < n_units - len(pairs) <= n_apart <= n_units
    if not (is_gone and (other < n_units).all() and is_counted):
        raise ParameterError(
            "joins must name each piece by its lowest unit, and leave at least one piece",
            parameter="joins.pairs",
        )
    gone = np.full(n_units, len(pairs))
    gone[other] = np.arange(len(pairs))
    if (gone[into] <= np.arange(len(pairs))).any():
        raise ParameterError("a piece must not join more than once", parameter="joins.pairs")
    return Joins(pairs.astype(np.intp), evidence, int(n_apart), by_shape.astype(bool))


def pieces_after(n_units: int, pairs: Ints) -> Ints:
    """For each unit, return the name of its piece after the joins in `pairs`."""
    piece = np.arange(n_units)
    for into, other in pairs[::-1].tolist():  # later joins of `into` come first in this order
        piece[other] = piece[into]
    return piece


def weights_of(hits: Float64s) -> Float64s:
    """Return the hits of units as weights, with a small weight for units without hits."""
    hits = hits if hits.any() else np.ones(len(hits))
    return np.maximum(hits, EMPTY_WEIGHT * hits.mean())


def import_solvers() -> None:
    """Import the modules that `join_units` needs, before a process limits its memory."""
    import scipy.cluster.hierarchy
    import scipy.linalg
    import scipy.sparse.csgraph
    import scipy.special

    # OpenBLAS tries without end to get its working memory, so it gets this memory before the limit.
    # NumPy and SciPy each contain an OpenBLAS, and a large matrix wakes all threads of both.
    square = np.eye(256)
    scipy.linalg.eigh(square @ square)


Join = tuple[int, int, float]
"""Two pieces that are joined, and the result of `valley` for the border between them."""


class JoinedParts:
    """Joins units to larger and larger parts of the map, and keeps the rows of each part."""

    def __init__(
        self, borders: Borders, closest: Any, near: Near, places: Float64s, hits: Float64s
    ) -> None:
        n_units = len(places)
        beside = [part.tolist() for part in np.split(closest.indices, closest.indptr[1:-1])]
        self._pieces = JoinedUnits(beside, places, weights_of(hits))
        self._borders = borders
        winners = near.units[:, 0]
        order = np.argsort(winners, kind="stable")
        self._rows = np.split(order, np.searchsorted(winners[order], np.arange(1, n_units)))
        self._counts = np.bincount(winners, near.weights, minlength=n_units)
        self._is_live = np.ones(n_units, dtype=bool)

    def join(self, into: int, other: int) -> None:
        """Add part `other` to part `into`.  The name `other` is not used afterwards."""
        self._pieces.join(into, other)
        self._rows[into] = np.concatenate([self._rows[into], self._rows[other]])
        self._counts[into] += self._counts[other]
        self._is_live[other] = False

    def join_all(self, by_evidence: bool = False) -> list[Join]:
        """Join parts until no two parts touch, and return the joins in order."""
        pieces, joins = self._pieces, []
        # A changed part has new costs, so entries of the heap with an old `age` are outdated.
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
        """Return the result of `valley` for two parts, or 1 if one of them has few rows."""
        if min(self._counts[a], self._counts[b]) <= few:
            return 1.0
        return self._borders.compare(self._pieces, (a, b), (self._rows[a], self._rows[b]))

    def _cost(self, a: int, b: int) -> float:
        weights = self._pieces.weights
        shared = weights[a] * weights[b] / (weights[a] + weights[b])
        return float(np.sqrt(shared) * self._pieces.apart(a, np.array([b]))[0])


def held_apart(n_units: int, joins: list[Join], alpha: float) -> Ints:
    """For each unit, return its piece before any joins of separate clusters."""
    holds: set[int] = set()
    kept = []
    for into, other, evidence in joins:
        if evidence < alpha or into in holds or other in holds:
            holds.add(into)
        else:
            kept.append((into, other))
    return pieces_after(n_units, np.array(kept, dtype=np.intp).reshape(-1, 2))


def weakest_first(joins: list[Join]) -> list[Join]:
    """Reorder joins so that pieces with the emptiest border between them are joined last."""
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
