"""The axes on which rows are compared: centered, of one scale, few."""

from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s

MAX_AXES = 100
"""Axes on which the margin rule turns; rows of more features are seen on their main axes."""

MAX_ROWS = 2_000
"""Rows that tell the main axes."""

FLAT = 1e-6
"""Axes along which rows spread by less than this share of the main one are left out."""


@dataclass(frozen=True, eq=False)
class Space:
    """Where rows are compared.

    Attributes
    ----------
    center : ndarray of shape (n_features,)
        Mean of the rows.
    axes : ndarray of shape (n_features, n_axes)
        ``(rows - center) @ axes`` has a mean variance of 1.
    """

    center: Float64s
    axes: Float64s

    @classmethod
    def of(cls, rows: Float64s, weights: Float64s) -> "Space":
        """Return the space of rows."""
        center = weights @ rows / weights.sum()
        axes = np.eye(rows.shape[1])
        if rows.shape[1] > MAX_AXES:
            some = slice(None, None, -(-len(rows) // MAX_ROWS))
            apart = (rows[some] - center) * np.sqrt(weights[some])[:, None]
            _, sizes, main = np.linalg.svd(apart, full_matrices=False)
            axes = main[:MAX_AXES][sizes[:MAX_AXES] > FLAT * sizes[0]].T
            axes = axes if axes.size else np.eye(rows.shape[1], 1)
        placed = (rows - center) @ axes
        variance = float(weights @ (placed**2).mean(axis=1) / weights.sum())
        return cls(center, axes / np.sqrt(variance) if variance > 0 else axes)

    def place(self, rows: Float64s) -> Float64s:
        """Return rows on the axes."""
        return np.ascontiguousarray((rows - self.center) @ self.axes)
