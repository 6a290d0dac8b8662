"""Make Arrow arrays, find missing values, and store the texts of a column's cells."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time
from functools import cached_property
from itertools import chain
from mmap import ACCESS_READ, mmap
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from somscape._stored import are_large, put_away, stored, temporary, told
from somscape._types import Float64s, Floats, Objects
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
    return np.diff(offsets_of(cells))


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


def spooled(parts: Iterable[pa.Table | pa.RecordBatch]) -> list[pa.Table]:
    """Return tables, stored in a temporary file if their total size is large."""
    rest, memory = iter(parts), pa.BufferOutputStream()
    for part in rest:
        if are_large(memory.tell() + part.nbytes):
            return _tables(_in_file(memory.getvalue(), chain([part], rest)))
        _write(memory, part)
    return _tables(memory.getvalue())


def _in_file(begun: Any, parts: Iterator[Any]) -> Any:
    """Write all tables to a temporary file, and return them from the mapped file."""
    with temporary() as file:
        sink = pa.PythonFile(file, "w")
        with told():
            file.write(begun)
        del begun
        for part in parts:
            with told():
                _write(sink, part)
        with told():
            file.flush()
            return pa.py_buffer(mmap(file.fileno(), 0, access=ACCESS_READ))


def _write(sink: Any, part: Any) -> None:
    with pa.ipc.new_stream(sink, part.schema) as writer:
        writer.write(part)


def _tables(written: Any) -> list[pa.Table]:
    reader, found = pa.BufferReader(written), []
    while reader.tell() < reader.size():
        found.append(pa.ipc.open_stream(reader).read_all())
    return found


BLOCK = 1 << 12
"""Number of cells that are converted to Python strings at a time."""

ALL = slice(None)

WORDS_FROM = 200
"""Smallest value of `PlainTexts.decimals` that means a word for a missing cell. Smaller values are
numbers of decimals."""

FORMATS = [f"%.{decimals}f" for decimals in range(WORDS_FROM)]
"""Format strings for numbers. The index of a format is its number of decimals."""


class Texts(Protocol):
    """Interface of classes that store the texts of a column's cells."""

    def __len__(self) -> int:
        """Return the number of cells."""

    def take(self, chosen: NDArray[Any] | slice) -> Texts:
        """Return those cells that are given by row numbers, by a mask or by a slice."""

    def put_away(self, numbers: Floats | None, among: int) -> Texts:
        """Return the same cells, with large arrays stored in temporary files."""

    def missing(self) -> NDArray[np.bool_]:
        """Return a boolean array of shape (n,) that is true for missing cells."""

    def to_list(self, part: slice) -> list[str | None]:
        """Return the texts of consecutive cells as a list, with None for missing cells."""

    def to_arrow(self) -> pa.ChunkedArray:
        """Return the texts of all cells as Arrow strings, with null for missing cells."""

    def coded(self) -> tuple[NDArray[np.int32], list[str]]:
        """Return the distinct texts, and for each cell the index of its text (-1 if missing)."""


class _Listed(Texts, Protocol):
    """Texts whose methods `to_arrow` and `coded` call their method `to_list`."""

    def to_arrow(self) -> pa.ChunkedArray:
        parts = [strings(self.to_list(p)) for p in blocks(len(self), BLOCK)]
        return pa.chunked_array(parts, pa.string())

    def coded(self) -> tuple[NDArray[np.int32], list[str]]:
        return ArrowTexts(self.to_arrow()).coded()


class ArrowTexts:
    """Texts in an Arrow array.

    Parameters
    ----------
    array : pyarrow.ChunkedArray of string
        Texts, with null for missing cells.
    """

    def __init__(self, array: pa.ChunkedArray) -> None:
        self._array = array

    @classmethod
    def of(cls, cells: Sequence[str | None] | Objects) -> Self:
        """Return Python texts as `ArrowTexts`."""
        return cls(pa.chunked_array([strings(cells)]))

    def __len__(self) -> int:
        return len(self._array)

    def take(self, chosen: NDArray[Any] | slice) -> Self:
        if isinstance(chosen, slice):
            return type(self)(self._array[chosen])
        if chosen.dtype == bool:
            return type(self)(self._array.filter(mask(chosen)))
        n = len(self)
        return type(self)(self._array.take(numbers(np.where(chosen < 0, chosen + n, chosen))))

    def missing(self) -> NDArray[np.bool_]:
        return as_bools(self._array.is_null())

    def put_away(self, numbers: Floats | None, among: int) -> Self:
        return type(self)(_spooled_if_large(self._array, among))

    def to_list(self, part: slice) -> list[str | None]:
        return _texts_of(self._array[part])

    def to_arrow(self) -> pa.ChunkedArray:
        return self._array

    def coded(self) -> tuple[NDArray[np.int32], list[str]]:
        return self._coded

    @cached_property
    def _coded(self) -> tuple[NDArray[np.int32], list[str]]:
        encoded = self._array.dictionary_encode().combine_chunks()
        return _codes_of(encoded.indices), _texts_of(encoded.dictionary)


TEXT_BYTES = 80
"""Maximum memory of a Python text and of its place in a list, without its letters.  A letter needs
one byte in ASCII, and otherwise at most four."""


def _texts_of(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    # Arrow's to_pylist crashes if memory is full, so the memory is first asked for and released.
    lengths = pc.binary_length(array)
    n_bytes = pc.sum(lengths).as_py() or 0
    n_wide = pc.sum(lengths.filter(pc.invert(pc.string_is_ascii(array)))).as_py() or 0
    np.empty(TEXT_BYTES * len(array) + n_bytes + 3 * n_wide, np.uint8)
    texts: list[Any] = array.to_pylist()
    return texts


class PlainTexts(_Listed):
    """Texts of plain numbers from a file, stored as numbers to save memory.

    Plain numbers have at most 15 characters and no exponent.

    Parameters
    ----------
    numbers : ndarray of shape (n,), float64
        Numbers, with NaN for missing cells.
    decimals : ndarray of shape (n,), uint8, or None
        Number of digits after the decimal point in each cell.  For a missing cell, the value is
        `WORDS_FROM` plus the index of its word in `words`.  None means that all numbers are whole.
        Then `words` has at most one item.
    words : sequence of str
        Texts of the file that mean a missing cell.

    Attributes
    ----------
    numbers, words
    """

    def __init__(
        self, numbers: Float64s, decimals: NDArray[np.uint8] | None, words: Sequence[str] = ()
    ) -> None:
        self.numbers, self.words = numbers, tuple(words)
        self._decimals = decimals

    @property
    def are_whole(self) -> bool:
        """Whether the parameter `decimals` is None."""
        return self._decimals is None

    def decimals(self, part: slice = ALL) -> NDArray[np.uint8]:
        """Return the array `decimals` for some cells, even if the parameter is None."""
        if self._decimals is not None:
            return self._decimals[part]
        return np.where(np.isnan(self.numbers[part]), WORDS_FROM, 0).astype(np.uint8)

    @classmethod
    def joined(cls, parts: Sequence[PlainTexts], among: int = 1) -> PlainTexts:
        """Concatenate the texts of several parts. `among` has the same meaning as in `put_away`."""
        words = tuple(dict.fromkeys(word for part in parts for word in part.words))
        n, end = sum(map(len, parts)), 0
        numbers, decimals = stored(n, among=among), stored(n, np.uint8, among=among)
        for part in parts:
            number_of = np.arange(256, dtype=np.uint8)
            for number, word in enumerate(part.words):
                number_of[WORDS_FROM + number] = WORDS_FROM + words.index(word)
            begin, end = end, end + len(part)
            numbers[begin:end] = part.numbers
            decimals[begin:end] = number_of[part.decimals()]
        return cls(numbers, decimals, words)

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, chosen: NDArray[Any] | slice) -> PlainTexts:
        decimals = None if self._decimals is None else self._decimals[chosen]
        return PlainTexts(self.numbers[chosen], decimals, self.words)

    def put_away(self, numbers: Floats | None, among: int) -> PlainTexts:
        decimals = None if self._decimals is None else put_away(self._decimals, among=among)
        own = put_away(self.numbers, among=among) if numbers is None else numbers
        return PlainTexts(own.astype(np.float64, copy=False), decimals, self.words)

    def missing(self) -> NDArray[np.bool_]:
        return np.isnan(self.numbers)

    def to_list(self, part: slice) -> list[str | None]:
        pairs = zip(self.numbers[part].tolist(), self.decimals(part).tolist(), strict=True)
        return [None if d >= WORDS_FROM else FORMATS[d] % x for x, d in pairs]

    def as_written(self) -> pa.ChunkedArray:
        """Return the texts of the cells as in the file. Words for missing cells are included."""
        texts = self.to_arrow()
        for number, word in enumerate(self.words):
            is_word = mask(self.decimals() == WORDS_FROM + number)
            texts = pc.if_else(is_word, strings([word])[0], texts)
        return texts


class NumberTexts(_Listed):
    """Texts of numbers from a source that does not contain texts, such as a data frame.

    Parameters
    ----------
    numbers : ndarray of shape (n,), float32 or float64
        Finite numbers, with NaN for missing cells.
    are_whole : bool
        Whether 7.0 is written as "7".
    are_narrow : bool, default=False
        Whether the source contains the numbers as float32.  Then 0.1 is written as "0.1".
    """

    def __init__(self, numbers: Floats, are_whole: bool, are_narrow: bool = False) -> None:
        self._numbers, self._are_whole, self.are_narrow = numbers, are_whole, are_narrow

    def __len__(self) -> int:
        return len(self._numbers)

    def take(self, chosen: NDArray[Any] | slice) -> NumberTexts:
        return NumberTexts(self._numbers[chosen], self._are_whole, self.are_narrow)

    def put_away(self, numbers: Floats | None, among: int) -> NumberTexts:
        own = put_away(self._numbers, among=among) if numbers is None else numbers
        return NumberTexts(own, self._are_whole, self.are_narrow)

    def missing(self) -> NDArray[np.bool_]:
        return np.isnan(self._numbers)

    def to_list(self, part: slice) -> list[str | None]:
        ending = ".0" if self._are_whole else ""
        numbers = self._numbers[part]
        values = list(numbers.astype(np.float32)) if self.are_narrow else numbers.tolist()
        return [None if v != v else str(v).removesuffix(ending) for v in values]


class ValueTexts(ArrowTexts):
    """Texts of values that are neither numbers nor text in Arrow, such as dates.

    Parameters
    ----------
    array : pyarrow.ChunkedArray
        Values within the range of Python's types, with null for missing cells.
    """

    def to_list(self, part: slice) -> list[str | None]:
        return [None if v is None else as_text(v) for v in self._array[part].to_pylist()]

    def to_arrow(self) -> pa.ChunkedArray:
        codes, texts = self.coded()
        return pa.chunked_array([strings(texts).take(numbers(codes, codes < 0))])

    @cached_property
    def _coded(self) -> tuple[NDArray[np.int32], list[str]]:
        encoded = self._array.dictionary_encode().combine_chunks()
        codes = _codes_of(encoded.indices)
        values = [as_text(value) for value in encoded.dictionary.to_pylist()]
        known: dict[str, int] = {}  # 0.0 and -0.0 can have the same text
        place = np.array([known.setdefault(text, len(known)) for text in values] + [-1], np.int32)
        return place[codes], list(known)


def _spooled_if_large(array: pa.ChunkedArray, among: int) -> pa.ChunkedArray:
    """Return an Arrow array. If it is large, store it in a temporary file."""
    if not are_large(array.nbytes, among):
        return array
    return spooled([pa.table({"cells": array})])[0].column(0)


def _codes_of(indices: pa.Array) -> NDArray[Any]:
    """Return the indices of an Arrow dictionary array as integers, with -1 in place of null."""
    there = as_bools(indices.is_valid())
    if there.all():
        return as_numbers(indices, np.int32)
    codes = np.full(len(indices), -1, np.int32)
    codes[there] = as_numbers(indices.drop_null(), np.int32)
    return codes
