"""Runs an epoch on this machine: chunk after chunk, each on all threads of the kernels."""

from functools import reduce

from somscape._types import Floats
from somscape.fit._problem import EpochSums, Problem, chunk, combine
from somscape.kernels import Rows, SparseRows

CHUNK_ROWS = 1 << 16
"""Rows of one chunk, at most.  Large chunks are faster where rows share values, as more of them are
alike (core/arrange.hpp)."""

CHUNK_WORK = 5e10
"""Multiply-adds of one chunk, at most: half a second or so.  Between chunks Python regains control,
so that an interrupt is felt."""

MIN_CHUNK_ROWS = 2048
"""Rows of one chunk, at least, whatever its work: each chunk packs the codebook anew."""

MIN_ROWS_PER_UNIT = 4
"""Rows of one chunk for each unit, at least: with fewer, units are not skipped."""


def epoch_sums(problem: Problem, codebook: Floats) -> EpochSums:
    """Return the sums of all rows under a codebook."""
    parts = chunks(problem.rows, codebook)
    return reduce(combine, (_chunk_at(problem, codebook, part) for part in parts))


def chunks(rows: Rows, codebook: Floats) -> list[slice]:
    """Return the parts that rows are searched in."""
    n, (n_units, n_features) = len(rows), codebook.shape
    stored = len(rows.values) / n if isinstance(rows, SparseRows) else n_features
    step = max(CHUNK_WORK / (n_units * stored + 1), MIN_CHUNK_ROWS, MIN_ROWS_PER_UNIT * n_units)
    n_parts = -(-n // int(min(step, CHUNK_ROWS)))
    return [slice(n * i // n_parts, n * (i + 1) // n_parts) for i in range(n_parts)]


def _chunk_at(problem: Problem, codebook: Floats, part: slice) -> EpochSums:
    weights = None if problem.weights is None else problem.weights[part]
    return chunk(problem, problem.rows[part], weights, codebook)
