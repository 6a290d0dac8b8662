"""Distances of all pairs of rows, in blocks: one pass for every measure that compares pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from somscape._blocks import blocks, product
from somscape._types import Float64s, Ints
from somscape._weights import counts_of, ones_or
from somscape.errors import InputError
from somscape.kernels import Metric
from somscape.maps import Map
from somscape.measures._digits import rounded
from somscape.measures._placed import Placed

MAX_ROWS = 5_000
"""Rows that are compared with all others, unless asked for more."""

BLOCK_VALUES = 1 << 20
"""Distances of a block: 8 MiB.  Each measure keeps a few arrays of that size."""

LEAST_SHARE = 1e-13
"""Squared distances below this share of both rows' squares are what products leave of 0."""

ANGLE_STEP = 2.0**-33
"""Distances by angle, whose rounding does not shrink with them, are multiples of about 1e-10."""


class RowDistances:
    """Distances between rows, by the map's metric.

    Parameters
    ----------
    metric : Metric
    rows : ndarray of shape (n, n_features), float64
        In feature units; NaN where missing.
    counts : ndarray of shape (n,)
        How many rows each one stands for.
    """

    def __init__(self, metric: Metric, rows: Float64s, counts: Float64s) -> None:
        x = np.asarray(metric.compared(rows), dtype=np.float64)
        self._kernel, weights, self._counts = metric.kernel, metric.feature_weights, counts
        is_there = ~np.isnan(x)
        self._there = None if is_there.all() else is_there.astype(np.float64)
        """1 for a value, 0 for a gap."""
        self._weights = np.ones(x.shape[1]) if weights is None else weights
        if self._kernel == "cosine":
            x = x * np.sqrt(self._weights)
            length = np.sqrt((x * x).sum(axis=1, keepdims=True))
            x = x / np.where(length > 0, length, 1.0)
        elif self._kernel == "euclidean":
            x = (x - _center(x)) * np.sqrt(self._weights)
        self._x = x if self._there is None else np.where(is_there, x, 0.0)
        squares = self._x**2
        self._sums = squares.sum(axis=1)
        self._squares = None if self._there is None else squares

    def of(self, rows: Ints) -> Float64s:
        """Return the distances of some rows from all, of shape (n_rows, n)."""
        if self._kernel == "cosine":
            found = np.maximum(1 - product(self._x[rows], self._x.T), 0.0)
            return np.rint(found / ANGLE_STEP) * ANGLE_STEP
        found = self._squared(rows) if self._kernel == "euclidean" else self._by_feature(rows)
        if self._there is not None:
            found *= self._scale_up(rows, self._there)
        if self._kernel == "euclidean":
            np.sqrt(found, out=found)
        found = rounded(found)
        return found if self._there is None else self._filled(found, rows)

    def _squared(self, rows: Ints) -> Float64s:
        """Return sums of squared differences over the features that two rows both have."""
        if self._there is None or self._squares is None:
            both = self._sums[rows, None] + self._sums
        else:
            both = product(self._squares[rows], self._there.T)
            both += product(self._there[rows], self._squares.T)
        found = product(-2 * self._x[rows], self._x.T)
        found += both
        both *= LEAST_SHARE
        found[found < both] = 0.0
        return found

    def _by_feature(self, rows: Ints) -> Float64s:
        """Return sums, or largest, of weighted differences by feature."""
        found = np.zeros((len(rows), len(self._x)))
        for j, weight in enumerate(self._weights):
            apart = np.abs(self._x[rows, j, None] - self._x[:, j]) * weight
            if self._there is not None:
                apart *= self._there[rows, j, None] * self._there[:, j]
            if self._kernel == "chebyshev":
                np.maximum(found, apart, out=found)
            else:
                found += apart
        return found

    def _scale_up(self, rows: Ints, there: Float64s) -> Float64s:
        """Return all features over those that two rows both have, NaN for none."""
        common = product(there[rows] * self._weights, there.T)
        scale = np.full(common.shape, np.nan)
        every = common if self._kernel == "chebyshev" else self._weights.sum()
        return np.divide(every, common, out=scale, where=common > 0)

    def _filled(self, found: Float64s, rows: Ints) -> Float64s:
        """Return distances with the row's mean in place of those that are unknown."""
        found[np.arange(len(rows)), rows] = 0.0
        is_known = ~np.isnan(found)
        if is_known.all():
            return found
        n_others = is_known @ self._counts - np.minimum(self._counts[rows], 1)
        if (n_others[~is_known.all(axis=1)] <= 0).any():
            raise InputError(
                "X has a row without a value in common with any other. Leave it out, or train with "
                "missing='fill'."
            )
        means = np.nan_to_num(found) @ self._counts / np.where(n_others > 0, n_others, 1.0)
        return np.where(is_known, found, means[:, None])


def _center(x: Float64s) -> Float64s:
    """Return a point in the middle of the rows, as multiples of a power of two."""
    x = np.where(np.isnan(x).all(axis=0), 0.0, x)
    low, middle, high = np.nanquantile(x, (0.25, 0.5, 0.75), axis=0)
    width = np.where(high > low, high - low, 1.0)
    step = np.exp2(np.floor(np.log2(width)))
    return np.asarray(np.rint(middle / step) * step)


@dataclass(frozen=True, eq=False)
class Pairs:
    """The distinct rows, in the order of their units, and those that are compared with all.

    Attributes
    ----------
    map_ : Map
    rows : ndarray of shape (n_distinct, n_features)
    units : ndarray of shape (n_distinct,)
        Ascending.
    counts : ndarray of shape (n_distinct,), float64
        How many rows each one stands for.
    inverse : ndarray of shape (n_counted,)
        Which distinct row each row is.
    anchors : ndarray of shape (n_anchors,)
        The rows that are compared with all, ascending.
    """

    map_: Map
    rows: Float64s
    units: Ints
    counts: Float64s
    inverse: Ints
    anchors: Ints

    @classmethod
    def of(cls, placed: Placed, max_rows: int = MAX_ROWS, seed: int = 0) -> "Pairs":
        """Find the distinct rows, and draw those to compare if there are more than `max_rows`."""
        rows = placed.rows + 0.0  # -0.0 is 0.0
        _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        weights = ones_or(counts_of(placed.given), len(rows))
        counts = np.asarray(np.bincount(inverse.ravel(), weights), dtype=np.float64)
        order = np.argsort(placed.best[first], kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        first = first[order]
        anchors = np.arange(len(first))
        if len(first) > max_rows:
            anchors = np.sort(np.random.default_rng(seed).choice(anchors, max_rows, replace=False))
        return cls(
            placed.map_,
            rows[first],
            placed.best[first],
            counts[order],
            place[inverse.ravel()],
            anchors,
        )

    @property
    def n_rows(self) -> float:
        """Number of rows, which weights count."""
        return float(self.counts.sum())

    @property
    def is_whole(self) -> bool:
        """Whether every row is compared with all."""
        return len(self.anchors) == len(self.rows)

    @cached_property
    def is_plain(self) -> bool:
        """Whether each distinct row stands for one."""
        return bool((self.counts == 1).all())

    @cached_property
    def live(self) -> Ints:
        """Units with rows, ascending, of shape (n_live,)."""
        return self.units[self.starts]

    @cached_property
    def starts(self) -> Ints:
        """First row of each unit with rows, of shape (n_live,)."""
        is_first = np.append(True, self.units[1:] != self.units[:-1])
        return np.flatnonzero(is_first)

    @cached_property
    def unit_place(self) -> Ints:
        """Place of each row's unit in `live`, of shape (n_distinct,)."""
        return np.searchsorted(self.live, self.units)

    @cached_property
    def unit_counts(self) -> Float64s:
        """Number of rows of each unit in `live`."""
        return np.add.reduceat(self.counts, self.starts)

    @property
    def weights(self) -> Float64s:
        """Number of rows that each anchor stands for."""
        return self.counts[self.anchors]

    @property
    def own_counts(self) -> Float64s:
        """How much of its count each anchor is itself, and none of the others: at most 1."""
        return np.minimum(self.weights, 1)

    def mean(self, values: Float64s) -> float:
        """Return the mean of one value per anchor."""
        return float(np.average(values, weights=self.weights))

    def blocks(self) -> Iterator["PairBlock"]:
        """Yield anchors of one unit at a time, with their distances from all rows."""
        distances = RowDistances(self.map_.metric, self.rows, self.counts)
        units = self.unit_place[self.anchors]
        ends = np.append(np.flatnonzero(np.diff(units)) + 1, len(units))
        step = max(1, BLOCK_VALUES // len(self.rows))
        start = 0
        for end in ends:
            for part in blocks(int(end) - start, step):
                own = slice(start + part.start, start + part.stop)
                apart = distances.of(self.anchors[own])
                apart[np.arange(len(apart)), self.anchors[own]] = 0.0
                yield PairBlock(self, own, int(units[start]), apart)
            start = int(end)


@dataclass(frozen=True, eq=False)
class PairBlock:
    """Distances of some anchors, all of one unit, from all rows.

    Attributes
    ----------
    pairs : Pairs
    own : slice
        Which anchors.
    place : int
        Place of their unit in ``pairs.live``.
    distances : ndarray of shape (n, n_distinct)
    """

    pairs: Pairs
    own: slice
    place: int
    distances: Float64s

    @property
    def anchors(self) -> Ints:
        """The anchors, as rows."""
        return self.pairs.anchors[self.own]

    @property
    def own_counts(self) -> Float64s:
        """How much of its count each anchor is itself, of shape (n,)."""
        return self.pairs.own_counts[self.own]

    @cached_property
    def by_unit(self) -> Float64s:
        """Sum of the distances to the rows of each unit, of shape (n, n_live)."""
        pairs = self.pairs
        apart = self.distances if pairs.is_plain else self.distances * pairs.counts
        return np.add.reduceat(apart, pairs.starts, axis=1)

    @cached_property
    def from_others(self) -> Float64s:
        """The distances, with -1 for the row itself, so that it comes first."""
        found = self.distances.copy()
        found[np.arange(len(found)), self.anchors] = -1.0
        return found

    @cached_property
    def ordered(self) -> tuple[Float64s, Float64s]:
        """`from_others` in order, and how many other rows come up to each place."""
        found, counts = self.from_others, self.pairs.counts
        if self.pairs.is_plain:
            return np.sort(found, axis=1), np.arange(float(len(counts)))[None, :]
        order = np.argsort(found, axis=1)
        upto = np.cumsum(counts[order], axis=1) - self.own_counts[:, None]
        return np.take_along_axis(found, order, axis=1), upto


class Pass(Protocol):
    """What takes in the blocks of a pass over all pairs."""

    def add(self, block: PairBlock) -> None:
        """Take in the pairs of some anchors."""


def run(pairs: Pairs, passes: Sequence[Pass]) -> None:
    """Go over all pairs once."""
    for block in pairs.blocks():
        for each in passes:
            each.add(block)


def unit_distances(pairs: Pairs, place: int, on: str) -> Float64s:
    """Return how far a unit with rows lies from each of them, of shape (n_live,)."""
    map_, live = pairs.map_, pairs.live
    if on == "grid":
        return rounded(map_.lattice.distances_from(int(live[place]))[live])
    found = prototype_distances(map_, int(live[place]))[live]
    found[place] = 0.0
    return found


def prototype_distances(map_: Map, unit: int) -> Float64s:
    """Return how far a unit's prototype lies from all, of shape (n_units,)."""
    found = map_.metric.between(map_.codebook, map_.codebook[[unit]])
    if map_.metric.kernel == "cosine":
        return np.asarray(np.rint(np.maximum(found, 0.0) / ANGLE_STEP) * ANGLE_STEP)
    return rounded(found)
