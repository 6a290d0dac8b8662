"""MiniSom's distance map: how far each unit's prototype is from its neighbors'."""

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s

Steps = tuple[tuple[int, int], ...]

SQUARE: Steps = ((0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1))
TO_THE_RIGHT: Steps = ((1, 1), (1, 0), (1, -1), (0, -1), (-1, 0), (0, 1))
"""Steps (x, y) from a row of hexagons that lies half a step to the right of its neighbors."""

TO_THE_LEFT: Steps = ((0, 1), (1, 0), (0, -1), (-1, -1), (-1, 0), (-1, 1))

SLOTS = 8


def distance_map(weights: Float64s, topology: str, scaling: str, strict: bool) -> Float64s:
    """Return the distances of each unit to its neighbors, summed, relative to the largest sum."""
    rows = np.arange(weights.shape[1])
    is_left = rows % 2 == 0 if strict else (len(rows) - 1 - rows) % 2 == 0
    if topology == "rectangular":
        apart = _distances(weights, SQUARE)
    else:
        apart = np.where(
            is_left[:, None], _distances(weights, TO_THE_LEFT), _distances(weights, TO_THE_RIGHT)
        )
    heights: Float64s = np.nansum(apart, axis=2)
    if scaling == "mean":
        n_neighbors: NDArray[np.intp] = (~np.isnan(apart)).sum(axis=2)
        heights = heights / (n_neighbors if strict else np.maximum(n_neighbors, 1))
    highest = heights.max()
    return heights / (highest if strict or highest > 0 else 1.0)


def _distances(weights: Float64s, steps: Steps) -> Float64s:
    """Return the distance to the unit at each step, NaN beyond the edge, (n_x, n_y, SLOTS)."""
    n_x, n_y, _ = weights.shape
    padded = np.pad(weights * 1.0, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    apart = np.full((n_x, n_y, SLOTS), np.nan)
    for slot, (x, y) in enumerate(steps):
        difference = padded[1 + x : 1 + x + n_x, 1 + y : 1 + y + n_y] - weights
        apart[:, :, slot] = np.sqrt(np.einsum("xyf,xyf->xy", difference, difference))
    return apart
