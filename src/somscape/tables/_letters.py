"""The first and the last byte of many cells, which tell most of them apart without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks

if TYPE_CHECKING:
    import pyarrow as pa

CELLS = 1 << 13
"""Cells whose ends are looked at at a time: few enough for a cache."""

_NUMBER_BEGINS = np.zeros(256, dtype=bool)
# Digits, signs, marks, and the first letters of currencies and of infinity; bytes from 128 on begin
# letters that may be signs.
_NUMBER_BEGINS[[*b"0123456789+-.,($ iIRkzK" + b"ABCDEGHIJKMNPRSTUZ"]] = True
_NUMBER_BEGINS[128:] = True

_MAY_BE_BLANK = np.zeros(256, dtype=bool)
_MAY_BE_BLANK[[*b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "]] = True
_MAY_BE_BLANK[128:] = True


def offsets_of(cells: pa.Array) -> NDArray[np.int32]:
    """Return where cells begin in their letters, and where the last one ends."""
    bounds = cells.buffers()[1]
    if bounds is None or not len(cells):
        return np.zeros(len(cells) + 1, np.int32)
    return np.frombuffer(bounds, np.int32)[cells.offset : cells.offset + len(cells) + 1]


def lengths_of(cells: pa.Array) -> NDArray[np.int32]:
    """Return the lengths of cells in bytes, 0 where missing."""
    offsets = offsets_of(cells)
    return offsets[1:] - offsets[:-1]


@dataclass(frozen=True)
class Ends:
    """How many cells begin, and end, with each byte; with byte 0 where empty or missing.

    Attributes
    ----------
    first, last : ndarray of shape (256,), int
    """

    first: NDArray[np.intp]
    last: NDArray[np.intp]

    @property
    def may_be_blank(self) -> bool:
        """Whether a cell may begin or end with a blank."""
        return bool((self.first + self.last)[_MAY_BE_BLANK].any())

    @property
    def n_that_may_be_numbers(self) -> int:
        """How many cells begin as a number may."""
        return int(self.first[_NUMBER_BEGINS].sum())

    def may_begin(self, words: Iterable[str]) -> bool:
        """Return whether a cell begins as one of some words in small letters may, in any case."""
        begins = {ord(letter) for word in words for letter in word[:1] + word[:1].upper()}
        likely = [letter for letter in begins if letter < 128]
        return bool(self.first[likely].any() or self.first[128:].any())


def ends_of(cells: pa.ChunkedArray) -> Ends:
    """Look at the first and the last byte of each cell."""
    ends = Ends(np.zeros(256, np.intp), np.zeros(256, np.intp))
    for chunk in cells.chunks:
        data = chunk.buffers()[2]
        letters = np.frombuffer(data, np.uint8) if data else np.zeros(1, np.uint8)
        offsets = offsets_of(chunk)
        for part in blocks(len(chunk), CELLS):
            begin, end = offsets[part], offsets[part.start + 1 : part.stop + 1]
            is_empty = begin == end
            for counts, places in ((ends.first, begin), (ends.last, end - 1)):
                found = letters.take(places, mode="clip")
                found[is_empty] = 0
                counts += np.bincount(found, minlength=256)
    return ends
