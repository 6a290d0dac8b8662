"""Strip blanks from the texts of a source's cells, and replace missing values by null."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Floats
from somscape._weights import blocks
from somscape.tables._late import pa, pc
from somscape.tables._messages import listed

CELLS = 1 << 13
"""Number of texts whose first and last bytes are counted at a time. They fit into the cache."""

_NUMBER_BEGINS = np.zeros(256, dtype=bool)
# Digits, signs, marks, and the first letters of currencies and of infinity.  Bytes from 128 on
# begin characters that may be signs.
_NUMBER_BEGINS[[*b"0123456789+-.,($ iIRkzK" + b"ABCDEGHIJKMNPRSTUZ"]] = True
_NUMBER_BEGINS[128:] = True

_MAY_BE_BLANK = np.zeros(256, dtype=bool)
_MAY_BE_BLANK[[*b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "]] = True
_MAY_BE_BLANK[128:] = True


def offsets_of(cells: pa.Array) -> NDArray[np.int32]:
    """Return the byte offset of the start of each text, and of the end of the last text."""
    bounds = cells.buffers()[1]
    if bounds is None or not len(cells):
        return np.zeros(len(cells) + 1, np.int32)
    return np.frombuffer(bounds, np.int32)[cells.offset : cells.offset + len(cells) + 1]


def lengths_of(cells: pa.Array) -> NDArray[np.int32]:
    """Return the length of each text in bytes. The length of a missing text is 0."""
    offsets = offsets_of(cells)
    return offsets[1:] - offsets[:-1]


@dataclass(frozen=True)
class Ends:
    """Numbers of texts with each first byte and with each last byte. Missing texts have byte 0.

    Attributes
    ----------
    first, last : ndarray of shape (256,), int
    """

    first: NDArray[np.intp]
    last: NDArray[np.intp]

    @property
    def may_be_blank(self) -> bool:
        """Whether a text could begin or end with a blank, judging by first and last bytes."""
        return bool((self.first + self.last)[_MAY_BE_BLANK].any())

    @property
    def n_that_may_be_numbers(self) -> int:
        """Number of texts whose first byte can be the start of a number."""
        return int(self.first[_NUMBER_BEGINS].sum())

    def may_begin(self, words: Iterable[str]) -> bool:
        """Return whether a text could begin with one of the words, in upper or lower case."""
        begins = {ord(letter) for word in words for letter in word[:1] + word[:1].upper()}
        likely = [letter for letter in begins if letter < 128]
        return bool(self.first[likely].any() or self.first[128:].any())


def ends_of(cells: pa.ChunkedArray) -> Ends:
    """Count how many texts begin, and how many texts end, with each possible byte."""
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


def strings(cells: Iterable[str | None]) -> pa.Array:
    """Return texts as an Arrow array of strings, with null for None."""
    given = list(cells)
    letters = [b"" if cell is None else cell.encode("utf-8", "replace") for cell in given]
    ends = np.zeros(len(letters) + 1, np.int32)
    np.cumsum([len(text) for text in letters], out=ends[1:])
    there = _pack_bits(np.array([cell is not None for cell in given])) if None in given else None
    buffers = [there, pa.py_buffer(ends), pa.py_buffer(b"".join(letters))]
    return pa.Array.from_buffers(pa.string(), len(letters), buffers)


def numbers(values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return a NumPy array of numbers as an Arrow array, with null where `missing` is true."""
    type_ = pa.from_numpy_dtype(values.dtype)
    there = None if missing is None else _pack_bits(~missing)
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(type_, len(values), [there, data])


def mask(values: NDArray[np.bool_]) -> pa.Array:
    """Return a NumPy array of booleans as an Arrow array."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _pack_bits(values)])


def _pack_bits(values: NDArray[np.bool_]) -> Any:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


def as_bools(values: Any) -> NDArray[np.bool_]:
    """Return an Arrow array of booleans as a NumPy array, with False in place of null."""
    if hasattr(values, "chunks"):
        return np.concatenate([np.empty(0, bool), *map(as_bools, values.chunks)])
    found = _unpack_bits(values.buffers()[1], values)
    return found if not values.null_count else found & _unpack_bits(values.buffers()[0], values)


def as_numbers(values: pa.Array, of: Any = np.float64) -> NDArray[Any]:
    """Return an Arrow array of numbers as a NumPy array. In floats, null becomes NaN."""
    data = values.buffers()[1]
    if data is None:
        return np.full(len(values), np.nan)
    found = np.frombuffer(data, of)[values.offset : values.offset + len(values)]
    if not values.null_count:
        return found
    return np.where(_unpack_bits(values.buffers()[0], values), found, np.nan)


def _unpack_bits(buffer: Any, values: pa.Array) -> NDArray[np.bool_]:
    begin, end = values.offset, values.offset + len(values)
    if buffer is None:
        return np.ones(len(values), dtype=bool)
    bits = np.frombuffer(buffer, np.uint8)[: (end + 7) // 8]
    return np.unpackbits(bits, bitorder="little")[begin:end].view(bool)


def python_values(values: NDArray[Any], n: int = 4096) -> Iterator[Any]:
    """Yield the values of an Arrow array as Python objects, which are created `n` at a time."""
    if values.dtype.kind not in "iuf" or values.dtype == np.float32:  # writes 0.1 as "0.1"
        yield from values
        return
    for part in blocks(len(values), n):
        yield from values[part].tolist()


def as_text(value: Any) -> str:
    """Return a value as text: dates in ISO form, and numbers with as few digits as possible."""
    # str() of Python's and NumPy's numbers is the shortest form that reads back equal.
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


MISSING_WORDS = ("", "NA", "N/A", "?", "null", "NaN", "-")
"""Texts that mean a missing value. Letter case, and blanks around the text, are ignored."""

_FOLDED = frozenset(word.casefold() for word in MISSING_WORDS)
_LONGEST = max(len(word) for word in MISSING_WORDS)


COUNTERPARTS = {"-": "+", "?": "!"}
"""Words that usually mean a missing value, each with a counterpart. If a column also contains the
counterpart of a word, the word is a normal value in this column."""

MIDNIGHT = "T00:00:00"
"""Characters at the end of a date's ISO text if the time is 00:00:00."""

MOST_LOOKED_AT = 10_000
"""Number of distinct texts that are examined to find a column of punctuation marks."""


def clean_cell(raw: str) -> str | None:
    """Return the text of a cell without blanks at both ends, or None for a missing cell."""
    text = raw.strip()
    return None if len(text) <= _LONGEST and text.casefold() in _FOLDED else text


def missing_words(distinct_texts: Sequence[str], asked: Sequence[str] | None = None) -> set[str]:
    """Return those distinct texts of a column that mean a missing value."""
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
    """Strip blanks, and replace missing values by null. Return texts, replaced words and `Ends`."""
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
    left = pc.if_else(pc.is_in(cells, value_set=strings(words)), strings([None])[0], cells)
    return left, sorted(words), ends_of(left)


def asked_numbers(asked: Sequence[str] | None) -> NDArray[np.float64]:
    """Return those words for missing values that are numbers, so that 999 also equals 999.00."""
    found = []
    for word in asked or ():
        with suppress(ValueError):
            found.append(float(word))
    return np.array(found)


def are_asked(numbers: Floats, asked: Sequence[str] | None) -> NDArray[np.bool_]:
    """Return a mask of those numbers that the user named as missing values."""
    if not asked:
        return np.zeros(len(numbers), dtype=bool)
    return np.isin(numbers, asked_numbers(asked).astype(numbers.dtype))


def without(
    cells: pa.ChunkedArray, is_asked: NDArray[np.bool_], words: set[str]
) -> pa.ChunkedArray:
    """Replace masked values of a column by null, and add the texts of these values to `words`."""
    words.update(as_text(v) for v in cells.filter(mask(is_asked)).unique().to_pylist())
    return pc.if_else(mask(is_asked), pa.nulls(1, cells.type)[0], cells)


def clean_values(values: pa.ChunkedArray, asked: Sequence[str], words: set[str]) -> pa.ChunkedArray:
    """Replace missing values by null in a column that contains neither numbers nor text."""
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
    """Return a note on those words for missing values that do not occur in the table."""
    found = {word.casefold() for word in words}
    values = asked_numbers([*found])
    unused = [
        word
        for word in asked or ()
        if word
        and word.casefold() not in found
        and not np.isin(asked_numbers([word]), values).any()
    ]
    return [f"no cell contains {listed(unused)}, given as a missing value"] if unused else []


def are_words(cells: pa.Array | pa.ChunkedArray, words: Sequence[str]) -> NDArray[np.bool_]:
    """Return a mask of the texts that equal one of the words, in upper or lower case."""
    lowered = _lowered(words)
    # A text may become shorter in lower case, but not by more than half.
    longest = 2 * max((len(word.encode()) for word in lowered), default=0)
    chunks = cells.chunks if isinstance(cells, pa.ChunkedArray) else [cells]
    found = np.concatenate([np.empty(0, bool), *(lengths_of(part) <= longest for part in chunks)])
    if found.any():
        short = pc.utf8_lower(cells.filter(mask(found)))
        found[found] = as_bools(pc.is_in(short, value_set=strings(lowered)))
    return found


def _lowered(words: Sequence[str]) -> list[str]:
    return [word.strip().lower() for word in words]
