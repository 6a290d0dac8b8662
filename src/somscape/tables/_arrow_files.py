"""Parquet, Arrow and Feather files -> Arrow's tables; columns -> Parquet."""

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.errors import InputError
from somscape.tables._table import Column
from somscape.tables._workbook import check_size

if TYPE_CHECKING:
    import pyarrow as pa

FILE_MAGIC = b"ARROW1"
"""How a file of Arrow's begins and ends; a stream has no such mark."""

BEGIN = 8
"""Bytes before the stream in such a file."""


def read_arrow(data: bytes, source: str, ending: str) -> "pa.Table":
    """Read the bytes of a Parquet file, or of a file or stream of Arrow's.

    Parameters
    ----------
    data : bytes
    source : str
        Name for messages.
    ending : str
        ".parquet", or one of the endings of Arrow's files.

    Raises
    ------
    InputError
        If pyarrow cannot read the file, or it unpacks to too much.
    """
    import pyarrow as pa

    kind = "a Parquet" if ending == ".parquet" else "an Arrow"
    try:
        return _parquet(data, source) if ending == ".parquet" else _stream(data, source)
    except MemoryError:  # pyarrow's own is an ArrowException, too
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError, struct.error) as error:
        raise InputError(
            f"{source} is not {kind} file that pyarrow reads; write it again or give a .csv"
        ) from error


def _parquet(data: bytes, source: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import parquet

    schema = parquet.read_schema(pa.BufferReader(data))
    texts = [field.name for field in schema if field.type in (pa.string(), pa.large_string())]
    # Old timestamps in microseconds: nanoseconds would turn the year 9999 into 1816.  Text as
    # categories first: a text that repeats takes no room in the file.
    file = parquet.ParquetFile(
        pa.BufferReader(data), coerce_int96_timestamp_unit="us", read_dictionary=texts
    )
    check_size(8 * file.metadata.num_rows * file.metadata.num_columns, data, source)
    # Without threads: with them, some damaged files end the process.
    table = file.read(use_threads=False)
    check_size(sum(_spread(column) for column in table.columns), data, source)
    for number, field in enumerate(schema):
        if field.name in texts:
            column = table.column(number).cast(field.type)
            table = table.set_column(number, field.name, column)
    return table


def _stream(data: bytes, source: str) -> "pa.Table":
    """Read a file as the stream that it holds: its list of batches could name one many times."""
    import pyarrow as pa

    given = pa.py_buffer(data)
    is_file = data.startswith(FILE_MAGIC)
    stream = given.slice(BEGIN) if is_file else given
    batches = [_batch(m) for m in pa.ipc.MessageReader.open_stream(stream) if m.type != "schema"]
    if is_file:
        n_batches = sum(is_rows for is_rows, _, _ in batches)
        if pa.ipc.open_file(given).num_record_batches != n_batches:
            raise pa.ArrowInvalid("incomplete")
    reader = pa.ipc.open_stream(stream, options=pa.ipc.IpcReadOptions(use_threads=False))
    n_rows = sum(n for is_rows, n, _ in batches if is_rows)
    n_unpacked = sum(n for _, _, n in batches)
    check_size(max(n_unpacked, 8 * n_rows * len(reader.schema)), data, source)
    table = reader.read_all()
    table.validate(full=True)  # places in buffers, which nobody has looked at yet
    check_size(sum(_spread(column) for column in table.columns), data, source)
    return table


def _batch(message: Any) -> tuple[bool, int, int]:
    """Return whether a message holds rows and not categories, how many, and its size unpacked."""
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
        n_unpacked += max(said, size)  # it says -1 where it is not packed
    return is_rows, n_rows, n_unpacked


def _follow(raw: memoryview, place: int) -> int:
    """Return what a place of a flatbuffer points to."""
    return place + int(struct.unpack_from("<I", raw, place)[0])


def _field(raw: memoryview, table: int, number: int) -> int:
    """Return where a field of a flatbuffer's table stands, 0 for one that is not there."""
    fields = table - int(struct.unpack_from("<i", raw, table)[0])
    size = struct.unpack_from("<H", raw, fields)[0]
    place = 4 + 2 * number
    offset = struct.unpack_from("<H", raw, fields + place)[0] if place < size else 0
    return table + int(offset) if offset else 0


def _spread(column: "pa.ChunkedArray") -> int:
    """Return the bytes of a column of categories when each row has its own text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return 0
    n_bytes = 0
    for part in column.chunks:
        texts = part.dictionary
        if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
            n_bytes += pc.sum(pc.binary_length(texts).take(part.indices)).as_py() or 0
    return n_bytes


def parquet_bytes(columns: Mapping[str, Any]) -> bytes:
    """Return named columns as the bytes of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    arrays = {
        name: _arrow_array(values) if isinstance(values, Column) else values
        for name, values in columns.items()
    }
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(arrays), sink)
    return bytes(sink.getvalue())


def _arrow_array(column: Column) -> Any:
    """Return numbers as numbers, whole where all are, and text as text."""
    import pyarrow as pa

    if column.numbers is None or not column.is_exact:
        return column.to_arrow()
    missing = column.missing
    if column.is_whole:
        whole = np.where(missing, 0, column.numbers).astype(np.int64)
        return pa.array(whole, mask=missing)
    return pa.array(column.numbers, mask=missing)
