"""The same map with its units in another order, as after a turn of its lattice."""

from dataclasses import replace

import numpy as np

from somscape._types import Ints
from somscape.joins import Joins
from somscape.maps._map import Map


def reordered(map_: Map, units: Ints) -> Map:
    """Return a map whose places have other units."""
    told, kept = map_.told, map_.kept_regions
    return replace(
        map_,
        codebook=map_.codebook[units],
        hits=map_.hits[units],
        unit_labels=tuple(map_.unit_labels[unit] for unit in units) if map_.unit_labels else (),
        told=told.renumbered(np.argsort(units)) if isinstance(told, Joins) else told,
        kept_regions=None if kept is None else replace(kept, labels=kept.labels[units]),
    )
