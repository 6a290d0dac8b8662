"""Read tables, also more than once, from files, databases, data frames or functions."""

import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import shown
from somscape._types import Floats
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.tables._cells import numbers
from somscape.tables._frame import STREAM, as_frame, table_at, table_from_frame
from somscape.tables._late import pa
from somscape.tables._many import Files, Reading, files_of, read_many
from somscape.tables._messages import quoted
from somscape.tables._spool import spooled
from somscape.tables._sql import FORMS, database_at, is_url, read_sql
from somscape.tables._text import CONVERTED, check_reading, decode, kind_of, read_bytes, read_text
from somscape.tables._text_table import table_from_text
from somscape.tables._typed import (
    Agreed,
    array_from,
    not_for_numbers,
    table_of_batches,
    typed_table,
)
from somscape.tables.table import Table


def read_table(
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    source: str | None = None,
    sheet: str | int | None = None,
    missing_values: Sequence[str] | None = None,
    table: str | None = None,
    query: str | None = None,
) -> Table:
    """Read a table from a file with a header line, several such files, or a database.

    Parameters
    ----------
    path : str or path
        Text table (.csv, .tsv, .txt, also compressed as .gz, .bz2 or .zst), Parquet file
        (.parquet), Arrow file (.feather, .arrow, .ipc), or workbook (.xlsx, .xlsm, .xlsb, .xls,
        .ods, which need the extra ``excel``).  "-" reads a text table from standard input.  If the
        path is a folder or a pattern such as ``data/*.parquet``, all matching files are read.  The
        path can also be the URL of a database (see `read_sql`).
    delimiter : str, optional
        One character, or "tab".  By default, comma, semicolon, tab or ``|`` is detected.
    decimal : "." or ",", optional
        Decimal mark of all columns.  By default, the decimal mark of each column is detected.
    encoding : str, optional
        Encoding of a text table.  By default, the byte order mark decides.  Files without this mark
        are read as UTF-8 if possible, and otherwise as cp1252.
    source : str, optional
        Name of the table in messages, with no effect on how the file is read (the extension of
        `path` decides).  The default is the name of the file.
    sheet : str or int, optional
        Name of a workbook's sheet, or its number (from 1, and hidden sheets count).  The default is
        the first visible sheet that contains a table.
    missing_values : sequence of str, optional
        Words (in upper or lower case) and numbers that mean a missing cell, such as ``["999"]``.
        Empty cells are always missing.  The default is `MISSING_WORDS`.  If the values of a column
        are other punctuation marks, ``-`` and ``?`` are also values in this column.
    table, query : str, optional
        Name of a table in a database, or one SQL statement that reads rows.

    Returns
    -------
    Table
        Table whose `notes` describe the detected format of the file.

    Raises
    ------
    InputError
        If the file cannot be read as a table.  The message contains file, line, cause and remedy.

    See Also
    --------
    source : Read a table that is too large for memory.
    read_sql, table_from_frame, table_from_columns

    Notes
    -----
    Cells with one of `MISSING_WORDS` are missing.  A column contains numbers if every cell that is
    not missing is a number in any style (see `Column.style`).  If a cell is written like "007", the
    column is text.  If a column contains only numbers such as "1,234", the decimal mark of the
    other columns decides.  If the other columns show no decimal mark, or both marks, "1,234" is
    1234 in a file with commas as delimiters, and otherwise 1.234.  The style of a column is
    detected from its first 10,000 distinct cells and from later cells with another style.

    All files of a folder or pattern need the same column names, in any order.  The files are read
    in the order of their paths.  Files whose names begin with ``.`` or ``_`` are skipped.
    `Table.where` returns the file of each row.  Folder names such as ``year=2026`` become columns.
    For text tables and workbooks, the cells of all files together decide the kind of a column and
    its missing cells.  For other files, a column's types in all files must be compatible, such as
    integers and floats.

    Reading text tables and workbooks needs at most ten times the (decompressed) size of the file in
    memory, plus 600 bytes for each of up to 10,000 columns.  A text table of 256 MiB or more, and
    its numbers, are stored in temporary files.  Of Parquet and Arrow files and of databases, only
    one column, file or batch at a time is in memory.  The large columns of a table are stored in
    temporary files (see `source`).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "rates.csv")
    ...     _ = path.write_text("id;rate\\n7;3,5\\n8;?\\n")
    ...     table = read_table(path)
    >>> table.to_numpy(["rate"]).ravel(), table.where(1)
    (array([3.5, nan]), 'rates.csv, line 3')
    >>> table.notes
    ("delimiter ';'", "decimal comma in 'rate'", "missing cells: 1, written '?'")
    """
    if decimal not in (None, ".", ","):
        raise InputError(
            f"`decimal` must be '.' or ',', but is {quoted(decimal)}.",
            parameter="decimal",
            value=decimal,
            allowed=(".", ","),
        )
    if is_url(path):
        check_reading("database", "a database", (delimiter, decimal, encoding), sheet)
        rows, name = read_sql(str(path), table=table, query=query)
        return table_from_frame(rows, source or name, missing_values=missing_values)
    if table is not None or query is not None:
        raise InputError(
            f"{shown(os.fspath(path))} is a file, but `table` and `query` need the URL of a"
            f" database. Give {FORMS}.",
            parameter="query" if table is None else "table",
            file=path,
        )
    files = files_of(path)
    kind = kind_of(path) if files is None else files.kind
    source = source or _name_of(path, files)
    check_reading(kind, source, (delimiter, decimal, encoding), sheet)
    if files is not None:
        reading = Reading(delimiter, decimal, encoding, sheet, missing_values)
        return read_many(files, source, reading)
    if Path(path).suffix.lower() in CONVERTED:
        raise InputError(
            f"{source} is a file of ESOM Tools. Convert it to a table with"
            f" `somscape convert {source} {Path(source).stem}.csv`.",
            file=source,
        )
    if kind == "text":
        # No variable refers to the bytes, so that their memory is free after parsing.
        return table_from_text(
            decode(read_text(path, source), source, encoding),
            source,
            delimiter,
            decimal,
            missing_values,
        ).put_away()
    # Late imports, so that reading a .csv file does not load these modules.
    from somscape.tables._arrow_files import open_arrow
    from somscape.tables._workbook import read_workbook

    if kind == "arrow":
        agreed, rows = Agreed("files"), open_arrow(path, source)
        agreed.add(rows.schema, source)
        return typed_table([rows], [source], agreed, source, missing_values)
    return read_workbook(read_bytes(path, source), source, sheet, missing_values)


def _name_of(path: str | os.PathLike[str], files: Files | None) -> str:
    """Return the name of a table in messages from its path."""
    if files is not None:
        return files.source
    return "<stdin>" if os.fspath(path) == "-" else shown(Path(path).name)


def paths_of(path: str | os.PathLike[str]) -> list[Path]:
    """Return the paths of all files from which a table is read."""
    if is_url(path):
        file = database_at(str(path)).file
        return [] if file is None else [file]
    files = files_of(path)
    return [Path(path)] if files is None else list(files.paths)


def kind_at(path: str | os.PathLike[str]) -> str:
    """Return the kind of a source. The kind determines the valid parameters."""
    if is_url(path):
        return "database"
    files = files_of(path)
    return kind_of(path) if files is None else files.kind


def import_reader(path: str | os.PathLike[str]) -> None:
    """Import those libraries that `read_table` needs to read a file."""
    needed = ["compute", "csv", *(["feather", "parquet"] if kind_of(path) == "arrow" else [])]
    for name in needed:
        import_module(f"pyarrow.{name}")
    pa.array([0])  # imports pandas if it is installed


class Source:
    """A table, made by `source`, whose rows can be read more than once.

    Parameters
    ----------
    data : Table, ndarray, str or path
        Table, array of numbers, or path that `read_table` accepts.
    **reading : dict
        Further parameters of `read_table`.

    See Also
    --------
    source : Make a source from a path, a frame, an array or a function.

    Examples
    --------
    >>> from somscape.tables import source, table_from_columns
    >>> rows = source(table_from_columns({"age": [34, 61, 45]}))
    >>> type(rows).__name__
    'Source'
    """

    def __init__(self, data: Table | Floats | str | os.PathLike[str], **reading: Any) -> None:
        self._data, self._reading = data, reading
        self._names: tuple[str, ...] | None = None
        self._files: set[tuple[Path, int, int]] = set()
        self._rows: Any = None  # pyarrow.Table, in a temporary file

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns. If they are not yet known, the table is read."""
        if isinstance(self._data, np.ndarray):
            return _names_of(self._data)
        return self.table().names if self._names is None else self._names

    def table(self) -> Table:
        """Return the table. Files and databases are read again at each call."""
        data = self._data
        if isinstance(data, np.ndarray):
            table = _table_of(data)
        else:
            table = data if isinstance(data, Table) else read_table(data, **self._reading)
        self._names = table.names
        return table

    def rows(self) -> Table | Floats:
        """If the source was made from an array, return the array, otherwise the table."""
        return self._data if isinstance(self._data, np.ndarray) else self.table()

    def batches(self, n_rows: int = 65_536) -> Iterator[Any]:
        """Yield the rows in batches of limited size.  Each pass yields the same rows.

        The type of a column depends on all its cells.  Therefore, the first pass over a file or a
        database reads the whole table (see `read_table` for the memory).  This pass writes the
        table to a temporary file in the folder ``TMPDIR``.  Later passes read the temporary file
        and need memory for only one batch.  Data frames and arrays are not copied.

        Parameters
        ----------
        n_rows : int, default=65536
            Largest number of rows in a batch.

        Yields
        ------
        pyarrow.RecordBatch
            Rows in the format of `Table.to_arrow`, with numbers as float64, other columns as text,
            and null for missing cells.

        Raises
        ------
        InputError
            If the table cannot be read, or if one of its files was changed after the first pass.
        """
        check_whole("n_rows", n_rows, 1)
        yield from self._kept().to_reader(max_chunksize=n_rows)

    def _kept(self) -> Any:
        """Return the rows as a pyarrow table.

        The rows of files and databases are stored in a temporary file.
        """
        if isinstance(self._data, Table | np.ndarray):
            return self.table().to_arrow()
        files = _state(self._data)
        if self._rows is None:
            self._files, self._rows = files, _by_column(self.table())
            pa.default_memory_pool().release_unused()  # frees the memory of the table
        if changed := sorted(files ^ self._files):
            raise InputError(
                f"{shown(changed[0][0].name)} changed after its rows were read for the first time."
                " Make a new source, so that each pass has the same rows.",
                file=changed[0][0],
            )
        return self._rows


def _by_column(table: Table) -> Any:
    """Copy a table to a temporary file, one column after another, and return a pyarrow table."""
    parts = spooled(table.select(name).to_arrow() for name in table.names)
    return pa.table(dict(zip(table.names, (part.column(0) for part in parts), strict=True)))


def _state(path: str | os.PathLike[str]) -> set[tuple[Path, int, int]]:
    """Return the files of a table with sizes and times of change (empty for a database)."""
    files = [] if is_url(path) else [file for file in paths_of(path) if file.is_file()]
    found = [(file, file.stat()) for file in files]
    return {(file, of.st_size, of.st_mtime_ns) for file, of in found}


def _table_of(rows: Floats) -> Table:
    """Return an array as a table whose columns are named x0, x1, ..."""
    names = _names_of(rows)
    pairs = zip(names, rows.T, strict=True)
    frames = (pa.table({name: numbers(np.array(values))}) for name, values in pairs)
    return table_at(frames, "array", None, n_columns=len(names))


def _names_of(rows: Floats) -> tuple[str, ...]:
    return tuple(f"x{j}" for j in range(rows.shape[1]))


def _batches_of(lazy_frame: Any) -> Iterator[Any]:
    n_rows = 0
    for batch in lazy_frame.collect_batches():
        n_rows += len(batch)
        yield batch
    if not n_rows:
        raise InputError("The lazy frame is empty. Give at least one row.", parameter="data")


def source(data: Any, **reading: Any) -> Source:
    """Return a table that can be read more than once and can be larger than memory.

    Parameters
    ----------
    data : str, path, Table, data frame, ndarray or callable
        Data that `read_table` or `table_from_frame` accepts, an array, or a function.  The rows of
        a lazy frame, or of a reader that can be read only once, are read immediately.  An array has
        shape (n_rows, n_columns).  It can be a ``numpy.memmap``, because arrays are not copied.
        The path of a .npy file is also accepted, and this file is read immediately.  A function
        without parameters must return an iterator of batches (``pyarrow.RecordBatch``, data frames
        or arrays).  The function is called once, and all batches decide the types of columns.
    **reading : dict
        Further parameters of `read_table`, or of `table_from_frame`.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If `data` is an iterator, or if `data` is a frame, an array or a function that cannot be
        read as a table.  An error in a file is raised when the file is read.

    See Also
    --------
    read_table : Read all rows into memory.

    Notes
    -----
    `SOM`, `SOMDetector` and `TableEncoder` accept sources of any size.  If columns or encoded rows
    need 256 MiB or more, they are stored in temporary files without names in the folder ``TMPDIR``.
    The operating system can free the memory of such files at any time.  On the disk, the files need
    16 to 24 bytes for each numeric cell.  The files disappear when the process ends, even after a
    crash.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = source(pd.DataFrame({"age": [41, 52, 63], "sex": ["f", "m", "f"]}))
    >>> rows.names, [batch.num_rows for batch in rows.batches(2)]
    (('age', 'sex'), [2, 1])
    >>> batches = source(lambda: (pd.DataFrame({"age": [41 + i]}) for i in range(3)))
    >>> batches.table().to_numpy().ravel()
    array([41., 42., 43.])
    """
    is_path = isinstance(data, (str, os.PathLike))
    is_array = isinstance(data, np.ndarray) or (is_path and Path(data).suffix.lower() == ".npy")
    if is_array or isinstance(data, (Source, Table)):
        for name in reading:
            raise not_for_numbers(name)
    if isinstance(data, Source):
        return data
    if is_array:
        return Source(array_from(data))
    if is_path or isinstance(data, Table):
        return Source(data, **reading)
    if hasattr(data, "collect_batches"):  # a lazy frame of polars
        return Source(table_of_batches(lambda: _batches_of(data), "data frame", **reading))
    if callable(data):
        return Source(table_of_batches(data, **reading))
    if isinstance(data, Iterator) and not hasattr(data, STREAM):
        raise InputError(
            f"`data` is a {type(data).__name__}, which cannot be read more than once. Pass a"
            " function that returns an iterator, as in source(function), not source(function()).",
            parameter="data",
            value=type(data).__name__,
        )
    return Source(table_from_frame(data, **reading))


def collected(data: Any) -> Any:
    """Return data in a form that can be read more than once."""
    if isinstance(data, Source):
        return data.rows()
    frame = None if isinstance(data, Table) else as_frame(data, "X")
    return data if frame is None else frame
