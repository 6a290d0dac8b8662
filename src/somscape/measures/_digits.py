"""Distances that differ by rounding alone, made equal, so that they tie."""

import numpy as np

from somscape._types import Float64s

BITS = 20
"""Last bits that do not count: of 52, so that about ten digits do."""


def rounded(distances: Float64s) -> Float64s:
    """Return distances to ten digits, whatever their unit.

    Parameters
    ----------
    distances : ndarray, float64
        Infinite ones stay so.

    Returns
    -------
    ndarray of the same shape

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.measures._digits import rounded
    >>> 0.1 + 0.2 == 0.3, bool(np.equal(*rounded(np.array([0.1 + 0.2, 0.3]))))
    (False, True)
    """
    bits = np.ascontiguousarray(distances).view(np.int64)
    # Half of the last bit that is left rounds, the others are cleared; an exponent takes a carry.
    found: Float64s = ((bits + (1 << (BITS - 1))) & -(1 << BITS)).view(np.float64)
    return found
