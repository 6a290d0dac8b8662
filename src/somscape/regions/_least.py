"""Regions that are large enough: whatever has too few rows joins its nearest neighbor."""

from heapq import heapify, heappop, heappush

import numpy as np

from somscape._types import Float64s, Ints
from somscape.maps import Map
from somscape.regions._pieces import Pieces


def regions_of_least(map_: Map, counts: Float64s | Ints, *, least: float) -> Ints:
    """Return a region for each unit, each region with at least so many rows.

    The region with the fewest rows joins the neighbor whose prototypes are nearest on average,
    until none has too few; a part of a graph without neighbors joins the nearest region.

    Parameters
    ----------
    map_ : Map
    counts : ndarray of shape (n_units,)
        Rows of each unit.
    least : float
        Where there are fewer in all, there is one region.

    Returns
    -------
    ndarray of shape (n_units,)
        Numbers from 0, in the order of the regions' first units.
    """
    pieces = Pieces(map_.lattice, map_.codebook, np.ones(map_.n_units))
    totals = [float(count) for count in counts]
    is_there = np.ones(map_.n_units, dtype=bool)
    heap = [(total, unit) for unit, total in enumerate(totals)]
    heapify(heap)
    while heap and heap[0][0] < least:
        total, region = heappop(heap)
        if not is_there[region] or total != totals[region]:
            continue
        is_there[region] = False
        touching = sorted(pieces.neighbors[region])
        others = np.array(touching) if touching else is_there.nonzero()[0]
        if not len(others):  # the last one
            break
        into = int(others[pieces.apart(region, others).argmin()])
        pieces.join(into, region)
        totals[into] += total
        heappush(heap, (totals[into], into))
    return pieces.labels
