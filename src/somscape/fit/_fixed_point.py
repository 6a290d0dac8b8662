"""Numbers as 64-bit integers under a power-of-two scale, whose sums are exact in any order."""

import numpy as np

from somscape._types import Float64s, Ints

SUM_BITS = 61
"""Totals stay below 2^61: one bit for the sign and one to spare for rounding each term."""

TERM_BITS = 50
"""Single terms stay below 2^50, which a float64 rounds to an integer by two additions."""

MAX_EXPONENT = 1000
"""Scales lie between 2^-1000 and 2^1000, which leaves room for products with them."""


def power_of_two(bits: int | Ints, largest: float | Float64s) -> Float64s:
    """Return the power of two that brings values up to `largest` below 2^bits."""
    _, exponent = np.frexp(largest)
    return np.ldexp(1.0, np.clip(bits - exponent, -MAX_EXPONENT, MAX_EXPONENT))


def value_scale(far: Float64s, weights: Float64s | None, total_weight: float) -> Float64s:
    """Return the scale that keeps totals and single terms of values up to `far` small enough."""
    # A whole-number weight repeats the rounded term: it counts only for the total.
    largest = 1.0
    if weights is not None:
        parts = weights[weights != np.rint(weights)]
        largest = max(largest, float(parts.max(initial=0.0)))
    limits = np.array([[total_weight], [largest]]) * far
    scale: Float64s = power_of_two(np.array([[SUM_BITS], [TERM_BITS]]), limits).min(axis=0)
    return scale
