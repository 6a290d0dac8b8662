"""Fitted maps, records for files, and the order in which units join to regions."""

from somscape.maps.map import Map

__all__ = ["Map"]
