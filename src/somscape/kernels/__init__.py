"""Search, scores, sums, smoothing and the online rule: the compiled core, or its NumPy twin."""

from somscape.kernels.metric import Metric

__all__ = ["Metric"]
