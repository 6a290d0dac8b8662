"""Data and settings of batch training, and the functions of an epoch."""

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import TypeVar

import numpy as np

from somscape._stored import stored
from somscape._types import Float64s, Floats, Ints
from somscape._weights import blocks, ones_or
from somscape.errors import InputError
from somscape.fit.pieces import (
    SUM_BITS,
    TERM_BITS,
    AnyRows,
    Origin,
    RowsElsewhere,
    mean_of,
    power_of_two,
    range_of,
    taken,
    value_scale,
)
from somscape.grid._neighborhood import Neighborhood
from somscape.grid.lattice import Lattice
from somscape.kernels._select import Kernels, select_kernels
from somscape.kernels._sparse import Rows, SparseRows, are_of
from somscape.kernels.metric import EUCLIDEAN, Metric

MIN_WEIGHT_BITS = -20
"""Smallest binary exponent of the largest row weight at which row weights are not scaled."""

MAX_WEIGHT_BITS = 20
"""Largest binary exponent of the largest row weight at which row weights are not scaled."""

ONE_UNIT = Lattice(1, 1)


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows and settings that stay the same in all epochs of a training.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_features), SparseRows or RowsElsewhere
        Values of type float32 or float64.
    weights : ndarray of shape (n_samples,), float64, or None
        Weights above 0 and at most 2^20.  None means that all weights are 1.
    neighborhood : str
        Name of the neighborhood function, one of `somscape.grid._neighborhood.NEIGHBORHOODS`.
    kernels : Kernels
    total_weight : float
    mean : ndarray of shape (n_features,), float64
        Weighted mean of the rows.
    center : ndarray of shape (n_features,), float64
        Point that is subtracted from rows before rows are summed (the mean, or 0 for sparse rows).
    low, high : ndarray of shape (n_features,), float64
        The smallest and the largest value of each feature.
    far : ndarray of shape (n_features,), float64
        For each feature, the largest difference between a row and the center.
    scale : ndarray of shape (n_features,), float64
        For each feature, the power of two by which values are multiplied before rounding to
        integers.
    weight_scale, error_scale : float
        Powers of two by which weights and distances are multiplied before rounding to integers.
    distance_scale : float
        Like ``error_scale``, for sums of distances for each unit.  The integers have fewer bits
        than with ``error_scale``.
    metric : Metric
        Metric of rows and prototypes.  The rows are already in the form that the metric needs.
    has_missing : bool
        Whether rows can contain NaN.
    lattice : Lattice
        Arrangement of the units.

    See Also
    --------
    prepare : Creates a problem.

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

    @functools.cached_property
    def shares(self) -> Float64s | None:
        """Probability of each row in draws by weight, or None if all weights are equal."""
        if self.weights is None or self.weights.min() == self.weights.max():
            return None
        return self.weights / self.total_weight

    @property
    def edges(self) -> tuple[Float64s, Float64s]:
        """The smallest and the largest value of each feature."""
        return self.low, self.high

    @functools.cached_property
    def seen_scale(self) -> Float64s:
        """For each feature, the power of two that scales weights of present values."""
        return value_scale(np.ones(self.rows.shape[1]), self.weights, self.total_weight)

    @functools.cached_property
    def pulls(self) -> Neighborhood:
        """Neighborhood weights between units, computed for any radius."""
        return Neighborhood(self.lattice, self.neighborhood)

    def on(self, lattice: Lattice) -> "Problem":
        """Return the same problem on another lattice."""
        return replace(self, lattice=lattice)

    def of(self, rows: Rows, weights: Float64s | None) -> "Problem":
        """Return a copy of the problem with only the given rows and weights."""
        total = float(len(rows)) if weights is None else math.fsum(weights)
        return replace(self, rows=rows, weights=weights, total_weight=total)

    def __getstate__(self) -> dict[str, object]:
        """Return the fields for pickling, without kernels and neighborhood tables."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "kernels"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, kernels=select_kernels())


def prepare(
    rows: AnyRows,
    weights: Float64s | None = None,
    *,
    neighborhood: str = "gaussian",
    kernels: "Kernels | None" = None,
    reach: Floats | None = None,
    metric: Metric = EUCLIDEAN,
) -> Problem:
    """Create a problem, which needs two passes over the rows.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), SparseRows or RowsElsewhere
        Prepared rows, at least one.  A missing value is NaN.
    weights : ndarray of shape (n_samples,) or None, default=None
        Weights above 0.  None means that all weights are 1.
    neighborhood : str, default="gaussian"
        One of `somscape.grid._neighborhood.NEIGHBORHOODS`.
    kernels : Kernels or None, default=None
        None means the compiled core if installed, otherwise NumPy.  The environment variable
        ``SOMSCAPE_KERNELS`` can change this choice.
    reach : ndarray of shape (k, n_features), optional
        Points outside the range of rows to which distances will be computed, such as an initial
        codebook.
    metric : Metric, default=EUCLIDEAN
        Metric of rows and prototypes.  Its method ``trained_on`` must already have converted the
        rows.

    Returns
    -------
    Problem
        A problem with one unit.  `Problem.on` changes the lattice.

    See Also
    --------
    partial : The next function to call.
    Pieces : Rows in files, processes or clusters.

    Examples
    --------
    >>> import numpy as np
    >>> prepare(np.array([[0.0], [1.0], [8.0]])).mean.tolist()
    [3.0]
    """
    kernels = select_kernels() if kernels is None else kernels
    weights = None if weights is None else _scale_weights(weights)
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
    ranges = high - low
    if reach is not None and len(reach):
        ranges = np.maximum(high, reach.max(axis=0)) - np.minimum(low, reach.min(axis=0))
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
    """Return an upper bound for the distance from any row to any prototype."""
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


def _scale_weights(weights: Float64s) -> Float64s:
    """Scale row weights for integer sums.  Means depend only on the ratios of weights."""
    _, exponent = np.frexp(weights.max())
    if MIN_WEIGHT_BITS <= exponent <= MAX_WEIGHT_BITS:
        return weights
    return np.ldexp(weights, MAX_WEIGHT_BITS - int(exponent))


BLOCK_VALUES = 1 << 20
"""Maximum number of values of candidates for farthest rows that are read at a time (8 MiB)."""

NO_ROW = -1.0
"""Largest distance for a unit without rows."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sums over some rows, computed from the two nearest units of each row.

    Attributes
    ----------
    weight : int
        Total weight of the rows, times ``weight_scale``.
    error : int
        Weighted sum of the distances from rows to their best matching units, times ``error_scale``.
    apart : int
        Weight of the rows whose two nearest units are not neighbors, times ``weight_scale``.
    losses : ndarray of shape (n_units,), int64
        For each unit, the increase of the total distance if the unit moves away and its rows go to
        their second-best units.  The increase is weighted and multiplied by ``distance_scale``.
    far : ndarray of shape (n_units,), float64
        Distance of the farthest row of each unit, or -1 for a unit without rows.
    gains : ndarray of shape (n_units,), int64
        For each unit, the decrease of the total distance if another unit moves to the farthest row
        of this unit.  The decrease is the weighted sum over all rows at this
        distance, multiplied by ``distance_scale``.
    farthest : ndarray of shape (n_units, n_features), float64
        Farthest row of each unit.  Missing values of the row are replaced by values of the unit's
        prototype.  If several rows are farthest, the row with the lowest first different value is
        used.  If all rows of the unit equal its prototype, the prototype is used.
    heirs : ndarray of int64
        Distinct values of ``unit * n_units + second`` in ascending order.  Here, ``second`` is the
        second-best unit of a row whose best unit is ``unit``.

    See Also
    --------
    partial : Computes pairs with ``has_pairs=True``.
    move : Uses pairs to move units.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import partial, prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> problem = prepare(rows).on(Lattice(1, 2))
    >>> pairs = partial(problem, rows, codebook=rows[:2], has_pairs=True).pairs
    >>> pairs.far.tolist(), pairs.farthest.tolist()
    ([0.0, 8.0], [[0.0], [9.0]])
    """

    weight: int
    error: int
    apart: int
    losses: Ints
    far: Float64s
    gains: Ints
    farthest: Float64s
    heirs: Ints


def pairs_of(
    problem: Problem, codebook: Floats, rows: Rows, weights: Float64s | None = None
) -> Pairs:
    """Compute `Pairs` for some rows."""
    n_units = len(codebook)
    found = _nearest(problem, codebook, rows, min(2, n_units))
    units, distances = np.asarray(found[0]), np.asarray(found[1])
    if distances.max(initial=0.0) * problem.distance_scale > 2.0 ** (TERM_BITS + 1):
        raise InputError(
            "`codebook` is too far from the rows for exact sums. Create the problem with "
            "prepare(..., reach=codebook)."
        )
    owner, near = np.ascontiguousarray(units[:, 0]), np.ascontiguousarray(distances[:, 0])
    heirs, which = np.unique(owner * n_units + units[:, -1], return_inverse=True)
    lies_apart = ~problem.lattice.are_neighbors(heirs // n_units, heirs % n_units)
    whole = np.rint(ones_or(weights, len(owner)) * problem.weight_scale).astype(np.int64)
    losses, error = _sum_distances(problem, owner, distances[:, -1] - near, weights, near)
    far = np.full(n_units, NO_ROW)
    np.maximum.at(far, owner, near)
    at = np.flatnonzero((near == far[owner]) & (near > 0))
    some = None if weights is None else weights[at]
    gains, _ = _sum_distances(problem, owner[at], near[at], some, near[at])
    farthest = _first_of(rows, at, owner[at], codebook)
    apart = int(whole[lies_apart[which]].sum())
    return Pairs(int(whole.sum()), error, apart, losses, far, gains, farthest, heirs)


def _nearest(
    problem: Problem,
    codebook: Floats,
    rows: Rows,
    k: int = 1,
    out: tuple[Ints, Float64s] | None = None,
) -> tuple[Ints, Float64s]:
    """Return two arrays: the `k` nearest units of each row, and the distances to these units."""
    order, has_missing = problem.lattice.walk, problem.has_missing
    return problem.metric.search(
        problem.kernels, rows, codebook, k, order=order, has_missing=has_missing, out=out
    )


def merged_pairs(a: Pairs, b: Pairs) -> Pairs:
    """Return the `Pairs` of all rows of two sets.  The order of the sets does not matter."""
    is_a, is_b = a.far >= b.far, b.far >= a.far
    farthest = np.where(is_a[:, None], a.farthest, b.farthest)
    both = np.flatnonzero(is_a & is_b & (a.far > 0))
    farthest[both] = _first(a.farthest[both], b.farthest[both])
    return Pairs(
        a.weight + b.weight,
        a.error + b.error,
        a.apart + b.apart,
        a.losses + b.losses,
        np.maximum(a.far, b.far),
        np.where(is_a, a.gains, 0) + np.where(is_b, b.gains, 0),
        farthest,
        np.union1d(a.heirs, b.heirs),
    )


def _sum_distances(
    problem: Problem, owner: Ints, values: Float64s, weights: Float64s | None, near: Float64s
) -> tuple[Ints, int]:
    """Return the weighted sum of `values` for each unit, and of `near` over all rows."""
    n_units = problem.lattice.n_units
    counts, totals = np.zeros(n_units, dtype=np.int64), np.zeros((n_units, 1), dtype=np.int64)
    column = np.ascontiguousarray(values[:, None])
    fixed = np.zeros(1), np.full(1, problem.distance_scale), problem.weight_scale
    errors = near, problem.error_scale
    error = problem.kernels.sums(column, owner, weights, *fixed, counts, totals, *errors)
    return totals[:, 0], error


def _first_of(rows: Rows, at: Ints, owner: Ints, codebook: Floats) -> Float64s:
    """For each unit, return the row in `at` with the lowest first different value."""
    found = np.array(codebook, dtype=np.float64) + 0.0
    is_new = np.ones(len(found), dtype=bool)
    order = np.argsort(owner, kind="stable")
    for part in blocks(len(at), max(1, BLOCK_VALUES // codebook.shape[1])):
        some, units = taken(rows, at[order[part]]), owner[order[part]]
        dense = some.dense() if isinstance(some, SparseRows) else np.asarray(some)
        best = np.where(np.isnan(dense), codebook[units], dense).astype(np.float64) + 0.0  # no -0
        best, units = _first_by_unit(best, units)
        found[units] = np.where(is_new[units, None], best, _first(found[units], best))
        is_new[units] = False
    return found


def _first_by_unit(rows: Float64s, units: Ints) -> tuple[Float64s, Ints]:
    """Return one row per unit (the row with the lowest first different value), and the units.  The
    given rows must be sorted by unit."""
    is_same = units[1:] == units[:-1]
    if not is_same.any():
        return rows, units
    begins = np.flatnonzero(np.append(True, ~is_same))
    rank = np.arange(len(units)) - np.repeat(begins, np.diff(np.append(begins, len(units))))
    left = np.flatnonzero(rank % 2 == 0)
    right = np.where(np.append(is_same, False)[left], left + 1, left)
    return _first_by_unit(_first(rows[left], rows[right]), units[left])


def _first(a: Float64s, b: Float64s) -> Float64s:
    """Compare `a` and `b` row by row, and return the row with the lower first different value."""
    column = (a != b).argmax(axis=1)[:, None]
    is_b = np.take_along_axis(b, column, axis=1) < np.take_along_axis(a, column, axis=1)
    return np.where(is_b, b, a)


DIGEST_BYTES = 16
"""Length of a digest in bytes.  With 16 bytes, different sums almost never have equal digests."""


@dataclass(frozen=True, eq=False)
class EpochSums:
    """Exact integer sums over some rows, from which the next codebook is computed.

    Attributes
    ----------
    counts : ndarray of shape (n_units,), int64
        Total weight of the rows of each unit, times ``weight_scale``.
    totals : ndarray of shape (n_units, n_features), int64
        For each unit, the weighted sum of its rows minus the center, times ``scale``.
    error : int
        Weighted sum of the distances from rows to their best matching units, times ``error_scale``.
    seen : ndarray of shape (n_units, n_features), int64, or None
        For each unit and feature, the total weight of rows that have a value, times ``seen_scale``.
        None if no value is missing.
    pairs : Pairs or None
        Sums for `move`, if they were requested.

    See Also
    --------
    partial : Computes the sums.

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
    pairs: Pairs | None = None

    def digest(self) -> bytes:
        """Return 16 bytes that differ for sums with different results of `step`."""
        parts = (self.counts, self.totals, *(() if self.seen is None else (self.seen,)))
        found = blake2b(digest_size=DIGEST_BYTES)
        for part in parts:
            found.update(np.ascontiguousarray(part).data)
        return found.digest()


def partial(
    problem: Problem,
    rows: Rows,
    *,
    codebook: Floats,
    weights: Float64s | None = None,
    has_pairs: bool = False,
) -> EpochSums:
    """Return the sums of some rows by their best matching units in a codebook.

    Parameters
    ----------
    problem : Problem
    rows : ndarray of shape (n, n_features) or SparseRows
        Rows.  Each value must be within the range of this feature in ``problem.rows``.
    codebook : ndarray of shape (n_units, n_features), float32 or float64
    weights : ndarray of shape (n,) or None, default=None
        Weights of the rows.  None means that all weights are 1.
    has_pairs : bool, default=False
        Whether the sums contain `Pairs` for `move`.  Pairs need an additional search.

    Returns
    -------
    EpochSums
        Sums of the rows.  The search of best matching units takes O(n * n_units * n_features).

    Raises
    ------
    InputError
        If a row is outside the range of ``problem.rows``.  With ``has_pairs=True``, also if the
        codebook is far outside this range.  In both cases, the sums would overflow.

    See Also
    --------
    merge : Adds sums of different rows.
    step : Computes the next codebook from the sums of all rows.
    move : Moves units, if the radius is small.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> partial(prepare(rows).on(Lattice(1, 2)), rows[:2], codebook=rows[1:]).totals.shape
    (2, 1)
    """
    own = problem.rows
    if isinstance(own, RowsElsewhere) or not are_of(rows, own):
        _refuse_rows_out_of_range(problem, rows)
    sums = _sums_of_chunks(problem, codebook, [(rows, weights)], len(rows))
    pairs = pairs_of(problem, codebook, rows, weights) if has_pairs else None
    return replace(sums, pairs=pairs)


def _sums_of_chunks(
    problem: Problem, codebook: Floats, parts: Iterable[tuple[Rows, Float64s | None]], longest: int
) -> EpochSums:
    """Return the sums over all chunks in `parts`, which have at most `longest` rows each."""
    shape = len(codebook), codebook.shape[1]
    counts, totals, error = np.zeros(shape[0], dtype=np.int64), np.zeros(shape, dtype=np.int64), 0
    seen = np.zeros(shape, dtype=np.int64) if problem.has_missing else None
    fixed = problem.center, problem.scale, problem.weight_scale
    # The results of each chunk overwrite the results of the last chunk. For example, Dask's
    # workers return freed memory to the system immediately, so new arrays would be new pages each
    # time.
    room = np.empty((longest, 1), dtype=np.int64), np.empty((longest, 1))
    for rows, weights in parts:
        out = room[0][: len(rows)], room[1][: len(rows)]
        found, distances = _nearest(problem, codebook, rows, out=out)
        units, errors = found[:, 0], (distances[:, 0], problem.error_scale)
        if seen is not None:
            rows = _without_gaps(problem, rows, units, weights, seen)
        error += problem.kernels.sums(rows, units, weights, *fixed, counts, totals, *errors)
    return EpochSums(counts, totals, error, seen)


def _without_gaps(
    problem: Problem, rows: Rows, units: Ints, weights: Float64s | None, seen: Ints
) -> Floats:
    """Replace missing values with the center, and add the weights of present values to `seen`."""
    assert isinstance(rows, np.ndarray)
    is_there = ~np.isnan(rows)
    counts, nothing = np.zeros(len(seen), dtype=np.int64), np.zeros(rows.shape[1])
    present = is_there.astype(np.float64)
    problem.kernels.sums(present, units, weights, nothing, problem.seen_scale, 1.0, counts, seen)
    return np.where(is_there, rows, problem.center)


def _refuse_rows_out_of_range(problem: Problem, rows: Rows) -> None:
    if not len(rows):
        return
    low, high, _ = range_of(rows)
    far = np.maximum(high - problem.center, problem.center - low)
    is_beyond = far > problem.far  # False if a piece has no value
    if is_beyond.any():
        column = int(is_beyond.argmax())
        raise InputError(
            f"`rows` may differ from the center of the problem by at most "
            f"{problem.far[column]:.6g} in feature {column}, but differ by {far[column]:.6g}. "
            "Create the problem from all rows.",
            value=far[column],
            allowed=problem.far[column],
        )


def merge(a: EpochSums, b: EpochSums) -> EpochSums:
    """Return the exact sums over two sets of rows.

    Parameters
    ----------
    a, b : EpochSums
        Sums over two sets of rows without common rows, computed with the same codebook.

    Returns
    -------
    EpochSums
        Sums over all rows of `a` and `b`, with pairs if `a` and `b` contain pairs.  Several sums
        can be merged in any order and in any groups, with the same result.

    See Also
    --------
    partial : Computes the sums.
    step : The next function to call.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> problem = prepare(rows).on(Lattice(1, 2))
    >>> a, b = (partial(problem, part, codebook=rows[1:]) for part in (rows[:1], rows[1:]))
    >>> merge(a, b).digest() == partial(problem, rows, codebook=rows[1:]).digest()
    True
    """
    seen = None if a.seen is None or b.seen is None else a.seen + b.seen
    pairs = None if a.pairs is None or b.pairs is None else merged_pairs(a.pairs, b.pairs)
    return EpochSums(a.counts + b.counts, a.totals + b.totals, a.error + b.error, seen, pairs)


def step(
    problem: Problem, sums: EpochSums, *, radius: float, codebook: Float64s
) -> tuple[Float64s, float]:
    """Return the next codebook and the largest movement of a unit.

    The prototype of a unit becomes the mean of the rows in its neighborhood, by the batch rule
    (Kohonen 2013, section 4).  If no unit in the neighborhood has rows, the prototype does not
    change.

    Parameters
    ----------
    problem : Problem
    sums : EpochSums
        Sums of all rows.
    radius : float
        Radius in grid steps.
    codebook : ndarray of shape (n_units, n_features), float64
        Current codebook.

    Returns
    -------
    codebook : ndarray of shape (n_units, n_features), float64
    step : float
        Largest distance between an old and a new prototype.  The cost is O(n_units * (n_rows +
        n_cols) * n_features) for a Gaussian neighborhood.

    See Also
    --------
    prepare, partial, merge : The functions to call before.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> problem = prepare(rows).on(Lattice(1, 2))
    >>> sums = partial(problem, rows, codebook=rows[1:])
    >>> step(problem, sums, radius=0.1, codebook=rows[1:])[0].round(3).tolist()
    [[0.5], [9.0]]
    """
    tables = problem.pulls.tables(radius)
    fixed = problem.scale, problem.weight_scale, problem.center
    updated, step = problem.kernels.smooth(sums.totals, sums.counts, *fixed, tables, codebook)
    if sums.seen is None:
        return updated, step
    # Both are means over all rows. Their ratio is the mean over the rows with a value.
    nothing, ones = np.zeros(codebook.shape[1]), np.ones(codebook.shape)
    fixed = problem.seen_scale, problem.weight_scale, nothing
    share, _ = problem.kernels.smooth(sums.seen, sums.counts, *fixed, tables, ones)
    is_seen = share > 0
    means = problem.center + (updated - problem.center) / np.where(is_seen, share, 1.0)
    updated = np.where(is_seen, means, codebook)
    return updated, float(np.sqrt(((updated - codebook) ** 2).sum(axis=1)).max())


T = TypeVar("T")

CHUNK_ROWS = 1 << 16
"""Maximum number of rows in a chunk.  Large chunks are faster because more of their rows are
similar (core/arrange.hpp)."""

CHUNK_WORK = 5e10
"""Maximum number of multiply-adds in the search of a chunk of rows (about half a second).
Interrupts take effect between chunks."""

MIN_CHUNK_ROWS = 2048
"""Minimum number of rows in a chunk.  The search reorders the codebook for each chunk."""

MIN_ROWS_PER_UNIT = 4
"""Minimum number of rows in a chunk, as a multiple of the number of units.  With fewer rows, the
search cannot skip units."""


def epoch_sums(problem: Problem, codebook: Floats) -> EpochSums:
    """Return the sums of all rows by their best matching units in a codebook."""
    sums, rows = _over_all(_sums, merge, problem, codebook), problem.rows
    if isinstance(rows, RowsElsewhere):
        of_mean = 4 * np.finfo(np.float64).eps * np.abs(problem.center) * problem.scale
        rows.check_same(sums.totals.sum(axis=0), problem.total_weight * (1 + of_mean))
        _check_all_there(problem, int(sums.counts.sum()))
    return sums


def pairs_of_all(problem: Problem, codebook: Floats) -> Pairs:
    """Return the pairs of all rows."""
    pairs = _over_all(_pairs, merged_pairs, problem, codebook)
    if isinstance(problem.rows, RowsElsewhere):
        _check_all_there(problem, pairs.weight)
    return pairs


def hits_of(problem: Problem, codebook: Floats) -> Ints:
    """Return the number of rows of each unit."""
    return _over_all(_hits, np.add, problem, codebook)


def winners(problem: Problem, codebook: Floats) -> Ints:
    """Return the best matching unit of each row.  The rows must be in memory."""
    rows = problem.rows
    assert not isinstance(rows, RowsElsewhere)
    found = stored(len(rows), np.int64)
    for part in chunks(rows, codebook):
        if problem.metric.is_plain and not problem.has_missing:
            units = problem.kernels.winners(rows[part], codebook, order=problem.lattice.walk)
        else:
            units, _ = _nearest(problem, codebook, rows[part])
        found[part] = units[:, 0]
    return found


def chunks(rows: Rows, codebook: Floats) -> list[slice]:
    """Divide the rows into chunks for the search, and return the chunks as slices."""
    n, (n_units, n_features) = len(rows), codebook.shape
    n_values = len(rows.values) / max(1, n) if isinstance(rows, SparseRows) else n_features
    step = max(CHUNK_WORK / (n_units * n_values + 1), MIN_CHUNK_ROWS, MIN_ROWS_PER_UNIT * n_units)
    n_parts = max(1, -(-n // int(min(step, CHUNK_ROWS))))
    return [slice(n * i // n_parts, n * (i + 1) // n_parts) for i in range(n_parts)]


def _check_all_there(problem: Problem, weight: int) -> None:
    found = weight / problem.weight_scale
    if found != problem.total_weight:
        raise InputError(
            f"X had {problem.total_weight:.0f} rows in the first pass, but has {found:.0f} "
            "rows in a later pass. Pieces were lost or counted twice.",
            value=found,
            allowed=problem.total_weight,
        )


def _over_all(
    function: Callable[[Problem, Floats, int, Rows], T],
    merge: Callable[[T, T], T],
    problem: Problem,
    codebook: Floats,
) -> T:
    """Apply a function to rows in memory, or to each piece of rows and merge the results."""
    rows = problem.rows
    if not isinstance(rows, RowsElsewhere):
        return function(problem, codebook, 0, rows)
    without = replace(problem, rows=np.empty((0, rows.shape[1])))
    return rows.total(functools.partial(function, without, codebook), merge)


def _sums(problem: Problem, codebook: Floats, _: int, rows: Rows) -> EpochSums:
    parts = _chunked(problem, codebook, rows)
    return _sums_of_chunks(problem, codebook, parts, min(len(rows), CHUNK_ROWS))


def _pairs(problem: Problem, codebook: Floats, _: int, rows: Rows) -> Pairs:
    parts = _chunked(problem, codebook, rows)
    return functools.reduce(merged_pairs, (pairs_of(problem, codebook, *part) for part in parts))


def _chunked(
    problem: Problem, codebook: Floats, rows: Rows
) -> Iterator[tuple[Rows, Float64s | None]]:
    """Yield chunks of rows, with the weights of these rows."""
    weights = problem.weights
    for part in chunks(rows, codebook):
        yield rows[part], None if weights is None else weights[part]


def _hits(problem: Problem, codebook: Floats, _: int, rows: Rows) -> Ints:
    return np.bincount(winners(replace(problem, rows=rows), codebook), minlength=len(codebook))
