"""Find the names of the columns in the first records of a text table or sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from somscape.errors import InputError
from somscape.tables._cells import clean_cell
from somscape.tables._messages import Note, counted, free_name, listed, quoted
from somscape.tables._numbers import LEADING_ZERO, plain_values, spell
from somscape.tables._split import MAX_COLUMNS
from somscape.tables.codes import is_number
from somscape.tables.table import check_names

NumberedRecord: TypeAlias = tuple[int, Sequence[Any]]


@dataclass(frozen=True)
class Header:
    """The names of the columns of a text table or sheet, and notes on titles and merged cells."""

    line: int  # if the names are in two lines, the second line
    names: list[str]
    notes: list[str]


N_HEADER, MAX_TITLE, MAX_BEGIN = 20, 2, 500
"""Number of filled records in which the names of the columns are searched, maximum number of cells
in a title line, and maximum number of records in which the names are searched."""


def split_header(
    records: Iterable[NumberedRecord], header: int | None = None, above: Sequence[Any] = ()
) -> tuple[Header | None, Iterator[NumberedRecord]]:
    """Return the header of a table (None if there is none), and the records below it.

    If the line `header` of the names is given, the records begin with this line, and `above` is the
    record in the line above.  Otherwise, the header is detected.
    """
    records, first, n_cells, n_left = iter(records), list[NumberedRecord](), 0, N_HEADER
    while n_left and n_cells < MAX_COLUMNS and len(first) < MAX_BEGIN:
        if (each := next(records, None)) is None:
            break
        is_filled = not is_blank(each[1])
        if is_filled or (first and each[1]):  # a file can begin with many lines without values
            first.append(each)
            n_cells += len(each[1])
        n_left -= is_filled
    filled = [each for each in first if not is_blank(each[1])]
    if not filled or header not in (None, filled[0][0]):
        return None, records
    found = find_header(filled) if header is None else _given_header(*filled[0], above)
    return found, chain((each for each in first if each[0] > found.line), records)


def find_header(sample: Sequence[NumberedRecord]) -> Header:
    """Return the header of a table from its first records that are not blank.

    Usually, the first record contains the names.  Title lines above the names are left out if they
    have at most two cells, and if a complete line of different texts above a column of numbers
    follows.  If groups of columns share a merged cell, each name contains the texts of two lines.
    """
    records = [_stripped(record) for _, record in sample]
    widths = [width_of(record) for record in records]
    width = Counter(widths[len(widths) // 2 :]).most_common(1)[0][0]
    for i in range(len(records) - 1 if width > MAX_TITLE else 0):
        # Tables of R have one name less than columns. The first line of such a table is no title.
        if i and not (records[i - 1][0] and widths[i - 1] <= min(MAX_TITLE, max(1, width - 2))):
            break
        names, rows, last = records[i], records[i + 1 :], i
        pairs = (pair for row in rows for pair in zip(names, row, strict=False))
        if i and widths[i - 1] > 1 and any(name and name == cell for name, cell in pairs):
            continue  # a row below a header without some names
        if not _are_names(names, width) or (i and not _numeric(rows, range(width))):
            names, merged = _joined_names(names, rows[0], width)
            last = i + 1
            is_row = any(is_number(rows[0][j]) for j in merged)
            if is_row or not _are_names(names, width) or not _numeric(rows[1:], merged):
                continue
        notes: list[str] = []
        if i:
            titles = f"{counted(i, 'title line')} above the column names left out"
            options = "--header N" if last == i else ""  # the next note has the option
            notes.append(Note(f"{titles}: {quoted(records[0][0])}", options))
        if last > i:
            notes.append(_note_on_two(sample[i][0], sample[last][0], names))
        return Header(sample[last][0], names, notes)
    return Header(sample[0][0], records[0], [])


def _given_header(line: int, record: Sequence[Any], above: Sequence[Any]) -> Header:
    """Return the names in a line. If they are incomplete, merged cells above complete them."""
    names = _stripped(record)
    width = width_of(names)
    if len({*names[:width]}) == width and all(names[:width]):
        return Header(line, names, [])
    joined, merged = _joined_names(_stripped(above), names, width)
    if merged and all(joined) and len({*joined}) == width:
        return Header(line, joined, [_note_on_two(line - 1, line, joined)])
    return Header(line, names, [])


def _note_on_two(first: int, second: int, names: list[str]) -> str:
    text = f"column names from lines {first} and {second}, such as {quoted(names[-1])}"
    return Note(text, "--header N")


def _stripped(record: Sequence[Any]) -> list[str]:
    return [str(cell).strip() for cell in record]


def _are_names(record: list[str], width: int) -> bool:
    """Return whether a record has a different text in each of the first `width` cells."""
    names = record[:width]
    is_text = all(clean_cell(name) is not None and not is_number(name) for name in names)
    return is_text and len({*names}) == width and not any(record[width:])


def _numeric(rows: list[list[str]], columns: Iterable[int]) -> bool:
    """Return whether one of the columns contains numbers and no other texts."""
    cells = ([clean_cell(row[j]) for row in rows if j < len(row)] for j in columns)
    return any(any(column) and all(map(_is_numeric, column)) for column in cells)


def _is_numeric(cell: str | None) -> bool:
    return is_number(cell and cell.replace(",", "."))


def _joined_names(above: list[str], below: list[str], width: int) -> tuple[list[str], list[int]]:
    """Join merged cells and the names below them. Also return the columns below merged cells."""
    groups, names = ([*record, *[""] * width][:width] for record in (above, below))
    starts = [j for j, group in enumerate(groups) if group]
    spans = np.diff([*starts, width])
    if len(starts) < MAX_TITLE or spans.max() > width / 2:
        return [], []  # a title
    merged = [
        j for start, n in zip(starts, spans, strict=True) if n > 1 for j in range(start, start + n)
    ]
    if not all(names[j] for j in merged):
        return [], []
    joined = names[: starts[0]]
    for start, n in zip(starts, spans, strict=True):
        joined += [f"{groups[start]} {name}".strip() for name in names[start : start + n]]
    return joined if merged else [], merged


def without_names(source: str, header: int | None) -> InputError:
    """Return the InputError for a table without column names."""
    if header is None:
        return InputError(
            f"{source} is empty. A table needs a line with column names and a row below it.",
            file=source,
        )
    return InputError(
        f"{source}, line {header} is empty, so `header` cannot be {header}. Give the line that"
        " contains the column names.",
        file=source,
        line=header,
        parameter="header",
        value=header,
    )


def column_names(header: list[str], source: str, line: int) -> tuple[list[str], list[str]]:
    """Return the column names and notes. Raise InputError for invalid names."""
    notes = _check_header(header, source, line)
    names, name_notes = _complete_names(header)
    check_names(names, f"{source}, line {line}")
    return names, notes + name_notes


def width_of(header: list[str]) -> int:
    """Return the number of columns in a header up to the last column that has a name."""
    return max(position for position, name in enumerate(header, 1) if name)


def is_blank(record: Sequence[Any]) -> bool:
    """Return whether a record contains only empty cells."""
    for cell in record:  # noqa: SIM110 - all() takes three times as long, for every row
        if not isinstance(cell, str) or (cell and not cell.isspace()):
            return False
    return True


def _complete_names(header: list[str]) -> tuple[list[str], list[str]]:
    names, notes = [], []
    for position, name in enumerate(header, 1):
        if not name:
            name = free_name(f"column_{position}", header, "_")
            notes.append(f"column {position} without a name, called {name!r}")
        names.append(name)
    return names, notes


def _check_header(header: list[str], source: str, line: int) -> list[str]:
    # "22.08" is not a name, but whole numbers can be names (years, or 0, 1, 2 from pandas).
    names = [name for name in header if name]
    if any(LEADING_ZERO.fullmatch(name) for name in names):
        return []
    values = plain_values(names, spell(names).plain_mark or ".")
    if values is None:
        return []
    if any(value % 1 for value in values.values()):
        raise InputError(
            f"{source}, line {line}: The first line should contain column names, but contains"
            f" numbers ({listed(header, 3)}). Add a line with column names above it.",
            file=source,
            line=line,
        )
    return [f"the names on line {line} are numbers"] if names else []
