"""Which prototypes stand for usual rows, and how far their rows lie from them.

A group of outliers that is dense enough wins prototypes of its own, and its rows would then lie
near one.  Such prototypes give themselves away: few rows lie around them.
"""

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape.kernels import EUCLIDEAN
from somscape.maps import Map

MASS, LEAST_ROWS = 0.05, 10.0
"""A prototype's surroundings hold this share of the rows, and at least so many."""

BLOCK_VALUES = 1 << 21
"""Distances held at once: 16 MiB."""

NEIGHBORS_COUNT = 0.5
"""What a row of a neighboring unit counts where a unit's rows are pooled with them."""


def usual_units(map_: Map, trim: float) -> NDArray[np.bool_]:
    """Return which units stand for usual rows.

    Parameters
    ----------
    map_ : Map
    trim : float
        Share of the rows, from 0, whose prototypes have the most distant surroundings: the
        radius that takes in `MASS` of all rows.  Those, and units without rows, are left out.

    Returns
    -------
    ndarray of shape (n_units,), bool
        At least one is true.  Costs O(n_units^2 * n_features).
    """
    live = np.flatnonzero(map_.hits > 0)
    if trim > 0:
        order = np.argsort(_reach(map_.codebook[live], map_.hits[live]), kind="stable")
        heaped = np.cumsum(map_.hits[live][order])
        n_kept = np.searchsorted(heaped, (1 - trim) * heaped[-1] * (1 + 1e-12), "right")
        live = live[order[: max(1, n_kept)]]
    is_usual = np.zeros(map_.n_units, dtype=bool)
    is_usual[live] = True
    return is_usual


def _reach(codebook: Float64s, hits: Float64s) -> Float64s:
    """How far around each prototype the nearest ones reach that hold the mass."""
    wanted = min(max(MASS * hits.sum(), LEAST_ROWS), hits.sum())
    reach = np.empty(len(hits))
    step = max(1, BLOCK_VALUES // len(hits))
    for start in range(0, len(hits), step):
        apart = EUCLIDEAN.distances(codebook[start : start + step], codebook)
        order = np.argsort(apart, axis=1, kind="stable")
        heaped = np.cumsum(hits[order], axis=1)
        place = (heaped >= wanted * (1 - 1e-12)).argmax(axis=1)
        rows = np.arange(len(apart))
        reach[start : start + step] = apart[rows, order[rows, place]]
    return reach


def squares_of(map_: Map, rows: Floats, units: Ints, weights: Float64s | None) -> Float64s:
    """Return the sum of the squared distances of each unit's rows to it, as they are compared.

    Parameters
    ----------
    map_ : Map
    rows : ndarray of shape (n_samples, n_features)
    units : ndarray of shape (n_samples,)
        Best matching unit of each row.
    weights : ndarray of shape (n_samples,) or None

    Returns
    -------
    ndarray of shape (n_units,)
    """
    squares = np.empty(len(rows))
    step = max(1, BLOCK_VALUES // rows.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        apart = map_.scored_rows(rows[part]) - map_.scored_codebook[units[part]]
        squares[part] = (apart**2).sum(axis=1)
    if weights is not None:
        squares *= weights
    return np.bincount(units, squares, minlength=map_.n_units).astype(np.float64)


def spread_of(map_: Map, squares: Float64s) -> Float64s:
    """Return the root mean squared distance of each unit's rows to it, pooled with its neighbors'.

    Parameters
    ----------
    map_ : Map
        With its rows counted as hits.
    squares : ndarray of shape (n_units,)
        From `squares_of`.

    Returns
    -------
    ndarray of shape (n_units,)
        A neighbor's row counts half; where there is no row at all, the mean of all rows.
    """
    total, count = pooled(map_, squares), pooled(map_, map_.hits)
    overall = squares.sum() / map_.hits.sum()
    return np.sqrt(np.where(count > 0, total / np.where(count > 0, count, 1.0), overall))


def pooled(map_: Map, values: Float64s) -> Float64s:
    """Return each unit's value plus half of what its neighbors have.

    Parameters
    ----------
    map_ : Map
    values : ndarray of shape (n_units,)

    Returns
    -------
    ndarray of shape (n_units,)
    """
    neighbors = map_.lattice.neighbors
    around = np.where(neighbors >= 0, values[neighbors], 0.0).sum(axis=1)
    return np.asarray(values + NEIGHBORS_COUNT * around)
