"""Columns of the table that did not train the map: what a cell's rows have in them."""

from collections.abc import Container, Iterator

import numpy as np

from somscape._types import Float64s, Ints
from somscape.plots import ColumnPlane
from somscape.tables import Column, Table

MAX_LEVELS = 50
"""Different values of a column of text up to which it can color cells."""


def other_columns(
    table: Table, known: Container[str], units: Ints, n_units: int
) -> Iterator[ColumnPlane]:
    """Yield the planes of columns that the map does not know."""
    for column in table.columns:
        if column.name in known or column.n_distinct < 2:
            continue
        numbers = column.numbers
        if numbers is not None:
            yield ColumnPlane(column.name, "number", _means(numbers, units, n_units))
        elif column.n_distinct <= MAX_LEVELS:
            yield _of_levels(column, units, n_units)


def _means(values: Float64s, units: Ints, n_units: int) -> Float64s:
    is_there = ~np.isnan(values)
    own = units[is_there]
    n = np.bincount(own, minlength=n_units)
    total = np.bincount(own, values[is_there], minlength=n_units)
    return np.divide(total, n, out=np.full(n_units, np.nan), where=n > 0)


def _of_levels(column: Column, units: Ints, n_units: int) -> ColumnPlane:
    codes, texts = column.coded()
    is_there = codes >= 0
    counts = np.bincount(codes[is_there], minlength=len(texts))
    order = sorted(range(len(texts)), key=lambda i: (-counts[i], texts[i]))
    levels = tuple(texts[i] for i in order)
    places = np.argsort(order)[codes[is_there]]
    n_levels = len(levels)
    rows = np.bincount(units[is_there] * n_levels + places, minlength=n_units * n_levels)
    rows = rows.reshape(n_units, n_levels)
    n = rows.sum(axis=1)
    nothing = np.full(n_units, np.nan)
    if n_levels == 2:
        share = np.divide(rows[:, 1], n, out=nothing, where=n > 0)
        return ColumnPlane(column.name, "share", share, levels[1:])
    prevailing = np.where(n > 0, rows.argmax(axis=1), np.nan)
    return ColumnPlane(column.name, "level", prevailing, levels)
