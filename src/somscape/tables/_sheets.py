"""Read a workbook from standard input, and write one of its sheets as JSON.

The library calamine allocates memory for every cell up to the last cell of a sheet.  If there is
not enough memory, calamine ends the process.  Therefore a separate process with limited memory
reads the workbook.  The first line of this process's output describes the sheets of the workbook.
Each other line is a row of the requested sheet.
"""

import json
import os
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

MAX_WHOLE = 1e15
"""Limit below which whole numbers, which sheets store as floats, are written as integers."""

N_TITLES = 5
"""Maximum number of rows between a title and the names of the columns."""


def answer(data: bytes, wanted: str | None, first: int = 1) -> Iterator[Any]:
    """Yield a description of all sheets of a workbook, and then each row of the chosen sheet."""
    import python_calamine as calamine

    book = calamine.load_workbook(BytesIO(data))
    sheets = [s for s in book.sheets_metadata if s.typ == calamine.SheetTypeEnum.WorkSheet]
    names = [sheet.name for sheet in sheets]
    hidden = [s.name for s in sheets if s.visible != calamine.SheetVisibleEnum.Visible]
    tables: list[str] = []
    if wanted is not None or len(names) == 1:
        chosen = _named(names, wanted or "1")
    else:
        seen = [name for name in names if name not in hidden]
        tables = [n for n in seen if holds_table(_rows(book.get_sheet_by_name(n)), first)]
        chosen = tables[0] if tables else None
    head = {"names": names, "hidden": hidden, "tables": tables, "chosen": chosen}
    sheet = None if chosen is None else book.get_sheet_by_name(chosen)
    end = None if sheet is None else sheet.end
    if sheet is None or end is None:
        yield {**head, "height": 0, "width": 0}
        return
    yield {**head, "height": end[0] + 1, "width": sheet.width}
    for row in _rows(sheet):
        yield [plain(value) for value in row]


def _rows(sheet: Any) -> Iterator[list[Any]]:
    return iter(()) if sheet.end is None else sheet.iter_rows()


def _named(names: list[str], wanted: str) -> str | None:
    """Return the name of the sheet that was requested by name or number (from 1), or None."""
    if wanted in names:
        return wanted
    number = int(wanted) if wanted.isascii() and wanted.isdecimal() else 0
    return names[number - 1] if 1 <= number <= len(names) else None


def holds_table(rows: Iterator[list[Any]], first: int = 1) -> bool:
    """Return whether the first row with values, and a later row, both have at least two values.

    Rows above the row number `first` do not count.  If the first row is a title, with one value,
    the two rows have at least three values.
    """
    counts = (sum(1 for cell in row if plain(cell) != "") for row in islice(rows, first - 1, None))
    filled = (n for n in counts if n)
    header, least = next(filled, 0), 1
    if header == 1:
        header, least = next((n for n in islice(filled, N_TITLES) if n > 2), 0), 2
    return header > least and any(n > least for n in filled)


def plain(value: Any) -> Any:
    """Convert a cell's value for JSON: dates and times to ISO form, and empty cells to ""."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < MAX_WHOLE else value
    if isinstance(value, str):
        return "" if value.isspace() else value
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())  # an .xlsx file writes a day as its midnight
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else value


def _limit_memory(n_bytes: int) -> None:
    """If possible, limit the memory that this process can still allocate to `n_bytes`."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        allowed = n_bytes + pages * os.sysconf("SC_PAGE_SIZE")
        limits = [allowed, *(n for n in (soft, hard) if n != resource.RLIM_INFINITY)]
        resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    except (OSError, ValueError):
        return  # macOS has the limit but refuses new values


def main() -> None:
    """Write the requested sheet to standard output, within the requested limit of memory."""
    wanted, first, n_bytes = map(json.loads, sys.argv[1:])
    data = sys.stdin.buffer.read()
    import python_calamine  # noqa: F401 - before the limit

    _limit_memory(n_bytes)
    for line in answer(data, wanted, first):
        sys.stdout.buffer.write(json.dumps(line).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
