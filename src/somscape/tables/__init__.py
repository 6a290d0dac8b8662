"""From a file or a data frame to a `Table`: names, cells, numbers, missing cells."""

from somscape.tables._cells import MISSING_WORDS
from somscape.tables._database import file_of, is_url
from somscape.tables._dates import looks_like_dates, read_date
from somscape.tables._frame import (
    as_frame,
    frame_kinds,
    frame_like,
    frame_names,
    frame_numbers,
    frame_values,
    table_from_columns,
    table_from_frame,
)
from somscape.tables._line_numbers import LineNumbers
from somscape.tables._numbers import read_numbers
from somscape.tables._read import import_reader, read_table
from somscape.tables._sql import read_sql
from somscape.tables._sql_sink import check_sink, write_sql
from somscape.tables._table import Column, Table, free_name
from somscape.tables._words import counted, listed
from somscape.tables._write import escape_cell, unescape_cell, write_csv, write_table

__all__ = [
    "MISSING_WORDS",
    "Column",
    "LineNumbers",
    "Table",
    "as_frame",
    "check_sink",
    "counted",
    "escape_cell",
    "file_of",
    "frame_kinds",
    "frame_like",
    "frame_names",
    "frame_numbers",
    "frame_values",
    "free_name",
    "import_reader",
    "is_url",
    "listed",
    "looks_like_dates",
    "read_date",
    "read_numbers",
    "read_sql",
    "read_table",
    "table_from_columns",
    "table_from_frame",
    "unescape_cell",
    "write_csv",
    "write_sql",
    "write_table",
]
