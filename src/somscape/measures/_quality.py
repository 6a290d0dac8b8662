"""How close rows lie to their units, and how well neighbors on the map are neighbors in data."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import checked_weights
from somscape.errors import InputError
from somscape.maps import NO_UNIT, Map, as_map


def quantization_error(map: Map, X: Any, *, sample_weight: Any = None) -> float:
    """Return the mean distance of the rows to their best matching units.

    Parameters
    ----------
    map : Map
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Rows without any value have no unit and do not count.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the mean.  The default is 1 each.

    Returns
    -------
    float
        In encoded feature units.  It is smaller on larger maps and with smaller final radii.

    Raises
    ------
    InputError
        If there are no rows, or none has a value.

    See Also
    --------
    root_mean_squared_error : Counts far rows more.
    explained_variance : On a scale that does not depend on units.
    topographic_error : The other half of a map's promise.
    somscape.plots.quality : By unit.

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
    _, distances, weights = nearest_counted(map, X, sample_weight=sample_weight)
    return float(np.average(distances[:, 0], weights=weights))


def root_mean_squared_error(map: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return the root of the mean squared distance of the rows to their units.

    Lower is better, among maps of one size.  Far above the quantization error a few rows lie far
    from every unit: look at them before you take more units.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `quantization_error`.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the mean.  The default is 1 each.

    Returns
    -------
    float
        In encoded feature units, at least the quantization error.

    Raises
    ------
    InputError
        As for `quantization_error`.

    See Also
    --------
    quantization_error, explained_variance

    References
    ----------
    R. M. Gray (1984), Vector quantization, IEEE ASSP Magazine 1, for the mean squared error.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0, 0.0], [1.0, 1.0]] * 10
    >>> round(measures.root_mean_squared_error(SOM(1, 1).fit(X).map_, X), 4)
    0.7071
    """
    _, distances, weights = nearest_counted(map, X, sample_weight=sample_weight)
    return float(np.sqrt(np.average(distances[:, 0] ** 2, weights=weights)))


def topographic_error(map: Map, X: Any, *, sample_weight: Any = None) -> float:
    """Return the share of rows whose two best matching units are not neighbors.

    Parameters
    ----------
    map : Map
        Its lattice defines neighbors: 8 on a rectangular map, 6 on a hexagonal one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Rows without any value have no unit and do not count.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the share.  The default is 1 each.

    Returns
    -------
    float
        From 0 to 1; NaN for a map of one unit.

    Raises
    ------
    InputError
        If there are no rows, or none has a value.

    See Also
    --------
    mean_tied_rank : How far apart the two nearest units lie.
    quantization_error, combined_error
    somscape.plots.quality : By unit.

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
    units, _, weights = nearest_counted(map, X, k=2, sample_weight=sample_weight)
    is_apart = ~map.lattice.are_neighbors(units[:, 0], units[:, 1])
    return float(np.average(is_apart, weights=weights))


def nearest_counted(
    map: Map, X: Any, *, k: int = 1, sample_weight: Any = None
) -> tuple[Ints, Float64s, Float64s | None]:
    """Return nearest units, distances and weights of the rows that have any value."""
    units, distances = as_map(map).nearest(X, k)
    if not len(units):
        raise InputError("X has no rows; give at least one.")
    weights = checked_weights(sample_weight, len(units))
    counts = units[:, 0] != NO_UNIT
    if counts.all():
        return units, distances, weights
    weights = None if weights is None else weights[counts]
    if not counts.any() or (weights is not None and not weights.any()):
        raise InputError("X has no row with a value and a weight above 0; give at least one.")
    return units[counts], distances[counts], weights
