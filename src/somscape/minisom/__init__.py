"""MiniSom's interface on our kernels: change only the import."""

from somscape.minisom._minisom import MiniSom
from somscape.minisom._rule import fast_norm

__all__ = ["MiniSom", "fast_norm"]
