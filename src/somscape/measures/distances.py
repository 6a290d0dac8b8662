"""Measures that compare distances in the data with distances on the map."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, check_whole
from somscape._weights import blocks, counts_of, ones_or, product
from somscape.errors import InputError, ParameterError
from somscape.kernels.metric import Metric
from somscape.maps.map import Map, as_map
from somscape.measures._quality import Placed, placed, rounded

MAX_ROWS = 5_000
"""Default number of drawn rows, each of which is compared with all rows."""

BLOCK_VALUES = 1 << 20
"""Number of row distances that are in memory at the same time (8 MiB).  Each measure needs a few
arrays of this size."""

LEAST_SHARE = 1e-13
"""Squared distance of two rows, divided by the sum of their squares, below which it counts as 0.
Rounding leaves such distances between equal rows."""

ANGLE_STEP = 2.0**-33
"""Step to which cosine distances are rounded.  This hides rounding errors of small distances."""


class RowDistances:
    """Distances between rows in the metric of the map.

    Parameters
    ----------
    metric : Metric
    rows : ndarray of shape (n, n_features), float64
        Encoded rows, with NaN for missing values.
    counts : ndarray of shape (n,)
        Number of equal rows that each row represents.
    """

    def __init__(self, metric: Metric, rows: Float64s, counts: Float64s) -> None:
        x = np.asarray(metric.compared(rows), dtype=np.float64)
        self._kernel, weights, self._counts = metric.kernel, metric.feature_weights, counts
        is_there = ~np.isnan(x)
        self._there = None if is_there.all() else is_there.astype(np.float64)
        """For each value of the rows, 1 if present and 0 if missing."""
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
        """Return the distances from the rows with the given numbers to all rows."""
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
        """Return the squared distances of pairs of rows over their common features."""
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
        """Return the weighted differences of features, summed (or their maximum for Chebyshev)."""
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
        """Return factors that scale distances over common features up to all features."""
        common = product(there[rows] * self._weights, there.T)
        scale = np.full(common.shape, np.nan)
        every = common if self._kernel == "chebyshev" else self._weights.sum()
        return np.divide(every, common, out=scale, where=common > 0)

    def _filled(self, found: Float64s, rows: Ints) -> Float64s:
        """Replace unknown distances of a row by the mean of its known distances."""
        found[np.arange(len(rows)), rows] = 0.0
        is_known = ~np.isnan(found)
        if is_known.all():
            return found
        n_others = is_known @ self._counts - np.minimum(self._counts[rows], 1)
        if (n_others[~is_known.all(axis=1)] <= 0).any():
            raise InputError(
                "X contains a row that shares no features with any other row, because values are "
                "missing. Leave out the row, or train the map with missing='fill'."
            )
        means = np.nan_to_num(found) @ self._counts / np.where(n_others > 0, n_others, 1.0)
        return np.where(is_known, found, means[:, None])


def _center(x: Float64s) -> Float64s:
    """For each feature, return its median, rounded to a few binary digits."""
    x = np.where(np.isnan(x).all(axis=0), 0.0, x)
    low, middle, high = np.nanquantile(x, (0.25, 0.5, 0.75), axis=0)
    width = np.where(high > low, high - low, 1.0)
    step = np.exp2(np.floor(np.log2(width)))
    return np.asarray(np.rint(middle / step) * step)


@dataclass(frozen=True, eq=False)
class RowPairs:
    """Distinct rows in the order of their units.  Some or all of them are anchors.

    Each anchor is compared with all rows.

    Attributes
    ----------
    map_ : Map
    rows : ndarray of shape (n_distinct, n_features)
    units : ndarray of shape (n_distinct,)
        Unit of each row, in ascending order.
    counts : ndarray of shape (n_distinct,), float64
        Number of equal rows that each distinct row represents.
    inverse : ndarray of shape (n_counted,)
        For each counted row, the index of the distinct row that equals it.
    anchors : ndarray of shape (n_anchors,)
        Indices of the anchors, in ascending order.
    """

    map_: Map
    rows: Float64s
    units: Ints
    counts: Float64s
    inverse: Ints
    anchors: Ints

    @classmethod
    def of(cls, placed: Placed, max_rows: int = MAX_ROWS, seed: int = 0) -> "RowPairs":
        """Find the distinct rows, and draw `max_rows` anchors if there are more distinct rows."""
        rows = placed.rows + 0.0  # -0.0 is 0.0
        _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        weights = ones_or(counts_of(placed.given), len(rows))
        counts = np.asarray(np.bincount(inverse.ravel(), weights), dtype=np.float64)
        order = np.argsort(placed.best[first], kind="stable")
        first = first[order]
        anchors = np.arange(len(first))
        if len(first) > max_rows:
            anchors = np.sort(np.random.default_rng(seed).choice(anchors, max_rows, replace=False))
        units, which = placed.best[first], np.argsort(order)[inverse.ravel()]
        return cls(placed.map_, rows[first], units, counts[order], which, anchors)

    @property
    def n_rows(self) -> float:
        """Total weight of the distinct rows."""
        return float(self.counts.sum())

    @property
    def is_whole(self) -> bool:
        """Whether every row is an anchor."""
        return len(self.anchors) == len(self.rows)

    @cached_property
    def is_plain(self) -> bool:
        """Whether each distinct row represents exactly one row."""
        return bool((self.counts == 1).all())

    @cached_property
    def live(self) -> Ints:
        """Numbers of those units that have rows, in ascending order."""
        return self.units[self.starts]

    @cached_property
    def starts(self) -> Ints:
        """For each unit in `live`, the index of its first distinct row."""
        is_first = np.append(True, self.units[1:] != self.units[:-1])
        return np.flatnonzero(is_first)

    @cached_property
    def unit_place(self) -> Ints:
        """For each distinct row, the index of its unit in `live`."""
        return np.searchsorted(self.live, self.units)

    @cached_property
    def unit_counts(self) -> Float64s:
        """For each unit in `live`, its number of rows."""
        return np.add.reduceat(self.counts, self.starts)

    @property
    def weights(self) -> Float64s:
        """Number of rows that each anchor represents."""
        return self.counts[self.anchors]

    @property
    def own_counts(self) -> Float64s:
        """For each anchor, its number of rows, limited to 1 (so without its copies)."""
        return np.minimum(self.weights, 1)

    def mean(self, values: Float64s) -> float:
        """Return the weighted mean of `values`, which contains one value per anchor."""
        return float(np.average(values, weights=self.weights))

    def blocks(self) -> Iterator["PairBlock"]:
        """Yield blocks of anchors of one unit, with their distances to all rows."""
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


def pairs_of(som: Any, X: Any, sample_weight: Any, max_rows: int, seed: int) -> RowPairs:
    """Check `max_rows` and `seed`, and return the distinct counted rows of `X`."""
    check_whole("max_rows", max_rows, 1)
    check_whole("random_state", seed, 0)
    return RowPairs.of(placed(som, X, sample_weight), max_rows, seed)


@dataclass(frozen=True, eq=False)
class PairBlock:
    """Distances from those anchors of one unit that are processed together to all rows.

    Attributes
    ----------
    pairs : Pairs
    own : slice
        Slice of ``pairs.anchors`` that contains these anchors.
    place : int
        Index of the unit of these anchors in ``pairs.live``.
    distances : ndarray of shape (n, n_distinct)
    """

    pairs: RowPairs
    own: slice
    place: int
    distances: Float64s

    @property
    def anchors(self) -> Ints:
        """Indices of the anchors among the distinct rows."""
        return self.pairs.anchors[self.own]

    @property
    def own_counts(self) -> Float64s:
        """The `own_counts` of these anchors."""
        return self.pairs.own_counts[self.own]

    @cached_property
    def from_others(self) -> Float64s:
        """The distances, with -1 for the row itself.  This puts the row first after sorting."""
        found = self.distances.copy()
        found[np.arange(len(found)), self.anchors] = -1.0
        return found

    @cached_property
    def ordered(self) -> tuple[Float64s, Float64s]:
        """`from_others` in ascending order, and the number of other rows up to each distance."""
        found, counts = self.from_others, self.pairs.counts
        if self.pairs.is_plain:
            return np.sort(found, axis=1), np.arange(float(len(counts)))[None, :]
        order = np.argsort(found, axis=1)
        upto = np.cumsum(counts[order], axis=1) - self.own_counts[:, None]
        return np.take_along_axis(found, order, axis=1), upto


class Pass(Protocol):
    """A measure that is computed from the distances of all pairs of rows, one block at a time."""

    def add(self, block: PairBlock) -> None:
        """Add the contributions of one block of pairs of rows to the result."""


def run(pairs: RowPairs, passes: Sequence[Pass]) -> None:
    """Compute the distances of all pairs of rows once, and pass them to several measures."""
    for block in pairs.blocks():
        for each in passes:
            each.add(block)


def unit_distances(pairs: RowPairs, place: int, on: str) -> Float64s:
    """Return the distances from one unit to all units that have rows."""
    map_, live = pairs.map_, pairs.live
    if on == "grid":
        return rounded(map_.lattice.distances_from(int(live[place]))[live])
    found = prototype_distances(map_, int(live[place]))[live]
    found[place] = 0.0
    return found


def prototype_distances(map_: Map, unit: int) -> Float64s:
    """Return the distances from the prototype of a unit to the prototypes of all units."""
    found = map_.metric.between(map_.codebook, map_.codebook[[unit]])
    if map_.metric.kernel == "cosine":
        return np.asarray(np.rint(np.maximum(found, 0.0) / ANGLE_STEP) * ANGLE_STEP)
    return rounded(found)


ON = ("grid", "prototypes")


def trustworthiness(
    som: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return the degree to which near rows on the map are also near in the data.

    Values near 1 are good.  A low value means that very different rows are close on the map.  If
    the value with ``on="prototypes"`` is also low, use more units.  Otherwise the map is folded, so
    use a larger final radius.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them.  Missing values are handled as in the map's metric.
    k : int, default=10
        Number of nearest rows to compare for each row, at least 1 and below half of the rows.
    on : {"grid", "prototypes"}, default="grid"
        Meaning of the distance between two rows on the map.  With "grid", it is the distance
        between their units on the lattice, as in Venna and Kaski.  With "prototypes", it is the
        distance between the prototypes of their units, as in SOMperf.  In this case, the
        arrangement of units on the map does not matter.
    sample_weight : array-like of shape (n_samples,), optional
        Number of equal rows that each row represents.  The default is 1 each.
    max_rows : int, default=5000
        If there are more distinct rows than this number, this number of rows is drawn.  Drawn rows
        are compared with all rows.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        A value from 0 to 1.  If many rows have the same unit, the value can be slightly below 0.
        If all rows have the same unit, the value is about 0.5.

    Raises
    ------
    InputError
        If `X` is empty, if no row has a value, if rows are sparse, or if a row does not have any
        value in a column in which another row also has a value.
    ValueError, TypeError
        If `k` is not below half of the rows (at least 3 rows are needed), or if `on` is unknown.

    See Also
    --------
    continuity : Measures the opposite direction.
    topographic_error

    Notes
    -----
    ``1 - 2 / (N k (2 N - 3 k - 1)) sum_i sum_j (r(i, j) - k)``, summed over all rows i and those
    rows j that are among the k nearest rows of i on the map but not in the data.  Here r is the
    rank of j if all rows are ordered by their distance from i in the data.  Rows at the same
    distance from i share a rank.  If several rows share the distance of the k-th nearest row on the
    map, each of them counts as a fraction.  This makes the result independent of the order of rows.
    The cost is O(max_rows n_samples (n_features + log n_samples)).  The memory is a few blocks of
    8 MiB and a copy of the rows, or three copies if values are missing.

    References
    ----------
    J. Venna and S. Kaski (2001), Neighborhood preservation in nonlinear projection methods: an
    experimental study, Proceedings of ICANN 2001.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[float(i)] for i in range(40)]
    >>> round(measures.trustworthiness(SOM(1, 20).fit(X), X, k=3), 1)
    1.0
    """
    found = _count(som, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.trustworthiness)


def continuity(
    som: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return the degree to which neighbors in the data are neighbors on the map.

    Values near 1 are good.  A low value means that the map splits clusters.  In this case, use a
    larger final radius or more epochs.  If the data form a closed loop, use a torus.

    Parameters
    ----------
    som, X
        See `trustworthiness`.
    k, on, sample_weight, max_rows, random_state : optional
        See `trustworthiness`.

    Returns
    -------
    float
        A value from 0 to 1.  If many rows have the same unit, the value can be slightly below 0.
        If all rows have the same unit, the value is 1.

    Raises
    ------
    InputError, ValueError, TypeError
        See `trustworthiness`.

    See Also
    --------
    trustworthiness : Measures the opposite direction.
    topographic_error

    Notes
    -----
    The formula is the formula of `trustworthiness` with map and data exchanged.  SOMperf calls this
    measure neighborhood preservation.

    References
    ----------
    See `trustworthiness`.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[float(i)] for i in range(40)]
    >>> round(measures.continuity(SOM(1, 20).fit(X), X, k=3), 1)
    1.0
    """
    found = _count(som, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.continuity)


def _count(
    som: Any, X: Any, sample_weight: Any, k: int, on: str, max_rows: int, seed: int
) -> "Neighbors":
    check_choice("on", on, ON)
    check_whole("k", k, 1)
    pairs = pairs_of(som, X, sample_weight, max_rows, seed)
    if 2 * k >= pairs.n_rows:
        raise ParameterError(
            f"`k` must be below half of the {pairs.n_rows:g} rows, but is {k}. Give a smaller `k`, "
            "or pass more rows.",
            value=k,
        )
    found = Neighbors(pairs, k, on)
    run(pairs, [found])
    return found


@dataclass(frozen=True, eq=False)
class _UnitRanks:
    """For some rows of one unit, the map ranks of the rows of each unit.

    Attributes
    ----------
    share : ndarray of shape (n, n_live)
        For each unit, the share of its rows that are among the k nearest rows on the map.
    rank : ndarray of shape (n, n_live)
        For each unit, the rank that its rows share if all rows are ordered by map distance.
    """

    share: Float64s
    rank: Float64s


class Neighbors:
    """Compares each row's nearest rows on the map with its nearest rows in the data.

    Parameters
    ----------
    pairs : Pairs
    k : int
    on : {"grid", "prototypes"}
    """

    def __init__(self, pairs: RowPairs, k: int, on: str) -> None:
        self.pairs, self._k, self._on = pairs, k, on
        n = len(pairs.anchors)
        self._far, self._torn = np.zeros(n), np.zeros(n)
        self._known: tuple[int, Float64s] | None = None

    @property
    def trustworthiness(self) -> Float64s:
        """Trustworthiness of each anchor.  The mean over anchors is the result for the map."""
        return self._one_minus_excess(self._far)

    @property
    def continuity(self) -> Float64s:
        """Continuity of each anchor."""
        return self._one_minus_excess(self._torn)

    def _one_minus_excess(self, excess: Float64s) -> Float64s:
        n, k = self.pairs.n_rows, self._k
        return 1 - excess * (2 / (k * (2 * n - 3 * k - 1)))

    def add(self, block: PairBlock) -> None:
        """Add the contributions of one block of pairs of rows to the result."""
        if self._known is None or self._known[0] != block.place:
            self._known = (block.place, unit_distances(self.pairs, block.place, self._on))
        unit = _ranks_of(self._known[1], self.pairs.unit_counts, block.own_counts, self._k)
        limit = self._add_nearest(block, unit)
        self._add_strangers(block, unit, limit)

    def _add_nearest(self, block: PairBlock, unit: _UnitRanks) -> Float64s:
        """Sum map rank minus k of rows near only in the data.  Return each k-th data distance."""
        pairs, k, n = self.pairs, self._k, len(block.distances)
        ordered, upto = block.ordered
        reach = (upto >= k).argmax(axis=1)
        limit: Float64s = ordered[np.arange(n), np.broadcast_to(reach, n)]
        row, other = np.nonzero(block.from_others <= limit[:, None])
        counts = pairs.counts[other]
        is_inside = block.from_others[row, other] < limit[row]
        # The row itself, with distance -1, is not one of its neighbors.
        is_far = limit > -1
        inside = np.bincount(row, counts * is_inside, minlength=n) - block.own_counts * is_far
        edge = np.bincount(row, counts * ~is_inside, minlength=n) - block.own_counts * ~is_far
        at_edge = (k - inside) / edge
        share = np.where(is_inside, 1.0, at_edge[row])
        place = pairs.unit_place[other]
        rank, there = unit.rank[row, place], unit.share[row, place]
        excess = np.where(there > 0, 0.0, rank - k)
        self._torn[block.own] = np.bincount(row, counts * share * excess, minlength=n)
        return limit

    def _add_strangers(self, block: PairBlock, unit: _UnitRanks, limit: Float64s) -> None:
        """Sum data rank minus k of the rows that are near only on the map."""
        pairs, k = self.pairs, self._k
        is_near = np.asarray((unit.share > 0).any(axis=0))
        members = np.flatnonzero(is_near[pairs.unit_place])
        apart = block.from_others[:, members]
        is_strange = apart > limit[:, None]
        place, counts = pairs.unit_place[members], pairs.counts[members]
        ordered, upto = block.ordered
        excess = np.zeros(len(apart))
        for row in np.flatnonzero(is_strange.any(axis=1)):
            found, line = apart[row, is_strange[row]], ordered[row]
            closer = np.searchsorted(line, found, side="left") - 1
            last = np.searchsorted(line, found, side="right") - 1
            counted = upto[row if len(upto) > 1 else 0]
            # These rows share the ranks from closer + 1 to last.
            rank = (counted[closer] + counted[last] + 1) / 2
            weights = (unit.share[row, place] * counts)[is_strange[row]]
            excess[row] = ((rank - k) * weights).sum()
        self._far[block.own] = excess


def _ranks_of(apart: Float64s, counts: Float64s, own: Float64s, k: int) -> _UnitRanks:
    """For each unit, return share and rank of its rows.  `own` is the weight of the row itself."""
    alike = own[:1] if (own == own[0]).all() else own
    order = np.argsort(apart, kind="stable")
    ordered, upto = apart[order], np.cumsum(counts[order]) - alike[:, None]
    first = np.searchsorted(ordered, apart, side="left")
    closer = np.where(first > 0, upto[:, first - 1], 0.0)
    last = upto[:, np.searchsorted(ordered, apart, side="right") - 1]
    reach = order[(upto >= k).argmax(axis=1)][:, None]
    limit, low = apart[reach], np.take_along_axis(closer, reach, axis=1)
    edge = (k - low) / (np.take_along_axis(last, reach, axis=1) - low)
    share = np.where(apart < limit, 1.0, np.where(apart == limit, edge, 0.0))
    shape = (len(own), len(apart))
    rank = np.broadcast_to((closer + last + 1) / 2, shape)
    return _UnitRanks(np.broadcast_to(share, shape), rank)


def topographic_product(som: Any) -> float:
    """Return the topographic product, which compares the dimensions of map and data.

    Values near 0 are good.  If the product is below 0, the map has too few dimensions, so try a
    less elongated map.  If it is above 0, the map has too many dimensions, so try a longer and
    narrower map.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.

    Returns
    -------
    float
        The product.  NaN for a map of one unit, for equal prototypes, and for an unconnected graph.

    See Also
    --------
    topographic_error : Measures the order of the map from rows.

    Notes
    -----
    For each unit j and each k, a first unit (the k-th nearest on the map) is compared with a second
    unit (whose prototype is the k-th nearest to the prototype of j).  Q1 is the distance from the
    first unit's prototype to the prototype of j, divided by the same distance for the second unit.
    Q2 is the same ratio for distances on the map.  The result is the mean of ``log((prod_{l <= k}
    Q1 Q2)^(1 / 2k))``.  Among units at the same distance, the unit with the lower number is nearer.
    A distance of 0 is replaced by the largest distance times the precision of float64.  The measure
    uses only prototypes.  The cost is O(n_units^2 (n_features + log n_units)).

    References
    ----------
    H.-U. Bauer and K. R. Pawelzik (1992), Quantifying the neighborhood preservation of
    self-organizing feature maps, IEEE Transactions on Neural Networks 3.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> measures.topographic_product(SOM(1, 3, radius_end=0.1).fit(X))
    0.0
    """
    map_ = as_map(som)
    if map_.n_units < 2:
        return float("nan")
    compared = np.asarray(map_.metric.compared(map_.codebook))
    if (compared == compared[0]).all() or not np.isfinite(map_.lattice.distances_from(0)).all():
        return float("nan")
    total = sum(_sum_log_products(map_, unit) for unit in range(map_.n_units))
    return float(total / (map_.n_units * (map_.n_units - 1)))


def _sum_log_products(map_: Map, unit: int) -> float:
    """For one unit, return the sum over k of the logarithms in `topographic_product`."""
    on_map = rounded(map_.lattice.distances_from(unit))
    apart = prototype_distances(map_, unit)
    by_map, by_data = _nearest(on_map, unit), _nearest(apart, unit)
    apart = np.maximum(apart, np.finfo(np.float64).eps * (apart.max() or 1.0))
    q1 = np.log(apart[by_map]) - np.log(apart[by_data])
    q2 = np.log(on_map[by_map]) - np.log(on_map[by_data])
    k = np.arange(1, map_.n_units)
    return float((np.cumsum(q1 + q2) / (2 * k)).sum())


def _nearest(distances: Float64s, unit: int) -> np.ndarray:
    """Return all other units, ordered by their distances from this unit."""
    order = np.argsort(distances, kind="stable")
    return order[order != unit]
