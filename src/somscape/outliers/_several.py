"""Several maps that score together: which rows each learns from, and how many there are.

A list of the most unusual rows of a small table depends on which rows happened to be in it.  Maps
of halves of the rows differ as lists of such tables do, and what they say together differs less.
"""

import math

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.maps import Map
from somscape.outliers._score import score_rows

N_MAPS = 16
"""Maps of a small table: the first 50 of two resamples of 690 applications then share 0.76, with 8
maps 0.74, with one 0.70."""

MOST_ROWS = 2_000
"""Rows of a small table: beyond, one map's list is steady enough, and the time would be felt."""

MOST_MAPS = 256


def n_maps_for(weights: Float64s | None, n_rows: int) -> int:
    """Return how many maps score together where that is automatic.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,) or None
        A row of weight 2 counts as two rows.
    n_rows : int

    Returns
    -------
    int
    """
    counted = n_rows if weights is None else math.fsum(weights)
    return N_MAPS if counted <= MOST_ROWS else 1


def halves(rows: Floats, n_maps: int, seed: int) -> list[Ints]:
    """Return which rows each map learns from: halves, each followed by the other half.

    Every row is left out by half of the maps (complementary pairs: Shah and Samworth 2013,
    Variable selection with error control, section 2).  Rows that are equal stay together, so that
    a row that is there twice is left out twice, and so that the order of the rows does not matter.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
    n_maps : int
    seed : int

    Returns
    -------
    list of ndarray
        Ascending row numbers; all rows for every map where all are equal.
    """
    _, group = np.unique(rows, axis=0, return_inverse=True)
    group = group.reshape(-1)
    n_groups = int(group.max()) + 1
    if n_groups == 1:
        return [np.arange(len(rows))] * n_maps
    rng = np.random.default_rng(seed)
    found: list[Ints] = []
    while len(found) < n_maps:
        is_first = np.zeros(n_groups, dtype=bool)
        is_first[rng.permutation(n_groups)[: n_groups // 2]] = True
        found += [np.flatnonzero(is_first[group]), np.flatnonzero(~is_first[group])]
    return found[:n_maps]


def left_out_scores(members: tuple[Map, ...], parts: list[Ints], rows: Floats) -> Float64s:
    """Return each row's score by the maps that did not learn from it.

    Parameters
    ----------
    members : tuple of Map
        With detector settings.
    parts : list of ndarray
        Rows that each learned from.
    rows : ndarray of shape (n_samples, n_features)

    Returns
    -------
    ndarray of shape (n_samples,)
        Root of the mean square over those maps; over all where none left the row out.
    """
    squares, counts = np.zeros(len(rows)), np.zeros(len(rows))
    of_all = np.zeros(len(rows))
    for member, part in zip(members, parts, strict=True):
        square = score_rows(member, rows) ** 2
        is_out = np.ones(len(rows), dtype=bool)
        is_out[part] = False
        of_all += square
        squares[is_out] += square[is_out]
        counts += is_out
    is_known = counts > 0
    mean = np.where(is_known, squares / np.where(is_known, counts, 1.0), of_all / len(members))
    return np.sqrt(mean)
