"""The first and the last byte of many cells, which tell most of them apart without reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    Bytes = NDArray[np.uint8]

_NUMBER_BEGINS = np.zeros(256, dtype=bool)
# Digits, signs, marks, and the first letters of currencies and of infinity; bytes from 128 on begin
# letters that may be signs.
_NUMBER_BEGINS[[*b"0123456789+-.,($ iIRkzK" + b"ABCDEGHIJKMNPRSTUZ"]] = True
_NUMBER_BEGINS[128:] = True

_MAY_BE_BLANK = np.zeros(256, dtype=bool)
_MAY_BE_BLANK[[*b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "]] = True
_MAY_BE_BLANK[128:] = True


def lengths_and_ends(cells: pa.Array) -> tuple[NDArray[np.int32], Bytes, Bytes]:
    """Return the lengths of cells in bytes, their first bytes and their last ones.

    Parameters
    ----------
    cells : pyarrow.Array of string

    Returns
    -------
    tuple of ndarray of shape (n_cells,)
        The bytes of an empty cell, or a missing one, are 0.
    """
    _, bounds, data = cells.buffers()
    offsets = np.frombuffer(bounds, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    lengths = np.diff(offsets)
    letters = np.frombuffer(data, np.uint8) if data is not None else np.zeros(1, np.uint8)
    if not offsets[-1]:
        return lengths, np.zeros(len(lengths), np.uint8), np.zeros(len(lengths), np.uint8)
    is_there = lengths > 0
    first = np.where(is_there, letters[np.where(is_there, offsets[:-1], 0)], 0)
    last = np.where(is_there, letters[np.where(is_there, offsets[1:] - 1, 0)], 0)
    return lengths, first.astype(np.uint8), last.astype(np.uint8)


def may_have_blanks(cells: pa.ChunkedArray) -> bool:
    """Return whether a cell may begin or end with a blank."""
    for part in cells.chunks:
        _, first, last = lengths_and_ends(part)
        if _MAY_BE_BLANK[first].any() or _MAY_BE_BLANK[last].any():
            return True
    return False


def n_that_may_be_numbers(cells: pa.ChunkedArray) -> int:
    """Return how many cells begin as a number may."""
    return sum(int(_NUMBER_BEGINS[lengths_and_ends(part)[1]].sum()) for part in cells.chunks)
