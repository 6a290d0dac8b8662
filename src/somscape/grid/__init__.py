"""Where units lie and how strongly they pull each other; knows nothing of data."""

from somscape.grid._lattice import BOUNDARIES, KINDS, Lattice
from somscape.grid._neighborhood import (
    NEIGHBORHOODS,
    Neighborhood,
    NeighborhoodTables,
    neighborhood_tables,
)

__all__ = [
    "BOUNDARIES",
    "KINDS",
    "NEIGHBORHOODS",
    "Lattice",
    "Neighborhood",
    "NeighborhoodTables",
    "neighborhood_tables",
]
