"""Which case a row is of: the key of each row, by columns that tell all rows apart."""

import hashlib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from somscape.encode import level_texts
from somscape.errors import InputError
from somscape.tables import Column, Table, listed

BETWEEN = " / "
"""Stands between the values of several columns."""

MAX_SAMPLE = 2_000
"""Keys whose rows each run keeps beside those that are listed or decided."""


def key_columns(
    table: Table,
    given: Sequence[str] = (),
    *,
    per: Sequence[str] = (),
    id_column: str | None = None,
) -> tuple[str, ...]:
    """Return the columns that name the cases of a table, before any work."""
    if per:
        if given:
            raise InputError(
                f"the cases of this watch are the customers by {listed(per)}; leave out `key`."
            )
        return tuple(per)
    names = tuple(given) or ((id_column,) if id_column is not None else ())
    if not names:
        raise InputError(
            f"nothing names the rows of {table.source}, and a watch has to know them again. Name "
            "the column, or the columns, in which no two rows are the same.",
            options="--id COL, or --key COL for each",
        )
    keys_of(table, names)
    return names


def keys_of(table: Table, columns: Sequence[str]) -> list[str]:
    """Return the key of each row."""
    joined = BETWEEN.join(columns)
    if len(columns) > 1 and joined in table.names:
        columns = [joined]
    found = [table.column(name) for name in columns]
    for column in found:
        if column.n_missing:
            row = int(np.argmax(column.missing))
            raise InputError(
                f"{table.where(row)}: the key column '{column.name}' is missing, so nothing names "
                "this row. Fill it in, or leave the row out."
            )
    keys = [BETWEEN.join(parts) for parts in zip(*map(texts_of, found), strict=True)]
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if first.setdefault(key, row) != row:
            more = [f"--key {shlex.quote(name)}" for name in columns]
            raise InputError(
                f"{table.where(first[key])} and {table.where(row)} have the same key "
                f"{key!r} in {listed(columns)}, so a decision would not know which of them it is "
                "of. Name more columns that tell them apart, or put the rows of one together.",
                options=f"{' '.join(more)} --key COL, or --per {shlex.quote(columns[0])}",
            )
    return keys


def texts_of(column: Column) -> list[str]:
    """Return the cells of a column of keys, as they stand in keys."""
    if column.numbers is None or not column.is_exact:
        return [str(cell) for cell in column.each_cell()]
    return level_texts(column)


def sampled(keys: Iterable[str]) -> set[str]:
    """Return at most 2,000 keys, much the same ones of any two runs."""
    return set(sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())[:MAX_SAMPLE])


def cells_of_rows(table: Table, names: Sequence[str], rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return the cells of some rows, as JSON keeps them."""
    part = table.select(names).take(np.asarray(rows, dtype=np.intp))
    columns = [_values(column) for column in part.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: Column) -> list[Any]:
    if column.numbers is None or not column.is_exact:
        return list(column.cells)
    return [None if value != value else value for value in column.numbers.tolist()]


def columns_of_cells(cells: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return kept cells by column; one that holds a text is all text."""
    columns = {}
    for name in names:
        values = [row.get(name) for row in cells]
        if any(isinstance(value, str) for value in values):
            values = [
                None if v is None else v if isinstance(v, str) else f"{v:.15g}" for v in values
            ]
        columns[name] = values
    return columns
