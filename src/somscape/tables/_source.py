"""A table that can be gone through again, wherever its rows come from."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from somscape._files import shown
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.tables._database import is_url
from somscape.tables._frame import as_frame, table_from_frame
from somscape.tables._read import paths_of, read_table
from somscape.tables._spool import spooled
from somscape.tables._table import Table


class Source:
    """A table that can be gone through again, as `source` makes it.

    Parameters
    ----------
    data : Table, str or path
        A table, or what `read_table` reads.
    **reading : dict
        Further parameters of `read_table`.
    """

    def __init__(self, data: Table | str | os.PathLike[str], **reading: Any) -> None:
        self._data, self._reading = data, reading
        self._names: tuple[str, ...] | None = None
        self._files: set[tuple[Path, int, int]] = set()
        self._rows: Any = None  # pyarrow.Table, in a temporary file

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns; the table is read for them if it was not yet."""
        return self.table().names if self._names is None else self._names

    def table(self) -> Table:
        """Return the table; files and databases are read anew each time."""
        data = self._data
        table = data if isinstance(data, Table) else read_table(data, **self._reading)
        self._names = table.names
        return table

    def batches(self, n_rows: int = 65_536) -> Iterator[Any]:
        """Yield the rows, a limited number at a time; each time the same.

        All cells of a column decide what it holds.  So the first pass over a file or a database
        takes the memory of the whole table, which it writes to a temporary file, in the folder that
        ``TMPDIR`` names.  Later passes read that file and take the memory of a batch.  Data frames
        are gone through where they are.

        Parameters
        ----------
        n_rows : int, default=65536
            The most rows of a batch.

        Yields
        ------
        pyarrow.RecordBatch
            Of the rows of `Table.to_arrow`: numbers as float64, other columns as text, null where a
            cell is missing.

        Raises
        ------
        InputError
            If the table cannot be read, or a file of it changed since the first pass.
        """
        check_whole("n_rows", n_rows, 1)
        yield from self._kept().to_reader(max_chunksize=n_rows)

    def _kept(self) -> Any:
        """Return the rows as pyarrow's table, which takes no memory where they came from a file."""
        if isinstance(self._data, Table):
            return self._data.to_arrow()
        files = _state(self._data)
        if self._rows is None:
            import pyarrow as pa  # late: it is slow to import

            self._files, self._rows = files, _by_column(self.table())
            pa.default_memory_pool().release_unused()  # the table, to the system
        if changed := sorted(files ^ self._files):
            raise InputError(
                f"{shown(changed[0][0].name)} changed since its rows were first gone through;"
                " make a new source, so that each pass has the same rows"
            )
        return self._rows


def _by_column(table: Table) -> Any:
    """Return a table as pyarrow's, in a temporary file to which one column after another goes."""
    import pyarrow as pa  # late: it is slow to import

    parts = spooled(table.select(name).to_arrow() for name in table.names)
    return pa.table(dict(zip(table.names, (part.column(0) for part in parts), strict=True)))


def _state(path: str | os.PathLike[str]) -> set[tuple[Path, int, int]]:
    """Return the files that a table is read from, with size and time; a database has none."""
    files = [] if is_url(path) else [file for file in paths_of(path) if file.is_file()]
    found = [(file, file.stat()) for file in files]
    return {(file, of.st_size, of.st_mtime_ns) for file, of in found}


def source(data: Any, **reading: Any) -> Source:
    """Return a table that can be gone through again.

    Parameters
    ----------
    data : str, path, Table or data frame
        What `read_table` or `table_from_frame` takes.  A lazy frame, or a reader that gives its
        rows only once, is collected here.
    **reading : dict
        Further parameters of `read_table`, or of `table_from_frame`.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If a frame cannot be read as a table; for files when they are read.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = source(pd.DataFrame({"age": [41, 52, 63], "sex": ["f", "m", "f"]}))
    >>> rows.names, [batch.num_rows for batch in rows.batches(2)]
    (('age', 'sex'), [2, 1])
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, (str, os.PathLike, Table)):
        return Source(data, **reading)
    return Source(table_from_frame(data, **reading))


def collected(data: Any) -> Any:
    """Return data of which nothing is used up by reading it.

    Parameters
    ----------
    data : object
        Anything; messages call it X.

    Returns
    -------
    object
        A `Source` as its table, a lazy frame or a reader as a frame, anything else as it is.
    """
    if isinstance(data, Source):
        return data.table()
    frame = None if isinstance(data, Table) else as_frame(data, "X")
    return data if frame is None else frame
