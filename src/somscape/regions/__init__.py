"""Regions (clusters of units) of a map, and the columns that distinguish regions."""

from somscape.regions.edit import (
    RegionChange,
    carry_names,
    compare,
    from_json,
    join,
    keep,
    kept,
    read,
    recolor,
    rename,
    split,
)
from somscape.regions.find import RegionStability, find_regions, order_of_joins, stability
from somscape.regions.regions import Condition, Difference, Quartiles, Region, Regions, Rule

__all__ = [
    "Condition", "Difference", "Quartiles", "Region", "RegionChange", "RegionStability", "Regions",
    "Rule", "carry_names", "compare", "find_regions", "from_json", "join", "keep", "kept",
    "order_of_joins", "read", "recolor", "rename", "split", "stability",
]  # fmt: skip
