"""The regions that a picture, a page or a path goes by."""

from somscape.errors import InputError
from somscape.maps import Map
from somscape.regions._find import find_regions
from somscape.regions._keep import kept
from somscape.regions._regions import Regions


def given_or_found(regions: Regions | None, map_: Map) -> Regions:
    """Return the regions that were given for a map, or that it keeps, or find them."""
    if regions is None:
        return kept(map_) or find_regions(map_)
    if not isinstance(regions, Regions):
        raise TypeError(
            "`regions` must be what somscape.regions.find_regions(map, n_regions) returns, or "
            f"None; got {type(regions).__name__}."
        )
    if len(regions.labels) != map_.n_units:
        raise InputError(
            f"`regions` must be those of this map, of {map_.n_units} units; got regions of "
            f"{len(regions.labels)} units. Pass find_regions(map)."
        )
    return regions
