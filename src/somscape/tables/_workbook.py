"""Read workbooks of Excel and LibreOffice in a separate process."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import Any

from somscape._stored import TIMES, Budget
from somscape.errors import InputError
from somscape.tables import _sheets
from somscape.tables._cells import as_text, clean_cell, notes_of_unused, strings
from somscape.tables._header import N_HEADER, NumberedRecord, is_blank
from somscape.tables._late import pa
from somscape.tables._messages import Note, check_libraries, listed, place, quoted, suggestion
from somscape.tables._numbers import text_columns
from somscape.tables._split import check_header
from somscape.tables._text import MAX_TIMES_UNPACKED
from somscape.tables._text_table import Records, records_of_values
from somscape.tables.table import Table, column_from_values

FREE_BYTES = 64_000_000
"""Decompressed size in bytes that is allowed for every workbook. A small file can decompress to
this size, because a repeated value needs little space in the file."""

ROW_BYTES, PLACE_BYTES = 100, 40
"""Memory in bytes for each row of a sheet, and for each cell in addition to the cell's value."""

MAX_ROWS = 1 << 24
"""Number that exceeds the number of rows of any sheet."""

UP_TO_THE_LAST = "rows and columns up to its last cell"

PACKED_WRONG = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError)
"""Errors that Python raises while it reads a damaged or protected zip archive."""

LOOKED_AT = 4096
"""Number of bytes at the start of a file by which text is told from a workbook."""

TAG = re.compile(rb"<(/?)(?:\w{1,20}:)?(c|f|v|is|table-cell)(?=[\s/>])([^<>]*)>([^<]*)")
"""Pattern of the XML tags for cells, formulas and values in a sheet of Excel or LibreOffice."""


def workbook_records(
    data: bytes, source: str, sheet: str | int | None, header: int | None = None
) -> Records:
    """Return the values of a sheet by column. Its row numbers are used as line numbers."""
    check_libraries(f"reading {source}", ("excel",), "python_calamine")
    budget = Budget(source, _unpacked_size(data, source))
    sheet = None if sheet is None else str(sheet)
    head, rows = _ask(data, sheet, min(header or 1, MAX_ROWS), budget)
    name = _checked_choice(head, sheet, source)
    budget.take(head["height"] * (ROW_BYTES + PLACE_BYTES * head["width"]), UP_TO_THE_LAST)
    numbered, above = enumerate(rows, 1), deque[tuple[int, list[Any]]]()
    if header is not None:
        check_header(header, head["height"], source)
        above = deque(islice(numbered, header - 1), 1)
    try:
        records = records_of_values(numbered, source, header, above[0][1] if above else ())
    except InputError:
        _refuse_formulas(data, source, f"sheet {quoted(name)}")
        raise
    for column, values in records.columns.items():
        if all(isinstance(value, str) and clean_cell(value) is None for value in values):
            _refuse_formulas(data, source, f"column {quoted(column)}")
    return replace(records, notes=[*_note_of(head), *records.notes])


def first_rows(data: bytes, source: str, sheet: str | int | None) -> list[NumberedRecord]:
    """Return the first rows of a sheet that are not blank, with their numbers."""
    budget = Budget(source, _unpacked_size(data, source))
    rows = enumerate(_ask(data, None if sheet is None else str(sheet), 1, budget)[1], 1)
    return [*islice((each for each in rows if not is_blank(each[1])), N_HEADER)]


def _unpacked_size(data: bytes, source: str) -> int:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return len(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            n_unpacked = sum(part.file_size for part in archive.infolist())
    except PACKED_WRONG as error:
        raise _not_a_workbook(source) from error
    check_size(n_unpacked, len(data), source)
    return n_unpacked


def check_size(n_unpacked: int, size: int, source: str) -> None:
    """Raise InputError if a compressed file unpacks to so many bytes that it seems malicious."""
    if n_unpacked > max(MAX_TIMES_UNPACKED * size, FREE_BYTES):
        raise InputError(
            f"{source} has {size} bytes but contains {n_unpacked} bytes of cells, so the file could"
            " be designed to fill the memory. If you trust the file, write it as .csv.",
            file=source,
            value=n_unpacked,
        )


def _ask(
    data: bytes, sheet: str | None, first: int, budget: Budget
) -> tuple[dict[str, Any], Iterator[list[Any]]]:
    """Let a separate process list the sheets of a workbook and read the rows of one sheet."""
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": path, "RUST_BACKTRACE": "0"}
    arguments = [json.dumps(each) for each in (sheet, first, FREE_BYTES + TIMES * budget.size)]
    # -S skips site packages, which PYTHONPATH contains. -P excludes the folder of the script.
    done = subprocess.run(
        [sys.executable, "-S", "-P", _sheets.__file__, *arguments],
        input=data,
        capture_output=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        fault = done.stderr
        if b"memory allocation" in fault or b"MemoryError" in fault:
            if _is_limited():
                raise MemoryError
            budget.check(FREE_BYTES + TIMES * budget.size, UP_TO_THE_LAST)
        raise _not_a_workbook(budget.source, data)
    lines = io.BytesIO(done.stdout)
    return json.loads(lines.readline()), map(json.loads, lines)


def _is_limited() -> bool:
    """Return whether a limit is set on the memory of this process and its child processes."""
    if sys.platform == "win32":
        return False
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def _not_a_workbook(source: str, data: bytes = b"") -> InputError:
    if data and b"\0" not in data[:LOOKED_AT] and not data.startswith((b"PK", b"<")):
        return InputError(f"{source} is text and not a workbook. Name the file .csv.", file=source)
    return InputError(
        f"{source} is not a workbook of Excel or LibreOffice that calamine can read. Save it again"
        " without a password, or save it as .csv.",
        file=source,
    )


def _parts(data: bytes, *names: str) -> Iterator[bytes]:
    """Yield the files in a zip archive that have matching names. Other data yields nothing."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                if any(fnmatchcase(name, wanted) for wanted in names):
                    yield archive.read(name)
    except PACKED_WRONG:
        return


def _checked_choice(head: Mapping[str, Any], sheet: str | None, source: str) -> str:
    """Return the name of the selected sheet. If it does not exist, raise InputError."""
    if head["chosen"] is not None:
        return str(head["chosen"])
    names = listed(head["names"])
    if sheet is not None:
        near = suggestion(sheet, head["names"])
        cure = f"{near} Its" if near else "its"
        raise InputError(
            f"{source} has no sheet {quoted(sheet)}; {cure} sheets are {names}. Give one of these"
            " names.",
            options="--sheet NAME",
            parameter="sheet",
            file=source,
            value=sheet,
            allowed=head["names"],
        )
    hidden = f" ({listed(head['hidden'])} hidden)" if head["hidden"] else ""
    raise InputError(
        f"No visible sheet of {source} contains a table with column names and at least one row. The"
        f" sheets are {names}{hidden}. Give the name of the sheet to read.",
        options="--sheet NAME",
        parameter="sheet",
        file=source,
        allowed=head["names"],
    )


def _note_of(head: Mapping[str, Any]) -> list[str]:
    """Return a note on the sheet that was read if the user did not choose among several sheets."""
    tables = head["tables"]
    if not tables:
        return []
    if len(tables) == 1:
        only = f"the only one of {len(head['names'])} sheets with a table"
        return [f"sheet {quoted(tables[0])}, {only}"]
    text = f"sheet {quoted(tables[0])}, the first of the sheets with a table ({listed(tables)})"
    return [Note(text, "--sheet NAME")]


def _refuse_formulas(data: bytes, source: str, where: str) -> None:
    """Raise InputError for formulas without stored results. Their cells look empty."""
    if any(map(_lacks_results, _parts(data, "xl/worksheets/*.xml", "content.xml"))):
        raise InputError(
            f"{where} of {source} looks empty, because the workbook contains formulas without"
            " results. Open the file in Excel or LibreOffice, save it, and give it again.",
            file=source,
        )


def _lacks_results(part: bytes) -> bool:
    """Return whether a cell of a sheet contains a formula without a computed value."""
    has_formula = has_value = False
    for found in TAG.finditer(part):
        is_end, tag, attributes, text = found.groups()
        if tag == b"table-cell":
            if b":formula=" in attributes and b":value-type=" not in attributes:
                return True
        elif tag == b"f":
            has_formula = True
        elif tag == b"c":
            if is_end and has_formula and not has_value:
                return True
            has_formula = has_value = False
        else:
            has_value = has_value or tag == b"is" or bool(text.strip())
    return False


def table_of_values(records: Records, source: str, asked: Sequence[str] | None = None) -> Table:
    """Make a table from the values of one or more sheets."""

    # A column with words is read like a column of a text file, because words can spell numbers.
    where = partial(place, source, records.lines)
    texts = {
        name: pa.chunked_array([strings(as_text(value) for value in values)])
        for name, values in records.columns.items()
        if asked is not None or any(isinstance(v, str) and clean_cell(v) for v in values)
    }
    made = text_columns(texts, where, asked=asked)
    by_name = {column.name: column for column in made.columns}
    columns = tuple(
        by_name[name] if name in by_name else column_from_values(name, values, where)
        for name, values in records.columns.items()
    )
    notes = (*records.notes, *made.notes, *notes_of_unused(made.words, asked))
    return Table(columns, source, records.lines, notes)
