"""Where rows lie: their ranges and their mean, found in two passes."""

from functools import partial
from typing import NamedTuple

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.fit._fixed_point import value_scale
from somscape.fit._pieces import AnyRows, RowsElsewhere, extremes_of
from somscape.kernels import Rows, kernels_for


class Origin(NamedTuple):
    """How values are summed.

    Attributes
    ----------
    middle : ndarray of shape (n_features,), float64
        Where sums start.
    scale : ndarray of shape (n_features,), float64
        Power of two that turns values into integers.
    has_missing : bool
        Whether rows may hold NaN.
    """

    middle: Float64s
    scale: Float64s
    has_missing: bool


class Sums(NamedTuple):
    """Sums of values from the origin, and of the weight of those present, as exact integers."""

    values: Ints
    present: Ints | None

    def plus(self, other: "Sums") -> "Sums":
        """Return the sums of both."""
        if self.present is None or other.present is None:
            return Sums(self.values + other.values, None)
        return Sums(self.values + other.values, self.present + other.present)


def range_of(rows: AnyRows) -> tuple[Float64s, Float64s, bool]:
    """Return the smallest and the largest value of each feature, and whether any is missing."""
    found = rows.extremes if isinstance(rows, RowsElsewhere) else extremes_of(0, rows)
    low, high, has_missing = found
    return low.astype(np.float64), high.astype(np.float64), has_missing


def mean_of(
    rows: AnyRows, weights: Float64s | None, total_weight: float, origin: Origin
) -> Float64s:
    """Return the weighted mean of the present values, the same for any order of the rows."""
    ones_scale = value_scale(np.ones_like(origin.middle), weights, total_weight)
    if isinstance(rows, RowsElsewhere):
        sums = rows.total(partial(_of_piece, origin, ones_scale), Sums.plus)
    else:
        sums = _sums(rows, weights, origin, ones_scale)
    offset = sums.values / origin.scale / total_weight
    if sums.present is not None:
        share = sums.present / ones_scale / total_weight
        offset = offset / np.where(share > 0, share, 1.0)
    return origin.middle + offset


def _of_piece(origin: Origin, ones_scale: Float64s, _: int, rows: Floats) -> Sums:
    return _sums(rows, None, origin, ones_scale)


def _sums(rows: Rows, weights: Float64s | None, origin: Origin, ones_scale: Float64s) -> Sums:
    if not origin.has_missing:
        return Sums(_added(rows, weights, origin.middle, origin.scale), None)
    assert isinstance(rows, np.ndarray)
    is_there = ~np.isnan(rows)
    filled = np.where(is_there, rows, origin.middle)
    present = np.ascontiguousarray(is_there, dtype=np.float64)
    return Sums(
        _added(filled, weights, origin.middle, origin.scale),
        _added(present, weights, np.zeros_like(origin.middle), ones_scale),
    )


def _added(rows: Rows, weights: Float64s | None, middle: Float64s, scale: Float64s) -> Ints:
    """Return the weighted sums of rows minus `middle`, as integers."""
    counts = np.zeros(1, dtype=np.int64)
    totals = np.zeros((1, rows.shape[1]), dtype=np.int64)
    everything = np.zeros(len(rows), dtype=np.int64)
    kernels_for(rows).sums(rows, everything, weights, middle, scale, 1.0, counts, totals)
    return totals[0]
