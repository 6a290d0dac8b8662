"""Settings of one training run, and what "auto" stands for.

Sizes follow Vesanto's rule as the SOM Toolbox ships it (Vesanto et al. 2000): about five times
the square root of the number of rows, stretched like the data's two main axes.  The long side
lies along the columns, so that a map fits a page or a screen.
"""

import math
from dataclasses import dataclass

MIN_UNITS, MAX_UNITS = 9, 10_000
MAX_STRETCH = 4.0
AUTO_EPOCHS = 10
MAX_EXTRA_EPOCHS = 10
AUTO_RADIUS_END = 0.7
"""Smoothness for accuracy: 0.5 lowers the quantization error by about 8 % and doubles the
topographic error, 1.0 does the reverse."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One training run, with nothing left to decide.

    Attributes
    ----------
    algorithm : {"batch", "online"}
    init : str
        Name of a start, or "given".
    n_epochs : float
        Passes over the rows; a fraction only for ``"online"``.
    extra_epochs : int
        Further batch passes at the final radius while units still move.
    radius_start, radius_end : float
        Grid steps.
    radius_decay, rate_decay : str
        Names of schedules.
    rate_start, rate_end : float
        Learning rate, for ``"online"``.
    tol : float
        Stop at the final radius once no unit moves further than this share of the data's
        spread; 0 for never.
    """

    algorithm: str
    init: str
    n_epochs: float
    extra_epochs: int
    radius_start: float
    radius_end: float
    radius_decay: str
    rate_start: float
    rate_end: float
    rate_decay: str
    tol: float


def auto_shape(
    total_weight: float,
    variances: tuple[float, float],
    n_rows: int | None,
    n_cols: int | None,
    *,
    is_hexagonal: bool,
    needs_even_rows: bool,
) -> tuple[int, int]:
    """Return rows and columns for a map, keeping those that are given.

    Parameters
    ----------
    total_weight : float
        Number of rows of data, or their total weight.
    variances : tuple of float
        Along the two main axes.
    n_rows, n_cols : int or None
        None: to be chosen.
    is_hexagonal : bool
        Rows then lie closer than columns, and more of them fit the same shape.
    needs_even_rows : bool
        As a hexagonal torus does.

    Returns
    -------
    n_rows, n_cols : int
        With ``min(max(ceil(5 sqrt(N)), 9), 10_000)`` units as nearly as the shape allows, and
        never more units than rows of data.
    """
    limit = max(1, math.floor(total_weight))
    wanted = min(max(math.ceil(5 * math.sqrt(total_weight)), MIN_UNITS), MAX_UNITS, limit)
    first, second = variances
    has_shape = second > 0 and second * wanted >= first
    stretch = min(math.sqrt(first / second), MAX_STRETCH) if has_shape else 1.0
    pitch = math.sqrt(0.75) if is_hexagonal else 1.0
    step = 2 if needs_even_rows else 1
    if n_rows is None:
        n_given = n_cols or math.sqrt(wanted * stretch * pitch)
        n_rows = step * max(1, _nearest(wanted / n_given / step))
        while n_cols is not None and n_rows * n_cols > limit and n_rows > step:
            n_rows -= step
    if n_cols is None:
        n_cols = max(1, _nearest(wanted / n_rows))
        while n_rows * n_cols > limit and n_cols > 1:
            n_cols -= 1
    return n_rows, n_cols


def _nearest(value: float) -> int:
    """Round halves up, as the SOM Toolbox does."""
    return math.floor(value + 0.5)


def resolve_plan(
    *,
    algorithm: str,
    init: str,
    n_epochs: float | str,
    radius_start: float | str,
    radius_end: float | str,
    radius_decay: str,
    rate_start: float,
    rate_end: float,
    rate_decay: str,
    tol: float,
    longest_side: float,
    step: float = 1.0,
) -> Plan:
    """Return the plan that a set of parameters stands for.

    ``n_epochs="auto"`` is 10 passes and, for batch training, up to 10 more at the final
    radius.  ``radius_start="auto"`` is a quarter of the way to unfolding for a start on the
    data's plane (an eighth of the longest side, at least 2) and half the longest side for
    other starts, times the `step` between neighbors.
    """
    if radius_end == "auto":
        fixed = None if radius_start == "auto" else float(radius_start)
        wanted = AUTO_RADIUS_END * step
        radius_end = wanted if fixed is None else min(wanted, fixed)
    if radius_start == "auto":
        wide = max(2.0, longest_side / 8) if init == "pca" else max(2.0, longest_side / 2)
        radius_start = max(wide * step, float(radius_end))
    algorithm = "batch" if algorithm == "auto" else algorithm
    is_auto = n_epochs == "auto"
    return Plan(
        algorithm,
        init,
        AUTO_EPOCHS if is_auto else float(n_epochs),
        MAX_EXTRA_EPOCHS if is_auto and algorithm == "batch" else 0,
        float(radius_start),
        float(radius_end),
        radius_decay,
        float(rate_start),
        float(rate_end),
        rate_decay,
        float(tol),
    )
