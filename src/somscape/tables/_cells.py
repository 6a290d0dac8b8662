"""Raw cells -> cells without blanks around them, null where they are missing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from somscape.tables._letters import lengths_and_ends, may_have_blanks
from somscape.tables._made import mask, strings

if TYPE_CHECKING:
    import pyarrow as pa

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


def spellings(words: Sequence[str] = MISSING_WORDS) -> list[str]:
    """Return words in every mixture of small and capital letters."""
    letters = ([{letter.lower(), letter.upper()} for letter in word] for word in words)
    return sorted({"".join(found) for cases in letters for found in product(*cases)})


def clean(cells: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[str]]:
    """Strip cells, and make the missing ones null.

    Parameters
    ----------
    cells : pyarrow.ChunkedArray of string

    Returns
    -------
    cells : pyarrow.ChunkedArray of string
    words : list of str
        Those that stood for missing cells.
    """
    import pyarrow.compute as pc

    stripped = pc.utf8_trim_whitespace(cells) if may_have_blanks(cells) else cells
    is_short = mask(_lengths(stripped) <= _LONGEST)
    short = pc.unique(stripped.filter(is_short)).to_pylist()
    words = [text for text in short if text is not None and clean_cell(text) is None]
    if not words:
        return stripped, []
    is_word = pc.is_in(stripped, value_set=strings(words))
    return pc.if_else(is_word, strings([None])[0], stripped), words


def _lengths(cells: pa.ChunkedArray) -> NDArray[np.int32]:
    """Return the length of each cell in bytes, 0 where missing."""
    parts = [lengths_and_ends(part)[0] for part in cells.chunks]
    return np.concatenate([np.empty(0, np.int32), *parts])
