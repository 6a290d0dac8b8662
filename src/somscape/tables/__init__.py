"""Read and write tables, encode table rows as numbers, and decode the numbers again."""

from somscape.tables._frame import table_from_frame
from somscape.tables._sql import read_sql
from somscape.tables._write import write_csv, write_sql, write_table
from somscape.tables.column import Column
from somscape.tables.customers import Grouped, per
from somscape.tables.encoding import Encoding
from somscape.tables.sources import Source, read_table, source
from somscape.tables.table import Table, table_from_columns

__all__ = [
    "Column", "Encoding", "Grouped", "Source", "Table", "per", "read_sql", "read_table", "source",
    "table_from_columns", "table_from_frame", "write_csv", "write_sql", "write_table",
]  # fmt: skip
