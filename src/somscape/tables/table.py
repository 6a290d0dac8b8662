"""A table with named columns of equal length."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, partial
from importlib.util import find_spec
from itertools import islice
from numbers import Real
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import ArrayLike

from somscape._stored import stored
from somscape._types import Float64s
from somscape._validate import check_choice
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.tables._arrow import column_of_floats, without_zeros
from somscape.tables._cells import (
    BLOCK,
    ArrowTexts,
    as_text,
    asked_numbers,
    clean_cell,
    numbers,
    python_values,
    strings,
)
from somscape.tables._late import nw, pa
from somscape.tables._messages import (
    FileLines,
    Lines,
    counted,
    in_columns,
    listed,
    place,
    quoted,
    suggestion,
)
from somscape.tables._numbers import ColumnVerdict, Where
from somscape.tables.column import Column, row_index

LIBRARIES = ("pandas", "polars", "pyarrow")
"""Libraries for data frames, in the order in which the first installed library is chosen. The last
library, pyarrow, is always installed."""

MAX_BELOW = 5
"""Number of rows in which a text that is not a name of a column is searched."""

MAX_CELL = 200
"""Largest number of characters that a notebook shows of a cell."""


def frame_of(columns: Mapping[str, Any], library: str | None = None) -> Any:
    """Make a data frame from named columns."""
    there = [name for name in LIBRARIES if find_spec(name)]
    if library is not None:
        check_choice("library", library, LIBRARIES)
        if library not in there:
            raise InputError(
                f"`library` is {library!r}, which is not installed. Run pip install {library}, or "
                f"pass one of {', '.join(map(repr, there))}.",
                value=library,
                allowed=there,
            )
    backend: Any = library or there[0]
    made = {str(name): _values(values, backend) for name, values in columns.items()}
    return nw.from_dict(made, backend=backend).to_native()


def _values(values: Any, library: str) -> Any:
    """Return a column's values as a NumPy array or list that every library supports."""
    if not isinstance(values, np.ndarray):
        return list(values)
    if values.dtype.kind in "OUS":
        return values.tolist()
    if values.dtype.kind == "f" and library != "pandas":
        return numbers(values, np.isnan(values))  # in other libraries, NaN is not a missing value
    # pandas lacks days, and polars lacks hours, but all libraries support milliseconds.
    is_coarse = values.dtype.kind == "M" and np.datetime_data(values.dtype)[0] in "YMWDhms"
    return values.astype("datetime64[ms]") if is_coarse else np.ascontiguousarray(values)


def html_of(names: Sequence[str], lines: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return a table with these names and lines as HTML, without a style sheet."""
    shown = ET.Element("table")
    if caption:
        style = "caption-side: bottom; text-align: left"
        ET.SubElement(shown, "caption", style=style).text = caption
    head = ET.SubElement(ET.SubElement(shown, "thead"), "tr")
    for name in names:
        ET.SubElement(head, "th", scope="col").text = name
    body = ET.SubElement(shown, "tbody")
    for line in lines:
        row = ET.SubElement(body, "tr")
        for cell in line:
            is_long = len(cell) > MAX_CELL
            ET.SubElement(row, "td").text = cell[: MAX_CELL - 1] + "…" if is_long else cell
    return ET.tostring(shown, encoding="unicode", method="html")


PRINTED = 30
"""Maximum number of rows, from the first row on, that a printed table shows."""


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """A table: columns of equal length with distinct names, and their source.

    Attributes
    ----------
    columns : tuple of Column
        Columns in the order of the source.
    source : str
        Name of the table in messages, such as "applications.csv", "<stdin>" or "data frame".
    lines : sequence of n_rows int, FileLines or None
        For each row, the number of the line in the file (or of the row in the sheet) at which it
        starts.  The header is usually line 1.  Consecutive line numbers are a range, other line
        numbers are an ndarray, and the lines of several files are a `FileLines`.  None means a
        source without lines.
    notes : tuple of str
        Notes on how the table was read, such as the detected delimiter.

    Raises
    ------
    InputError
        If two columns have the same name or different lengths.

    See Also
    --------
    read_table, table_from_frame, table_from_columns

    Examples
    --------
    >>> from somscape.tables import table_from_columns
    >>> table = table_from_columns({"age": [41, 7], "sex": ["f", None]})
    >>> table.names, len(table)
    (('age', 'sex'), 2)
    """

    columns: tuple[Column, ...]
    source: str
    lines: Lines | FileLines | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_names(self.names, self.source)
        n_rows = len(self)
        for column in self.columns:
            if len(column) != n_rows:
                raise InputError(
                    f"{self.source}: column {quoted(column.name)} has {len(column)} rows, but"
                    f" column {quoted(self.columns[0].name)} has {n_rows}. Give all columns the"
                    " same number of rows.",
                    file=self.source,
                    column=column.name,
                    value=len(column),
                    allowed=n_rows,
                )

    def __repr__(self) -> str:
        return f"Table({self.source!r}, {self.n_rows} rows, {len(self.columns)} columns)"

    def __str__(self) -> str:
        lines = in_columns(zip(self.names, *self._first_rows(), strict=True))
        more = [f"... {len(self) - PRINTED} more rows"] if len(self) > PRINTED else []
        return "\n".join([*lines, *more])

    def _repr_html_(self) -> str:
        caption = f"{counted(self.n_rows, 'row')}, {counted(len(self.columns), 'column')}"
        return html_of(self.names, self._first_rows(), f"{self.source}: {caption}")

    def _first_rows(self) -> list[tuple[str, ...]]:
        """Return the texts of the cells in those rows that are printed."""
        first = self.take(slice(PRINTED)).columns
        return list(zip(*([cell or "" for cell in c.cells] for c in first), strict=True))

    def __len__(self) -> int:
        return self.n_rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a mapping from column names to numbers, texts or None (if missing)."""
        for row in zip(*(column.values.tolist() for column in self.columns), strict=True):
            cells = (None if value != value else value for value in row)  # NaN becomes None
            yield dict(zip(self.names, cells, strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def n_rows(self) -> int:
        """Number of rows without the header."""
        return len(self.columns[0]) if self.columns else 0

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.n_rows, len(self.columns)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> Column:
        """Return the column with this name.

        Raises
        ------
        InputError
            If the column does not exist.  The message suggests similar names.
        """
        if name not in self._by_name:
            cure = suggestion(name, self.names) or f"the columns are {listed(self.names)}"
            options = python = ""
            for row in range(min(self.n_rows, MAX_BELOW)):
                _, is_line, line = self.where(row).rpartition(", line ")
                if is_line and any(column.cell(row) == name for column in self.columns):
                    options, python = f"--header {line}", f" (`header={line}`)"
                    cure = f"line {line} contains this text, so give this line if it has the names"
                    cure = f"{cure} of the columns{python}."
                    break
            raise InputError(
                f"{self.source} has no column {quoted(name)}; {cure}",
                options=options,
                python=python,
                file=self.source,
                column=name,
                allowed=self.names,
            )
        return self._by_name[name]

    def select(self, names: str | Iterable[str]) -> "Table":
        """Return a table with the named columns in this order, or raise InputError."""
        names = [names] if isinstance(names, str) else names
        return replace(self, columns=tuple(self.column(name) for name in names))

    def without(self, names: str | Iterable[str]) -> "Table":
        """Return a table without the named columns, or raise InputError."""
        names = [names] if isinstance(names, str) else names
        left_out = {self.column(name).name for name in names}
        return replace(self, columns=tuple(c for c in self.columns if c.name not in left_out))

    def put_away(self) -> "Table":
        """Return the same table, with large arrays stored in temporary files."""
        return replace(self, columns=tuple(c.put_away(len(self.columns)) for c in self.columns))

    def take(self, rows: ArrayLike | slice) -> "Table":
        """Return those rows that are given by row numbers, by a mask or by a slice."""
        chosen = row_index(rows)
        lines = self.lines
        if isinstance(lines, FileLines):
            lines = lines.take(chosen)
        elif lines is not None:
            lines = np.asarray(lines)[chosen]
        return replace(self, columns=tuple(c.take(chosen) for c in self.columns), lines=lines)

    def to_arrow(self) -> Any:
        """Return the table as a pyarrow table.

        Returns
        -------
        pyarrow.Table
            Columns of numbers are float64, and other columns are text, with null for missing cells.
            If float64 cannot represent a whole number of a column, the column is text.
        """
        return pa.table(
            {
                c.name: numbers(c.numbers, c.missing)
                if c.numbers is not None and c.is_exact
                else c.to_arrow()
                for c in self.columns
            }
        )

    def to_frame(self, library: str | None = None) -> Any:
        """Return the table as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Library of the data frame.  By default, the first of these libraries that is installed
            is used.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns of whole numbers without missing cells are int64, other columns of numbers are
            float64, and all other columns (also dates) are text.

        Examples
        --------
        >>> from somscape.tables import table_from_columns
        >>> table_from_columns({"age": [41, 7], "sex": ["f", None]}).to_frame().shape
        (2, 2)
        """
        return frame_of({column.name: column.values for column in self.columns}, library)

    def to_numpy(self, names: Sequence[str] | None = None) -> Float64s:
        """Return the numbers of some columns as one array.

        Parameters
        ----------
        names : sequence of str, optional
            Names of the columns, in the order in which the array contains them.  The default is all
            columns.

        Returns
        -------
        ndarray of shape (n_rows, n_names), float64
            New C-contiguous array, with NaN for missing cells.

        Raises
        ------
        InputError
            If a column does not exist or contains text.

        Examples
        --------
        >>> from somscape.tables import table_from_columns
        >>> table_from_columns({"age": [41, None], "sex": ["f", "m"]}).to_numpy(["age"])
        array([[41.],
               [nan]])
        """
        columns = [self.column(name) for name in (self.names if names is None else names)]
        for column in columns:
            if not column.is_number:
                raise self._text_error(column)
        values = stored((self.n_rows, len(columns)))
        for part in blocks(self.n_rows, BLOCK):
            for position, column in enumerate(columns):
                values[part, position] = column.take(part).numbers
        return values

    def _text_error(self, column: Column) -> InputError:
        if column.problem:
            return InputError(column.problem, file=self.source, column=column.name)
        row = int(np.argmin(column.missing))
        cell = str(column.cell(row))
        return InputError(
            f"{self.where(row)}, column {quoted(column.name)}: {quoted(cell)} is text, but only"
            " numbers are possible here. Leave out the column, or encode it with TableEncoder.",
            file=self.source,
            row=row,
            column=column.name,
            value=cell,
        )

    def where(self, row: int) -> str:
        """Return the source and line of a row, such as "applications.csv, line 17".

        If several files were read, the source is the file that contains the row.  In a source
        without lines, rows are numbered from 0 as in ``iloc``, such as "data frame, row 15".
        """
        return place(self.source, self.lines, row)


def check_names(names: Sequence[str], where: str) -> None:
    """Raise InputError if two columns of a table have the same name."""
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name in first:
            raise InputError(
                f"{where}: columns {first[name]} and {number} have the same name {quoted(name)}."
                " Give each column a different name.",
                file=where,
                column=name,
            )
        first[name] = number


CELLS_AT_ONCE = 4096
"""Number of values that are converted to Python objects at a time."""

MAX_WHOLE = 1e15
"""Number below which whole numbers have the same text as integers and as floats."""


def table_from_columns(columns: Mapping[str, Iterable[Any]], source: str = "table") -> Table:
    """Make a table from named sequences of Python or NumPy values.

    Parameters
    ----------
    columns : mapping of str to iterable
        Values of each column, which are converted as in `table_from_frame`.
    source : str, default="table"
        Name for messages.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If the sequences have different lengths.

    See Also
    --------
    table_from_frame, read_table

    Examples
    --------
    >>> table = table_from_columns({"id": [7, 8], "city": ["Ulm", "?"]})
    >>> table.column("city").n_missing, table.column("id").is_whole
    (1, True)
    """
    where = partial(place, source, None)
    made = [column_from_values(str(name), values, where) for name, values in columns.items()]
    return Table(tuple(made), source)


def column_from_values(
    name: str,
    values: Iterable[Any],
    where: Where,
    asked: Sequence[str] | None = None,
    words: set[str] | None = None,
) -> Column:
    """Make a column from values. If each value is a number or missing, the column is numeric."""
    read = _cell_and_number if asked is None else _reader(asked, set() if words is None else words)
    if isinstance(values, np.ndarray) and values.dtype in (np.float32, np.float64):
        return column_of_floats(name, values.copy(), where)  # the caller keeps the original
    if asked is None and isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        floats = values.astype(np.float64)
        if len(floats) and np.abs(floats).max() < MAX_WHOLE:
            return column_of_floats(name, floats, where)
    verdict, cells, numbers_ = ColumnVerdict(), list[Any](), list[Any]()
    values = python_values(values) if isinstance(values, np.ndarray) else iter(values)
    n = 0
    while pairs := [read(value) for value in islice(values, CELLS_AT_ONCE)]:
        cells.append(strings(cell for cell, _ in pairs))
        numbers_.append(np.array([number for _, number in pairs]))
        verdict.look(n, cells[-1], numbers_[-1])
        n += len(pairs)
    is_number, problem = verdict.settle(name, where)
    found = np.concatenate(numbers_) if numbers_ else np.empty(0)
    texts = ArrowTexts(pa.chunked_array(cells, pa.string()))
    column = Column(name, texts, numbers=found if is_number else None, problem=problem)
    return without_zeros(column)


def _cell_and_number(value: Any) -> tuple[str | None, float]:
    if value is None or value != value:  # NaN and NaT differ from themselves
        return None, math.nan
    is_none = isinstance(value, (bool, np.bool_, np.timedelta64))  # these types are Real
    if isinstance(value, (Real, Decimal)) and not is_none:
        return str(value), _as_float(value)
    return clean_cell(as_text(value)), math.nan


def _reader(asked: Sequence[str], words: set[str]) -> Callable[[Any], tuple[str | None, float]]:
    """Return a function like `_cell_and_number` for which the texts `asked` mean a missing cell."""
    folded, numbers = {word.strip().casefold() for word in asked}, asked_numbers(asked).tolist()

    def read(value: Any) -> tuple[str | None, float]:
        if isinstance(value, str):
            cell, number = value.strip() or None, math.nan
        else:
            cell, number = _cell_and_number(value)
        if cell is None or not (cell.casefold() in folded or number in numbers):
            return cell, number
        words.add(cell)
        return None, math.nan

    return read


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer above 1.8e308
        return math.inf
