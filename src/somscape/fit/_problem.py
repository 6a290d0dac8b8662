"""The contract of batch training: a fixed problem, sums of an epoch, and four verbs.

``prepare`` fixes the problem, ``partial`` sums some rows, ``merge`` adds two sums, and ``step``
turns the sum of all rows into the next codebook.  Sums are integers (fixed point), so they merge
exactly, in any order: any number of threads, chunks or workers gives the same codebook.
"""

import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._weights import ones_or
from somscape.errors import InputError
from somscape.fit._fixed_point import SUM_BITS, power_of_two, value_scale
from somscape.fit._pieces import AnyRows, RowsElsewhere
from somscape.fit._ranges import Origin, mean_of, range_of
from somscape.grid import Lattice, Neighborhood
from somscape.kernels import (
    EUCLIDEAN,
    Kernels,
    Metric,
    Rows,
    SparseRows,
    are_of,
    select_kernels,
)

MIN_WEIGHT_BITS = -20
"""Weights are not scaled if the largest is at least 2^-20."""

MAX_WEIGHT_BITS = 20
"""Weights are not scaled if the largest is at most 2^20."""

DIGEST_BYTES = 16
"""Length of a digest: no two of any number of epochs have the same by chance."""

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


@dataclass(frozen=True, eq=False)
class EpochSums:
    """What an epoch needs to know about some rows, as exact integers.

    Attributes
    ----------
    counts : ndarray of shape (n_units,), int64
        Weight won by each unit, times ``weight_scale``.
    totals : ndarray of shape (n_units, n_features), int64
        Weighted sums of the rows won, relative to the mean, times ``scale``.
    error : int
        Weighted sum of the rows' distances to their winners, times ``error_scale``.
    seen : ndarray of shape (n_units, n_features), int64, or None
        Weight of the present values, times ``seen_scale``; None if no value is missing.

    See Also
    --------
    partial : Makes them.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import partial, prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> sums = partial(prepare(rows).on(Lattice(1, 2)), rows, codebook=rows[1:])
    >>> sums.counts.shape, sums.totals.shape
    ((2,), (2, 1))
    """

    counts: Ints
    totals: Ints
    error: int
    seen: Ints | None = None

    def digest(self) -> bytes:
        """Return 16 bytes that differ for sums that lead to different codebooks."""
        parts = (self.counts, self.totals, *(() if self.seen is None else (self.seen,)))
        found = blake2b(digest_size=DIGEST_BYTES)
        for part in parts:
            found.update(np.ascontiguousarray(part).data)
        return found.digest()


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
        metric,
        has_missing,
    )


def partial(
    problem: Problem, rows: Rows, *, codebook: Floats, weights: Float64s | None = None
) -> EpochSums:
    """Return the sums of some rows under a codebook.

    Parameters
    ----------
    problem : Problem
    rows : ndarray of shape (n, n_features) or SparseRows
        Within the range of the rows that the problem was made from.
    codebook : ndarray of shape (n_units, n_features), float32 or float64
    weights : ndarray of shape (n,) or None, default=None
        None means 1 each.

    Returns
    -------
    EpochSums
        O(n * n_units * n_features) for the search, O(n * n_features) for the sums.

    Raises
    ------
    InputError
        If rows other than the problem's lie outside their range: their sums would overflow.

    See Also
    --------
    merge : Adds what it returns.
    step : The next call after that.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> partial(prepare(rows).on(Lattice(1, 2)), rows[:2], codebook=rows[1:]).totals.shape
    (2, 1)
    """
    own = problem.rows
    if isinstance(own, RowsElsewhere) or not are_of(rows, own):
        _refuse_beyond(problem, rows)
    kernels, lattice = problem.kernels, problem.lattice
    units, distances = problem.metric.search(
        kernels, rows, codebook, order=lattice.walk, has_missing=problem.has_missing
    )
    counts = np.zeros(len(codebook), dtype=np.int64)
    totals = np.zeros((len(codebook), rows.shape[1]), dtype=np.int64)
    seen = None
    if problem.has_missing:
        rows, seen = _without_gaps(problem, rows, units[:, 0], weights, counts.copy())
    error = kernels.sums(
        rows,
        units[:, 0],
        weights,
        problem.center,
        problem.scale,
        problem.weight_scale,
        counts,
        totals,
        distances[:, 0],
        problem.error_scale,
    )
    return EpochSums(counts, totals, error, seen)


def _without_gaps(
    problem: Problem, rows: Rows, units: Ints, weights: Float64s | None, counts: Ints
) -> tuple[Floats, Ints]:
    """Return rows whose missing values add nothing, and the weight of present values by unit."""
    assert isinstance(rows, np.ndarray)
    is_there = ~np.isnan(rows)
    filled = np.where(is_there, rows, problem.center)
    seen = np.zeros((len(counts), rows.shape[1]), dtype=np.int64)
    nothing = np.zeros(rows.shape[1])
    present = is_there.astype(np.float64)
    problem.kernels.sums(present, units, weights, nothing, problem.seen_scale, 1.0, counts, seen)
    return filled, seen


def _refuse_beyond(problem: Problem, rows: Rows) -> None:
    if not len(rows):
        return
    low, high, _ = range_of(rows)
    far = np.maximum(high - problem.center, problem.center - low)
    is_beyond = far > problem.far  # not where a piece has no value
    if is_beyond.any():
        column = int(is_beyond.argmax())
        raise InputError(
            f"feature {column} lies up to {far[column]:.6g} from the center, beyond the "
            f"{problem.far[column]:.6g} that the problem was made for. Make it from all rows."
        )


def merge(a: EpochSums, b: EpochSums) -> EpochSums:
    """Add two sums; associative, commutative and exact.

    Parameters
    ----------
    a, b : EpochSums
        Sums of different rows under the same codebook.

    Returns
    -------
    EpochSums
        The sums of all of these rows.

    See Also
    --------
    partial : Makes what it adds.
    step : The next call.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> problem = prepare(rows).on(Lattice(1, 2))
    >>> a, b = (partial(problem, part, codebook=rows[1:]) for part in (rows[:1], rows[1:]))
    >>> merge(a, b).digest() == partial(problem, rows, codebook=rows[1:]).digest()
    True
    """
    seen = None if a.seen is None or b.seen is None else a.seen + b.seen
    return EpochSums(a.counts + b.counts, a.totals + b.totals, a.error + b.error, seen)


def step(
    problem: Problem, sums: EpochSums, *, radius: float, codebook: Float64s
) -> tuple[Float64s, float]:
    """Return the next codebook and how far it moved.

    It holds the neighborhood means of the rows won: the batch rule (Kohonen 2013, section 4).  A
    unit keeps its prototype if its entire neighborhood won nothing.

    Parameters
    ----------
    problem : Problem
    sums : EpochSums
        Sums of all rows.
    radius : float
        In grid steps.
    codebook : ndarray of shape (n_units, n_features), float64
        The current one.

    Returns
    -------
    codebook : ndarray of shape (n_units, n_features), float64
    step : float
        Largest distance that a unit moved.
        O(n_units * (n_rows + n_cols) * n_features) for a Gaussian.

    See Also
    --------
    prepare, partial, merge : The calls before.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> problem = prepare(rows).on(Lattice(1, 2))
    >>> sums = partial(problem, rows, codebook=rows[1:])
    >>> step(problem, sums, radius=0.1, codebook=rows[1:])[0].round(3).tolist()
    [[0.5], [9.0]]
    """
    tables = problem.pulls.tables(radius)
    updated, step = problem.kernels.smooth(
        sums.totals,
        sums.counts,
        problem.scale,
        problem.weight_scale,
        problem.center,
        tables,
        codebook,
    )
    if sums.seen is None:
        return updated, step
    # Both are means over all rows won; their ratio is the mean over the rows with a value.
    share, _ = problem.kernels.smooth(
        sums.seen,
        sums.counts,
        problem.seen_scale,
        problem.weight_scale,
        np.zeros(codebook.shape[1]),
        tables,
        np.ones(codebook.shape),
    )
    is_seen = share > 0
    means = problem.center + (updated - problem.center) / np.where(is_seen, share, 1.0)
    updated = np.where(is_seen, means, codebook)
    return updated, float(np.sqrt(((updated - codebook) ** 2).sum(axis=1)).max())


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
