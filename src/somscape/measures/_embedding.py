"""Whether prototypes are spread as the rows are, column by column."""

from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_number
from somscape.measures._placed import Placed, placed
from somscape.measures._variance import squares

MAX_GAP = 0.1
"""Between two distribution functions that count as one."""


def embedding_accuracy(
    map: Any, X: Any, *, max_gap: float = MAX_GAP, sample_weight: Any = None
) -> float:
    """Return the share of variance in columns where prototypes are spread as rows.

    Good is near 1: no part of the data lacks units.  If it is low, take a smaller final radius, or
    more units; a column with few values never counts, because prototypes lie between them.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values do not count.
    max_gap : float, default=0.1
        Largest difference between the distribution functions of prototypes and rows in a column
        that counts: Kolmogorov and Smirnov's statistic.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.

    Returns
    -------
    float
        From 0 to 1; NaN if all rows are equal.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for sparse rows.
    ValueError, TypeError
        For a `max_gap` that is not above 0.

    See Also
    --------
    explained_variance, topographic_error

    Notes
    -----
    Hamel asks whether a test tells prototypes from rows.  Of many rows it tells any difference, so
    the size of the difference decides here.  Features are as the metric compares them.  Costs a
    search and O(n_samples log n_samples) for each feature.

    References
    ----------
    L. Hamel (2016), SOM quality measures: an efficient statistical approach, Advances in
    Self-Organizing Maps and Learning Vector Quantization, with the test of A. N. Kolmogorov (1933)
    and N. V. Smirnov (1939).

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, measures
    >>> X = np.random.default_rng(0).random((500, 2))
    >>> sharp, smooth = SOM(8, 8, radius_end=0.3).fit(X), SOM(8, 8, radius_end=3.0).fit(X)
    >>> measures.embedding_accuracy(sharp, X), measures.embedding_accuracy(smooth, X)
    (1.0, 0.0)
    """
    check_number("max_gap", max_gap, 0)
    return embedding_of(placed(map, X, sample_weight), max_gap)


def embedding_of(rows: Placed, max_gap: float = MAX_GAP) -> float:
    """Return the embedding accuracy of placed rows."""
    x, codebook = rows.space
    _, variances = squares(rows)
    gaps = [_gap(*pair, rows.weights) for pair in zip(x.T, codebook.T, strict=True)]
    total = variances.sum()
    return float(variances[np.array(gaps) <= max_gap].sum() / total) if total > 0 else float("nan")


def _gap(values: Float64s, prototypes: Float64s, weights: Float64s) -> float:
    """Return the largest difference of two distribution functions; infinite without values."""
    is_there = ~np.isnan(values)
    if not is_there.any():
        return float("inf")
    order = np.argsort(values[is_there])
    held, upto = values[is_there][order], np.cumsum(weights[is_there][order])
    ordered = np.sort(prototypes)
    # Both functions only rise at these places.
    at = np.concatenate([held, ordered])
    of_rows = np.append(0.0, upto)[np.searchsorted(held, at, side="right")] / upto[-1]
    of_units = np.searchsorted(ordered, at, side="right") / len(ordered)
    return float(np.abs(of_rows - of_units).max())
