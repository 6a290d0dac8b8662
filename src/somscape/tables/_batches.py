"""Batches of rows that a function gives, or an array -> a table or an array in temporary files."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from tokenize import TokenError
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._files import shown
from somscape._stored import gathered, stored
from somscape._types import Floats
from somscape._validate import check_not_masked
from somscape.errors import InputError
from somscape.tables._frame import as_frame
from somscape.tables._spool import spooled
from somscape.tables._table import Table, check_names
from somscape.tables._text import opened
from somscape.tables._typed import Agreed, typed_table

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_ROWS = 1 << 14
"""Rows that become floats at a time."""

CELLS_AT_A_TIME = 1 << 20
"""Cells of a file that are read at a time."""

CURE = "give pyarrow's batches, data frames or arrays of numbers"


def table_of_batches(
    make: Callable[[], Any], source: str = "batches", *, missing_values: Sequence[str] | None = None
) -> Table | Floats:
    """Call a function that returns an iterator of batches, and keep their rows."""
    batches = _begun(make(), source)
    first = next(batches, None)
    if first is None:
        raise InputError(
            f"{source}: the function gave no batches; it must return a new iterator at each call"
        )
    batches = chain([first], batches)
    if isinstance(first, np.ndarray):
        if missing_values is not None:
            raise not_for_numbers("missing_values")
        return _array(batches, source)
    agreed, names = Agreed("batches"), list[str]()
    parts = spooled(_typed(batches, agreed, names))
    if not parts:
        raise InputError(f"{source} has no rows; give at least one")
    return typed_table(parts, names, agreed, source, missing_values)


def fetched_rows(batches: Iterable[Any]) -> Any:
    """Return rows that come in pieces as one array or frame, in a temporary file."""
    import pyarrow as pa

    batches = (batch for batch in batches if len(batch))
    first = next(batches, None)
    if first is None:
        raise InputError("X has no rows in any piece. Pass at least one row.")
    batches = chain([first], batches)
    if isinstance(first, np.ndarray):
        return _array(batches, "X")
    return pa.concat_tables(spooled(_typed(batches, Agreed("pieces"), [])))


def _begun(given: Any, source: str) -> Iterator[Any]:
    import pyarrow as pa

    is_frame = isinstance(given, np.ndarray) or hasattr(given, "columns")
    if isinstance(given, pa.RecordBatchReader) or (isinstance(given, Iterable) and not is_frame):
        return iter(given)
    raise InputError(
        f"{source}: the function must return an iterator of batches; got a"
        f" {type(given).__name__}. Yield batches in it; {CURE}"
    )


def _typed(batches: Iterable[Any], agreed: Agreed, names: list[str]) -> Iterator["pa.Table"]:
    """Yield batches with rows, as pyarrow's tables, and note their names."""
    import narwhals as nw

    for number, batch in enumerate(batches, 1):
        name = f"batch {number}"
        frame = None if isinstance(batch, np.ndarray) else as_frame(batch, name)
        if frame is None:
            raise InputError(f"{name} is a {type(batch).__name__}, and no table; {CURE}")
        table = nw.from_native(frame, eager_only=True).to_arrow()
        if table.num_rows:
            check_names(table.column_names, name)
            agreed.add(table.schema, name)
            names.append(name)
            yield table


def not_for_numbers(name: str) -> InputError:
    """Return the error for a parameter of reading that was passed with rows of numbers."""
    return InputError(
        f"`{name}` says how to read a table; got an array of numbers, or a table that is read"
        " already. Leave it out."
    )


def _array(batches: Iterable[Any], source: str) -> Floats:
    """Return the rows of arrays, one after the other."""
    checked = _checked(batches)
    first = next(checked, None)
    if first is None:
        raise InputError(f"{source} has no rows; give at least one")
    return gathered(chain([first], checked), first.shape[1], first.dtype)


def _checked(batches: Iterable[Any]) -> Iterator[Floats]:
    first, first_name = None, ""
    for number, batch in enumerate(batches, 1):
        name = f"batch {number}"
        if not isinstance(batch, np.ndarray):
            raise InputError(
                f"{name} is a {type(batch).__name__}, and batch 1 an array; give all batches the"
                " same type"
            )
        if batch.ndim == 2 and not len(batch):
            continue
        check_not_masked(batch, "batch")
        _check_numbers(batch.dtype, batch.shape, name)
        rows = np.ascontiguousarray(batch, dtype=_float_type(batch.dtype))
        if first is None:
            first, first_name = rows, name
        if rows.shape[1] != first.shape[1]:
            raise InputError(
                f"{name} has {rows.shape[1]} columns, and {first_name} has {first.shape[1]};"
                " give all batches the same columns"
            )
        if rows.dtype != first.dtype:
            raise InputError(
                f"{name} holds {batch.dtype}, and {first_name} {first.dtype}; give all batches the"
                " same type"
            )
        yield rows


def array_from(data: NDArray[Any] | str | os.PathLike[str]) -> Floats:
    """Return an array, where it is if it may, or the one of a .npy file, as rows of floats."""
    if not isinstance(data, np.ndarray):
        return _array_file(data, shown(Path(data).name))
    check_not_masked(data, "data")
    _check_numbers(data.dtype, data.shape, "the array")
    rows = np.asarray(data)  # not as np.memmap, which arrays made of it would be, too
    type_ = _float_type(rows.dtype)
    if rows.dtype == type_ and rows.flags.c_contiguous and rows.flags.aligned:
        return rows
    out = stored(rows.shape, type_)
    for part in blocks(len(rows), BLOCK_ROWS):
        out[part] = rows[part]
    return out


def _array_file(path: str | os.PathLike[str], name: str) -> Floats:
    """Return the rows of a .npy file, which is read: a mapped one that is cut short ends Python."""
    with opened(path, name) as file:
        try:
            shape, has_columns, type_ = _header(file)
        except (ValueError, EOFError, TokenError) as error:
            raise InputError(
                f"{name} is not an array of numbers that NumPy reads; write it with numpy.save"
            ) from error
        _check_numbers(type_, shape, name)
        (n_rows, n_columns), begin = shape, file.tell()
        out = stored(shape, _float_type(type_))
        for part in blocks(n_rows, max(1, CELLS_AT_A_TIME // n_columns)):
            if not has_columns:
                _fill(out[part], file, type_)
                continue
            for j in range(n_columns):
                file.seek(begin + (j * n_rows + part.start) * type_.itemsize)
                _fill(out[part, j], file, type_)
    return out


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether columns stand one after the other, and type; ValueError if damaged."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, has_columns, type_ = read(file)
    n_bytes = file.tell() + math.prod(shape) * type_.itemsize
    if type_.hasobject or n_bytes > os.fstat(file.fileno()).st_size:
        raise ValueError
    return shape, has_columns, type_


def _fill(out: NDArray[Any], file: IO[bytes], type_: np.dtype[Any]) -> None:
    is_same = out.dtype == type_ and out.flags.c_contiguous
    found = out if is_same else np.empty(out.shape, type_)
    file.readinto(found)  # type: ignore[attr-defined]  # one cut short is told by `opened`
    if not is_same:
        out[...] = found


def _check_numbers(type_: np.dtype[Any], shape: tuple[int, ...], name: str) -> None:
    if type_.kind not in "biuf":
        raise InputError(f"{name} holds {type_}, and no numbers; {CURE}")
    if len(shape) != 2 or min(shape) < 1:
        raise InputError(
            f"{name} must have rows and columns, shape (n_rows, n_columns); got {shape}"
        )


def _float_type(dtype: Any) -> Any:
    return np.dtype(np.float32 if dtype == np.float32 else np.float64)
