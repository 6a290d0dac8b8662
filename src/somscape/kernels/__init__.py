"""Search, scores, sums, smoothing and the online rule: the compiled core, or its NumPy twin.

Both have the same functions with the same meaning.  ``select_kernels`` says which is used;
``SOMSCAPE_KERNELS=numpy`` in the environment forces the twin.  Rows on a device are searched and
summed there.
"""

from somscape.kernels._device import Device, DeviceArray
from somscape.kernels._kernels import (
    MAX_BEST,
    METRICS,
    MINISOM_DISTANCES,
    ClassedRows,
    Kernels,
    MarginSteps,
    MiniSomKernels,
    MiniSomSteps,
)
from somscape.kernels._lines import lines
from somscape.kernels._metric import BY_ANGLE, EUCLIDEAN, METRIC_NAMES, Metric, whitening_of
from somscape.kernels._order import stable_order
from somscape.kernels._select import kernels_for, minisom_kernels, select_kernels
from somscape.kernels._sparse import Rows, SparseRows, are_of, check_sparse_values, column_range
from somscape.kernels._threads import in_threads, meanwhile

__all__ = [
    "BY_ANGLE",
    "EUCLIDEAN",
    "MAX_BEST",
    "METRICS",
    "METRIC_NAMES",
    "MINISOM_DISTANCES",
    "ClassedRows",
    "Device",
    "DeviceArray",
    "Kernels",
    "MarginSteps",
    "Metric",
    "MiniSomKernels",
    "MiniSomSteps",
    "Rows",
    "SparseRows",
    "are_of",
    "check_sparse_values",
    "column_range",
    "in_threads",
    "kernels_for",
    "lines",
    "meanwhile",
    "minisom_kernels",
    "select_kernels",
    "stable_order",
    "whitening_of",
]
