"""Text with delimiters -> records, with the line on which each starts."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from somscape._budget import Budget
from somscape.errors import InputError
from somscape.tables._text import TextFile

if TYPE_CHECKING:
    from _csv import Reader

# In a tie the rarer mark wins: commas occur in texts and as decimal marks.
_DELIMITERS = ("\t", ";", "|", ",")
_N_SAMPLED = 100
CELL_BYTES, LETTER_BYTES = 66, 8
"""What a cell and a letter cost while their record is split: the csv module holds four bytes for a
letter, twice as a cell grows."""

FREE_CELLS, FREE_LETTERS = 10_000, 65_536
"""What a record may have in a file of any size; the delimiter is judged by as many letters."""

NO_DELIMITER = "\x1f"  # the unit separator of ASCII: in no text table


def split_records(
    file: TextFile, delimiter: str, budget: Budget
) -> Iterator[tuple[int, list[str]]]:
    """Split text into records.

    Parameters
    ----------
    file : TextFile
        Lines may end in CR, LF or both, also within quoted cells.
    delimiter : str
        One character.
    budget : Budget
        Of the file.

    Yields
    ------
    line : int
        On which the record starts, from 1.
    record : list of str
        Empty for a blank line.

    Raises
    ------
    InputError
        If a quoted cell does not end, or goes on after its closing quote, and for a record that
        takes more than the budget.
    """
    line = 1
    lines = _Counted(budget, delimiter)
    reader = _reader(lines.of(file.open()), delimiter, strict=True)
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
            lines.n_cells = lines.n_letters = 0
    except csv.Error as error:
        is_open = "unexpected end" in str(error)
        what = "a quoted cell has no closing quote" if is_open else "text after a closing quote"
        where = f"{budget.source}, line {line}"
        raise InputError(
            f'{where}: {what}; add the quote (") that is missing, or double'
            ' each quote that belongs to the text ("")'
        ) from error


@dataclass
class _Counted:
    """Lines, and what memory the cells in them will take until they are split."""

    budget: Budget
    delimiter: str
    n_cells: int = 0
    n_letters: int = 0

    def of(self, lines: Iterable[str]) -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            self.n_cells += line.count(self.delimiter) + 1
            self.n_letters += len(line)
            if self.n_cells > FREE_CELLS or self.n_letters > FREE_LETTERS:
                what = f"{self.n_cells} cells of {self.n_letters} letters before line {number + 1}"
                n_bytes = CELL_BYTES * self.n_cells + LETTER_BYTES * self.n_letters
                self.budget.check(n_bytes, what)
                _allow_cells_of(self.n_letters)
            yield line


def detect_delimiter(file: TextFile) -> tuple[str, TextFile]:
    """Find the delimiter: the one that cuts most of the first lines as it cuts the header.

    Quoted cells are respected.  Where none cuts the header, the text is one column, and
    the answer is a character that it does not contain.  Also gives the file, without the
    ``sep=;`` with which Excel may declare the delimiter on the first line.
    """
    with file.open() as text:
        start = text.read(6)
    if start.startswith("sep=") and start[5:6] in ("\r", "\n"):
        # The line end stays, so that lines keep their numbers.
        n_bytes = len(start[:5].encode(file.encoding))
        return start[4], replace(file, n_mark=file.n_mark + n_bytes)
    return _likely_delimiter(file), file


def _likely_delimiter(file: TextFile) -> str:
    counts = {delimiter: _cell_counts(file, delimiter) for delimiter in _DELIMITERS}
    scores = {
        delimiter: (n_cells.count(n_cells[0]), n_cells[0])
        for delimiter, n_cells in counts.items()
        if n_cells and n_cells[0] > 1
    }
    if scores:
        return max(scores, key=scores.__getitem__)
    for delimiter, n_cells in counts.items():
        # A title above the table: let the ragged lines be reported, not one column of text.
        if len(set(n_cells[1:])) == 1 and n_cells[1] > 2:
            return delimiter
    return "," if set(counts[","]) <= {1} else NO_DELIMITER


def _cell_counts(file: TextFile, delimiter: str) -> list[int]:
    counts: list[int] = []
    sample = _Sample(file)
    for record in _reader(sample.lines(), delimiter, strict=False):
        if any(cell.strip() for cell in record):
            counts.append(len(record))
        if len(counts) == _N_SAMPLED:
            return counts
    # The sample may end within a record.
    return counts[:-1] if sample.is_cut and len(counts) > 1 else counts


@dataclass
class _Sample:
    """The first lines of a file, the last one cut."""

    file: TextFile
    is_cut: bool = False

    def lines(self) -> Iterator[str]:
        left = FREE_LETTERS
        with self.file.open() as text:
            while line := text.readline(left):
                yield line
                left -= len(line)
                if not left:
                    self.is_cut = bool(text.read(1))
                    return


def _reader(lines: Iterable[str], delimiter: str, strict: bool) -> "Reader":
    _allow_cells_of(FREE_LETTERS)  # `_Counted` asks for longer ones
    return csv.reader(lines, delimiter=delimiter, strict=strict, skipinitialspace=True)


def _allow_cells_of(n_letters: int) -> None:
    # The limit is one for the process: put back, it would stop readers in other threads.
    if csv.field_size_limit() < n_letters:
        csv.field_size_limit(2**31 - 1)
