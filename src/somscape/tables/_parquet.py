"""Parquet files -> columns, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from somscape.errors import InputError
from somscape.tables._frame import table_from_frame
from somscape.tables._library import import_library
from somscape.tables._table import Column, Table
from somscape.tables._workbook import check_size

EXACT = 2.0**53
"""Up to here every whole number is a float64."""


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
        check_size(8 * file.metadata.num_rows * file.metadata.num_columns, data, source)
        # Without threads: with them, some damaged files end the process.
        table = file.read(use_threads=False)
    except MemoryError:  # pyarrow's own is an ArrowException, too
        raise
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{source} is not a Parquet file that pyarrow reads; write it again or give a .csv"
        ) from error
    return table_from_frame(table, source)


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
