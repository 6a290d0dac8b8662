"""Numbers of a report: JSON has neither NaN nor NumPy's types, and 6 digits are enough for most."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from somscape._types import Floats

DIGITS = 6


def number(value: float, digits: int = DIGITS) -> float | int | None:
    """Return a number for JSON; None for one that is not finite."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def numbers(values: Floats | Sequence[float]) -> list[float | int | None]:
    """Return numbers for JSON."""
    return [number(v) for v in np.asarray(values).tolist()]


def full(values: Floats | Sequence[float]) -> list[float | None]:
    """Return numbers for JSON with all their digits."""
    return [v if math.isfinite(v) else None for v in np.asarray(values, np.float64).tolist()]


def plain(value: Any) -> Any:
    """Return a setting for JSON: None, a bool, a number, text, or a list of these."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return number(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
