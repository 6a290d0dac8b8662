"""Write tables to files (CSV, Excel, Parquet), to databases, or as bytes."""

import io
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from itertools import product
from numbers import Real
from pathlib import Path
from typing import Any, Self, TextIO, TypeAlias
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from somscape._files import write_whole
from somscape._types import Float64s
from somscape.errors import InputError
from somscape.tables._cells import ArrowTexts, NumberTexts, as_bools, as_text, python_values
from somscape.tables._dates import find_dates
from somscape.tables._frame import table_from_frame
from somscape.tables._late import pa, pc
from somscape.tables._messages import check_libraries, listed, quoted, table_mark
from somscape.tables._sql import DatabaseAddress, database_at, one_line, quote_name
from somscape.tables._text import N_MAGIC, PACKED, decode
from somscape.tables._text_table import table_from_records, text_records
from somscape.tables.codes import is_number
from somscape.tables.column import Column
from somscape.tables.sources import Source, collected
from somscape.tables.table import Table

_QUOTE = "'"
# Characters that start a formula in spreadsheets (OWASP, "CSV injection").
_RISKY = ("=", "+", "-", "@", "\t", "\r", _QUOTE)
BLOCK_BYTES = 1 << 16
"""Total size in bytes of the values that are converted to Python objects at a time."""

# Time of creation in each workbook, so that the same rows give the same bytes.
MADE = datetime(2000, 1, 1)

Values: TypeAlias = Column | NDArray[Any] | list[Any]

_NEEDS_QUOTES = re.compile('[,"\r\n]')
_RISKY_OR_QUOTED = "^[-=+@\t\r']|[,\"\r\n]"


def escape_cell(text: str) -> str:
    """Return the text. If a spreadsheet could run the text as a formula, put ``'`` before it."""
    return _QUOTE + text if text.startswith(_RISKY) and not is_number(text) else text


def unescape_cell(text: str) -> str:
    """Undo `escape_cell` by removing one leading ``'``."""
    return text.removeprefix(_QUOTE)


def write_csv(
    file: str | os.PathLike[str] | TextIO, table: Table | Source | Mapping[str, Iterable[Any]]
) -> None:
    r"""Write a table as CSV in UTF-8, with commas and line ends ``\n``.

    Parameters
    ----------
    file : path or text file
        Path of the file, or a text file object that was opened with ``newline=""``.
    table : Table, Source or mapping of str to iterable
        Table to write.  The cells of a table are written with the text that they have in its
        source.  Each number of a mapping is written in the shortest form that gives the same number
        again (integers without ".0").  Dates are written in ISO form.  None and NaN become an empty
        cell.  If a spreadsheet could run a name or a text as a formula, ``'`` is written before it.

    Raises
    ------
    InputError
        If the columns have different lengths.

    See Also
    --------
    write_table : Write a CSV file, a workbook or a Parquet file.

    Examples
    --------
    >>> import sys
    >>> write_csv(sys.stdout, {"id": [7, 8], "score": [0.1, None], "note": ["=A1", "a,b"]})
    id,score,note
    7,0.1,'=A1
    8,,"a,b"
    """
    lines = _csv_lines(_by_name(table))
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open("w", encoding="utf-8", newline="") as handle:
            handle.writelines(lines)
    else:
        file.writelines(lines)


def _by_name(table: Table | Source | Mapping[str, Iterable[Any]]) -> dict[str, Values]:
    """Return columns by name, or raise InputError if they have different lengths."""
    if isinstance(table, Source):
        table = table.table()
    if isinstance(table, Table):
        return {column.name: column for column in table.columns}
    columns: dict[str, Values] = {
        name: values if isinstance(values, Column | np.ndarray) else list(values)
        for name, values in table.items()
    }
    n_rows = len(next(iter(columns.values()), ()))
    for name, values in columns.items():
        if len(values) != n_rows:
            raise InputError(
                f"Column {quoted(name)} has {len(values)} values, but the first column has {n_rows}"
                " values. Give all columns the same number of values.",
                column=name,
                value=len(values),
            )
    return columns


def _csv_lines(columns: Mapping[str, Values]) -> Iterator[str]:
    """Yield the lines of the CSV file that `write_csv` writes."""
    yield _line(map(_quote_cell, map(escape_cell, columns)))
    n_bytes = max(64, BLOCK_BYTES // max(1, len(columns)))
    cells = [_written(values, n_bytes) for values in columns.values()]
    yield from map(_line, zip(*cells, strict=True))


def _written(values: Values, n_bytes: int) -> Iterator[str]:
    """Yield the text of each cell, in quotes if the column has cells that need quotes."""
    if isinstance(values, Column) and (values.has_plain_numbers or not _has_special_cells(values)):
        return (cell or "" for cell in values.each_cell())
    return map(_quote_cell, map(_cell_text, each_value(values, n_bytes)))


def _has_special_cells(column: Column) -> bool:
    """Return whether a column has a cell that needs quotes or that could run as a formula."""
    return bool(as_bools(pc.match_substring_regex(column.to_arrow(), _RISKY_OR_QUOTED)).any())


def _line(texts: Iterable[str]) -> str:
    # A row of one empty cell would be a blank line, but readers skip blank lines.
    return (",".join(texts) or '""') + "\n"


def each_value(values: Values, n_bytes: int = BLOCK_BYTES) -> Iterator[Any]:
    """Yield values in blocks whose Python objects need about `n_bytes` bytes of memory."""
    if isinstance(values, Column):
        return values.each_cell()
    if isinstance(values, np.ndarray):
        return python_values(values, n_bytes // 8)
    return iter(values)


def _quote_cell(text: str) -> str:
    # Not csv.writer, because before Python 3.13 csv.writer does not quote a carriage return.
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _cell_text(value: Any) -> str:
    if value is None or value != value:  # only NaN and NaT differ from themselves
        return ""
    return escape_cell(value) if isinstance(value, str) else as_text(value)


MAX_ROWS, MAX_COLUMNS, MAX_LETTERS = 1_048_576, 16_384, 32_767
"""Limits of a sheet in Excel: rows (with the header), columns, and characters per cell."""

# Smallest number that is written to a workbook as text. Excel shows only 15 digits, and longer
# numbers are probably ids.
MAX_EXACT = 1e15

# Minimum and maximum width of a sheet's column in characters, and number of measured rows.
MIN_WIDTH, MAX_WIDTH, SEEN = 8, 60, 200

HEADER = {"bold": True, "bottom": 1, "bg_color": "#DCE6F0", "text_wrap": True, "valign": "top"}
# Excel's number of a paper size, and the last year whose dates it shows wrongly or not at all.
A4, FIRST_YEAR = 9, 1900

NOT_IN_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Sheet:
    """A sheet to write.

    Attributes
    ----------
    name : str
    columns : mapping of str to Column, ndarray or list
        Columns of equal length.
    choices : mapping of str to sequence of str, default={}
        For some columns, the items of a drop-down menu that each cell of the column gets.
    formats : mapping of str to str, default={}
        Number format of some columns, in the notation of Excel.
    keys : collection of str, default=()
        Columns whose dates stay texts, because programs compare them.
    n_printed : int or None, default=None
        Number of columns that are printed. None prints all.
    """

    name: str
    columns: Mapping[str, Values]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    keys: Collection[str] = ()
    n_printed: int | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows below the header."""
        return len(next(iter(self.columns.values()), ()))


def check_sheet(n_rows: int, n_columns: int) -> None:
    """Raise InputError if a table has too many rows or columns for a sheet of Excel."""
    if n_rows >= MAX_ROWS or n_columns > MAX_COLUMNS:
        raise InputError(
            f"The table has {n_rows:,} rows and {n_columns:,} columns, but a sheet of Excel has at"
            f" most {MAX_ROWS - 1:,} rows below the header and {MAX_COLUMNS:,} columns. Write the"
            " table as .csv or .parquet.",
            value=(n_rows, n_columns),
            allowed=(MAX_ROWS - 1, MAX_COLUMNS),
        )


def workbook_bytes(sheets: Sequence[Sheet]) -> bytes:
    """Return a workbook (.xlsx) with the given sheets, as bytes."""
    check_libraries("writing a .xlsx file", ("excel",), "xlsxwriter")
    import xlsxwriter  # late, because it belongs to an extra

    for sheet in sheets:
        check_sheet(sheet.n_rows, len(sheet.columns))
    content = io.BytesIO()
    # This option writes rows to disk immediately.
    book = xlsxwriter.Workbook(content, {"constant_memory": True})
    book.set_properties({"created": MADE})
    looks = {
        (is_long, is_risky): book.add_format(
            {"valign": "top", "text_wrap": is_long, "quote_prefix": is_risky}
        )
        for is_long, is_risky in product((False, True), repeat=2)
    }
    for sheet in sheets:
        _write(book, book.add_worksheet(sheet.name), sheet, looks)
    book.close()
    with ZipFile(content, "a") as packed:
        packed.comment = table_mark(sheets[0].columns)  # other programs drop this mark
    return content.getvalue()


def _write(book: Any, page: Any, sheet: Sheet, looks: Mapping[tuple[bool, bool], Any]) -> None:
    names, n_rows = list(sheet.columns), sheet.n_rows
    widths = [len(name) + 3 for name in names]  # the button of the filter needs space
    moments = {n: _moments(values) for n, values in sheet.columns.items() if n not in sheet.keys}
    shown = {n: (values, _date_format(values)) for n, values in moments.items() if values}
    formats = [shown[n][1] if n in shown else sheet.formats.get(n, "General") for n in names]
    own = [book.add_format({"num_format": each, "valign": "top"}) for each in formats]
    header = book.add_format(HEADER)
    for col, name in enumerate(names):
        page.write_string(0, col, _clean(name), header)
    columns = (shown[n][0] if n in shown else _values(v) for n, v in sheet.columns.items())
    for row, values in enumerate(zip(*columns, strict=True), 1):
        for col, value in enumerate(values):
            if isinstance(value, str):
                look = len(value) > MAX_WIDTH or "\n" in value, escape_cell(value) != value
                page.write_string(row, col, _clean(value), looks[look])
            elif isinstance(value, bool):
                page.write_boolean(row, col, value, own[col])
            elif isinstance(value, datetime):
                page.write_datetime(row, col, value, own[col])
            elif value is not None:
                page.write_number(row, col, value, own[col])
        if row <= SEEN:
            widths = list(map(max, widths, map(_width, values)))
    for col, width in enumerate(widths):
        page.set_column(col, col, min(max(width, MIN_WIDTH), MAX_WIDTH))
    if names:
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, n_rows, len(names) - 1)
        page.ignore_errors({"number_stored_as_text": f"A1:XFD{n_rows + 1}"})
        page.print_area(0, 0, n_rows, (sheet.n_printed or len(names)) - 1)
        page.repeat_rows(0)
    page.set_landscape()
    page.set_paper(A4)
    page.fit_to_pages(1, 0)  # all columns are on one page
    page.set_footer("&L&A&R&P / &N")
    for name, choices in sheet.choices.items():
        if n_rows:
            col = names.index(name)
            menu = {"validate": "list", "source": list(choices)}
            page.data_validation(1, col, n_rows, col, menu)


def _moments(values: Values) -> list[datetime | None]:
    """Return the dates of a column that Excel can show, or [] for other columns."""
    if not isinstance(values, Column):
        return []
    found = next(iter(find_dates((values,)).values()), None)
    if found is None or found.is_guess or found.has_zone.any() or found.missing.all():
        return []
    moments: list[datetime | None] = found.moments.astype("datetime64[ms]").tolist()
    is_shown = all(each is None or each.year > FIRST_YEAR for each in moments)
    return moments if is_shown else []


def _date_format(moments: Sequence[datetime | None]) -> str:
    """Return the format of Excel that shows dates without losing a part."""
    times = {each.time() for each in moments if each is not None}
    part = ".000" if any(each.microsecond for each in times) else ""
    return f"yyyy-mm-dd hh:mm:ss{part}" if times != {time()} else "yyyy-mm-dd"


def _values(values: Values) -> Iterator[Any]:
    """Yield each value as text, a finite number or a boolean. Yield None for an empty cell."""
    if isinstance(values, Column) and values.numbers is not None:
        is_long = np.abs(values.numbers) >= MAX_EXACT
        if not (values.is_whole and is_long.any()):
            values = values.numbers
    for value in each_value(values):
        if value is None or value != value or value == "":  # NaN and NaT differ from themselves
            yield None
        elif isinstance(value, str | bool):
            yield value
        elif isinstance(value, Real) and np.isfinite(float(value)):
            yield float(value)
        else:
            yield as_text(value)


def _clean(text: str) -> str:
    text = NOT_IN_XML.sub("\ufffd", text.replace("\r\n", "\n"))
    return text if len(text) <= MAX_LETTERS else text[: MAX_LETTERS - 1] + "…"


def _width(value: Any) -> int:
    if isinstance(value, str):
        return len(value) + 1
    if isinstance(value, datetime):
        return len(str(value))
    return 0 if value is None else len(f"{value:.6g}") + 1


BOM = "\ufeff"
"""Byte order mark, by which Excel recognizes that a CSV file is UTF-8."""

DIGITS = 6
"""Number of significant digits to which scores and p-values are rounded in tables for people."""


def write_table(
    path: str | Path, columns: Table | Source | Mapping[str, Iterable[Any]], *, bom: bool = False
) -> None:
    r"""Write named columns to a file.

    Parameters
    ----------
    path : str or Path
        Path of the file.  The extension is ``.csv``, ``.parquet`` or ``.xlsx`` (which needs the
        extra ``excel``).  An existing file is replaced.  If writing fails, the existing file is
        unchanged.
    columns : Table, Source or mapping of str to iterable
        Columns, as for `write_csv`.  Formulas are escaped only in CSV files.
    bom : bool, default=False
        Whether a CSV file starts with a byte order mark, by which Excel recognizes UTF-8.

    Raises
    ------
    InputError
        If the extension is not supported, if columns have different lengths, if the table is too
        large for a sheet of Excel, or if the extra is not installed.

    See Also
    --------
    write_csv, write_sql, read_table

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(Path(folder, "t.csv"), {"id": [7]}, bom=True)
    ...     Path(folder, "t.csv").read_bytes()
    b'\xef\xbb\xbfid\n7\n'
    """
    ending = Path(path).suffix.lower()
    if ending not in (".csv", ".parquet", ".xlsx"):
        raise InputError(
            f"{path} has an extension that is not supported. Give a name that ends with .csv, .xlsx"
            " or .parquet.",
            file=path,
            value=ending,
            allowed=(".csv", ".xlsx", ".parquet"),
        )
    write_whole(path, table_bytes(ending.removeprefix("."), columns, bom=bom))


def table_bytes(
    kind: str, columns: Table | Source | Mapping[str, Iterable[Any]], *, bom: bool = False
) -> Iterator[bytes]:
    """Yield the bytes of the file that `write_table` would write, in several pieces."""
    found = _by_name(columns)
    if kind == "csv":
        yield BOM.encode() * bom
        yield from (line.encode() for line in _csv_lines(found))
    elif kind == "xlsx":
        yield workbook_bytes([Sheet("table", found)])
    else:
        # Late import, so that writing a .csv file does not load it.
        from somscape.tables._arrow_files import parquet_bytes

        yield parquet_bytes(found)


def rounded(numbers: Float64s) -> Float64s:
    """Return numbers, each rounded to `DIGITS` significant digits."""
    return np.array([float(f"{number:.{DIGITS}g}") for number in numbers], dtype=np.float64)


KEYS = ("run", "key")

NUMBER, TEXT = "DOUBLE PRECISION", "TEXT"
"""Types of columns in tables that `write_sql` creates. All supported databases have these types."""

SAME = {"DOUBLE": NUMBER, "VARCHAR": TEXT}
"""For each type that DuckDB reports under a name of its own, the standard name of the type."""

MAX_NAME = 63
"""Longest name in bytes. PostgreSQL truncates longer names."""

STAGED = "somscape_rows"
"""Name of a temporary database table that receives the rows before they are inserted."""

Types: TypeAlias = dict[str, str]


def write_sql(
    table: Table | Source, url: str, name: str, *, run: str, key: Sequence[str] | Sequence[int]
) -> None:
    """Write rows to a table of a database, in one transaction.

    Parameters
    ----------
    table : Table or Source
        Rows to write.  A column of numbers has the type ``DOUBLE PRECISION``, and any other column
        has the type ``TEXT``.  If an earlier column (or ``run`` or ``key``) has the same name in
        upper or lower case, the suffix ``_input`` is appended to the name.
    url : str
        ``sqlite:///FILE``, ``duckdb:///FILE`` or ``postgresql://USER@HOST/NAME``, without a
        password.  If the file of the database does not exist, it is created.
    name : str
        Name of the database table, with or without its schema (``schema.table``).  If the table
        does not exist, it is created.
    run : str
        Identifier of the run that made the rows.  It is written to the column ``run``.
    key : sequence of str or int
        Key of each row, which is unique in the run.  It is written to the column ``key`` as text.
        Existing rows with the same run and key are replaced.

    Raises
    ------
    InputError
        If a key is repeated, if the existing table does not have the same columns, or if writing
        fails.

    See Also
    --------
    read_sql, write_table

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from somscape.tables import read_table, table_from_columns
    >>> url = f"sqlite:///{tempfile.mkdtemp()}/bank.db"
    >>> alerts = table_from_columns({"score": [0.9, 0.7], "city": ["Rome", "Oslo"]})
    >>> for _ in range(2):
    ...     write_sql(alerts, url, "alerts", run="a4f1", key=["c7", "c3"])
    >>> print(read_table(url, table="alerts"))
    run   key  score  city
    a4f1  c7     0.9  Rome
    a4f1  c3     0.7  Oslo
    """
    rows = _rows(collected(table), run, [str(k) for k in key])
    types = {field.name: TEXT if str(field.type) == "string" else NUMBER for field in rows.schema}
    with _opened(url, name, keeps=True) as (sink, doing):
        found = sink.columns()
        _compare(found, types, doing)
        if not found:
            columns = ", ".join(f"{quote_name(column)} {type_}" for column, type_ in types.items())
            keys = ", ".join(map(quote_name, KEYS))
            sink.execute(f"CREATE TABLE {sink.target} ({columns}, PRIMARY KEY ({keys}))")
        sink.upsert(rows)


def check_sink(url: str, name: str) -> None:
    """Connect to a database, and check that its table can receive rows from `write_sql`."""
    with _opened(url, name, keeps=False) as (sink, doing):
        found = sink.columns()
        _compare(found, {**found, **dict.fromkeys(KEYS, TEXT)}, doing)


def _rows(table: Table, run: str, keys: list[str]) -> "pa.Table":
    if len(keys) != table.n_rows:
        raise InputError(
            f"`key` has {len(keys)} values, but the table has {table.n_rows} rows. Give one key for"
            " each row.",
            value=len(keys),
        )
    if len(set(keys)) < len(keys):
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise InputError(
            f"`key` contains {quoted(twice)} more than once. Give each row a different key.",
            value=twice,
        )
    names, taken = [], set(KEYS)
    for name in table.names:
        while name.casefold() in taken:
            name += "_input"
        taken.add(name.casefold())
        names.append(name)
    rows = table.to_arrow().rename_columns(names)
    rows = rows.add_column(0, KEYS[1], pa.array(keys, pa.string()))
    return rows.add_column(0, KEYS[0], pa.array([run] * len(keys), pa.string()))


def _compare(found: Types, wanted: Types, doing: str) -> None:
    """Raise InputError if a database table does not have the columns that the rows need."""
    if not found:
        return
    plain = {name: SAME.get(type_.upper(), type_.upper()) for name, type_ in found.items()}
    differs = [
        f"{what} {listed(names)}"
        for what, names in (
            ("it lacks", [name for name in wanted if name not in plain]),
            ("it also has", [name for name in plain if name not in wanted]),
        )
        if names
    ] or [
        f"{quoted(name)} is {found[name].lower()}, not {type_.lower()}"
        for name, type_ in wanted.items()
        if plain[name] != SAME.get(type_.upper(), type_.upper())
    ]
    if differs:
        raise InputError(
            f"{doing}: the table has other columns ({', '.join(differs)}). Give the name of another"
            " table.",
            options="--to-table NAME",
            parameter="name",
        )


@contextmanager
def _opened(url: str, name: str, *, keeps: bool) -> Iterator[tuple["_Sink", str]]:
    """Open a database table for writing. The transaction ends with the ``with`` block."""
    database = database_at(url)
    doing = f"writing {name} of {database.name}"
    made = database.file if database.file is not None and not database.file.exists() else None
    try:
        with one_line(doing, database), SINKS[database.engine](database, name) as sink:
            yield sink, doing
    except BaseException:
        keeps = False
        raise
    finally:
        if made is not None and not keeps:
            made.unlink(missing_ok=True)


class _Sink(ABC):
    """A database table that is open for writing, in a transaction."""

    begin = "BEGIN"

    @abstractmethod
    def __init__(self, database: DatabaseAddress, name: str) -> None:
        """Connect to the database."""
        self.connection: Any
        self.target: str

    def __enter__(self) -> Self:
        """Begin the transaction."""
        try:
            self.execute(self.begin)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Commit the transaction after success. After an error, closing discards the changes."""
        try:
            if kind is None:
                self.execute("COMMIT")
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def execute(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement and return its rows."""
        return list(self.connection.execute(statement, values).fetchall())

    @abstractmethod
    def columns(self) -> Types:
        """Return the type of each column of the table, by name. Without a table, return {}."""

    @abstractmethod
    def upsert(self, rows: "pa.Table") -> None:
        """Insert rows into the table. A row replaces an existing row with the same run and key."""


class _SQLite(_Sink):
    begin = "BEGIN IMMEDIATE"

    def __init__(self, database: DatabaseAddress, name: str) -> None:
        import sqlite3

        assert database.file is not None
        place = f"{database.file.resolve().as_uri()}?mode=rwc"
        self.connection = sqlite3.connect(place, uri=True, isolation_level=None)
        self.name, self.target = name, quote_name(name)

    def columns(self) -> Types:
        return dict(self.execute("SELECT name, type FROM pragma_table_info(?)", self.name))

    def upsert(self, rows: "pa.Table") -> None:
        values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        self.connection.executemany(_insert(self.target, rows.column_names), values)


class _DuckDB(_Sink):
    def __init__(self, database: DatabaseAddress, name: str) -> None:
        import duckdb  # late: an extra

        self.connection = duckdb.connect(str(database.file))
        self.schema, self.name = _schema_and_name(name)
        self.target = _qualified(self.schema, self.name)

    def columns(self) -> Types:
        found = self.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_catalog = current_database() AND lower(table_name) = lower(?)"
            " AND lower(table_schema) = lower(coalesce(?, current_schema()))"
            " ORDER BY ordinal_position",
            *(self.name, self.schema),
        )
        return dict(found)

    def upsert(self, rows: "pa.Table") -> None:
        self.connection.register(STAGED, rows)
        self.execute(_insert(self.target, rows.column_names, STAGED))


class _PostgreSQL(_Sink):
    def __init__(self, database: DatabaseAddress, name: str) -> None:
        import adbc_driver_postgresql.dbapi as driver  # late: an extra

        self.target = _qualified(*_schema_and_name(name))
        self.connection = driver.connect(database.url, autocommit=True)

    def execute(self, statement: str, *values: Any) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def columns(self) -> Types:
        found = self.execute(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum",
            self.target,
        )
        return dict(found)

    def upsert(self, rows: "pa.Table") -> None:
        for name in rows.column_names:
            if len(name.encode()) > MAX_NAME:
                raise InputError(
                    f"The name of column {quoted(name)} is longer than {MAX_NAME} bytes, which is"
                    " the limit of PostgreSQL. Give the column a shorter name.",
                    column=name,
                )
        # Send all rows together, because each single row would need a round trip to the server.
        with self.connection.cursor() as cursor:
            cursor.adbc_ingest(STAGED, rows, mode="create", temporary=True)
        self.execute(_insert(self.target, rows.column_names, f"pg_temp.{STAGED}"))


SINKS: dict[str, type[_Sink]] = {"sqlite": _SQLite, "duckdb": _DuckDB, "postgresql": _PostgreSQL}


def _schema_and_name(name: str) -> tuple[str | None, str]:
    schema, dot, table = name.partition(".")
    return (schema, table) if dot else (None, name)


def _qualified(schema: str | None, name: str) -> str:
    return ".".join(quote_name(part) for part in (schema, name) if part is not None)


def _insert(target: str, names: Sequence[str], staged: str = "") -> str:
    """Return an SQL statement that inserts rows and replaces rows with the same run and key."""
    quotes = [quote_name(name) for name in names]
    columns, keys = ", ".join(quotes), ", ".join(map(quote_name, KEYS))
    changes = ", ".join(f"{column} = excluded.{column}" for column in quotes[len(KEYS) :])
    values = f"VALUES ({', '.join('?' * len(names))})"
    rows = f"SELECT {columns} FROM {staged}" if staged else values
    return f"INSERT INTO {target} ({columns}) {rows} ON CONFLICT ({keys}) DO UPDATE SET {changes}"


def table_from_wire(
    kind: str, content: bytes, source: str, missing_values: Sequence[str] | None = None
) -> Table:
    """Return the table in the bytes of an HTTP request, without using temporary files."""
    if kind == "arrow":
        # Late, because the import is slow.
        from somscape.tables._arrow_files import arrow_from_bytes

        rows = arrow_from_bytes(content, source)
        return table_from_frame(rows, source, missing_values=missing_values)
    if any(content[:N_MAGIC].startswith(magic) for magic, _ in PACKED.values()):
        raise InputError(f"{source} is compressed. Send the text without compression.", file=source)
    text = decode(content, source, "utf-8")
    records, delimiter = text_records(text, source, None, missing_values)
    return table_from_records(records, source, delimiter, None, missing_values)


def bytes_for_wire(kind: str, table: Table) -> bytes:
    """Return a table as bytes for `table_from_wire`."""
    if kind == "arrow":
        rows, sink = table.to_arrow(), pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        return bytes(sink.getvalue())
    return b"".join(table_bytes(kind, table))


def column_of_numbers(name: str, values: Sequence[float | None]) -> Column:
    """Make a column from finite numbers, in which None means a missing value."""
    numbers = np.array(values, dtype=np.float64)
    return Column(name, NumberTexts(numbers, True), numbers=numbers)


def column_of_texts(name: str, values: Sequence[str | None]) -> Column:
    """Make a column from stripped texts, in which None means a missing value."""
    return Column(name, ArrowTexts.of(values))
