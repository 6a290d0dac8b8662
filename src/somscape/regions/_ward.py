"""Ward's joins along a map's neighbors: the pair whose join adds least to the squared distances."""

from heapq import heapify, heappop, heappush

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.regions._partition import Pieces


def ward_joins(lattice: Lattice, places: Float64s, weights: Float64s) -> list[tuple[int, int]]:
    """Return which pieces of a map join, one after another, from single units to one piece.

    Of all pairs of neighboring pieces those join next whose join adds least to the weighted
    squared distances of units to the centers of their pieces, ``w v / (w + v) * |a - b|^2``
    (Ward 1963); of equal ones, those with the lowest units.

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
        Two pieces, each called by its lowest unit, lower first; the first is what both become.
        One less than units, or less where no path joins some of them.  O(n_units log n_units).
    """
    pieces = Pieces(lattice, places, weights)
    unit, slot = np.nonzero(lattice.neighbors > np.arange(len(places))[:, None])
    other = lattice.neighbors[unit, slot]
    apart = ((places[unit] - places[other]) ** 2).sum(axis=1)
    costs = weights[unit] * weights[other] / (weights[unit] + weights[other]) * apart
    # A piece that changed has other costs: `age` tells old entries of the heap from new ones.
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


def pieces_after(n_units: int, joins: list[tuple[int, int]]) -> Ints:
    """Return what piece each unit belongs to after some joins.

    Parameters
    ----------
    n_units : int
    joins : list of (int, int)
        The first ones of `ward_joins`.

    Returns
    -------
    ndarray of shape (n_units,)
        Lowest unit of its piece.
    """
    piece = np.arange(n_units)
    for into, other in reversed(joins):  # what `into` becomes later is known by then
        piece[other] = piece[into]
    return piece
