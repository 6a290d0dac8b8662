"""The fitted recognizer: a frozen record of a map and the classes of its units."""

from dataclasses import dataclass

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Floats
from somscape.maps import Map
from somscape.recognize._shares import Smoothing

BLOCK_ROWS = 1 << 13
"""Rows whose nearest units are in memory at once."""


@dataclass(frozen=True, eq=False)
class Recognizer:
    """A map whose units know classes.

    Attributes
    ----------
    map_ : Map
    shares : ndarray of shape (n_units, n_classes)
        Share of each class among the rows around each unit.
    smoothing : Smoothing
    n_nearest : int
        Number of units near a row that answer together.
    far : ndarray of shape (n_calibration,)
        Distance to the map of rows that did not train it, in order.
    """

    map_: Map
    shares: Float64s
    smoothing: Smoothing
    n_nearest: int
    far: Float64s

    def probabilities_of_rows(self, rows: Floats) -> tuple[Float64s, Float64s]:
        """Return how probable each class is, and how many rows lie as far from the map.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            From `Map.rows_of`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Each row has the sum 1.
        p_values : ndarray of shape (n_samples,)
            Share, in (0, 1], of rows like those of the training that lie at least as far from their
            nearest prototype.
        """
        probabilities = np.empty((len(rows), self.shares.shape[1]))
        p_values = np.empty(len(rows))
        for part in blocks(len(rows), BLOCK_ROWS):
            units, distances = self.map_.nearest(rows[part], self.n_nearest)
            probabilities[part] = self.smoothing.probabilities(self.shares, units, distances)
            n_nearer = np.searchsorted(self.far, distances[:, 0], side="left")
            p_values[part] = (1 + len(self.far) - n_nearer) / (1 + len(self.far))
        return probabilities, p_values
