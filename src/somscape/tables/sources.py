"""A table that can be read again: from a file, many files, a database or a function."""

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
    """Read a table with a header line from a file, or one of a database.

    Parameters
    ----------
    path : str or path
        A text table (.csv, .tsv, .txt, any of them with .gz, .bz2 or .zst), .parquet, an Arrow
        file (.feather, .arrow, .ipc), a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods, which need the
        extra ``excel``), or "-" for a text table on standard input; a folder of such files, or a
        pattern of their names such as ``data/*.parquet``; or the URL of a database, see `read_sql`.
    delimiter : str, optional
        One character, or "tab"; default: detected among comma, semicolon, tab and ``|``.
    decimal : "." or ",", optional
        The decimal mark in all columns; default: detected for each column.
    encoding : str, optional
        Default: by the byte order mark, else UTF-8, else cp1252.
    source : str, optional
        What messages and the table call the file; default: its name.  The ending of `path`
        alone says how it is read.
    sheet : str or int, optional
        Sheet of a workbook: its name, or its number from 1 (hidden ones count).  Default: the
        first visible one that holds a table.
    missing_values : sequence of str, optional
        Words that mean a missing cell, in any case, and numbers that do, such as ``["999"]``; an
        empty cell always does.  Default: `MISSING_WORDS`, of which ``-`` and ``?`` are values
        beside other marks.
    table, query : str, optional
        What to read of a database: a table by its name, or one statement.

    Returns
    -------
    Table
        Its `notes` say what was detected.

    Raises
    ------
    InputError
        If the file cannot be read as a table; one line with place, cause and cure.

    See Also
    --------
    source : For a table that is too large for memory.
    read_sql, table_from_frame, table_from_columns

    Notes
    -----
    Cells that hold one of `MISSING_WORDS` are missing.  A column is of numbers if every
    present cell is one, in whatever style (see `Column.style`); a column with a cell
    such as "007" is text.  Where "1,234" could be either, the other columns' decimal
    mark decides, then the delimiter: in a file delimited by commas it is 1234, else 1.234.
    The marks of a column are looked for in its first 10,000 different cells, and in later ones
    that these do not explain; every cell is then read with them.

    Files of a folder, or of a pattern, need columns of the same names, in any order.  They are read
    sorted by path, without those whose names begin with ``.`` or ``_``; each row knows its file
    (`Table.where`).  Names of folders such as ``year=2026`` become columns.  In text tables and
    workbooks the cells of all files decide what a column holds, and which of them are missing; in
    others the types must go together, as whole numbers do with others.

    Reading text tables and workbooks takes at most ten times the file's size in memory (of a packed
    file, the size of its content), plus 600 bytes for each of up to 10,000 columns.  Of text tables
    of 256 MiB or more, the file and its numbers wait in temporary files.  Of Parquet and Arrow
    files, and of databases, memory holds one column, file or batch at a time.  What is large of a
    table waits in temporary files (see `source`).

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
        raise InputError(f"decimal must be '.' or ','; got {quoted(decimal)}", value=decimal)
    if is_url(path):
        check_reading("database", "a database", (delimiter, decimal, encoding), sheet)
        rows, name = read_sql(str(path), table=table, query=query)
        return table_from_frame(rows, source or name, missing_values=missing_values)
    if table is not None or query is not None:
        raise InputError(
            f"{shown(os.fspath(path))} is a file; `table` and `query` say what to read of a"
            f" database, whose URL is {FORMS}"
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
            f"{source} is a file of ESOM Tools; make a table of it: somscape convert {source}"
            f" {Path(source).stem}.csv"
        )
    if kind == "text":
        # Named nowhere, so that the bytes are gone when the cells are there.
        return table_from_text(
            decode(read_text(path, source), source, encoding),
            source,
            delimiter,
            decimal,
            missing_values,
        ).put_away()
    # Late, so that reading a .csv does not load them.
    from somscape.tables._arrow_files import open_arrow
    from somscape.tables._workbook import read_workbook

    if kind == "arrow":
        agreed, rows = Agreed("files"), open_arrow(path, source)
        agreed.add(rows.schema, source)
        return typed_table([rows], [source], agreed, source, missing_values)
    return read_workbook(read_bytes(path, source), source, sheet, missing_values)


def _name_of(path: str | os.PathLike[str], files: Files | None) -> str:
    """Return what messages call a table."""
    if files is not None:
        return files.source
    return "<stdin>" if os.fspath(path) == "-" else shown(Path(path).name)


def paths_of(path: str | os.PathLike[str]) -> list[Path]:
    """Return the files that a table is read from."""
    if is_url(path):
        file = database_at(str(path)).file
        return [] if file is None else [file]
    files = files_of(path)
    return [Path(path)] if files is None else list(files.paths)


def kind_at(path: str | os.PathLike[str]) -> str:
    """Return how a table is read, which decides what may be said of it."""
    if is_url(path):
        return "database"
    files = files_of(path)
    return kind_of(path) if files is None else files.kind


def import_reader(path: str | os.PathLike[str]) -> None:
    """Import the libraries with which `read_table` reads a file."""
    needed = ["compute", "csv", *(["feather", "parquet"] if kind_of(path) == "arrow" else [])]
    for name in needed:
        import_module(f"pyarrow.{name}")
    pa.array([0])  # imports pandas if it is installed


class Source:
    """A table that can be gone through again, as `source` makes it.

    Parameters
    ----------
    data : Table, ndarray, str or path
        A table, rows of numbers, or what `read_table` reads.
    **reading : dict
        Further parameters of `read_table`.

    See Also
    --------
    source : Makes one.

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
        """Names of the columns; the table is read for them if it was not yet."""
        if isinstance(self._data, np.ndarray):
            return _names_of(self._data)
        return self.table().names if self._names is None else self._names

    def table(self) -> Table:
        """Return the table; files and databases are read anew each time."""
        data = self._data
        if isinstance(data, np.ndarray):
            table = _table_of(data)
        else:
            table = data if isinstance(data, Table) else read_table(data, **self._reading)
        self._names = table.names
        return table

    def rows(self) -> Table | Floats:
        """Return the array of rows that the source was made of, else the table."""
        return self._data if isinstance(self._data, np.ndarray) else self.table()

    def batches(self, n_rows: int = 65_536) -> Iterator[Any]:
        """Yield the rows, a limited number at a time; each time the same.

        All cells of a column decide what it holds.  So the first pass over a file or a database
        reads the whole table (see `read_table` for the memory that this takes) and writes it to a
        temporary file, in the folder that ``TMPDIR`` names.  Later passes read that file and take
        the memory of a batch.  Data frames and arrays are gone through where they are.

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
        if isinstance(self._data, Table | np.ndarray):
            return self.table().to_arrow()
        files = _state(self._data)
        if self._rows is None:
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
    parts = spooled(table.select(name).to_arrow() for name in table.names)
    return pa.table(dict(zip(table.names, (part.column(0) for part in parts), strict=True)))


def _state(path: str | os.PathLike[str]) -> set[tuple[Path, int, int]]:
    """Return the files that a table is read from, with size and time; a database has none."""
    files = [] if is_url(path) else [file for file in paths_of(path) if file.is_file()]
    found = [(file, file.stat()) for file in files]
    return {(file, of.st_size, of.st_mtime_ns) for file, of in found}


def _table_of(rows: Floats) -> Table:
    """Return an array as a table, of columns x0, x1, ..."""
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
        raise InputError("the lazy frame has no rows; give at least one")


def source(data: Any, **reading: Any) -> Source:
    """Return a table that can be gone through again, and may be larger than memory.

    Parameters
    ----------
    data : str, path, Table, data frame, ndarray or callable
        What `read_table` or `table_from_frame` takes.  A lazy frame, or a reader that gives its
        rows only once, is collected here.  An array of shape (n_rows, n_columns), such as a
        ``numpy.memmap``: its numbers are used where they are.  The path of one in a .npy file,
        which is read here, so that it may change later.  A function without parameters that returns
        an iterator of batches, each a ``pyarrow.RecordBatch``, a data frame or an array: it is
        called here, once, and all batches together decide what a column holds.
    **reading : dict
        Further parameters of `read_table`, or of `table_from_frame`.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If a frame, an array or batches cannot be read as a table, or for an iterator; for files
        when they are read.

    See Also
    --------
    read_table : Reads all rows at once.

    Notes
    -----
    `SOM`, `SOMDetector` and `TableEncoder` take sources of any size: columns and encoded rows of
    256 MiB or more lie in temporary files without names, in the folder that ``TMPDIR`` names, where
    the system can take the memory back at any time.  They take 16 to 24 bytes for each cell of a
    number, and are gone when the process ends, however it ends.

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
            f"a {type(data).__name__} cannot be started again: pass a function that returns it,"
            " source(function) and not source(function())"
        )
    return Source(table_from_frame(data, **reading))


def collected(data: Any) -> Any:
    """Return data of which nothing is used up by reading it."""
    if isinstance(data, Source):
        return data.rows()
    frame = None if isinstance(data, Table) else as_frame(data, "X")
    return data if frame is None else frame
