"""A map beside the one before it: laid over it, and what has changed."""

from somscape.changes._align import Alignment, align

__all__ = ["Alignment", "align"]
