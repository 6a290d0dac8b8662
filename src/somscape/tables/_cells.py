"""Cells as they stand in a source -> stripped text, with None for a missing cell."""

from collections.abc import Iterable, Sequence
from datetime import date, time
from typing import Any

import numpy as np

from somscape._types import Objects

MISSING_WORDS = ("", "NA", "N/A", "?", "null", "NaN", "-")
"""What a cell without a value may hold, in any case, with any blanks around it.

``none`` is left out on purpose: it is often a category (no guarantor, no debts).
"""

_FOLDED = frozenset(word.casefold() for word in MISSING_WORDS)
_LONGEST = max(len(word) for word in MISSING_WORDS)


def clean_cell(raw: str) -> str | None:
    """Give the text without blanks around it, or None for a missing cell."""
    text = raw.strip()
    return None if len(text) <= _LONGEST and text.casefold() in _FOLDED else text


def clean_cells(raws: Sequence[str]) -> tuple[list[str | None], set[str]]:
    """Clean the cells of one column; also give the missing words that occur in it."""
    # Each distinct text is looked at once: a column of codes costs next to nothing.
    clean = {raw: clean_cell(raw) for raw in dict.fromkeys(raws)}
    return [clean[raw] for raw in raws], {
        raw.strip() for raw, cell in clean.items() if cell is None
    }


def as_text(value: Any) -> str:
    """Give any value as text: dates and times in ISO form, numbers in their shortest."""
    # str() of Python's and NumPy's numbers is the shortest form that reads back equal.
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def object_array(cells: Iterable[str | None]) -> Objects:
    """Put cells into an object array of shape (n_rows,)."""
    return np.array(list(cells), dtype=object)
