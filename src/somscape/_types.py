"""Names of array types."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""Values of type float32 or float64."""

Float64s: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.intp]
"""Unit or row numbers."""

Objects: TypeAlias = NDArray[np.object_]
"""Array of texts (``str``), with ``None`` for each missing value."""
