"""The initial codebook, and the main axes of the data (the first two principal components)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._weights import ALONE_WORK, blocks, ones_or, product
from somscape.fit.pieces import AnyRows, every, taken
from somscape.fit.problem import Problem
from somscape.grid.lattice import Lattice
from somscape.kernels._sparse import SparseRows

STARTS = ("pca", "sample", "random")

MAX_AXES_ROWS = 100_000
"""Maximum number of rows from which the principal axes are computed.  More rows hardly change the
initial codebook."""

MAX_AXES_WORK = 5e9
"""Maximum number of multiply-adds for the principal axes.  `MIN_ROWS_PER_FEATURE` has priority."""

MIN_ROWS_PER_FEATURE = 4
"""Minimum ratio of rows to features in the rows from which the principal axes are computed."""

MAX_SOLVED = 256
"""Maximum number of features for which all principal axes are computed.  If there are more
features, only the first two axes are computed."""

MIN_BLOCK_ROWS = 64
"""Without threads, minimum number of rows that are centered and multiplied at a time."""

MAX_ALONE_FEATURES = 512
"""Maximum number of features for which products of features are summed without threads.  For more
features, threads are faster."""

BLOCK_VALUES = 1 << 20
"""With threads, maximum number of values that are centered at a time (8 MiB)."""

LARGE = 2.0**200
"""Largest deviation from the mean that is squared without scaling."""

MAX_COUNTED_WEIGHT = 2**20
"""Maximum sum of whole-number weights up to which the axes are, bit for bit, the same as for
repeated rows."""

SAME_SIZE = 1e-6
"""Relative difference up to which two entries of an axis vector count as equally large, so that
rounding errors do not determine the sign of the axis."""

AXES_TOLERANCE = 1e-8
"""Maximum error of an axis of sparse rows, as a share of the largest variance."""

MAX_BASIS = 100
"""Maximum number of basis vectors for the axes of sparse rows."""

START_BITS = 20
"""Number of bits to which the initial codebook is rounded, relative to the range of each feature.
This makes the map independent of the linear algebra library and the number of threads."""


@dataclass(frozen=True, eq=False)
class Axes:
    """The two main axes of the data.

    Attributes
    ----------
    variances : ndarray of shape (2,)
        Variances of the data along the two axes, in descending order, divided by ``size**2``.  The
        second variance is 0 if the data have only one axis.
    directions : ndarray of shape (2, n_features)
        Vectors of length 1.  The largest entry of each vector, by absolute value, is positive.
    size : float, default=1.0
        Power of two that divides deviations from the mean before squaring.  The power is 1 if
        fourth powers of the values fit into a float64.
    """

    variances: Float64s
    directions: Float64s
    size: float = 1.0


def principal_axes(problem: Problem) -> Axes:
    """Return the two main axes of the rows."""
    rows, weights = problem.rows, problem.weights
    size = _size_of(problem)
    if isinstance(rows, SparseRows):
        return _sparse_axes(rows, weights, problem.mean, size)
    enough = max(MAX_AXES_WORK / rows.shape[1] ** 2, MIN_ROWS_PER_FEATURE * rows.shape[1])
    step = -(-len(rows) // int(min(MAX_AXES_ROWS, enough)))
    some, mean = np.asarray(every(rows, step)), problem.mean
    some_weights = None if weights is None else _scaled_weights(weights[::step])
    total = float(len(some)) if some_weights is None else math.fsum(some_weights)
    low, high = (np.nanmin(some, axis=0), np.nanmax(some, axis=0)) if step > 1 else problem.edges
    unit = np.maximum(high - mean, mean - low) / 2.0 ** _bits_of_products(total)
    unit[unit == 0] = size
    if len(some) >= some.shape[1]:
        products, _ = _whole_products(some, some_weights, mean, unit)
        covariance = products / total * np.outer(unit / size, unit / size)
        variances, vectors = _main_axes((covariance + covariance.T) / 2)
        directions = vectors.T[::-1][:2]
    else:
        # With fewer rows than features, the smaller matrix of inner products gives the same axes.
        factor = np.sqrt(ones_or(some_weights, len(some)))
        scaled = _whole(some, mean, unit) * (unit / size) * factor[:, None]
        variances, vectors = _main_axes(scaled @ scaled.T / total)
        directions = (scaled.T @ vectors).T[::-1][:2]
        length = np.sqrt((directions**2).sum(axis=1, keepdims=True))
        directions = directions / np.where(length > 0, length, 1.0)
    return _two_axes(variances, directions, size)


def _main_axes(matrix: Float64s) -> tuple[Float64s, Float64s]:
    """Return the largest eigenvalues of a matrix in ascending order, and their eigenvectors."""
    if len(matrix) <= MAX_SOLVED:
        values, vectors = np.linalg.eigh(matrix)
        return values, vectors
    from scipy.sparse.linalg import ArpackError, eigsh  # here because it is slow to import

    try:
        values, vectors = eigsh(matrix, 2, v0=np.ones(len(matrix)), tol=0)
    except ArpackError:  # if axes have the same variance
        values, vectors = np.linalg.eigh(matrix)
    return values, vectors


def _size_of(problem: Problem) -> float:
    far = float(np.maximum(problem.high - problem.mean, problem.mean - problem.low).max())
    return 1.0 if far == 0 or 1 / LARGE < far < LARGE else 2.0 ** math.frexp(far)[1]


def _whole(rows: Floats, mean: Float64s, unit: Float64s) -> Float64s:
    """Subtract the mean from rows, and return whole multiples of `unit`."""
    whole: Float64s = np.rint((rows.astype(np.float64) - mean) / unit)
    whole[np.isnan(whole)] = 0.0
    return whole


def _whole_products(
    rows: Floats, weights: Float64s | None, mean: Float64s, unit: Float64s
) -> tuple[Float64s, Float64s]:
    """Return the weighted sums of all products of two features and of all features."""
    n_features = rows.shape[1]
    is_alone = n_features <= MAX_ALONE_FEATURES
    alone_step = max(MIN_BLOCK_ROWS, ALONE_WORK // n_features**2)
    step = alone_step if is_alone else max(1, BLOCK_VALUES // n_features)
    products, sums = np.zeros((n_features, n_features)), np.zeros(n_features)
    for part in blocks(len(rows), step):
        whole = _whole(rows[part], mean, unit)
        weighted = whole if weights is None else np.rint(whole * weights[part, None])
        products += product(weighted.T, whole) if is_alone else weighted.T @ whole
        sums += weighted.sum(axis=0)
    return products, sums


def mean_and_covariance(
    rows: AnyRows, weights: Float64s | None, among: Ints | None = None
) -> tuple[Float64s, Float64s]:
    """Return the mean and the covariance of dense rows, from at most `MAX_AXES_ROWS` of them."""
    step = -(-(len(rows) if among is None else len(among)) // MAX_AXES_ROWS)
    which: Any = slice(None, None, step) if among is None else among[::step]
    some = every(rows, step) if among is None else taken(rows, which)
    assert isinstance(some, np.ndarray)
    share = None if weights is None else _scaled_weights(weights[which])
    total = float(len(some)) if share is None else math.fsum(share)
    low, high = (edge.astype(np.float64) for edge in (some.min(axis=0), some.max(axis=0)))
    middle = low / 2 + high / 2
    unit = np.where(high > low, high - low, 1.0) / 2.0 ** _bits_of_products(total)
    products, sums = _whole_products(some, share, middle, unit)
    mean = sums / total
    covariance = (products / total - np.outer(mean, mean)) * np.outer(unit, unit)
    return middle + mean * unit, covariance


def _bits_of_products(total: float) -> int:
    """Return the maximum number of bits of values for which a sum of `total` products is exact."""
    return (52 - math.ceil(math.log2(total + 1))) // 2


def _sparse_axes(rows: SparseRows, weights: Float64s | None, mean: Float64s, size: float) -> Axes:
    """Compute the two main axes by block Lanczos (Golub and Van Loan 2013, section 10.3.6)."""
    of_row, share = rows.row_of_value, ones_or(weights, len(rows))
    share = share / math.fsum(share)
    values: Float64s = rows.values.astype(np.float64) / size
    mean = mean / size

    def covariance_times(axis: Float64s) -> Float64s:
        along = np.bincount(of_row, values * axis[rows.features], minlength=len(rows))
        along = (along - (mean * axis).sum()) * share
        summed = np.bincount(rows.features, values * along[of_row], minlength=rows.n_features)
        return summed - mean * along.sum()

    start = np.random.default_rng(0).standard_normal((2, rows.n_features))
    basis = new = _orthonormal(start, np.empty((0, rows.n_features)))
    inner = np.empty((0, 0))  # the covariance in the basis
    while True:
        applied = np.stack([covariance_times(axis) for axis in new])
        beside = applied @ basis.T
        inner = np.pad(inner, (0, len(new)))
        inner[-len(new) :], inner[:, -len(new) :] = beside, beside.T
        variances, parts = np.linalg.eigh(inner)
        rest = applied - beside @ basis
        # Length of the two largest axes times the covariance, outside the basis.
        lost = np.sqrt(((parts[-len(new) :, -2:].T @ rest) ** 2).sum(axis=1))
        new = _orthonormal(rest, basis)
        is_found = (lost <= AXES_TOLERANCE * variances[-1]).all()
        if is_found or not len(new) or len(basis) >= MAX_BASIS:
            break
        basis = np.vstack([basis, new])
    return _two_axes(variances, parts[:, ::-1][:, :2].T @ basis, size)


def _two_axes(variances: Float64s, directions: Float64s, size: float) -> Axes:
    """Return the two axes with the largest variances, with zeros for a missing axis."""
    top = np.maximum(variances[::-1][:2], 0.0)
    missing = 2 - len(top)
    two = np.pad(directions, ((0, missing), (0, 0)))
    return Axes(np.pad(top, (0, missing)), np.stack([_with_fixed_sign(axis) for axis in two]), size)


def _orthonormal(axes: Float64s, basis: Float64s) -> Float64s:
    """Add axes to an orthonormal basis, without axes that the basis already spans."""
    found = basis
    for axis in axes:
        size = float(np.sqrt((axis**2).sum()))
        for _ in range(2):  # a single time leaves rounding errors that grow in the next axes
            axis = axis - (found @ axis) @ found
        length = float(np.sqrt((axis**2).sum()))
        if length > SAME_SIZE * size:
            found = np.vstack([found, axis / length])
    return found[len(basis) :]


def _scaled_weights(weights: Float64s) -> Float64s:
    """Scale weights to a mean of about 1, or return them unchanged if they are whole numbers."""
    total = math.fsum(weights)
    if total <= MAX_COUNTED_WEIGHT and np.array_equal(weights, np.rint(weights)):
        return weights
    _, exponent = np.frexp(total / len(weights))
    return np.ldexp(weights, -int(exponent))


def start_codebook(
    problem: Problem, init: str, axes: Axes | None, rng: np.random.Generator
) -> Float64s:
    """Return the initial codebook."""
    rows, lattice = problem.rows, problem.lattice
    values: Floats
    if init == "pca":
        assert axes is not None
        lengths = axes.size * np.sqrt(axes.variances)
        offsets = plane_coordinates(lattice) * lengths @ axes.directions
        largest = np.maximum(problem.high - problem.mean, problem.mean - problem.low)
        grain = largest / 2.0**START_BITS
        grain[grain == 0] = 1.0
        values = problem.mean + np.rint(offsets / grain) * grain
    elif init == "sample":
        some = taken(rows, _draw_rows(problem, lattice.n_units, rng))
        values = some.dense() if isinstance(some, SparseRows) else some
        if problem.has_missing:
            values = np.where(np.isnan(values), problem.mean, values)
    else:
        span = problem.high - problem.low
        values = problem.low + span * rng.random((lattice.n_units, rows.shape[1]))
    return np.ascontiguousarray(values, dtype=np.float64)


def plane_coordinates(lattice: Lattice) -> Float64s:
    """Return each unit's position along the longer and the shorter side, from -1 to 1."""
    low, high = lattice.positions.min(axis=0), lattice.positions.max(axis=0)
    extent = high - low
    along = 2 * (lattice.positions - low) / np.where(extent > 0, extent, 1.0) - 1
    along[:, extent == 0] = 0.0
    return along if extent[0] >= extent[1] else along[:, ::-1]


def _draw_rows(problem: Problem, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw row numbers by weight."""
    n_rows = len(problem.rows)
    first = rng.choice(n_rows, size=min(n, n_rows), replace=False, p=problem.shares)
    return np.append(first, rng.choice(n_rows, size=n - len(first), p=problem.shares))


def _with_fixed_sign(axis: Float64s) -> Float64s:
    """Return the axis or its negative, so that the first of its largest entries is positive."""
    size = np.abs(axis)
    decisive = int(np.argmax(size >= size.max() * (1 - SAME_SIZE)))
    return axis if axis[decisive] >= 0 else -axis


def shrunk(lattice: Lattice, factor: int) -> Lattice:
    """Return a lattice of the same kind with sides divided by `factor`."""
    n_rows, n_cols = (max(2, round(n / factor)) for n in (lattice.n_rows, lattice.n_cols))
    if lattice.n_rows == 1:
        n_rows = 1
    elif lattice.is_hexagonal:
        n_rows += n_rows % 2
    return Lattice(n_rows, n_cols if lattice.n_cols > 1 else 1, lattice.kind, lattice.boundary)


def placed(codebook: Float64s, old: Lattice, new: Lattice) -> Float64s:
    """Interpolate a codebook from one lattice to another, and return the new codebook."""
    if (old.n_rows, old.n_cols) == (new.n_rows, new.n_cols):
        return codebook.copy()
    x, y = _scaled_positions(old, new)
    row, by_row = _integers_around(y / old.row_pitch, old.n_rows, wraps=old.wraps_rows)
    out = np.zeros((new.n_units, codebook.shape[1]))
    for rows, of_row in zip(row, by_row, strict=True):
        shift = 0.5 * (rows % 2) if old.is_hexagonal else 0.0
        col, by_col = _integers_around(x - shift, old.n_cols, wraps=old.wraps_cols)
        for cols, of_col in zip(col, by_col, strict=True):
            out += (of_row * of_col)[:, None] * codebook[rows * old.n_cols + cols]
    return out


def _scaled_positions(old: Lattice, new: Lattice) -> tuple[Float64s, Float64s]:
    """Return the positions of the units of the new lattice in the scale of the old lattice."""
    (old_x, old_y), (new_x, new_y) = (_size(lattice) for lattice in (old, new))
    x, y = new.positions.T
    return x * (old_x / new_x if new_x else 0.0), y * (old_y / new_y if new_y else 0.0)


def _size(lattice: Lattice) -> tuple[float, float]:
    """Return the width and height of a lattice: once around, or between the outermost units."""
    wide, high = lattice.positions.max(axis=0)
    return (
        lattice.n_cols if lattice.wraps_cols else float(wide),
        lattice.n_rows * lattice.row_pitch if lattice.wraps_rows else float(high),
    )


def _integers_around(
    place: Float64s, n: int, *, wraps: bool
) -> tuple[tuple[Ints, Ints], tuple[Float64s, Float64s]]:
    """For each position, return the two nearest integers and their interpolation weights."""
    if not wraps:
        place = np.clip(place, 0, n - 1)
    low = np.floor(place).astype(np.intp)
    share = place - low
    high = (low + 1) % n if wraps else np.minimum(low + 1, n - 1)
    return (low % n if wraps else low, high), (1 - share, share)
