"""A class with the interface of MiniSom and the training code of somscape."""

from somscape.minisom._rule import fast_norm
from somscape.minisom.minisom import MiniSom

__all__ = ["MiniSom", "fast_norm"]
