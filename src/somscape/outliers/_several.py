"""Several maps that score together: how many there are, and which rows each learns from.

Which rows of a small table are most unusual depends on which rows happen to be in it.  Maps of
halves of the rows differ as much as maps of two such tables do; their joint scores differ less.
"""

import math

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._weights import counts_of
from somscape.outliers._score import joint

N_MAPS = 8
"""Maps of a small table.  The lists of the first 50 rows of two resamples of 690 applications
overlap by 0.77; with 4 maps by 0.73, with 16 by 0.78."""

MAX_ROWS = 2_000
"""Rows of a small table.  With more, the list of one map is stable enough, and several maps would
take noticeable time."""

COMMON_SHARE = 0.02
"""Every map learns from equal rows that make up this share of all."""

MIN_COMMON_ROWS = 5
"""And that are at least this many."""


def n_maps_for(weights: Float64s | None, n_rows: int) -> int:
    """Return how many maps score together by default."""
    counts = counts_of(weights)
    counted = n_rows if counts is None else math.fsum(counts)
    return N_MAPS if counted <= MAX_ROWS else 1


def halves(rows: Floats, weights: Float64s | None, n_maps: int, seed: int) -> list[Ints]:
    """Return which rows each map learns from: halves, each followed by the other half."""
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


def left_out_scores(each: Float64s, parts: list[Ints]) -> Float64s:
    """Return the score of each row by the maps that did not learn from it."""
    is_out = np.ones(each.shape, dtype=bool)
    for of_map, part in zip(is_out, parts, strict=True):
        of_map[part] = False
    squares, counts = np.where(is_out, each**2, 0.0).sum(axis=0), is_out.sum(axis=0)
    is_known = counts > 0
    return np.where(is_known, np.sqrt(squares / np.where(is_known, counts, 1)), joint(each))
