"""The two lowest and the two highest values of each column, in one pass over all rows."""

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Floats
from somscape._weights import counts_of
from somscape.kernels import in_threads, select_kernels

BLOCK_VALUES = 1 << 20
"""Values that are looked at at once."""

SHARED_VALUES = 1 << 20
"""Values of rows from which threads pay."""

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
    n_parts = select_kernels().n_threads if rows.size >= SHARED_VALUES else 1
    parts = blocks(len(rows), max(1, -(-len(rows) // n_parts)))

    def ends_in(part: slice) -> Float64s:
        return _ends_of(rows[part], None if is_twice is None else is_twice[part])

    found = in_threads(ends_in, parts, is_long=n_parts > 1)
    none = np.full((2, 2, rows.shape[1]), -np.inf)
    return _outermost([none, *found] if known is None else [known, *found])


def _outermost(values: list[Float64s]) -> Float64s:
    """Return the two highest values of each side and column."""
    return np.sort(np.concatenate(values, axis=1), axis=1)[:, :-3:-1]


def _ends_of(rows: Floats, is_twice: NDArray[np.bool_] | None) -> Float64s:
    """Return the outermost values; `is_twice`: which rows stand for two."""
    first = rows[:ORDERED_ROWS].astype(np.float64)
    if is_twice is not None:
        first = np.concatenate([first, first[is_twice[:ORDERED_ROWS]]])
    none = np.full((2, 2, rows.shape[1]), -np.inf)
    ends = _outermost([none, np.stack([-first, first])])
    for part in blocks(len(rows), max(1, BLOCK_VALUES // rows.shape[1])):
        block = rows[max(part.start, ORDERED_ROWS) : part.stop]
        low, high = (-ends[0, 1]).astype(rows.dtype), ends[1, 1].astype(rows.dtype)
        sides = zip(ends, (-1.0, 1.0), (block < low, block > high), strict=True)
        for end, sign, is_beyond in sides:
            for j in np.unique(np.flatnonzero(is_beyond) % rows.shape[1]).tolist():
                found = sign * block[is_beyond[:, j], j].astype(np.float64)
                if is_twice is not None:
                    twice = is_twice[part.stop - len(block) : part.stop][is_beyond[:, j]]
                    found = np.concatenate([found, found[twice]])
                both = np.concatenate([end[:, j], found])  # in a column in order, all of the block
                end[:, j] = np.sort(np.partition(both, -2)[-2:])[::-1]
    return ends
