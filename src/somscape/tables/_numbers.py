"""Convert the cells of a table to columns of numbers or text.

A column that contains only numbers such as "1,234" or "1.234" is ambiguous.  Such a column is read
with the decimal mark of the other columns, except that "1.234" is always the plain number 1.234 in
a file delimited by commas.  If the other columns show no decimal mark, or both marks, "1.234" is
read as 1.234.  Then "1,234" is also read as 1.234, except in a file delimited by commas.  In such a
file, a comma in a quoted cell separates thousands, so "1,234" is 1234.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from somscape._types import Float64s, Ints
from somscape.tables._cells import (
    WORDS_FROM,
    ArrowTexts,
    Ends,
    PlainTexts,
    are_asked,
    as_bools,
    as_numbers,
    clean,
    ends_of,
    lengths_of,
    mask,
    strings,
    without,
)
from somscape.tables._late import pa, pc
from somscape.tables._messages import Note, listed, quoted
from somscape.tables.column import Column

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


_NUMBER = _cell(_UNIT, r"(?P<n>[0-9][0-9.,' ]*|[.,][0-9]+)", f"{_UNIT}|%")
_TYPEWRITTEN = {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"}
_BODY = {
    ".": re.compile(r"(?:[1-9][0-9]{0,2}([, '])[0-9]{3}(?:\1[0-9]{3})*|[0-9]*)(?:\.[0-9]*)?"),
    ",": re.compile(r"(?:[1-9][0-9]{0,2}([. '])[0-9]{3}(?:\1[0-9]{3})*|[0-9]*)(?:,[0-9]*)?"),
}
_SEPARATORS = {".": (",", "'", " "), ",": (".", "'", " ")}
_INFINITE = "(?i)^[-+]*(inf|infinity|∞)$"

LEADING_ZERO = re.compile("0[0-9]+")
"""Pattern of cells such as "007", which are read as codes and not as numbers."""


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
    rows, part = _split(strings(texts), _NUMBER)
    bodies = [body.rstrip() for body in part["n"].to_pylist()]
    both = pc.binary_join_element_wise(part["b"], part["a"], strings([""])[0])
    units = Counter(filter(None, both.to_pylist()))
    # A column has one unit. Cells in another currency are not comparable, so they are text.
    unit = units.most_common(1)[0][0] if units else ""
    if len(bodies) * 2 < len(texts):  # mostly words, so the numbers do not decide
        return Spelling(unit=unit)
    n_fits = {
        mark: sum(pattern.fullmatch(body) is not None for body in bodies)
        for mark, pattern in _BODY.items()
    }
    if n_fits["."] != n_fits[","]:
        return Spelling(mark=max(n_fits, key=n_fits.__getitem__), unit=unit)
    pairs = zip(rows.tolist(), bodies, strict=True)
    unsettled = (texts[row] for row, body in pairs if not body.isdigit())
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
    """Convert cells with signs, units or separators to numbers."""
    rows, part = _split(cells, _pattern(mark, unit))
    values = np.full(len(cells), np.nan)
    values[rows] = _signed(part, mark, styles)
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


def _split(cells: pa.Array, pattern: str) -> tuple[Ints, dict[str, pa.Array]]:
    """Return the rows of cells that match a pattern of `_cell`, and the parts of these cells."""
    for letter, key in _TYPEWRITTEN.items():
        cells = pc.replace_substring(cells, letter, key)
    split = pc.extract_regex(cells, pattern)
    rows = np.flatnonzero(as_bools(split.is_valid()))
    split = split.drop_null()
    part = {name: pc.struct_field(split, name) for name in "osbineatc"}
    has = {name: lengths_of(texts) > 0 for name, texts in part.items()}
    n_signs = sum(has[name].astype(np.int8) for name in "osit")
    good = (has["o"] == has["c"]) & (n_signs <= 1) & ~(has["b"] & has["a"])
    return rows[good], {name: texts.filter(mask(good)) for name, texts in part.items()}


# A column with at least this share of numbers among at least this number of values is meant
# to be numeric.  A word in such a column is reported as a mistake.
_NUMBER_SHARE = 0.9
_NUMBER_CELLS = 10

SHOWN = 10_000
"""Maximum number of distinct values of a column that are examined for the spelling of numbers."""

FIRST_CELLS, CELLS = 1 << 12, 1 << 15
"""Numbers of cells in the first block and in each later block of a column. The first block is often
enough to recognize text."""

PLAINLY = r"^[-+]?[0-9]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?$"
"""Pattern of a number in plain form, such as -1.5 or 2e3, without currency or separators."""

MAX_DIGITS = 300
"""Maximum number of digits in a whole number that is converted to a float without overflow."""

NO_NUMBER = "[0-9][-/:][0-9A-Za-z]|[.,][0-9]{1,2}[.,]|^[A-Za-z][0-9]|[A-Za-z]{9}|[A-Za-z] [A-Za-z]"
"""Pattern that matches dates, codes and words, but not numbers."""

Where = Callable[[int], str]


@dataclass
class _Cells:
    """The cells of a column, and how numbers are spelled in these cells."""

    texts: PlainTexts | ArrowTexts
    words: tuple[str, ...]
    spelling: Spelling
    styles: list[str] | None = None  # notes on cells that are not numbers

    @classmethod
    def of(cls, raw: PlainTexts | pa.ChunkedArray, asked: Sequence[str] | None) -> _Cells:
        if isinstance(raw, PlainTexts):
            return cls(raw, raw.words, _plain_spelling(raw))
        cells, words, ends = clean(raw, asked)
        texts = ArrowTexts(cells)
        if ends.first[ord("0")] and _have_leading_zeros(cells):
            return cls(texts, tuple(words), Spelling(), ["leading zeros, kept as text,"])
        if _are_words(cells, ends):
            return cls(texts, tuple(words), Spelling(), [])
        some = _first_different(cells)
        spelling = spell(some)
        if len(some) == SHOWN and spelling.plain_mark == ".":
            spelling = _spelling_of_all(cells, some, spelling)
        return cls(texts, tuple(words), spelling)


@dataclass
class TextColumns:
    """The columns that were made from the texts of cells, with notes on the spelling of numbers.

    Attributes
    ----------
    columns : list of Column
    notes : list of str
        Notes on unusual spellings of numbers, each with the names of the columns.
    words : set of str
        Words for missing values that occur in the cells.
    """

    columns: list[Column] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    words: set[str] = field(default_factory=set)


def text_columns(
    raw: Mapping[str, PlainTexts | pa.ChunkedArray],
    where: Where,
    delimiter: str = ",",
    decimal: str | None = None,
    asked: Sequence[str] | None = None,
) -> TextColumns:
    """Convert the texts of cells to columns. A column is numeric if all its cells are numbers."""
    cells = {name: _Cells.of(texts, asked) for name, texts in raw.items()}
    marks = {found.spelling.mark for found in cells.values()} - {""}
    shown = decimal or ("".join(marks) if len(marks) == 1 else "")
    made = TextColumns()
    noted: dict[Note, list[str]] = {}
    for name, found in cells.items():
        spelling = found.spelling
        mark = decimal or spelling.mark or _likely_mark(spelling.plain_mark, shown, delimiter)
        texts = found.texts
        if found.styles is None:
            numbers, problem, styles = _read(name, texts, where, spelling, mark)
        else:
            numbers, problem, styles = None, None, found.styles
        if isinstance(texts, PlainTexts) and numbers is not texts.numbers:
            texts = ArrowTexts(texts.to_arrow())
        if numbers is not None and asked:
            is_asked = are_asked(numbers, asked)
            if is_asked.any():
                numbers = np.where(is_asked, np.nan, numbers)
                texts = ArrowTexts(without(texts.to_arrow(), is_asked, made.words))
        style = "" if numbers is None else ", ".join(styles)
        made.columns.append(Column(name, texts, numbers=numbers, style=style, problem=problem))
        made.words.update(found.words)
        notes = [Note(style) for style in styles]
        if styles and spelling.example and not shown:
            notes.append(Note(_reading(spelling, mark), "--decimal MARK"))
        for note in notes:
            noted.setdefault(note, []).append(name)
    made.notes = [Note(f"{note} in {listed(of)}", note.options) for note, of in noted.items()]
    return made


def read_numbers(column: Column) -> Column | None:
    """Convert a column of text to a numeric column. Return None if a cell is not a number."""
    cells = column.to_arrow()
    if _have_leading_zeros(cells):
        return None
    spelling = spell(_first_different(cells))
    if spelling.example and spelling.plain_mark != ".":
        return None
    texts = ArrowTexts(cells)
    numbers, _, styles = _read(column.name, texts, str, spelling, spelling.mark or ".")
    if numbers is None:
        return None
    return Column(column.name, texts, numbers=numbers, style=", ".join(styles))


def padded_numbers(column: Column) -> Column | None:
    """Convert a text column to whole numbers. Return None if a cell contains other than digits."""
    codes, texts = column.coded()
    if not texts or not all(t.isascii() and t.isdigit() and len(t) <= MAX_DIGITS for t in texts):
        return None
    numbers = np.array([*map(float, texts), np.nan])[codes]
    return Column(column.name, ArrowTexts(column.to_arrow()), numbers=numbers)


def _plain_spelling(texts: PlainTexts) -> Spelling:
    """Return the spelling of plain numbers."""
    if texts.are_whole:
        return Spelling(".")
    decimals = texts.decimals()
    marked = (decimals > 0) & (decimals < WORDS_FROM)
    if not marked.any():
        return Spelling(".")
    if not (marked & (decimals != 3)).any():
        size = np.abs(texts.numbers[marked])
        if ((size >= 1) & (size < 1000)).all():
            first = int(np.argmax(marked))
            return Spelling(".", example=str(texts.to_list(slice(first, first + 1))[0]))
    return Spelling(".", ".")


def _first_different(cells: pa.ChunkedArray) -> list[str]:
    """Return the first distinct values of a column, at most `SHOWN` values."""
    found: dict[str, None] = {}
    for part in _parts(cells):
        found.update(dict.fromkeys(pc.unique(part.drop_null()).to_pylist()))
        if len(found) > SHOWN:
            break
    return list(found)[:SHOWN]


def _spelling_of_all(cells: pa.ChunkedArray, some: Sequence[str], spelling: Spelling) -> Spelling:
    """Return the spelling of numbers that also fits unusual values after the first rows."""
    others: dict[str, None] = {}
    for part in _parts(cells):
        if len(others) < SHOWN and read_plain(part, ".") is None:
            is_odd = ~as_bools(pc.match_substring_regex(part, PLAINLY)) & as_bools(part.is_valid())
            others.update(dict.fromkeys(part.filter(mask(is_odd)).unique().to_pylist()))
    wider = spell([*some, *list(others)[:SHOWN]]) if others else spelling
    return wider if wider.mark or wider.unit else spelling


def _are_words(cells: pa.ChunkedArray, ends: Ends) -> bool:
    """Return whether most cells, and most distinct cells, are words and not numbers."""
    first = pa.chunked_array([cells[:FIRST_CELLS].unique()])
    return _are_mostly_words(first, ends_of(first)) and _are_mostly_words(cells, ends)


def _are_mostly_words(cells: pa.ChunkedArray, ends: Ends) -> bool:
    n_present, n_words = len(cells) - cells.null_count, 0
    if 2 * ends.n_that_may_be_numbers < n_present:
        return True
    for chunk in cells.chunks:
        n_words += pc.sum(pc.match_substring_regex(chunk, NO_NUMBER)).as_py() or 0
        if 2 * n_words > n_present:
            return True
    return False


def _have_leading_zeros(cells: pa.ChunkedArray) -> bool:
    """Return whether a cell has leading zeros, such as "007", and is thus a code."""
    likely = cells.filter(pc.starts_with(cells, "0"))
    are_more = pc.not_equal(likely, strings(["0"])[0])
    return bool(pc.any(pc.and_(pc.ascii_is_decimal(likely), are_more)).as_py())


def _parts(cells: pa.ChunkedArray) -> Iterator[pa.Array]:
    """Yield the cells of a column in blocks. The first block is smaller than the others."""
    begin, n = 0, FIRST_CELLS
    while begin < len(cells):
        yield cells[begin : begin + n].combine_chunks()
        begin, n = begin + n, CELLS


def _likely_mark(plain_mark: str | None, shown: str, delimiter: str) -> str:
    if plain_mark == "." and delimiter == ",":
        return "."
    return shown or ("." if plain_mark == "." or delimiter == "," else ",")


def _reading(spelling: Spelling, mark: str) -> str:
    """Return a note that shows how an ambiguous text such as "1,234" was read as a number."""
    value = spelling.read(strings([spelling.example]), mark, {})[0]
    return f"{quoted(spelling.example)} read as {value:.12g}"


def _read(
    name: str, texts: PlainTexts | ArrowTexts, where: Where, spelling: Spelling, mark: str
) -> tuple[Float64s | None, str | None, list[str]]:
    """Return a column's numbers or None, the message on its bad cell or None, and its notes."""
    if isinstance(texts, PlainTexts) and (mark == "." or not (spelling.mark or spelling.example)):
        return texts.numbers, None, []
    cells = texts.to_arrow()
    if cells.null_count == len(cells):
        return np.broadcast_to(np.float64(np.nan), len(cells)), None, []
    styles: dict[str, None] = {}
    verdict = ColumnVerdict()
    numbers = np.empty(len(texts))
    begin = 0
    for part in _parts(cells):
        values = spelling.read(part, mark, styles)
        end = begin + len(part)
        numbers[begin:end] = values
        verdict.look(begin, part, values)
        if verdict.is_text(len(texts)):
            return None, None, []
        begin = end
    is_number, problem = verdict.settle(name, where)
    return (numbers, None, list(styles)) if is_number else (None, problem, [])


@dataclass
class ColumnVerdict:
    """The decision whether a column is numeric. Each block of cells updates the decision."""

    n_present: int = 0
    n_bad: int = 0
    first: int = -1  # row of the first bad cell
    cell: str = ""
    is_infinite: bool = True  # whether the first bad cell is
    are_infinite: bool = True  # whether all bad cells are

    def look(self, begin: int, cells: pa.Array, values: Float64s) -> None:
        """Examine a block of a column's cells. The block begins at row `begin`.

        `values` contains NaN for each cell that is not a number.
        """
        finite = np.isfinite(values)
        n_finite = int(finite.sum())
        self.n_present += n_finite
        if n_finite == len(values):
            return
        bad = np.flatnonzero(~finite & as_bools(cells.is_valid()))
        if not len(bad):
            return
        if self.first < 0:
            first = int(bad[0])
            self.first, self.cell = begin + first, str(cells[first].as_py())
            self.is_infinite = math.isinf(values[first])
        self.n_present += len(bad)
        self.n_bad += len(bad)
        self.are_infinite = self.are_infinite and bool(np.isinf(values[bad]).all())

    def is_text(self, n_cells: int) -> bool:
        """Return whether so many of `n_cells` cells are not numbers that the column is text."""
        return not self.are_infinite and self.n_bad > (1 - _NUMBER_SHARE) * n_cells + 1

    def settle(self, name: str, where: Where) -> tuple[bool, str | None]:
        """Return whether the column is numeric, and a message if a few cells are not numbers."""
        if not self.n_bad:
            return True, None
        n_good = self.n_present - self.n_bad
        is_slip = self.n_present >= _NUMBER_CELLS and n_good >= _NUMBER_SHARE * self.n_present
        if not (is_slip or (n_good > 0 and self.are_infinite)):
            return False, None
        kind = "finite number" if self.is_infinite else "number"
        return False, (
            f"{where(self.first)}, column {quoted(name)}: {quoted(self.cell)} is not a {kind}, but"
            f" {n_good} of {self.n_present} values are. Correct or remove the value,"
            f"{'' if self.is_infinite else ' name it as a missing value,'} drop the column, or use"
            " it as a category."
        )
