"""Is this an array of the expected shape?"""

from typing import Any

import numpy as np


def is_array(values: Any, shape: tuple[int, ...], kinds: str = "fiu") -> bool:
    """Say whether values are an array of a shape, of numbers that are finite."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in kinds:
        return False
    fits = values.ndim == len(shape) and all(
        length in (-1, n) for length, n in zip(shape, values.shape, strict=True)
    )
    return fits and bool(np.isfinite(values).all())
