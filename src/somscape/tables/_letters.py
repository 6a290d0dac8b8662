"""The first and the last byte of many cells, which tell most of them apart without reading them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks

if TYPE_CHECKING:
    import pyarrow as pa

    Bytes = NDArray[np.uint8]

CELLS = 1 << 15
"""Cells whose ends are looked at at a time."""

_NUMBER_BEGINS = np.zeros(256, dtype=bool)
# Digits, signs, marks, and the first letters of currencies and of infinity; bytes from 128 on begin
# letters that may be signs.
_NUMBER_BEGINS[[*b"0123456789+-.,($ iIRkzK" + b"ABCDEGHIJKMNPRSTUZ"]] = True
_NUMBER_BEGINS[128:] = True

_MAY_BE_BLANK = np.zeros(256, dtype=bool)
_MAY_BE_BLANK[[*b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "]] = True
_MAY_BE_BLANK[128:] = True


def lengths_of(cells: pa.Array) -> NDArray[np.int32]:
    """Return the lengths of cells in bytes, 0 where missing.

    Parameters
    ----------
    cells : pyarrow.Array of string
    """
    return np.diff(_offsets(cells))


def ends_of(cells: pa.ChunkedArray) -> Iterator[tuple[Bytes, Bytes]]:
    """Yield the first bytes of some cells, and their last ones; 0 where there is none.

    Parameters
    ----------
    cells : pyarrow.ChunkedArray of string
    """
    for chunk in cells.chunks:
        data = chunk.buffers()[2]
        letters = np.frombuffer(data, np.uint8) if data else np.zeros(1, np.uint8)
        offsets = _offsets(chunk)
        for part in blocks(len(chunk), CELLS):
            begin, end = offsets[part], offsets[part.start + 1 : part.stop + 1]
            is_there = end > begin
            first = np.where(is_there, letters[np.where(is_there, begin, 0)], 0)
            last = np.where(is_there, letters[np.where(is_there, end - 1, 0)], 0)
            yield first.astype(np.uint8), last.astype(np.uint8)


def _offsets(cells: pa.Array) -> NDArray[np.int32]:
    bounds = cells.buffers()[1]
    if bounds is None or not len(cells):
        return np.zeros(len(cells) + 1, np.int32)
    return np.frombuffer(bounds, np.int32)[cells.offset : cells.offset + len(cells) + 1]


def may_have_blanks(cells: pa.ChunkedArray) -> bool:
    """Return whether a cell may begin or end with a blank."""
    return any(
        bool(_MAY_BE_BLANK[first].any() or _MAY_BE_BLANK[last].any())
        for first, last in ends_of(cells)
    )


def n_that_may_be_numbers(cells: pa.ChunkedArray) -> int:
    """Return how many cells begin as a number may."""
    return sum(int(_NUMBER_BEGINS[first].sum()) for first, _ in ends_of(cells))
