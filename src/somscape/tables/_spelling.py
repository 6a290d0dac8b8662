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
    """What the distinct cells of one column show, before the decimal mark is settled."""

    texts: Sequence[str]
    plain: dict[str, float] | None = None  # set where float() reads every cell
    plain_mark: str = ""  # with this decimal mark
    parts: dict[str, _Parts] | None = None  # else: the cells that split
    mark: str = ""  # the decimal mark that the cells show, "" where both fit or none occurs
    example: str = ""  # where both fit: a cell such as "1,234"
    has_leading_zeros: bool = False  # such as "007": an id, so the column stays text

    def values(self, mark: str) -> tuple[dict[str, float], list[str]]:
        """Read the cells with a decimal mark: values by cell, and the styles that occur."""
        has_marks = bool(self.mark or self.example)
        if self.plain is not None and (mark == self.plain_mark or not has_marks):
            return self.plain, ["decimal comma"] * (has_marks and mark == ",")
        parts = _split_all(self.texts) if self.parts is None else self.parts
        units = Counter(part.unit for part in parts.values() if part.unit)
        # One unit a column: cells in another currency are not comparable, so not numbers.
        unit = units.most_common(1)[0][0] if units else ""
        values = {text: math.inf for text in self.texts if _is_infinite(text)}
        styles = dict.fromkeys(["percent" if unit == "%" else f"currency {unit}"] if unit else [])
        for text, part in parts.items():
            match = _BODY[mark].fullmatch(part.body)
            if not match or part.unit not in ("", unit):
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
        return values, list(styles)


def spell(texts: Sequence[str]) -> Spelling:
    """Look at the distinct, present cells of one column."""
    if any(text[0] == "0" and len(text) > 1 and text.isdigit() for text in texts):
        return Spelling(texts, parts={}, has_leading_zeros=True)
    for mark, other in (".,", ",."):
        plain = _plain_values(texts, mark)
        if plain is not None:
            marked = [text for text in texts if mark in text]
            if all(_BODY[other].fullmatch(text.lstrip("+-")) for text in marked):
                return Spelling(texts, plain, mark, example=next(iter(marked), ""))
            return Spelling(texts, plain, mark, mark=mark)
    parts = _split_all(texts)
    if len(parts) * 2 < len(texts):  # words with some numbers among them show nothing
        return Spelling(texts, parts=parts)
    n_fits = {
        mark: sum(bool(body.fullmatch(part.body)) for part in parts.values())
        for mark, body in _BODY.items()
    }
    if n_fits["."] != n_fits[","]:
        return Spelling(texts, parts=parts, mark=max(n_fits, key=n_fits.__getitem__))
    unsettled = (text for text, part in parts.items() if not part.body.isdigit())
    return Spelling(texts, parts=parts, example=next(unsettled, ""))


def _plain_values(texts: Sequence[str], mark: str) -> dict[str, float] | None:
    joined = "".join(texts)
    # float() also takes 1_000, digits of other scripts and -nan: none of them is plain.
    if "_" in joined or not joined.isascii():
        return None
    if mark == "," and ("." in joined or "," not in joined):
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
