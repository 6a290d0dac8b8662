"""Shares of classes by unit, and probabilities of rows from the units near them."""

from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.recognize._answering import pulls


def counts_by_unit(units: Ints, y: Ints, weights: Float64s, shape: tuple[int, int]) -> Float64s:
    """Return how many rows of each class each unit won."""
    is_known = y >= 0
    places = units[is_known] * shape[1] + y[is_known]
    found = np.bincount(places, weights[is_known], minlength=shape[0] * shape[1])
    return found.astype(np.float64).reshape(shape)


def smoothed(counts: Float64s, lattice: Lattice, radius: float) -> Float64s:
    """Return counts with those of units nearby: each falls as a Gaussian of the map distance."""
    apart = (lattice.distances_from(unit) for unit in range(len(counts)))
    return np.stack([np.exp(-(d**2) / (2 * radius**2)) @ counts for d in apart])


def classes_of_units(counts: Float64s, lattice: Lattice, is_needed: bool) -> Ints:
    """Return one class for each unit: that of most of its rows, or of the units nearby."""
    classes = counts.argmax(axis=1)
    is_empty = counts.sum(axis=1) == 0
    radius = 1.0
    while is_empty.any() and not is_empty.all() and radius < 1e4:
        near = smoothed(counts, lattice, radius)
        now = is_empty & (near.sum(axis=1) > 0)
        classes[now], is_empty = near[now].argmax(axis=1), is_empty & ~now
        radius *= 4
    n_units = np.bincount(classes, minlength=counts.shape[1])
    for k in np.flatnonzero((n_units == 0) & (counts.sum(axis=0) > 0) & is_needed):
        may_give = (n_units[classes] > 1) & (counts[:, k] > 0)
        if may_give.any():
            unit = np.where(may_give, counts[:, k], -1).argmax()
            n_units[classes[unit]] -= 1
            classes[unit], n_units[k] = k, 1
    return classes


@dataclass(frozen=True)
class Smoothing:
    """How units that lie near a row answer together.

    Attributes
    ----------
    power : float
        A unit that is twice as far away counts ``2 ** -power``.
    prior : float
        Rows of its own class that each unit counts in addition, a tenth of them of all classes.
    """

    power: float = 8.0
    prior: float = 1.0

    def shares(self, counts: Float64s, classes: Ints) -> Float64s:
        """Return shares of classes by unit, each row with the sum 1."""
        of_all = counts.sum(axis=0) / counts.sum()
        own = np.eye(counts.shape[1])[classes]
        counts = counts + self.prior * (0.9 * own + 0.1 * of_all)
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))

    def probabilities(self, shares: Float64s, units: Ints, distances: Float64s) -> Float64s:
        """Return the probability of each class, by rows."""
        return mixed(shares, units, pulls(distances, self.power))


def mixed(of_units: Float64s, units: Ints, counting: Float64s) -> Float64s:
    """Return what units near rows say together."""
    return sum(
        (counting[:, [j]] * of_units[units[:, j]] for j in range(units.shape[1])),
        start=np.zeros((len(units), of_units.shape[1])),
    )
