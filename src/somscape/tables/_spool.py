"""Tables that come one after the other, kept in a temporary file and read from there."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING

from somscape._files import shown
from somscape.errors import InputError

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

    with _told():
        file = tempfile.TemporaryFile(prefix="somscape-")  # noqa: SIM115 - closing it may fail
    try:
        sink = pa.PythonFile(file, "w")
        for part in parts:
            with _told(), pa.ipc.new_stream(sink, part.schema) as writer:
                writer.write(part)
        with _told():
            file.flush()
        if not file.tell():
            return []
        mapped = pa.BufferReader(pa.py_buffer(mmap(file.fileno(), 0, access=ACCESS_READ)))
    finally:
        with suppress(OSError):  # it tries again what could not be written
            file.close()
    found = []
    while mapped.tell() < mapped.size():
        found.append(pa.ipc.open_stream(mapped).read_all())
    return found


@contextmanager
def _told() -> Iterator[None]:
    """Say in one line why the file cannot be written."""
    try:
        yield
    except OSError as error:
        folder = f" in {shown(tempfile.tempdir)}" if tempfile.tempdir else ""
        raise InputError(
            f"rows wait in a temporary file{folder}, which cannot be written"
            f" ({error.strerror or error}). Free some space there, or name another folder in the"
            " environment variable TMPDIR."
        ) from error
