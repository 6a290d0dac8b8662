"""Several maps that score together: which rows each learns from, and how many there are.

A list of the most unusual rows of a small table depends on which rows happened to be in it.  Maps
of halves of the rows differ as lists of such tables do, and what they say together differs less.
"""

import math

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._weights import counts_of
from somscape.outliers._score import scores_by
from somscape.outliers._scorer import Scorer

N_MAPS = 16
"""Maps of a small table: the first 50 of two resamples of 690 applications then share 0.78, with
one map 0.70."""

MAX_ROWS = 2_000
"""Rows of a small table: beyond, one map's list is steady enough, and the time would be felt."""

COMMON_SHARE = 0.02
"""Every map learns from equal rows that are this share of all."""

MIN_COMMON_ROWS = 5
"""And at least so many."""


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
    counts = counts_of(weights)
    counted = n_rows if counts is None else math.fsum(counts)
    return N_MAPS if counted <= MAX_ROWS else 1


def halves(rows: Floats, weights: Float64s | None, n_maps: int, seed: int) -> list[Ints]:
    """Return which rows each map learns from: halves, each followed by the other half.

    Rows that are equal stay together, so that a row that is there twice is left out twice, and so
    that the order of the rows does not matter.  What many rows are alike in, every map learns from:
    a map without the commonest row would find it unusual.  Every other row is left out by half of
    the maps (complementary pairs: Shah and Samworth 2013, Variable selection with error control,
    section 2).

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
    weights : ndarray of shape (n_samples,) or None
    n_maps : int
    seed : int

    Returns
    -------
    list of ndarray
        Ascending row numbers.
    """
    _, group = np.unique(rows, axis=0, return_inverse=True)
    group = group.reshape(-1)
    counts = np.bincount(group, counts_of(weights))
    is_common = counts >= max(COMMON_SHARE * counts.sum(), MIN_COMMON_ROWS)
    if len(counts) == 1:
        is_common[:] = True
    others = np.flatnonzero(~is_common)
    rng = np.random.default_rng(seed)
    found: list[Ints] = []
    while len(found) < n_maps:
        drawn = rng.permutation(others)
        for half in (drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]):
            is_in = is_common.copy()
            is_in[half] = True
            found.append(np.flatnonzero(is_in[group]))
    return found[:n_maps]


def left_out_scores(members: tuple[Scorer, ...], parts: list[Ints], rows: Floats) -> Float64s:
    """Return each row's score by the maps that did not learn from it.

    Parameters
    ----------
    members : tuple of Scorer
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
        square = scores_by([member], rows) ** 2
        is_out = np.ones(len(rows), dtype=bool)
        is_out[part] = False
        of_all += square
        squares[is_out] += square[is_out]
        counts += is_out
    is_known = counts > 0
    mean = np.where(is_known, squares / np.where(is_known, counts, 1.0), of_all / len(members))
    return np.sqrt(mean)
