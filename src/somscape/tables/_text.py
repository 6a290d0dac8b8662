"""Read files as UTF-8 text, and tell the kinds of files apart."""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import IO, Any, TextIO, TypeAlias

from somscape._files import shown
from somscape._stored import are_large, copied
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.tables._late import pa
from somscape.tables._messages import suggestion

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

CONVERTED = (".lrn",)


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
