"""A partition of a map into connected pieces that join one by one."""

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice


class Pieces:
    """A partition of a map's units into connected pieces; at first each unit is a piece.

    A piece is named by one of its units.

    Parameters
    ----------
    lattice : Lattice
        Neighbors on it may join.
    centers : ndarray of shape (n_units, n_features), float64
        Prototypes.
    weights : ndarray of shape (n_units,), float64
        Weight of each unit in the center of a piece, above 0.

    Attributes
    ----------
    centers : ndarray of shape (n_units, n_features)
        Weighted mean of each piece's prototypes.
    weights : ndarray of shape (n_units,)
        Total weight of each piece.
    neighbors : list of set of int
        Pieces that touch each piece.
    """

    def __init__(self, lattice: Lattice, centers: Float64s, weights: Float64s) -> None:
        self.centers = centers.copy()
        self.weights = weights.copy()
        self.neighbors = [set(row[row >= 0].tolist()) for row in lattice.neighbors]
        self._members = [[unit] for unit in range(len(centers))]

    def join(self, into: int, other: int) -> None:
        """Add a piece to another; its own name is not used afterwards."""
        total = self.weights[into] + self.weights[other]
        step = self.centers[other] - self.centers[into]
        self.centers[into] += step * (self.weights[other] / total)
        self.weights[into] = total
        self._members[into] += self._members[other]
        self._members[other] = []
        for piece in self.neighbors[other]:
            self.neighbors[piece].discard(other)
            self.neighbors[piece].add(into)
        self.neighbors[into] |= self.neighbors[other]
        self.neighbors[into] -= {into, other}
        self.neighbors[other] = set()

    def apart(self, piece: int, others: Ints) -> Float64s:
        """Return squared distances of a piece's center to the centers of others."""
        return np.asarray(((self.centers[others] - self.centers[piece]) ** 2).sum(axis=1))

    @property
    def labels(self) -> Ints:
        """Number of each unit's piece, in the order of the pieces' first units."""
        found = np.empty(len(self.centers), dtype=np.intp)
        for number, units in enumerate(sorted(sorted(part) for part in self._members if part)):
            found[units] = number
        return found
