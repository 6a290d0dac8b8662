"""Split delimited text into cells.

Arrow splits blocks of plain text into columns.  In plain text, all rows have the same number of
cells, no line is blank, and quotes are at both ends of a cell, or doubled within the cell.  The csv
module splits other blocks into records, and reports faults with their lines.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from somscape._stored import Budget
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.tables._cells import as_numbers, numbers, strings
from somscape.tables._late import pa, pc
from somscape.tables._messages import counted
from somscape.tables._text import Content, TextFile

if TYPE_CHECKING:
    from _csv import Reader

# If two marks are equally likely, the first wins. Commas are last, because texts contain commas.
DELIMITERS = ("\t", ";", "|", ",")
_N_SAMPLED = 100
CELL_BYTES, LETTER_BYTES = 66, 8
"""Memory in bytes for each cell and for each character of a record that is split into cells. The
csv module uses four bytes per character. While a cell grows, two copies exist."""

FREE_CELLS, FREE_LETTERS = 10_000, 65_536
"""Number of cells, and number of characters, that a record may always contain. A sample with this
number of characters is used to detect the delimiter."""

BLOCK_BYTES, LEAST_BLOCK, COLUMN_BYTES, N_BLOCKS = 1 << 21, 1 << 14, 1 << 9, 64
"""Maximum and minimum size in bytes of a block of text, minimum size for each column, and number of
blocks in a file of medium size. A block needs little memory in comparison with the file."""

BLOCK_CELLS = 128
"""Number of cells of records that are Python objects at a time."""

MAX_COLUMNS = 10_000
"""Maximum number of columns that Arrow splits, because it needs much memory for each column."""

PART = 1 << 16
"""Number of bytes that are examined at a time. The arrays for so many bytes fit into the cache."""

LINE_END = re.compile(rb"\r\n?|\n")

QUOTE, LINE_FEED, CARRIAGE_RETURN = b'"\n\r'

NO_DELIMITER = "\x1f"  # unit separator of ASCII, never in a text table


@dataclass(frozen=True)
class Block:
    """A block of rows of a text.

    Attributes
    ----------
    cells : list of pyarrow.Array of string
        Texts of each column.
    lines : sequence of int
        Number of the line in which each row starts.
    end, next_line : int
        Position and line number of the text below the block.
    """

    cells: list[pa.Array]
    lines: Sequence[int]
    end: int
    next_line: int


Fit = Callable[[int, list[str]], Sequence[str] | None]
"""Function that gives a record, which begins in a line, the width of the table. For records that
are not rows, the function returns None."""


def split_blocks(
    file: TextFile, delimiter: str, n_columns: int, budget: Budget, fit: Fit
) -> Iterator[Block]:
    """Split text without a header into blocks of rows."""
    n_bytes = len(file.data)
    # Each column of each block takes time, so blocks of wide tables have several rows.
    least = max(LEAST_BLOCK, COLUMN_BYTES * n_columns)
    size = min(max(least, n_bytes // N_BLOCKS), BLOCK_BYTES)
    if n_columns > MAX_COLUMNS:
        size = n_bytes
    end = n_bytes
    while end > file.begin and file.data[end - 1] in (LINE_FEED, CARRIAGE_RETURN):
        end -= 1
    while file.begin < end:
        block = _plain_block(file, delimiter, n_columns, size, end)
        block = block or _any_block(file, delimiter, n_columns, size, budget, fit)
        yield block
        file = replace(file, begin=block.end, line=block.next_line)


def _plain_block(
    file: TextFile, delimiter: str, n_columns: int, size: int, end: int
) -> Block | None:
    """Let Arrow split a block of plain text. Return None if the text is not plain."""
    begin, mark = file.begin, delimiter.encode()
    stop = _end_of_block(file.data, begin, end, size)
    if stop is None or len(mark) > 1 or n_columns > MAX_COLUMNS:
        return None
    letters = np.frombuffer(file.data, np.uint8)[begin:stop]
    has_quotes = file.data.find(b'"', begin, stop) >= 0
    if file.data.find(b"\r", begin, stop) >= 0 and not _line_ends_are_plain(letters):
        return None
    if has_quotes and not _quotes_are_plain(letters, ord(mark)):
        return None
    cells = _parsed(letters, n_columns, delimiter, has_quotes)
    if not cells:
        return None
    next_line = file.line + _count(letters, LINE_FEED) + int(letters[-1] != LINE_FEED)
    lines: Sequence[int] = range(file.line, file.line + len(cells[0]))
    end_of_rows = file.line + len(lines)
    if has_quotes and end_of_rows != next_line:
        n_lines = np.ones(len(lines), np.int32)
        for column in cells:
            n_lines += as_numbers(pc.count_substring(column, "\n"), np.int32)
        ends = file.line + np.cumsum(n_lines)
        end_of_rows, lines = int(ends[-1]), [file.line, *ends[:-1].tolist()]
    # Arrow leaves out blank lines.
    return Block(cells, lines, stop, next_line) if end_of_rows == next_line else None


def _end_of_block(data: Content, begin: int, end: int, size: int) -> int | None:
    """Return the index after the last line end of a block. Line ends within quotes do not count."""
    stop = data.find(b"\n", min(begin + size, end), end) + 1 or end
    is_open = _count(np.frombuffer(data, np.uint8, stop - begin, begin), QUOTE) & 1
    while is_open and stop < end and stop - begin <= 2 * BLOCK_BYTES:
        closing = data.find(b'"', stop, end)
        at = end if closing < 0 else closing
        before, stop = stop, data.find(b"\n", at, end) + 1 or end
        is_open ^= data[before:stop].count(b'"') & 1
    return None if is_open else stop


def _count(letters: NDArray[np.uint8], letter: int) -> int:
    """Return how many times a byte occurs. This is four times as fast as `bytes.count`."""
    parts = blocks(len(letters), PART)
    return sum(int(np.count_nonzero(letters[part] == letter)) for part in parts)


def _line_ends_are_plain(letters: NDArray[np.uint8]) -> bool:
    """Return whether each carriage return in a text is followed by a line feed."""
    returns = letters == CARRIAGE_RETURN
    return not (returns[-1] or (returns[:-1] & (letters[1:] != LINE_FEED)).any())


def _quotes_are_plain(letters: NDArray[np.uint8], mark: int) -> bool:
    """Return whether each quote in a text either encloses a cell or is doubled within a cell."""
    may_be_beside = np.zeros(256, dtype=bool)
    may_be_beside[[mark, LINE_FEED, CARRIAGE_RETURN, QUOTE]] = True
    is_open = 0
    for part in blocks(len(letters), PART):
        quotes = part.start + np.flatnonzero(letters[part] == QUOTE)
        quotes[is_open::2] -= 1  # the byte before an opening or after a closing quote
        quotes[1 - is_open :: 2] += 1
        is_open ^= len(quotes) & 1
        if not may_be_beside.take(letters.take(quotes, mode="clip")).all():
            return False
    return True


def _parsed(
    letters: NDArray[np.uint8], n_columns: int, delimiter: str, has_quotes: bool
) -> list[pa.Array]:
    """Return the cells of each column, or [] without rows or with rows of different widths."""
    import pyarrow.csv as pacsv

    names = [str(number) for number in range(n_columns)]
    try:
        table = pacsv.read_csv(
            pa.py_buffer(letters),
            pacsv.ReadOptions(use_threads=False, block_size=len(letters) + 1, column_names=names),
            pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=has_quotes),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), check_utf8=False),
        )
    except pa.ArrowInvalid:
        return []
    return [column.chunk(0) for column in table.columns] if table.num_rows else []


def _any_block(
    file: TextFile, delimiter: str, n_columns: int, size: int, budget: Budget, fit: Fit
) -> Block:
    """Let the csv module split a block of text. Raise InputError for wrong quotes."""
    records = SplitRecords(file, delimiter, budget)
    flat, cells, lines = list[pa.Array](), list[str](), list[int]()
    for line, record in records:
        row = fit(line, record)
        if row is not None:
            cells.extend(row)
            lines.append(line)
        if len(cells) >= BLOCK_CELLS:
            flat.append(strings(cells))
            cells.clear()
        if records.end - file.begin >= size:
            break
    texts = pa.concat_arrays([*flat, strings(cells)])
    places = (numbers(np.arange(j, len(texts), n_columns)) for j in range(n_columns))
    return Block([texts.take(each) for each in places], lines, records.end, records.line)


class SplitRecords:
    """Iterator over the records (lists of cells) of a text, each with the number of its line.

    The memory for splitting a record is limited, because a quote that is not closed makes a record
    of the whole rest of the text.

    Attributes
    ----------
    end, line : int
        Position and line number of the text below the last record.
    """

    def __init__(self, file: TextFile, delimiter: str, budget: Budget) -> None:
        self.end, self.line = file.begin, file.line
        self._file, self._delimiter, self._budget = file, delimiter, budget
        self._n_cells = self._n_letters = 0

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        line, source = self.line, self._budget.source
        try:
            for record in _reader(self._lines(), self._delimiter, strict=True):
                self._n_cells = self._n_letters = 0
                yield line, record
                line = self.line
        except csv.Error as error:
            is_open = "unexpected end" in str(error)
            fault = "A quoted cell is not closed" if is_open else "Text follows a closing quote"
            raise InputError(
                f'{source}, line {line}: {fault}. Add the missing quote ("), or double each quote'
                ' that belongs to the text ("").',
                file=source,
                line=line,
            ) from error

    def _lines(self) -> Iterator[str]:
        for text in self._file.open():
            self._n_cells += text.count(self._delimiter) + 1
            self._n_letters += len(text)
            if self._n_cells > FREE_CELLS or self._n_letters > FREE_LETTERS:
                size = f"{self._n_cells} cells of {self._n_letters} characters"
                n_bytes = CELL_BYTES * self._n_cells + LETTER_BYTES * self._n_letters
                self._budget.check(n_bytes, f"{size} up to line {self.line}")
                _allow_cell_length(self._n_letters)
            self.end += len(text) if text.isascii() else len(text.encode())
            self.line += 1
            yield text


def stated_delimiter(file: TextFile) -> tuple[str | None, TextFile]:
    """Return the delimiter that the first line states, such as "sep=;", and the text after it."""
    with file.open() as text:
        start = text.read(6)
    if start.startswith("sep=") and start[5:6] in ("\r", "\n"):
        # The line end is kept, so that line numbers stay correct.
        return start[4], replace(file, begin=file.begin + len(start[:5].encode()))
    return None, file


def split_sample(file: TextFile, delimiter: str) -> list[tuple[int, list[str]]]:
    """Return the first records that are not blank, with their lines, even if quotes are wrong."""
    with file.open() as text:
        sample, is_cut = text.read(FREE_LETTERS), bool(text.read(1))
    records, line = list[tuple[int, list[str]]](), file.line
    reader = _reader(io.StringIO(sample, newline=""), delimiter, strict=False)
    for record in reader:
        if any(cell.strip() for cell in record):
            records.append((line, record))
        line = file.line + reader.line_num
        if len(records) == _N_SAMPLED:
            return records
    # The sample may end within a record.
    return records[:-1] if is_cut and len(records) > 1 else records


def split_line(line: bytes, delimiter: str) -> list[str]:
    """Return the cells of one line, even if its quotes are wrong."""
    text = line[:FREE_LETTERS].decode("utf-8", "replace")
    return next(_reader([text], delimiter, strict=False), [])


def from_line(file: TextFile, line: int, source: str) -> TextFile:
    """Return the text from a line on. Raise InputError if the line does not exist."""
    above = begin = file.begin
    number = 1
    for end in LINE_END.finditer(file.data, begin):
        if number == line:
            break
        above, begin, number = begin, end.end(), number + 1
    check_header(line, number - (begin >= len(file.data)), source)
    return replace(file, begin=begin, line=line, above=bytes(file.data[above:begin]))


def check_header(header: int, n_lines: int, source: str) -> None:
    """Raise InputError if a file with `n_lines` lines does not have the line of the header."""
    if header > n_lines:
        raise InputError(
            f"`header` must be from 1 to {max(1, n_lines - 1)}, because {source} has"
            f" {counted(n_lines, 'line')}, but is {header}.",
            parameter="header",
            file=source,
            value=header,
            allowed=(1, max(1, n_lines - 1)),
        )


def _reader(lines: Iterable[str], delimiter: str, strict: bool) -> Reader:
    _allow_cell_length(FREE_LETTERS)  # `SplitRecords` allows longer cells
    return csv.reader(lines, delimiter=delimiter, strict=strict, skipinitialspace=True)


def _allow_cell_length(n_letters: int) -> None:
    # The limit applies to the process. Resetting it would stop readers in other threads.
    if csv.field_size_limit() < n_letters:
        csv.field_size_limit(2**31 - 1)
