"""Classes for sparse rows (CSR) and for rows in the memory of a device."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Floats, Ints
from somscape._validate import largest_value, wrong_value
from somscape._weights import blocks

FOLDED_VALUES = 4096
"""Number of values in a long row, which NumPy processes faster than several short rows."""

SMALL = 1 << 17
"""Maximum number of values in an array for which extremes are found faster in a transposed copy."""

BLOCK_ROWS = 64
"""Number of long rows that are compared at a time, so that they (1 or 2 MiB) fit into the cache."""


def column_extremes(rows: Floats) -> tuple[Floats, Floats]:
    """Return two values: the minimum and the maximum of each column (NaN if it contains NaN)."""
    n, d = rows.shape
    if n * d <= SMALL:
        columns = np.ascontiguousarray(rows.T)
        return columns.min(axis=1), columns.max(axis=1)
    fold = FOLDED_VALUES // max(1, d)
    if fold < 2 or n < 2 * fold or not rows.flags.c_contiguous:
        return rows.min(axis=0), rows.max(axis=0)
    whole = n // fold * fold
    folded, rest = rows[:whole].reshape(-1, fold * d), rows[n - fold :]
    parts = [folded[part] for part in blocks(len(folded), BLOCK_ROWS)]
    extremes = [(part.min(axis=0), part.max(axis=0)) for part in parts]
    extremes.append((rest.ravel(), rest.ravel()))
    low, high = (np.array(side) for side in zip(*extremes, strict=True))
    return low.reshape(-1, d).min(axis=0), high.reshape(-1, d).max(axis=0)


@dataclass(frozen=True)
class Device:
    """A device such as a GPU, and the array library that runs on it.

    Attributes
    ----------
    library : module
        Array library, with the functions of the array API standard.
    place : object
        The object by which the array library identifies the device.
    name : str
        Name such as ``"torch/cuda:0"``.
    fetched : callable
        Function that copies an array of the library into a NumPy array.
    product : callable
        Function that multiplies two matrices in full precision.
    """

    library: Any
    place: Any
    name: str
    fetched: Callable[[Any], Any]
    product: Callable[[Any, Any], Any]

    def sent(self, values: Any, dtype: Any = None) -> Any:
        """Copy a NumPy array to the device, and return the copy."""
        return self.library.asarray(values, dtype=dtype, device=self.place, copy=True)


@dataclass(frozen=True, eq=False)
class DeviceArray:
    """An array on a device, which only ``np.asarray`` and `dense` copy to the host.

    Attributes
    ----------
    array : object
        Array on the device, in float32 or float64.  Rows have the shape (n, n_features).
    device : Device
    whole : object or None, default=None
        Larger array that contains this array as a part, or None without a larger array.
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
        """NumPy data type of the values."""
        return np.dtype(str(self.array.dtype).rpartition(".")[2])

    def __getitem__(self, key: Any) -> "DeviceArray":
        """Return a slice such as ``rows[10:20]``, or the rows with the given numbers."""
        if isinstance(key, np.ndarray):
            return self.take(key)
        whole = self.array if self.whole is None else self.whole
        places = key if isinstance(key, tuple) else (key, ...)
        return replace(self, array=self.array[places], whole=whole)

    def take(self, rows: Ints) -> "DeviceArray":
        """Return the rows with the given numbers, in the given order."""
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
        """Return whether two device arrays are parts of the same array."""
        mine, others = (a.array if a.whole is None else a.whole for a in (self, other))
        return mine is others

    def extremes(self) -> tuple[Any, Any]:
        """Return two NumPy arrays: the minimum and the maximum of each column of the array."""
        ends = (self.device.library.min, self.device.library.max)
        low, high = (self.device.fetched(end(self.array, axis=0)) for end in ends)
        return low, high


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Rows in compressed sparse row format. Values that are not stored are 0.

    Attributes
    ----------
    begin : ndarray of shape (n_rows + 1,), int64
        Index in `values` of the first value of each row, followed by the number of stored values.
    features : ndarray of shape (n_stored,), int32
        Column of each stored value.  In each row, columns are ascending.
    values : ndarray of shape (n_stored,), float32 or float64
    n_features : int
    """

    begin: NDArray[np.int64]
    features: NDArray[np.int32]
    values: Floats
    n_features: int

    @classmethod
    def from_csr(cls, matrix: Any) -> "SparseRows":
        """Convert a ``scipy.sparse`` CSR array or matrix, without a copy if possible."""
        if not (matrix.has_sorted_indices and matrix.has_canonical_format):
            matrix = matrix.copy()
            matrix.sum_duplicates()  # also sorts
        return cls(
            np.ascontiguousarray(matrix.indptr, dtype=np.int64),
            np.ascontiguousarray(matrix.indices, dtype=np.int32),
            np.ascontiguousarray(matrix.data),
            matrix.shape[1],
        )

    def __len__(self) -> int:
        return len(self.begin) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of features."""
        return len(self), self.n_features

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.values.dtype

    def __getitem__(self, part: slice) -> "SparseRows":
        """Return consecutive rows such as ``rows[10:20]`` without a copy."""
        start, stop, _ = part.indices(len(self))
        begin, inside = self.begin[start : stop + 1], slice(self.begin[start], self.begin[stop])
        begin = begin - inside.start
        return SparseRows(begin, self.features[inside], self.values[inside], self.n_features)

    def take(self, rows: Ints) -> "SparseRows":
        """Return the rows with the given numbers, in the given order."""
        counts = np.diff(self.begin)[rows]
        begin = np.concatenate([[0], np.cumsum(counts)])
        at = np.arange(begin[-1]) + np.repeat(self.begin[rows] - begin[:-1], counts)
        return SparseRows(begin, self.features[at], self.values[at], self.n_features)

    @property
    def row_of_value(self) -> Ints:
        """Number of the row to which each stored value belongs, of shape (n_stored,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.begin))

    def of_length_one(self) -> "SparseRows":
        """Return each row divided by its norm. A row of zeros does not change."""
        of_row, wide = self.row_of_value, self.values.astype(np.float64)
        squares = np.bincount(of_row, wide**2, minlength=len(self))
        length = np.sqrt(np.where(squares > 0, squares, 1.0))
        return replace(self, values=(self.values / length[of_row]).astype(self.dtype))

    def dense(self) -> Floats:
        """Return all values, including zeros, as an array of shape (n_rows, n_features)."""
        out = np.zeros(self.shape, dtype=self.dtype)
        out[self.row_of_value, self.features] = self.values
        return out

    def dense_blocks(self, n_values: int) -> Iterator[tuple[slice, Floats]]:
        """Yield all rows in blocks. A block is a dense array of about `n_values` values."""
        step = max(1, n_values // max(1, self.n_features))
        for part in blocks(len(self), step):
            yield part, self[part].dense()


Rows = Floats | SparseRows
"""Rows as an array or sparse. A `DeviceArray` can replace an array."""


def check_sparse_values(rows: SparseRows, names: Sequence[str], *, dtype: Any = None) -> None:
    """Raise InputError if a stored value of sparse rows is not allowed in an array either."""
    info = np.finfo(rows.dtype if dtype is None else dtype)
    limit = largest_value(info, rows.n_features)
    is_wrong = ~(np.abs(rows.values) <= np.float64(limit))
    if is_wrong.any():
        at = int(is_wrong.argmax())
        row = int(np.searchsorted(rows.begin, at, side="right")) - 1
        raise wrong_value(rows.values[at], row, names[rows.features[at]], limit, info, "X")


def near_one(rows: Rows) -> Rows:
    """Scale each row so that the squares of its values neither underflow nor overflow."""
    if isinstance(rows, SparseRows):
        largest = np.zeros(len(rows), dtype=rows.dtype)
        np.maximum.at(largest, rows.row_of_value, np.abs(rows.values))
    else:
        largest = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    _, exponents = np.frexp(largest)
    # A quarter of the range of squares is left for small values in rows with large values.
    room = -int(np.finfo(rows.dtype).minexp) * 3 // 8
    if (np.abs(exponents) <= room).all():
        return rows
    if isinstance(rows, SparseRows):
        return replace(rows, values=np.ldexp(rows.values, -exponents[rows.row_of_value]))
    near: Floats = np.ldexp(rows, -exponents[:, None])
    return near


def are_of(rows: Rows, others: Rows) -> bool:
    """Return whether `rows` is a part of `others` that shares its memory."""
    if isinstance(rows, DeviceArray):
        return rows.is_part_of(others)
    mine, theirs = (r.values if isinstance(r, SparseRows) else r for r in (rows, others))
    return np.may_share_memory(mine, theirs)


def column_range(rows: Rows) -> tuple[Floats, Floats]:
    """Return two values: the minimum and the maximum of each feature over all rows."""
    if isinstance(rows, DeviceArray):
        return rows.extremes()
    if not isinstance(rows, SparseRows):
        return column_extremes(rows)
    is_full = np.bincount(rows.features, minlength=rows.n_features) == len(rows)
    edge = np.array(np.inf, dtype=rows.dtype)
    low, high = np.where(is_full, edge, 0), np.where(is_full, -edge, 0)
    np.minimum.at(low, rows.features, rows.values)
    np.maximum.at(high, rows.features, rows.values)
    return low, high
