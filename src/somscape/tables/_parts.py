"""Join files or batches whose columns have a type, such as Parquet files, into one table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from tokenize import TokenError
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from somscape._files import shown
from somscape._stored import gathered, made_ahead, put_away, stored
from somscape._types import Floats
from somscape._validate import check_not_masked
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.tables._arrow import is_text
from somscape.tables._cells import spooled
from somscape.tables._frame import as_frame, table_at
from somscape.tables._late import pa
from somscape.tables._messages import FileLines, listed, quoted
from somscape.tables._text import opened
from somscape.tables.table import Table, check_names


def join_types(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return an Arrow type that fits the values of two types, or None if no type fits."""
    if one == other:
        return one
    one, other = (t.value_type if pa.types.is_dictionary(t) else t for t in (one, other))
    pair = (one, other)
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if all(map(is_text, pair)):
        return pa.string()
    if all(map(_is_number, pair)) and not all(map(_fits_int64, pair)):
        return pa.float64()
    if all(pa.types.is_date(t) or pa.types.is_timestamp(t) for t in pair):
        zones = {t.tz for t in pair if pa.types.is_timestamp(t)}
        return pa.timestamp("us", *zones) if len(zones) == 1 else None
    try:
        schemas = [pa.schema([("x", type_)]) for type_ in pair]
        return pa.unify_schemas(schemas, promote_options="permissive").field("x").type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None


def _is_number(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    )


def _fits_int64(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) and not pa.types.is_uint64(type_))


def check_names_of(
    part: str, names: Sequence[str], first: str, expected: Sequence[str], are_called: str = "files"
) -> None:
    """Raise InputError if a file or batch has other column names than the first one."""
    missing = [name for name in expected if name not in names]
    more = [name for name in names if name not in expected]
    if not (missing or more):
        return
    faults = [f"lacks column {listed(missing, 3)}, which {first} has"] if missing else []
    faults += [f"has column {listed(more, 3)}, which {first} lacks"] if more else []
    more_cure = ", or leave out files by a pattern" if are_called == "files" else ""
    raise InputError(
        f"{part} {', and '.join(faults)}. Give all {are_called} the same columns{more_cure}.",
        file=part,
        column=(missing or more)[0],
    )


SAME_TYPES = {
    "files": "Write the file again with the same type, or leave out the file.",
    "batches": "Give all batches the same types.",
    "pieces": "Give all pieces the same types.",
}


class TypedRows(Protocol):
    """Interface of rows whose columns have Arrow types, such as a pyarrow.Table or a Parquet file.

    Attributes
    ----------
    schema : pyarrow.Schema
    num_rows : int
    """

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column. The column of a file is read when this method is called."""


class Parts:
    """Files, batches or pieces with the same columns. Each column gets a type that fits all values.

    Parameters
    ----------
    parts : iterable of (str, TypedRows)
        Name and rows of each part.  If the pyarrow tables among the parts are large, they are
        stored in a temporary file.  Other parts, such as Parquet files, are read when needed.
    are_called : {"files", "batches", "pieces"}
    keep : callable, default=spooled
        Function that stores pyarrow tables.

    Attributes
    ----------
    names : list of str
    sizes : list of int
        Number of rows of each part.
    types : dict of str to pyarrow.DataType
        Type of each column, in the column order of the first part.

    Raises
    ------
    InputError
        If the columns of a part do not match.
    """

    def __init__(
        self,
        parts: Iterable[tuple[str, TypedRows]],
        are_called: str,
        keep: Callable[[Iterable[pa.Table]], Sequence[pa.Table]] = spooled,
    ) -> None:
        self.names: list[str] = []
        self.types: dict[str, pa.DataType] = {}
        self._are_called, self._source_of_type = are_called, dict[str, str]()
        others: dict[int, TypedRows] = {}

        def tables() -> Iterator[pa.Table]:
            for number, (name, part) in enumerate(parts):
                self._add(name, part.schema)
                if isinstance(part, pa.Table):
                    yield part
                else:
                    others[number] = part

        kept = iter(keep(tables()))
        self._parts = [others[i] if i in others else next(kept) for i in range(len(self.names))]
        self.sizes = [part.num_rows for part in self._parts]

    def _add(self, name: str, schema: pa.Schema) -> None:
        self.names.append(name)
        if not self.types:
            self.types = {field.name: field.type for field in schema}
            self._source_of_type = dict.fromkeys(self.types, name)
        check_names_of(name, schema.names, self.names[0], list(self.types), self._are_called)
        for column, type_ in self.types.items():
            own = schema.field(column).type
            joined = join_types(type_, own)
            if joined is None:
                raise InputError(
                    f"{name}: column {quoted(column)} has type {own}, but type {type_} in"
                    f" {self._source_of_type[column]}. {SAME_TYPES[self._are_called]}",
                    file=name,
                    column=column,
                    value=str(own),
                    allowed=str(type_),
                )
            if joined != type_:
                self.types[column], self._source_of_type[column] = joined, name

    def column(self, name: str) -> pa.ChunkedArray:
        """Return the values of all parts in one column."""
        chunks: list[pa.Array] = []
        for part, source in zip(self._parts, self.names, strict=True):
            column, type_ = part.column(name), self.types[name]
            # Rounding is allowed, because tables contain float64 and microseconds.
            may_be_rounded = _is_number(column.type) or getattr(column.type, "unit", "") == "ns"
            try:
                chunks += column.cast(type_, safe=not may_be_rounded).chunks
            except pa.ArrowException as error:
                reason = " ".join(str(error).split()).rstrip(".")
                raise InputError(
                    f"{source}: column {quoted(name)} cannot be read as {type_} like the other"
                    f" parts ({reason}). Correct the column, or leave out {source}.",
                    file=source,
                    column=name,
                    allowed=str(type_),
                ) from error
        return pa.chunked_array(chunks, self.types[name])

    def table(self, source: str, asked: Sequence[str] | None) -> Table:
        """Join the parts into a table, one column at a time."""
        lines = None
        if self.names != [source]:
            lines = FileLines.of(self.names, list(map(range, self.sizes)), has_lines=False)
        columns = made_ahead(partial(self._frame, name) for name in self.types)
        return table_at(columns, source, asked, lines, n_columns=len(self.types))

    def rows(self) -> pa.Table:
        """Return the values of all parts as one pyarrow table."""
        return pa.table({name: self.column(name) for name in self.types})

    def _frame(self, name: str) -> pa.Table:
        pa.default_memory_pool().release_unused()
        return pa.table({name: self.column(name)})


BLOCK_ROWS = 1 << 14
"""Number of rows of an array that are converted to floats at a time."""

CURE = "Give pyarrow batches, data frames or arrays of numbers."


def table_of_batches(
    make: Callable[[], Any], source: str = "batches", *, missing_values: Sequence[str] | None = None
) -> Table | Floats:
    """Call a function that returns an iterator of batches, and store the rows of all batches."""
    batches = enumerate(_batch_iterator(make(), source), 1)
    named = ((f"batch {number}", batch) for number, batch in batches)
    first = next(named, None)
    if first is None:
        raise InputError(
            f"{source}: the function returned no batches. Return a new iterator at each call of the"
            " function.",
            file=source,
        )
    if isinstance(first[1], np.ndarray) and missing_values is not None:
        raise not_for_numbers("missing_values")
    found = _joined(first, named, "batches")
    if found is None:
        raise InputError(f"{source} is empty. Give at least one row.", file=source)
    return found.table(source, missing_values) if isinstance(found, Parts) else found


def fetched_rows(pieces: Iterable[Any]) -> Any:
    """Join pieces of X into one array or `Frame`. A large result is in a temporary file."""
    named = ((f"piece {number} of X", piece) for number, piece in enumerate(pieces) if len(piece))
    first = next(named, None)
    if first is None:
        raise InputError("All pieces of X are empty. Pass at least one row.", parameter="X")
    found = _joined(first, named, "pieces")
    return as_frame(found.rows()) if isinstance(found, Parts) else found


Named: TypeAlias = tuple[str, Any]
"""The name of a batch or piece for messages, and its rows."""


def _joined(first: Named, others: Iterable[Named], are_called: str) -> Parts | Floats | None:
    """Join batches that are all arrays or all tables. Without rows, return None."""
    named = chain([first], others)
    if not isinstance(first[1], np.ndarray):
        parts = Parts(_typed_batches(named), are_called)
        return parts if parts.names else None
    checked = _checked(named, are_called)
    rows = next(checked, None)
    return None if rows is None else gathered(chain([rows], checked), rows.shape[1], rows.dtype)


def _batch_iterator(given: Any, source: str) -> Iterator[Any]:
    is_frame = isinstance(given, np.ndarray) or hasattr(given, "columns")
    if isinstance(given, pa.RecordBatchReader) or (isinstance(given, Iterable) and not is_frame):
        return iter(given)
    raise InputError(
        f"{source}: the function must return an iterator of batches, but returned a"
        f" {type(given).__name__}. Use yield in the function. {CURE}",
        file=source,
        value=type(given).__name__,
    )


def _typed_batches(named: Iterable[Named]) -> Iterator[tuple[str, pa.Table]]:
    """Yield the name and the rows of each batch that has rows."""
    for name, batch in named:
        frame = None if isinstance(batch, np.ndarray) else as_frame(batch, name)
        if frame is None:
            raise InputError(
                f"{name} is a {type(batch).__name__}, which is not a table. {CURE}",
                file=name,
                value=type(batch).__name__,
            )
        table = frame.shown.to_arrow()
        if table.num_rows:
            check_names(table.column_names, name)
            yield name, table


def not_for_numbers(name: str) -> InputError:
    """Return the InputError for an array that was passed with a parameter for reading tables."""
    return InputError(
        f"`{name}` is a parameter for reading a table, but the data is an array of numbers or was"
        f" already read. Leave out `{name}`."
    )


def _checked(named: Iterable[Named], are_called: str) -> Iterator[Floats]:
    first, first_name = None, ""
    for name, batch in named:
        first_name = first_name or name
        if not isinstance(batch, np.ndarray):
            raise InputError(
                f"{name} is a {type(batch).__name__}, but {first_name} is an array. Give all"
                f" {are_called} the same type.",
                file=name,
                value=type(batch).__name__,
            )
        if batch.ndim == 2 and not len(batch):
            continue
        check_not_masked(batch, name.split()[0])
        _check_numbers(batch.dtype, batch.shape, name)
        rows = np.ascontiguousarray(batch, dtype=_float_type(batch.dtype))
        if first is None:
            first, first_name = rows, name
        if rows.shape[1] != first.shape[1]:
            raise InputError(
                f"{name} has {rows.shape[1]} columns, but {first_name} has {first.shape[1]}. Give"
                f" all {are_called} the same columns.",
                file=name,
                value=rows.shape[1],
                allowed=first.shape[1],
            )
        if rows.dtype != first.dtype:
            raise InputError(
                f"{name} has type {batch.dtype}, but {first_name} has type {first.dtype}. Give all"
                f" {are_called} the same type.",
                file=name,
                value=str(batch.dtype),
                allowed=str(first.dtype),
            )
        yield rows


def array_from(data: NDArray[Any] | str | os.PathLike[str]) -> Floats:
    """Return an array, or the array in a .npy file, as floats. Avoid a copy if possible."""
    name = "the array"
    if not isinstance(data, np.ndarray):
        name = shown(Path(data).name)
        data = put_away(_array_in(data, name))
    check_not_masked(data, "data")
    _check_numbers(data.dtype, data.shape, name)
    rows = np.asarray(data)  # not np.memmap, because results of operations would also be np.memmap
    type_ = _float_type(rows.dtype)
    if rows.dtype == type_ and rows.flags.c_contiguous and rows.flags.aligned:
        return rows
    out = stored(rows.shape, type_)
    for part in blocks(len(rows), BLOCK_ROWS):
        out[part] = rows[part]
    return out


def _array_in(path: str | os.PathLike[str], name: str) -> NDArray[Any]:
    """Read the array in a .npy file without memory mapping.

    With memory mapping, the process can crash if the file is shortened.
    """
    with opened(path, name) as file:
        try:
            return npy.read_array(file)
        except (ValueError, EOFError, TokenError) as error:
            raise InputError(
                f"{name} does not contain an array of numbers. Write the array with"
                " numpy.save(path, array).",
                file=name,
            ) from error


def _check_numbers(type_: np.dtype[Any], shape: tuple[int, ...], name: str) -> None:
    if type_.kind not in "biuf":
        raise InputError(
            f"{name} has values of type {type_}, which are not numbers. {CURE}",
            file=name,
            value=str(type_),
        )
    if len(shape) != 2 or min(shape) < 1:
        raise InputError(
            f"{name} must have rows and columns, with shape (n_rows, n_columns), but has shape"
            f" {shape}.",
            file=name,
            value=shape,
        )


def _float_type(dtype: Any) -> Any:
    return np.dtype(np.float32 if dtype == np.float32 else np.float64)
