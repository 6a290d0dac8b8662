"""The map of whatever has one."""

from typing import Any

from somscape.maps._map import Map
from somscape.maps._refusal import refusal_of


def as_map(map_: Any) -> Map:
    """Return a map, or the map of a detector or a fitted estimator."""
    found = getattr(map_, "map_", map_)
    if not isinstance(found, Map):
        raise refusal_of(map_, "a Map", "`som.map_`", "save", "som")
    return found
