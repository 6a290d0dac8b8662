"""Piecewise linear functions of features."""

import numpy as np

from somscape._types import Float64s, Floats, Ints


def lines(rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
    """Return a piecewise linear function of each feature."""
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
