"""The kernels in NumPy, for installations without the compiled core and for tests."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from somscape._elementary import exp
from somscape._types import Float64s, Floats, Ints
from somscape._weights import blocks, ones_or, product
from somscape.errors import ParameterError
from somscape.grid._neighborhood import NeighborhoodTables, pull_from
from somscape.grid.lattice import Lattice
from somscape.kernels._kernels import MAX_BEST, METRICS, ClassedRows, MarginSteps, OnlineSteps
from somscape.kernels._sparse import Rows, SparseRows

STEEPNESS = 8.0
TINY = 1e-12
KEPT_OF_MEAN, KEPT_OF_SQUARE = 0.9, 0.99
VANISHED = np.float32(1e-30)
"""Limit below which mean slopes are set to 0, because processors are slow with tiny numbers."""


def _slopes(
    known: ClassedRows, some: Ints, is_own: np.ndarray, prototypes: Floats, axes: Floats
) -> tuple[Floats, Floats]:
    """Return two values: the gradient of the cost for the prototypes and for the axes."""
    rows, is_near = known.rows[some], is_own[known.classes[some]]
    turned = _product(rows, axes, np.float32(0))
    start = np.float32(-0.5) * _sum_columns(np.square(prototypes))
    scores = _product(turned, np.ascontiguousarray(prototypes.T), start)
    own = np.where(is_near, scores, -np.inf).argmax(axis=1)
    other = np.where(is_near, -np.inf, scores).argmax(axis=1)
    from_own, from_other = turned - prototypes[own], turned - prototypes[other]
    d_own: Float64s = _sum_columns(np.square(from_own)).astype(np.float64)
    d_other: Float64s = _sum_columns(np.square(from_other)).astype(np.float64)
    both = d_own + d_other + TINY
    value = 1 / (1 + exp(-STEEPNESS * (d_own - d_other) / both))
    shares = known.weights[some] / np.cumsum(known.weights[some])[-1]
    slope = STEEPNESS * value * (1 - value) * shares * 2 / (both * both)
    by_own = (2 * slope * d_other).astype(np.float32)[:, None] * from_own
    by_other = (-2 * slope * d_own).astype(np.float32)[:, None] * from_other
    moved = np.zeros_like(prototypes)
    in_turns = np.stack([by_own, by_other], axis=1).reshape(-1, rows.shape[1])
    np.subtract.at(moved, np.stack([own, other], axis=1).ravel(), in_turns)
    return moved, _product(rows.T, by_own + by_other, np.float32(0))


def _step(changing: Floats, slope: Floats, length: np.float32, growth: np.float32) -> None:
    """Change values against the slope of the cost by a step of Adam (Kingma and Ba 2015)."""
    value, mean, square = changing
    for kept, share, new in ((mean, KEPT_OF_MEAN, slope), (square, KEPT_OF_SQUARE, slope * slope)):
        kept *= np.float32(share)
        kept += np.float32(1 - share) * new
        kept[np.abs(kept) < VANISHED] = 0
    value -= length * mean / (np.sqrt(square * growth) + np.float32(TINY))


def _product(a: Floats, b: Floats, start: Floats | np.float32) -> Floats:
    """Return ``start + a @ b``. Products are added in the order of the columns of `a`."""
    total = np.empty((len(a), b.shape[1]), np.float32)
    total[:] = start
    for column, row in zip(np.ascontiguousarray(a.T), b, strict=True):
        total += column[:, None] * row
    return total


def _sum_columns(terms: Floats) -> Floats:
    """Return the row sums of a float32 array, adding its columns from left to right."""
    total = np.zeros(len(terms), np.float32)
    for column in terms.T:
        total += column
    return total


def lines(rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
    """Return piecewise linear functions of the features."""
    if x.shape != y.shape or len(x) != len(features) or x.shape[1] < 2:
        raise ParameterError(
            "x and y must have the same number of knots, at least two per line", parameter="x"
        )
    terms = np.empty((len(rows), len(features)))
    for j, feature in enumerate(features):
        n_segments = int(np.searchsorted(x[j], x[j, -1]))
        start, knots = x[j, :n_segments], y[j, : n_segments + 1]
        slope = np.diff(knots) / np.diff(x[j, : n_segments + 1])
        value = rows[:, feature].astype(np.float64)
        at = np.maximum(np.searchsorted(start, value, side="right") - 1, 0)
        with np.errstate(over="ignore"):
            terms[:, j] = knots[at] + (value - start[at]) * slope[at]
    return terms


BLOCK_VALUES = 1 << 16
"""Maximum number of distances that are computed at a time (512 KiB in float64)."""


MAX_SAMPLED = 256
"""Maximum number of rows in the sample that shows if searching for equal rows is worthwhile."""


class NumpyKernels:
    """The NumPy twin of the core, whose functions take C-contiguous arrays of one float type.

    The codebook can be float32 or float64.  If the codebook is float64 and the rows are float32,
    the codebook is not rounded.  For `search`, `winners` and `sums`, rows can also be sparse or on
    a device.  If rows are on a device, results are a `DeviceArray`.
    """

    name = "numpy"
    n_threads = 1

    def search(
        self,
        rows: Rows,
        codebook: Floats,
        k: int = 1,
        *,
        order: Ints | None = None,
        feature_weights: Float64s | None = None,
        metric: str = "euclidean",
        has_missing: bool = False,
        out: tuple[Ints, Float64s] | None = None,
    ) -> tuple[Ints, Float64s]:
        """Return two values (n, k): the `k` nearest units of each row, and their distances."""
        if not 1 <= k <= min(MAX_BEST, len(codebook)):
            raise ParameterError(
                f"k must be in 1..min({MAX_BEST}, units), but is {k}", parameter="k", value=k
            )
        if has_missing and (metric == "cosine" or isinstance(rows, SparseRows)):
            raise ParameterError(
                "cosine and sparse rows do not support missing values", parameter="has_missing"
            )
        units = np.empty((len(rows), k), dtype=np.int64)
        distances = np.empty((len(rows), k))
        if isinstance(rows, SparseRows):
            for part, dense in rows.dense_blocks(16 * BLOCK_VALUES):
                units[part], distances[part] = self.search(dense, codebook, k, metric=metric)
            return units, distances
        sample = rows[:: max(1, len(rows) // MAX_SAMPLED)]
        if 0 < len(_groups_of_equal(sample)[0]) <= len(sample) // 2:
            first, kinds = _groups_of_equal(rows)
            units, distances = self.search(
                rows[first],
                codebook,
                k,
                feature_weights=feature_weights,
                metric=metric,
                has_missing=has_missing,
            )
            return units[kinds], distances[kinds]
        measure = MEASURES[METRICS.index(metric)]
        prototypes: Float64s = codebook.astype(np.float64, copy=False)
        is_euclidean = metric == "euclidean"
        step = max(1, (4 if is_euclidean else 1) * BLOCK_VALUES // max(codebook.shape))
        for part in blocks(len(rows), step):
            block: Float64s = rows[part].astype(np.float64, copy=False)
            nearest = _nearest(block, prototypes, k, feature_weights) if is_euclidean else None
            if nearest:
                units[part], distances[part] = nearest
                continue
            far = measure(block[:, None, :], prototypes[None, :, :], feature_weights)
            if k == 1:
                found = far.argmin(axis=1)[:, None]
            else:
                found = np.argsort(far, axis=1, kind="stable")[:, :k]
            units[part], distances[part] = found, np.take_along_axis(far, found, axis=1)
        return units, np.sqrt(distances) if is_euclidean else distances

    def winners(
        self,
        rows: Rows,
        codebook: Floats,
        k: int = 1,
        *,
        order: Ints | None = None,
        one_thread: bool = False,
    ) -> Ints:
        """Return the `k` nearest units of each row, without their distances."""
        return self.search(rows, codebook, k)[0]

    def mean_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> Float64s:
        """Return, for each row, the mean of the distances to its `k` nearest units."""
        means = np.empty(len(rows))
        for part, squares in _squares_in_order(rows, codebook, k):
            least = np.sort(np.partition(squares, k - 1, axis=1)[:, :k], axis=1)
            means[part] = _sum_in_order(np.sqrt(least)) / k
        return means

    def parts_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> tuple[Float64s, Float64s]:
        """Return the mean distance of rows to their `k` nearest units, and each feature's part."""
        means, parts = np.empty(len(rows)), np.zeros(rows.shape)
        for part, squares in _squares_in_order(rows, codebook, k):
            nearest = np.argsort(squares, axis=1, kind="stable")[:, :k]
            distances = np.sqrt(np.take_along_axis(squares, nearest, axis=1))
            means[part] = _sum_in_order(distances) / k
            for units in np.sort(nearest, axis=1).T:
                far = np.sqrt(squares[np.arange(len(units)), units])
                pull = np.divide(1.0, far, out=np.zeros(len(far)), where=far > 0)
                steps = rows[part].astype(np.float64, copy=False) - codebook[units]
                parts[part] += pull[:, None] * np.square(steps)
        return means, parts

    def sum_of_lines(self, rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
        """Return, for each row, the sum of piecewise linear functions of its features."""
        sums = np.empty(len(rows))
        for part in blocks(len(rows), max(1, BLOCK_VALUES // max(1, len(features)))):
            sums[part] = _sum_in_order(lines(rows[part], features, x, y))
        return sums

    def sums(
        self,
        rows: Rows,
        units: Ints,
        weights: Float64s | None,
        center: Float64s,
        scale: Float64s,
        weight_scale: float,
        counts: Ints,
        totals: Ints,
        distances: Float64s | None = None,
        error_scale: float = 1.0,
    ) -> int:
        """Add each row to `totals` and `counts` at its unit. Return the sum of the distances."""
        times = ones_or(weights, len(rows))
        np.add.at(counts, units, np.rint(times * weight_scale).astype(np.int64))
        if isinstance(rows, SparseRows):
            of_row = rows.row_of_value
            values = rows.values.astype(np.float64) * scale[rows.features]
            np.add.at(totals, (units[of_row], rows.features), _fixed_point(values, times[of_row]))
        else:
            values = (rows.astype(np.float64) - center) * scale
            np.add.at(totals, units, _fixed_point(values, times[:, None]))
        if distances is None:
            return 0
        return int((distances * times * error_scale).astype(np.int64).sum())

    def smooth(
        self,
        totals: Ints,
        counts: Ints,
        scale: Float64s,
        weight_scale: float,
        center: Float64s,
        tables: NeighborhoodTables,
        codebook: Float64s,
    ) -> tuple[Float64s, float]:
        """Return the next codebook, and the largest distance that a prototype moved."""
        shape = (len(tables.row_weight), len(tables.col_kernel[0]) // 2 + 1, -1)
        weight = _summed_around((counts / weight_scale).reshape(shape), tables).reshape(-1, 1)
        smoothed = _summed_around((totals / scale).reshape(shape), tables).reshape(codebook.shape)
        has_weight = weight > np.finfo(np.float64).tiny
        means = center + smoothed / np.where(has_weight, weight, 1.0)
        updated = np.where(has_weight, means, codebook)
        return updated, float(np.sqrt(((updated - codebook) ** 2).sum(axis=1).max()))

    def stepwise(
        self, rows: Floats, steps: OnlineSteps, lattice: Lattice, pull: str, codebook: Floats
    ) -> float:
        """Train `codebook` by the online rule, with one step for each row in `steps.order`."""
        total = 0.0
        for row, rate, radius in zip(*steps, strict=True):
            sq = ((rows[row] - codebook) ** 2).sum(axis=1)
            winner = int(sq.argmin())
            total += float(np.sqrt(sq[winner]))
            strength = pull_from(lattice, pull, winner, float(radius))
            codebook += (rate * strength).astype(codebook.dtype)[:, None] * (rows[row] - codebook)
        return total

    def margin_steps(
        self, known: ClassedRows, steps: MarginSteps, prototypes: Floats, axes: Floats
    ) -> None:
        """Apply the margin rule."""
        of_mean, of_square = 1.0, 1.0
        for _ in range(steps.n_before):
            of_mean, of_square = of_mean * KEPT_OF_MEAN, of_square * KEPT_OF_SQUARE
        units = np.arange(prototypes.shape[1])
        starts, ends = known.first_units[:-1, None], known.first_units[1:, None]
        is_own = (starts <= units) & (units < ends)
        for t, (length, turn) in enumerate(steps.lengths):
            of_mean, of_square = of_mean * KEPT_OF_MEAN, of_square * KEPT_OF_SQUARE
            some = steps.order[t * steps.batch : (t + 1) * steps.batch]
            slopes = _slopes(known, some, is_own, prototypes[0], axes[0])
            growth = np.float32(1 / (1 - of_square))
            turn = np.float32(turn / (1 - of_mean)) * np.abs(axes[0]).max()
            _step(prototypes, slopes[0], np.float32(length / (1 - of_mean)), growth)
            _step(axes, slopes[1], turn, growth)


def _squares_in_order(rows: Floats, codebook: Floats, k: int) -> Iterator[tuple[slice, Float64s]]:
    """Yield, for each block of rows, the squared distances of its rows to all units."""
    if not 1 <= k <= len(codebook):
        raise ParameterError(f"k must be in 1..units, but is {k}", parameter="k", value=k)
    prototypes: Float64s = codebook.astype(np.float64, copy=False)
    for part in blocks(len(rows), max(1, BLOCK_VALUES // len(codebook))):
        squares = np.zeros((len(rows[part]), len(codebook)))
        with np.errstate(over="ignore"):  # an overflow means infinitely far
            for x, w in zip(rows[part].T.astype(np.float64), prototypes.T, strict=True):
                squares += np.square(x[:, None] - w)
        yield part, squares


def _sum_in_order(terms: Float64s) -> Float64s:
    """Return the row sums of an array, adding its columns from left to right."""
    total = np.zeros(len(terms))
    with np.errstate(over="ignore"):
        for column in terms.T:
            total += column
    return total


def _groups_of_equal(rows: Floats) -> tuple[Ints, Ints]:
    """Return the first row of each group of rows with equal bytes, and each row's group number."""
    as_bytes = np.ascontiguousarray(rows).view(f"V{rows.shape[1] * rows.itemsize}")
    _, first, kinds = np.unique(as_bytes, return_index=True, return_inverse=True)
    return first, kinds.reshape(-1)


def _nearest(
    rows: Float64s, prototypes: Float64s, k: int, weights: Float64s | None
) -> tuple[Ints, Float64s] | None:
    """Return the `k` nearest units of rows and squared distances, or None if too many are close."""
    center = prototypes.mean(axis=0)
    root = 1.0 if weights is None else np.sqrt(weights)
    x, w = (rows - center) * root, (prototypes - center) * root
    is_missing = np.isnan(x)
    x[is_missing] = 0.0
    sizes = np.einsum("uf,uf->u", w, w)
    if is_missing.any():
        scores = product(np.hstack([x, ~is_missing]), np.hstack([-2.0 * w, w * w]).T)
    else:
        scores = product(np.insert(x, 0, 1.0, axis=1), np.column_stack([sizes, -2.0 * w]).T)
    farthest = np.sqrt(np.einsum("nf,nf->n", x, x)) + np.sqrt(sizes.max())
    least = scores.min(axis=1) if k == 1 else np.partition(scores, k - 1, axis=1)[:, k - 1]
    bound = 16 * (2 * x.shape[1] + 8) * np.finfo(np.float64).eps * farthest**2 + 1e-300
    near = np.flatnonzero(scores <= (least + bound)[:, None])
    if len(near) * x.shape[1] > 16 * BLOCK_VALUES or not np.isfinite(bound).all():
        return None
    row, unit = np.divmod(near, len(prototypes))
    far = _squares(rows[row], prototypes[unit], weights)
    first = np.searchsorted(row, np.arange(len(rows)))
    found = np.lexsort((far, row))[first[:, None] + np.arange(k)]
    return unit[found], far[found]


def _summed_around(sums: Float64s, tables: NeighborhoodTables) -> Float64s:
    """Return, for each unit, the weighted sum over its neighborhood (n_rows, n_cols, f)."""
    n_cols = sums.shape[1]
    offset = np.arange(n_cols)[:, None] - np.arange(n_cols)[None, :] + n_cols - 1
    out = np.zeros_like(sums)
    for which, taps in enumerate(tables.col_kernel):
        along_columns = np.einsum("ab,rbf->raf", taps[offset], sums)
        row_weight = np.where(tables.kernel == which, tables.row_weight, 0.0)
        out += np.einsum("rs,scf->rcf", row_weight, along_columns)
    return out


def _fixed_point(values: Float64s, weights: Float64s) -> Ints:
    """Return weighted values as integers. A whole weight multiplies the rounded value."""
    times = np.rint(weights)
    is_whole = times == weights
    # Values that fit into an integer only because of their weight are excluded from the cast.
    whole = np.rint(np.where(is_whole, values, 0.0)).astype(np.int64) * times.astype(np.int64)
    return whole + np.rint(np.where(is_whole, 0.0, weights * values)).astype(np.int64)


def _sum_in_stripes(terms: Iterator[Float64s], shape: tuple[int, ...]) -> Float64s:
    """Return the sum over all features by eight partial sums, as the compiled core does."""
    stripes = [np.zeros(shape) for _ in range(8)]
    for f, term in enumerate(terms):
        stripes[f % 8] += term
    s = stripes
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))


def _differences(x: Float64s, w: Float64s) -> Iterator[Float64s]:
    return (x[..., f] - w[..., f] for f in range(x.shape[-1]))


def _shape(x: Float64s, w: Float64s) -> tuple[int, ...]:
    return np.broadcast_shapes(x.shape[:-1], w.shape[:-1])


def _weight(weights: Float64s | None, f: int) -> float:
    return 1.0 if weights is None else float(weights[f])


def _summed(form: np.ufunc, x: Float64s, w: Float64s, weights: Float64s | None) -> Float64s:
    terms = (
        np.fmax(form(difference) * _weight(weights, f), 0.0)  # 0 for NaN
        for f, difference in enumerate(_differences(x, w))
    )
    return _sum_in_stripes(terms, _shape(x, w))


_squares, _absolutes = partial(_summed, np.square), partial(_summed, np.abs)


def _largest(x: Float64s, w: Float64s, weights: Float64s | None) -> Float64s:
    most = np.zeros(_shape(x, w))
    for f, difference in enumerate(_differences(x, w)):
        np.fmax(most, np.abs(difference) * _weight(weights, f), out=most)
    return most


def _angles(x: Float64s, w: Float64s, weights: Float64s | None) -> Float64s:
    def product(a: Float64s, b: Float64s) -> Float64s:
        terms = (a[..., f] * b[..., f] * _weight(weights, f) for f in range(a.shape[-1]))
        return _sum_in_stripes(terms, _shape(a, b))

    norms = np.sqrt(product(x, x)) * np.sqrt(product(w, w))
    return 1.0 - np.divide(product(x, w), norms, out=np.zeros_like(norms), where=norms > 0)


MEASURES = (_squares, _absolutes, _largest, _angles)
"""Distance functions in the order of ``METRICS``. The Euclidean distance is squared."""
