"""Tables that come one after the other, kept in a temporary file and read from there."""

from collections.abc import Iterable
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING

from somscape._stored import temporary, told

if TYPE_CHECKING:
    import pyarrow as pa


def spooled(parts: Iterable["pa.Table | pa.RecordBatch"]) -> list["pa.Table"]:
    """Write tables to a temporary file as they come, and return them as that file holds them.

    The file has no name where the system allows that, and is gone with the last of the tables,
    whatever ends the process.  It is mapped: what is read of it takes memory that the system can
    take back at any time.

    Parameters
    ----------
    parts : iterable of pyarrow.Table or pyarrow.RecordBatch
        Each with columns of its own.

    Returns
    -------
    list of pyarrow.Table

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    import pyarrow as pa  # late: it is slow to import

    with temporary() as file:
        sink = pa.PythonFile(file, "w")
        for part in parts:
            with told(), pa.ipc.new_stream(sink, part.schema) as writer:
                writer.write(part)
        with told():
            file.flush()
        if not file.tell():
            return []
        mapped = pa.BufferReader(pa.py_buffer(mmap(file.fileno(), 0, access=ACCESS_READ)))
    found = []
    while mapped.tell() < mapped.size():
        found.append(pa.ipc.open_stream(mapped).read_all())
    return found
