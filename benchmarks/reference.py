"""The batch rule as the papers have it, in float64 NumPy: what every fast library has to reach.

Kohonen (2013), Essentials of the self-organizing map, eq. 8: each unit becomes the mean of all
rows, weighted by the neighborhood of the unit and the row's winner. Written to be read: nothing
is skipped or approximated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]

BLOCK_VALUES = 1 << 22
"""Distances held at a time, 32 MiB."""


def squared_distances(rows: Any, codebook: Float64s) -> Float64s:
    """Return ``|x - w|^2`` of rows, dense or sparse, and all units, in float64.

    By ``|x|^2 - 2 x.w + |w|^2``. In float64 the cancellation costs no digit that is shown here.
    """
    rows = rows.astype(np.float64)
    norms = rows.multiply(rows).sum(axis=1) if hasattr(rows, "multiply") else (rows**2).sum(axis=1)
    squared: Float64s = rows @ codebook.T
    squared *= -2
    squared += np.asarray(norms).reshape(-1, 1)
    squared += (codebook**2).sum(axis=1)
    np.maximum(squared, 0, out=squared)
    return squared


def block_starts(n_rows: int, n_units: int) -> range:
    """Return where blocks of rows start, so that a block's distances fit `BLOCK_VALUES`."""
    return range(0, n_rows, max(1, BLOCK_VALUES // n_units))


def nearest_units(rows: Any, codebook: Float64s) -> NDArray[np.int64]:
    """Return the nearest unit of each row, the lowest of equally near ones."""
    starts = block_starts(rows.shape[0], len(codebook))
    parts = [rows[start : start + starts.step] for start in starts]
    return np.concatenate([squared_distances(p, codebook).argmin(axis=1) for p in parts])


def neighborhood(n_units: int, radius: float, is_torus: bool) -> Float64s:
    """Return the gaussian between all pairs of units along one side of the map."""
    steps = np.abs(np.subtract.outer(np.arange(n_units), np.arange(n_units)))
    if is_torus:
        steps = np.minimum(steps, n_units - steps)
    return np.exp(-(steps**2) / (2 * radius**2))


def train_batch(
    rows: NDArray[Any],
    start: NDArray[Any],
    shape: tuple[int, int],
    radii: Float64s,
    is_torus: bool = False,
) -> Float64s:
    """Return the codebook of shape (n_units, n_features) after one epoch per radius."""
    n_features = rows.shape[1]
    codebook = start.astype(np.float64)
    for radius in radii:
        units = nearest_units(rows, codebook)
        columns = [np.bincount(units, rows[:, j], len(codebook)) for j in range(n_features)]
        totals = np.column_stack([*columns, np.bincount(units, minlength=len(codebook))])
        # A gaussian of the map distance is the product of one along the rows and one along the
        # columns of a rectangular map.
        along_rows, along_cols = (neighborhood(n, radius, is_torus) for n in shape)
        on_map = totals.reshape(*shape, n_features + 1)
        on_map = np.einsum("ri,icf->rcf", along_rows, on_map, optimize=True)
        smooth = np.einsum("cj,rjf->rcf", along_cols, on_map, optimize=True)
        smooth = smooth.reshape(len(codebook), n_features + 1)
        is_reached = smooth[:, -1] > 0
        codebook[is_reached] = smooth[is_reached, :-1] / smooth[is_reached, -1:]
    return codebook
