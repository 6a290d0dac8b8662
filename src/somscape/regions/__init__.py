"""Clusters of units: the regions of a map, and what sets each apart."""

from somscape.regions._compare import RegionChange, carry_names, compare
from somscape.regions._describe import Difference, Quartiles, Region
from somscape.regions._edit import join, recolor, rename, split
from somscape.regions._find import find_regions, order_of_joins
from somscape.regions._given import given_or_found
from somscape.regions._json import fingerprint
from somscape.regions._keep import from_json, keep, kept, read
from somscape.regions._merge_small import merge_small_regions
from somscape.regions._regions import Regions
from somscape.regions._rule import Condition, Rule
from somscape.regions._stability import RegionStability, stability

__all__ = [
    "Condition",
    "Difference",
    "Quartiles",
    "Region",
    "RegionChange",
    "RegionStability",
    "Regions",
    "Rule",
    "carry_names",
    "compare",
    "find_regions",
    "fingerprint",
    "from_json",
    "given_or_found",
    "join",
    "keep",
    "kept",
    "merge_small_regions",
    "order_of_joins",
    "read",
    "recolor",
    "rename",
    "split",
    "stability",
]
