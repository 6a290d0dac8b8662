"""Arrays in fewer bytes in a file, without a change of their values.

Numbers that float32 holds exactly are written so, and of a symmetric matrix its upper triangle.
"""

from collections.abc import Mapping
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKED = ("counts.values", "counts.below", "counts.upto", "rarity.x", "rarity.y")
"""Arrays that hold float64 in memory."""

MATRIX = "decorrelation.matrix"
MEMBER_CODEBOOK = ".codebook"
"""The codebook of a member; the map's own may be of float32 in memory, too."""


def packed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays as they are written."""
    return {name: _packed(a, name) if _is_packed(name) else a for name, a in arrays.items()}


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays as they were before `packed`, at most four times as large."""
    return {name: _unpacked(a, name) if _is_packed(name) else a for name, a in arrays.items()}


def _is_packed(name: str) -> bool:
    return name in PACKED or name.endswith((MATRIX, MEMBER_CODEBOOK))


def _packed(array: NDArray[Any], name: str) -> NDArray[Any]:
    if name.endswith(MATRIX) and array.ndim == 2 and np.array_equal(array, array.T):
        array = array[np.triu_indices(len(array))]
    if array.dtype != np.float64:
        return array
    with np.errstate(over="ignore"):
        short = array.astype(np.float32)
    return short if np.array_equal(short, array) else array


def _unpacked(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype == np.float32:
        array = array.astype(np.float64)
    if not name.endswith(MATRIX) or array.ndim != 1:
        return array
    n = (isqrt(8 * len(array) + 1) - 1) // 2
    if n * (n + 1) // 2 != len(array):
        return array  # no triangle, and refused where its shape is checked
    square = np.empty((n, n), dtype=array.dtype)
    upper = np.triu_indices(n)
    square[upper] = array
    square.T[upper] = array
    return square
