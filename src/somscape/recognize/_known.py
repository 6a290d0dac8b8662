"""Rows with what is known of them, and maps of them on axes of their own."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape._weights import counts_of, ones_or
from somscape.encode import Encoding
from somscape.fit import Settings, train_map
from somscape.grid import Lattice
from somscape.joins import Kept, rows_to_keep
from somscape.kernels import Metric
from somscape.maps import Map

MAX_UNITS = 1_500
"""Of an automatic map."""

LIGHTEST = 1e-12
"""Least weight of a row, beside a mean of 1: the sums of lighter ones would have no digits."""


class Known(NamedTuple):
    """Rows, what is known of them, and their weights.

    What is known is classes from 0 (-1: unknown), or a column for each target (NaN: unknown).
    """

    rows: Float64s
    y: NDArray[Any]
    weights: Float64s

    def part(self, some: Ints) -> "Known":
        """Return some of the rows."""
        return Known(self.rows[some], self.y[some], self.weights[some])

    def weighing(self, weights: Float64s) -> "Known":
        """Return the rows with other weights, without those of weight 0."""
        return self._replace(weights=weights).part(np.flatnonzero(weights > 0))

    def sized(self, settings: Settings, n_units: float) -> Settings:
        """Return settings by which an automatic map has about `n_units`."""
        return replace(settings, units_per_root=n_units / np.sqrt(self.weights.sum()))


def merged(rows: Float64s, y: NDArray[Any], weights: Float64s | None) -> Known:
    """Return equal rows of which the same is known as one, in an order that is not theirs."""
    counts = np.maximum(ones_or(counts_of(weights), len(rows)), LIGHTEST)
    whole = np.ascontiguousarray(np.column_stack([rows, y]) + 0.0)  # no -0.0
    whole[np.isnan(whole)] = np.nan
    as_bytes = whole.view(np.dtype((np.void, whole.itemsize * whole.shape[1]))).ravel()
    _, first, same = np.unique(as_bytes, return_index=True, return_inverse=True)
    summed = np.bincount(same, counts).astype(np.float64)
    return Known(rows[first] + 0.0, y[first] + 0, summed)


def trained_on(
    columns: Float64s, weights: Float64s, settings: Settings, lattice: Lattice | None
) -> tuple[Map, Ints]:
    """Return a map of rows on their axes, and the unit of each row."""
    names = [f"x{j}" for j in range(columns.shape[1])]
    encoding = Encoding.plain(names)
    map_, _, units = train_map(columns, weights, encoding, settings, lattice=lattice)
    return map_, units


def on_axes(map_: Map, prototypes: Float64s, axes: Float64s, center: Float64s) -> Map:
    """Return a map of rows as they are, whose metric compares them on axes."""
    metric = Metric("mahalanobis", None, np.ascontiguousarray(axes), center)
    encoding = Encoding.plain([f"x{j}" for j in range(len(axes))])
    codebook = metric.restored(prototypes)
    parameters = {**map_.parameters, "metric": metric.name}
    return replace(
        map_, codebook=codebook, encoding=encoding, metric=metric, parameters=parameters, told=None
    )


def centers_of(units: Ints, known: Known, lattice: Lattice) -> Float64s:
    """Return the mean of the rows of each unit, and that of the units next to one without rows."""
    n, weights = lattice.n_units, known.weights
    totals = np.bincount(units, weights, n)
    sums = np.array([np.bincount(units, weights * column, n) for column in known.rows.T]).T
    centers = sums / np.where(totals > 0, totals, 1.0)[:, None]
    with_rows = np.flatnonzero(totals > 0)
    for unit in np.flatnonzero(totals == 0):
        apart = lattice.distances_from(int(unit))[with_rows]
        next_to = with_rows[apart == apart.min()]
        centers[unit] = np.average(centers[next_to], axis=0, weights=totals[next_to])
    return np.asarray(centers, dtype=np.float64)


def with_rows(map_: Map, known: Known, encoding: Encoding) -> Map:
    """Return a map with the hits of its rows, and those that tell which parts lie apart."""
    units = map_.winners_of_rows(known.rows)
    hits = np.bincount(units, known.weights, minlength=map_.n_units).astype(np.float64)
    some = rows_to_keep(known.rows.shape, map_.n_units)
    told = Kept.of(map_.metric.as_euclidean(known.rows[some]), known.weights[some])
    return replace(map_, hits=hits, told=told, encoding=encoding)
