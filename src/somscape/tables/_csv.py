"""A table -> a CSV file that no spreadsheet takes for formulas."""

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape.errors import InputError
from somscape.tables._column import Column
from somscape.tables._made import as_bools
from somscape.tables._source import Source
from somscape.tables._table import Table
from somscape.tables._values import as_text, python_values
from somscape.tables._words import quoted

_QUOTE = "'"
# What spreadsheets take for the start of a formula (OWASP, "CSV injection").
_RISKY = ("=", "+", "-", "@", "\t", "\r", _QUOTE)
BLOCK_BYTES = 1 << 16
"""Of cells that are Python's objects at a time."""

Values: TypeAlias = Column | NDArray[Any] | list[Any]

_NEEDS_QUOTES = re.compile('[,"\r\n]')
_RISKY_OR_QUOTED = "^[-=+@\t\r']|[,\"\r\n]"


def escape_cell(text: str) -> str:
    """Return the text with one ``'`` before it if a spreadsheet could run it."""
    return _QUOTE + text if text.startswith(_RISKY) and not _is_finite_number(text) else text


def unescape_cell(text: str) -> str:
    """Undo `escape_cell`: strip one leading ``'``."""
    return text.removeprefix(_QUOTE)


def write_csv(
    file: str | os.PathLike[str] | TextIO, table: Table | Source | Mapping[str, Iterable[Any]]
) -> None:
    r"""Write a table as UTF-8 CSV: commas, ``\n`` line ends, quotes where needed.

    Parameters
    ----------
    file : path or text file
        Where to write; a text file should have been opened with ``newline=""``.
    table : Table, Source or mapping of str to iterable
        A table is written with its cells as they stood in the source.  Values of a
        mapping: text as it is; numbers in the shortest form that reads back equal,
        integers without ".0"; dates in ISO form; None and NaN as an empty cell.
        Names and text are guarded by `escape_cell`.

    Raises
    ------
    InputError
        If the columns have different lengths.

    See Also
    --------
    write_table : Also writes workbooks and Parquet files.

    Examples
    --------
    >>> import sys
    >>> write_csv(sys.stdout, {"id": [7, 8], "score": [0.1, None], "note": ["=A1", "a,b"]})
    id,score,note
    7,0.1,'=A1
    8,,"a,b"
    """
    lines = csv_lines(table)
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open("w", encoding="utf-8", newline="") as handle:
            handle.writelines(lines)
    else:
        file.writelines(lines)


def by_name(table: Table | Source | Mapping[str, Iterable[Any]]) -> dict[str, Values]:
    """Return columns of a known length."""
    if isinstance(table, Source):
        table = table.table()
    if isinstance(table, Table):
        return {column.name: column for column in table.columns}
    return {
        name: values if isinstance(values, Column | np.ndarray) else list(values)
        for name, values in table.items()
    }


def csv_lines(table: Table | Source | Mapping[str, Iterable[Any]]) -> Iterator[str]:
    """Return the lines of a CSV file, as `write_csv` writes them."""
    columns = by_name(table)
    check_lengths(columns)
    return _lines(columns)


def check_lengths(columns: Mapping[str, Values]) -> None:
    """Raise InputError for columns of different lengths."""
    n_rows = len(next(iter(columns.values()), ()))
    for name, values in columns.items():
        if len(values) != n_rows:
            raise InputError(
                f"column {quoted(name)} has {len(values)} values, the first column has {n_rows};"
                " give all columns the same number"
            )


def _lines(columns: Mapping[str, Values]) -> Iterator[str]:
    yield _line(map(_quote_cell, map(escape_cell, columns)))
    n_bytes = max(64, BLOCK_BYTES // max(1, len(columns)))
    cells = [_written(values, n_bytes) for values in columns.values()]
    yield from map(_line, zip(*cells, strict=True))


def _written(values: Values, n_bytes: int) -> Iterator[str]:
    """Yield values as they stand in the file; most columns need no look at each cell."""
    if isinstance(values, Column) and (values.has_plain_numbers or not _needs_a_look(values)):
        return (cell or "" for cell in values.each_cell())
    return map(_quote_cell, map(_cell_text, each_value(values, n_bytes)))


def _needs_a_look(column: Column) -> bool:
    """Return whether a cell needs quotes or could be run as a formula."""
    import pyarrow.compute as pc

    found = pc.match_substring_regex(column.to_arrow(), _RISKY_OR_QUOTED)
    return bool(as_bools(found).any())


def _line(texts: Iterable[str]) -> str:
    # A row of one empty cell would be a blank line, which no reader counts as a row.
    return (",".join(texts) or '""') + "\n"


def each_value(values: Values, n_bytes: int = BLOCK_BYTES) -> Iterator[Any]:
    """Yield values one by one, of which about `n_bytes` are Python's objects at a time."""
    if isinstance(values, Column):
        return values.each_cell()
    if isinstance(values, np.ndarray):
        return python_values(values, n_bytes // 8)
    return iter(values)


def _quote_cell(text: str) -> str:
    # Not csv.writer: before Python 3.13 it leaves a carriage return in a cell bare.
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _cell_text(value: Any) -> str:
    if value is None or value != value:  # only NaN and NaT differ from themselves
        return ""
    if isinstance(value, str):
        return escape_cell(value)
    return as_text(value)


def _is_finite_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
