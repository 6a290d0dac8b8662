"""Read Parquet, Arrow and Feather files, and write Parquet files."""

import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from somscape._stored import are_large, stored
from somscape.errors import InputError
from somscape.tables._cells import spooled
from somscape.tables._late import pa, pc
from somscape.tables._messages import table_mark
from somscape.tables._parts import TypedRows
from somscape.tables._text import changed, opened
from somscape.tables._workbook import check_size
from somscape.tables.column import Column
from somscape.tables.table import check_names

NO_THREAD = "Failed to launch worker thread"
"""Text in pyarrow's error message if there is not enough memory for a new thread."""

FILE_MAGIC = b"ARROW1"
"""Bytes with which an Arrow file begins and ends. An Arrow stream does not contain these bytes."""

BEGIN = 8
"""Number of bytes at the start of an Arrow file, before the Arrow stream that the file contains."""

BEGIN_BYTES = 1000
"""Number of bytes at the start of a file that is not readable in which text is recognized."""

LONG = 1 << 17
"""Minimum number of rows of a Parquet file that is read one column at a time. In a file with fewer
rows, opening the file again for each column would take too long."""

MAX_TOGETHER = 1 << 27
"""Maximum total size in bytes of the columns of a Parquet file that are read all at once."""


def open_arrow(path: str | os.PathLike[str], source: str) -> TypedRows:
    """Open a Parquet file, an Arrow file or an Arrow stream, and return its columns."""
    is_parquet = Path(path).suffix.lower() == ".parquet"
    found: Any = _Parquet(path, source) if is_parquet else _read_arrow(path, source)
    check_names(found.schema.names, source)
    return (found.whole() or found) if is_parquet else found


class _Parquet:
    """A Parquet file. Each column is read only when needed."""

    def __init__(self, path: str | os.PathLike[str], source: str) -> None:
        from pyarrow import parquet

        self._path, self._source, self._n_spread = path, source, 0
        with self._opened() as file:
            given = parquet.ParquetFile(file)
            self._metadata, self._state, own = given.metadata, _state(file), given.schema_arrow
            self._texts = {
                field.name: field.type
                for field in own
                if field.type in (pa.string(), pa.large_string())
            }
            self.num_rows = self._metadata.num_rows
            check_size(8 * self.num_rows * self._metadata.num_columns, self._state[0], source)
            fields = self._open_parquet(file).schema_arrow
        self.schema = pa.schema([f.with_type(self._texts.get(f.name, f.type)) for f in fields])

    def column(self, name: str) -> "pa.ChunkedArray":
        with self._read() as file:
            # Without threads, because with threads some damaged files end the process.
            found = file.read([name], use_threads=False)
            if name not in found.column_names:
                found = file.read(use_threads=False)
            column = found.column(name)
            self._n_spread += _spread(column)
            check_size(self._n_spread, self._state[0], self._source)
            return self._as_text(name, column)

    def whole(self) -> "pa.Table | None":
        """Return all columns of the file if their total size is small, otherwise None."""
        groups = map(self._metadata.row_group, range(self._metadata.num_row_groups))
        n_bytes = sum(group.total_byte_size for group in groups)
        n_bytes = max(n_bytes, 8 * self.num_rows * self._metadata.num_columns)
        if self.num_rows >= LONG or n_bytes > MAX_TOGETHER:
            return None
        with self._read() as file:
            found = file.read(use_threads=False)
            n_spread = sum(map(_spread, found.columns))
            check_size(n_spread, self._state[0], self._source)
            if n_spread > MAX_TOGETHER:
                return None
            return pa.table({name: self._as_text(name, found[name]) for name in found.column_names})

    def _as_text(self, name: str, column: "pa.ChunkedArray") -> "pa.ChunkedArray":
        return column.cast(self._texts[name]) if name in self._texts else column

    @contextmanager
    def _read(self) -> Iterator[Any]:
        with self._opened() as file:
            if _state(file) != self._state:
                raise changed(self._source)
            yield self._open_parquet(file)

    def _open_parquet(self, file: IO[bytes]) -> Any:
        from pyarrow import parquet

        # Old timestamps are read in microseconds, because nanoseconds would turn the year 9999 into
        # 1816.  Text is first read as categories, because a short file can repeat a long text.
        return parquet.ParquetFile(
            file,
            metadata=self._metadata,
            coerce_int96_timestamp_unit="us",
            read_dictionary=list(self._texts),
        )

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        with opened(self._path, self._source) as file:
            begin = file.read(BEGIN_BYTES)
            file.seek(0)
            with _readable(self._source, "a Parquet", begin):
                yield file


def _read_arrow(path: str | os.PathLike[str], source: str) -> "pa.Table":
    """Read an Arrow file or stream. A large file is copied to a temporary file."""
    with opened(path, source) as file:
        data = stored(_state(file)[0], np.uint8)
        n_read = file.readinto(data)  # type: ignore[attr-defined]
    with _readable(source, "an Arrow", bytes(data[:BEGIN_BYTES])):
        return _read_stream(data[:n_read], source)


def arrow_from_bytes(content: bytes, source: str) -> "pa.Table":
    """Return the rows of an Arrow file or stream whose bytes are in memory."""
    with _readable(source, "an Arrow", content[:BEGIN_BYTES]):
        table = _read_stream(np.frombuffer(content, np.uint8), source)
    check_names(table.schema.names, source)
    return table


def _state(file: IO[bytes]) -> tuple[int, int]:
    """Return the size of a file and the time at which the file was last changed."""
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


@contextmanager
def _readable(source: str, kind: str, begin: bytes) -> Iterator[None]:
    """Convert pyarrow's errors for an unreadable file to an InputError of one line."""
    try:
        yield
    except MemoryError:  # pyarrow's MemoryError is also an ArrowException
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError, struct.error) as error:
        if NO_THREAD in str(error):  # for the stack of the thread
            raise MemoryError(str(error)) from error
        problem = f"cannot be read as {kind} file. Write the file again, or give a .csv file."
        if begin and min(begin) >= ord("\t") and not begin.startswith((FILE_MAGIC, b"PAR1")):
            problem = f"is text and not {kind} file. Name the file .csv."
        raise InputError(f"{source} {problem}", file=source) from error


def _read_stream(data: NDArray[np.uint8], source: str) -> "pa.Table":
    """Read an Arrow file as a stream, because the file's index of batches can repeat a batch."""
    given = pa.py_buffer(data)
    is_file = bytes(data[: len(FILE_MAGIC)]) == FILE_MAGIC
    stream = given.slice(BEGIN) if is_file else given
    batches = [_batch(m) for m in pa.ipc.MessageReader.open_stream(stream) if m.type != "schema"]
    if is_file:
        n_batches = sum(is_rows for is_rows, _, _ in batches)
        if pa.ipc.open_file(given).num_record_batches != n_batches:
            raise pa.ArrowInvalid("incomplete")
    reader = pa.ipc.open_stream(stream, options=pa.ipc.IpcReadOptions(use_threads=False))
    n_rows = sum(n for is_rows, n, _ in batches if is_rows)
    n_unpacked = sum(n for _, _, n in batches)
    check_size(max(n_unpacked, 8 * n_rows * len(reader.schema)), len(data), source)
    if are_large(n_unpacked):
        parts = [pa.Table.from_batches([], reader.schema), *spooled(map(_validated, reader))]
        table = pa.concat_tables(parts)
    else:
        table = _validated(reader.read_all())
    check_size(sum(_spread(column) for column in table.columns), len(data), source)
    return table


def _validated(rows: Any) -> Any:
    """Check that the offsets of Arrow data point into its buffers, and return the data."""
    rows.validate(full=True)
    return rows


def _batch(message: Any) -> tuple[bool, int, int]:
    """Return whether an Arrow message contains rows, their number, and their unpacked size."""
    raw, body = memoryview(message.metadata), memoryview(message.body or b"")
    is_rows = message.type == "record batch"
    batch = _follow(raw, _field(raw, _follow(raw, 0), 2))
    if not is_rows:
        batch = _follow(raw, _field(raw, batch, 1))
    length = _field(raw, batch, 0)
    n_rows = struct.unpack_from("<q", raw, length)[0] if length else 0
    if not _field(raw, batch, 3):  # not compressed
        return is_rows, n_rows, len(body)
    places = _follow(raw, _field(raw, batch, 2))
    n_unpacked = 0
    for number in range(struct.unpack_from("<I", raw, places)[0]):
        begin, size = struct.unpack_from("<qq", raw, places + 4 + 16 * number)
        said = struct.unpack_from("<q", body, begin)[0] if size else 0
        n_unpacked += max(said, size)  # -1 means not compressed
    return is_rows, n_rows, n_unpacked


def _follow(raw: memoryview, place: int) -> int:
    """Return the byte position to which an offset in a flatbuffer points."""
    return place + int(struct.unpack_from("<I", raw, place)[0])


def _field(raw: memoryview, table: int, number: int) -> int:
    """Return the byte position of a field in a table of a flatbuffer, or 0 if it is missing."""
    fields = table - int(struct.unpack_from("<i", raw, table)[0])
    size = struct.unpack_from("<H", raw, fields)[0]
    place = 4 + 2 * number
    offset = struct.unpack_from("<H", raw, fields + place)[0] if place < size else 0
    return table + int(offset) if offset else 0


def _spread(column: "pa.ChunkedArray") -> int:
    """Return the size in bytes that a dictionary-encoded column would have as plain text."""
    if not pa.types.is_dictionary(column.type):
        return 0
    n_bytes = 0
    for part in column.chunks:
        texts = part.dictionary
        if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
            n_bytes += pc.sum(pc.binary_length(texts).take(part.indices)).as_py() or 0
    return n_bytes


def parquet_bytes(columns: Mapping[str, Any]) -> bytes:
    """Write columns (a mapping from names to values) as Parquet, and return the bytes."""
    import pyarrow.parquet as parquet

    arrays = {
        name: _arrow_array(values) if isinstance(values, Column) else values
        for name, values in columns.items()
    }
    sink = pa.BufferOutputStream()
    mark = {"somscape": table_mark(columns)}
    parquet.write_table(pa.table(arrays, metadata=mark), sink)
    return bytes(sink.getvalue())


def _arrow_array(column: Column) -> Any:
    """Return a column as an Arrow array of integers, floats or text."""
    if column.numbers is None or not column.is_exact:
        return column.to_arrow()
    values: NDArray[Any] = column.numbers
    if column.is_whole:
        values = np.where(column.missing, 0, values).astype(np.int64)
    return pa.array(values, mask=column.missing)
