"""Rows, and what is found for them, in an array of another library on a device of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Ints


@dataclass(frozen=True)
class Device:
    """A device, and the library whose arrays lie there.

    Attributes
    ----------
    library : module
        The library's functions, by the names of the array API standard.
    place : object
        The device, as the library calls it.
    name : str
        Such as ``"torch/cuda:0"``.
    fetched : callable
        Returns an array of the library as NumPy's.
    product : callable
        Multiplies two matrices of the library, in the full precision of their type.
    """

    library: Any
    place: Any
    name: str
    fetched: Callable[[Any], Any]
    product: Callable[[Any, Any], Any]

    def sent(self, values: Any, dtype: Any = None) -> Any:
        """Return a copy of a NumPy array, as the library's, on the device."""
        return self.library.asarray(values, dtype=dtype, device=self.place, copy=True)


@dataclass(frozen=True, eq=False)
class DeviceArray:
    """An array on a device.  ``np.asarray`` fetches it; nothing else does.

    Attributes
    ----------
    array : object
        Of the device's library; as rows, of shape (n, n_features), float32 or float64.
    device : Device
    whole : object or None, default=None
        The array that this one is a part of.  None: it is whole.
    """

    array: Any
    device: Device
    whole: Any = None

    def __len__(self) -> int:
        return int(self.array.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(self.array.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values, as NumPy calls it."""
        return np.dtype(str(self.array.dtype).rpartition(".")[2])

    def __getitem__(self, key: Any) -> "DeviceArray":
        """Return a part, such as ``rows[10:20]``, without a copy; or rows by their numbers."""
        if isinstance(key, np.ndarray):
            return self.take(key)
        whole = self.array if self.whole is None else self.whole
        places = key if isinstance(key, tuple) else (key, ...)
        return replace(self, array=self.array[places], whole=whole)

    def take(self, rows: Ints) -> "DeviceArray":
        """Return the rows of these numbers, in this order."""
        numbers = self.device.sent(rows)
        return DeviceArray(self.device.library.take(self.array, numbers, axis=0), self.device)

    def dense(self) -> Any:
        """Return all values as a NumPy array."""
        return self.device.fetched(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if copy is None:
            return np.asarray(self.dense(), dtype=dtype)
        return np.array(self.dense(), dtype=dtype, copy=copy)

    def is_part_of(self, other: Any) -> bool:
        """Return whether both are parts of one array."""
        mine, others = (a.array if a.whole is None else a.whole for a in (self, other))
        return mine is others

    def extremes(self) -> tuple[Any, Any]:
        """Return the least and the largest value of each column, as NumPy arrays."""
        ends = (self.device.library.min, self.device.library.max)
        low, high = (self.device.fetched(end(self.array, axis=0)) for end in ends)
        return low, high
