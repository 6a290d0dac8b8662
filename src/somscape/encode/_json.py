"""Codes from JSON data, which may come from anywhere: each value is checked before it is used."""

from collections.abc import Container
from dataclasses import MISSING, fields
from sys import float_info
from typing import Any, TypeAlias

from somscape.encode._codes import CategoryCode, NumberCode, UnusedColumn
from somscape.encode._date_parts import STEPS, CycleCode, PartCode, SpanCode
from somscape.encode._ordered import MICROSECONDS, DateCode, OrdinalCode
from somscape.encode._text import ANY_DECIMALS
from somscape.tables import ORDERS

ColumnCode: TypeAlias = NumberCode | CategoryCode | OrdinalCode | DateCode | UnusedColumn

LARGEST = float_info.max
UNUSED_KINDS = ("id", "label", "dropped", "protected", "constant")
CODES: dict[str, type] = {
    **{code.kind: code for code in (NumberCode, CategoryCode, OrdinalCode, DateCode)},
    **dict.fromkeys(UNUSED_KINDS, UnusedColumn),
}


def code_from_json(data: Any) -> ColumnCode:
    """Return the code of a column."""
    if isinstance(data, str):
        return NumberCode.plain(data)
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in CODES:
        raise ValueError(f"no kind of column: {kind!r}")
    code: ColumnCode = _built(CODES[kind], data, known={"kind"})
    if not _is_sound(code):
        raise ValueError(f"the code of column '{code.name}' cannot have been learned from a table")
    return code


def part_from_json(data: Any, dates: Container[str]) -> PartCode:
    """Return the code of what dates tell."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in ("circle", "days"):
        raise ValueError(f"no kind of what dates tell: {kind!r}")
    code: PartCode = _built(CycleCode if kind == "circle" else SpanCode, data, known={"kind"})
    if not (_is_sound(code) and all(source in dates for source in code.sources)):
        raise ValueError(f"the code of '{code.name}' cannot have been learned from a table")
    return code


def _built(cls: type, data: dict[str, Any], known: set[str]) -> Any:
    names = {f.name for f in fields(cls)}
    # A file of an older release lacks what has a value by default.
    lacking = {f.name for f in fields(cls) if f.default is not MISSING} - set(data)
    if set(data) | known != (names - lacking) | known:
        raise ValueError(f"{cls.__name__} has the fields {', '.join(sorted(names))}")
    given = (f for f in fields(cls) if f.name not in lacking)
    return cls(**{f.name: _value(f.type, f.name, data[f.name]) for f in given})


def _value(type_: Any, name: str, value: Any) -> Any:
    if type_ in (str, bool, int) and type(value) is type_:
        return value
    if type_ is float and type(value) in (int, float) and -LARGEST <= value <= LARGEST:
        return float(value)
    if type_ == tuple[str, ...] and isinstance(value, list):
        if all(isinstance(v, str) for v in value):
            return tuple(value)
    elif type_ is NumberCode and isinstance(value, dict):
        number = _built(NumberCode, value, known=set())
        if _is_sound(number):
            return number
    raise ValueError(f"no {name} of a column: {str(value)[:40]!r}")


def _is_sound(code: ColumnCode | PartCode) -> bool:
    if not isinstance(code, UnusedColumn) and code.factor <= 0:
        return False
    if isinstance(code, CycleCode):
        return code.part in STEPS and 0 <= code.fill < STEPS[code.part]
    if isinstance(code, NumberCode):
        has_seen = code.least <= code.most and 0 <= code.decimals <= ANY_DECIMALS
        is_scaled = code.span > 0 and code.width >= 0 and code.reach >= 0
        return is_scaled and has_seen
    if isinstance(code, CategoryCode):
        return 0 < len(code.levels) == len(set(code.levels))
    if isinstance(code, OrdinalCode):
        n = len(code.levels)
        return 1 < n == len(set(code.levels)) and 0 <= code.fill < n
    if isinstance(code, DateCode):
        return code.unit in MICROSECONDS and code.order in ORDERS
    return True
