"""Read tables, also more than once, from files, databases, data frames or functions."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import numpy as np

from somscape._files import shown
from somscape._types import Floats
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.tables._cells import (
    ArrowTexts,
    NumberTexts,
    PlainTexts,
    clean_cell,
    numbers,
    spooled,
    strings,
)
from somscape.tables._frame import STREAM, as_frame, table_at, table_from_frame
from somscape.tables._header import N_HEADER, NumberedRecord, split_header
from somscape.tables._late import pa
from somscape.tables._messages import FileLines, Lines, Note, counted, listed, quoted, suggestion
from somscape.tables._parts import (
    Parts,
    array_from,
    check_names_of,
    not_for_numbers,
    table_of_batches,
)
from somscape.tables._split import split_sample
from somscape.tables._sql import FORMS, SCHEME, database_at, is_url, read_sql
from somscape.tables._text import (
    ARROW_FILES,
    CONVERTED,
    TEXTS,
    WORKBOOKS,
    check_reading,
    decode,
    ending_of,
    kind_of,
    read_bytes,
    read_text,
    unreadable,
)
from somscape.tables._text_table import Records, split_at, table_from_records, text_records
from somscape.tables.column import Column
from somscape.tables.table import Table


def read_table(
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    source: str | None = None,
    sheet: str | int | None = None,
    header: int | None = None,
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
    header : int, optional
        Number of the line (in a workbook, the row of the sheet) with the column names, from 1.
        Lines above it are left out.  If names are missing or equal, merged cells in the line above
        complete the names.  By default, the first line contains the names, or the first complete
        line below title lines and merged cells.
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

    The column names are in line 3, below a title and a date:

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "rates.csv")
    ...     _ = path.write_text("Rates\\n2026-01-31\\nid,rate\\n7,3.5\\n")
    ...     read_table(path, header=3).names
    ('id', 'rate')
    """
    if decimal not in (None, ".", ","):
        raise InputError(
            f"`decimal` must be '.' or ',', but is {quoted(decimal)}.",
            value=decimal,
            allowed=(".", ","),
        )
    if header is not None:
        check_whole("header", header, 1)
        header = int(header)
    if is_url(path):
        check_reading("database", "a database", (delimiter, decimal, encoding), sheet, header)
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
    check_reading(kind, source, (delimiter, decimal, encoding), sheet, header)
    reading = Reading(delimiter, decimal, encoding, sheet, header, missing_values)
    if files is not None:
        return read_many(files, source, reading)
    if Path(path).suffix.lower() in CONVERTED:
        raise InputError(
            f"{source} is a file of ESOM Tools. Convert it to a table with"
            f" `somscape convert {source} {Path(source).stem}.csv`.",
            file=source,
        )
    if kind == "arrow":
        from somscape.tables._arrow_files import open_arrow  # late: it is slow to import

        return Parts([(source, open_arrow(path, source))], "files", list).table(
            source, missing_values
        )
    return _table_from(kind, *_raw(path, source, kind, reading), source, reading).put_away()


HIDDEN = (".", "_")
"""First characters of the names of files that are not read, such as ``_SUCCESS``."""

PATTERN = re.compile(r"[*?\[]")
WHOLE = re.compile("-?[0-9]{1,15}")

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""Value in a folder name such as ``year=2026`` that means a missing value."""


@dataclass(frozen=True)
class Files:
    """The files of one table.

    Attributes
    ----------
    source : str
        Name of the table in messages, which is the path of the folder or the pattern.
    paths : tuple of Path
        Paths of the files, sorted.
    names : tuple of str
        Path of each file relative to the folder, for messages.
    kind : str
        Kind of the files, as returned by `kind_of`.
    folders : dict of str to list of str
        Columns that are read from folder names such as ``year=2026``.  Each column has one value
        for each file.
    left_out : list of str
        Names of those files and folders in the folder that are not read.
    """

    source: str
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    kind: str
    folders: dict[str, list[str]]
    left_out: list[str]


@dataclass(frozen=True)
class Reading:
    """Options for reading files, as in `read_table`. None means automatic detection."""

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | int | None = None
    header: int | None = None
    missing_values: Sequence[str] | None = None


def files_of(path: str | os.PathLike[str]) -> Files | None:
    """Return the files of a folder or of a pattern. For the path of a single file, return None."""
    text = os.fspath(path)
    if text == "-" or SCHEME.match(text):
        return None
    if Path(path).is_dir():
        return _in_folder(Path(path))
    return _by_pattern(Path(path)) if PATTERN.search(text) and not Path(path).exists() else None


def _in_folder(folder: Path) -> Files:
    found: list[str] = []
    others: list[str] = []
    for name in sorted(_names_in(folder)):
        is_table = not name.endswith("/") and ending_of(name) in (*TEXTS, *ARROW_FILES, *WORKBOOKS)
        (found if is_table else others).append(name)
    source = shown(folder.name or folder.resolve().name)
    if not found:
        held = f", only {listed(others, 3)}" if others else ""
        cure = f"Give a pattern such as '{shown(folder)}/*/*.csv'" if others else "Check the name"
        raise InputError(
            f"The folder '{shown(folder)}' does not contain tables (.csv, .parquet, .xlsx, ...)"
            f"{held}. {cure}.",
            file=folder,
        )
    return _checked(source, folder, found, others)


def _names_in(folder: Path) -> Iterator[str]:
    """Yield the names of files, and of folders without "=" in their name (with "/" at the end)."""

    def refuse(error: OSError) -> None:
        raise unreadable(folder, error) from error

    for at, folders, files in os.walk(folder, onerror=refuse):
        place = Path(at).relative_to(folder)
        seen = [name for name in folders if not name.startswith(HIDDEN)]
        folders[:] = [name for name in seen if "=" in name]
        yield from ((place / name).as_posix() for name in files if not name.startswith(HIDDEN))
        yield from (f"{(place / name).as_posix()}/" for name in seen if "=" not in name)


def _by_pattern(path: Path) -> Files:
    folder, parts = Path(path.anchor), list(path.parts[bool(path.anchor) :])
    while len(parts) > 1 and not (PATTERN.search(parts[0]) and not (folder / parts[0]).exists()):
        folder /= parts.pop(0)
    pattern = "/".join(parts)
    plain = (part if part == "**" else re.sub(r"\*+", "*", part) for part in parts)
    may_be_hidden = any(part.startswith(HIDDEN) for part in parts)
    found = [
        name
        for name in (path.relative_to(folder) for path in folder.glob("/".join(plain)))
        if may_be_hidden or not any(part.startswith(HIDDEN) for part in name.parts)
    ]
    names = sorted(name.as_posix() for name in found if (folder / name).is_file())
    if not names:
        raise InputError(_no_match(folder, pattern, found), file=folder / pattern)
    return _checked(shown(pattern), folder, names, [])


def _no_match(folder: Path, pattern: str, found: Sequence[Path]) -> str:
    if found:
        return (
            f"Only folders match the pattern '{shown(folder / pattern)}', such as"
            f" {quoted(shown(found[0]))}. Add /*.csv, or another extension of the files."
        )
    there = [shown(entry.name) for entry in folder.iterdir()] if folder.is_dir() else []
    there = sorted(name for name in there if not name.startswith(HIDDEN))
    cure = suggestion(pattern, there) or (
        f"the folder contains {listed(there, 3)}" if there else "check the name of the folder"
    )
    return f"No file matches the pattern '{shown(folder / pattern)}' ({cure})."


def _checked(source: str, folder: Path, names: list[str], others: list[str]) -> Files:
    kinds: dict[str, str] = {}
    for name in names:
        kinds.setdefault(kind_of(name), name)
    if len(kinds) > 1:
        raise InputError(
            f"{source} contains files of several kinds, such as"
            f" {listed(shown(name) for name in kinds.values())}. Select files of one kind with a"
            f" pattern such as '*{Path(names[0]).suffix}'.",
            file=source,
        )
    said = [_values_in_path(name) for name in names]
    for name, keys in zip(names, said, strict=True):
        if list(keys) != list(said[0]):
            here, first = (listed(k) or "no column" for k in (keys, said[0]))
            raise InputError(
                f"The folder names of {shown(name)} contain {here}, but the folder names of"
                f" {shown(names[0])} contain {first}. Use folders with the same columns for all"
                " files.",
                file=name,
            )
    folders = {key: [keys[key] for keys in said] for key in said[0]}
    paths = tuple(folder / name for name in names)
    return Files(source, paths, tuple(map(shown, names)), kind_of(names[0]), folders, others)


def _values_in_path(name: str) -> dict[str, str]:
    """Return the values in the folder names of a file's path, such as 2026 in ``year=2026``."""
    pairs = (part.split("=", 1) for part in name.split("/")[:-1] if "=" in part)
    return {unquote(key): unquote(value) for key, value in pairs}


def read_many(files: Files, source: str, reading: Reading) -> Table:
    """Read several files that have the same columns as one table."""
    names = files.names
    if files.kind == "arrow":
        from somscape.tables._arrow_files import open_arrow  # late: it is slow to import

        each = zip(names, files.paths, strict=True)
        parts = Parts(((name, open_arrow(path, name)) for name, path in each), "files")
        table, sizes = parts.table(source, reading.missing_values), parts.sizes
    else:
        table, sizes = _texts(files, source, reading)
    notes = [counted(len(names), "file") + (f", {names[0]} to {names[-1]}" if names[1:] else "")]
    if files.left_out:
        notes.append(f"left out of the folder: {listed(files.left_out, 3)}")
    has = [key for key in files.folders if key in table.names]
    if has:
        notes.append(f"folder names for {listed(has)} ignored, because the files have the column")
    added = [
        _column_of_folders(key, values, sizes).put_away(len(table.columns))
        for key, values in files.folders.items()
        if key not in has
    ]
    if added:
        notes.append(f"{listed(c.name for c in added)} taken from the names of folders")
    return replace(table, columns=(*table.columns, *added), notes=(*notes, *table.notes))


def _column_of_folders(name: str, values: Sequence[str], sizes: Sequence[int]) -> Column:
    """Make a column from values in folder names. If all values are whole, the column is numeric."""
    cells = [None if value == NO_VALUE else clean_cell(value) for value in values]
    given = {cell for cell in cells if cell is not None}
    are_numbers = all(map(WHOLE.fullmatch, given))  # 007 and 7 are different folders
    if are_numbers and len(set(map(int, given))) == len(given):
        each = np.array([np.nan if cell is None else float(cell) for cell in cells])
        found = np.repeat(each, sizes)
        return Column(name, NumberTexts(found, True), numbers=found)
    chosen = numbers(np.repeat(np.arange(len(cells)), sizes))
    return Column(name, ArrowTexts(pa.chunked_array([strings(cells).take(chosen)])))


def _texts(files: Files, source: str, reading: Reading) -> tuple[Table, list[int]]:
    """Read text tables or workbooks as one table. All files together decide a column's type."""
    parts: list[Records] = []
    delimiter = ""
    for path, name in zip(files.paths, files.names, strict=True):
        raw, found = _raw(path, name, files.kind, reading, len(files.paths))
        delimiter = delimiter or found
        parts.append(raw)
        check_names_of(name, list(raw.columns), files.names[0], list(parts[0].columns))
    names = [*parts[0].columns]
    columns = {c: _joined([part.columns.pop(c) for part in parts], len(names)) for c in names}
    notes = _joined_notes(files.names, [part.notes for part in parts])
    lines = [cast(Lines, part.lines) for part in parts]
    where = FileLines.of(files.names, lines, has_lines=True)
    joined = Records(columns, where, notes)
    return _table_from(files.kind, joined, delimiter, source, reading), list(map(len, lines))


def _raw(
    path: str | os.PathLike[str], name: str, kind: str, reading: Reading, n_files: int = 1
) -> tuple[Records, str]:
    """Return the texts of a file's cells (or the values of a sheet), and the file's delimiter."""
    if kind == "text":
        # No variable refers to the bytes, so that their memory is free afterwards.
        return text_records(
            decode(read_text(path, name), name, reading.encoding),
            name,
            reading.delimiter,
            reading.missing_values,
            n_files,
            reading.header,
        )
    from somscape.tables._workbook import workbook_records  # late: it is slow to import

    return workbook_records(read_bytes(path, name), name, reading.sheet, reading.header), ","


def first_records(
    path: str | os.PathLike[str], source: str, reading: Reading
) -> tuple[list[NumberedRecord], int | None]:
    """Return the first records of a text table or sheet, and the line with the likely names."""
    kind = kind_of(path)
    if kind == "arrow":
        return [], None
    if kind == "text":
        file, _ = decode(read_text(path, source), source, reading.encoding)
        delimiter, file, _ = split_at(file, source, reading.delimiter, None)
        if reading.header is not None:
            with suppress(InputError):
                delimiter, _, _ = split_at(file, source, reading.delimiter, reading.header)
        records: list[NumberedRecord] = [*split_sample(file, delimiter)[:N_HEADER]]
    else:
        from somscape.tables._workbook import first_rows  # late: it is slow to import

        records = first_rows(read_bytes(path, source), source, reading.sheet)
    found, _ = split_header(records)
    return records, None if found is None else found.line


def _table_from(
    kind: str, records: Records, delimiter: str, source: str, reading: Reading
) -> Table:
    """Convert the cells of one or more files to a table."""
    asked = reading.missing_values
    if kind == "text":
        return table_from_records(records, source, delimiter, reading.decimal, asked)
    from somscape.tables._workbook import table_of_values

    return table_of_values(records, source, asked)


def _joined_notes(names: Sequence[str], notes: Sequence[Sequence[str]]) -> list[str]:
    """Return each note once. If a note is not for all files, add the name of its first file."""
    files: dict[str, list[str]] = {}
    for name, said in zip(names, notes, strict=True):
        for note in said:
            files.setdefault(note, []).append(name)
    found: list[str] = []
    for note, of in files.items():
        more = f" and {len(of) - 1} more" if of[1:] else ""
        text = note if len(of) == len(names) else f"{note} ({of[0]}{more})"
        found.append(Note(text, getattr(note, "options", "")))
    return found


def _joined(parts: Sequence[Any], among: int) -> Any:
    """Join one column of several files: values of sheets, or raw texts."""
    if isinstance(parts[0], list):
        return list(chain.from_iterable(parts))
    plain = [part for part in parts if isinstance(part, PlainTexts)]
    if len(plain) == len(parts):
        return PlainTexts.joined(plain, among)
    texts = (p.as_written() if isinstance(p, PlainTexts) else p for p in parts)
    return pa.chunked_array([chunk for text in texts for chunk in text.chunks], pa.string())


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
            value=type(data).__name__,
        )
    return Source(table_from_frame(data, **reading))


def collected(data: Any) -> Any:
    """Return data in a form that can be read more than once."""
    if isinstance(data, Source):
        return data.rows()
    frame = None if isinstance(data, Table) else as_frame(data, "X")
    return data if frame is None else frame.native
