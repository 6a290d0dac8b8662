"""How close rows lie to their units, and how well neighbors on the map are neighbors in data."""

from typing import Any

import numpy as np

from somscape.maps import Map, as_map


def quantization_error(map: Map, X: Any) -> float:
    """Return the mean distance of the rows to their best matching units.

    Parameters
    ----------
    map : Map
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.

    Returns
    -------
    float
        In encoded feature units; smaller on larger maps and at smaller final radii.

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
    map = as_map(map)
    return float(map.nearest(X)[1].mean())


def topographic_error(map: Map, X: Any) -> float:
    """Return the share of rows whose two best matching units are not neighbors.

    Parameters
    ----------
    map : Map
        Neighbors are the lattice's: 8 on a rectangular map, 6 on a hexagonal one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.

    Returns
    -------
    float
        From 0 to 1; NaN for a map of one unit.

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
    map = as_map(map)
    if map.n_units < 2:
        return float("nan")
    units, _ = map.nearest(X, k=2)
    return float(np.mean(~map.lattice.are_neighbors(units[:, 0], units[:, 1])))
