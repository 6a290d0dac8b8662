"""MiniSom's interface on our kernels: change the import and nothing else."""

from somscape.minisom._minisom import MiniSom
from somscape.minisom._rule import fast_norm

__all__ = ["MiniSom", "fast_norm"]
