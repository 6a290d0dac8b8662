"""Clusters of units: the regions of a map, and what sets each apart."""

from somscape.regions._compare import RegionChange, carry_names, compare
from somscape.regions._describe import Difference, Quartiles, Region
from somscape.regions._edit import join, rename, split
from somscape.regions._find import find_regions, given_or_found, order_of_joins
from somscape.regions._merge_small import merge_small_regions
from somscape.regions._regions import Regions
from somscape.regions._stability import RegionStability, stability

__all__ = [
    "Difference",
    "Quartiles",
    "Region",
    "RegionChange",
    "RegionStability",
    "Regions",
    "carry_names",
    "compare",
    "find_regions",
    "given_or_found",
    "join",
    "merge_small_regions",
    "order_of_joins",
    "rename",
    "split",
    "stability",
]
