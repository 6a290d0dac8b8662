"""Other heights than the U-matrix by unit: every edge, how dense rows lie, and both."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.grid import Lattice, neighbor_pairs
from somscape.maps import Map
from somscape.plots._cells import short_way
from somscape.plots._picture import Picture
from somscape.plots._shown import ColumnPlane

PARETO_SHARE = 0.2013
"""Of all rows, in the ball of the Pareto radius."""

MAX_RADIUS_ROWS, MAX_PAIRS, MAX_SLOW_PAIRS = 2000, 100_000_000, 10_000_000
_BLOCK = 4_000_000


def p_heights(map_: Map, X: Any) -> Float64s:
    """Return how many rows lie within the Pareto radius of each prototype."""
    rows = map_.rows_of(X.toarray() if hasattr(X, "tocsr") else X)
    rows = rows[~np.isnan(rows).all(axis=1)].astype(np.float64)
    if not len(rows):
        raise InputError("X has no rows with a value; give at least one.")
    n_rows, most = len(rows), MAX_PAIRS if _is_plain(map_, rows) else MAX_SLOW_PAIRS
    n_used = min(n_rows, max(MAX_RADIUS_ROWS, most // map_.n_units))
    used = rows[_spaced(n_rows, n_used)]
    few = used[_spaced(n_used, min(n_used, MAX_RADIUS_ROWS))]
    apart = np.concatenate(list(_distances(map_, few, few)))
    radius = float(np.nanmedian(np.nanquantile(apart, PARETO_SHARE, axis=1)))
    near = np.zeros(map_.n_units)
    for block in _distances(map_, used, map_.codebook):
        near += (block <= radius).sum(axis=0)
    return near * (n_rows / n_used)


def ustar_heights(u_heights: Float64s, p_heights: Float64s) -> Float64s:
    """Return U-heights scaled by how rare rows are: 0 at the densest unit, above 1 where rare."""
    mean, highest = float(p_heights.mean()), float(p_heights.max())
    if mean == highest:
        return u_heights
    return u_heights * ((p_heights - mean) / (mean - highest) + 1)


def edge_heights(map_: Map) -> tuple[Float64s, Float64s]:
    """Return the places of cells for units and for the edges between them, and their heights."""
    pairs = neighbor_pairs(map_.lattice)
    if not len(pairs):
        return map_.lattice.positions, np.zeros(map_.n_units)
    apart = map_.metric.between(map_.codebook[pairs[:, 0]], map_.codebook[pairs[:, 1]])
    middles = _middles(map_.lattice, pairs)
    keys = np.round(middles * [4, 4 / map_.lattice.row_pitch]).astype(np.int64)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    place = place.ravel()
    between = np.bincount(place, apart) / np.bincount(place)
    own = _medians(pairs[:, 0], apart, map_.n_units)
    return np.vstack([map_.lattice.positions, middles[first]]), np.concatenate([own, between])


def _medians(units: Ints, values: Float64s, n_units: int) -> Float64s:
    """Return the median of each unit's values; 0 for none."""
    order = np.lexsort([values, units])
    counts = np.bincount(units, minlength=n_units)
    start = np.cumsum(counts) - counts
    last = len(values) - 1
    low, high = (np.minimum(start + np.maximum(counts + i, 0) // 2, last) for i in (-1, 0))
    middle = (values[order][low] + values[order][high]) / 2
    return np.where(counts > 0, middle, 0.0)


def draw_edges(picture: Picture, **colors: Any) -> None:
    """Draw units and edges as cells of half the size; of a graph, edges as lines."""
    map_, lattice = picture.map, picture.map.lattice
    if lattice.kind == "graph":
        places, heights = lattice.positions, map_.u_heights
    else:
        places, heights = edge_heights(map_)
    size = 1.0 if lattice.kind == "graph" else 0.5
    plane = ColumnPlane("", "number", heights)
    picture.paint(plane, places=places, size=size, **colors)


def _middles(lattice: Lattice, pairs: Ints) -> Float64s:
    """Return the middle of each edge, from the first of its units the short way."""
    start = lattice.positions[pairs[:, 0]]
    step = short_way(lattice, lattice.positions[pairs[:, 1]] - start)
    return start + step / 2


def _distances(map_: Map, rows: Any, codebook: Any) -> Iterator[Any]:
    """Yield distances of blocks of rows to all prototypes."""
    size = max(1, _BLOCK // max(1, len(codebook)))
    metric = map_.metric
    if not _is_plain(map_, rows):
        for start in range(0, len(rows), size):
            yield metric.distances(rows[start : start + size], codebook)
        return
    codes = metric.as_euclidean(codebook)
    middle = codes.mean(axis=0)  # large means would leave no digits to the differences
    codes = codes - middle
    lengths = (codes**2).sum(axis=1)
    for start in range(0, len(rows), size):
        own = metric.as_euclidean(rows[start : start + size]) - middle
        squares = (own**2).sum(axis=1)[:, None] + lengths - 2 * own @ codes.T
        yield np.sqrt(np.maximum(squares, 0.0))


def _is_plain(map_: Map, rows: Any) -> bool:
    return map_.metric.kernel == "euclidean" and not np.isnan(rows).any()


def _spaced(n: int, n_chosen: int) -> Ints:
    """Return evenly spaced numbers below n."""
    return np.arange(n_chosen) * n // max(1, n_chosen)
