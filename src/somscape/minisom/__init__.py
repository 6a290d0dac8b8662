"""The interface of MiniSom, with the training code of somscape.  Users change only the import."""

from somscape.minisom._rule import fast_norm
from somscape.minisom.minisom import MiniSom

__all__ = ["MiniSom", "fast_norm"]
