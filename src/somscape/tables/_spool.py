"""Store a sequence of tables in memory, or in a temporary file if they are large."""

from collections.abc import Iterable, Iterator
from itertools import chain
from mmap import ACCESS_READ, mmap
from typing import Any

from somscape._stored import are_large, temporary, told
from somscape.tables._late import pa


def spooled(parts: Iterable["pa.Table | pa.RecordBatch"]) -> list["pa.Table"]:
    """Return tables, stored in a temporary file if their total size is large."""
    rest, memory = iter(parts), pa.BufferOutputStream()
    for part in rest:
        if are_large(memory.tell() + part.nbytes):
            return _tables(_in_file(memory.getvalue(), chain([part], rest)))
        _write(memory, part)
    return _tables(memory.getvalue())


def _in_file(begun: Any, parts: Iterator[Any]) -> Any:
    """Write all tables to a temporary file, and return them from the mapped file."""
    with temporary() as file:
        sink = pa.PythonFile(file, "w")
        with told():
            file.write(begun)
        del begun
        for part in parts:
            with told():
                _write(sink, part)
        with told():
            file.flush()
            return pa.py_buffer(mmap(file.fileno(), 0, access=ACCESS_READ))


def _write(sink: Any, part: Any) -> None:
    with pa.ipc.new_stream(sink, part.schema) as writer:
        writer.write(part)


def _tables(written: Any) -> list["pa.Table"]:
    reader, found = pa.BufferReader(written), []
    while reader.tell() < reader.size():
        found.append(pa.ipc.open_stream(reader).read_all())
    return found
