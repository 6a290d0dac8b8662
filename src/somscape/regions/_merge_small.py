"""Merge regions with too few rows into their nearest neighbors."""

from heapq import heapify, heappop, heappush

import numpy as np

from somscape._types import Float64s, Ints
from somscape.joins import Pieces
from somscape.maps import Map


def merge_small_regions(
    map_: Map,
    counts: Float64s | Ints,
    *,
    min_rows: float,
    start: Ints | None = None,
    may_leap: bool = True,
) -> Ints:
    """Return a region for each unit, each region with at least `min_rows` rows."""
    pieces = Pieces.on(map_.lattice, map_.codebook, np.ones(map_.n_units))
    start = np.arange(map_.n_units) if start is None else start
    for unit in np.flatnonzero(start != np.arange(map_.n_units)):
        pieces.join(int(start[unit]), int(unit))
    totals = np.bincount(start, counts, minlength=map_.n_units).tolist()
    is_live = np.bincount(start, minlength=map_.n_units) > 0
    heap = [(totals[unit], unit) for unit in np.flatnonzero(is_live).tolist()]
    heapify(heap)
    while heap and heap[0][0] < min_rows:
        total, region = heappop(heap)
        if not is_live[region] or total != totals[region]:
            continue
        is_live[region] = False
        touching = sorted(pieces.neighbors[region])
        others = np.array(touching) if touching or not may_leap else is_live.nonzero()[0]
        if not len(others):
            continue
        into = int(others[pieces.apart(region, others).argmin()])
        pieces.join(into, region)
        totals[into] += total
        heappush(heap, (totals[into], into))
    return pieces.labels
