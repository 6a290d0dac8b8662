"""Regions of a map: neighboring units, alike and together with enough rows."""

from heapq import heapify, heappop, heappush

import numpy as np

from somscape._types import Float64s, Ints
from somscape.maps import Map


def regions_of(map_: Map, counts: Float64s | Ints, least: float) -> Ints:
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
    n_units = map_.n_units
    totals = [float(count) for count in counts]
    sizes = np.ones(n_units)
    centers = map_.codebook.copy()
    neighbors = [set(row[row >= 0].tolist()) for row in map_.lattice.neighbors]
    members = [[unit] for unit in range(n_units)]
    is_there = np.ones(n_units, dtype=bool)
    heap = [(total, unit) for unit, total in enumerate(totals)]
    heapify(heap)
    while heap and heap[0][0] < least:
        total, region = heappop(heap)
        if not is_there[region] or total != totals[region]:
            continue
        is_there[region] = False
        others = np.array(sorted(neighbors[region])) if neighbors[region] else is_there.nonzero()[0]
        if not len(others):  # the last one
            is_there[region] = True
            break
        apart = ((centers[others] - centers[region]) ** 2).sum(axis=1)
        into = int(others[apart.argmin()])
        size = sizes[into] + sizes[region]
        centers[into] += (centers[region] - centers[into]) * (sizes[region] / size)
        sizes[into] = size
        totals[into] += total
        members[into] += members[region]
        neighbors[into] = (neighbors[into] | neighbors[region]) - {into, region}
        for other in neighbors[region] - {into}:
            neighbors[other] = (neighbors[other] - {region}) | {into}
        heappush(heap, (totals[into], into))
    found = np.empty(n_units, dtype=np.intp)
    regions = sorted(
        (sorted(units) for units, there in zip(members, is_there, strict=True) if there)
    )
    for number, units in enumerate(regions):
        found[units] = number
    return found
