"""How far the second unit of a row lies from its first, along the map."""

from typing import Any

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s
from somscape.grid import neighbor_pairs, shortest_paths
from somscape.measures._placed import Placed, placed

BLOCK_STARTS = 256
"""Units whose paths to all others are kept at a time."""


def combined_error(map: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return fit and order in one: the way from a row to its second unit.

    Lower is better, among maps of the same rows.  If it is far above the quantization error, the
    map is folded: take a larger final radius, or more epochs.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`, or a ``scipy.sparse`` array.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the mean.  The default is 1 each.

    Returns
    -------
    float
        In encoded feature units; NaN for one unit; infinite where a graph has no path.

    Raises
    ------
    InputError
        If there are no rows, or none has a value.

    See Also
    --------
    quantization_error, topographic_error : What it joins.

    Notes
    -----
    The mean of the distance of a row to its best matching unit, and from there to the second best
    the shortest way over neighbors, whose steps are as long as their prototypes lie apart; one
    step where both are neighbors.  Costs a search, and O(n_units log n_units) for each unit with
    such a row.

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
    rows = placed(map, X, sample_weight)
    return rows.mean(row_ways(rows))


def mean_tied_rank(map: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return the mean rank of the second unit among those around the first.

    Good is the rank that all neighbors share: 4.5 inside a rectangular map, 3.5 inside a hexagonal
    one, less at an edge.  If it is much higher, take a larger final radius, or more epochs.

    Parameters
    ----------
    map, X
        As for `combined_error`.
    sample_weight : optional
        As for `combined_error`.

    Returns
    -------
    float
        From 1 to n_units - 1; NaN for one unit.

    Raises
    ------
    InputError
        As for `combined_error`.

    See Also
    --------
    topographic_error, combined_error

    Notes
    -----
    Units are ranked by their steps over neighbors from the best matching unit.  Those with as many
    steps share a rank: with L units fewer steps away and t as many, it is ``L + (t + 1) / 2``.
    Unlike the topographic error it tells a near miss from a far one.

    References
    ----------
    K. Kiviluoto (1996), Topology preservation in self-organizing maps, Proceedings of the
    International Conference on Neural Networks, whose topographic error it grades.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> round(measures.mean_tied_rank(SOM(1, 3, radius_end=0.1).fit(X), X), 4)
    1.1667
    """
    rows = placed(map, X, sample_weight)
    return rows.mean(row_ranks(rows))


def row_ways(rows: Placed) -> Float64s:
    """Return what `combined_error` is the mean of, of shape (n_counted,)."""
    map_ = rows.map_
    if map_.n_units < 2:
        return np.full(len(rows.units), np.nan)
    first, second = rows.units[:, 0], rows.units[:, 1]
    ways = map_.metric.between(map_.codebook[first], map_.codebook[second])
    apart = np.flatnonzero(~map_.lattice.are_neighbors(first, second))
    if len(apart):
        pairs = neighbor_pairs(map_.lattice)
        lengths = map_.metric.between(map_.codebook[pairs[:, 0]], map_.codebook[pairs[:, 1]])
        lengths = np.maximum(lengths, 0.0)  # a cosine of equal prototypes rounds below 0
        starts, which = np.unique(first[apart], return_inverse=True)
        for part in blocks(len(starts), BLOCK_STARTS):
            paths = shortest_paths(map_.n_units, pairs, lengths, starts=starts[part])
            here = (which >= part.start) & (which < part.stop)
            ways[apart[here]] = paths[which[here] - part.start, second[apart[here]]]
    return rows.distances[:, 0] + ways


def row_ranks(rows: Placed) -> Float64s:
    """Return what `mean_tied_rank` is the mean of, of shape (n_counted,)."""
    map_ = rows.map_
    ranks = np.full(len(rows.units), np.nan)
    if map_.n_units < 2:
        return ranks
    pairs = neighbor_pairs(map_.lattice)
    starts, which = np.unique(rows.best, return_inverse=True)
    for part in blocks(len(starts), BLOCK_STARTS):
        steps = shortest_paths(map_.n_units, pairs, starts=starts[part])
        here = np.flatnonzero((which >= part.start) & (which < part.stop))
        own = which[here] - part.start
        ordered = np.sort(steps, axis=1)
        for start in range(len(steps)):
            those = here[own == start]
            found = steps[start, rows.units[those, 1]]
            # The unit itself comes first, at no steps, and has no rank.
            left = np.searchsorted(ordered[start], found, side="left")
            right = np.searchsorted(ordered[start], found, side="right")
            ranks[those] = (left - 1) + (right - left + 1) / 2
    return ranks
