"""Read all files of a folder, or all files that match a pattern, as one table."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from somscape._files import shown
from somscape.errors import InputError
from somscape.tables._cells import clean_cell, strings
from somscape.tables._cells import numbers as numbers_of
from somscape.tables._late import pa
from somscape.tables._messages import FileLines, Note, counted, listed, quoted, suggestion
from somscape.tables._spool import spooled
from somscape.tables._sql import SCHEME
from somscape.tables._text import (
    ARROW_FILES,
    TEXTS,
    WORKBOOKS,
    decode,
    ending_of,
    kind_of,
    read_bytes,
    read_text,
    unreadable,
)
from somscape.tables._text_table import Records, table_from_records, text_records
from somscape.tables._texts import ArrowTexts, NumberTexts
from somscape.tables._typed import (
    Agreed,
    TypedRows,
    check_names_of,
    joined_raw,
    joined_values,
    typed_table,
)
from somscape.tables.column import Column
from somscape.tables.table import Table

HIDDEN = (".", "_")
"""First characters of the names of files that are not read, such as ``_SUCCESS``."""

PATTERN = re.compile(r"[*?\[]")
WHOLE = re.compile("-?[0-9]{1,15}")

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""Value in a folder name such as ``year=2026`` that means a missing value."""


@dataclass(frozen=True)
class Files:
    """The files of one table.

    Attributes
    ----------
    source : str
        Name of the table in messages, which is the path of the folder or the pattern.
    paths : tuple of Path
        Paths of the files, sorted.
    names : tuple of str
        Path of each file relative to the folder, for messages.
    kind : str
        Kind of the files, as returned by `kind_of`.
    folders : dict of str to list of str
        Columns that are read from folder names such as ``year=2026``.  Each column has one value
        for each file.
    left_out : list of str
        Names of those files and folders in the folder that are not read.
    """

    source: str
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    kind: str
    folders: dict[str, list[str]]
    left_out: list[str]


@dataclass(frozen=True)
class Reading:
    """Options for reading files, as in `read_table`. None means automatic detection."""

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | int | None = None
    missing_values: Sequence[str] | None = None


def files_of(path: str | os.PathLike[str]) -> Files | None:
    """Return the files of a folder or of a pattern. For the path of a single file, return None."""
    text = os.fspath(path)
    if text == "-" or SCHEME.match(text):
        return None
    if Path(path).is_dir():
        return _in_folder(Path(path))
    return _by_pattern(Path(path)) if PATTERN.search(text) and not Path(path).exists() else None


def _in_folder(folder: Path) -> Files:
    found: list[str] = []
    others: list[str] = []
    for name in sorted(_names_in(folder)):
        is_table = not name.endswith("/") and ending_of(name) in (*TEXTS, *ARROW_FILES, *WORKBOOKS)
        (found if is_table else others).append(name)
    source = shown(folder.name or folder.resolve().name)
    if not found:
        held = f", only {listed(others, 3)}" if others else ""
        cure = f"Give a pattern such as '{shown(folder)}/*/*.csv'" if others else "Check the name"
        raise InputError(
            f"The folder '{shown(folder)}' does not contain tables (.csv, .parquet, .xlsx, ...)"
            f"{held}. {cure}.",
            file=folder,
        )
    return _checked(source, folder, found, others)


def _names_in(folder: Path) -> Iterator[str]:
    """Yield the names of files, and of folders without "=" in their name (with "/" at the end)."""

    def refuse(error: OSError) -> None:
        raise unreadable(folder, error) from error

    for at, folders, files in os.walk(folder, onerror=refuse):
        place = Path(at).relative_to(folder)
        seen = [name for name in folders if not name.startswith(HIDDEN)]
        folders[:] = [name for name in seen if "=" in name]
        yield from ((place / name).as_posix() for name in files if not name.startswith(HIDDEN))
        yield from (f"{(place / name).as_posix()}/" for name in seen if "=" not in name)


def _by_pattern(path: Path) -> Files:
    folder, parts = Path(path.anchor), list(path.parts[bool(path.anchor) :])
    while len(parts) > 1 and not (PATTERN.search(parts[0]) and not (folder / parts[0]).exists()):
        folder /= parts.pop(0)
    pattern = "/".join(parts)
    plain = (part if part == "**" else re.sub(r"\*+", "*", part) for part in parts)
    may_be_hidden = any(part.startswith(HIDDEN) for part in parts)
    found = [
        name
        for name in (path.relative_to(folder) for path in folder.glob("/".join(plain)))
        if may_be_hidden or not any(part.startswith(HIDDEN) for part in name.parts)
    ]
    names = sorted(name.as_posix() for name in found if (folder / name).is_file())
    if not names:
        raise InputError(_no_match(folder, pattern, found), file=folder / pattern)
    return _checked(shown(pattern), folder, names, [])


def _no_match(folder: Path, pattern: str, found: Sequence[Path]) -> str:
    if found:
        return (
            f"Only folders match the pattern '{shown(folder / pattern)}', such as"
            f" {quoted(shown(found[0]))}. Add /*.csv, or another extension of the files."
        )
    there = [shown(entry.name) for entry in folder.iterdir()] if folder.is_dir() else []
    there = sorted(name for name in there if not name.startswith(HIDDEN))
    cure = suggestion(pattern, there) or (
        f"the folder contains {listed(there, 3)}" if there else "check the name of the folder"
    )
    return f"No file matches the pattern '{shown(folder / pattern)}' ({cure})."


def _checked(source: str, folder: Path, names: list[str], others: list[str]) -> Files:
    kinds: dict[str, str] = {}
    for name in names:
        kinds.setdefault(kind_of(name), name)
    if len(kinds) > 1:
        raise InputError(
            f"{source} contains files of several kinds, such as"
            f" {listed(shown(name) for name in kinds.values())}. Select files of one kind with a"
            f" pattern such as '*{Path(names[0]).suffix}'.",
            file=source,
        )
    said = [_values_in_path(name) for name in names]
    for name, keys in zip(names, said, strict=True):
        if list(keys) != list(said[0]):
            here, first = (listed(k) or "no column" for k in (keys, said[0]))
            raise InputError(
                f"The folder names of {shown(name)} contain {here}, but the folder names of"
                f" {shown(names[0])} contain {first}. Use folders with the same columns for all"
                " files.",
                file=name,
            )
    folders = {key: [keys[key] for keys in said] for key in said[0]}
    paths = tuple(folder / name for name in names)
    return Files(source, paths, tuple(map(shown, names)), kind_of(names[0]), folders, others)


def _values_in_path(name: str) -> dict[str, str]:
    """Return the values in the folder names of a file's path, such as 2026 in ``year=2026``."""
    pairs = (part.split("=", 1) for part in name.split("/")[:-1] if "=" in part)
    return {unquote(key): unquote(value) for key, value in pairs}


def read_many(files: Files, source: str, reading: Reading) -> Table:
    """Read several files that have the same columns as one table."""
    if files.kind == "arrow":
        table, sizes = _typed(files, source, reading.missing_values)
    else:
        table, sizes = _texts(files, source, reading)
    names = files.names
    notes = [counted(len(names), "file") + (f", {names[0]} to {names[-1]}" if names[1:] else "")]
    if files.left_out:
        notes.append(f"left out of the folder: {listed(files.left_out, 3)}")
    has = [key for key in files.folders if key in table.names]
    if has:
        notes.append(f"folder names for {listed(has)} ignored, because the files have the column")
    added = [
        _column_of_folders(key, values, sizes).put_away(len(table.columns))
        for key, values in files.folders.items()
        if key not in has
    ]
    if added:
        notes.append(f"{listed(c.name for c in added)} taken from the names of folders")
    return replace(table, columns=(*table.columns, *added), notes=(*notes, *table.notes))


def _column_of_folders(name: str, values: Sequence[str], sizes: Sequence[int]) -> Column:
    """Make a column from values in folder names. If all values are whole, the column is numeric."""
    cells = [None if value == NO_VALUE else clean_cell(value) for value in values]
    given = {cell for cell in cells if cell is not None}
    are_numbers = all(map(WHOLE.fullmatch, given))  # 007 and 7 are different folders
    if are_numbers and len(set(map(int, given))) == len(given):
        each = np.array([np.nan if cell is None else float(cell) for cell in cells])
        numbers = np.repeat(each, sizes)
        return Column(name, NumberTexts(numbers, True), numbers=numbers)
    chosen = numbers_of(np.repeat(np.arange(len(cells)), sizes))
    return Column(name, ArrowTexts(pa.chunked_array([strings(cells).take(chosen)])))


def _texts(files: Files, source: str, reading: Reading) -> tuple[Table, list[int]]:
    """Read text tables or workbooks as one table. All files together decide a column's type."""
    parts: list[Records] = []
    delimiter = ""
    for path, name in zip(files.paths, files.names, strict=True):
        raw, found = _raw(path, name, files, reading)
        delimiter = delimiter or found
        parts.append(raw)
        check_names_of(name, list(raw.columns), files.names[0], list(parts[0].columns))
    join = joined_raw if files.kind == "text" else joined_values
    names = [*parts[0].columns]
    columns = {c: join([part.columns.pop(c) for part in parts], len(names)) for c in names}
    lines = [np.asarray(part.lines, dtype=np.uint32) for part in parts]
    sizes = list(map(len, lines))
    notes = _joined_notes(files.names, [part.notes for part in parts])
    numbers = np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)
    where = FileLines(files.names, numbers, np.concatenate(lines), True)
    joined = Records(columns, where, notes)
    asked = reading.missing_values
    if files.kind == "text":
        return table_from_records(joined, source, delimiter, reading.decimal, asked), sizes
    from somscape.tables._workbook import table_of_values  # late: it is slow to import

    return table_of_values(joined, source, asked), sizes


def _raw(path: Path, name: str, files: Files, reading: Reading) -> tuple[Records, str]:
    """Return the texts of a file's cells (or the values of a sheet), and the file's delimiter."""
    if files.kind == "text":
        return text_records(
            decode(read_text(path, name), name, reading.encoding),
            name,
            reading.delimiter,
            reading.missing_values,
            len(files.paths),
        )
    from somscape.tables._workbook import workbook_records

    return workbook_records(read_bytes(path, name), name, reading.sheet), ","


def _joined_notes(names: Sequence[str], notes: Sequence[Sequence[str]]) -> list[str]:
    """Return each note once. If a note is not for all files, add the name of its first file."""
    files: dict[str, list[str]] = {}
    for name, said in zip(names, notes, strict=True):
        for note in said:
            files.setdefault(note, []).append(name)
    found: list[str] = []
    for note, of in files.items():
        more = f" and {len(of) - 1} more" if of[1:] else ""
        text = note if len(of) == len(names) else f"{note} ({of[0]}{more})"
        found.append(Note(text, getattr(note, "options", "")))
    return found


def _typed(files: Files, source: str, asked: Sequence[str] | None) -> tuple[Table, list[int]]:
    """Read Parquet or Arrow files. The columns have types."""
    from somscape.tables._arrow_files import open_arrow  # late: it is slow to import

    agreed, opened = Agreed("files"), list[TypedRows | None]()

    def whole() -> Iterator[pa.Table]:
        for path, name in zip(files.paths, files.names, strict=True):
            part = open_arrow(path, name)
            agreed.add(part.schema, name)
            is_whole = isinstance(part, pa.Table)
            opened.append(None if is_whole else part)
            if is_whole:
                yield part

    kept = iter(spooled(whole()))
    parts = [next(kept) if part is None else part for part in opened]
    return typed_table(parts, files.names, agreed, source, asked), [p.num_rows for p in parts]
