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
from somscape.grid.graph import shortest_paths
from somscape.grid.lattice import neighbor_pairs
from somscape.kernels.metric import Metric
from somscape.maps.map import Map, as_map
from somscape.measures._quality import BLOCK_STARTS, Placed, placed, rounded

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
    def by_unit(self) -> Float64s:
        """For each anchor and unit, the sum of distances from the anchor to rows of the unit."""
        pairs = self.pairs
        apart = self.distances if pairs.is_plain else self.distances * pairs.counts
        return np.add.reduceat(apart, pairs.starts, axis=1)

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


MAX_RANKED = 1_000
"""Default number of drawn rows for `distance_correlation`.  Time and memory increase with its
square."""


def c_measure(
    som: Any, X: Any, *, sample_weight: Any = None, max_rows: int = MAX_ROWS, random_state: int = 0
) -> float:
    """Return the sum of products of data and map distances over pairs of rows.

    Higher values are better if maps with the same rows and lattice are compared.
    `rank_correlation` is a similar measure from -1 to 1.  If another map of these rows has a higher
    value, use more epochs or a larger first radius.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them.  Missing values are handled as in the map's metric.
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
        The sum over all pairs of rows, in feature units times grid steps.  If rows are drawn, the
        sum is an estimate.  The sum is 0 if all rows are equal or have the same best matching unit.
        The sum is NaN on a graph if there is no path between the units of two rows.

    Raises
    ------
    InputError
        If `X` is empty, if no row has a value, if rows are sparse, or if a row does not have any
        value in a column in which another row also has a value.
    ValueError, TypeError
        If `max_rows` or `random_state` is not a valid number.

    See Also
    --------
    rank_correlation, kruskal_stress

    Notes
    -----
    The cost is O(max_rows n_samples n_features), in blocks of 8 MiB.

    References
    ----------
    G. J. Goodhill and T. J. Sejnowski (1996), Quantifying neighbourhood preservation in
    topographic mappings, Proceedings of the 3rd Joint Symposium on Neural Computation.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]]
    >>> measures.c_measure(SOM(1, 3, radius_end=0.1).fit(X), X)
    6.0
    """
    return _compare(som, X, sample_weight, max_rows, random_state).c_measure


def kruskal_stress(
    som: Any, X: Any, *, sample_weight: Any = None, max_rows: int = MAX_ROWS, random_state: int = 0
) -> float:
    """Return the mean squared difference between data distances and map distances.

    Values near 0 are good.  Data with more dimensions than the map cannot reach 0.  Use this
    measure only to compare maps with the same lattice.  A bad map, with units in random order, can
    also have a value below 0.1.  `rank_correlation` shows whether rows that are far apart on the
    map are also far apart in the data.

    Parameters
    ----------
    som, X
        See `c_measure`.
    sample_weight, max_rows, random_state : optional
        See `c_measure`.

    Returns
    -------
    float
        The mean over pairs of rows, from 0 to 1.  Before the comparison, data distances are divided
        by the largest data distance, and map distances by the largest map distance.  NaN if all
        rows are equal or have the same unit, or if a graph does not have a path between the units
        of two rows.

    Raises
    ------
    InputError, ValueError, TypeError
        See `c_measure`.

    See Also
    --------
    rank_correlation, c_measure

    References
    ----------
    J. B. Kruskal (1964), Multidimensional scaling by optimizing goodness of fit to a nonmetric
    hypothesis, Psychometrika 29; L. Elend and O. Kramer (2019), Self-organizing maps with
    convolutional layers, Proceedings of WSOM+ 2019, for this form.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]]
    >>> measures.kruskal_stress(SOM(1, 3, radius_end=0.1).fit(X), X)
    0.0
    """
    return _compare(som, X, sample_weight, max_rows, random_state).kruskal_stress


def rank_correlation(
    som: Any,
    X: Any,
    *,
    sample_weight: Any = None,
    max_rows: int = MAX_RANKED,
    random_state: int = 0,
) -> float:
    """Return Spearman's correlation between distances in the data and on the map.

    Values near 1 are good.  Values near 0 are bad and mean that the map is folded.  In this case,
    use a larger first radius or a lattice of another shape.

    Parameters
    ----------
    som, X
        See `c_measure`.
    sample_weight : optional
        See `c_measure`.
    max_rows : int, default=1000
        If there are more distinct rows than this number, this number of rows is drawn.  Only pairs
        of drawn rows are compared.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        The correlation, from -1 to 1.  NaN if all rows are equal or have the same unit.

    Raises
    ------
    InputError, ValueError, TypeError
        See `c_measure`.

    See Also
    --------
    kruskal_stress, c_measure

    Notes
    -----
    Equal distances share their ranks.  On a graph, all pairs of rows without a path between their
    units share the highest rank.  The cost is O(max_rows^2 (n_features + log max_rows)).  Distances
    of all pairs are in memory at the same time (about 32 MiB for 1,000 rows, 120 MiB for 2,000).

    References
    ----------
    C. Spearman (1904), The proof and measurement of association between two things; Goodhill and
    Sejnowski (1996) for maps.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]]
    >>> round(measures.rank_correlation(SOM(1, 3, radius_end=0.1).fit(X), X), 6)
    1.0
    """
    check_whole("max_rows", max_rows, 2)
    return correlation_of(pairs_of(som, X, sample_weight, max_rows, random_state))


def _compare(som: Any, X: Any, sample_weight: Any, max_rows: int, seed: int) -> "Distances":
    pairs = pairs_of(som, X, sample_weight, max_rows, seed)
    found = Distances(pairs)
    run(pairs, [found])
    return found


class Distances:
    """Computes sums of products of data and map distances over all pairs of rows.

    Parameters
    ----------
    pairs : Pairs
    """

    def __init__(self, pairs: RowPairs) -> None:
        self._pairs = pairs
        self._sums = np.zeros(3)
        """Sums over pairs of squared data distances, of products, and of squared map distances."""
        self._most = np.zeros(2)

    def add(self, block: PairBlock) -> None:
        """Add the contributions of one block of pairs of rows to the result."""
        pairs = self._pairs
        on_map = unit_distances(pairs, block.place, "grid")
        weights, apart = pairs.weights[block.own], block.distances
        if not np.isfinite(on_map).all():
            self._sums += np.nan
            return
        is_plain = pairs.is_plain
        squares = np.einsum("ij,ij->i", apart, apart) if is_plain else apart**2 @ pairs.counts
        self._sums += (
            weights @ squares,
            weights @ (block.by_unit @ on_map),
            weights.sum() * (pairs.unit_counts @ on_map**2),
        )
        self._most = np.maximum(self._most, (apart.max(), on_map.max()))

    @property
    def c_measure(self) -> float:
        """The C measure, with each pair of rows counted once."""
        return float(self._sums[1] / 2 * (self._pairs.n_rows / self._pairs.weights.sum()))

    @property
    def kruskal_stress(self) -> float:
        """The stress, which is a mean over pairs of rows."""
        n, (in_data, on_map) = self._pairs.n_rows, self._most
        n_pairs = float(self._pairs.weights @ (n - self._pairs.own_counts))
        if not n_pairs > 0 or not in_data > 0 or not on_map > 0:
            return float("nan")
        scales = np.array([in_data**2, in_data * on_map, on_map**2])
        total = float((self._sums / scales) @ (1, -2, 1))
        if total != total:
            return total
        return max(total, 0.0) / n_pairs


def correlation_of(pairs: RowPairs) -> float:
    """Return Spearman's correlation between data and map distances over all pairs of anchors."""
    own, counts = pairs.anchors, pairs.weights
    is_pair = np.triu(np.ones((len(own), len(own)), dtype=bool), 1)
    every = RowDistances(pairs.map_.metric, pairs.rows[own], counts)
    apart = every.of(np.arange(len(own)))[is_pair]
    place, which = np.unique(pairs.unit_place[own], return_inverse=True)
    table = np.stack([unit_distances(pairs, int(p), "grid")[place] for p in place])
    # Few distances on the map are distinct, so sorting these is faster than sorting all pairs.
    _, order = np.unique(np.append(table, 0.0), return_inverse=True)
    on_map = order[:-1].reshape(table.shape)[which][:, which][is_pair]
    weights = np.outer(counts, counts)[is_pair]
    copies = float((counts * (counts - pairs.own_counts) / 2).sum())
    if copies > 0:  # equal rows are also pairs, with distance 0
        apart, on_map = np.append(apart, 0.0), np.append(on_map, order[-1])
        weights = np.append(weights, copies)
    if not len(weights):
        return float("nan")
    a = _centered_ranks(np.unique(apart, return_inverse=True)[1], weights)
    b = _centered_ranks(on_map, weights)
    norm = np.sqrt((weights @ a**2) * (weights @ b**2))
    return float((weights * a) @ b / norm) if norm > 0 else float("nan")


def _centered_ranks(places: Ints, weights: Float64s) -> Float64s:
    """Return ranks minus their mean.  Equal values share a rank."""
    held = np.bincount(places, weights)
    ranks = (np.cumsum(held) - held / 2)[places]
    return np.asarray(ranks - np.average(ranks, weights=weights))


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
    neighborhood_preservation

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
    neighborhood_preservation

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


def neighborhood_preservation(
    som: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return the share of nearest rows in the data that are also nearest on the map.

    Values near 1 are good, but are possible only with about as many units as rows, because rows of
    the same unit are all equally near on the map.  Compare only maps of the same size.
    `trustworthiness` and `continuity` contain advice on settings.

    Parameters
    ----------
    som, X
        See `trustworthiness`.
    k, on, sample_weight, max_rows, random_state : optional
        See `trustworthiness`.

    Returns
    -------
    float
        The share from 0 to 1.

    Raises
    ------
    InputError, ValueError, TypeError
        See `trustworthiness`.

    See Also
    --------
    trustworthiness, continuity

    Notes
    -----
    If several rows share the distance of the k-th nearest row, each of them counts as a fraction.
    If a row counts as a fraction on the map and in the data, the smaller fraction is used.

    References
    ----------
    J. A. Lee and M. Verleysen (2009), Quality assessment of dimensionality reduction: rank-based
    criteria, Neurocomputing 72, where the measure is called Q_NX.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[float(i)] for i in range(40)]
    >>> measures.neighborhood_preservation(SOM(1, 20).fit(X), X, k=3) > 0.5
    True
    """
    found = _count(som, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.neighborhood_preservation)


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
        self._far, self._torn, self._common = np.zeros(n), np.zeros(n), np.zeros(n)
        self._known: tuple[int, Float64s] | None = None

    @property
    def trustworthiness(self) -> Float64s:
        """Trustworthiness of each anchor.  The mean over anchors is the result for the map."""
        return self._one_minus_excess(self._far)

    @property
    def continuity(self) -> Float64s:
        """Continuity of each anchor."""
        return self._one_minus_excess(self._torn)

    @property
    def neighborhood_preservation(self) -> Float64s:
        """Neighborhood preservation of each anchor."""
        return self._common / self._k

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
        common = np.bincount(row, counts * np.minimum(share, there), minlength=n)
        own = np.minimum(np.where(is_far, 1.0, at_edge), unit.share[:, block.place])
        self._common[block.own] = common - block.own_counts * own
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


@dataclass(frozen=True, eq=False, kw_only=True)
class TopographicFunction:
    """The topographic function of a map, which counts its folds by their length.

    Attributes
    ----------
    k : ndarray of shape (2 n_steps + 1,), int
        Numbers from -n_steps to n_steps, where n_steps is the largest number of steps between two
        units.
    values : ndarray of shape (2 n_steps + 1,)
        For k above 0, the mean number of units that are neighbors of a unit in the data, but are
        more than k steps away from this unit on the map.  For k below 0, the value is the number of
        neighbors of a unit on the map that are more than -k steps away in the data, averaged over
        units.  For k = 0, the value is the sum of the values for k = 1 and k = -1.

    See Also
    --------
    topographic_function : Computes the function.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> found = measures.topographic_function(SOM(1, 3, radius_end=0.1).fit(X), X)
    >>> found.k.tolist()
    [-2, -1, 0, 1, 2]
    """

    k: Ints
    values: Float64s

    @property
    def at_zero(self) -> float:
        """Value of the function at k = 0, which is 0 for a map without folds."""
        return float(self.values[len(self.k) // 2])


def topographic_function(som: Any, X: Any, *, sample_weight: Any = None) -> TopographicFunction:
    """Return the topographic function of a map, which counts folds by length.

    The best values are 0 for all k.  Values above 0 at large positive k mean that the map has too
    few dimensions.  Values above 0 at large negative k mean that the map has too many dimensions.
    If only values near k = 0 are above 0, a larger final radius may help.

    Parameters
    ----------
    som, X
        See `combined_error`.
    sample_weight : array-like of shape (n_samples,), optional
        Rows of weight 0 do not count.  Other weights do not change the result.

    Returns
    -------
    TopographicFunction
        The function.  For a map of one unit, the function contains only the value NaN.

    Raises
    ------
    InputError
        If `X` is empty, or if no row has a value.

    See Also
    --------
    topographic_product : Uses only the prototypes.

    Notes
    -----
    Two units are neighbors in the data if they are the two nearest units of at least one row.  A
    step on the map leads to a neighbor on the map, and a step in the data to a neighbor in the
    data.  Units without neighbors in the data are left out for k below 0.  The cost is
    O(n_units^2).

    References
    ----------
    T. Villmann, R. Der, M. Herrmann and T. M. Martinetz (1997), Topology preservation in
    self-organizing feature maps: exact definition and measurement, IEEE Transactions on Neural
    Networks 8; T. Martinetz (1993) for neighbors in the data.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> measures.topographic_function(SOM(1, 3, radius_end=0.1).fit(X), X).at_zero
    0.0
    """
    return function_of(placed(som, X, sample_weight))


def function_of(rows: Placed) -> TopographicFunction:
    """Return the topographic function from rows whose two nearest units are known."""
    n, lattice = rows.map_.n_units, rows.map_.lattice
    if n < 2:
        return TopographicFunction(k=np.zeros(1, dtype=np.intp), values=np.full(1, np.nan))
    in_data = np.unique(np.concatenate([rows.units, rows.units[:, ::-1]]), axis=0)
    on_map = neighbor_pairs(lattice)
    width, far_on_map = _steps_of(n, on_map, in_data)
    is_live = np.zeros(n, dtype=bool)
    is_live[in_data[:, 0]] = True
    _, far_in_data = _steps_of(n, in_data, on_map[is_live[on_map].all(axis=1)])
    steps = np.arange(1, max(width, 1) + 1)
    above = np.array([(far_on_map > k).sum() for k in steps]) / n
    below = np.array([(far_in_data > k).sum() for k in steps]) / n
    values = np.concatenate([below[::-1], [above[0] + below[0]], above])
    return TopographicFunction(k=np.arange(-len(steps), len(steps) + 1), values=values)


def _steps_of(n: int, edges: Ints, pairs: Ints) -> tuple[int, Float64s]:
    """For each pair of units, return the number of steps between them, and return the largest."""
    steps, width = np.empty(len(pairs)), 0
    for part in blocks(n, BLOCK_STARTS):
        paths = shortest_paths(n, edges, starts=np.arange(part.start, part.stop))
        here = (pairs[:, 0] >= part.start) & (pairs[:, 0] < part.stop)
        steps[here] = paths[pairs[here, 0] - part.start, pairs[here, 1]]
        width = max(width, int(paths[np.isfinite(paths)].max()))
    return width, steps


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
    topographic_function : Counts folds by their length, from rows.

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
