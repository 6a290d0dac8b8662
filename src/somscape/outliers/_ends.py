"""The two lowest and the two highest values of each column, in one pass over all rows."""

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Floats
from somscape._weights import counts_of

BLOCK_VALUES = 1 << 20
"""Values that are looked at at once."""

ORDERED_ROWS = 256
"""Rows that are put in order; later ones need only be compared with what is found so far."""


def ends_of(rows: Floats, weights: Float64s | None, known: Float64s | None = None) -> Float64s:
    """Return the outermost values of each column.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
    weights : ndarray of shape (n_rows,) or None
        A row of weight 2 is two rows; where not all weights are whole numbers, each row is one.
    known : ndarray of shape (2, 2, n_features) or None, default=None
        The ends of the rows before.

    Returns
    -------
    ndarray of shape (2, 2, n_features)
        Of each side the outermost value and the next one, which may be equal; of the lower side
        with their signs changed, so that both are the highest.  Infinite where there are too few.
    """
    counts = counts_of(weights)
    is_twice = None if counts is None or (counts != np.rint(counts)).any() else counts >= 2
    ends = np.full((2, 2, rows.shape[1]), -np.inf) if known is None else known.copy()
    first = rows[:ORDERED_ROWS].astype(np.float64)
    if is_twice is not None:
        first = np.concatenate([first, first[is_twice[:ORDERED_ROWS]]])
    for end, sign in zip(ends, (-1.0, 1.0), strict=True):
        end[:] = np.sort(np.concatenate([end, sign * first]), axis=0)[:-3:-1]
    for part in blocks(len(rows), max(1, BLOCK_VALUES // rows.shape[1])):
        block = rows[max(part.start, ORDERED_ROWS) : part.stop]
        low, high = (-ends[0, 1]).astype(rows.dtype), ends[1, 1].astype(rows.dtype)
        sides = zip(ends, (-1.0, 1.0), (block < low, block > high), strict=True)
        for end, sign, is_beyond in sides:
            for place in np.flatnonzero(is_beyond).tolist():
                row, j = divmod(place, rows.shape[1])
                times = 1 if is_twice is None else 1 + is_twice[part.stop - len(block) + row]
                for _ in range(times):
                    _take_in(end[:, j], sign * float(block[row, j]))
    return ends


def _take_in(end: Float64s, value: float) -> None:
    """Put a value among the highest two, if it belongs there."""
    if value > end[0]:
        end[:] = value, end[0]
    elif value > end[1]:
        end[1] = value
