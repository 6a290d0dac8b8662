"""The cells of a table as reasons and counterfactuals show them."""

from typing import Any

import numpy as np

from somscape._types import Floats, Ints
from somscape.encode._codes import NumberCode
from somscape.encode._date_parts import PartCode
from somscape.encode._encoding import FeatureCode, sources_of
from somscape.encode._ordered import DateCode
from somscape.encode._text import number_text
from somscape.tables import Table

NO_CELL = "missing"
"""Stands for a cell without a value."""

DIGITS, MOST_DIGITS = 6, 9
"""Of a number that nobody wrote."""


def mark_of(table: Table, code: FeatureCode) -> str:
    """Return the decimal mark with which a table writes numbers of a column."""
    if not isinstance(code, NumberCode) or isinstance(code, PartCode):
        return "."
    return "," if "decimal comma" in table.column(code.name).style else "."


def value_shown(code: FeatureCode, table: Table, row: int, encoded: Floats) -> str:
    """Return what a row has in a feature column: its cell, or what its dates tell."""
    return values_shown(code, table, np.array([row]), encoded[None, :])[0]


def values_shown(code: FeatureCode, table: Table, rows: Ints, encoded: Floats) -> list[str]:
    """Return what rows have in a feature column: cells, or what dates tell."""
    columns = [table.column(name).take(rows) for name in sources_of(code)]
    if isinstance(code, DateCode | PartCode):
        pairs = zip(encoded, np.any([column.missing for column in columns], axis=0), strict=True)
        return [NO_CELL if gone else code.text(row) for row, gone in pairs]
    column = columns[0]
    texts = [NO_CELL if cell is None else cell for cell in column.each_cell()]
    if not isinstance(code, NumberCode) or column.numbers is None or not column.is_without_text:
        return texts
    both = zip(texts, column.numbers.tolist(), strict=True)
    return [text if text == NO_CELL else _shortened(text, number) for text, number in both]


def _shortened(text: str, number: float) -> str:
    is_short = sum(map(str.isdigit, text)) <= MOST_DIGITS
    return text if is_short else number_text(number, digits=DIGITS)


def cell_text(value: Any, mark: str) -> str:
    """Return a number, date or level of a column as text."""
    if not isinstance(value, float):
        return str(value)
    return number_text(value, digits=12).replace(".", mark)
