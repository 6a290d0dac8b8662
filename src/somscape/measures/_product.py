"""Whether a map has the dimension of the data: ranks of units on the map and among prototypes."""

from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.maps import Map, as_map
from somscape.measures._digits import rounded
from somscape.measures._pairs import prototype_distances


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
