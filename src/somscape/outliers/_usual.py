"""Which prototypes stand for usual rows, and how far their rows lie from them.

A dense group of outliers wins prototypes of its own, and its rows then lie near one.  Such
prototypes can be told by the few rows around them.
"""

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Floats, Ints
from somscape.kernels import EUCLIDEAN, in_threads
from somscape.maps import Map
from somscape.outliers._decorrelation import CACHED_VALUES, Decorrelation
from somscape.outliers._scorer import compared

SURROUNDING_SHARE = 0.05
"""A prototype's surroundings hold this share of the rows."""

MIN_SURROUNDING_ROWS = 10.0
"""And at least this number of rows."""

DISTANCES_AT_ONCE = 1 << 21
"""Distances held at once: 16 MiB."""

SHARED_VALUES = 1 << 20
"""Values of rows from which threads pay."""

NEIGHBORS_COUNT = 0.5
"""What a row of a neighboring unit counts when it is pooled with a unit's own rows."""


def usual_units(map_: Map, trim: float) -> NDArray[np.bool_]:
    """Return which units stand for usual rows."""
    live = np.flatnonzero(map_.hits > 0)
    if trim > 0:
        order = np.argsort(_radii(map_.codebook[live], map_.hits[live]), kind="stable")
        cumulative = np.cumsum(map_.hits[live][order])
        n_kept = np.searchsorted(cumulative, (1 - trim) * cumulative[-1] * (1 + 1e-12), "right")
        live = live[order[: max(1, n_kept)]]
    is_usual = np.zeros(map_.n_units, dtype=bool)
    is_usual[live] = True
    return is_usual


def _radii(codebook: Float64s, hits: Float64s) -> Float64s:
    """Return the radius of each prototype's surroundings."""
    wanted = min(max(SURROUNDING_SHARE * hits.sum(), MIN_SURROUNDING_ROWS), hits.sum())
    radii = np.empty(len(hits))
    step = max(1, DISTANCES_AT_ONCE // len(hits))
    for part in blocks(len(hits), step):
        apart = EUCLIDEAN.distances(codebook[part], codebook)
        order = np.argsort(apart, axis=1, kind="stable")
        cumulative = np.cumsum(hits[order], axis=1)
        place = (cumulative >= wanted * (1 - 1e-12)).argmax(axis=1)
        rows = np.arange(len(apart))
        radii[part] = apart[rows, order[rows, place]]
    return radii


def squares_of(
    map_: Map,
    rows: Floats,
    units: Ints,
    weights: Float64s | None,
    decorrelation: Decorrelation | None,
    reach: Float64s | None = None,
) -> Float64s:
    """Return the sum of the squared distances, as compared, of each unit's rows to it."""
    codebook = compared(map_.codebook, decorrelation, reach)
    squares = np.empty(len(rows))

    def fill(part: slice) -> None:
        apart = compared(rows[part], decorrelation, reach) - codebook[units[part]]
        squares[part] = (apart**2).sum(axis=1)

    parts = blocks(len(rows), max(1, CACHED_VALUES // rows.shape[1]))
    in_threads(fill, parts, is_long=rows.size >= SHARED_VALUES)
    if weights is not None:
        squares *= weights
    return np.bincount(units, squares, minlength=map_.n_units).astype(np.float64)


def rms_distances_of(map_: Map, squares: Float64s) -> Float64s:
    """Return the RMS distance of each unit's rows to it, pooled with its neighbors'."""
    total, count = pooled(map_, squares), pooled(map_, map_.hits)
    overall = squares.sum() / map_.hits.sum()
    return np.sqrt(np.where(count > 0, total / np.where(count > 0, count, 1.0), overall))


def pooled(map_: Map, values: Float64s) -> Float64s:
    """Return each unit's value plus half of its neighbors' values."""
    neighbors = map_.lattice.neighbors
    around = np.where(neighbors >= 0, values[neighbors], 0.0).sum(axis=1)
    return np.asarray(values + NEIGHBORS_COUNT * around)
