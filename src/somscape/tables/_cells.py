"""Raw cells -> cells without blanks around them, null where they are missing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from somscape._types import Floats
from somscape.tables._letters import Ends, ends_of, lengths_of
from somscape.tables._made import as_bools, mask, strings
from somscape.tables._values import as_text
from somscape.tables._words import listed

if TYPE_CHECKING:
    import pyarrow as pa

MISSING_WORDS = ("", "NA", "N/A", "?", "null", "NaN", "-")
"""What a cell without a value may hold, in any case, with any blanks around it."""

_FOLDED = frozenset(word.casefold() for word in MISSING_WORDS)
_LONGEST = max(len(word) for word in MISSING_WORDS)


COUNTERPARTS = {"-": "+", "?": "!"}
"""Marks that may be values, and what stands beside them then."""

MIDNIGHT = "T00:00:00"
"""Ends a day that is written as a moment."""

MOST_LOOKED_AT = 10_000
"""Different cells that show whether a column is one of marks."""


def clean_cell(raw: str) -> str | None:
    """Return the text without blanks around it, or None for a missing cell."""
    text = raw.strip()
    return None if len(text) <= _LONGEST and text.casefold() in _FOLDED else text


def missing_words(distinct_texts: Sequence[str], asked: Sequence[str] | None = None) -> set[str]:
    """Return the texts of a column that mean that a cell is missing."""
    words = {word.strip().casefold() for word in (MISSING_WORDS if asked is None else asked)}
    found = {text for text in distinct_texts if not text or text.casefold() in words}
    if asked is not None:
        return found
    others = set(distinct_texts) - found
    are_marks = bool(others) and not any(letter.isalnum() for text in others for letter in text)
    return {
        text
        for text in found
        if text not in COUNTERPARTS or not (are_marks or COUNTERPARTS[text] in others)
    }


def clean(
    cells: pa.ChunkedArray, asked: Sequence[str] | None = None
) -> tuple[pa.ChunkedArray, list[str], Ends]:
    """Strip cells, and make the missing ones null."""
    import pyarrow.compute as pc

    ends = ends_of(cells)
    if ends.may_be_blank:
        cells = pc.utf8_trim_whitespace(cells)
        ends = ends_of(cells)
    found = []
    likely = _lowered(MISSING_WORDS if asked is None else asked)
    if ends.may_begin(likely):
        are_likely = are_words(cells, likely)
        found = [text for text in cells.filter(mask(are_likely)).unique().to_pylist() if text]
    words = missing_words(["", *found], asked)
    if asked is None and not words.isdisjoint(COUNTERPARTS):
        some = cells.unique()[:MOST_LOOKED_AT].to_pylist()
        words = missing_words([text for text in some if text is not None], asked)
    words &= {*found, *([""] if ends.first[0] else [])}
    if not words:
        return cells, [], ends
    is_word = pc.is_in(cells, value_set=strings(words))
    left = pc.if_else(is_word, strings([None])[0], cells)
    return left, sorted(words), ends_of(left)


def asked_numbers(asked: Sequence[str] | None) -> NDArray[np.float64]:
    """Return the numbers among the words that mean a missing cell: 999 is also 999.00."""
    found = []
    for word in asked or ():
        with suppress(ValueError):
            found.append(float(word))
    return np.array(found)


def are_asked(numbers: Floats, asked: Sequence[str] | None) -> NDArray[np.bool_]:
    """Say which numbers are among the words that mean a missing cell."""
    if not asked:
        return np.zeros(len(numbers), dtype=bool)
    return np.isin(numbers, asked_numbers(asked).astype(numbers.dtype))


def without(
    cells: pa.ChunkedArray, is_asked: NDArray[np.bool_], words: set[str]
) -> pa.ChunkedArray:
    """Return values or texts of which some are null, and add to `words` what these held."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words.update(as_text(v) for v in cells.filter(mask(is_asked)).unique().to_pylist())
    return pc.if_else(mask(is_asked), pa.nulls(1, cells.type)[0], cells)


def clean_values(values: pa.ChunkedArray, asked: Sequence[str], words: set[str]) -> pa.ChunkedArray:
    """Make the missing ones null of values that are no numbers and no text, such as dates."""
    import pyarrow as pa
    import pyarrow.compute as pc

    folded = {word.strip().removesuffix(MIDNIGHT).casefold() for word in asked}
    distinct = values.unique()
    texts = [as_text(value).removesuffix(MIDNIGHT) for value in distinct.to_pylist()]
    found = np.array([text.casefold() in folded for text in texts], dtype=bool)
    if not found.any():
        return values
    for text, is_asked in zip(texts, found, strict=True):
        words.update((text, text + MIDNIGHT) if is_asked else ())
    is_asked = pc.is_in(values, value_set=distinct.filter(mask(found)))
    return pc.if_else(is_asked, pa.nulls(1, values.type)[0], values)


def notes_of_unused(words: Collection[str], asked: Sequence[str] | None) -> list[str]:
    """Return a note on what was asked for and means a missing cell nowhere."""
    found = {word.casefold() for word in words}
    values = asked_numbers([*found])
    unused = [
        word
        for word in asked or ()
        if word
        and word.casefold() not in found
        and not np.isin(asked_numbers([word]), values).any()
    ]
    return [f"no cell holds {listed(unused)}, which may mean a missing one"] if unused else []


def are_words(cells: pa.Array | pa.ChunkedArray, words: Sequence[str]) -> NDArray[np.bool_]:
    """Say which cells are one of some words, in any case."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lowered = _lowered(words)
    # In small letters a word may be shorter, but not by more than half.
    longest = 2 * max((len(word.encode()) for word in lowered), default=0)
    chunks = cells.chunks if isinstance(cells, pa.ChunkedArray) else [cells]
    found = np.concatenate([np.empty(0, bool), *(lengths_of(part) <= longest for part in chunks)])
    if found.any():
        short = pc.utf8_lower(cells.filter(mask(found)))
        found[found] = as_bools(pc.is_in(short, value_set=strings(lowered)))
    return found


def _lowered(words: Sequence[str]) -> list[str]:
    return [word.strip().lower() for word in words]
