"""From a file or a data frame to a `Table`: names, cells, numbers, missing cells."""

from somscape.tables._batches import fetched_rows
from somscape.tables._cells import MISSING_WORDS, missing_words
from somscape.tables._column import Column
from somscape.tables._columns import table_from_columns
from somscape.tables._csv import escape_cell, unescape_cell, write_csv
from somscape.tables._database import database_at, is_url
from somscape.tables._dates import (
    FIRST,
    ORDERS,
    Dates,
    DateTexts,
    Moments,
    date_texts,
    dates_of,
    find_dates,
    looks_like_dates,
    read_date,
)
from somscape.tables._endings import ARROW_FILES, WORKBOOKS
from somscape.tables._excel import Sheet, check_sheet, workbook_bytes
from somscape.tables._frame import (
    as_frame,
    frame_kinds,
    frame_like,
    frame_names,
    frame_numbers,
    frame_values,
    table_from_frame,
)
from somscape.tables._framed import frame_of, html_of
from somscape.tables._library import check_library
from somscape.tables._line_numbers import LineNumbers
from somscape.tables._made_names import ROW_COUNT, may_be_made
from somscape.tables._numbers import padded_numbers, read_numbers
from somscape.tables._per import MAX_NUMBER_LEVELS, Grouped, Made, is_called_id, per
from somscape.tables._read import import_reader, kind_at, paths_of, read_table
from somscape.tables._source import Source, collected, source
from somscape.tables._sql import read_sql
from somscape.tables._sql_sink import check_sink, write_sql
from somscape.tables._table import Table
from somscape.tables._wire import (
    bytes_for_wire,
    column_of_numbers,
    column_of_texts,
    table_from_wire,
)
from somscape.tables._words import Note, counted, free_name, in_columns, listed, suggestion
from somscape.tables._write import rounded, table_bytes, write_table

__all__ = [
    "ARROW_FILES",
    "FIRST",
    "MAX_NUMBER_LEVELS",
    "MISSING_WORDS",
    "ORDERS",
    "ROW_COUNT",
    "WORKBOOKS",
    "Column",
    "DateTexts",
    "Dates",
    "Grouped",
    "LineNumbers",
    "Made",
    "Moments",
    "Note",
    "Sheet",
    "Source",
    "Table",
    "as_frame",
    "bytes_for_wire",
    "check_library",
    "check_sheet",
    "check_sink",
    "collected",
    "column_of_numbers",
    "column_of_texts",
    "counted",
    "database_at",
    "date_texts",
    "dates_of",
    "escape_cell",
    "fetched_rows",
    "find_dates",
    "frame_kinds",
    "frame_like",
    "frame_names",
    "frame_numbers",
    "frame_of",
    "frame_values",
    "free_name",
    "html_of",
    "import_reader",
    "in_columns",
    "is_called_id",
    "is_url",
    "kind_at",
    "listed",
    "looks_like_dates",
    "may_be_made",
    "missing_words",
    "padded_numbers",
    "paths_of",
    "per",
    "read_date",
    "read_numbers",
    "read_sql",
    "read_table",
    "rounded",
    "source",
    "suggestion",
    "table_bytes",
    "table_from_columns",
    "table_from_frame",
    "table_from_wire",
    "unescape_cell",
    "workbook_bytes",
    "write_csv",
    "write_sql",
    "write_table",
]
