"""Parts whose columns have types -> one table: files of Parquet or Arrow, batches of rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from somscape._ahead import made_ahead
from somscape._stored import put_away
from somscape.errors import InputError
from somscape.tables._frame import table_at
from somscape.tables._joined import check_names_of, join_types, joined_column
from somscape.tables._lines import FileLines
from somscape.tables._table import Table
from somscape.tables._words import quoted

if TYPE_CHECKING:
    import pyarrow as pa


SAME_TYPES = {
    "files": "write the file again with the same type, or leave it out",
    "batches": "give all batches the same types",
}


class TypedRows(Protocol):
    """Rows whose columns have types; a pyarrow.Table is some, and so is a Parquet file.

    Attributes
    ----------
    schema : pyarrow.Schema
    num_rows : int
    """

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column, which may be read only then."""


class Agreed:
    """What the columns of some parts have in common: their names, and types that hold all values.

    Parameters
    ----------
    are_called : {"files", "batches"}

    Attributes
    ----------
    types : dict of str to pyarrow.DataType
        In the order of the first part.
    """

    def __init__(self, are_called: str) -> None:
        self.types: dict[str, pa.DataType] = {}
        self._are_called = are_called
        self._first, self._told = "", dict[str, str]()

    def add(self, schema: pa.Schema, name: str) -> None:
        """Take in the columns of a part, or raise InputError, which names it."""
        if not self.types:
            self.types = {field.name: field.type for field in schema}
            self._first, self._told = name, dict.fromkeys(self.types, name)
        check_names_of(name, schema.names, self._first, list(self.types), self._are_called)
        for column, type_ in self.types.items():
            own = schema.field(column).type
            joined = join_types(type_, own)
            if joined is None:
                raise InputError(
                    f"{name}: column {quoted(column)} holds {own}, but {type_} in"
                    f" {self._told[column]}; {SAME_TYPES[self._are_called]}"
                )
            if joined != type_:
                self.types[column], self._told[column] = joined, name


def typed_table(
    parts: Sequence[TypedRows],
    names: Sequence[str],
    agreed: Agreed,
    source: str,
    asked: Sequence[str] | None,
) -> Table:
    """Make a table of parts, one column after another."""
    columns = made_ahead(partial(_column, each, parts, names) for each in agreed.types.items())
    sizes = [part.num_rows for part in parts]
    lines = None if len(parts) == 1 and names[0] == source else rows_of(names, sizes)
    return table_at(columns, source, asked, lines, n_columns=len(agreed.types))


def _column(
    each: tuple[str, pa.DataType], parts: Sequence[TypedRows], names: Sequence[str]
) -> pa.Table:
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    return pa.table({each[0]: joined_column(*each, parts, names)})


def rows_of(names: Sequence[str], sizes: Sequence[int]) -> FileLines:
    """Return where the rows of parts of these sizes stand."""
    n = sum(sizes)
    which = np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)
    rows = np.arange(n, dtype=np.uint32)
    rows -= np.repeat(np.cumsum([0, *sizes[:-1]], dtype=np.uint32), sizes)
    return FileLines(names, put_away(which), put_away(rows), False)
