"""Store the texts of a column's cells in little memory, and detect how numbers are spelled."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from somscape._stored import are_large, put_away, stored
from somscape._types import Float64s, Floats, Objects
from somscape._weights import blocks
from somscape.tables._cells import as_bools, as_numbers, as_text, lengths_of, mask, numbers, strings
from somscape.tables._late import pa, pc
from somscape.tables._spool import spooled

_CODES = (
    "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|ILS|INR|JPY|KRW|MXN|NOK|NZD|PLN|RUB|SEK|SGD|TRY"
    "|TWD|USD|ZAR"
)
# A list of codes is necessary, because "BOX 12" is a code and not an amount.
_UNIT = rf"[$€£¥₹₽₩₺]|R\$|kr|zł|Kč|{_CODES}"


def _cell(before: str, number: str, after: str) -> str:
    """Return a regular expression for a whole cell, without back references (as RE2 needs)."""
    return (
        rf"^(?P<o>\(?)(?P<s>[-+−]?) ?(?P<b>(?:{before})?) ?(?P<i>[-+−]?){number}"
        rf"(?P<e>(?:[eE][-+]?[0-9]+)?) ?(?P<a>(?:{after})?)(?P<t>[-−]?)(?P<c>\)?)$"
    )


_NUMBER = re.compile(_cell(_UNIT, r"(?P<n>[0-9][0-9.,' ]*|[.,][0-9]+)", f"{_UNIT}|%"))
_TYPEWRITTEN = {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"}
_TYPED = str.maketrans(_TYPEWRITTEN)
_BODY = {
    ".": re.compile(r"(?:[1-9][0-9]{0,2}([, '])[0-9]{3}(?:\1[0-9]{3})*|[0-9]*)(?:\.[0-9]*)?"),
    ",": re.compile(r"(?:[1-9][0-9]{0,2}([. '])[0-9]{3}(?:\1[0-9]{3})*|[0-9]*)(?:,[0-9]*)?"),
}
_SEPARATORS = {".": (",", "'", " "), ",": (".", "'", " ")}
_INFINITE = "(?i)^[-+]*(inf|infinity|∞)$"

LEADING_ZERO = re.compile("0[0-9]+")
"""Pattern of cells such as "007", which are read as codes and not as numbers."""


class _Parts(NamedTuple):
    unit: str
    body: str


@dataclass
class Spelling:
    """How numbers are spelled in the distinct cells of a column, with or without a known mark."""

    plain_mark: str | None = None  # float() reads every cell with this decimal mark
    mark: str = ""  # the only possible decimal mark, or "" if the cells do not decide
    example: str = ""  # a cell such as "1,234", for which both marks are possible
    unit: str = ""  # the most frequent currency, or %

    def read(self, cells: pa.Array, mark: str, styles: dict[str, None]) -> Float64s:
        """Convert cells to numbers with a decimal mark, and add the cells' styles to `styles`."""
        has_marks = bool(self.mark or self.example)
        if self.plain_mark and (mark == self.plain_mark or not has_marks):
            plain = read_plain(cells, self.plain_mark)
            if plain is not None:
                if has_marks and mark == ",":
                    styles["decimal comma"] = None
                return plain
        if self.unit:
            styles["percent" if self.unit == "%" else f"currency {self.unit}"] = None
        return _read_styled(cells, mark, self.unit, styles)


def spell(texts: Sequence[str]) -> Spelling:
    """Return how numbers are spelled in distinct cells. Cells such as "007" are not allowed."""
    for mark, other in (".,", ",."):
        plain = None if mark == "," and "," not in "".join(texts) else plain_values(texts, mark)
        if plain is not None:
            marked = [text for text in texts if mark in text]
            if all(_BODY[other].fullmatch(text.lstrip("+-")) for text in marked):
                return Spelling(mark, example=next(iter(marked), ""))
            return Spelling(mark, mark)
    split = ((text, _split(text)) for text in texts)
    parts = {text: found for text, found in split if found is not None}
    units = Counter(part.unit for part in parts.values() if part.unit)
    # A column has one unit. Cells in another currency are not comparable, so they are text.
    unit = units.most_common(1)[0][0] if units else ""
    if len(parts) * 2 < len(texts):  # mostly words, so the numbers do not decide
        return Spelling(unit=unit)
    n_fits = {
        mark: sum(bool(body.fullmatch(part.body)) for part in parts.values())
        for mark, body in _BODY.items()
    }
    if n_fits["."] != n_fits[","]:
        return Spelling(mark=max(n_fits, key=n_fits.__getitem__), unit=unit)
    unsettled = (text for text, part in parts.items() if not part.body.isdigit())
    return Spelling(example=next(unsettled, ""), unit=unit)


def plain_values(texts: Sequence[str], mark: str) -> dict[str, float] | None:
    """Return the number that each text spells, or None if ``float`` cannot read all texts."""
    joined = "".join(texts)
    # float() also accepts 1_000, digits of other scripts and -nan, which are not plain numbers.
    if "_" in joined or not joined.isascii() or (mark == "," and "." in joined):
        return None
    dotted = texts if mark == "." else [text.replace(",", ".") for text in texts]
    try:
        values = dict(zip(texts, map(float, dotted), strict=True))
    except ValueError:
        return None
    return None if any(value != value for value in values.values()) else values


def read_plain(cells: pa.Array, mark: str) -> Float64s | None:
    """Return the numbers of cells (NaN if missing), or None where `plain_values` returns None."""
    if mark == ",":
        if pc.any(pc.match_substring(cells, ".")).as_py():
            return None
        cells = pc.replace_substring(cells, ",", ".")
    try:
        numbers = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None
    values = as_numbers(numbers)
    return values if np.isnan(values).sum() == cells.null_count else None


def _read_styled(cells: pa.Array, mark: str, unit: str, styles: dict[str, None]) -> Float64s:
    """Convert cells with signs, units or separators to numbers, as `_split` and `_BODY` do."""
    typed = cells
    for letter, key in _TYPEWRITTEN.items():
        typed = pc.replace_substring(typed, letter, key)
    split = pc.extract_regex(typed, _pattern(mark, unit))
    rows = np.flatnonzero(as_bools(split.is_valid()))
    split = split.drop_null()
    part = {name: pc.struct_field(split, name) for name in "osbineatc"}
    has = {name: lengths_of(texts) > 0 for name, texts in part.items()}
    n_signs = sum(has[name].astype(np.int8) for name in "osit")
    good = (has["o"] == has["c"]) & (n_signs <= 1) & ~(has["b"] & has["a"])
    part = {name: texts.filter(mask(good)) for name, texts in part.items()}
    values = np.full(len(cells), np.nan)
    values[rows[good]] = _signed(part, mark, styles)
    if len(rows) < len(cells):
        values[as_bools(pc.match_substring_regex(cells, _INFINITE))] = math.inf
    return values


def _signed(part: dict[str, pa.Array], mark: str, styles: dict[str, None]) -> Float64s:
    """Return the numbers of cells split into parts, and add the styles of cells to `styles`."""
    digits, nothing = part["n"], strings([""])[0]
    for separator in _SEPARATORS[mark]:
        digits = pc.replace_substring(digits, separator, "")
    if not digits.equals(part["n"]):
        styles["thousands separators"] = None
    dotted = pc.replace_substring(digits, mark, ".")
    if mark == "," and not dotted.equals(digits):
        styles["decimal comma"] = None
    numbers = pc.cast(pc.binary_join_element_wise(dotted, part["e"], nothing), pa.float64())
    in_parentheses = lengths_of(part["o"]) > 0
    if in_parentheses.any():
        styles["negatives in parentheses"] = None
    signs = pc.binary_join_element_wise(part["s"], part["i"], part["t"], nothing)
    is_negative = as_bools(pc.is_in(signs, value_set=strings(["-", "−"])))
    return np.where(in_parentheses | is_negative, -1.0, 1.0) * as_numbers(numbers)


def _pattern(mark: str, unit: str) -> str:
    """Return the pattern of a cell with a number that has the given decimal mark and unit."""
    groups = "|".join(f"[1-9][0-9]{{0,2}}(?:{re.escape(s)}[0-9]{{3}})+" for s in _SEPARATORS[mark])
    point = re.escape(mark)
    whole = f"(?:{groups}|[0-9]+)(?:{point}[0-9]*)?|{point}[0-9]+"
    sign = re.escape(unit)
    return _cell("" if unit == "%" else sign, f"(?P<n>{whole}) *", sign)


def _split(text: str) -> _Parts | None:
    match = _NUMBER.fullmatch(text if text.isascii() else text.translate(_TYPED))
    if match is None:
        return None
    opened, sign, before, inner_sign, body, _, after, last, closed = match.groups("")
    signs = sign + inner_sign + last
    if bool(opened) != bool(closed) or len(opened + signs) > 1 or (before and after):
        return None
    return _Parts(before or after, body.rstrip())


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
        return self._array[part].to_pylist()

    def to_arrow(self) -> pa.ChunkedArray:
        return self._array

    def coded(self) -> tuple[NDArray[np.int32], list[str]]:
        return self._coded

    @cached_property
    def _coded(self) -> tuple[NDArray[np.int32], list[str]]:
        encoded = self._array.dictionary_encode().combine_chunks()
        codes = _codes_of(encoded.indices)
        return codes.astype(np.int32, copy=False), encoded.dictionary.to_pylist()


class GivenTexts(_Listed):
    """A few texts that remain Python objects.

    Parameters
    ----------
    cells : ndarray of shape (n,), object
        Texts, with None for missing cells.
    """

    def __init__(self, cells: Objects) -> None:
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    def take(self, chosen: NDArray[Any] | slice) -> GivenTexts:
        return GivenTexts(self._cells[chosen])

    def put_away(self, numbers: Floats | None, among: int) -> ArrowTexts:
        return ArrowTexts(_spooled_if_large(self.to_arrow(), among))

    def missing(self) -> NDArray[np.bool_]:
        return np.array([cell is None for cell in self._cells], dtype=bool)

    def to_list(self, part: slice) -> list[str | None]:
        return self._cells[part].tolist()

    def coded(self) -> tuple[NDArray[np.int32], list[str]]:
        known: dict[str, int] = {}
        codes = [-1 if c is None else known.setdefault(c, len(known)) for c in self._cells]
        return np.array(codes, dtype=np.int32), list(known)


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

    def spelling(self) -> Spelling:
        """Return the spelling of the numbers."""
        decimals = self._decimals
        if decimals is None:
            return Spelling(".")
        marked = (decimals > 0) & (decimals < WORDS_FROM)
        if not marked.any():
            return Spelling(".")
        if not (marked & (decimals != 3)).any():
            size = np.abs(self.numbers[marked])
            if ((size >= 1) & (size < 1000)).all():
                first = int(np.argmax(marked))
                return Spelling(".", example=str(self.to_list(slice(first, first + 1))[0]))
        return Spelling(".", ".")

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
