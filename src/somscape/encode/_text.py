"""Numbers as a person would write them."""

import math

import numpy as np

from somscape._types import Floats

LEAST_WRITTEN, MOST_WRITTEN = 1e-4, 1e15
"""Between these, numbers are written without exponent."""

MAX_DECIMALS, ANY_DECIMALS = 6, 15
"""Most decimals that a column is seen to have; others have as many as a float holds."""

FIRST_LOOK = 1000
"""Values that are looked at first."""


def number_text(value: float, is_whole: bool = False, digits: int = 4) -> str:
    """Return a number in short decimal form."""
    size = abs(value)
    if is_whole and size < MOST_WRITTEN:
        return str(round(value))
    if size != 0 and not LEAST_WRITTEN <= size < MOST_WRITTEN:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size))) if size else 0
    return decimal_text(value, decimals)


def decimal_text(value: float, decimals: int) -> str:
    """Return a number rounded to some decimals, without zeros at the end."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def decimals_of(values: Floats, dtype: type[np.floating] | None = None) -> int:
    """Return with how many decimals all of some numbers are written."""
    type_ = np.dtype(dtype or values.dtype)
    close = 4 * float(np.finfo(type_).eps)
    for decimals in range(MAX_DECIMALS + 1):
        for part in (values[:FIRST_LOOK], values):
            some = part.astype(type_, copy=False)
            with np.errstate(over="ignore", invalid="ignore"):
                apart = np.abs(some - np.round(some, decimals))
            if (apart > close * np.abs(some)).any():
                break
        else:
            return decimals
    return ANY_DECIMALS
