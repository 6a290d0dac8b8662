"""Path or standard input -> bytes -> text."""

import codecs
import gzip
import os
import sys
import zlib
from pathlib import Path

from somscape._errors import InputError
from somscape.tables._words import suggestion

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
        siblings = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
        cure = suggestion(source, siblings) or "check the name and the folder"
        raise InputError(f"there is no file {str(path)!r}; {cure}") from error
    except IsADirectoryError as error:
        raise InputError(f"{str(path)!r} is a folder; give the table file in it") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{str(path)!r} cannot be read ({reason}); check that you may read it"
        ) from error


def decode(data: bytes, source: str, encoding: str | None = None) -> tuple[str, list[str]]:
    """Turn the bytes of a text table, perhaps gzipped, into text.

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
    text : str
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
            " its encoding (--encoding utf-16-le) if it is text"
        )
    text = _decode_as(encoding, data, source) if encoding else _utf8_or_none(data)
    if text is None:
        text = _decode_as("cp1252", data, source)
        notes.append("encoding cp1252, as it is not UTF-8")
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise InputError(f"{source} is not a text table (it holds NUL characters); save it as .csv")
    return text, notes


def _gunzip(data: bytes, source: str) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        raise InputError(f"{source} is not a gzip file; remove .gz from its name or compress it")
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{source} is a damaged or incomplete gzip file ({error}); copy or compress it again"
        ) from error


def _utf8_or_none(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decode_as(encoding: str, data: bytes, source: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise InputError(
            f"{encoding!r} is not a text encoding; name one such as utf-8, cp1252 or utf-16"
        ) from error
    except UnicodeError as error:
        line = data[: getattr(error, "start", 0)].count(b"\n") + 1
        raise InputError(
            f"{source}, line {line}: not {encoding} text; save the file as UTF-8 or name its"
            " encoding (--encoding)"
        ) from error
