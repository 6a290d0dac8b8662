"""The fitted map, the record that a file contains, and the order in which units join to regions."""

from somscape.maps.map import Map

__all__ = ["Map"]
