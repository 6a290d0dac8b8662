"""Ward's joins of neighbors on a map: first the pair that adds least to the squared distances."""

from heapq import heapify, heappop, heappush

import numpy as np

from somscape._types import Float64s
from somscape.grid import Lattice
from somscape.joins import Pieces


def ward_joins(lattice: Lattice, places: Float64s, weights: Float64s) -> list[tuple[int, int]]:
    """Return which pieces of a map join, one after another, from single units to one piece."""
    pieces = Pieces.on(lattice, places, weights)
    unit, slot = np.nonzero(lattice.neighbors > np.arange(len(places))[:, None])
    other = lattice.neighbors[unit, slot]
    apart = ((places[unit] - places[other]) ** 2).sum(axis=1)
    costs = weights[unit] * weights[other] / (weights[unit] + weights[other]) * apart
    # A changed piece has new costs: `age` tells old entries of the heap from new ones.
    age = [0] * len(places)
    pairs = zip(costs.tolist(), unit.tolist(), other.tolist(), strict=True)
    heap = [(*pair, 0, 0) for pair in pairs]
    heapify(heap)
    joins = []
    while heap:
        _, low, high, age_low, age_high = heappop(heap)
        if age[low] != age_low or age[high] != age_high:
            continue
        pieces.join(low, high)
        joins.append((low, high))
        age[low] += 1
        age[high] = -1
        around = np.array(sorted(pieces.neighbors[low]), dtype=np.intp)
        total, others = pieces.weights[low], pieces.weights[around]
        costs = total * others / (total + others) * pieces.apart(low, around)
        for piece, cost in zip(around.tolist(), costs.tolist(), strict=True):
            a, b = (piece, low) if piece < low else (low, piece)
            heappush(heap, (cost, a, b, age[a], age[b]))
    return joins
