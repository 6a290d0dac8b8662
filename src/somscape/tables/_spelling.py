"""How the cells of one column write numbers, and what they say.

A cell is a sign, a currency or percent sign, digits with their marks, and an exponent.  The
column's decimal mark is the one under which more of its cells make sense; a thousands separator
(comma, dot, blank or apostrophe) stands before groups of exactly three digits.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from somscape._types import Float64s
from somscape.tables._letters import lengths_of
from somscape.tables._made import as_bools, as_numbers, mask, strings

if TYPE_CHECKING:
    import pyarrow as pa

_CODES = (
    "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|ILS|INR|JPY|KRW|MXN|NOK|NZD|PLN|RUB|SEK|SGD|TRY"
    "|TWD|USD|ZAR"
)
# Any three capitals would not do: "BOX 12" is a code, not an amount.
_UNIT = rf"[$€£¥₹₽₩₺]|R\$|kr|zł|Kč|{_CODES}"


def _cell(before: str, number: str, after: str) -> str:
    """Return the pattern of a whole cell, which RE2 reads, too: it has no back references."""
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
"""A cell such as "007", which names something."""


class _Parts(NamedTuple):
    unit: str
    body: str


@dataclass
class Spelling:
    """What different cells of one column show, before the decimal mark is settled."""

    plain_mark: str | None = None  # set where float() reads every cell with this decimal mark
    mark: str = ""  # the decimal mark that the cells show, "" where both fit or none occurs
    example: str = ""  # where both fit: a cell such as "1,234"
    unit: str = ""  # the commonest currency, or %

    def read(self, cells: pa.Array, mark: str, styles: dict[str, None]) -> Float64s:
        """Read any cells of the column with a decimal mark; note the styles that occur."""
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
    """Look at different, present cells of one column, none of them written like "007"."""
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
    # One unit a column: cells in another currency are not comparable, so not numbers.
    unit = units.most_common(1)[0][0] if units else ""
    if len(parts) * 2 < len(texts):  # words with some numbers among them show nothing
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
    """Return the number of each text, or None where one is not written as ``float`` reads it."""
    joined = "".join(texts)
    # float() also takes 1_000, digits of other scripts and -nan: none of them is plain.
    if "_" in joined or not joined.isascii():
        return None
    if mark == "," and "." in joined:
        return None
    dotted = texts if mark == "." else [text.replace(",", ".") for text in texts]
    try:
        values = dict(zip(texts, map(float, dotted), strict=True))
    except ValueError:
        return None
    return None if any(value != value for value in values.values()) else values


def read_plain(cells: pa.Array, mark: str) -> Float64s | None:
    """Return the numbers of cells, NaN where missing, or None as `plain_values`."""
    import pyarrow as pa
    import pyarrow.compute as pc

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
    """Read cells with signs, units and separators; as `_split` and `_BODY`, a column at a time."""
    import pyarrow.compute as pc

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
    """Return the numbers of split cells; note their styles."""
    import pyarrow as pa
    import pyarrow.compute as pc

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
    """Return the pattern of cells with this decimal mark and unit."""
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
