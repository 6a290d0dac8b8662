"""Training on prepared rows: C-contiguous or sparse arrays of one float type, which may have
NaN."""

from somscape.fit._moves import move
from somscape.fit.pieces import Pieces
from somscape.fit.problem import EpochSums, Pairs, Problem, merge, partial, prepare, step
from somscape.fit.settings import Progress

__all__ = [
    "EpochSums",
    "Pairs",
    "Pieces",
    "Problem",
    "Progress",
    "merge",
    "move",
    "partial",
    "prepare",
    "step",
]
