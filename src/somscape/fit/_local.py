"""Run an epoch on this machine: chunk after chunk, each on all threads of the kernels."""

from functools import reduce

from somscape._types import Floats
from somscape.fit._problem import EpochSums, Problem, chunk, combine
from somscape.kernels import Rows, SparseRows

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
    parts = chunks(problem.rows, codebook)
    return reduce(combine, (_chunk_at(problem, codebook, part) for part in parts))


def chunks(rows: Rows, codebook: Floats) -> list[slice]:
    """Return the parts in which rows are searched."""
    n, (n_units, n_features) = len(rows), codebook.shape
    stored = len(rows.values) / n if isinstance(rows, SparseRows) else n_features
    step = max(CHUNK_WORK / (n_units * stored + 1), MIN_CHUNK_ROWS, MIN_ROWS_PER_UNIT * n_units)
    n_parts = -(-n // int(min(step, CHUNK_ROWS)))
    return [slice(n * i // n_parts, n * (i + 1) // n_parts) for i in range(n_parts)]


def _chunk_at(problem: Problem, codebook: Floats, part: slice) -> EpochSums:
    weights = None if problem.weights is None else problem.weights[part]
    return chunk(problem, problem.rows[part], weights, codebook)
