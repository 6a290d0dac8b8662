"""A map beside the one before it: laid over it, and what has changed."""

from somscape.changes._align import Alignment, align
from somscape.changes._difference import MapChange, difference

__all__ = ["Alignment", "MapChange", "align", "difference"]
