"""The cells of a column in the bytes of their letters, instead of an object for each."""

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Floats, Objects

BLOCK = 1 << 12
"""Bytes that become Python's texts at a time, of which each costs about 60."""

_LEADING_ZERO = re.compile(rb"(?:^|\0)0[0-9]+(?:\0|$)")


class Texts:
    """Cells that grow by the block: UTF-8, a NUL between two, nothing for a missing one.

    A table of short cells is mostly Python objects if every cell is one: 58 bytes for two digits.
    A NUL within a cell becomes U+FFFD.

    Parameters
    ----------
    cells : iterable of str or None
        None or "" where missing.

    Attributes
    ----------
    n_missing : int
        Number of missing cells.
    """

    __slots__ = ("_letters", "_n", "n_missing")

    def __init__(self, cells: Iterable[str | None] = ()) -> None:
        self._letters = bytearray()
        self._n = self.n_missing = 0
        self.extend(cells)

    def __len__(self) -> int:
        return self._n

    def extend(self, cells: Iterable[str | None]) -> None:
        """Add cells."""
        texts = [cell or "" for cell in cells]
        if not texts:
            return
        joined = "\0".join(texts)
        if joined.count("\0") >= len(texts):
            joined = "\0".join(text.replace("\0", "\ufffd") for text in texts)
        if self._n:
            self._letters += b"\0"
        self._letters += joined.encode("utf-8", "surrogatepass")
        self._n += len(texts)
        self.n_missing += texts.count("")

    def drop_last(self, n: int) -> None:
        """Drop missing cells at the end."""
        if n:
            del self._letters[max(0, len(self._letters) - n) :]
            self._n -= n
            self.n_missing -= n

    def blocks(self, n_bytes: int = BLOCK) -> Iterator[list[str]]:
        """Yield the cells in lists of about `n_bytes` bytes, "" where missing."""
        begin, end = 0, len(self._letters)
        while self._n and begin <= end:
            stop = self._letters.find(b"\0", begin + n_bytes)
            stop = end if stop < 0 else stop
            yield self._letters[begin:stop].decode("utf-8", "surrogatepass").split("\0")
            begin = stop + 1

    def some(self, least: int, most: int) -> list[str]:
        """Return different present cells, the first ones: a percent of the bytes' number."""
        n = min(most, max(least, len(self._letters) // 100))
        found: dict[str, None] = {}
        for block in self.blocks():
            found.update(dict.fromkeys(block))
            if len(found) > n:
                break
        found.pop("", None)
        return list(found)

    def have_leading_zeros(self) -> bool:
        """Return whether a cell is written like "007"."""
        return _LEADING_ZERO.search(self._letters) is not None

    def missing(self) -> NDArray[np.bool_]:
        """Say which cells are missing, ndarray of shape (n,)."""
        found = np.empty(self._n, dtype=bool)
        begin = 0
        for block in self.blocks():
            found[begin : begin + len(block)] = [not cell for cell in block]
            begin += len(block)
        return found

    def to_numpy(self) -> Objects:
        """Return the cells, None where missing, ndarray of shape (n,), object."""
        cells = np.empty(self._n, dtype=object)
        known: dict[str, str | None] = {"": None}  # cells that repeat are one object
        begin = 0
        for block in self.blocks():
            cells[begin : begin + len(block)] = [known.setdefault(cell, cell) for cell in block]
            begin += len(block)
        return cells


class NumberTexts(Texts):
    """Cells of numbers that came without text: written when they are asked for.

    Parameters
    ----------
    numbers : ndarray of shape (n,), float32 or float64
        Finite, or NaN where missing.
    are_whole : bool
        Whether 7.0 is written "7".
    """

    __slots__ = ("_are_whole", "_numbers")

    def __init__(self, numbers: Floats, are_whole: bool) -> None:
        super().__init__()
        self._numbers, self._are_whole = numbers, are_whole
        self._n, self.n_missing = len(numbers), int(np.isnan(numbers).sum())

    def blocks(self, n_bytes: int = BLOCK) -> Iterator[list[str]]:
        """Yield the cells in lists of about `n_bytes` bytes, "" where missing."""
        ending = ".0" if self._are_whole else ""
        step = max(1, n_bytes // 16)
        for part in blocks(self._n, step):
            numbers = self._numbers[part]
            # NumPy writes the 0.1 of a float32 "0.1", Python all digits of its float64.
            values = list(numbers) if numbers.dtype == np.float32 else numbers.tolist()
            yield ["" if v != v else str(v).removesuffix(ending) for v in values]

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "NumberTexts":
        """Return some of the cells."""
        return NumberTexts(self._numbers[chosen], self._are_whole)
