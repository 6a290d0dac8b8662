"""The fitted map: everything it can answer without drawing."""

from somscape.maps._decorrelation import Decorrelation, rounded
from somscape.maps._load import as_map, load
from somscape.maps._map import NO_UNIT, Map
from somscape.maps._settings import MAX_PROTOTYPES, SCORES, DetectorSettings
from somscape.save import MOST_MAPS

__all__ = [
    "MAX_PROTOTYPES",
    "MOST_MAPS",
    "NO_UNIT",
    "SCORES",
    "Decorrelation",
    "DetectorSettings",
    "Map",
    "as_map",
    "load",
    "rounded",
]
