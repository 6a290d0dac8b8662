"""Path or standard input -> bytes -> text, a block at a time."""

import codecs
import gzip
import io
import os
import sys
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from somscape._blocks import blocks
from somscape._files import shown
from somscape.errors import InputError
from somscape.tables._words import suggestion

BLOCK_LETTERS, PIECE = 1 << 14, 1 << 13
MAX_TIMES_UNPACKED = 200
"""Limit of a file's unpacked size, in packed sizes: tables have 3 to 20, a single value that
repeats 1,000."""

_GZIP_MAGIC = b"\x1f\x8b"
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


def read_bytes(path: str | os.PathLike[str], source: str) -> bytes:
    """Read a file, or standard input for "-".

    Raises
    ------
    InputError
        If there is no such file, or it is a folder or cannot be read.
    """
    if os.fspath(path) == "-":
        return sys.stdin.buffer.read()
    path = Path(path)
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        parent = path.parent
        siblings = [shown(entry.name) for entry in parent.iterdir()] if parent.is_dir() else []
        cure = suggestion(source, siblings) or "check the name and the folder"
        raise InputError(f"there is no file '{shown(path)}'; {cure}") from error
    except IsADirectoryError as error:
        raise InputError(f"'{shown(path)}' is a folder; give the table file in it") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"'{shown(path)}' cannot be read ({reason}); check that you may read it"
        ) from error


@dataclass(frozen=True)
class TextFile:
    """The bytes of a text table, which become letters as they are read.

    Attributes
    ----------
    data : bytes
        Unpacked.
    encoding : str
    n_mark : int
        Bytes of the byte order mark at the start.
    """

    data: bytes
    encoding: str
    n_mark: int = 0

    def open(self) -> TextIO:
        """Return the text as a file whose lines keep their ends."""
        raw = io.BytesIO(self.data)
        raw.seek(self.n_mark)
        return io.TextIOWrapper(raw, self.encoding, newline="")


def decode(data: bytes, source: str, encoding: str | None = None) -> tuple[TextFile, list[str]]:
    """Find the encoding of a text table, which may be gzipped.

    Parameters
    ----------
    data : bytes
        The whole file.
    source : str
        Name for messages; one that ends in ".gz" promises a gzip file.
    encoding : str, optional
        Default: by the byte order mark, else UTF-8, else cp1252 (which covers Latin-1).

    Returns
    -------
    file : TextFile
    notes : list of str

    Raises
    ------
    InputError
        If the bytes are no text, or not in this encoding.
    """
    if data.startswith(_GZIP_MAGIC) or source.lower().endswith(".gz"):
        data = _gunzip(data, source)
    for magic, kind in _OTHER_FILES.items():
        if data.startswith(magic):
            raise InputError(
                f"{source} is {kind}, not a text table; save the table as .csv, or give the file"
                " the ending of its kind (.xlsx, .parquet)"
            )
    notes = []
    marks = [mark for mark in _BYTE_ORDER_MARKS if data.startswith(mark)]
    if marks and not encoding:
        encoding = _BYTE_ORDER_MARKS[marks[0]]
        notes.append(f"byte order mark, encoding {encoding}")
    elif b"\0" in data and not encoding:
        raise InputError(
            f"{source} is not a text table (it holds NUL bytes); save the table as .csv, or name"
            " its encoding if it is text",
            options="--encoding utf-16-le",
        )
    file = TextFile(data, encoding or "utf-8")
    try:
        n_mark = _check(file, source)
    except UnicodeError as error:
        if not encoding:
            file, _ = decode(data, source, "cp1252")
            return file, ["encoding cp1252, as it is not UTF-8"]
        line = data[: _place(error, data)].count(b"\n") + 1
        raise InputError(
            f"{source}, line {line}: not {encoding} text; save the file as UTF-8 or name its"
            " encoding",
            options="--encoding NAME",
        ) from error
    return replace(file, n_mark=n_mark), notes


def _gunzip(data: bytes, source: str) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        raise InputError(f"{source} is not a gzip file; remove .gz from its name or compress it")
    if _unpacked_size(data, MAX_TIMES_UNPACKED * len(data)) > MAX_TIMES_UNPACKED * len(data):
        raise InputError(
            f"{source} unpacks to more than {MAX_TIMES_UNPACKED} times its size, like a file"
            " that is made to fill a machine's memory; if you trust it, unpack it (gunzip) and give"
            " the text"
        )
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{source} is a damaged or incomplete gzip file ({error}); copy or compress it again"
        ) from error


def _unpacked_size(data: bytes, most: int) -> int:
    """Return the unpacked size, up to any damage, or some number above `most`."""
    n_bytes, unpacker = 0, zlib.decompressobj(zlib.MAX_WBITS | 16)
    for part in blocks(len(data), PIECE):
        piece = data[part]
        while piece and n_bytes <= most:
            try:
                n_bytes += len(unpacker.decompress(piece, PIECE))
            except zlib.error:
                return n_bytes
            piece = unpacker.unconsumed_tail
            if unpacker.eof:  # another one may follow
                piece, unpacker = unpacker.unused_data, zlib.decompressobj(zlib.MAX_WBITS | 16)
    return n_bytes


def _check(file: TextFile, source: str, n_letters: int = BLOCK_LETTERS) -> int:
    """Read the text once, block by block; return the bytes of the mark that it starts with."""
    try:
        text = file.open()
    except LookupError as error:
        raise InputError(
            f"{file.encoding!r} is not a text encoding; name one such as utf-8, cp1252 or utf-16",
            options="--encoding NAME",
        ) from error
    begin = letters = text.read(n_letters)
    while letters:
        if "\0" in letters:
            raise InputError(
                f"{source} is not a text table (it holds NUL characters); save it as .csv"
            )
        letters = text.read(n_letters)
    return len("\ufeff".encode(file.encoding)) if begin.startswith("\ufeff") else 0


def _place(error: UnicodeError, data: bytes) -> int:
    """Return the place of the first bytes that are not text."""
    found = data.find(error.object) if isinstance(error, UnicodeDecodeError) else -1
    return max(0, found) + getattr(error, "start", 0)
