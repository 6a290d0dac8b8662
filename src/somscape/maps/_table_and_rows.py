"""Data with its cells, and as a map's encoded rows."""

from typing import Any

from somscape._types import Floats
from somscape.errors import InputError
from somscape.maps._map import Map
from somscape.tables import Table, collected, table_from_columns, table_from_frame


def table_and_rows(map_: Map, X: Any) -> tuple[Table, Floats]:
    """Return data as a table with a map's columns, and as encoded rows."""
    X = collected(X)
    if isinstance(X, Table) or hasattr(X, "columns"):
        table = X if isinstance(X, Table) else table_from_frame(X)
        return table, map_.rows_of(table)
    if not map_.encoding.is_plain:
        raise InputError(
            "this map encodes columns, which it finds by name; got X without names "
            f"({type(X).__name__}). Pass a table or a data frame."
        )
    rows = map_.rows_of(X)
    return table_from_columns(dict(zip(map_.encoding.feature_names, rows.T, strict=True))), rows
