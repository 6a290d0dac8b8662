"""Numbers of a report: JSON has neither NaN nor NumPy's types."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from somscape._types import Floats

MARK_DIGITS = 4
"""Digits that are enough for a mark on an axis."""

DIGITS_BACK = 12
"""Digits to which a value comes back from the scale of the map to the units of its column."""


def number(value: float, digits: int | None = None) -> float | int | None:
    """Return a number for JSON, with all its digits; None for one that is not finite."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return None
    value = float(value) if digits is None else float(f"{value:.{digits}g}")
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def numbers(values: Floats | Sequence[float], digits: int | None = None) -> list[Any]:
    """Return numbers for JSON."""
    return [number(v, digits) for v in np.asarray(values).tolist()]


def plain(value: Any) -> Any:
    """Return a setting for JSON: None, a bool, a number, text, or a list of these."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return number(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
