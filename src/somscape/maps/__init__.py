"""The fitted map: everything that it can answer without drawing."""

from somscape.maps._map import NO_UNIT, Map, as_map, map_of_arrays

__all__ = ["NO_UNIT", "Map", "as_map", "map_of_arrays"]
