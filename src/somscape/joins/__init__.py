"""How the units of a map join, last where density falls between the parts."""

from somscape.joins._joins import (
    ALPHA,
    EMPTY_WEIGHT,
    Joins,
    import_solvers,
    join_units,
    joins_of,
    pieces_after,
)
from somscape.joins._near import Kept, Near, Pull, near_units, rows_to_keep
from somscape.joins._pieces import Pieces

__all__ = [
    "ALPHA",
    "EMPTY_WEIGHT",
    "Joins",
    "Kept",
    "Near",
    "Pieces",
    "Pull",
    "import_solvers",
    "join_units",
    "joins_of",
    "near_units",
    "pieces_after",
    "rows_to_keep",
]
