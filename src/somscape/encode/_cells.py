"""The cells of a table as reasons and counterfactuals show them."""

from typing import Any

from somscape._types import Floats
from somscape.encode._codes import NumberCode
from somscape.encode._date_parts import PartCode
from somscape.encode._encoding import FeatureCode, sources_of
from somscape.encode._ordered import DateCode
from somscape.encode._text import number_text
from somscape.tables import Table

NO_CELL = "missing"
"""Stands for a cell without a value."""


def mark_of(table: Table, code: FeatureCode) -> str:
    """Return the decimal mark with which a table writes numbers of a column.

    Parameters
    ----------
    table : Table
    code : FeatureCode

    Returns
    -------
    {".", ","}
    """
    if not isinstance(code, NumberCode) or isinstance(code, PartCode):
        return "."
    return "," if "decimal comma" in table.column(code.name).style else "."


def value_shown(code: FeatureCode, table: Table, row: int, encoded: Floats) -> str:
    """Return what a row has in a feature column: its cell, or what its dates tell.

    Parameters
    ----------
    code : FeatureCode
    table : Table
    row : int
    encoded : ndarray of shape (n_features of the code,)
        The same, encoded.

    Returns
    -------
    str
        Dates in ISO form, as the usual ones are shown.
    """
    cells = [table.column(name).cell(row) for name in sources_of(code)]
    if any(cell is None for cell in cells):
        return NO_CELL
    return code.text(encoded) if isinstance(code, DateCode | PartCode) else str(cells[0])


def cell_text(value: Any, mark: str) -> str:
    """Return a number, date or level of a column as text.

    Parameters
    ----------
    value : float, str or numpy.datetime64
    mark : str
        Decimal mark with which numbers are written.

    Returns
    -------
    str
    """
    if not isinstance(value, float):
        return str(value)
    return number_text(value, digits=12).replace(".", mark)
