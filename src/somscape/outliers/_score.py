"""Scores of unusualness, higher for more unusual, and their exact parts by column.

Every score compares something, the row or its prototype, with some prototypes; a column's part is
what it adds to the squared distances to those, each weighted by its pull on the score.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.errors import InputError
from somscape.kernels import EUCLIDEAN, select_kernels
from somscape.maps import DetectorSettings, Map
from somscape.outliers._usual import pooled

BLOCK_VALUES = 1 << 20
"""Differences or distances held at once: 8 MiB."""

MASS, LEAST_ROWS = 0.02, 10.0
"""The score ``mass`` takes in the nearest prototypes of this share of the rows, at least so many.
"""


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
        Distances are in encoded feature units, or where the detector decorrelates columns in its
        own; of several maps, the root of the mean squared score.  For each map
        O(n_samples * n_units * n_features).
    """
    rows, scorers = map_.rows_of(X), scorers_of(map_)
    if len(scorers) == 1:
        scores = _by_one(scorers[0], rows)
    else:
        scores = np.sqrt(sum(_by_one(one, rows) ** 2 for one in scorers) / len(scorers))
    lift = settings_of(map_).lift
    return scores if lift is None else scores * lift[map_.winners(rows)]


def scorers_of(map_: Map) -> tuple[Map, ...]:
    """Return the maps whose scores are a detector's: its members, or the map itself.

    Parameters
    ----------
    map_ : Map
        With detector settings.

    Returns
    -------
    tuple of Map
    """
    return settings_of(map_).members or (map_,)


def _by_one(map_: Map, rows: Floats) -> Float64s:
    name = settings_of(map_).score
    scores = np.empty(len(rows))
    if name == "k_prototype":  # most used, and needs no more than the distances
        k = min(settings_of(map_).n_prototypes, len(map_.usual_units))
        for part, _, distances in _found_by_block(map_, rows, k):
            scores[part] = distances.mean(axis=1)
        return scores
    for part in _blocks(len(rows), map_.n_units):
        scores[part] = _SCORES[name](map_, rows[part]).scores
    return scores


def contributions(map_: Map, X: Any) -> Float64s:
    """Return how much each original column adds to each row's score.

    Column j adds in proportion to the sum of ``pull * (x_j - w_j)^2`` over the prototypes w that
    the row x is compared with; a category's levels are merged.  Where the detector decorrelates
    columns, x_j and w_j are what column j has that other columns do not tell.  Rows add up to the
    score.  Known labels multiply all parts alike; of several maps each counts as its score does.

    Parameters
    ----------
    map_ : Map
        With detector settings.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.

    Returns
    -------
    ndarray of shape (n_samples, n_columns)
        Columns in the order of ``map_.encoding.features``; equal shares where the row does not
        differ from the prototypes, and the score has another cause (``hit_density``).
    """
    rows, scorers = map_.rows_of(X), scorers_of(map_)
    if len(scorers) == 1:
        out = _parts_by_one(scorers[0], rows)
    else:
        out, squares = np.zeros((len(rows), len(map_.encoding.features))), np.zeros(len(rows))
        for one in scorers:
            parts = _parts_by_one(one, rows)
            scores = parts.sum(axis=1)
            out += parts * scores[:, None]
            squares += scores**2
        scores = np.sqrt(squares / len(scorers))
        out /= np.where(scores > 0, len(scorers) * scores, 1.0)[:, None]
    lift = settings_of(map_).lift
    if lift is not None:
        out *= lift[map_.winners(rows)][:, None]
    return out


def _parts_by_one(map_: Map, rows: Floats) -> Float64s:
    compare = _SCORES[settings_of(map_).score]
    out = np.empty((len(rows), len(map_.encoding.features)))
    for part in _blocks(len(rows), rows.shape[1] * _n_compared(map_)):
        found = compare(map_, rows[part])
        by_feature = np.zeros((len(found.origin), rows.shape[1]))
        for units, pull in zip(found.units.T, found.pull.T, strict=True):
            by_feature += pull[:, None] * (found.origin - found.codebook[units]) ** 2
        by_column = map_.encoding.sum_by_column(by_feature)
        by_column[by_column.sum(axis=1) == 0] = 1.0
        out[part] = by_column * (found.scores / by_column.sum(axis=1))[:, None]
    return out


def nearest_usual(map_: Map, rows: Floats, k: int | None = None) -> tuple[Ints, Float64s]:
    """Return the units of the k usual prototypes nearest to each row, and their distances.

    Parameters
    ----------
    map_ : Map
        With detector settings.
    rows : ndarray of shape (n_samples, n_features)
    k : int or None, default=None
        None: as many as the settings say.

    Returns
    -------
    units : ndarray of shape (n_samples, k)
    distances : ndarray of shape (n_samples, k)
        Between rows as the detector compares them.
    """
    k = min(settings_of(map_).n_prototypes if k is None else k, len(map_.usual_units))
    units, distances = np.empty((len(rows), k), dtype=np.intp), np.empty((len(rows), k))
    for part, found, far in _found_by_block(map_, rows, k):
        units[part], distances[part] = map_.usual_units[found], far
    return units, distances


def _found_by_block(map_: Map, rows: Floats, k: int) -> Iterator[tuple[slice, Ints, Float64s]]:
    """Yield places among the usual prototypes and distances, some rows at a time."""
    kernels, usual, walk = select_kernels(), map_.usual_scored_codebook, map_.usual_walk
    for part in _blocks(len(rows), rows.shape[1]):
        yield part, *kernels.search(map_.scored_rows(rows[part]), usual, k, order=walk)


def _blocks(n_rows: int, values_per_row: int) -> Iterator[slice]:
    step = max(1, BLOCK_VALUES // values_per_row)
    return (slice(start, start + step) for start in range(0, n_rows, step))


def _n_compared(map_: Map) -> int:
    """How many prototypes a row is compared with at most."""
    settings = settings_of(map_)
    return map_.n_units if settings.score in ("mass", "density") else settings.n_prototypes


@dataclass(frozen=True, eq=False)
class _Compared:
    """What a score compares with which prototypes (n_rows, k) of a codebook, and their pull."""

    scores: Float64s
    origin: Floats
    units: Ints
    pull: Float64s
    codebook: Floats


def _mean_distance(map_: Map, rows: Floats, k: int) -> _Compared:
    units, distances = nearest_usual(map_, rows, k)
    # d = (sum over columns of (x_j - w_j)^2) / d: each prototype pulls by 1 / d.
    pull = 1.0 / np.where(distances > 0, distances, np.inf)
    scores = distances.mean(axis=1)
    return _Compared(scores, map_.scored_rows(rows), units, pull, map_.scored_codebook)


def _k_prototype(map_: Map, rows: Floats) -> _Compared:
    return _mean_distance(map_, rows, settings_of(map_).n_prototypes)


def _quantization_error(map_: Map, rows: Floats) -> _Compared:
    return _mean_distance(map_, rows, 1)


def _mass(map_: Map, rows: Floats) -> _Compared:
    """Mean distance to the nearest prototypes that hold a share of the rows, weighted by rows."""
    origin, distances = _distances(map_, rows)
    hits = map_.hits[map_.usual_units]
    wanted = min(max(MASS * hits.sum(), LEAST_ROWS), hits.sum())
    order = np.argsort(distances, axis=1, kind="stable")
    heaped = np.cumsum(hits[order], axis=1)
    share = np.clip(wanted - (heaped - hits[order]), 0.0, hits[order]) / wanted
    nearest = np.take_along_axis(distances, order, axis=1)
    pull = share / np.where(nearest > 0, nearest, np.inf)
    scores = (share * nearest).sum(axis=1)
    return _Compared(scores, origin, map_.usual_units[order], pull, map_.scored_codebook)


def _density(map_: Map, rows: Floats) -> _Compared:
    """Minus the log of a gaussian density of the prototypes, weighted by their rows."""
    origin, distances = _distances(map_, rows)
    hits = map_.hits[map_.usual_units]
    spread = np.sort(_spread(map_)[map_.usual_units])
    width = max(float(spread[len(spread) // 2]), 1e-6 * float(spread[-1])) or 1.0
    width = 2.0 * max(width**2, np.finfo(np.float64).tiny)
    logs = np.log(hits / hits.sum()) - distances**2 / (2 * width)
    largest = logs.max(axis=1)
    shares = np.exp(logs - largest[:, None])
    total = shares.sum(axis=1)
    units = np.broadcast_to(map_.usual_units, distances.shape)
    scores, pull = -(largest + np.log(total)), shares / total[:, None]
    return _Compared(scores, origin, units, pull, map_.scored_codebook)


def _local_scale(map_: Map, rows: Floats) -> _Compared:
    """Quantization error in units of how far the prototype's own rows lie from it."""
    found = _quantization_error(map_, rows)
    spread = _spread(map_)
    own, largest = spread[found.units[:, 0]], spread[map_.usual_units].max()
    scale = np.maximum(own, 1e-6 * largest)
    return replace(found, scores=found.scores / np.where(scale > 0, scale, 1.0))


def _u_height(map_: Map, rows: Floats) -> _Compared:
    """Mean distance of the best unit's prototype to its neighbors': the article's distance map."""
    units = np.asarray(map_.winners(rows))
    origin = map_.codebook[units]
    neighbors = map_.lattice.neighbors[units]
    others = np.where(neighbors >= 0, neighbors, units[:, None])
    apart = np.stack([map_.metric.between(origin, map_.codebook[other]) for other in others.T], 1)
    pull = 1.0 / np.where(apart > 0, apart, np.inf)
    return _Compared(map_.u_heights[units], origin, others, pull, map_.codebook)


def _hit_density(map_: Map, rows: Floats) -> _Compared:
    """Minus the log of the share of rows that the best unit and its neighbors won."""
    found = _k_prototype(map_, rows)
    share = pooled(map_, map_.hits) / pooled(map_, np.full(map_.n_units, map_.hits.sum()))
    least = 0.5 / map_.hits.sum()
    return replace(found, scores=-np.log(np.clip(share, least, 1.0))[map_.winners(rows)])


def _distances(map_: Map, rows: Floats) -> tuple[Floats, Float64s]:
    """Return rows as they are compared, and their distances to the usual prototypes."""
    exact = map_.scored_rows(rows).astype(np.float64, copy=False)
    distances = EUCLIDEAN.distances(exact, map_.usual_scored_codebook)
    return exact, np.asarray(distances)


def _spread(map_: Map) -> Float64s:
    spread = settings_of(map_).spread
    if spread is None:
        raise InputError(
            f"this map's detector settings lack `spread`, which the score "
            f"'{settings_of(map_).score}' needs. Fit a SOMDetector with that score."
        )
    return spread


_SCORES: dict[str, Callable[[Map, Floats], _Compared]] = {
    "k_prototype": _k_prototype,
    "quantization_error": _quantization_error,
    "mass": _mass,
    "density": _density,
    "local_scale": _local_scale,
    "u_height": _u_height,
    "hit_density": _hit_density,
}
