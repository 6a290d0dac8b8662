"""Find the units of rows once for many measures, and compute measures of single rows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._validate import checked_weights
from somscape._weights import blocks, ones_or
from somscape.errors import InputError
from somscape.grid.graph import shortest_paths
from somscape.grid.lattice import neighbor_pairs
from somscape.kernels._sparse import SparseRows
from somscape.maps.map import NO_UNIT, Map, as_map

ANGLES = ("cosine", "correlation")

NO_COUNTED_ROW = "No row of X has a value and a weight above 0. Pass at least one row with both."


@dataclass(frozen=True, eq=False)
class Placed:
    """Rows that measures count (with a value and a weight above 0), and their nearest units.

    Attributes
    ----------
    map_ : Map
    encoded : ndarray of shape (n_counted, n_features), or None
        None for sparse rows.
    units : ndarray of shape (n_counted, 2), or (n_counted, 1) on a map of one unit
        Nearest unit first.
    distances : ndarray of the same shape, float64
    given : ndarray of shape (n_counted,), float64, or None
        Weight of each row.  None if every row has weight 1.
    counts : ndarray of shape (n_samples,), bool
        Whether measures use each row of X.
    """

    map_: Map
    encoded: Floats | None
    units: Ints
    distances: Float64s
    given: Float64s | None
    counts: Bools

    @property
    def best(self) -> Ints:
        """Best matching unit of each counted row."""
        return self.units[:, 0]

    @cached_property
    def weights(self) -> Float64s:
        """Weight of each row (n_counted,)."""
        return ones_or(self.given, len(self.units))

    @property
    def rows(self) -> Float64s:
        """Encoded rows, with NaN for missing values."""
        if self.encoded is None:
            raise InputError("X is sparse, but this measure needs dense rows. Pass X.toarray().")
        return self.encoded.astype(np.float64, copy=False)

    @cached_property
    def space(self) -> tuple[Float64s, Float64s]:
        """Rows and prototypes after the transformation by the metric."""
        metric = self.map_.metric
        rows, codebook = (
            np.asarray(
                metric.trained_on(each) if metric.name in ANGLES else metric.compared(each),
                dtype=np.float64,
            )
            for each in (self.rows, np.asarray(self.map_.codebook))
        )
        if metric.feature_weights is None:
            return rows, codebook
        stretch = np.sqrt(metric.feature_weights)
        return rows * stretch, codebook * stretch

    def only(self, keep: Bools) -> "Placed":
        """Return those counted rows for which `keep` is True (one value per row of X)."""
        own = keep[self.counts]
        return Placed(
            self.map_,
            None if self.encoded is None else self.encoded[own],
            self.units[own],
            self.distances[own],
            None if self.given is None else self.given[own],
            self.counts & keep,
        )

    def mean(self, values: Float64s) -> float:
        """Return the weighted mean of `values`, which contains one value per counted row."""
        return float(np.average(values, weights=self.given))


def placed(map_: Any, X: Any, sample_weight: Any = None) -> Placed:
    """Find the nearest units of rows, and return those rows that measures count."""
    map_ = as_map(map_)
    rows = map_.any_rows_of(X)
    units, distances = map_.nearest(rows, min(2, map_.n_units))
    if not len(units):
        raise InputError("X does not contain rows. Pass at least one row.")
    weights = checked_weights(sample_weight, len(units))
    counts = units[:, 0] != NO_UNIT
    if weights is not None:
        counts &= weights > 0
    if not counts.any():
        raise InputError(NO_COUNTED_ROW, parameter="X")
    encoded = None if isinstance(rows, SparseRows) else np.asarray(rows)
    every = Placed(map_, encoded, units, distances, weights, np.ones(len(units), dtype=bool))
    return every if counts.all() else every.only(counts)


BITS = 20
"""Number of lowest bits of a float64 that rounding sets to 0.  About ten digits remain."""


def rounded(distances: Float64s) -> Float64s:
    """Return distances rounded to about ten significant digits."""
    bits = np.ascontiguousarray(distances).view(np.int64)
    # Half of the lowest kept bit is added, and all lower bits are cleared.  A carry out of the
    # fraction increases the exponent, as it should.
    found: Float64s = ((bits + (1 << (BITS - 1))) & -(1 << BITS)).view(np.float64)
    return found


def quantization_error(som: Map, X: Any, *, sample_weight: Any = None) -> float:
    """Return the mean distance of the rows to their best matching units.

    Parameters
    ----------
    som : Map
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them.  Rows without any value do not count.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the mean.  The default is 1 each.

    Returns
    -------
    float
        The mean distance in encoded feature units.  Larger maps and smaller final radii reduce it.

    Raises
    ------
    InputError
        If `X` is empty, or if no row has a value.

    See Also
    --------
    explained_variance : Does not depend on the units of the features.
    topographic_error : Measures the order of the map.

    References
    ----------
    T. Kohonen (2001), Self-Organizing Maps, 3rd edition, section 3.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0, 0.0], [1.0, 1.0]] * 10
    >>> round(measures.quantization_error(SOM(1, 1).fit(X).map_, X), 4)
    0.7071
    """
    _, distances, weights = nearest_counted(som, X, sample_weight=sample_weight)
    return float(np.average(distances[:, 0], weights=weights))


def topographic_error(som: Map, X: Any, *, sample_weight: Any = None) -> float:
    """Return the share of rows whose two best matching units are not neighbors.

    Parameters
    ----------
    som : Map
        The map, whose lattice defines the neighbors.  Each unit has up to 8 neighboring units on a
        rectangular map, and up to 6 on a hexagonal map.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them.  Rows without any value do not count.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the share.  The default is 1 each.

    Returns
    -------
    float
        The share from 0 to 1, or NaN for a map of one unit.

    Raises
    ------
    InputError
        If `X` is empty, or if no row has a value.

    See Also
    --------
    quantization_error, combined_error

    References
    ----------
    K. Kiviluoto (1996), Topology preservation in self-organizing maps, section 3.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> measures.topographic_error(SOM(1, 3).fit(X).map_, X)
    0.0
    """
    som = as_map(som)
    if som.n_units < 2:
        return float("nan")
    units, _, weights = nearest_counted(som, X, k=2, sample_weight=sample_weight)
    is_apart = ~som.lattice.are_neighbors(units[:, 0], units[:, 1])
    return float(np.average(is_apart, weights=weights))


def nearest_counted(
    som: Map, X: Any, *, k: int = 1, sample_weight: Any = None
) -> tuple[Ints, Float64s, Float64s | None]:
    """Return the nearest units of all rows with a value, the distances, and the row weights."""
    units, distances = as_map(som).nearest(X, k)
    if not len(units):
        raise InputError("X does not contain rows. Pass at least one row.")
    weights = checked_weights(sample_weight, len(units))
    counts = units[:, 0] != NO_UNIT
    if counts.all():
        return units, distances, weights
    weights = None if weights is None else weights[counts]
    if not counts.any() or (weights is not None and not weights.any()):
        raise InputError(NO_COUNTED_ROW, parameter="X")
    return units[counts], distances[counts], weights


BLOCK_STARTS = 256
"""Number of units whose shortest paths to all units are in memory at the same time."""


def combined_error(som: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return the mean path length from a row via its best to its second best unit.

    Lower values are better if maps of the same rows are compared.  The error is large if rows are
    far from their units, or if neighboring units have very different prototypes.  A value far above
    the quantization error means that the map is folded.  In this case, use a larger final radius or
    more epochs.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them, or a ``scipy.sparse`` array.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the mean.  The default is 1 each.

    Returns
    -------
    float
        The length in encoded feature units.  NaN for a map of one unit.  Infinite if a graph does
        not have a path between the two units of a row.

    Raises
    ------
    InputError
        If `X` is empty, or if no row has a value.

    See Also
    --------
    quantization_error, topographic_error : Measure fit and order separately.

    Notes
    -----
    The path of a row begins with the distance to its best matching unit.  Then the path leads from
    unit to neighboring unit, on the shortest way to the second best unit.  The length between two
    neighboring units is the distance of their prototypes.  If both units are neighbors, the path
    is the single step between them.  The cost is the search of the nearest units, and O(n_units
    log n_units) for each best matching unit with rows whose two units are not neighbors.

    References
    ----------
    S. Kaski and K. Lagus (1996), Comparing self-organizing maps, Proceedings of ICANN'96.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> round(measures.combined_error(SOM(1, 3, radius_end=0.1).fit(X), X), 4)
    1.0
    """
    rows = placed(som, X, sample_weight)
    return rows.mean(row_ways(rows))


def row_ways(rows: Placed) -> Float64s:
    """Return, for each row, its path length for `combined_error`, of shape (n_counted,)."""
    map_ = rows.map_
    if map_.n_units < 2:
        return np.full(len(rows.units), np.nan)
    first, second = rows.units[:, 0], rows.units[:, 1]
    ways = map_.metric.between(map_.codebook[first], map_.codebook[second])
    apart = np.flatnonzero(~map_.lattice.are_neighbors(first, second))
    if len(apart):
        pairs = neighbor_pairs(map_.lattice)
        lengths = map_.metric.between(map_.codebook[pairs[:, 0]], map_.codebook[pairs[:, 1]])
        lengths = np.maximum(lengths, 0.0)  # rounding gives equal prototypes a cosine below 0
        starts, which = np.unique(first[apart], return_inverse=True)
        for part in blocks(len(starts), BLOCK_STARTS):
            paths = shortest_paths(map_.n_units, pairs, lengths, starts=starts[part])
            here = (which >= part.start) & (which < part.stop)
            ways[apart[here]] = paths[which[here] - part.start, second[apart[here]]]
    return rows.distances[:, 0] + ways


def explained_variance(som: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return the share of the variance of the rows that prototypes explain.

    Values near 1 are good.  At 0, the prototypes represent the rows only as well as the mean of all
    rows.  Below 0, they represent the rows even worse.  If the value is low, use more units or a
    smaller final radius.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them.  Missing values do not count.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.

    Returns
    -------
    float
        The share, at most 1, or NaN if all rows are equal.

    Raises
    ------
    InputError
        If `X` is empty, if no row has a value, or if rows are sparse.

    See Also
    --------
    explained_variance_by_feature, quantization_error

    Notes
    -----
    ``1 - sum |x - w|^2 / sum |x - mean|^2``, for rows x and the prototypes w of their best matching
    units, after both are transformed by the metric.  The cost is the search of the nearest units.

    References
    ----------
    J. Vesanto, M. Sulkava and J. Hollmen (2003), On the decomposition of the self-organizing map
    distortion measure, Proceedings of WSOM'03, for the spread of rows about their prototypes.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [9.0], [10.0]] * 5
    >>> som = SOM(1, 2, radius_end=0.1).fit(X)
    >>> round(measures.explained_variance(som, X), 4)
    0.9878
    """
    rows = placed(som, X, sample_weight)
    left, total = squares(rows)
    return _explained_share(left.sum(), total.sum())


def explained_variance_by_feature(som: Any, X: Any, *, sample_weight: Any = None) -> Float64s:
    """Return the share of the variance of each feature that the prototypes explain.

    For features that matter, values near 1 are good.  If the value is near 0, give the feature a
    larger weight (``feature_weight``) or leave it out.

    Parameters
    ----------
    som, X
        See `explained_variance`.
    sample_weight : optional
        See `explained_variance`.

    Returns
    -------
    ndarray of shape (n_features,)
        Share for each feature.  Features are transformed by the metric first.  NaN if all values of
        the feature are equal.

    Raises
    ------
    InputError
        See `explained_variance`.

    See Also
    --------
    explained_variance, somscape.plots.relevance

    References
    ----------
    See `explained_variance`.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0, 5.0], [1.0, 5.0], [9.0, 5.0], [10.0, 5.0]] * 5
    >>> som = SOM(1, 2, radius_end=0.1).fit(X)
    >>> measures.explained_variance_by_feature(som, X).round(4).tolist()
    [0.9878, nan]
    """
    left, total = squares(placed(som, X, sample_weight))
    return np.array([_explained_share(*pair) for pair in zip(left, total, strict=True)])


def squares(rows: Placed) -> tuple[Float64s, Float64s]:
    """For each feature, return the sums of squares around prototypes and around the mean."""
    x, codebook = rows.space
    weights = rows.weights[:, None]
    is_there = ~np.isnan(x)
    present = (weights * is_there).sum(axis=0)
    held = np.where(is_there, x, 0.0)
    # Values are taken relative to a first row, so that equal values have exactly zero variance.
    first = held[is_there.argmax(axis=0), np.arange(x.shape[1])]
    sums = (weights * np.where(is_there, x - first, 0.0)).sum(axis=0)
    shift = sums / np.where(present > 0, present, 1.0)
    total = (weights * np.where(is_there, x - first - shift, 0.0) ** 2).sum(axis=0)
    left = (weights * np.where(is_there, x - codebook[rows.best], 0.0) ** 2).sum(axis=0)
    return left, total


def row_shares(rows: Placed) -> Float64s:
    """Return one value per row.  The weighted mean of these values is the explained variance."""
    x, codebook = rows.space
    _, total = squares(rows)
    if not total.sum() > 0:
        return np.full(len(x), np.nan)
    error = np.nan_to_num(x - codebook[rows.best])
    mean_total = total.sum() / rows.weights.sum()
    return 1 - (error**2).sum(axis=1) / mean_total


def _explained_share(left: float, total: float) -> float:
    return float(1 - left / total) if total > 0 else float("nan")
