"""How radius and learning rate change from their start to their end."""

import numpy as np

from somscape._elementary import exp, log_of
from somscape._types import Float64s

SCHEDULES = ("geometric", "linear", "inverse", "asymptotic", "constant")


def schedule(
    kind: str | Float64s, start: float, end: float, n: int, steps: slice = slice(None)
) -> Float64s:
    """Return the values at steps 0 to n - 1, or at some of these steps.

    Parameters
    ----------
    kind : {"geometric", "linear", "inverse", "asymptotic", "constant"} or ndarray
        ``geometric``: equal ratios.  ``linear``: equal differences.  ``inverse``: equal differences
        of 1 over the value.  ``asymptotic``: ``start / (1 + (start/end - 1) t / n)``, which is
        MiniSom's default decay for ``end = start / 3``, except for the last step.  In all of these
        the last step, or a single one, is exactly `end`.  ``constant``: `start` throughout.  An
        array holds the values themselves, each for an equal part of the steps.
    start, end : float
        Above 0.
    n : int
        Number of steps.
    steps : slice, default=slice(None)
        Steps to return values for; the others cost nothing.

    Returns
    -------
    ndarray of shape (n,), or the length of `steps`

    Examples
    --------
    >>> schedule("geometric", 8.0, 2.0, 3).round(12).tolist()
    [8.0, 4.0, 2.0]
    >>> schedule("asymptotic", 1.0, 1 / 3, 2).tolist()
    [1.0, 0.3333333333333333]
    """
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
