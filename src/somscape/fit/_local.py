"""Runs an epoch on this machine: chunk after chunk, each on all threads of the kernels."""

from functools import reduce

from somscape._types import Floats
from somscape.fit._problem import EpochSums, Problem, chunk, combine

CHUNK_ROWS = 1 << 16
CHUNK_WORK = 2e10
"""Rows and multiply-adds of one chunk, about 0.1 s: between chunks Python regains control, so that
an interrupt is felt.  Each chunk packs the codebook anew, which shorter ones would feel."""


def epoch_sums(problem: Problem, codebook: Floats) -> EpochSums:
    """Return the sums of all rows under a codebook."""
    step = max(1, min(CHUNK_ROWS, int(CHUNK_WORK / codebook.size)))
    parts = (slice(start, start + step) for start in range(0, len(problem.rows), step))
    return reduce(combine, (_chunk_at(problem, codebook, part) for part in parts))


def _chunk_at(problem: Problem, codebook: Floats, part: slice) -> EpochSums:
    weights = None if problem.weights is None else problem.weights[part]
    return chunk(problem, problem.rows[part], weights, codebook)
