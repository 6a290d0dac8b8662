"""How radius and learning rate change from their start to their end."""

import numpy as np

from somscape._elementary import exp, log_of
from somscape._types import Float64s

SCHEDULES = ("geometric", "linear", "inverse", "asymptotic", "constant")


def schedule(
    kind: str | Float64s, start: float, end: float, n: int, steps: slice = slice(None)
) -> Float64s:
    """Return the values at steps 0 to n - 1, or at some of these steps."""
    step = np.arange(*steps.indices(n))
    if not isinstance(kind, str):
        values: Float64s = kind[step * len(kind) // n]
        return values
    if kind == "constant" or start == end:  # exactly: training settles when radii are equal
        return np.full(len(step), float(start))
    fraction = step / (n - 1) if n > 1 else np.ones(len(step))
    if kind == "asymptotic":
        values = start / (1.0 + (start / end - 1.0) * step / n)
    elif kind == "linear":
        values = start + (end - start) * fraction
    elif kind == "inverse":
        values = start / (1.0 + (start / end - 1.0) * fraction)
    else:
        first = log_of(start)
        values = exp(first + (log_of(end) - first) * fraction)
        values[step == 0] = start
    values[step == n - 1] = end
    return values
