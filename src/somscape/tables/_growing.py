"""Columns of a file's cells, which grow block by block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._stored import stored
from somscape._types import Float64s
from somscape.tables._cells import MISSING_WORDS, are_words, asked_numbers
from somscape.tables._letters import lengths_of, offsets_of
from somscape.tables._made import as_bools, as_numbers, mask, strings
from somscape.tables._texts import WORDS_FROM, PlainTexts

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_LETTERS = 1 << 16
"""Letters that are looked at at a time."""

MAX_PLAIN = 15
"""Longest text of a number that its float64 and its number of decimals give back."""

MAX_WORDS = 255 - WORDS_FROM
"""Words that a number of decimals can stand for."""

POINT, NINE = b".9"


class Letters:
    """Cells that come as Python's texts: UTF-8, a NUL between two.

    Cells would be mostly Python's objects if every one was kept: 58 bytes for two digits.  A NUL
    within a cell becomes U+FFFD.
    """

    def __init__(self) -> None:
        self._letters = bytearray()
        self._n = 0

    def extend(self, cells: Iterable[str]) -> None:
        """Add cells."""
        texts = list(cells)
        if not texts:
            return
        joined = "\0".join(texts)
        if joined.count("\0") >= len(texts):
            joined = "\0".join(text.replace("\0", "\ufffd") for text in texts)
        if self._n:
            self._letters += b"\0"
        self._letters += joined.encode("utf-8", "replace")
        self._n += len(texts)

    def drop_last(self, n: int) -> None:
        """Drop empty cells at the end."""
        if n:
            del self._letters[max(0, len(self._letters) - n) :]
            self._n -= n

    def to_arrow(self) -> pa.Array:
        """Return the cells as Arrow's strings, in the same memory; none can be added later."""
        import pyarrow as pa

        if not self._n:
            return strings([])
        letters = np.frombuffer(self._letters, np.uint8)
        offsets = np.zeros(self._n + 1, np.int32)
        place = kept = 0
        for part in blocks(len(letters), BLOCK_LETTERS):
            piece = letters[part]
            ends = np.flatnonzero(piece == 0)
            before = np.arange(place, place + len(ends))
            offsets[place + 1 : place + 1 + len(ends)] = part.start + ends - before
            place += len(ends)
            piece = piece[piece != 0]
            letters[kept : kept + len(piece)] = piece
            kept += len(piece)
        offsets[-1] = kept
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(letters[:kept])]
        return pa.Array.from_buffers(pa.string(), self._n, buffers)


class Cells:
    """Cells that come as Arrow's strings; as long as they are plain numbers, no text is kept.

    Parameters
    ----------
    n_expected : int
        Number of cells that will come, about.
    asked : sequence of str, optional
        Words that mean a missing cell; default: `MISSING_WORDS`.
    among : int, default=1
        How many columns come; their numbers are in temporary files if they are large together.
    """

    def __init__(self, n_expected: int, asked: Sequence[str] | None = None, among: int = 1) -> None:
        self._asked, self._among = asked, among
        self._n_expected = n_expected
        self._numbers = np.empty(0)
        self._decimals: NDArray[np.uint8] | None = None
        self._n = 0
        self._words: list[str] = []
        self._texts: list[pa.Array] = []

    def add(self, cells: pa.Array) -> None:
        """Add a block of raw cells."""
        found = None if self._texts else plain_numbers(cells, self._words, self._asked)
        if found is not None:
            self._keep(*found)
            return
        if self._n and not self._texts:
            self._texts = self._plain().as_written().chunks
        self._numbers, self._decimals = np.empty(0), None
        self._texts.append(cells)

    def _keep(self, numbers: Float64s, decimals: NDArray[np.uint8]) -> None:
        # Copied, so that Arrow has its memory back for the next block; and no memory is taken for
        # what all cells have alike.
        end = self._n + len(numbers)
        if not len(self._numbers) and (decimals == WORDS_FROM).all():
            self._n = end
            return
        if end > len(self._numbers):
            n, before = max(self._n_expected, end + end // 8), self._plain()
            self._numbers = stored(n, among=self._among)
            self._numbers[: self._n] = before.numbers
            if self._decimals is not None:
                self._decimals = stored(n, np.uint8, among=self._among)
                self._decimals[: self._n] = before.decimals()
        if self._decimals is None and ((decimals > 0) & (decimals != WORDS_FROM)).any():
            before = self._plain()
            self._decimals = stored(len(self._numbers), np.uint8, among=self._among)
            self._decimals[: self._n] = before.decimals()
        self._numbers[self._n : end] = numbers
        if self._decimals is not None:
            self._decimals[self._n : end] = decimals
        self._n = end

    @property
    def is_blank(self) -> bool:
        """Whether all cells are empty."""
        return not self._texts and self._words in ([], [""]) and bool(self._plain().missing().all())

    def finish(self) -> PlainTexts | pa.ChunkedArray:
        """Return the cells: plain numbers, or raw text."""
        import pyarrow as pa

        return pa.chunked_array(self._texts, pa.string()) if self._texts else self._plain()

    def _plain(self) -> PlainTexts:
        numbers = self._numbers[: self._n]
        if not len(self._numbers):
            numbers = np.broadcast_to(np.float64(np.nan), self._n)
        decimals = None if self._decimals is None else self._decimals[: self._n]
        return PlainTexts(numbers, decimals, tuple(self._words))


def plain_numbers(
    cells: pa.Array, words: list[str], asked: Sequence[str] | None = None
) -> tuple[Float64s, NDArray[np.uint8]] | None:
    """Read cells that all are plain numbers, or missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    present, is_missing = cells, None
    try:
        numbers = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        numbers = None
    if numbers is None or asked is not None:
        is_missing = are_words(cells, MISSING_WORDS if asked is None else ("", *asked))
        if numbers is not None:
            is_missing |= np.isin(as_numbers(numbers), asked_numbers(asked))
        elif not is_missing.any():
            return None
        present = cells.filter(mask(~is_missing))
        try:
            numbers = pc.cast(present, pa.float64())
        except pa.ArrowInvalid:
            return None
    found = as_numbers(numbers)
    found_decimals = _decimals(present, found)
    if found_decimals is None:
        return None
    if is_missing is None:
        return found, found_decimals
    values = np.full(len(cells), np.nan)
    values[~is_missing] = found
    decimals = np.empty(len(cells), np.uint8)
    decimals[~is_missing] = found_decimals
    for word in pc.unique(cells.filter(mask(is_missing))).to_pylist():
        if word not in words and len(words) == MAX_WORDS:
            return None
        if word not in words:
            words.append(word)
        is_word = as_bools(pc.equal(cells, strings([word])[0]))
        decimals[is_word] = WORDS_FROM + words.index(word)
    return values, decimals


def _decimals(cells: pa.Array, numbers: Float64s) -> NDArray[np.uint8] | None:
    """Return the digits after the point of each cell, or None if one is not written plainly."""
    offsets, lengths = offsets_of(cells), lengths_of(cells)
    if not len(cells):
        return np.zeros(0, np.uint8)
    if lengths.max() > MAX_PLAIN or lengths.min() < 1:
        return None
    letters = np.frombuffer(cells.buffers()[2], np.uint8)
    if letters[offsets[0] : offsets[-1]].max() > NINE:  # an exponent, or infinity
        return None
    size = np.abs(numbers)
    n_before, largest, power = 1 + np.signbit(numbers).astype(np.uint8), size.max(), 10.0
    while power <= largest:
        n_before += size >= power
        power *= 10
    left = lengths.astype(np.uint8) - n_before
    is_point = letters.take(offsets[1:] - np.maximum(left, 1), mode="clip") == POINT
    if (left == 1).any() or (is_point != (left > 1)).any():
        return None
    return left - (left > 0)
