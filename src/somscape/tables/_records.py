"""Records as they stand in a file or sheet -> column names and rows of one width."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from somscape.errors import InputError
from somscape.tables._line_numbers import LineNumbers
from somscape.tables._lines import FileLines, Lines
from somscape.tables._spelling import LEADING_ZERO, plain_values, spell
from somscape.tables._table import check_names
from somscape.tables._words import counted, listed

BLOCK_CELLS = 1024
"""Cells that are turned from rows to columns at a time."""


class Growing(Protocol):
    """A column that cells are added to."""

    def extend(self, cells: Iterable[Any], /) -> None:
        """Add cells."""

    def drop_last(self, n: int) -> None:
        """Drop empty cells at the end."""


C = TypeVar("C")
G = TypeVar("G", bound=Growing)


@dataclass(frozen=True)
class Records(Generic[C]):
    """Raw cells by column, and where each row starts."""

    columns: dict[str, C]
    lines: Lines | FileLines
    notes: list[str]


@dataclass
class _Seen:
    """What the widths of the rows show, of which the last ones may be no rows at all."""

    n_rows: int = 0
    n_blank: int = 0  # at the end
    has_more: bool = False  # than the names that there are, and not blank
    is_longer: bool = False
    ragged: tuple[int, int, int] | None = (
        None  # the first row of another width: number, line, width
    )
    short: tuple[int, int, int] | None = None

    def look(self, line: int, record: Sequence[Any], n_header: int, width: int) -> None:
        """Note the width of a record."""
        n = len(record)
        row = (self.n_rows + self.n_blank - 1, line, n)
        if n != n_header:
            self.ragged = self.ragged or row
        if n < width:
            self.short = self.short or row
        elif n > width:
            self.is_longer = True
            self.has_more = self.has_more or not is_blank(record[width:])


def arrange(
    records: Iterable[tuple[int, Sequence[Any]]],
    source: str,
    make: Callable[[int], list[G]],
    delimiter: str = ",",
) -> Records[G]:
    """Take the header off, drop what is empty around the table, check the widths."""
    records = iter(records)
    start, first = next(((n, r) for n, r in records if not is_blank(r)), (0, ()))
    if not start:
        raise InputError(
            f"{source} is empty; a table needs a line with column names and a row below it"
        )
    header = [str(cell).strip() for cell in first]
    columns = make(len(header))
    seen, lines = _fill(records, header, columns)
    n_rows, notes = seen.n_rows, []
    if seen.n_blank:
        notes.append(f"{counted(seen.n_blank, 'empty row')} at the end left out")
        for column in columns:
            column.drop_last(seen.n_blank)
    if not n_rows:
        raise InputError(
            f"{source} has a header on line {start} but no rows; add rows, or, if that line"
            " is a row, a line with column names above it"
        )
    width = width_of(header)
    wrong = seen.ragged
    if not seen.has_more:
        if len(header) > width or seen.is_longer:
            notes.append("empty cells at the end of the lines left out")
        header, columns, wrong = header[:width], columns[:width], seen.short
    if wrong and wrong[0] < n_rows:
        raise InputError(
            f"{source}, line {wrong[1]}: {counted(wrong[2], 'cell')}, but line {start}"
            f" names {counted(len(header), 'column')}; put cells that contain the delimiter"
            f' {delimiter!r} in quotes ("), or name another delimiter',
            options="--delimiter CHAR",
        )
    names, name_notes = column_names(header, source, start)
    by_name = dict(zip(names, columns, strict=True))
    return Records(by_name, lines.first(n_rows), notes + name_notes)


def column_names(header: list[str], source: str, line: int) -> tuple[list[str], list[str]]:
    """Return the names of the columns and notes, or raise InputError if they are no names."""
    notes = _check_header(header, source, line)
    names, name_notes = _complete_names(header)
    check_names(names, f"{source}, line {line}")
    return names, notes + name_notes


def _fill(
    records: Iterator[tuple[int, Sequence[Any]]], header: list[str], columns: list[G]
) -> tuple[_Seen, LineNumbers]:
    """Add the cells of the rows to the columns, block by block."""
    n_header, width = len(header), width_of(header)
    seen, lines = _Seen(), LineNumbers()
    block, block_lines = list[Sequence[Any]](), list[int]()
    n_in_block = max(1, BLOCK_CELLS // n_header)
    for line, record in records:
        # A blank line is no row, except in a file of one column, where '""' is a missing cell.
        if not record or (len(record) == 1 < n_header and is_blank(record)):
            continue
        is_empty = n_header > 1 and is_blank(record)
        if is_empty:
            seen.n_blank += 1
        else:
            seen.n_rows += seen.n_blank + 1
            seen.n_blank = 0
        if len(record) != n_header or width < n_header:
            seen.look(line, record, n_header, width)
            record = [*record[:n_header], *[""] * (n_header - len(record))]
        block.append([""] * n_header if is_empty else record)
        block_lines.append(line)
        if len(block) == n_in_block:
            for column, cells in zip(columns, zip(*block, strict=True), strict=True):
                column.extend(cells)
            lines.extend(block_lines)
            block.clear()
            block_lines.clear()
    for column, cells in zip(columns, zip(*block, strict=True), strict=bool(block)):
        column.extend(cells)
    lines.extend(block_lines)
    return seen, lines


def width_of(header: list[str]) -> int:
    """Return the place of the last name."""
    return max(position for position, name in enumerate(header, 1) if name)


def is_blank(record: Sequence[Any]) -> bool:
    """Return whether a record holds empty cells only."""
    for cell in record:  # noqa: SIM110 - all() takes three times as long, for every row
        if not isinstance(cell, str) or (cell and not cell.isspace()):
            return False
    return True


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
    names = [name for name in header if name]
    if any(LEADING_ZERO.fullmatch(name) for name in names):
        return []
    values = plain_values(names, spell(names).plain_mark or ".")
    if values is None:
        return []
    if any(value % 1 for value in values.values()):
        raise InputError(
            f"{source}, line {line}: the first line should name the columns, but holds numbers"
            f" ({listed(header, 3)}); add a line with column names above it"
        )
    return [f"the names on line {line} are numbers"] if names else []
