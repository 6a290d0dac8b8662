"""Scores of unusualness, higher for more unusual, and their exact parts by column.

``k_prototype`` is the mean distance to the k nearest live prototypes, those that won a training
row: close to the distance to k nearest rows, from 5 sqrt(N) prototypes instead of N rows.
"""

from typing import Any

import numpy as np

from somscape._errors import InputError
from somscape._types import Float64s, Floats, Ints
from somscape.kernels import select_kernels
from somscape.maps import DetectorSettings, Map

BLOCK_VALUES = 1 << 20
"""Differences held at once while explaining: 8 MiB."""


def settings_of(map_: Map) -> DetectorSettings:
    """Return the detector settings of a map.

    Parameters
    ----------
    map_ : Map

    Returns
    -------
    DetectorSettings

    Raises
    ------
    InputError
        When the map has none.
    """
    if map_.detector is None:
        raise InputError(
            "this map has no detector settings, so it cannot score rows. Save it from a "
            "SOMDetector, or with `somscape detect`."
        )
    return map_.detector


def score_rows(map_: Map, X: Any) -> Float64s:
    """Return the score of each row, higher for more unusual.

    Parameters
    ----------
    map_ : Map
        With detector settings.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.

    Returns
    -------
    ndarray of shape (n_samples,)
        In encoded feature units.  O(n_samples * n_units * n_features).
    """
    _, _, distances = nearest_live(map_, map_.rows_of(X))
    return distances.mean(axis=1)


def contributions(map_: Map, X: Any) -> Float64s:
    """Return how much each original column adds to each row's score.

    For each of the k prototypes, column j adds ``(x_j - w_j)^2 / |x - w|`` (0 at distance 0),
    averaged over the prototypes; a category's levels are merged.  Rows add up to the score.

    Parameters
    ----------
    map_ : Map
        With detector settings.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.

    Returns
    -------
    ndarray of shape (n_samples, n_columns)
        Columns in the order of ``map_.encoding.features``.
    """
    rows = map_.rows_of(X)
    out = np.empty((len(rows), len(map_.encoding.features)))
    step = max(1, BLOCK_VALUES // (settings_of(map_).n_prototypes * rows.shape[1]))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        codebook, found, distances = nearest_live(map_, block)
        sq = (block[:, None, :].astype(np.float64) - codebook[found]) ** 2
        length = np.where(distances > 0, distances, 1.0)[:, :, None]
        out[start : start + step] = map_.encoding.sum_by_column((sq / length).mean(axis=1))
    return out


def nearest_live(map_: Map, rows: Floats) -> tuple[Floats, Ints, Float64s]:
    """Return the prototypes that won a row, and which k of them are nearest to each row."""
    codebook = np.ascontiguousarray(map_.codebook[map_.hits > 0])
    k = min(settings_of(map_).n_prototypes, len(codebook))
    found, distances = select_kernels().search(rows, codebook, k)
    return codebook, found, distances
