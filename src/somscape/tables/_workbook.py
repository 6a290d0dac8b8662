"""Parquet files and Excel workbooks -> columns, with the libraries of the extra `frames`."""

import importlib
import importlib.util
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from somscape._budget import Budget
from somscape.errors import InputError
from somscape.tables._cells import clean_cell
from somscape.tables._frame import column_from_values, table_from_frame
from somscape.tables._numbers import Where, text_columns
from somscape.tables._records import arrange
from somscape.tables._table import Column, Table, place
from somscape.tables._text import MAX_TIMES_UNPACKED
from somscape.tables._values import as_text

FREE_BYTES = 64_000_000
"""Bytes to which a packed file of any size may unpack: a repeated value takes no room packed."""

ROW_BYTES, PLACE_BYTES = 100, 20
"""What a row of a sheet and a place in it cost, empty or not, beside the value."""

EXACT = 2.0**53
"""Up to here every whole number is a float64."""

NOT_A_WORKBOOK = (
    *(KeyError, IndexError, ValueError, TypeError, AttributeError, SyntaxError, EOFError),
    *(OSError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
)
"""What openpyxl raises for files that are none, or damaged; it has no error of its own."""


def read_parquet(data: bytes, source: str) -> Table:
    """Read the bytes of a Parquet file.

    Raises
    ------
    InputError
        If pyarrow is not installed or cannot read the file.
    """
    pyarrow = import_library("pyarrow", f"reading {source}")
    parquet = import_library("pyarrow.parquet", f"reading {source}")
    try:
        # Old timestamps in microseconds: nanoseconds would turn the year 9999 into 1816.
        file = parquet.ParquetFile(pyarrow.BufferReader(data), coerce_int96_timestamp_unit="us")
        _check_size(8 * file.metadata.num_rows * file.metadata.num_columns, data, source)
        # Without threads: with them, some damaged files end the process.
        table = file.read(use_threads=False)
    except MemoryError:  # pyarrow's own is an ArrowException, too
        raise
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{source} is not a Parquet file that pyarrow reads; write it again or give a .csv"
        ) from error
    return table_from_frame(table, source)


def read_xlsx(data: bytes, source: str) -> Table:
    """Read the first sheet of the bytes of an Excel workbook; its rows count as lines.

    Raises
    ------
    InputError
        If openpyxl is not installed or cannot read the file, or the sheet holds no table.
    """
    openpyxl = import_library("openpyxl", f"reading {source}")
    broken = f"{source} is not an Excel workbook that openpyxl reads; save it again or as .csv"
    # openpyxl does not say "broken file" in one way; a file that is no archive is the usual one.
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise InputError(broken)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            n_unpacked = sum(part.file_size for part in archive.infolist())
        _check_size(n_unpacked, data, source)
        budget = Budget(source, n_unpacked)
        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()  # some programs write wrong ones
        rows = []
        for row in sheet.values:  # as many and as long as the last cell says it stands
            budget.take(ROW_BYTES + PLACE_BYTES * len(row), "rows and columns up to its last cell")
            rows.append(["" if cell is None else cell for cell in row])
    except InputError:
        raise
    except NOT_A_WORKBOOK as error:
        raise InputError(broken) from error
    width = max(map(len, rows), default=0)
    budget.take(PLACE_BYTES * width * len(rows), "rows and columns up to its last cell")
    padded = (row + [""] * (width - len(row)) for row in rows)
    records = arrange(enumerate(padded, 1), source, lambda n: [Values() for _ in range(n)])
    n_sheets = len(workbook.worksheets)
    notes = [f"first of {n_sheets} sheets, {sheet.title!r}"] if n_sheets > 1 else []
    columns, number_notes = _sheet_columns(
        records.columns, lambda row: place(source, records.lines, row)
    )
    notes += records.notes + number_notes
    return Table(tuple(columns), source, records.lines, tuple(notes))


class Values(list[Any]):
    """The values of a column."""

    def drop_last(self, n: int) -> None:
        """Drop the last values."""
        del self[len(self) - n :]


def _check_size(n_unpacked: int, data: bytes, source: str) -> None:
    if n_unpacked > max(MAX_TIMES_UNPACKED * len(data), FREE_BYTES):
        raise InputError(
            f"{source} of {len(data)} bytes holds {n_unpacked} bytes of cells, like a file that"
            " is made to fill a machine's memory; if it is yours, write it as .csv"
        )


def _sheet_columns(
    columns: Mapping[str, Sequence[Any]], where: Where
) -> tuple[list[Column], list[str]]:
    # A column with words in it is read as that of a text file: they may be numbers as text.
    pyarrow = import_library("pyarrow", "reading a workbook")
    texts = {
        name: pyarrow.chunked_array([pyarrow.array([as_text(value) for value in values])])
        for name, values in columns.items()
        if any(isinstance(value, str) and clean_cell(value) for value in values)
    }
    read = text_columns(texts, where)
    by_name = {column.name: column for column in read.columns}
    return [
        by_name[name] if name in by_name else column_from_values(name, values, where)
        for name, values in columns.items()
    ], read.notes


def parquet_bytes(columns: Mapping[str, Any]) -> bytes:
    """Return named columns as the bytes of a Parquet file.

    Raises
    ------
    InputError
        If pyarrow is not installed.
    """
    pyarrow = import_library("pyarrow", "writing a .parquet file")
    parquet = import_library("pyarrow.parquet", "writing a .parquet file")
    arrays = {
        name: _arrow_array(pyarrow, values) if isinstance(values, Column) else values
        for name, values in columns.items()
    }
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(arrays), sink)
    return bytes(sink.getvalue())


def _arrow_array(pyarrow: Any, column: Column) -> Any:
    """Return numbers as numbers, whole where all are, and text as text."""
    if column.numbers is None:
        return pyarrow.array(column.each_cell(), pyarrow.string())
    missing = column.missing
    if column.is_whole and np.nanmax(np.abs(column.numbers)) <= EXACT:
        whole = np.where(missing, 0, column.numbers).astype(np.int64)
        return pyarrow.array(whole, mask=missing)
    return pyarrow.array(column.numbers, mask=missing)


def import_library(module: str, doing: str) -> Any:
    """Return a module of a library, or raise InputError where it is not installed."""
    # Asked before, because an ImportError from within the library is not this one.
    library = module.partition(".")[0]
    if importlib.util.find_spec(library) is None:
        raise InputError(f"{doing} needs {library}; run: pip install 'somscape[excel]'")
    return importlib.import_module(module)
