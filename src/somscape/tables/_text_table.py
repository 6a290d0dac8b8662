"""Collect the cells of a text in records, and convert the records to a table's columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Protocol, TypeAlias

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
    clean_cell,
    lengths_of,
    mask,
    notes_of_unused,
    offsets_of,
    strings,
)
from somscape.tables._late import pa, pc
from somscape.tables._messages import (
    FileLines,
    LineNumbers,
    Lines,
    Note,
    counted,
    free_name,
    lines_from,
    listed,
    place,
    quoted,
)
from somscape.tables._numbers import LEADING_ZERO, plain_values, spell, text_columns
from somscape.tables._text import (
    DELIMITERS,
    NO_DELIMITER,
    NotPlainError,
    TextFile,
    from_line,
    split_blocks,
    split_line,
    split_records,
    split_sample,
    stated_delimiter,
)
from somscape.tables.codes import is_number
from somscape.tables.table import Table, check_names

BLOCK_CELLS = 1024
"""Number of cells that are transposed at a time from row order to column order."""


NumberedRecord: TypeAlias = tuple[int, Sequence[Any]]


class Growing(Protocol):
    """A column to which cells are added."""

    def extend(self, cells: Iterable[Any], /) -> None:
        """Add cells."""


@dataclass(frozen=True)
class Records:
    """The raw cells of each column, and the line on which each row of the table starts."""

    columns: dict[str, Any]
    lines: Lines | FileLines
    notes: list[str]


@dataclass
class _RowWidths:
    """Number of rows, and the first rows that have more or fewer cells than the header."""

    n_rows: int = 0
    n_blank: int = 0  # blank rows at the end
    has_more: bool = False  # whether a row has more values than names
    is_longer: bool = False
    # Number, line and width of the first row of another width, and of the first shorter row.
    ragged: tuple[int, int, int] | None = None
    short: tuple[int, int, int] | None = None

    def look(self, line: int, record: Sequence[Any], n_header: int, width: int) -> None:
        """Store the number of cells of a record if it is not the header's number of cells."""
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
    make: Callable[[int], Sequence[Growing]],
    delimiter: str = ",",
    at: tuple[int | None, Sequence[Any]] = (None, ()),
) -> Records:
    """Separate the header from the rows, drop empty rows and columns at the end, and check rows."""
    found, rows = split_header(records, *at)
    if found is None:
        raise _without_names(source, at[0])
    start, header = found.line, found.names
    columns = make(len(header))
    seen, lines = _fill(rows, header, columns)
    n_rows, notes = seen.n_rows, found.notes
    if seen.n_blank:
        notes.append(f"{counted(seen.n_blank, 'empty row')} at the end left out")
    if not n_rows:
        cure = f"Add rows. If line {start} is a row, add a line with column names above it."
        raise InputError(
            f"{source} has a header on line {start} but no rows."
            f" {cure if at[0] is None else 'Give the line that contains the column names.'}",
            options="" if at[0] is None else "--header N",
            file=source,
            line=start,
        )
    width = width_of(header)
    wrong = seen.ragged
    if not seen.has_more:
        if len(header) > width or seen.is_longer:
            notes.append("empty cells at the end of the lines left out")
        header, columns, wrong = header[:width], columns[:width], seen.short
    if wrong and wrong[0] < n_rows:
        cure, options = "or give another delimiter", "--delimiter CHAR"
        if len(header) == 1:  # line `start` can be a title
            cure = "give another delimiter, or give the line of the column names"
            options = "--delimiter CHAR, --header N"
        raise InputError(
            f"{source}, line {wrong[1]} has {counted(wrong[2], 'cell')}, but line {start}"
            f" names {counted(len(header), 'column')}. Put cells that contain the delimiter"
            f' {delimiter!r} in quotes ("), {cure}.',
            options=options,
            file=source,
            line=wrong[1],
            value=wrong[2],
            allowed=len(header),
        )
    names, name_notes = column_names(header, source, start)
    by_name = dict(zip(names, columns, strict=True))
    return Records(by_name, lines.first(n_rows), notes + name_notes)


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
    while n_left and n_cells < FREE_COLUMNS and len(first) < MAX_BEGIN:
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


def _without_names(source: str, header: int | None) -> InputError:
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


def _fill(
    records: Iterator[tuple[int, Sequence[Any]]], header: list[str], columns: Sequence[Growing]
) -> tuple[_RowWidths, LineNumbers]:
    """Add the cells of the rows to the columns, in blocks of rows."""
    n_header, width = len(header), width_of(header)
    seen, lines = _RowWidths(), LineNumbers()
    block, block_lines = list[Sequence[Any]](), list[int]()
    n_in_block = max(1, BLOCK_CELLS // n_header)
    for line, record in records:
        # A blank line is not a row.  In a file of one column, '""' is a row with a missing value.
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


BLOCK_LETTERS = 1 << 16
"""Number of bytes of a column's text that are examined at a time."""

MAX_PLAIN = 15
"""Maximum length in characters of a number that is stored as a float, without its text. The text
can be made again from the float64 and the number of decimals."""

MAX_WORDS = 255 - WORDS_FROM
"""Maximum number of different words for missing cells in a column. A word is stored as a code that
is greater than any number of decimals."""

POINT, NINE = b".9"


class GrowingLetters:
    """The texts of a column that grows, stored as UTF-8 with a NUL between two texts.

    Python strings would need more memory, for example 58 bytes for a text of two digits.  A NUL
    within a text becomes U+FFFD.
    """

    def __init__(self) -> None:
        self._letters = bytearray()
        self._n = 0

    def extend(self, cells: Iterable[str]) -> None:
        """Add cells."""
        texts = list(cells)
        if not texts:
            return
        joined = "\0".join(texts)
        if joined.count("\0") >= len(texts):
            joined = "\0".join(text.replace("\0", "\ufffd") for text in texts)
        if self._n:
            self._letters += b"\0"
        self._letters += joined.encode("utf-8", "replace")
        self._n += len(texts)

    def to_arrow(self) -> pa.Array:
        """Convert the cells, in the same memory, to Arrow strings. Then no cell can be added."""
        if not self._n:
            return strings([])
        letters = np.frombuffer(self._letters, np.uint8)
        offsets = np.zeros(self._n + 1, np.int32)
        place = kept = 0
        for part in blocks(len(letters), BLOCK_LETTERS):
            piece = letters[part]
            ends = np.flatnonzero(piece == 0)
            before = np.arange(place, place + len(ends))
            offsets[place + 1 : place + 1 + len(ends)] = part.start + ends - before
            place += len(ends)
            piece = piece[piece != 0]
            letters[kept : kept + len(piece)] = piece
            kept += len(piece)
        offsets[-1] = kept
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(letters[:kept])]
        return pa.Array.from_buffers(pa.string(), self._n, buffers)


class GrowingCells:
    """A growing column. Its cells are stored as numbers until one is not a plain number.

    Parameters
    ----------
    n_expected : int
        Expected number of cells.
    asked : sequence of str, optional
        Words that mean a missing value.  The default is `MISSING_WORDS`.
    among : int, default=1
        Number of columns of the table.  If the columns together are large, they are stored in
        temporary files.
    """

    def __init__(self, n_expected: int, asked: Sequence[str] | None = None, among: int = 1) -> None:
        self._asked, self._among = asked, among
        self._n_expected = n_expected
        self._numbers = np.empty(0)
        self._decimals: NDArray[np.uint8] | None = None
        self._n = 0
        self._words: list[str] = []
        self._texts: list[pa.Array] = []

    def add(self, cells: pa.Array) -> None:
        """Add a block of raw cells."""
        found = None if self._texts else plain_numbers(cells, self._words, self._asked)
        if found is not None:
            self._keep_numbers(*found)
            return
        if self._n and not self._texts:
            self._texts = self._plain().as_written().chunks
        self._numbers, self._decimals = np.empty(0), None
        self._texts.append(cells)

    def _keep_numbers(self, numbers: Float64s, decimals: NDArray[np.uint8]) -> None:
        # Numbers are copied, so that Arrow can reuse its memory for the next block.  A property
        # that is equal for all cells takes no memory.
        end = self._n + len(numbers)
        if not len(self._numbers) and (decimals == WORDS_FROM).all():
            self._n = end
            return
        before, n_places = self._plain(), len(self._numbers)
        if end > n_places:
            n_places = max(self._n_expected, end + end // 8)
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

    @property
    def is_blank(self) -> bool:
        """Whether all cells are empty."""
        return not self._texts and self._words in ([], [""]) and bool(self._plain().missing().all())

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


FREE_COLUMNS, COLUMN_BYTES = 10_000, 600
"""Number of columns that a table may always have, and memory in bytes of a column without cells."""


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
    notes += detected
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InputError(
            f"`delimiter` must be 'tab' or one character other than a quote or line end, but is"
            f" {quoted(delimiter)}.",
            options="--delimiter CHAR",
            value=delimiter,
        )
    raw: Records | None = None
    at = header, split_line(file.above, delimiter)
    with suppress(NotPlainError):  # drops the blocks that were read
        raw = _plain_records(file, source, delimiter, missing_values, n_files, at)
    raw = _any_records(file, source, delimiter, at) if raw is None else raw
    return replace(raw, notes=notes + raw.notes), delimiter


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


def _plain_records(
    file: TextFile,
    source: str,
    delimiter: str,
    asked: Sequence[str] | None,
    n_files: int,
    at: tuple[int | None, Sequence[str]],
) -> Records:
    """Return the raw cells of a file that Arrow can split. For other files, raise NotPlainError."""
    records = split_records(file, delimiter, Budget(source, len(file.data)))
    found, _ = split_header(records, *at)
    if found is None:
        raise NotPlainError
    line, header = found.line, found.names
    begin = file.begin
    for _ in range(file.line, line + 1):
        begin = file.data.find(b"\n", begin) + 1
        if not begin:
            raise NotPlainError
    width = width_of(header)
    start = file.data[file.begin : begin]
    if len(header) > FREE_COLUMNS or start.count(b"\r") > start.count(b"\r\n"):
        raise NotPlainError
    columns: list[GrowingCells] = []
    taken: list[NDArray[np.integer[Any]] | int] = []
    last: list[Any] = []
    for block in split_blocks(file, begin, len(header), delimiter):
        if not columns:
            n_rows = 1.001 * len(block.cells[0]) * (len(file.data) - begin) / block.size
            columns = [GrowingCells(1 + int(n_rows), asked, n_files * len(header)) for _ in header]
        for column, cells in zip(columns, block.cells, strict=True):
            column.add(cells)
        taken.append(block.lines)
        last = block.cells
    if is_blank([cells[-1].as_py() for cells in last]):
        raise NotPlainError  # no rows, or empty ones at the end
    names, notes = column_names(header[:width], source, line)
    if width < len(header):
        if not all(column.is_blank for column in columns[width:]):
            raise NotPlainError  # more cells than names
        notes = ["empty cells at the end of the lines left out", *notes]
    raw = [column.finish() for column in columns[:width]]
    by_name = dict(zip(names, raw, strict=True))
    return Records(by_name, lines_from(line + 1, taken), found.notes + notes)


def _any_records(
    file: TextFile, source: str, delimiter: str, at: tuple[int | None, Sequence[str]]
) -> Records:
    """Return the raw cells of a file, or raise InputError if the file is not a valid table."""
    budget = Budget(source, len(file.data))

    def make(n: int) -> list[GrowingLetters]:
        if n > FREE_COLUMNS:
            budget.take(COLUMN_BYTES * n, f"{n} columns")
        return [GrowingLetters() for _ in range(n)]

    found = arrange(split_records(file, delimiter, budget), source, make, delimiter, at)
    n = len(found.lines)  # empty rows at the end are left out
    columns = {name: pa.chunked_array([c.to_arrow()[:n]]) for name, c in found.columns.items()}
    return replace(found, columns=columns)
