"""Compute row weights, weighted quantiles, matrix products in parts, and confidence intervals."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints

MAX_MEAN_WEIGHT = 1000.0
"""Maximum mean of whole-number weights at which a weight is regarded as a number of equal rows."""


def ones_or(weights: Float64s | None, n: int) -> Float64s:
    """Return the weights of `n` rows.  If `weights` is None, each weight is 1."""
    return np.ones(n) if weights is None else weights


def counted_rows(n_rows: int, total_weight: float) -> float:
    """Return the number of rows that the weights represent."""
    return total_weight if total_weight <= MAX_MEAN_WEIGHT * n_rows else float(n_rows)


def counts_of(weights: Float64s | None) -> Float64s | None:
    """Return the number of rows that each row represents, or None if it is always 1."""
    if weights is None or (weights == 1).all():
        return None
    mean = float(weights.mean())
    if mean <= MAX_MEAN_WEIGHT and np.array_equal(weights, np.rint(weights)):
        return weights
    return None if weights.min() == weights.max() else weights / mean


def pair_sums(
    first: Ints, second: Ints, shape: tuple[int, int], weights: Float64s | None = None
) -> NDArray[Any]:
    """Return a matrix with the weight of the positions at which `first` is i and `second` is j."""
    places = first.astype(np.intp) * shape[1] + second.astype(np.intp)  # short types overflow
    found = np.bincount(places, weights, minlength=shape[0] * shape[1])
    return found.reshape(shape)


@dataclass(frozen=True, eq=False)
class Ascending:
    """Values of rows in ascending order.

    Attributes
    ----------
    values : ndarray of shape (n_rows,)
    """

    values: Floats

    @property
    def n(self) -> float:
        """Number of rows."""
        return float(len(self.values))

    def at(self, place: float) -> float:
        """Return the value of the row at a position, counted from 0, in ascending order."""
        return self.values[min(int(place), len(self.values) - 1)]

    def counted(self) -> "Counted":
        """Return the distinct values with the number of rows that have each value."""
        return Counted.of(self.values)

    def quantile(self, share: float) -> float:
        """Return a quantile of the values.  The result equals that of ``numpy.quantile``."""
        place = share * (self.n - 1)
        below, above = float(self.at(np.floor(place))), float(self.at(np.floor(place) + 1))
        part = place - np.floor(place)
        step = above - below
        # Interpolate from the nearer end, so that both ends are exact.
        return float(above - step * (1 - part) if part >= 0.5 else below + step * part)

    def median(self) -> float:
        """Return the median of the values, or the mean of the two middle values."""
        low, high = (self.at(np.floor(place)) for place in ((self.n - 1) / 2, self.n / 2))
        return low if low == high else (low + high) / 2


@dataclass(frozen=True, eq=False)
class Counted(Ascending):
    """Distinct values in ascending order, with the number of rows that have each value.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        Values in ascending order.
    ends : ndarray of shape (n_values,), float64
        For each value, the number of rows whose value is not larger.
    """

    ends: Float64s

    @classmethod
    def of(cls, values: Floats, counts: Float64s | None = None) -> "Counted":
        """Count one or more values.  `counts` contains the number of rows for each value."""
        if counts is None:
            different, n_rows = np.unique(values, return_counts=True)
        else:
            different, place = np.unique(values, return_inverse=True)
            n_rows = np.bincount(place, counts)
        return cls(different, np.cumsum(n_rows).astype(np.float64))

    @property
    def n(self) -> float:
        """Number of rows."""
        return float(self.ends[-1])

    def at(self, place: float) -> float:
        """Return the value of the row at a position, counted from 0, in ascending order."""
        found = np.searchsorted(self.ends, place, side="right")
        return self.values[min(int(found), len(self.values) - 1)]

    def counted(self) -> "Counted":
        """Return this object."""
        return self

    def mean(self) -> float:
        """Return the mean of the rows."""
        return float(np.average(self.values, weights=np.diff(self.ends, prepend=0.0)))


def in_order(values: Floats, counts: Float64s | None = None) -> Ascending:
    """Sort one or more values."""
    return Ascending(np.sort(values)) if counts is None else Counted.of(values, counts)


ALONE_WORK = 1 << 18
"""Maximum number of multiply-adds at which OpenBLAS computes a matrix product without additional
threads.  Waiting OpenBLAS threads would keep the processor busy and slow down other threads."""

ALONE_ROWS = 32
"""Minimum number of rows that are multiplied together if a matrix product is computed in parts."""


def blocks(n: int, step: int) -> Iterator[slice]:
    """Yield slices that divide `n` positions into consecutive parts of at most `step` positions."""
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def product(a: Float64s, b: Float64s, out: Float64s | None = None) -> Float64s:
    """Return ``a @ b``, computed in parts that are so small that OpenBLAS does not use threads."""
    out = np.empty((len(a), b.shape[1])) if out is None else out
    n_rows = max(ALONE_ROWS, ALONE_WORK // max(b.size, 1))
    n_columns = max(1, ALONE_WORK // (n_rows * max(len(b), 1)))
    if len(a) <= n_rows and b.shape[1] <= n_columns:
        return np.matmul(a, b, out=out)
    for row in blocks(len(a), n_rows):
        for column in blocks(b.shape[1], n_columns):
            np.matmul(a[row], b[:, column], out=out[row, column])
    return out


def wilson(n_hits: Ints, n: Ints, level: float) -> tuple[Float64s, Float64s]:
    """Return two values: the lower and upper ends of Wilson confidence intervals of shares."""
    z_sq = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (n_hits + z_sq / 2) / (n + z_sq)
    trials = np.maximum(n, 1)
    half = np.sqrt(z_sq * (n_hits * (n - n_hits) / trials + z_sq / 4)) / (n + z_sq)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
