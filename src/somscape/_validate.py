"""Checks of parameters, with one form of message: name, what came, what is allowed."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if not (isinstance(value, str) and value in choices):
        allowed = ", ".join(repr(c) for c in choices)
        raise ValueError(f"`{name}` must be one of {allowed}; got {value!r}.")


def check_whole(name: str, value: Any, low: int, *, or_auto: bool = False) -> None:
    """Raise unless `value` is a whole number of at least `low`, or "auto" where allowed."""
    if or_auto and isinstance(value, str) and value == "auto":
        return
    also = ' or "auto"' if or_auto else ""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"`{name}` must be a whole number{also}; got {value!r}.")
    if value < low:
        raise ValueError(f"`{name}` must be at least {low}{also}; got {value!r}.")


def check_number(
    name: str,
    value: Any,
    low: float,
    high: float = math.inf,
    *,
    low_is_allowed: bool = False,
    or_auto: bool = False,
) -> None:
    """Raise unless `value` is a finite number in (low, high], or "auto" where allowed.

    `low` itself is allowed only with `low_is_allowed`.
    """
    if or_auto and isinstance(value, str) and value == "auto":
        return
    also = ' or "auto"' if or_auto else ""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`{name}` must be a number{also}; got {value!r}.")
    number = float(value)
    is_high_enough = number >= low if low_is_allowed else number > low
    if not (math.isfinite(number) and is_high_enough and number <= high):
        bound = f"at least {low:g}" if low_is_allowed else f"above {low:g}"
        top = f" and at most {high:g}" if math.isfinite(high) else ""
        raise ValueError(f"`{name}` must be finite, {bound}{top}{also}; got {value!r}.")
