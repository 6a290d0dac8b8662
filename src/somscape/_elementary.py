"""Compute exp, log and asinh with the same bits on every processor.

Mathematical libraries can return results that differ in the last bit on different processors, which
can change the unit of a row.  The functions in this module only use addition, multiplication,
division, square roots and scaling by powers of two.  IEEE 754 defines the rounding of these
operations.  `core/elementary.hpp` contains the same function exp.  Relative errors are below 1e-15.
"""

from math import factorial

import numpy as np

from somscape._types import Float64s

LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
"""ln 2 rounded to 32 bits.  The product of this number and a small whole number is exact."""

LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
LARGEST_EXPONENT = 800.0
"""Exponents are limited to this absolute value.  exp is infinite above 709 and 0 below -745."""

EXP_TERMS = [1.0 / factorial(n) for n in range(13, -1, -1)]
ATANH_TERMS = [1.0 / n for n in range(23, 0, -2)]


def exp(x: Float64s) -> Float64s:
    """Return e to the power of each value.  For an infinite value, the result is 0 or infinity."""
    x = np.minimum(np.maximum(x, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    whole = np.rint(x / (LN2_HIGH + LN2_LOW))
    rest = (x - whole * LN2_HIGH) - whole * LN2_LOW
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(_horner(EXP_TERMS, rest), whole.astype(np.int32))


def log_of(x: float) -> float:
    """Return the natural logarithm of a number."""
    return float(log(np.array(x)))


def log(x: Float64s) -> Float64s:
    """Return the natural logarithm of each positive value."""
    part, exponent = np.frexp(x)
    is_low = part < 0.5**0.5
    part, exponent = np.where(is_low, 2 * part, part), np.where(is_low, exponent - 1, exponent)
    ratio = (part - 1) / (part + 1)
    return exponent * LN2_HIGH + (exponent * LN2_LOW + _twice_atanh(ratio))


def asinh(x: Float64s) -> Float64s:
    """Return the inverse hyperbolic sine (asinh) of each value."""
    size = np.abs(x)
    near = np.minimum(size, 1e8)  # above this size, adding 1 to the square has no effect
    above_one = near + near * near / (1 + np.sqrt(1 + near * near))
    small = _twice_atanh(above_one / (2 + above_one))
    large, is_huge = log(1 + above_one), size > near
    if is_huge.any():
        large = np.where(is_huge, log(np.maximum(size, 1.0)) + log(np.array(2.0)), large)
    return np.copysign(np.where(above_one < 0.4, small, large), x)


def _twice_atanh(x: Float64s) -> Float64s:
    """Return 2 * atanh(x) for values x from -0.18 to 0.18."""
    return 2 * x * _horner(ATANH_TERMS, x * x)


def _horner(terms: list[float], x: Float64s) -> Float64s:
    total = terms[0] * x
    total += terms[1]
    for term in terms[2:]:
        total *= x
        total += term
    return total
