"""Runs an epoch on this machine: chunk after chunk, each on all threads of the kernels."""

from functools import reduce

from somscape._types import Floats
from somscape.fit._problem import EpochSums, Problem, chunk, combine
from somscape.kernels import Rows, SparseRows

CHUNK_ROWS = 1 << 16
CHUNK_WORK = 5e10
"""Rows and multiply-adds of one chunk, at most 0.5 s or so: between chunks Python regains control,
so that an interrupt is felt.  Larger chunks are faster where rows share values, as more of them
are alike (core/arrange.hpp)."""

LEAST_ROWS, LEAST_ROWS_PER_UNIT = 2048, 4
"""Each chunk packs the codebook anew and skips units from so many rows on: less is slow."""


def epoch_sums(problem: Problem, codebook: Floats) -> EpochSums:
    """Return the sums of all rows under a codebook."""
    parts = chunks(problem.rows, codebook)
    return reduce(combine, (_chunk_at(problem, codebook, part) for part in parts))


def chunks(rows: Rows, codebook: Floats) -> list[slice]:
    """Return the parts that rows are searched in."""
    n, (n_units, n_features) = len(rows), codebook.shape
    stored = len(rows.values) / n if isinstance(rows, SparseRows) else n_features
    step = max(CHUNK_WORK / (n_units * stored + 1), LEAST_ROWS, LEAST_ROWS_PER_UNIT * n_units)
    n_parts = -(-n // int(min(step, CHUNK_ROWS)))
    return [slice(n * i // n_parts, n * (i + 1) // n_parts) for i in range(n_parts)]


def _chunk_at(problem: Problem, codebook: Floats, part: slice) -> EpochSums:
    weights = None if problem.weights is None else problem.weights[part]
    return chunk(problem, problem.rows[part], weights, codebook)
