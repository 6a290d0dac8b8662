"""Path or standard input -> bytes -> text in UTF-8."""

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

from somscape._blocks import blocks
from somscape._files import shown
from somscape._stored import are_large, copied
from somscape.errors import InputError
from somscape.tables._words import suggestion

Content: TypeAlias = bytes | mmap
"""The bytes of a file: those of a large one lie in a temporary file."""

BLOCK_LETTERS, PIECE = 1 << 14, 1 << 13
MAX_TIMES_UNPACKED = 200
"""Limit of a file's unpacked size, in packed sizes: tables have 3 to 20, a single value that
repeats 1,000."""

PACKED = {
    ".gz": (b"\x1f\x8b", "gzip"),
    ".bz2": (b"BZh", "bz2"),
    ".zst": (b"\x28\xb5\x2f\xfd", "zstd"),
}
"""How a packed file ends, begins and is called."""

N_MAGIC = 8
"""Bytes from which the kind of a file is told."""

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
"""How one begins, after some blanks at most."""


def read_bytes(path: str | os.PathLike[str], source: str) -> bytes:
    """Read a file; `InputError` as `opened`."""
    with opened(path, source) as file:
        return file.read()


def read_text(path: str | os.PathLike[str], source: str) -> Content:
    """Read a file, or standard input for "-", to a temporary file if it is large."""
    if os.fspath(path) == "-":
        return sys.stdin.buffer.read()
    with opened(path, source) as file:
        size = os.fstat(file.fileno()).st_size
        return copied(file, size) if are_large(size) else file.read()


@contextmanager
def opened(path: str | os.PathLike[str], source: str) -> Iterator[IO[bytes]]:
    """Open a file to be read."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            yield file
            after = os.fstat(file.fileno())
    except FileNotFoundError as error:
        parent = path.parent
        siblings = [shown(entry.name) for entry in parent.iterdir()] if parent.is_dir() else []
        cure = suggestion(source, siblings) or "check the name and the folder"
        if re.match("[a-z0-9]+:/", os.fspath(path)):
            cure = "addresses of the web are not read: save the table first"
        raise InputError(f"there is no file '{shown(path)}'; {cure}") from error
    except IsADirectoryError as error:
        raise InputError(f"'{shown(path)}' is a folder; give the table file in it") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"'{shown(path)}' cannot be read ({reason}); check that you may read it"
        ) from error
    is_same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if stat.S_ISREG(before.st_mode) and not is_same:
        raise InputError(
            f"{source} changed while it was read; read it again when nothing writes to it"
        )


@dataclass(frozen=True)
class TextFile:
    """The text of a table.

    Attributes
    ----------
    data : bytes or mmap
        In UTF-8.
    begin : int
        Where the text begins, after the byte order mark.
    """

    data: Content
    begin: int = 0

    def open(self) -> TextIO:
        """Return the text as a file whose lines keep their ends."""
        return _lines_of(self.data, "utf-8", self.begin)


def _lines_of(data: Content, encoding: str, begin: int = 0) -> TextIO:
    import pyarrow as pa

    raw: Any = pa.BufferReader(data)  # io.BytesIO would copy what is mapped
    raw.seek(begin)
    return io.TextIOWrapper(raw, encoding, newline="")


def decode(data: Content, source: str, encoding: str | None = None) -> tuple[TextFile, list[str]]:
    """Find the encoding of a text table, which may be packed."""
    start = data[:N_MAGIC]
    for ending, (magic, kind) in PACKED.items():
        if start.startswith(magic):
            data = _unpack(data, source, kind)
            break
        if source.lower().endswith(ending):
            raise InputError(
                f"{source} is not a {kind} file; remove {ending} from its name or compress it"
            )
    if bytes(data[:MAX_BLANKS]).lstrip().lower().startswith(WEB_PAGES):
        raise InputError(
            f"{source} is a web page, not a table; give the table that it was made from, or the"
            " list beside it (alerts.csv)"
        )
    start = data[:N_MAGIC]
    for magic, kind in _OTHER_FILES.items():
        if start.startswith(magic):
            raise InputError(
                f"{source} is {kind}, not a text table; save the table as .csv, or give the file"
                " the ending of its kind (.xlsx, .parquet)"
            )
    notes = []
    marks = [mark for mark in _BYTE_ORDER_MARKS if start.startswith(mark)]
    if marks and not encoding:
        encoding = _BYTE_ORDER_MARKS[marks[0]]
        notes.append(f"byte order mark, encoding {encoding}")
    elif data.find(b"\0") >= 0 and not encoding:
        raise InputError(
            f"{source} is not a text table (it holds NUL bytes); save the table as .csv, or name"
            " its encoding if it is text",
            options="--encoding utf-16-le",
        )
    try:
        return _as_utf8(data, source, encoding), notes
    except UnicodeError as error:
        problem = error
    if not encoding:
        encoding = "cp1252"
        try:
            return _as_utf8(data, source, encoding), ["encoding cp1252, as it is not UTF-8"]
        except UnicodeError as error:
            problem = error
    line = data[: _place(problem, data)].count(b"\n") + 1
    raise InputError(
        f"{source}, line {line}: not {encoding} text; save the file as UTF-8 or name its encoding",
        options="--encoding NAME",
    ) from problem


def _unpack(data: Content, source: str, kind: str) -> bytes:
    """Return the content of a packed file."""
    import pyarrow as pa

    size, most = 0, MAX_TIMES_UNPACKED * len(data)
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), kind) as stream:
            while size <= most and (piece := stream.read(PIECE)):
                size += len(piece)  # before memory is taken for all of it
        if size <= most:
            with pa.CompressedInputStream(pa.BufferReader(data), kind) as stream:
                return bytes(stream.read(size))
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{source} is a damaged or incomplete {kind} file ({reason}); copy or compress it again"
        ) from error
    raise InputError(
        f"{source} unpacks to more than {MAX_TIMES_UNPACKED} times its size, like a file that is"
        " made to fill a machine's memory; if you trust it, unpack it and give the text"
    )


def _as_utf8(data: Content, source: str, named: str | None) -> TextFile:
    """Return text of an encoding as UTF-8, or raise UnicodeError."""
    encoding = named or "utf-8"
    try:
        is_utf8 = codecs.lookup(encoding).name == "utf-8"
        text = _lines_of(data, encoding)
    except LookupError as error:
        raise InputError(
            f"{encoding!r} is not a text encoding; name one such as utf-8, cp1252 or utf-16",
            options="--encoding NAME",
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
    if named and data.find(b"\0") >= 0:  # else none were there
        raise InputError(f"{source} is not a text table (it holds NUL characters); save it as .csv")
    n = len(codecs.BOM_UTF8)
    return TextFile(data, n if data[:n] == codecs.BOM_UTF8 else 0)


def _place(error: UnicodeError, data: Content) -> int:
    """Return the place of the first bytes that are not text."""
    found = data.find(error.object) if isinstance(error, UnicodeDecodeError) else -1
    return max(0, found) + getattr(error, "start", 0)
