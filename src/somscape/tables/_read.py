"""A file, many files or a database -> a table: pick the reader."""

import os
from collections.abc import Sequence
from pathlib import Path

from somscape._files import shown
from somscape.errors import InputError
from somscape.tables._database import FORMS, database_at, is_url
from somscape.tables._endings import CONVERTED, check_reading, kind_of
from somscape.tables._frame import table_from_frame
from somscape.tables._many import Files, Reading, files_of, read_many
from somscape.tables._sql import read_sql
from somscape.tables._table import Table
from somscape.tables._text import decode, read_bytes, read_text
from somscape.tables._text_table import table_from_text
from somscape.tables._typed import Agreed, typed_table
from somscape.tables._words import quoted


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
        raise InputError(f"decimal must be '.' or ','; got {quoted(decimal)}")
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
    ending = Path(path).suffix.lower()
    if ending in CONVERTED:
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
    """Import what `read_table` needs for a file."""
    import pyarrow as pa
    import pyarrow.compute
    import pyarrow.csv

    if kind_of(path) == "arrow":
        import pyarrow.feather
        import pyarrow.parquet

    pa.array([0])  # which imports pandas where it is installed
