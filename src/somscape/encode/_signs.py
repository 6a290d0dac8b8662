"""Numbers with a sign that hardly any other of their column has, likely a wrong one."""

import numpy as np

from somscape._types import Float64s

FEW = 0.01
"""Share of the numbers of a column up to which those below 0 are few."""

BELOW_ZERO = " below 0"
"""How a code's why ends where they are."""


def few_below_zero(numbers: Float64s) -> str:
    """Say how many numbers are below 0, where few are; else "".

    Parameters
    ----------
    numbers : ndarray of shape (n_rows,)
        NaN where missing.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> few_below_zero(np.append(np.full(499, 12.5), -3.0))
    '1 of 500 below 0'
    """
    n, n_below = np.count_nonzero(~np.isnan(numbers)), np.count_nonzero(numbers < 0)
    return f"{n_below:,} of {n:,}{BELOW_ZERO}" if 0 < n_below <= FEW * n else ""
