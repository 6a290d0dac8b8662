"""Collect the cells of a text or a sheet by column, and check the widths of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._stored import Budget, stored
from somscape._types import Float64s
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.tables._cells import (
    MISSING_WORDS,
    WORDS_FROM,
    PlainTexts,
    are_words,
    as_bools,
    as_numbers,
    asked_numbers,
    lengths_of,
    mask,
    notes_of_unused,
    offsets_of,
    strings,
)
from somscape.tables._header import (
    N_HEADER,
    Header,
    NumberedRecord,
    column_names,
    find_header,
    is_blank,
    split_header,
    width_of,
    without_names,
)
from somscape.tables._late import pa, pc
from somscape.tables._messages import FileLines, LineNumbers, Lines, counted, place, quoted
from somscape.tables._numbers import text_columns
from somscape.tables._split import (
    DELIMITERS,
    MAX_COLUMNS,
    NO_DELIMITER,
    SplitRecords,
    from_line,
    split_blocks,
    split_line,
    split_sample,
    stated_delimiter,
)
from somscape.tables._text import TextFile
from somscape.tables.table import Table


@dataclass(frozen=True)
class Records:
    """The raw cells of each column, and the line on which each row of the table starts."""

    columns: dict[str, Any]
    lines: Lines | FileLines
    notes: list[str]


class Rows:
    """The rows below a header: their lines, and the first rows of another width.

    Parameters
    ----------
    header : Header

    Attributes
    ----------
    n_rows, n_blank : int
        Number of rows up to the last row with values, and number of empty rows below.
    """

    def __init__(self, header: Header) -> None:
        self.header, self.n_header = header, len(header.names)
        self.n_rows = self.n_blank = 0
        self._width, self._lines, self._n_seen = width_of(header.names), LineNumbers(), 0
        self._has_more = self._is_longer = False  # whether a row has more values, or cells
        # Number, line and width of the first row of another width, and of the first shorter row.
        self._ragged: tuple[int, int, int] | None = None
        self._short: tuple[int, int, int] | None = None

    def fit(self, line: int, record: Sequence[Any]) -> Sequence[Any] | None:
        """Return a record with as many cells as the header, or None if it is no row."""
        n = len(record)
        # A blank line is not a row.  In a file of one column, '""' is a row with a missing value.
        if not n or (n == 1 < self.n_header and is_blank(record)):
            return None
        if n != self.n_header:
            row = self._n_seen, line, n
            self._ragged = self._ragged or row
            if n < self._width:
                self._short = self._short or row
            elif n > self._width:
                self._is_longer = True
                self._has_more = self._has_more or not is_blank(record[self._width :])
            record = [*record[: self.n_header], *[""] * (self.n_header - n)]
        self._n_seen += 1
        return record

    def add(self, lines: Sequence[int], n_blank: int) -> None:
        """Count rows that begin in the given lines, the last `n_blank` of which are empty."""
        self._lines.extend(lines)
        if n_blank < len(lines):
            self.n_rows += self.n_blank + len(lines) - n_blank
            self.n_blank = n_blank
        else:
            self.n_blank += n_blank
        self._n_seen = self.n_rows + self.n_blank

    def records(
        self,
        columns: Sequence[Any],
        are_empty: Callable[[Any], bool],
        source: str,
        delimiter: str,
        is_given: bool,
    ) -> Records:
        """Return the columns by name, without columns at the end that have no name and no value.

        Raise InputError for a table without rows, and for rows of another width.
        """
        header, start, notes = self.header.names, self.header.line, [*self.header.notes]
        if self.n_blank:
            notes.append(f"{counted(self.n_blank, 'empty row')} at the end left out")
        if not self.n_rows:
            cure = f"Add rows. If line {start} is a row, add a line with column names above it."
            raise InputError(
                f"{source} has a header on line {start} but no rows."
                f" {'Give the line that contains the column names.' if is_given else cure}",
                options="--header N" if is_given else "",
                file=source,
                line=start,
            )
        wrong = self._ragged
        if not self._has_more and all(map(are_empty, columns[self._width :])):
            if self.n_header > self._width or self._is_longer:
                notes.append("empty cells at the end of the lines left out")
            header, wrong = header[: self._width], self._short
        if wrong and wrong[0] < self.n_rows:
            raise self._uneven(wrong, len(header), source, delimiter)
        names, name_notes = column_names(header, source, start)
        by_name = dict(zip(names, columns, strict=False))
        return Records(by_name, self._lines.first(self.n_rows), notes + name_notes)

    def _uneven(
        self, row: tuple[int, int, int], n_names: int, source: str, delimiter: str
    ) -> InputError:
        cure, options = "or give another delimiter", "--delimiter CHAR"
        if n_names == 1:  # the line of the header can be a title
            cure = "give another delimiter, or give the line of the column names"
            options = "--delimiter CHAR, --header N"
        _, line, n_cells = row
        return InputError(
            f"{source}, line {line} has {counted(n_cells, 'cell')}, but line {self.header.line}"
            f" names {counted(n_names, 'column')}. Put cells that contain the delimiter"
            f' {delimiter!r} in quotes ("), {cure}.',
            options=options,
            file=source,
            line=line,
            value=n_cells,
            allowed=n_names,
        )


def records_of_values(
    records: Iterable[NumberedRecord], source: str, header: int | None, above: Sequence[Any]
) -> Records:
    """Return the values of a sheet by column. `header` and `above` are as in `split_header`."""
    found, below = split_header(records, header, above)
    if found is None:
        raise without_names(source, header)
    rows = Rows(found)
    columns: list[list[Any]] = [[] for _ in found.names]
    for line, record in below:
        row = rows.fit(line, record)
        if row is not None:
            rows.add([line], int(rows.n_header > 1 and is_blank(row)))
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    for column in columns:
        del column[rows.n_rows :]
    return rows.records(columns, is_blank, source, ",", header is not None)


MAX_PLAIN = 15
"""Maximum length in characters of a number that is stored as a float, without its text. The text
can be made again from the float64 and the number of decimals."""

MAX_WORDS = 255 - WORDS_FROM
"""Maximum number of different words for missing cells in a column. A word is stored as a code that
is greater than any number of decimals."""

POINT, NINE = b".9"

BLOCK_ROWS = 1 << 14
"""Number of empty cells that are added at a time."""


class GrowingCells:
    """A growing column. Its cells are stored as numbers until one is not a plain number.

    Parameters
    ----------
    asked : sequence of str, optional
        Words that mean a missing value.  The default is `MISSING_WORDS`.
    among : int, default=1
        Number of columns of the table.  If the columns together are large, they are stored in
        temporary files.
    """

    def __init__(self, asked: Sequence[str] | None = None, among: int = 1) -> None:
        self._asked, self._among = asked, among
        self._numbers = np.empty(0)
        self._decimals: NDArray[np.uint8] | None = None
        self._n = 0
        self._words: list[str] = []
        self._texts: list[pa.Array] = []

    def add(self, cells: pa.Array, n_expected: int = 0) -> None:
        """Add a block of raw cells. The column is expected to get `n_expected` cells in all."""
        found = None if self._texts else plain_numbers(cells, self._words, self._asked)
        if found is not None:
            self._keep_numbers(*found, n_expected)
            return
        if self._n and not self._texts:
            self._texts = self._plain().as_written().chunks
        self._numbers, self._decimals = np.empty(0), None
        self._texts.append(cells)

    def add_empty(self, n: int) -> None:
        """Add empty cells."""
        for part in blocks(n, BLOCK_ROWS):
            offsets = np.zeros(part.stop - part.start + 1, np.int32)
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"")]
            self.add(pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers))

    def _keep_numbers(
        self, numbers: Float64s, decimals: NDArray[np.uint8], n_expected: int
    ) -> None:
        # Numbers are copied, so that Arrow can reuse its memory for the next block.  A property
        # that is equal for all cells takes no memory.
        end = self._n + len(numbers)
        if not len(self._numbers) and (decimals == WORDS_FROM).all():
            self._n = end
            return
        before, n_places = self._plain(), len(self._numbers)
        if end > n_places:
            n_places = max(n_expected, end + end // 8)
            self._numbers = stored(n_places, among=self._among)
            self._numbers[: self._n] = before.numbers
        held = 0 if self._decimals is None else len(self._decimals)
        if held < n_places and (held or ((decimals > 0) & (decimals != WORDS_FROM)).any()):
            self._decimals = stored(n_places, np.uint8, among=self._among)
            self._decimals[: self._n] = before.decimals()
        self._numbers[self._n : end] = numbers
        if self._decimals is not None:
            self._decimals[self._n : end] = decimals
        self._n = end

    def is_empty(self) -> bool:
        """Return whether all cells are empty."""
        if self._texts:
            return not any(lengths_of(pc.utf8_trim_whitespace(part)).any() for part in self._texts)
        return self._words in ([], [""]) and bool(self._plain().missing().all())

    def finish(self) -> PlainTexts | pa.ChunkedArray:
        """Return all cells, as numbers if all are plain numbers, and otherwise as raw text."""
        return pa.chunked_array(self._texts, pa.string()) if self._texts else self._plain()

    def _plain(self) -> PlainTexts:
        numbers = self._numbers[: self._n]
        if not len(self._numbers):
            numbers = np.broadcast_to(np.float64(np.nan), self._n)
        decimals = None if self._decimals is None else self._decimals[: self._n]
        return PlainTexts(numbers, decimals, tuple(self._words))


def plain_numbers(
    cells: pa.Array, words: list[str], asked: Sequence[str] | None = None
) -> tuple[Float64s, NDArray[np.uint8]] | None:
    """Return cells as plain numbers, or None if a cell is neither a plain number nor missing."""
    present, is_missing = cells, None
    try:
        numbers = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        numbers = None
    if numbers is None or asked is not None:
        is_missing = are_words(cells, MISSING_WORDS if asked is None else ("", *asked))
        if numbers is not None:
            is_missing |= np.isin(as_numbers(numbers), asked_numbers(asked))
        elif not is_missing.any():
            return None
        present = cells.filter(mask(~is_missing))
        try:
            numbers = pc.cast(present, pa.float64())
        except pa.ArrowInvalid:
            return None
    found = as_numbers(numbers)
    found_decimals = _decimals(present, found)
    if found_decimals is None:
        return None
    if is_missing is None:
        return found, found_decimals
    values = np.full(len(cells), np.nan)
    values[~is_missing] = found
    decimals = np.empty(len(cells), np.uint8)
    decimals[~is_missing] = found_decimals
    for word in pc.unique(cells.filter(mask(is_missing))).to_pylist():
        if word not in words and len(words) == MAX_WORDS:
            return None
        if word not in words:
            words.append(word)
        is_word = as_bools(pc.equal(cells, strings([word])[0]))
        decimals[is_word] = WORDS_FROM + words.index(word)
    return values, decimals


def _decimals(cells: pa.Array, numbers: Float64s) -> NDArray[np.uint8] | None:
    """Return each cell's number of decimals, or None if a cell is not a plain number."""
    offsets, lengths = offsets_of(cells), lengths_of(cells)
    if not len(cells):
        return np.zeros(0, np.uint8)
    if lengths.max() > MAX_PLAIN or lengths.min() < 1:
        return None
    letters = np.frombuffer(cells.buffers()[2], np.uint8)
    if letters[offsets[0] : offsets[-1]].max() > NINE:  # an exponent, or infinity
        return None
    size = np.abs(numbers)
    n_before, largest, power = 1 + np.signbit(numbers).astype(np.uint8), size.max(), 10.0
    while power <= largest:
        n_before += size >= power
        power *= 10
    left = lengths.astype(np.uint8) - n_before
    is_point = letters.take(offsets[1:] - np.maximum(left, 1), mode="clip") == POINT
    if (left == 1).any() or (is_point != (left > 1)).any():
        return None
    return left - (left > 0)


COLUMN_BYTES = 600
"""Memory in bytes of a column without cells. It is not counted for the first `MAX_COLUMNS`."""


def text_records(
    decoded: tuple[TextFile, list[str]],
    source: str,
    delimiter: str | None,
    missing_values: Sequence[str] | None = None,
    n_files: int = 1,
    header: int | None = None,
) -> tuple[Records, str]:
    """Return the raw cells of a text table, and the delimiter between the cells."""
    file, notes = decoded
    delimiter, file, detected = split_at(file, source, delimiter, header)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InputError(
            f"`delimiter` must be 'tab' or one character other than a quote or line end, but is"
            f" {quoted(delimiter)}.",
            options="--delimiter CHAR",
            value=delimiter,
        )
    budget = Budget(source, len(file.data))
    found, file = _header_of(file, source, delimiter, header, budget)
    rows, n = Rows(found), len(found.names)
    if n > MAX_COLUMNS:
        budget.take(COLUMN_BYTES * n, f"{n} columns")
    columns = [GrowingCells(missing_values, n_files * n) for _ in range(n)]
    for block in split_blocks(file, delimiter, n, budget, rows.fit):
        n_blank, n_before = _n_blank(block.cells) if n > 1 else 0, rows.n_blank
        n_filled = len(block.lines) - n_blank
        if n_filled:
            n_likely = (rows.n_rows + n_before + n_filled) * len(file.data) / block.end
            for column, cells in zip(columns, block.cells, strict=True):
                column.add_empty(n_before)
                column.add(cells[:n_filled], int(1.001 * n_likely))
        rows.add(block.lines, n_blank)
    raw = rows.records(columns, GrowingCells.is_empty, source, delimiter, header is not None)
    cells_of = {name: column.finish() for name, column in raw.columns.items()}
    return Records(cells_of, raw.lines, [*notes, *detected, *raw.notes]), delimiter


def _header_of(
    file: TextFile, source: str, delimiter: str, header: int | None, budget: Budget
) -> tuple[Header, TextFile]:
    """Return the header of a text, and the text below it."""
    records, below = SplitRecords(file, delimiter, budget), dict[int, TextFile]()

    def noted() -> Iterator[NumberedRecord]:
        for line, record in records:
            if not is_blank(record):
                below[line] = replace(file, begin=records.end, line=records.line)
            yield line, record

    found, _ = split_header(noted(), header, split_line(file.above, delimiter))
    if found is None:
        raise without_names(source, header)
    return found, below[found.line]


def _n_blank(cells: Sequence[pa.Array]) -> int:
    """Return the number of empty rows at the end of a block."""
    if not cells[0] or not is_blank([column[-1].as_py() for column in cells]):
        return 0
    is_filled = np.zeros(len(cells[0]), dtype=bool)
    for column in cells:
        is_filled |= lengths_of(pc.utf8_trim_whitespace(column)) > 0
    return int(np.argmax(is_filled[::-1])) if is_filled.any() else len(is_filled)


def split_at(
    file: TextFile, source: str, delimiter: str | None, header: int | None
) -> tuple[str, TextFile, list[str]]:
    """Return the delimiter of a file, the text from the line of the header, and notes."""
    is_given = delimiter is not None
    if not is_given:
        delimiter, file = stated_delimiter(file)
    if header is not None:
        file = from_line(file, header, source)
    found = delimiter or ("" if is_given else likely_delimiter(file))
    if is_given or found in (",", NO_DELIMITER):
        return {"tab": "\t", "\\t": "\t"}.get(found, found), file, []
    return found, file, ["delimiter tab" if found == "\t" else f"delimiter {found!r}"]


def likely_delimiter(file: TextFile) -> str:
    """Return the delimiter with which most of the first lines have the header's number of cells."""
    samples = {delimiter: split_sample(file, delimiter) for delimiter in DELIMITERS}
    counts = {mark: [len(record) for _, record in sample] for mark, sample in samples.items()}
    scores = {
        delimiter: (n_cells.count(n_cells[0]), n_cells[0])
        for delimiter, n_cells in counts.items()
        if n_cells and n_cells[0] > 1
    }
    likely = max(scores, key=scores.__getitem__) if scores else ""
    if likely and scores[likely][0] > 1:
        return likely
    for delimiter, sample in samples.items():
        line = find_header(sample[:N_HEADER]).line if sample else 0
        # If the first line is a title, all lines below the title lines have the same width.
        if sample and sample[0][0] < line and len({len(r) for n, r in sample if n >= line}) == 1:
            return delimiter
    for delimiter, n_cells in counts.items():
        if not likely and len(set(n_cells[1:])) == 1 and n_cells[1] > 2:
            return delimiter  # the error names the lines of different widths
    return likely or ("," if set(counts[","]) <= {1} else NO_DELIMITER)


def table_from_records(
    raw: Records,
    source: str,
    delimiter: str,
    decimal: str | None = None,
    asked: Sequence[str] | None = None,
) -> Table:
    """Convert raw cells to a table. All cells of a column together decide its type."""
    where = partial(place, source, raw.lines)
    made = text_columns(raw.columns, where, delimiter, decimal, asked)
    notes = raw.notes + made.notes
    if made.words:
        written = ", ".join(sorted(quoted(word) if word else "blank" for word in made.words))
        n_missing = sum(column.n_missing for column in made.columns)
        notes.append(f"missing cells: {n_missing}, written {written}")
    notes += notes_of_unused(made.words, asked)
    return Table(tuple(made.columns), source, raw.lines, tuple(notes))
