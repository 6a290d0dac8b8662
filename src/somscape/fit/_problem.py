"""The fixed problem of batch training: rows, weights, lattice, metric, and scales of exact sums."""

import math
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from somscape._types import Float64s, Floats
from somscape._weights import ones_or
from somscape.fit._fixed_point import SUM_BITS, power_of_two, value_scale
from somscape.fit._pieces import AnyRows
from somscape.fit._ranges import Origin, mean_of, range_of
from somscape.grid import Lattice, Neighborhood
from somscape.kernels import (
    EUCLIDEAN,
    Kernels,
    Metric,
    Rows,
    SparseRows,
    select_kernels,
)

MIN_WEIGHT_BITS = -20
"""Weights are not scaled if the largest is at least 2^-20."""

MAX_WEIGHT_BITS = 20
"""Weights are not scaled if the largest is at most 2^20."""

ONE_UNIT = Lattice(1, 1)


@dataclass(frozen=True, eq=False)
class Problem:
    """What stays fixed from the first epoch to the last.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_features), SparseRows or RowsElsewhere
        float32 or float64.
    weights : ndarray of shape (n_samples,), float64, or None
        All above 0, at most 2^20; None means 1 each.
    neighborhood : str
        How a row's pull falls on the map, one of `somscape.grid.NEIGHBORHOODS`.
    kernels : Kernels
    total_weight : float
    mean : ndarray of shape (n_features,), float64
        Weighted mean of the rows.
    center : ndarray of shape (n_features,), float64
        Origin of the sums: the mean, or 0 for sparse rows.
    low, high : ndarray of shape (n_features,), float64
        The smallest and the largest value of each feature.
    far : ndarray of shape (n_features,), float64
        Largest distance of the rows from the center, by feature.
    scale : ndarray of shape (n_features,), float64
        Power of two by feature that turns values into integers.
    weight_scale, error_scale : float
        The same for weights and for distances.
    distance_scale : float
        The same for distances that are summed by unit: a little coarser.
    metric : Metric
        How rows and prototypes are compared; the rows are already in its form.
    has_missing : bool
        Whether rows may hold NaN.
    lattice : Lattice
        How units are arranged.

    See Also
    --------
    prepare : Makes one.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import prepare
    >>> problem = prepare(np.array([[0.0], [1.0], [8.0]]))
    >>> problem.low.tolist(), problem.high.tolist(), problem.total_weight
    ([0.0], [8.0], 3.0)
    """

    rows: AnyRows
    weights: Float64s | None
    neighborhood: str
    kernels: Kernels
    total_weight: float
    mean: Float64s
    center: Float64s
    low: Float64s
    high: Float64s
    far: Float64s
    scale: Float64s
    weight_scale: float
    error_scale: float
    distance_scale: float
    metric: Metric = EUCLIDEAN
    has_missing: bool = False
    lattice: Lattice = ONE_UNIT

    @cached_property
    def shares(self) -> Float64s | None:
        """The share of each row in a draw by weight; None if all are equal."""
        if self.weights is None or self.weights.min() == self.weights.max():
            return None
        return self.weights / self.total_weight

    @property
    def edges(self) -> tuple[Float64s, Float64s]:
        """The smallest and the largest value of each feature."""
        return self.low, self.high

    @cached_property
    def seen_scale(self) -> Float64s:
        """Power of two by feature that turns the weight of present values into integers."""
        return value_scale(np.ones(self.rows.shape[1]), self.weights, self.total_weight)

    @cached_property
    def pulls(self) -> Neighborhood:
        """How strongly units pull each other at any radius."""
        return Neighborhood(self.lattice, self.neighborhood)

    def on(self, lattice: Lattice) -> "Problem":
        """Return the same problem on another lattice."""
        return replace(self, lattice=lattice)

    def of(self, rows: Rows, weights: Float64s | None) -> "Problem":
        """Return the same problem for some of its rows."""
        total = float(len(rows)) if weights is None else math.fsum(weights)
        return replace(self, rows=rows, weights=weights, total_weight=total)

    def __getstate__(self) -> dict[str, object]:
        """Leave out what each process makes for itself: kernels, and tables of neighborhoods."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "kernels"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, kernels=select_kernels())


def prepare(
    rows: AnyRows,
    weights: Float64s | None = None,
    *,
    neighborhood: str = "gaussian",
    kernels: Kernels | None = None,
    reach: Floats | None = None,
    metric: Metric = EUCLIDEAN,
) -> Problem:
    """Fix mean and fixed-point scales in two passes over the rows.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), SparseRows or RowsElsewhere
        Prepared rows, at least one; NaN for a missing value.
    weights : ndarray of shape (n_samples,) or None, default=None
        All above 0; None means 1 each.
    neighborhood : str, default="gaussian"
        One of `somscape.grid.NEIGHBORHOODS`.
    kernels : Kernels or None, default=None
        None: those that this installation selects.
    reach : ndarray of shape (k, n_features), optional
        Further points from which distances may be measured, such as a given start.
    metric : Metric, default=EUCLIDEAN
        The rows are in the form that its ``trained_on`` returns.

    Returns
    -------
    Problem
        On a lattice of one unit; `Problem.on` puts it on another.

    See Also
    --------
    partial : The next call.
    Pieces : Rows on this machine, piece by piece.

    Examples
    --------
    >>> import numpy as np
    >>> prepare(np.array([[0.0], [1.0], [8.0]])).mean.tolist()
    [3.0]
    """
    kernels = select_kernels() if kernels is None else kernels
    if weights is not None:
        weights = _sized(weights)
    # fsum rounds once, so the total does not depend on the order of the rows.
    total_weight = float(len(rows)) if weights is None else math.fsum(weights)
    low, high, has_missing = range_of(rows)
    is_sparse = isinstance(rows, SparseRows)
    middle = np.zeros_like(low) if is_sparse else low + (high - low) / 2
    far = np.maximum(high - middle, middle - low)
    scale = value_scale(far, weights, total_weight)
    mean = mean_of(rows, weights, total_weight, Origin(middle, scale, has_missing))
    if has_missing:
        mean = np.clip(mean, low, high)
    center = middle if is_sparse else mean
    far = np.maximum(high - center, center - low)
    if reach is not None and len(reach):
        ranges = np.maximum(high, reach.max(axis=0)) - np.minimum(low, reach.min(axis=0))
    else:
        ranges = high - low
    diameter = _diameter(metric, ranges, has_missing)
    return Problem(
        rows,
        weights,
        neighborhood,
        kernels,
        total_weight,
        mean,
        center,
        low,
        high,
        far,
        value_scale(far, weights, total_weight),
        float(power_of_two(SUM_BITS, total_weight)),
        float(power_of_two(SUM_BITS, total_weight * diameter)),
        float(value_scale(np.array([diameter]), weights, total_weight)[0]),
        metric,
        has_missing,
    )


def _diameter(metric: Metric, ranges: Float64s, has_missing: bool) -> float:
    """Return an upper bound of the distances between rows and prototypes."""
    if metric.kernel == "cosine":
        return 2.0
    weights = ones_or(metric.feature_weights, len(ranges))
    if metric.kernel == "chebyshev":
        return float((ranges * weights).max())
    if has_missing:  # distances are scaled up to all features
        ranges = np.full_like(ranges, ranges.max())
    if metric.kernel == "manhattan":
        return float((ranges * weights).sum())
    return float(np.sqrt((ranges**2 * weights).sum()))


def _sized(weights: Float64s) -> Float64s:
    """Return weights of a size that fixed point can hold; means depend only on their ratios."""
    _, exponent = np.frexp(weights.max())
    if MIN_WEIGHT_BITS <= exponent <= MAX_WEIGHT_BITS:
        return weights
    return np.ldexp(weights, MAX_WEIGHT_BITS - int(exponent))
