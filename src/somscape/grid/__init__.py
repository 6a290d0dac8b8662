"""Where units lie and how strongly they pull each other, without any data."""

from somscape.grid._graph import MAX_GRAPH_UNITS, Graph
from somscape.grid._lattice import BOUNDARIES, KINDS, Lattice, neighbor_pairs
from somscape.grid._neighborhood import (
    NEIGHBORHOODS,
    Neighborhood,
    NeighborhoodTables,
    check_pull,
    neighborhood_tables,
    pull_from,
)
from somscape.grid._paths import connected_groups, n_connected, shortest_paths, spanning_tree
from somscape.grid._radius import CONVENTIONS, radius_from
from somscape.grid._serialize import lattice_of, lattice_parts
from somscape.grid._symmetries import Shifts, Turn, shifts, turns

__all__ = [
    "BOUNDARIES",
    "CONVENTIONS",
    "KINDS",
    "MAX_GRAPH_UNITS",
    "NEIGHBORHOODS",
    "Graph",
    "Lattice",
    "Neighborhood",
    "NeighborhoodTables",
    "Shifts",
    "Turn",
    "check_pull",
    "connected_groups",
    "lattice_of",
    "lattice_parts",
    "n_connected",
    "neighbor_pairs",
    "neighborhood_tables",
    "pull_from",
    "radius_from",
    "shifts",
    "shortest_paths",
    "spanning_tree",
    "turns",
]
