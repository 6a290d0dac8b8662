"""Read files as UTF-8 text, and split delimited text into cells."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from mmap import mmap
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._files import shown
from somscape._stored import Budget, are_large, copied
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.tables._cells import as_numbers
from somscape.tables._late import pa, pc
from somscape.tables._messages import counted, suggestion

if TYPE_CHECKING:
    from _csv import Reader

Content: TypeAlias = bytes | mmap
"""The bytes of a file. For a large file, they are mapped from a temporary file."""

BLOCK_LETTERS, PIECE = 1 << 14, 1 << 13
MAX_TIMES_UNPACKED = 200
"""Maximum ratio of uncompressed to compressed size at which a compressed file is read. Tables
usually have ratios of 3 to 20. A table in which one value is repeated has a ratio of 1,000."""

PACKED = {
    ".gz": (b"\x1f\x8b", "gzip"),
    ".bz2": (b"BZh", "bz2"),
    ".zst": (b"\x28\xb5\x2f\xfd", "zstd"),
}
"""For each extension of a compressed file, the first bytes of such a file and the format's name."""

N_MAGIC = 8
"""Number of bytes at the start of a file that are examined to find out the kind of the file."""

_OTHER_FILES = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF": "a PDF",
}
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


WEB_PAGES, MAX_BLANKS = (b"<!doctype html", b"<html"), 256
"""First bytes of a web page, after any blanks, and number of bytes that are examined for them."""


def read_bytes(path: str | os.PathLike[str], source: str) -> bytes:
    """Return the bytes of a file."""
    with opened(path, source) as file:
        return file.read()


def read_text(path: str | os.PathLike[str], source: str) -> Content:
    """Read a file, or standard input for "-". A large file is copied to a temporary file."""
    if os.fspath(path) == "-":
        return sys.stdin.buffer.read()
    with opened(path, source) as file:
        size = os.fstat(file.fileno()).st_size
        return copied(file, size) if are_large(size) else file.read()


@contextmanager
def opened(path: str | os.PathLike[str], source: str) -> Iterator[IO[bytes]]:
    """Open a file for reading. Raise InputError if reading fails or if the file changes."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            yield file
            after = os.fstat(file.fileno())
    except FileNotFoundError as error:
        parent = path.parent
        siblings = [shown(entry.name) for entry in parent.iterdir()] if parent.is_dir() else []
        near = suggestion(source, siblings)
        cure = f" ({near})." if near else ". Check the name and the folder."
        if re.match("[a-z0-9]+:/", os.fspath(path)):
            cure = ". Web addresses cannot be read, so save the table first."
        raise InputError(f"The file '{shown(path)}' does not exist{cure}", file=path) from error
    except IsADirectoryError as error:
        raise InputError(
            f"'{shown(path)}' is a folder. Give a file in this folder.", file=path
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    is_same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if stat.S_ISREG(before.st_mode) and not is_same:
        raise changed(source)


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the InputError for a file or folder that cannot be read."""
    reason = error.strerror or str(error)
    return InputError(
        f"'{shown(path)}' cannot be read ({reason}). Check your permissions.", file=path
    )


def changed(source: str) -> InputError:
    """Return the InputError for a file that changed while it was read."""
    said = f"{source} changed while it was read. Read it again when no program writes to it."
    return InputError(said, file=source)


@dataclass(frozen=True)
class TextFile:
    """The text of a table.

    Attributes
    ----------
    data : bytes or mmap
        Text in UTF-8.
    begin : int
        Index in `data` at which the text begins, after any byte order mark.
    line : int
        Number of the first line of the text.
    above : bytes
        Line above the first line of the text.
    """

    data: Content
    begin: int = 0
    line: int = 1
    above: bytes = b""

    def open(self) -> TextIO:
        """Return the text as a file object. The lines of this file keep their line ends."""
        return _lines_of(self.data, "utf-8", self.begin)


def _lines_of(data: Content, encoding: str, begin: int = 0) -> TextIO:
    raw: Any = pa.BufferReader(data)  # io.BytesIO would copy a mapped file
    raw.seek(begin)
    return io.TextIOWrapper(raw, encoding, newline="")


def decode(data: Content, source: str, encoding: str | None = None) -> tuple[TextFile, list[str]]:
    """Decode the bytes of a text table, compressed or not, to UTF-8. Also return notes."""
    start = data[:N_MAGIC]
    for ending, (magic, kind) in PACKED.items():
        if start.startswith(magic):
            data = _decompress(data, source, kind)
            break
        if source.lower().endswith(ending):
            raise InputError(
                f"{source} is not a {kind} file. Remove {ending} from its name, or compress it.",
                file=source,
            )
    if bytes(data[:MAX_BLANKS]).lstrip().lower().startswith(WEB_PAGES):
        raise InputError(
            f"{source} is a web page, not a table. Give the table from which the page was made, or"
            " the list in the same folder (alerts.csv).",
            file=source,
        )
    start = data[:N_MAGIC]
    for magic, kind in _OTHER_FILES.items():
        if start.startswith(magic):
            raise InputError(
                f"{source} is {kind}, not a text table. Save the table as .csv, or give the file"
                " the extension of its kind (.xlsx, .parquet).",
                file=source,
            )
    notes = []
    marks = [mark for mark in _BYTE_ORDER_MARKS if start.startswith(mark)]
    if marks and not encoding:
        encoding = _BYTE_ORDER_MARKS[marks[0]]
        notes.append(f"byte order mark, encoding {encoding}")
    elif data.find(b"\0") >= 0 and not encoding:
        raise InputError(
            f"{source} is not a text table, because it contains NUL bytes. Save the table as .csv,"
            " or give its encoding if it is text.",
            options="--encoding utf-16-le",
            file=source,
        )
    tries = [(encoding, notes)]
    if not encoding:
        tries.append(("cp1252", ["encoding cp1252, because it is not UTF-8"]))
    for encoding, notes in tries:
        try:
            return _as_utf8(data, source, encoding), notes
        except UnicodeError as error:
            problem = error
    line = data[: _error_position(problem, data)].count(b"\n") + 1
    raise InputError(
        f"{source}, line {line}: The text is not encoded as {encoding}. Save the file as UTF-8, or"
        " give its encoding.",
        options="--encoding NAME",
        file=source,
        line=line,
    ) from problem


def _decompress(data: Content, source: str, kind: str) -> bytes:
    """Return the content of a compressed file."""
    size, most = 0, MAX_TIMES_UNPACKED * len(data)
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), kind) as stream:
            while size <= most and (piece := stream.read(PIECE)):
                size += len(piece)  # checked before memory is allocated
        if size <= most:
            with pa.CompressedInputStream(pa.BufferReader(data), kind) as stream:
                return bytes(stream.read(size))
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{source} is a damaged or incomplete {kind} file ({reason}). Copy or compress it"
            " again.",
            file=source,
        ) from error
    raise InputError(
        f"{source} decompresses to more than {MAX_TIMES_UNPACKED} times its size, like a file that"
        " was made to fill the memory. If you trust the file, give it decompressed.",
        file=source,
    )


def _as_utf8(data: Content, source: str, named: str | None) -> TextFile:
    """Convert text from the given (or likely) encoding to UTF-8, or raise UnicodeError."""
    encoding = named or "utf-8"
    try:
        is_utf8 = codecs.lookup(encoding).name == "utf-8"
        text = _lines_of(data, encoding)
    except LookupError as error:
        raise InputError(
            f"{encoding!r} is not a text encoding. Use, for example, utf-8, cp1252 or utf-16.",
            options="--encoding NAME",
            parameter="encoding",
            value=encoding,
        ) from error
    if is_utf8:
        decoder = codecs.getincrementaldecoder(encoding)()
        parts = list(blocks(len(data), BLOCK_LETTERS))
        is_ascii = all(data[part].isascii() for part in parts)
        for part in () if is_ascii else parts:  # four times as fast as text.read
            decoder.decode(memoryview(data)[part], final=part.stop == len(data))
    else:
        pieces = iter(lambda: text.read(BLOCK_LETTERS), "")
        data = b"".join(piece.encode("utf-8", "replace") for piece in pieces)
    if named and data.find(b"\0") >= 0:  # otherwise checked before
        raise InputError(
            f"{source} is not a text table, because it contains NUL characters. Save it as .csv.",
            file=source,
        )
    n = len(codecs.BOM_UTF8)
    return TextFile(data, n if data[:n] == codecs.BOM_UTF8 else 0)


def _error_position(error: UnicodeError, data: Content) -> int:
    """Return the position of the first bytes that could not be decoded as text."""
    found = data.find(error.object) if isinstance(error, UnicodeDecodeError) else -1
    return max(0, found) + getattr(error, "start", 0)


TEXTS = (".csv", ".tsv", ".txt")
ARROW_FILES = (".parquet", ".feather", ".arrow", ".ipc")
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
"""Extensions of text tables (TEXTS), of Parquet and Arrow files (ARROW_FILES), and of workbooks."""

CONVERTED = (".lrn", ".bm", ".umx", ".cls")


def ending_of(path: str | os.PathLike[str]) -> str:
    """Return a file name's extension in lower case, and ".csv" for the name "a.csv.gz"."""
    path = Path(path)
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending in PACKED else ending


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return the kind of a file by its extension ("arrow", "workbook" or "text")."""
    ending = Path(path).suffix.lower()
    return "arrow" if ending in ARROW_FILES else "workbook" if ending in WORKBOOKS else "text"


def check_reading(
    kind: str,
    source: str,
    text: tuple[str | None, ...],
    sheet: str | int | None,
    header: int | None,
) -> None:
    """Raise InputError for parameters that do not apply to this kind of file."""
    if header is not None and kind not in ("text", "workbook"):
        raise InputError(
            f"{source} is not a text table or workbook. Leave out `header`.",
            parameter="header",
            file=source,
            value=header,
        )
    if sheet is not None and kind != "workbook":
        raise InputError(
            f"{source} is not a workbook with sheets. Leave out `sheet`.",
            parameter="sheet",
            file=source,
            value=sheet,
        )
    if kind != "text" and any(text):
        raise InputError(
            f"{source} is not a text table. Leave out `delimiter`, `decimal` and `encoding`.",
            file=source,
        )


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
"""Maximum and minimum size in bytes of a block of text that Arrow splits into cells, minimum size
for each column, and number of blocks in a file of medium size. A block needs little memory in
comparison with the file."""

PART = 1 << 16
"""Number of bytes that are examined at a time. The arrays for so many bytes fit into the cache."""

LINE_END = re.compile(rb"\r\n?|\n")

QUOTE, LINE_FEED, CARRIAGE_RETURN = b'"\n\r'

NO_DELIMITER = "\x1f"  # unit separator of ASCII, never in a text table


class NotPlainError(Exception):
    """Raised for text that Arrow cannot split. Slower code then splits it and finds mistakes."""


@dataclass(frozen=True)
class Block:
    """A block of rows of a file.

    Attributes
    ----------
    size : int
        Size in bytes.
    cells : list of pyarrow.Array of string
        Texts of each column.
    lines : ndarray of shape (n_rows,), int
        Number of lines of each row.  If each row has one line, this is the number of rows.
    """

    size: int
    cells: list[pa.Array]
    lines: NDArray[np.integer[Any]] | int


def split_blocks(file: TextFile, begin: int, n_columns: int, delimiter: str) -> Iterator[Block]:
    """Split plain text into blocks of rows."""
    mark = delimiter.encode()
    if len(mark) > 1 or n_columns < 2:
        raise NotPlainError
    letters = np.frombuffer(file.data, np.uint8)
    end = len(letters)
    while end > begin and letters[end - 1] in (LINE_FEED, CARRIAGE_RETURN):
        end -= 1
    # Each column of each block takes time, so blocks of wide tables have several rows.
    least = max(LEAST_BLOCK, COLUMN_BYTES * n_columns)
    size = min(max(least, len(letters) // N_BLOCKS), BLOCK_BYTES)
    while begin < end:
        stop = _end_of_block(file.data, begin, end, size)
        block = letters[begin:stop]
        has_quotes = file.data.find(b'"', begin, stop) >= 0
        if file.data.find(b"\r", begin, stop) >= 0 and not _line_ends_are_plain(block):
            raise NotPlainError
        if has_quotes and not _quotes_are_plain(block, ord(mark)):
            raise NotPlainError
        yield _parsed(block, n_columns, delimiter, has_quotes)
        begin = stop


def _end_of_block(data: Content, begin: int, end: int, size: int) -> int:
    """Return the index after the last line end of a block. Line ends within quotes do not count."""
    stop = data.find(b"\n", min(begin + size, end), end) + 1 or end
    is_open = _count(np.frombuffer(data, np.uint8, stop - begin, begin), QUOTE) & 1
    while is_open and stop < end and stop - begin <= 2 * BLOCK_BYTES:
        closing = data.find(b'"', stop, end)
        at = end if closing < 0 else closing
        before, stop = stop, data.find(b"\n", at, end) + 1 or end
        is_open ^= data[before:stop].count(b'"') & 1
    if is_open:
        raise NotPlainError
    return stop


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


def _parsed(letters: NDArray[np.uint8], n_columns: int, delimiter: str, has_quotes: bool) -> Block:
    import pyarrow.csv as pacsv

    names = [str(number) for number in range(n_columns)]
    n_lines = _count(letters, LINE_FEED) + int(letters[-1] != LINE_FEED)
    try:
        table = pacsv.read_csv(
            pa.py_buffer(letters),
            pacsv.ReadOptions(use_threads=False, block_size=len(letters) + 1, column_names=names),
            pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=has_quotes),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), check_utf8=False),
        )
    except pa.ArrowInvalid as error:
        raise NotPlainError from error
    cells = [column.chunk(0) for column in table.columns] if table.num_rows else []
    lines_of = None
    if has_quotes and table.num_rows != n_lines:
        within = (as_numbers(pc.count_substring(c, "\n"), np.int32) for c in cells)
        lines_of = sum(within, np.ones(table.num_rows, np.int32))
    if (table.num_rows if lines_of is None else lines_of.sum()) != n_lines:
        raise NotPlainError  # Arrow leaves out blank lines
    return Block(len(letters), cells, n_lines if lines_of is None else lines_of)


def split_records(
    file: TextFile, delimiter: str, budget: Budget
) -> Iterator[tuple[int, list[str]]]:
    """Split delimited text into records (lists of cells), and yield each with its line number."""
    line = file.line
    lines = _RecordSize(budget, delimiter, line)
    reader = _reader(lines.checked(file.open()), delimiter, strict=True)
    try:
        for record in reader:
            yield line, record
            line = file.line + reader.line_num
            lines.n_cells = lines.n_letters = 0
    except csv.Error as error:
        is_open = "unexpected end" in str(error)
        what = "A quoted cell is not closed" if is_open else "There is text after a closing quote"
        where = f"{budget.source}, line {line}"
        raise InputError(
            f'{where}: {what}. Add the missing quote ("), or double each quote that belongs to the'
            ' text ("").',
            file=budget.source,
            line=line,
        ) from error


@dataclass
class _RecordSize:
    """Count the cells and characters of a record, to limit the memory for splitting the record."""

    budget: Budget
    delimiter: str
    first: int
    n_cells: int = 0
    n_letters: int = 0

    def checked(self, lines: Iterable[str]) -> Iterator[str]:
        for number, line in enumerate(lines, self.first):
            self.n_cells += line.count(self.delimiter) + 1
            self.n_letters += len(line)
            if self.n_cells > FREE_CELLS or self.n_letters > FREE_LETTERS:
                what = f"{self.n_cells} cells of {self.n_letters} characters up to line {number}"
                n_bytes = CELL_BYTES * self.n_cells + LETTER_BYTES * self.n_letters
                self.budget.check(n_bytes, what)
                _allow_cell_length(self.n_letters)
            yield line


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
    _allow_cell_length(FREE_LETTERS)  # `_RecordSize` allows longer cells
    return csv.reader(lines, delimiter=delimiter, strict=strict, skipinitialspace=True)


def _allow_cell_length(n_letters: int) -> None:
    # The limit applies to the process. Resetting it would stop readers in other threads.
    if csv.field_size_limit() < n_letters:
        csv.field_size_limit(2**31 - 1)
