"""A table -> a CSV file that no spreadsheet takes for formulas."""

import io
import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from somscape._errors import InputError
from somscape._files import write_whole
from somscape.tables._cells import as_text
from somscape.tables._table import Table
from somscape.tables._words import quoted

_QUOTE = "'"
# What spreadsheets take for the start of a formula (OWASP, "CSV injection").
_RISKY = ("=", "+", "-", "@", "\t", "\r", _QUOTE)
_NEEDS_QUOTES = re.compile('[,"\r\n]')


def escape_cell(text: str) -> str:
    """Give the text with one ``'`` before it if a spreadsheet could run it.

    Text that starts with ``=``, ``+``, ``-``, ``@``, a tab, a carriage return or ``'``
    gets the quote sign, unless it is a plain finite number such as ``-5`` or
    ``+3.2e1``.  `unescape_cell` undoes it for every text.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> escape_cell("=1+1"), escape_cell("-5"), escape_cell("plain")
    ("'=1+1", '-5', 'plain')
    """
    return _QUOTE + text if text.startswith(_RISKY) and not _is_finite_number(text) else text


def unescape_cell(text: str) -> str:
    """Undo `escape_cell`: strip one leading ``'``.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> unescape_cell("'=1+1"), unescape_cell("-5")
    ('=1+1', '-5')
    """
    return text.removeprefix(_QUOTE)


def write_csv(
    file: str | os.PathLike[str] | TextIO, table: Table | Mapping[str, Iterable[Any]]
) -> None:
    r"""Write a table as UTF-8 CSV: commas, ``\n`` line ends, quotes where needed.

    Parameters
    ----------
    file : path or text file
        Where to write; a text file should have been opened with ``newline=""``.
    table : Table or mapping of str to iterable
        A table is written with its cells as they stood in the source.  Values of a
        mapping: text as it is; numbers in the shortest form that reads back equal,
        integers without ".0"; dates in ISO form; None and NaN as an empty cell.
        Names and text are guarded by `escape_cell`.

    Raises
    ------
    InputError
        If the columns have different lengths.

    Examples
    --------
    >>> import sys
    >>> write_csv(sys.stdout, {"id": [7, 8], "score": [0.1, None], "note": ["=A1", "a,b"]})
    id,score,note
    7,0.1,'=A1
    8,,"a,b"
    """
    if isinstance(table, Table):
        columns: dict[str, list[Any]] = {c.name: c.cells.tolist() for c in table.columns}
    else:
        columns = {name: list(values) for name, values in table.items()}
    n_rows = len(next(iter(columns.values()), ()))
    for name, values in columns.items():
        if len(values) != n_rows:
            raise InputError(
                f"column {quoted(name)} has {len(values)} values, the first column has {n_rows};"
                " give all columns the same number"
            )
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open("w", encoding="utf-8", newline="") as handle:
            _write_rows(handle, columns)
    else:
        _write_rows(file, columns)


def write_table(path: str | Path, columns: Mapping[str, Iterable[Any]]) -> None:
    """Write named columns to a file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Ends in ``.csv``, or in ``.parquet``, which needs the extra ``frames``.
    columns : mapping of str to iterable
        Values as for `write_csv`; in a Parquet file names and text are as they are.

    Raises
    ------
    InputError
        For another ending, columns of different lengths, or without the extra.
    """
    ending = Path(path).suffix.lower()
    if ending == ".csv":
        text = io.StringIO()
        write_csv(text, columns)
        write_whole(path, text.getvalue().encode())
    elif ending == ".parquet":
        # Late, so that writing a .csv does not load it.
        from somscape.tables._workbook import parquet_bytes

        write_whole(path, parquet_bytes({name: list(v) for name, v in columns.items()}))
    else:
        raise InputError(
            f"{path}: a table is written as .csv or .parquet. Give one of these names."
        )


def _write_rows(handle: TextIO, columns: dict[str, list[Any]]) -> None:
    rows = zip(
        *([escape_cell(name), *map(_cell_text, values)] for name, values in columns.items()),
        strict=True,
    )
    for row in rows:
        # A row of one empty cell would be a blank line, which no reader counts as a row.
        handle.write((",".join(map(_quote_cell, row)) or '""') + "\n")


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
