"""Where the data decide: collections of Dask, Spark and Ray as pieces."""

from somscape.engines._which import answers, pieces_of

__all__ = ["answers", "pieces_of"]
