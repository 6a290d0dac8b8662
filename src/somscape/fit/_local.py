"""Runs an epoch on this machine: chunk after chunk, each on all threads of the kernels."""

from functools import reduce

from somscape._types import Floats
from somscape.fit._problem import EpochSums, Problem, chunk, combine

CHUNK_ROWS = 1 << 16
"""Between chunks Python regains control, so that an interrupt is felt within a chunk."""


def epoch_sums(problem: Problem, codebook: Floats) -> EpochSums:
    """Return the sums of all rows under a codebook."""
    starts = range(0, len(problem.rows), CHUNK_ROWS)
    return reduce(combine, (_chunk_at(problem, codebook, start) for start in starts))


def _chunk_at(problem: Problem, codebook: Floats, start: int) -> EpochSums:
    part = slice(start, start + CHUNK_ROWS)
    weights = None if problem.weights is None else problem.weights[part]
    return chunk(problem, problem.rows[part], weights, codebook)
