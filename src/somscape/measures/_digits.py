"""Distances that differ by rounding alone, made equal, so that they tie."""

import numpy as np

from somscape._types import Float64s

BITS = 20
"""Last bits that do not count: of 52, so that about ten digits do."""


def rounded(distances: Float64s) -> Float64s:
    """Return distances to ten digits, whatever their unit."""
    bits = np.ascontiguousarray(distances).view(np.int64)
    # Half of the last bit that is left rounds, the others are cleared; an exponent takes a carry.
    found: Float64s = ((bits + (1 << (BITS - 1))) & -(1 << BITS)).view(np.float64)
    return found
