"""How well regions keep rows apart."""

from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_whole
from somscape.measures._labels import region_of_units
from somscape.measures._pairs import MAX_ROWS, PairBlock, Pairs, run
from somscape.measures._placed import Placed, placed


def silhouette(
    map: Any,
    X: Any,
    *,
    regions: Any,
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return how much closer rows are to their own region than to the next one.

    Good is near 1; near 0 regions touch, and below it rows lie in the wrong one.  If it is low,
    ask for fewer regions, or leave out columns that say nothing.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values count as in the map's metric.
    regions : Regions or array-like of shape (n_units,)
        From `regions.find_regions`, or the region of each unit.
    sample_weight : array-like of shape (n_samples,), optional
        How many rows each row stands for.  The default is 1 each.
    max_rows : int, default=5000
        Of more distinct rows, as many are drawn; each is compared with all.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        From -1 to 1, the mean over rows, as scikit-learn's ``silhouette_score``; a row alone in
        its region counts 0.  NaN if all rows are in one region.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for sparse rows, for a row without a value
        in common with any other, and for regions of another number of units.

    See Also
    --------
    davies_bouldin, somscape.regions.find_regions

    Notes
    -----
    Distances are the map's metric's.  Costs O(max_rows n_samples n_features) in blocks of 8 MiB.

    References
    ----------
    P. J. Rousseeuw (1987), Silhouettes, Journal of Computational and Applied Mathematics 20.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> round(measures.silhouette(SOM(1, 2).fit(X), X, regions=[0, 1]), 2)
    0.99
    """
    check_whole("max_rows", max_rows, 1)
    check_whole("random_state", random_state, 0)
    pairs = Pairs.of(placed(map, X, sample_weight), max_rows, random_state)
    found = Silhouettes(pairs, regions)
    run(pairs, [found])
    return pairs.mean(found.values)


def davies_bouldin(map: Any, X: Any, *, regions: Any, sample_weight: Any = None) -> float:
    """Return how wide regions are, compared with how far apart their means lie.

    Good is near 0; above 1 regions overlap.  If it is high, ask for another number of regions.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values do not count.
    regions : Regions or array-like of shape (n_units,)
        From `regions.find_regions`, or the region of each unit.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.

    Returns
    -------
    float
        At least 0, as scikit-learn's ``davies_bouldin_score``.  NaN if all rows are in one region.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for sparse rows, and for regions of
        another number of units.

    See Also
    --------
    silhouette, somscape.regions.find_regions

    Notes
    -----
    The mean over regions of the largest sum of two regions' mean distances to their means, divided
    by the distance of those.  Distances are Euclidean, between rows as the metric compares them;
    where values are missing, over those that both have, scaled up to all features.

    References
    ----------
    D. L. Davies and D. W. Bouldin (1979), A cluster separation measure, IEEE Transactions on
    Pattern Analysis and Machine Intelligence 1.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> round(measures.davies_bouldin(SOM(1, 2).fit(X), X, regions=[0, 1]), 6)
    0.02
    """
    return davies_bouldin_of(placed(map, X, sample_weight), regions)


def davies_bouldin_of(rows: Placed, regions: Any) -> float:
    """Return the Davies-Bouldin index of placed rows."""
    x, _ = rows.space
    _, own = np.unique(region_of_units(rows.map_, regions)[rows.best], return_inverse=True)
    n = int(own.max()) + 1
    if n < 2:
        return float("nan")
    is_there, weights = ~np.isnan(x), rows.weights
    means = np.full((n, x.shape[1]), np.nan)
    for region in range(n):
        here = own == region
        held = (weights[here, None] * is_there[here]).sum(axis=0)
        sums = (weights[here, None] * np.nan_to_num(x[here])).sum(axis=0)
        np.divide(sums, held, out=means[region], where=held > 0)
    given = rows.map_.metric.feature_weights
    stretch = np.ones(x.shape[1]) if given is None else given
    apart = _scaled_up(x - means[own], stretch)
    width = np.bincount(own, weights * apart) / np.bincount(own, weights)
    between = np.stack([_scaled_up(means - mean, stretch) for mean in means])
    between[between == 0] = np.inf  # a region and itself, means that agree, or nothing in common
    return float(((width[:, None] + width) / between).max(axis=1).mean())


def _scaled_up(apart: Float64s, weights: Float64s) -> Float64s:
    """Return lengths of rows with gaps, as if what is there stood for all features."""
    is_there = ~np.isnan(apart)
    present, squares = is_there @ weights, (np.nan_to_num(apart) ** 2).sum(axis=1)
    return np.asarray(np.sqrt(squares * weights.sum() / np.where(present > 0, present, np.inf)))


class Silhouettes:
    """A pass that gives each anchor its silhouette.

    Parameters
    ----------
    pairs : Pairs
    regions : Regions or array-like of shape (n_units,)
    """

    def __init__(self, pairs: Pairs, regions: Any) -> None:
        own = region_of_units(pairs.map_, regions)[pairs.live]
        _, self._own = np.unique(own, return_inverse=True)
        self._belongs = np.eye(int(self._own.max()) + 1)[self._own]
        self._counts = pairs.unit_counts @ self._belongs
        self.values: Float64s = np.full(len(pairs.anchors), np.nan)

    def add(self, block: PairBlock) -> None:
        """Take in the pairs of some anchors."""
        if len(self._counts) < 2:
            return
        sums, own = block.by_unit @ self._belongs, self._own[block.place]
        n_others = self._counts[own] - block.own_counts
        has_others = n_others > 0
        inside = sums[:, own] / np.where(has_others, n_others, 1.0)
        outside = np.delete(sums / self._counts, own, axis=1).min(axis=1)
        largest = np.maximum(inside, outside)
        self.values[block.own] = np.where(
            has_others & (largest > 0),
            (outside - inside) / np.where(largest > 0, largest, 1.0),
            0.0,
        )
