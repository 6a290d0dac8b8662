"""Values of Python and NumPy -> columns; what is typed as text stays text."""

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np

from somscape.tables._arrow import column_of_floats, without_zeros
from somscape.tables._cells import asked_numbers, clean_cell
from somscape.tables._column import Column
from somscape.tables._lines import place
from somscape.tables._made import strings
from somscape.tables._numbers import Verdict, Where
from somscape.tables._table import Table
from somscape.tables._texts import ArrowTexts
from somscape.tables._values import as_text, python_values

BLOCK_VALUES = 4096
"""Values that become Python's at a time."""

MAX_WHOLE = 1e15
"""Whole numbers below this are the same as floats, and are written alike."""


def table_from_columns(columns: Mapping[str, Iterable[Any]], source: str = "table") -> Table:
    """Make a table of named sequences of Python or NumPy values.

    Parameters
    ----------
    columns : mapping of str to iterable
        Values are read as those of a frame, see `table_from_frame`.
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

    def where(row: int) -> str:
        return place(source, None, row)

    made = [column_from_values(str(name), values, where) for name, values in columns.items()]
    return Table(tuple(made), source)


def column_from_values(
    name: str,
    values: Iterable[Any],
    where: Where,
    asked: Sequence[str] | None = None,
    words: set[str] | None = None,
) -> Column:
    """Make a column of Python or NumPy values; numbers if all present ones are."""
    import pyarrow as pa

    read = _cell_and_number if asked is None else _reader(asked, set() if words is None else words)
    if isinstance(values, np.ndarray) and values.dtype in (np.float32, np.float64):
        return column_of_floats(name, values.copy(), where)  # whoever gave them may change them
    if asked is None and isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        floats = values.astype(np.float64)
        if len(floats) and np.abs(floats).max() < MAX_WHOLE:
            return column_of_floats(name, floats, where)
    verdict, cells, numbers_ = Verdict(), list[Any](), list[Any]()
    values = python_values(values) if isinstance(values, np.ndarray) else iter(values)
    n = 0
    while pairs := [read(value) for value in islice(values, BLOCK_VALUES)]:
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
    is_none = isinstance(value, (bool, np.bool_, np.timedelta64))  # but a Real
    if isinstance(value, (numbers.Real, Decimal)) and not is_none:
        return str(value), _as_float(value)
    return clean_cell(as_text(value)), math.nan


def _reader(asked: Sequence[str], words: set[str]) -> Callable[[Any], tuple[str | None, float]]:
    """Return `_cell_and_number` for other words, and numbers, that mean a missing cell."""
    folded, numbers = {word.strip().casefold() for word in asked}, asked_numbers(asked).tolist()

    def read(value: Any) -> tuple[str | None, float]:
        cell, number = (
            (value.strip() or None, math.nan)
            if isinstance(value, str)
            else (_cell_and_number(value))
        )
        if cell is None or not (cell.casefold() in folded or number in numbers):
            return cell, number
        words.add(cell)
        return None, math.nan

    return read


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond 1.8e308
        return math.inf
