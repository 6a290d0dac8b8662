"""The table that travels through somscape: columns with names, of one length."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from somscape._blocks import blocks
from somscape._stored import stored
from somscape._types import Float64s
from somscape.errors import InputError
from somscape.tables._column import Column, row_index
from somscape.tables._framed import frame_of, html_of
from somscape.tables._lines import FileLines, Lines, place
from somscape.tables._made import numbers
from somscape.tables._texts import BLOCK
from somscape.tables._words import counted, in_columns, listed, quoted, suggestion

PRINTED = 30
"""Rows of a table that are printed."""


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Columns of equal length with different names, and where they come from.

    Attributes
    ----------
    columns : tuple of Column
        The columns in the order of the source.
    source : str
        Name for messages: "applications.csv", "<stdin>", "data frame".
    lines : sequence of n_rows int, FileLines or None
        Line of the file, or row of the sheet, on which each record starts; the
        header usually stands on line 1.  A range where they follow one another, else an
        ndarray; a `FileLines` for several files; None when the source has no lines.
    notes : tuple of str
        What the reader detected, one short sentence each.

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
                    f"{self.source}: column {quoted(column.name)} has {len(column)} rows, column"
                    f" {quoted(self.columns[0].name)} has {n_rows}; give all the same number"
                )

    def __repr__(self) -> str:
        return f"Table({self.source!r}, {self.n_rows} rows, {len(self.columns)} columns)"

    def __str__(self) -> str:
        columns = [
            [c.name, *(cell or "" for cell in c.take(range(min(len(self), PRINTED))).cells)]
            for c in self.columns
        ]
        lines = in_columns(columns)
        more = [f"... {len(self) - PRINTED} more rows"] if len(self) > PRINTED else []
        return "\n".join([*lines, *more])

    def _repr_html_(self) -> str:
        first = self.take(range(min(len(self), PRINTED)))
        cells = [[cell or "" for cell in column.cells] for column in first.columns]
        caption = f"{counted(self.n_rows, 'row')}, {counted(len(self.columns), 'column')}"
        return html_of(self.names, list(zip(*cells, strict=True)), f"{self.source}: {caption}")

    def __len__(self) -> int:
        return self.n_rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each row as numbers and texts by name; None where a cell is missing."""
        for row in zip(*(column.values.tolist() for column in self.columns), strict=True):
            cells = (None if value != value else value for value in row)  # as only NaN does
            yield dict(zip(self.names, cells, strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def n_rows(self) -> int:
        """Number of rows, the header not counted."""
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
            If there is none; the message proposes close names.
        """
        if name not in self._by_name:
            cure = suggestion(name, self.names) or f"the columns are {listed(self.names)}"
            raise InputError(f"{self.source} has no column {quoted(name)}; {cure}")
        return self._by_name[name]

    def select(self, names: str | Iterable[str]) -> "Table":
        """Return the table of these columns, in this order; `InputError` as `column`."""
        names = [names] if isinstance(names, str) else names
        return replace(self, columns=tuple(self.column(name) for name in names))

    def without(self, names: str | Iterable[str]) -> "Table":
        """Return the table of the other columns; `InputError` as `column`."""
        names = [names] if isinstance(names, str) else names
        left_out = {self.column(name).name for name in names}
        return replace(self, columns=tuple(c for c in self.columns if c.name not in left_out))

    def put_away(self) -> "Table":
        """Return the table with what is large of it in temporary files."""
        return replace(self, columns=tuple(c.put_away(len(self.columns)) for c in self.columns))

    def take(self, rows: ArrayLike | slice) -> "Table":
        """Return the table with some rows: numbers, a boolean mask or a slice."""
        chosen = row_index(rows)
        lines = self.lines
        if isinstance(lines, FileLines):
            lines = lines.take(chosen)
        elif lines is not None:
            lines = np.asarray(lines)[chosen]
        return replace(self, columns=tuple(c.take(chosen) for c in self.columns), lines=lines)

    def to_arrow(self) -> Any:
        """Return the table as pyarrow holds it.

        Returns
        -------
        pyarrow.Table
            Numbers as float64, other columns as text, as are whole numbers beyond floats; null
            where a cell is missing.
        """
        import pyarrow as pa  # late: it is slow to import

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
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Whole numbers as int64 where none is missing, others as float64; the rest is text, dates
            too.

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
            The columns, in the order wanted; default all.

        Returns
        -------
        ndarray of shape (n_rows, n_names), float64
            A new C-contiguous array, NaN where a cell is missing.

        Raises
        ------
        InputError
            If a name is unknown or a column holds text.

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
                raise InputError(column.problem or self._text_message(column))
        values = stored((self.n_rows, len(columns)))
        for part in blocks(self.n_rows, BLOCK):
            for position, column in enumerate(columns):
                values[part, position] = column.take(part).numbers
        return values

    def _text_message(self, column: Column) -> str:
        row = int(np.argmin(column.missing))
        cell = quoted(str(column.cell(row)))
        return (
            f"{self.where(row)}, column {quoted(column.name)}: {cell} is text"
            " where numbers are needed; leave the column out or encode it"
        )

    def where(self, row: int) -> str:
        """Say for a message where a row stands: "applications.csv, line 17".

        Rows of a source without lines are counted from 0, as ``iloc`` counts them:
        "data frame, row 15".  Rows of several files know theirs.
        """
        return place(self.source, self.lines, row)


def check_names(names: Sequence[str], where: str) -> None:
    """Raise `InputError` if two columns have the same name."""
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name in first:
            raise InputError(
                f"{where}: columns {first[name]} and {number} are both named {quoted(name)};"
                " give every column a name of its own"
            )
        first[name] = number
