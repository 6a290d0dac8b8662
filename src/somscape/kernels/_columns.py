"""The least and the largest value of each column, as fast as memory can be read."""

import numpy as np

from somscape._blocks import blocks
from somscape._types import Floats

FOLDED_VALUES = 4096
"""Values that are taken as one row: NumPy compares whole vectors along a long row."""

SMALL = 1 << 17
"""Values that are better turned around, so that the columns are the long rows."""

BLOCK_ROWS = 64
"""Folded rows that are searched for both extremes while they are in the cache: 1 or 2 MiB."""


def column_extremes(rows: Floats) -> tuple[Floats, Floats]:
    """Return the least and the largest value of each column; NaN where one is NaN."""
    n, d = rows.shape
    if n * d <= SMALL:
        columns = np.ascontiguousarray(rows.T)
        return columns.min(axis=1), columns.max(axis=1)
    fold = FOLDED_VALUES // max(1, d)
    if fold < 2 or n < 2 * fold or not rows.flags.c_contiguous:
        return rows.min(axis=0), rows.max(axis=0)
    whole = n // fold * fold
    folded, rest = rows[:whole].reshape(-1, fold * d), rows[n - fold :]
    parts = [folded[part] for part in blocks(len(folded), BLOCK_ROWS)]
    extremes = [(part.min(axis=0), part.max(axis=0)) for part in parts]
    extremes.append((rest.ravel(), rest.ravel()))
    low, high = (np.array(side) for side in zip(*extremes, strict=True))
    return low.reshape(-1, d).min(axis=0), high.reshape(-1, d).max(axis=0)
