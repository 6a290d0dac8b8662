"""What the ending of a name says: how a file is read."""

import os
from pathlib import Path

from somscape.errors import InputError
from somscape.tables._text import PACKED

TEXTS = (".csv", ".tsv", ".txt")
ARROW_FILES = (".parquet", ".feather", ".arrow", ".ipc")
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
"""Endings of text tables, of Parquet and Arrow files, and of workbooks."""

CONVERTED = (".lrn", ".bm", ".umx", ".cls")


def ending_of(path: str | os.PathLike[str]) -> str:
    """Return the ending of a name in small letters, without that of a packed file."""
    path = Path(path)
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending in PACKED else ending


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return how a file is read: as "text", as everything else is, "arrow" or "workbook"."""
    ending = Path(path).suffix.lower()
    return "arrow" if ending in ARROW_FILES else "workbook" if ending in WORKBOOKS else "text"


def check_reading(
    kind: str,
    source: str,
    text: tuple[str | None, ...],
    sheet: str | int | None,
) -> None:
    """Raise InputError for what is said of another kind of file."""
    if sheet is not None and kind != "workbook":
        raise InputError(f"{source} is no workbook with sheets; leave out `sheet`")
    if kind != "text" and any(text):
        raise InputError(f"{source} is no text table; leave out delimiter, decimal and encoding")
