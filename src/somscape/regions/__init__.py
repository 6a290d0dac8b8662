"""Clusters of units: connected regions of a map, and what sets each apart."""

from somscape.regions._describe import Difference, Quartiles, Region
from somscape.regions._least import regions_of_least
from somscape.regions._regions import Regions, find_regions

__all__ = [
    "Difference",
    "Quartiles",
    "Region",
    "Regions",
    "find_regions",
    "regions_of_least",
]
