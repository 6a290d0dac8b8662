"""Positions and neighborhood weights of units, independent of the data."""

from somscape.grid._neighborhood import radius_from
from somscape.grid.graph import Graph
from somscape.grid.lattice import Lattice

__all__ = ["Graph", "Lattice", "radius_from"]
