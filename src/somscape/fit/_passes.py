"""Passes over all rows: chunk after chunk on this machine, or piece after piece elsewhere."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from somscape._stored import stored
from somscape._types import Floats, Ints
from somscape.errors import InputError
from somscape.fit._epoch import EpochSums, SumsOfChunks, merge
from somscape.fit._pairs import Pairs, merged_pairs, pairs_of
from somscape.fit._pieces import RowsElsewhere
from somscape.fit._problem import Problem
from somscape.kernels import Rows, SparseRows

T = TypeVar("T")

CHUNK_ROWS = 1 << 16
"""Most rows of a chunk.  Large chunks are faster if rows share values, as more rows are alike
(core/arrange.hpp)."""

CHUNK_WORK = 5e10
"""Most multiply-adds of a chunk: half a second or so.  Between chunks Python regains control, so
that an interrupt takes effect."""

MIN_CHUNK_ROWS = 2048
"""Fewest rows of a chunk, whatever its work: each chunk packs the codebook anew."""

MIN_ROWS_PER_UNIT = 4
"""Fewest rows of a chunk per unit: with fewer, units are not skipped."""


def epoch_sums(problem: Problem, codebook: Floats) -> EpochSums:
    """Return the sums of all rows under a codebook."""
    rows = problem.rows
    if not isinstance(rows, RowsElsewhere):
        return _sums(problem, codebook)
    sums = rows.total(_task(_sums, problem, codebook), merge)
    of_mean = 4 * np.finfo(np.float64).eps * np.abs(problem.center) * problem.scale
    rows.check_same(sums.totals.sum(axis=0), problem.total_weight * (1 + of_mean))
    _check_all_there(problem, int(sums.counts.sum()))
    return sums


def pairs_of_all(problem: Problem, codebook: Floats) -> Pairs:
    """Return what all rows tell of their two nearest units."""
    if not isinstance(problem.rows, RowsElsewhere):
        return _pairs(problem, codebook)
    pairs = problem.rows.total(_task(_pairs, problem, codebook), merged_pairs)
    _check_all_there(problem, pairs.weight)
    return pairs


def hits_of(problem: Problem, codebook: Floats) -> Ints:
    """Return how many rows each unit wins."""
    if not isinstance(problem.rows, RowsElsewhere):
        return _hits(problem, codebook)
    return problem.rows.total(_task(_hits, problem, codebook), np.add)


def winners(problem: Problem, codebook: Floats) -> Ints:
    """Return the best matching unit of each row, of rows on this machine."""
    kernels, metric, order = problem.kernels, problem.metric, problem.lattice.walk
    rows = problem.rows
    assert not isinstance(rows, RowsElsewhere)
    found = stored(len(rows), np.int64)
    for part in chunks(rows, codebook):
        if metric.is_plain and not problem.has_missing:
            units = kernels.winners(rows[part], codebook, order=order)
        else:
            units, _ = metric.search(
                kernels, rows[part], codebook, order=order, has_missing=problem.has_missing
            )
        found[part] = units[:, 0]
    return found


def chunks(rows: Rows, codebook: Floats) -> list[slice]:
    """Return the parts in which rows are searched."""
    n, (n_units, n_features) = len(rows), codebook.shape
    n_values = len(rows.values) / max(1, n) if isinstance(rows, SparseRows) else n_features
    step = max(CHUNK_WORK / (n_units * n_values + 1), MIN_CHUNK_ROWS, MIN_ROWS_PER_UNIT * n_units)
    n_parts = max(1, -(-n // int(min(step, CHUNK_ROWS))))
    return [slice(n * i // n_parts, n * (i + 1) // n_parts) for i in range(n_parts)]


def _check_all_there(problem: Problem, weight: int) -> None:
    found = weight / problem.weight_scale
    if found != problem.total_weight:
        raise InputError(
            f"X had {problem.total_weight:.0f} rows in the first pass and {found:.0f} in a later "
            "one: pieces were lost, or counted twice."
        )


def _task(
    function: Callable[[Problem, Floats], T], problem: Problem, codebook: Floats
) -> Callable[[int, Floats], T]:
    """Return what is done with the rows of a piece; it takes no rows along."""
    without = replace(problem, rows=np.empty((0, problem.rows.shape[1])))
    return functools.partial(_of_piece, function, without, codebook)


def _of_piece(
    function: Callable[[Problem, Floats], T],
    problem: Problem,
    codebook: Floats,
    _: int,
    rows: Floats,
) -> T:
    return function(problem.of(rows, None), codebook)


def _sums(problem: Problem, codebook: Floats) -> EpochSums:
    rows, weights = problem.rows, problem.weights
    assert not isinstance(rows, RowsElsewhere)
    parts = chunks(rows, codebook)
    sums = SumsOfChunks(problem, codebook, max(part.stop - part.start for part in parts))
    for part in parts:
        sums.add(rows[part], None if weights is None else weights[part])
    return sums.total()


def _pairs(problem: Problem, codebook: Floats) -> Pairs:
    rows, weights = problem.rows, problem.weights
    assert not isinstance(rows, RowsElsewhere)
    found = (
        pairs_of(problem, codebook, rows[part], None if weights is None else weights[part])
        for part in chunks(rows, codebook)
    )
    return functools.reduce(merged_pairs, found)


def _hits(problem: Problem, codebook: Floats) -> Ints:
    return np.bincount(winners(problem, codebook), minlength=len(codebook))
