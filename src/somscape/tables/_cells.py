"""Cells as they stand in a source -> stripped text, with None or "" for a missing cell."""

from collections.abc import Iterable, Iterator
from datetime import date, time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape.tables._texts import Texts

MISSING_WORDS = ("", "NA", "N/A", "?", "null", "NaN", "-")
"""What a cell without a value may hold, in any case, with any blanks around it.

``none`` is left out on purpose: it is often a category (no guarantor, no debts).
"""

_FOLDED = frozenset(word.casefold() for word in MISSING_WORDS)
_LONGEST = max(len(word) for word in MISSING_WORDS)


def clean_cell(raw: str) -> str | None:
    """Return the text without blanks around it, or None for a missing cell."""
    text = raw.strip()
    return None if len(text) <= _LONGEST and text.casefold() in _FOLDED else text


class Cleaner(dict[str, str]):
    """Clean cells by raw ones, each looked at once; "" where missing.

    Attributes
    ----------
    words : set of str
        The missing words that occurred.
    """

    MOST = 500
    """Cells that are remembered: codes cost next to no time, and texts no memory."""

    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()

    def __missing__(self, raw: str) -> str:
        clean = clean_cell(raw)
        if clean is None:
            self.words.add(raw.strip())
            clean = ""
        if len(self) > self.MOST:
            self.clear()
        self[raw] = clean
        return clean


class RawTexts(Texts):
    """Texts of a file's raw cells, which are cleaned as they come.

    Parameters
    ----------
    cleaner : Cleaner
        One for all columns.
    """

    __slots__ = ("_cleaner",)

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner
        super().__init__()

    def extend(self, cells: Iterable[str | None]) -> None:
        """Add raw cells."""
        super().extend(self._cleaner[cell or ""] for cell in cells)


def python_values(values: NDArray[Any], n: int = 4096) -> Iterator[Any]:
    """Yield the values of an array as Python's, `n` of them being objects at a time."""
    if values.dtype.kind not in "iuf" or values.dtype == np.float32:  # whose 0.1 is written "0.1"
        yield from values
        return
    for part in blocks(len(values), n):
        yield from values[part].tolist()


def as_text(value: Any) -> str:
    """Return any value as text: dates and times in ISO form, numbers in their shortest."""
    # str() of Python's and NumPy's numbers is the shortest form that reads back equal.
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
