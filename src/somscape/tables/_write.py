"""A table -> a file: CSV, Excel or Parquet by its ending."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import write_whole
from somscape._types import Float64s
from somscape.errors import InputError
from somscape.tables._csv import by_name, check_lengths, csv_lines
from somscape.tables._excel import Sheet, workbook_bytes
from somscape.tables._source import Source
from somscape.tables._table import Table

BOM = "\ufeff"
"""By the byte order mark Excel knows that a file is UTF-8."""

DIGITS = 6
"""Digits of a score or p-value that people are shown; more are noise to them."""


def write_table(
    path: str | Path, columns: Table | Source | Mapping[str, Iterable[Any]], *, bom: bool = False
) -> None:
    r"""Write named columns to a file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Ends in ``.csv``, ``.parquet``, or in ``.xlsx``, which needs the extra ``excel``.
    columns : Table, Source or mapping of str to iterable
        Values as for `write_csv`; in the other files names and text are as they are.
    bom : bool, default=False
        Whether a CSV file begins with a byte order mark, by which Excel knows that it is UTF-8.

    Raises
    ------
    InputError
        For another ending, columns of different lengths, too many rows for a sheet of Excel, or
        without the extra.

    See Also
    --------
    write_csv, write_sql, read_table

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(Path(folder, "t.csv"), {"id": [7]}, bom=True)
    ...     Path(folder, "t.csv").read_bytes()
    b'\xef\xbb\xbfid\n7\n'
    """
    ending = Path(path).suffix.lower()
    if ending not in (".csv", ".parquet", ".xlsx"):
        raise InputError(
            f"{path}: a table is written as .csv, .xlsx or .parquet. Give one of these names."
        )
    write_whole(path, table_bytes(ending.removeprefix("."), columns, bom=bom))


def table_bytes(
    kind: str, columns: Table | Source | Mapping[str, Iterable[Any]], *, bom: bool = False
) -> Iterator[bytes]:
    """Yield the content of a file that `write_table` writes, piece by piece."""
    if kind == "csv":
        yield BOM.encode() * bom
        yield from (line.encode() for line in csv_lines(columns))
        return
    found = by_name(columns)
    check_lengths(found)
    if kind == "xlsx":
        yield workbook_bytes([Sheet("table", found)])
    else:
        # Late, so that writing a .csv does not load it.
        from somscape.tables._arrow_files import parquet_bytes

        yield parquet_bytes(found)


def rounded(numbers: Float64s) -> Float64s:
    """Return numbers to as many digits as people are shown; their order stays."""
    return np.array([float(f"{number:.{DIGITS}g}") for number in numbers], dtype=np.float64)
