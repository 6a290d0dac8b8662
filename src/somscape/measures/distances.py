"""Whether rows that are far apart in the data are far apart on the map."""

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
from somscape.maps._as_map import as_map
from somscape.maps.map import Map
from somscape.measures._placed import Placed, placed, rounded
from somscape.measures._quality import BLOCK_STARTS

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
class RowPairs:
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
    def of(cls, placed: Placed, max_rows: int = MAX_ROWS, seed: int = 0) -> "RowPairs":
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
        units, which = placed.best[first], place[inverse.ravel()]
        return cls(placed.map_, rows[first], units, counts[order], which, anchors)

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


def pairs_of(map: Any, X: Any, sample_weight: Any, max_rows: int, seed: int) -> RowPairs:
    """Return the distinct rows of `X` that count, after a check of how many to compare."""
    check_whole("max_rows", max_rows, 1)
    check_whole("random_state", seed, 0)
    return RowPairs.of(placed(map, X, sample_weight), max_rows, seed)


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

    pairs: RowPairs
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


def run(pairs: RowPairs, passes: Sequence[Pass]) -> None:
    """Go over all pairs once."""
    for block in pairs.blocks():
        for each in passes:
            each.add(block)


def unit_distances(pairs: RowPairs, place: int, on: str) -> Float64s:
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


MAX_RANKED = 1_000
"""Beyond this many rows a sample is ranked, as time and memory grow with their square."""


def c_measure(
    map: Any,
    X: Any,
    *,
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return the sum of distances in the data times distances on the map.

    Higher is better, for the same rows and lattice only; `rank_correlation` says the same on a
    scale.  If another map of these rows has more, take more epochs, or a larger first radius.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values count as in the map's metric.
    sample_weight : array-like of shape (n_samples,), optional
        How many rows each row stands for.  The default is 1 each.
    max_rows : int, default=5000
        Of more distinct rows, as many are drawn; each is compared with all.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        Over all pairs of rows, estimated where rows are drawn; in feature units times grid steps.
        0 if all rows are equal or share a unit; NaN where rows lie in parts of a graph that no
        path joins.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for sparse rows, and for a row without a
        value in common with any other.
    ValueError, TypeError
        For `max_rows` or `random_state` that are no such numbers.

    See Also
    --------
    rank_correlation, kruskal_stress

    Notes
    -----
    Costs O(max_rows n_samples n_features) in blocks of 8 MiB.

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
    return _compare(map, X, sample_weight, max_rows, random_state).c_measure


def kruskal_stress(
    map: Any,
    X: Any,
    *,
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return how far distances on the map are from those in the data, both up to 1.

    Good is near 0, which only data that are as flat as the map reach.  Compare maps of one lattice
    by it: units in no order may have less than 0.1.  Whether to read distances across the map,
    `rank_correlation` tells.

    Parameters
    ----------
    map, X
        As for `c_measure`.
    sample_weight, max_rows, random_state : optional
        As for `c_measure`.

    Returns
    -------
    float
        From 0 to 1: the mean over pairs of rows of the squared difference of both distances, each
        divided by its largest.  NaN if all rows are equal or share a unit, and where rows lie in
        parts of a graph that no path joins.

    Raises
    ------
    InputError, ValueError, TypeError
        As for `c_measure`.

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
    return _compare(map, X, sample_weight, max_rows, random_state).kruskal_stress


def rank_correlation(
    map: Any,
    X: Any,
    *,
    sample_weight: Any = None,
    max_rows: int = MAX_RANKED,
    random_state: int = 0,
) -> float:
    """Return Spearman's correlation of distances in the data with those on the map.

    Good is near 1, bad is near 0.  If it is low, the map is folded: take a larger first radius, or
    a lattice of another shape.

    Parameters
    ----------
    map, X
        As for `c_measure`.
    sample_weight : optional
        As for `c_measure`.
    max_rows : int, default=1000
        Of more distinct rows, as many are drawn, and the pairs among them are compared.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        From -1 to 1; NaN if all rows are equal or share a unit.

    Raises
    ------
    InputError, ValueError, TypeError
        As for `c_measure`.

    See Also
    --------
    kruskal_stress, c_measure

    Notes
    -----
    Equal distances share their ranks; pairs without a path on a graph share the highest.  Costs
    O(max_rows^2 (n_features + log max_rows)), in memory for all pairs at once: about 32 MiB for
    1,000 rows, 120 MiB for 2,000.

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
    return correlation_of(pairs_of(map, X, sample_weight, max_rows, random_state))


def _compare(map: Any, X: Any, sample_weight: Any, max_rows: int, seed: int) -> "Distances":
    pairs = pairs_of(map, X, sample_weight, max_rows, seed)
    found = Distances(pairs)
    run(pairs, [found])
    return found


class Distances:
    """A pass that adds up distances in the data and on the map.

    Parameters
    ----------
    pairs : Pairs
    """

    def __init__(self, pairs: RowPairs) -> None:
        self._pairs = pairs
        self._sums = np.zeros(3)
        """Of squares in the data, products, squares on the map, over anchors and all rows."""
        self._most = np.zeros(2)

    def add(self, block: PairBlock) -> None:
        """Take in the pairs of some anchors."""
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
        """Sum over pairs of rows, each once."""
        return float(self._sums[1] / 2 * (self._pairs.n_rows / self._pairs.weights.sum()))

    @property
    def kruskal_stress(self) -> float:
        """Mean over pairs of rows."""
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
    """Return Spearman's correlation over the pairs of the anchors."""
    own, counts = pairs.anchors, pairs.weights
    is_pair = np.triu(np.ones((len(own), len(own)), dtype=bool), 1)
    every = RowDistances(pairs.map_.metric, pairs.rows[own], counts)
    apart = every.of(np.arange(len(own)))[is_pair]
    place, which = np.unique(pairs.unit_place[own], return_inverse=True)
    table = np.stack([unit_distances(pairs, int(p), "grid")[place] for p in place])
    # Few distances on the map differ, so that these are put in order, and not pairs of rows.
    _, order = np.unique(np.append(table, 0.0), return_inverse=True)
    on_map = order[:-1].reshape(table.shape)[which][:, which][is_pair]
    weights = np.outer(counts, counts)[is_pair]
    copies = float((counts * (counts - pairs.own_counts) / 2).sum())
    if copies > 0:  # rows that are equal are pairs, too, at no distance
        apart, on_map = np.append(apart, 0.0), np.append(on_map, order[-1])
        weights = np.append(weights, copies)
    if not len(weights):
        return float("nan")
    a = _centered_ranks(np.unique(apart, return_inverse=True)[1], weights)
    b = _centered_ranks(on_map, weights)
    norm = np.sqrt((weights @ a**2) * (weights @ b**2))
    return float((weights * a) @ b / norm) if norm > 0 else float("nan")


def _centered_ranks(places: Ints, weights: Float64s) -> Float64s:
    """Return ranks less their mean; values at one place share theirs."""
    held = np.bincount(places, weights)
    ranks = (np.cumsum(held) - held / 2)[places]
    return np.asarray(ranks - np.average(ranks, weights=weights))


ON = ("grid", "prototypes")


def trustworthiness(
    map: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return how far rows that are close on the map are close in the data.

    Good is near 1.  If it is low, rows meet on the map that have little in common.  If it is low on
    prototypes, too, take more units; if not, the map is folded: take a larger final radius.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values count as in the map's metric.
    k : int, default=10
        Number of neighbors, at least 1 and below half of the rows.
    on : {"grid", "prototypes"}, default="grid"
        Where rows are neighbors: at their units' places on the map, as Venna and Kaski mean it, or
        at their units' prototypes in the data, as SOMperf has it, which says nothing of the map's
        order.
    sample_weight : array-like of shape (n_samples,), optional
        How many rows each row stands for.  The default is 1 each.
    max_rows : int, default=5000
        Of more distinct rows, as many are drawn; each is compared with all.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        From 0 to 1, or a little below 0 where many rows share a unit; about 0.5 where all do.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for sparse rows, and for a row without a
        value in common with any other.
    ValueError, TypeError
        For a `k` that is not below half of the rows, so always for fewer than 3, or another `on`.

    See Also
    --------
    continuity : The other direction.
    neighborhood_preservation

    Notes
    -----
    ``1 - 2 / (N k (2 N - 3 k - 1)) sum_i sum_j (r(i, j) - k)`` over the rows j that are among the
    k nearest of i on the map and not in the data, where j has rank r.  Rows at the same distance
    share a rank; those at the edge of the k nearest on the map share the places that are left, so
    the order of rows changes nothing.  Costs O(max_rows n_samples (n_features + log n_samples)) in
    blocks of 8 MiB, beside one copy of the rows, or three where values are missing.

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
    found = _count(map, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.trustworthiness)


def continuity(
    map: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return how far rows that are close in the data stay close on the map.

    Good is near 1.  If it is low, groups are torn apart: take a larger final radius, more epochs,
    or a torus for data that close in a circle.

    Parameters
    ----------
    map, X
        As for `trustworthiness`.
    k, on, sample_weight, max_rows, random_state : optional
        As for `trustworthiness`.

    Returns
    -------
    float
        From 0 to 1, or a little below 0 where many rows share a unit; 1 where all do.

    Raises
    ------
    InputError, ValueError, TypeError
        As for `trustworthiness`.

    See Also
    --------
    trustworthiness : The other direction.
    neighborhood_preservation

    Notes
    -----
    As trustworthiness, with the map and the data changing places.  SOMperf calls it neighborhood
    preservation.

    References
    ----------
    As for `trustworthiness`.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[float(i)] for i in range(40)]
    >>> round(measures.continuity(SOM(1, 20).fit(X), X, k=3), 1)
    1.0
    """
    found = _count(map, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.continuity)


def neighborhood_preservation(
    map: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return the share of a row's nearest rows that are its nearest on the map, too.

    Good is near 1, which needs about as many units as rows: rows of one unit cannot be told apart.
    Compare maps of one size; what to turn is said at `trustworthiness` and `continuity`.

    Parameters
    ----------
    map, X
        As for `trustworthiness`.
    k, on, sample_weight, max_rows, random_state : optional
        As for `trustworthiness`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    InputError, ValueError, TypeError
        As for `trustworthiness`.

    See Also
    --------
    trustworthiness, continuity

    Notes
    -----
    Rows at the edge of the k nearest share the places that are left, on the map and in the data;
    the smaller share counts.

    References
    ----------
    J. A. Lee and M. Verleysen (2009), Quality assessment of dimensionality reduction: rank-based
    criteria, Neurocomputing 72, where it is Q_NX.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[float(i)] for i in range(40)]
    >>> measures.neighborhood_preservation(SOM(1, 20).fit(X), X, k=3) > 0.5
    True
    """
    found = _count(map, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.neighborhood_preservation)


def _count(
    map: Any, X: Any, sample_weight: Any, k: int, on: str, max_rows: int, seed: int
) -> "Neighbors":
    check_choice("on", on, ON)
    check_whole("k", k, 1)
    pairs = pairs_of(map, X, sample_weight, max_rows, seed)
    if 2 * k >= pairs.n_rows:
        raise ParameterError(
            f"`k` must be below half of the rows, of which there are {pairs.n_rows:g}; got {k}.",
            parameter="k",
            value=k,
        )
    found = Neighbors(pairs, k, on)
    run(pairs, [found])
    return found


@dataclass(frozen=True, eq=False)
class _UnitRanks:
    """How some rows of one unit see the rows of each unit.

    Attributes
    ----------
    share : ndarray of shape (n, n_live)
        Part of each unit's rows among the k nearest.
    rank : ndarray of shape (n, n_live)
        Rank that the rows of each unit share.
    """

    share: Float64s
    rank: Float64s


class Neighbors:
    """A pass that compares each row's nearest on the map with its nearest in the data.

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
        """By anchor; the mean is the measure."""
        return self._one_less(self._far)

    @property
    def continuity(self) -> Float64s:
        """By anchor."""
        return self._one_less(self._torn)

    @property
    def neighborhood_preservation(self) -> Float64s:
        """By anchor."""
        return self._common / self._k

    def _one_less(self, excess: Float64s) -> Float64s:
        n, k = self.pairs.n_rows, self._k
        return 1 - excess * (2 / (k * (2 * n - 3 * k - 1)))

    def add(self, block: PairBlock) -> None:
        """Take in the pairs of some anchors."""
        if self._known is None or self._known[0] != block.place:
            self._known = (block.place, unit_distances(self.pairs, block.place, self._on))
        unit = _ranks_of(self._known[1], self.pairs.unit_counts, block.own_counts, self._k)
        limit = self._add_nearest(block, unit)
        self._add_strangers(block, unit, limit)

    def _add_nearest(self, block: PairBlock, unit: _UnitRanks) -> Float64s:
        """Add how the k nearest in the data lie on the map; return how far they reach."""
        pairs, k, n = self.pairs, self._k, len(block.distances)
        ordered, upto = block.ordered
        reach = (upto >= k).argmax(axis=1)
        limit: Float64s = ordered[np.arange(n), np.broadcast_to(reach, n)]
        row, other = np.nonzero(block.from_others <= limit[:, None])
        counts = pairs.counts[other]
        is_inside = block.from_others[row, other] < limit[row]
        # The row itself, at -1, is none of its neighbors.
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
        """Add how far the k nearest on the map lie in the data."""
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
            # Ranks closer + 1 to last, shared.
            rank = (counted[closer] + counted[last] + 1) / 2
            weights = (unit.share[row, place] * counts)[is_strange[row]]
            excess[row] = ((rank - k) * weights).sum()
        self._far[block.own] = excess


def _ranks_of(apart: Float64s, counts: Float64s, own: Float64s, k: int) -> _UnitRanks:
    """Return shares and ranks of units, from rows of which `own` does not count."""
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
    """The topographic function: folds of the map by how far they reach.

    Attributes
    ----------
    k : ndarray of shape (2 n_steps + 1,), int
        From -n_steps to n_steps, for a map that is n_steps wide.
    values : ndarray of shape (2 n_steps + 1,)
        For k above 0, the mean number of units that are neighbors of a unit in the data and more
        than k steps away on the map; below 0, of those that are neighbors on the map and more than
        -k steps away in the data; at 0, the sum of both at 1 and -1.

    See Also
    --------
    topographic_function : Makes one.

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
        """Its value at 0, which is 0 for a map that keeps its order everywhere."""
        return float(self.values[len(self.k) // 2])


def topographic_function(map: Any, X: Any, *, sample_weight: Any = None) -> TopographicFunction:
    """Return the topographic function: the folds of a map, and how far they reach.

    Good is 0 everywhere.  Values far above k = 0 say that the map has too few dimensions, far
    below it too many; near 0 only, that a larger final radius may help.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`, or a ``scipy.sparse`` array.
    sample_weight : array-like of shape (n_samples,), optional
        Rows of weight 0 do not count; other weights change nothing.

    Returns
    -------
    TopographicFunction
        With one value, NaN, for one unit.

    Raises
    ------
    InputError
        If there are no rows, or none has a value.

    See Also
    --------
    topographic_product : From prototypes alone.

    Notes
    -----
    Two units are neighbors in the data if they are the two nearest to some row.  Steps are counted
    over neighbors, on the map and in the data.  Units that are nearest or second nearest to no row
    have no neighbors in the data, and are left out below 0.  Costs O(n_units^2).

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
    return function_of(placed(map, X, sample_weight))


def function_of(rows: Placed) -> TopographicFunction:
    """Return the topographic function of placed rows."""
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
    """Return the most steps between units over the edges, and the steps between each pair."""
    steps, width = np.empty(len(pairs)), 0
    for part in blocks(n, BLOCK_STARTS):
        paths = shortest_paths(n, edges, starts=np.arange(part.start, part.stop))
        here = (pairs[:, 0] >= part.start) & (pairs[:, 0] < part.stop)
        steps[here] = paths[pairs[here, 0] - part.start, pairs[here, 1]]
        width = max(width, int(paths[np.isfinite(paths)].max()))
    return width, steps


def topographic_product(map: Any) -> float:
    """Return the topographic product: whether the map has enough dimensions.

    Good is near 0.  Below it the map has too few dimensions: a more even shape may follow the
    data.  Above it it has too many: try a longer, narrower one.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.

    Returns
    -------
    float
        NaN for one unit, for equal prototypes, and for a graph in several parts.

    See Also
    --------
    topographic_function : By how far folds reach, from rows.

    Notes
    -----
    For each unit j and each k, Q1 compares the prototypes' distance to the k-th nearest unit on
    the map with that to the k-th nearest prototype, and Q2 the same two units' distances on the
    map.  The result is the mean of ``log((prod_{l <= k} Q1 Q2)^(1 / 2k))``.  Equally near units
    come in their order; a distance of 0 counts as the smallest share of the largest that a float
    tells apart.  It judges prototypes, not rows.  Costs O(n_units^2 (n_features + log n_units)).

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
    map_ = as_map(map)
    if map_.n_units < 2:
        return float("nan")
    compared = np.asarray(map_.metric.compared(map_.codebook))
    if (compared == compared[0]).all() or not np.isfinite(map_.lattice.distances_from(0)).all():
        return float("nan")
    total = sum(_of_unit(map_, unit) for unit in range(map_.n_units))
    return float(total / (map_.n_units * (map_.n_units - 1)))


def _of_unit(map_: Map, unit: int) -> float:
    """Return the sum over k of log P3 of one unit."""
    on_map = rounded(map_.lattice.distances_from(unit))
    apart = prototype_distances(map_, unit)
    by_map, by_data = _nearest(on_map, unit), _nearest(apart, unit)
    apart = np.maximum(apart, np.finfo(np.float64).eps * (apart.max() or 1.0))
    q1 = np.log(apart[by_map]) - np.log(apart[by_data])
    q2 = np.log(on_map[by_map]) - np.log(on_map[by_data])
    k = np.arange(1, map_.n_units)
    return float((np.cumsum(q1 + q2) / (2 * k)).sum())


def _nearest(distances: Float64s, unit: int) -> np.ndarray:
    """Return all other units, nearest first, equally near ones in their order."""
    order = np.argsort(distances, kind="stable")
    return order[order != unit]
