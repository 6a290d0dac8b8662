"""Search, sums, smoothing and online training, by the compiled core or its NumPy twin."""

from somscape.kernels.metric import Metric

__all__ = ["Metric"]
