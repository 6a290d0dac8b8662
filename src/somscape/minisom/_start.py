"""MiniSom's start on the plane of the two principal components."""

import numpy as np

from somscape._types import Float64s


def principal_plane(rows: Float64s, n_x: int, n_y: int, *, is_scaled: bool) -> Float64s:
    """Place the units on the plane of the two principal components."""
    variances, directions = np.linalg.eigh(np.cov(rows, rowvar=False))
    first, second = np.argsort(variances)[::-1][:2]
    length = np.sqrt(np.maximum(variances, 0.0)) if is_scaled else np.ones_like(variances)
    x, y = (np.linspace(-1, 1, n) for n in (n_x, n_y))
    along_x = x[:, None, None] * (length[first] * directions[:, first])
    along_y = y[None, :, None] * (length[second] * directions[:, second])
    return rows.mean(axis=0) + along_x + along_y
