"""Piecewise linear functions of features."""

import numpy as np

from somscape._types import Float64s, Floats, Ints


def lines(rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
    """Return a piecewise linear function of each feature.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    features : ndarray of shape (c,)
    x, y : ndarray of shape (c, n_knots)
        As for `Kernels.sum_of_lines`.

    Returns
    -------
    ndarray of shape (n, c)
        The same bits as the terms that the core adds.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0, 1.0, 3.0]]), np.array([[0.0, 2.0, 2.0]])
    >>> lines(np.array([[-1.0], [0.5], [2.0], [9.0]]), np.array([0]), x, y).T
    array([[-2.,  1.,  2.,  2.]])
    """
    if x.shape != y.shape or len(x) != len(features) or x.shape[1] < 2:
        raise ValueError("x and y must have the same knots, at least two per line")
    terms = np.empty((len(rows), len(features)))
    for j, feature in enumerate(features):
        n_segments = int(np.searchsorted(x[j], x[j, -1]))
        start, knots = x[j, :n_segments], y[j, : n_segments + 1]
        slope = np.diff(knots) / np.diff(x[j, : n_segments + 1])
        value = rows[:, feature].astype(np.float64)
        at = np.maximum(np.searchsorted(start, value, side="right") - 1, 0)
        with np.errstate(over="ignore"):
            terms[:, j] = knots[at] + (value - start[at]) * slope[at]
    return terms
