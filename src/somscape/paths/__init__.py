"""Rows with an id and a time, which walk over a map, and windows of a series as rows."""

from somscape.paths._paths import Entry, Paths, follow
from somscape.paths._windows import Windows, windows

__all__ = ["Entry", "Paths", "Windows", "follow", "windows"]
