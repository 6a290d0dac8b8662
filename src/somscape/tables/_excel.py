"""Named columns -> a workbook that people work in: text that stays text, filters, choices."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any
from zipfile import ZipFile

import numpy as np

from somscape.errors import InputError
from somscape.tables._column import Column
from somscape.tables._csv import Values, each_value, escape_cell
from somscape.tables._library import check_library
from somscape.tables._values import as_text
from somscape.tables._words import table_mark

MAX_ROWS, MAX_COLUMNS, MAX_LETTERS = 1_048_576, 16_384, 32_767
"""What a sheet of Excel holds, the header counted, and a cell of it."""

MAX_EXACT = 1e15
"""Excel shows 15 digits of a number; longer ones are written as text, for they name something."""

MIN_WIDTH, MAX_WIDTH, SEEN = 8, 60, 200
"""Letters to which a column is made wide, by its first rows."""

NOT_IN_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Sheet:
    """A sheet to write.

    Attributes
    ----------
    name : str
    columns : mapping of str to Column, ndarray or list
        Of one length.
    choices : mapping of str to sequence of str, default={}
        For columns that people fill in: what a menu in their cells offers.
    formats : mapping of str to str, default={}
        How the numbers of some columns are shown, as Excel writes formats.
    """

    name: str
    columns: Mapping[str, Values]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Number of rows below the header."""
        return len(next(iter(self.columns.values()), ()))


def check_sheet(n_rows: int, n_columns: int) -> None:
    """Raise InputError for a table that no sheet of Excel holds."""
    if n_rows >= MAX_ROWS or n_columns > MAX_COLUMNS:
        raise InputError(
            f"a sheet of Excel holds {MAX_ROWS - 1:,} rows below the header and {MAX_COLUMNS:,}"
            f" columns, and this table has {n_rows:,} and {n_columns:,}; write fewer, or write it"
            " as .csv or .parquet"
        )


def workbook_bytes(sheets: Sequence[Sheet]) -> bytes:
    """Return sheets as the bytes of a workbook (.xlsx)."""
    check_library("xlsxwriter", "writing a .xlsx file")
    import xlsxwriter  # late: it is of an extra

    for sheet in sheets:
        check_sheet(sheet.n_rows, len(sheet.columns))
    content = io.BytesIO()
    # Rows go to the disk one by one, as text within the sheet.
    book = xlsxwriter.Workbook(content, {"constant_memory": True})
    looks = {
        "header": book.add_format({"bold": True, "bottom": 1}),
        "risky": book.add_format({"quote_prefix": True}),
    }
    for sheet in sheets:
        _write(book, book.add_worksheet(sheet.name), sheet, looks)
    book.close()
    with ZipFile(content, "a") as packed:
        packed.comment = table_mark(sheets[0].columns)  # which is lost when somebody else saves it
    return content.getvalue()


def _write(book: Any, page: Any, sheet: Sheet, looks: Mapping[str, Any]) -> None:
    names, n_rows = list(sheet.columns), sheet.n_rows
    widths = [len(name) + 3 for name in names]  # with room for the filter's button
    numbers = [
        book.add_format({"num_format": sheet.formats[name]}) if name in sheet.formats else None
        for name in names
    ]
    for col, name in enumerate(names):
        page.write_string(0, col, _clean(name), looks["header"])
    rows = zip(*map(_values, sheet.columns.values()), strict=True)
    for row, values in enumerate(rows, 1):
        for col, value in enumerate(values):
            if isinstance(value, str):
                is_risky = escape_cell(value) != value
                page.write_string(row, col, _clean(value), looks["risky"] if is_risky else None)
            elif isinstance(value, bool):
                page.write_boolean(row, col, value)
            elif value is not None:
                page.write_number(row, col, value, numbers[col])
        if row <= SEEN:
            widths = list(map(max, widths, map(_width, values)))
    for col, width in enumerate(widths):
        page.set_column(col, col, min(max(width, MIN_WIDTH), MAX_WIDTH))
    if names:
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, n_rows, len(names) - 1)
        page.ignore_errors({"number_stored_as_text": f"A1:XFD{n_rows + 1}"})
    for name, choices in sheet.choices.items():
        if n_rows:
            col = names.index(name)
            menu = {"validate": "list", "source": list(choices)}
            page.data_validation(1, col, n_rows, col, menu)


def _values(values: Values) -> Iterator[Any]:
    """Yield text, finite numbers, booleans, and None for an empty cell."""
    if isinstance(values, Column) and values.numbers is not None:
        is_long = np.abs(values.numbers) >= MAX_EXACT
        if not (values.is_whole and is_long.any()):
            values = values.numbers
    for value in each_value(values):
        if value is None or value != value or value == "":  # as only NaN and NaT do
            yield None
        elif isinstance(value, str | bool):
            yield value
        elif isinstance(value, Real) and np.isfinite(float(value)):
            yield float(value)
        else:
            yield as_text(value)


def _clean(text: str) -> str:
    text = NOT_IN_XML.sub("\ufffd", text.replace("\r\n", "\n"))
    return text if len(text) <= MAX_LETTERS else text[: MAX_LETTERS - 1] + "…"


def _width(value: Any) -> int:
    if isinstance(value, str):
        return len(value) + 1
    return 0 if value is None else len(f"{value:.6g}") + 1
