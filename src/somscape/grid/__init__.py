"""Lattices of units: positions, map distances and neighborhood weights."""

from somscape.grid._neighborhood import radius_from
from somscape.grid.graph import Graph
from somscape.grid.lattice import Lattice

__all__ = ["Graph", "Lattice", "radius_from"]
