"""Kernels, the loops of search, sums, smoothing and online training, in C++ or in NumPy."""

from somscape.kernels.metric import Metric

__all__ = ["Metric"]
