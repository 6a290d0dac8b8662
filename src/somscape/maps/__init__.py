"""The fitted map: everything that it can answer without drawing."""

from somscape.maps._as_map import as_map
from somscape.maps._frames import unit_columns
from somscape.maps._in_words import map_in_words
from somscape.maps._kept_regions import KeptRegions
from somscape.maps._map import NO_UNIT, Map, map_of_arrays
from somscape.maps._refusal import refusal_of
from somscape.maps._reordered import reordered
from somscape.maps._table_and_rows import table_and_rows

__all__ = [
    "NO_UNIT",
    "KeptRegions",
    "Map",
    "as_map",
    "map_in_words",
    "map_of_arrays",
    "refusal_of",
    "reordered",
    "table_and_rows",
    "unit_columns",
]
