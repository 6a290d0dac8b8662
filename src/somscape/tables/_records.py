"""Records as they stand in a file or sheet -> column names and rows of one width."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._errors import InputError
from somscape._types import Ints
from somscape.tables._spelling import spell
from somscape.tables._table import check_names
from somscape.tables._words import counted, listed


@dataclass(frozen=True)
class Records:
    """Raw cells by column, and the line on which each row starts."""

    columns: dict[str, tuple[Any, ...]]
    lines: Ints
    notes: list[str]


def arrange(
    records: Sequence[Sequence[Any]], lines: Sequence[int], source: str, delimiter: str = ","
) -> Records:
    """Take the header off, drop what is empty around the table, check the widths.

    Parameters
    ----------
    records : sequence of sequences
        All lines of the source, blank ones as empty sequences; empty cells are "".
    lines : sequence of int
        The line on which each record starts.
    source, delimiter : str
        For messages.

    Returns
    -------
    Records

    Raises
    ------
    InputError
        If there is no header or no row, or a row has more or fewer cells than names.
    """
    start = next((i for i, record in enumerate(records) if not _is_blank(record)), None)
    if start is None:
        raise InputError(
            f"{source} is empty; a table needs a line with column names and a row below it"
        )
    header = [str(cell).strip() for cell in records[start]]
    body = [
        (line, record)
        for line, record in zip(lines[start + 1 :], records[start + 1 :], strict=True)
        # A blank line is no row, except in a file of one column, where '""' is a missing cell.
        if record and (len(record) > 1 or len(header) == 1 or not _is_blank(record))
    ]
    notes = []
    n_read = len(body)
    while body and len(header) > 1 and _is_blank(body[-1][1]):
        body.pop()
    if len(body) < n_read:
        notes.append(f"{counted(n_read - len(body), 'empty row')} at the end left out")
    if not body:
        raise InputError(
            f"{source} has a header on line {lines[start]} but no rows; add rows, or, if that line"
            " is a row, a line with column names above it"
        )
    width = max(position for position, name in enumerate(header, 1) if name)
    if all(_is_blank(record[width:]) for _, record in body):
        if len(header) > width or any(len(record) > width for _, record in body):
            notes.append("empty cells at the end of the lines left out")
        header = header[:width]
        body = [(line, record[:width]) for line, record in body]
    for line, record in body:
        if len(record) != len(header):
            raise InputError(
                f"{source}, line {line}: {counted(len(record), 'cell')}, but line {lines[start]}"
                f" names {counted(len(header), 'column')}; put cells that contain the delimiter"
                f' {delimiter!r} in quotes ("), or name another delimiter (--delimiter)'
            )
    notes += _check_header(header, source, lines[start])
    names, name_notes = _complete_names(header)
    check_names(names, f"{source}, line {lines[start]}")
    cells = zip(*(record for _, record in body), strict=True)
    columns = dict(zip(names, cells, strict=True))
    return Records(columns, np.array([line for line, _ in body], np.intp), notes + name_notes)


def _is_blank(record: Sequence[Any]) -> bool:
    return all(isinstance(cell, str) and not cell.strip() for cell in record)


def _complete_names(header: list[str]) -> tuple[list[str], list[str]]:
    names, notes = [], []
    for position, name in enumerate(header, 1):
        if not name:
            name = f"column_{position}"
            while name in header:
                name += "_"
            notes.append(f"column {position} has no name, called {name!r}")
        names.append(name)
    return names, notes


def _check_header(header: list[str], source: str, line: int) -> list[str]:
    # "22.08" is no name.  Whole numbers may be: years, or pandas' 0, 1, 2.
    plain = spell([name for name in header if name]).plain
    if plain and any(value % 1 for value in plain.values()):
        raise InputError(
            f"{source}, line {line}: the first line should name the columns, but holds numbers"
            f" ({listed(header, 3)}); add a line with column names above it"
        )
    return [f"the names on line {line} are numbers"] if plain else []
