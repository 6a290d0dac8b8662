"""Numbers with a sign that hardly any other of their column has, likely a wrong one."""

import numpy as np

from somscape._types import Float64s

FEW = 0.01
"""Share of the numbers of a column up to which those below 0 are few."""

BELOW_ZERO = " below 0"
"""How a code's why ends where they are."""


def few_below_zero(numbers: Float64s) -> str:
    """Say how many numbers are below 0, where few are; else ""."""
    n, n_below = np.count_nonzero(~np.isnan(numbers)), np.count_nonzero(numbers < 0)
    return f"{n_below:,} of {n:,}{BELOW_ZERO}" if 0 < n_below <= FEW * n else ""
