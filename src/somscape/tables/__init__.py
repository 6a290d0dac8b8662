"""From a file or a data frame to a `Table`: names, cells, numbers, missing cells."""

from somscape.tables._cells import MISSING_WORDS
from somscape.tables._dates import (
    ORDERS,
    Dates,
    DateTexts,
    Moments,
    date_texts,
    dates_of,
    looks_like_dates,
    read_date,
)
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
from somscape.tables._missing import missing_words
from somscape.tables._numbers import read_numbers
from somscape.tables._read import import_reader, read_table
from somscape.tables._table import Column, Table, free_name
from somscape.tables._words import Note, counted, listed
from somscape.tables._write import escape_cell, unescape_cell, write_csv, write_table

__all__ = [
    "MISSING_WORDS",
    "ORDERS",
    "Column",
    "DateTexts",
    "Dates",
    "LineNumbers",
    "Moments",
    "Note",
    "Table",
    "as_frame",
    "counted",
    "date_texts",
    "dates_of",
    "escape_cell",
    "frame_kinds",
    "frame_like",
    "frame_names",
    "frame_numbers",
    "frame_values",
    "free_name",
    "import_reader",
    "listed",
    "looks_like_dates",
    "missing_words",
    "read_date",
    "read_numbers",
    "read_table",
    "table_from_columns",
    "table_from_frame",
    "unescape_cell",
    "write_csv",
    "write_table",
]
