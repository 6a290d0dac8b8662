"""Which columns of some rows differ from what a map was trained on."""

import numpy as np

from somscape._types import Float64s
from somscape.maps import Map
from somscape.outliers._score import contributions, settings_of

MOST_NAMED = 3
SMALLEST_PART = 0.25
"""Columns that differ less than this part of what the first one does are not named."""


def columns_that_add(map_: Map, rows: Float64s) -> tuple[str, ...]:
    """Return the columns that add more to the scores of some rows than to those of the training.

    Parameters
    ----------
    map_ : Map
        With detector settings.
    rows : ndarray of shape (n_rows, n_features)
        At least one.

    Returns
    -------
    tuple of str
        At most three, the one that adds most first.
    """
    usual = settings_of(map_).mean_contributions
    more = contributions(map_, rows).mean(axis=0) - (0.0 if usual is None else usual)
    return _named(more, [code.name for code in map_.encoding.features])


def columns_that_moved(map_: Map, rows: Float64s) -> tuple[str, ...]:
    """Return the columns whose means differ most from those of the training, in its deviations.

    Parameters
    ----------
    map_ : Map
        With hits.
    rows : ndarray of shape (n_rows, n_features)
        At least one.

    Returns
    -------
    tuple of str
        At most three, with "up" or "down" after a number.
    """
    weights = map_.hits
    mean = np.average(map_.codebook, axis=0, weights=weights)
    variance = np.average((map_.codebook - mean) ** 2, axis=0, weights=weights)
    spread = settings_of(map_).spread
    if spread is not None:  # of rows around their units, taken to be the same in all features
        variance += np.average(spread**2, weights=weights) / len(mean)
    shift = rows.mean(axis=0) - mean
    tiny = np.finfo(np.float64).tiny
    by_column = map_.encoding.sum_by_column((shift**2 / np.maximum(variance, tiny))[None])[0]
    names = []
    for code, place in zip(map_.encoding.features, map_.encoding.slices, strict=True):
        way = " up" if shift[place][0] > 0 else " down"
        names.append(code.name + (way if code.n_features == 1 else ""))
    return _named(np.sqrt(by_column), names)


def _named(values: Float64s, names: list[str]) -> tuple[str, ...]:
    order = np.argsort(-values, kind="stable")[:MOST_NAMED]
    least = SMALLEST_PART * values[order[0]]
    return tuple(names[j] for j in order if values[j] > max(least, 0.0))
