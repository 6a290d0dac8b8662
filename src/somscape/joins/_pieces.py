"""A partition of a map into pieces that join one by one."""

from collections.abc import Iterable

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice


class Pieces:
    """A partition of a map's units into pieces; at first each unit is a piece.

    A piece is named by one of its units.

    Parameters
    ----------
    neighbors : iterable of iterable of int
        Of each unit, those that it may join.
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
    of_unit : ndarray of shape (n_units,)
        Piece of each unit.
    members : list of ndarray
        Units of each piece, ascending.
    """

    def __init__(
        self, neighbors: Iterable[Iterable[int]], centers: Float64s, weights: Float64s
    ) -> None:
        self.centers = centers.copy()
        self.weights = weights.copy()
        self.neighbors = [set(units) for units in neighbors]
        self.of_unit = np.arange(len(centers))
        self.members = list(np.arange(len(centers))[:, None])

    @classmethod
    def on(cls, lattice: Lattice, centers: Float64s, weights: Float64s) -> "Pieces":
        """Return pieces that join neighbors on a lattice."""
        return cls((row[row >= 0].tolist() for row in lattice.neighbors), centers, weights)

    def join(self, into: int, other: int) -> None:
        """Add a piece to another; its own name is not used afterwards."""
        total = self.weights[into] + self.weights[other]
        step = self.centers[other] - self.centers[into]
        self.centers[into] += step * (self.weights[other] / total)
        self.weights[into] = total
        self.of_unit[self.members[other]] = into
        self.members[into] = np.sort(np.concatenate([self.members[into], self.members[other]]))
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
        _, first, number = np.unique(self.of_unit, return_index=True, return_inverse=True)
        place = np.empty(len(first), dtype=np.intp)
        place[np.argsort(first)] = np.arange(len(first))
        return place[number]
