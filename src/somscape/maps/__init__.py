"""The fitted map: everything it can answer without drawing."""

from somscape.maps._map import MAX_PROTOTYPES, NO_UNIT, SCORES, DetectorSettings, Map, as_map, load

__all__ = ["MAX_PROTOTYPES", "NO_UNIT", "SCORES", "DetectorSettings", "Map", "as_map", "load"]
