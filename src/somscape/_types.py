"""Names for the array types that travel between the folders."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""float32 or float64 values."""

Float64s: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
"""Unit or row numbers."""

Objects: TypeAlias = NDArray[np.object_]
"""Text cells: ``str``, or ``None`` where the cell is missing."""
