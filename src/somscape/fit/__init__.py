"""Training on prepared rows, which are C-contiguous or sparse arrays of floats."""

from somscape.fit._train import move
from somscape.fit.pieces import Pieces
from somscape.fit.problem import EpochSums, Pairs, Problem, merge, partial, prepare, step
from somscape.fit.settings import Progress

__all__ = [
    "EpochSums", "Pairs", "Pieces", "Problem", "Progress", "merge", "move", "partial", "prepare",
    "step",
]  # fmt: skip
