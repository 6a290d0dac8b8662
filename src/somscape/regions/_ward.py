"""Ward's joins of neighbors on a map: first the pair that adds least to the squared distances."""

from heapq import heapify, heappop, heappush

import numpy as np

from somscape._types import Float64s
from somscape.grid import Lattice
from somscape.joins import Pieces


def ward_joins(lattice: Lattice, places: Float64s, weights: Float64s) -> list[tuple[int, int]]:
    """Return which pieces of a map join, one after another, from single units to one piece.

    The pair of neighboring pieces joins next that adds least to the weighted squared distances of
    units to the centers of their pieces, ``w v / (w + v) * |a - b|^2`` (Ward 1963).  If several
    add the same, the pair with the lowest units joins.

    Parameters
    ----------
    lattice : Lattice
    places : ndarray of shape (n_units, n_features), float64
        Prototypes.
    weights : ndarray of shape (n_units,), float64
        Above 0.

    Returns
    -------
    list of (int, int)
        Two pieces, each named by its lowest unit, the lower first; the joined piece has the first
        name.  One join less than units, or fewer if the map is not connected.
        O(n_units log n_units).
    """
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
