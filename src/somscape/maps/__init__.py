"""The fitted map: everything it can answer without drawing."""

from somscape.maps._map import DetectorSettings, Map, load

__all__ = ["DetectorSettings", "Map", "load"]
