"""The two lowest and the two highest values of each column, in one pass over all rows."""

from collections.abc import Sequence

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

JOINED_VALUES = 1 << 10
"""Values of several rows that are compared at once with those of other rows."""

ORDERED_ROWS = 256
"""Rows that are put in order; later ones need only be compared with what is found so far."""


def ends_of(
    rows: Floats,
    weights: Float64s | None,
    known: Float64s | None = None,
    *,
    columns: Sequence[int] | None = None,
) -> Float64s:
    """Return the outermost values of each column."""
    counts = counts_of(weights)
    is_twice = None if counts is None or (counts != np.rint(counts)).any() else counts >= 2
    chosen = None if columns is None or len(columns) == rows.shape[1] else list(columns)
    n_parts = select_kernels().n_threads if rows.size >= SHARED_VALUES else 1
    parts = blocks(len(rows), max(1, -(-len(rows) // n_parts)))

    def ends_in(part: slice) -> Float64s:
        return _ends_of(rows[part], None if is_twice is None else is_twice[part], chosen)

    found = in_threads(ends_in, parts, is_long=n_parts > 1)
    none = np.full((2, 2, rows.shape[1] if chosen is None else len(chosen)), -np.inf)
    return _outermost([none, *found] if known is None else [known, *found])


def _outermost(values: list[Float64s]) -> Float64s:
    """Return the two highest values of each side and column."""
    return np.sort(np.concatenate(values, axis=1), axis=1)[:, :-3:-1]


def _ends_of(
    rows: Floats, is_twice: NDArray[np.bool_] | None, columns: list[int] | None
) -> Float64s:
    """Return the outermost values; `is_twice`: which rows stand for two."""
    first = _taken(rows[:ORDERED_ROWS], columns).astype(np.float64)
    if is_twice is not None:
        first = np.concatenate([first, first[is_twice[:ORDERED_ROWS]]])
    none = np.full((2, 2, first.shape[1]), -np.inf)
    ends = _outermost([none, np.stack([-first, first])])
    for part in blocks(len(rows), max(1, BLOCK_VALUES // rows.shape[1])):
        block = rows[max(part.start, ORDERED_ROWS) : part.stop]
        if not len(block):
            continue
        block = _taken(block, columns)
        sides = zip(ends, (-1.0, 1.0), (np.fmin, np.fmax), strict=True)
        for end, sign, outermost in sides:
            for j in np.flatnonzero(sign * _by_column(outermost, block) > end[1]).tolist():
                values = sign * block[:, j].astype(np.float64)
                is_beyond = values > end[1, j]
                found = values[is_beyond]
                if is_twice is not None:
                    twice = is_twice[part.stop - len(block) : part.stop][is_beyond]
                    found = np.concatenate([found, found[twice]])
                both = np.concatenate([end[:, j], found])  # in a column in order, all of the block
                end[:, j] = np.sort(np.partition(both, -2)[-2:])[::-1]
    return ends


def _taken(rows: Floats, columns: list[int] | None) -> Floats:
    return rows if columns is None else np.take(rows, columns, axis=1)


def _by_column(outermost: np.ufunc, rows: Floats) -> Float64s:
    """Return the outermost value of each column.  Rows are joined, which compares faster."""
    n_columns = rows.shape[1]
    n_joined = max(1, JOINED_VALUES // n_columns)
    whole = rows[: len(rows) - len(rows) % n_joined].reshape(-1, n_joined * n_columns)
    rest = rows[len(rows) - len(rows) % n_joined :]
    found = [outermost.reduce(whole, axis=0).reshape(-1, n_columns)] if len(whole) else []
    return np.asarray(outermost.reduce(np.concatenate([*found, rest]), axis=0), dtype=np.float64)
