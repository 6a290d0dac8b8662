"""How much of the rows' variance the prototypes explain, in all and by feature."""

from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.measures._placed import Placed, placed


def explained_variance(map: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return the share of the rows' variance that their prototypes explain.

    Good is near 1; 0 is a map as good as the mean of the rows, and below 0 a worse one.  If it is
    low, take more units, or a smaller final radius.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values do not count.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.

    Returns
    -------
    float
        At most 1; NaN if all rows are equal.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for sparse rows.

    See Also
    --------
    explained_variance_by_feature, quantization_error

    Notes
    -----
    One less the squared distances to the prototypes, divided by those to the mean:
    ``1 - sum |x - w|^2 / sum |x - mean|^2``.  Features are as the metric compares them.  Costs a
    search and O(n_samples n_features).

    References
    ----------
    J. Vesanto, M. Sulkava and J. Hollmen (2003), On the decomposition of the self-organizing map
    distortion measure, Proceedings of WSOM'03, for the part of rows about their prototypes.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [9.0], [10.0]] * 5
    >>> som = SOM(1, 2, radius_end=0.1).fit(X)
    >>> round(measures.explained_variance(som, X), 4)
    0.9878
    """
    rows = placed(map, X, sample_weight)
    left, total = squares(rows)
    return _explained(left.sum(), total.sum())


def explained_variance_by_feature(map: Any, X: Any, *, sample_weight: Any = None) -> Float64s:
    """Return the share of variance explained, for each feature.

    Good is near 1 in the features that matter.  Give a feature that stays near 0 a larger weight
    (``feature_weight``), or leave it out.

    Parameters
    ----------
    map, X
        As for `explained_variance`.
    sample_weight : optional
        As for `explained_variance`.

    Returns
    -------
    ndarray of shape (n_features,)
        As the metric compares features; NaN for a feature whose values are all equal.

    Raises
    ------
    InputError
        As for `explained_variance`.

    See Also
    --------
    explained_variance, somscape.plots.relevance

    References
    ----------
    As for `explained_variance`.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0, 5.0], [1.0, 5.0], [9.0, 5.0], [10.0, 5.0]] * 5
    >>> som = SOM(1, 2, radius_end=0.1).fit(X)
    >>> measures.explained_variance_by_feature(som, X).round(4).tolist()
    [0.9878, nan]
    """
    left, total = squares(placed(map, X, sample_weight))
    return np.array([_explained(*pair) for pair in zip(left, total, strict=True)])


def squares(rows: Placed) -> tuple[Float64s, Float64s]:
    """Return sums of squares by feature: about the prototypes, and about the mean."""
    x, codebook = rows.space
    weights = rows.weights[:, None]
    is_there = ~np.isnan(x)
    present = (weights * is_there).sum(axis=0)
    held = np.where(is_there, x, 0.0)
    # From a first row, so that equal values leave no rounding behind.
    first = held[is_there.argmax(axis=0), np.arange(x.shape[1])]
    shift = (weights * np.where(is_there, x - first, 0.0)).sum(axis=0) / np.where(
        present > 0, present, 1.0
    )
    total = (weights * np.where(is_there, x - first - shift, 0.0) ** 2).sum(axis=0)
    left = (weights * np.where(is_there, x - codebook[rows.best], 0.0) ** 2).sum(axis=0)
    return left, total


def row_shares(rows: Placed) -> Float64s:
    """Return values by row whose weighted mean is the explained variance, (n_counted,)."""
    x, codebook = rows.space
    _, total = squares(rows)
    if not total.sum() > 0:
        return np.full(len(x), np.nan)
    error = np.nan_to_num(x - codebook[rows.best])
    mean_total = total.sum() / rows.weights.sum()
    return 1 - (error**2).sum(axis=1) / mean_total


def _explained(left: float, total: float) -> float:
    return float(1 - left / total) if total > 0 else float("nan")
