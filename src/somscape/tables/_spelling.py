"""How the cells of one column write numbers, and what they say.

Plain numbers go through ``float``.  Otherwise a cell is split into sign, currency or
percent sign, digits with their marks, and exponent.  The column's decimal mark is the one
under which more of its cells make sense; a thousands separator (comma, dot, blank or
apostrophe) stands before groups of exactly three digits.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_CODES = (
    "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|ILS|INR|JPY|KRW|MXN|NOK|NZD|PLN|RUB|SEK|SGD|TRY"
    "|TWD|USD|ZAR"
)
# Any three capitals would not do: "BOX 12" is a code, not an amount.
_UNIT = rf"[$€£¥₹₽₩₺]|R\$|kr|zł|Kč|{_CODES}"
_NUMBER = re.compile(
    rf"(\()?([-+−]?) ?({_UNIT})? ?([-+−]?)([0-9][0-9.,' ]*|[.,][0-9]+)([eE][-+]?[0-9]+)?"
    rf" ?({_UNIT}|%)?(\))?"
)
_TYPEWRITTEN = str.maketrans("\u00a0\u202f\u2009\u2019", "   '")
_BODY = {
    ".": re.compile(r"(?:[1-9][0-9]{0,2}([, '])[0-9]{3}(?:\1[0-9]{3})*|[0-9]*)(?:\.[0-9]*)?"),
    ",": re.compile(r"(?:[1-9][0-9]{0,2}([. '])[0-9]{3}(?:\1[0-9]{3})*|[0-9]*)(?:,[0-9]*)?"),
}
_INFINITE = ("inf", "infinity", "∞")


class _Parts(NamedTuple):
    is_negative: bool
    unit: str
    body: str
    exponent: str
    in_parentheses: bool


@dataclass
class Spelling:
    """What different cells of one column show, before the decimal mark is settled."""

    plain_mark: str | None = None  # set where float() reads every cell with this decimal mark
    mark: str = ""  # the decimal mark that the cells show, "" where both fit or none occurs
    example: str = ""  # where both fit: a cell such as "1,234"
    unit: str = ""  # the commonest currency, or %

    def read(self, texts: Sequence[str], mark: str, styles: dict[str, None]) -> dict[str, float]:
        """Read any cells of the column with a decimal mark; note the styles that occur."""
        has_marks = bool(self.mark or self.example)
        if self.plain_mark and (mark == self.plain_mark or not has_marks):
            plain = _plain_values(texts, self.plain_mark)
            if plain is not None:
                if has_marks and mark == ",":
                    styles["decimal comma"] = None
                return plain
        values = {text: math.inf for text in texts if _is_infinite(text)}
        if self.unit:
            styles["percent" if self.unit == "%" else f"currency {self.unit}"] = None
        for text, part in _split_all(texts).items():
            match = _BODY[mark].fullmatch(part.body)
            if not match or part.unit not in ("", self.unit):
                continue
            digits = part.body
            if match[1]:
                digits = digits.replace(match[1], "")
                styles["thousands separators"] = None
            if mark == "," and mark in digits:
                styles["decimal comma"] = None
            if part.in_parentheses:
                styles["negatives in parentheses"] = None
            value = float(digits.replace(mark, ".") + part.exponent)
            values[text] = -value if part.is_negative else value
        return values


def spell(texts: Sequence[str]) -> Spelling:
    """Look at different, present cells of one column, none of them written like "007"."""
    for mark, other in (".,", ",."):
        plain = None if mark == "," and "," not in "".join(texts) else _plain_values(texts, mark)
        if plain is not None:
            marked = [text for text in texts if mark in text]
            if all(_BODY[other].fullmatch(text.lstrip("+-")) for text in marked):
                return Spelling(mark, example=next(iter(marked), ""))
            return Spelling(mark, mark)
    parts = _split_all(texts)
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


def _plain_values(texts: Sequence[str], mark: str) -> dict[str, float] | None:
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


def _split_all(texts: Sequence[str]) -> dict[str, _Parts]:
    split = ((text, _split(text)) for text in texts)
    return {text: parts for text, parts in split if parts is not None}


def _split(text: str) -> _Parts | None:
    match = _NUMBER.fullmatch(text if text.isascii() else text.translate(_TYPEWRITTEN))
    if match is None:
        return None
    opened, sign, before, inner_sign, body, exponent, after, closed = match.groups(default="")
    signs = sign + inner_sign
    if bool(opened) != bool(closed) or len(opened + signs) > 1 or (before and after):
        return None
    is_negative = bool(opened) or signs in ("-", "−")
    return _Parts(is_negative, before or after, body.rstrip(), exponent, bool(opened))


def _is_infinite(text: str) -> bool:
    return text.lstrip("+-").casefold() in _INFINITE
