"""Arrow's arrays of what NumPy and Python hold.

`pyarrow.array` does this too, but imports pandas, where it is installed, to ask whether it was
given a series: a quarter of a second, as long as a small table takes from file to map.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def strings(cells: Iterable[str | None]) -> pa.Array:
    """Return texts as Arrow's strings, null where None."""
    import pyarrow as pa

    given = list(cells)
    letters = [b"" if cell is None else cell.encode("utf-8", "replace") for cell in given]
    ends = np.zeros(len(letters) + 1, np.int32)
    np.cumsum([len(text) for text in letters], out=ends[1:])
    there = None
    if None in given:
        there = _bits(np.array([cell is not None for cell in given], dtype=bool))
    buffers = [there, pa.py_buffer(ends), pa.py_buffer(b"".join(letters))]
    return pa.Array.from_buffers(pa.string(), len(letters), buffers)


def numbers(values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return an array of numbers as Arrow's, null where missing."""
    import pyarrow as pa

    type_ = pa.from_numpy_dtype(values.dtype)
    there = None if missing is None else _bits(~missing)
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(type_, len(values), [there, data])


def mask(values: NDArray[np.bool_]) -> pa.Array:
    """Return an array of booleans as Arrow's."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def _bits(values: NDArray[np.bool_]) -> Any:
    import pyarrow as pa

    return pa.py_buffer(np.packbits(values, bitorder="little"))


def as_bools(values: Any) -> NDArray[np.bool_]:
    """Return Arrow's booleans as an array, False where null."""
    if hasattr(values, "chunks"):
        return np.concatenate([np.empty(0, bool), *map(as_bools, values.chunks)])
    found = _of_bits(values.buffers()[1], values)
    return found if not values.null_count else found & _of_bits(values.buffers()[0], values)


def as_numbers(values: pa.Array, of: Any = np.float64) -> NDArray[Any]:
    """Return Arrow's numbers as an array; floats are NaN where null."""
    data = values.buffers()[1]
    if data is None:
        return np.full(len(values), np.nan)
    found = np.frombuffer(data, of)[values.offset : values.offset + len(values)]
    if not values.null_count:
        return found
    return np.where(_of_bits(values.buffers()[0], values), found, np.nan)


def _of_bits(buffer: Any, values: pa.Array) -> NDArray[np.bool_]:
    begin, end = values.offset, values.offset + len(values)
    if buffer is None:
        return np.ones(len(values), dtype=bool)
    bits = np.frombuffer(buffer, np.uint8)[: (end + 7) // 8]
    return np.unpackbits(bits, bitorder="little")[begin:end].view(bool)
