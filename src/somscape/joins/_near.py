"""Which units are near a row, seen as if the row had not trained them."""

from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.grid import Lattice, pull_from
from somscape.kernels import MAX_BEST, select_kernels

MIN_REST = 1e-3
"""Least share of a prototype that other rows are taken to have made."""

MAX_KEPT = 4000
"""Rows that a map keeps, if it has few units."""

KEPT_PER_UNIT = 8
MIN_KEPT = 200
MAX_VALUES = 1 << 22
"""Values that a map keeps at most, if 200 rows have no more: 16 or 32 MB."""


@dataclass(frozen=True, eq=False)
class Near:
    """The units near some rows, nearest first.

    Attributes
    ----------
    units : ndarray of shape (n, k)
    squares : ndarray of shape (n, k), float64
        Squared distances from the row to the units.
    gaps : ndarray of shape (n, k), float64
        Distances from the row's first unit to the others.
    weights : ndarray of shape (n,), float64
        What each row counts.
    """

    units: Ints
    squares: Float64s
    gaps: Float64s
    weights: Float64s


@dataclass(frozen=True, eq=False)
class Kept:
    """Rows that a map keeps in memory, to tell where density falls between its units.

    Attributes
    ----------
    rows : ndarray of shape (n, n_features)
        As the map's metric compares them; NaN for missing values.
    weights : ndarray of shape (n,), float64
    """

    rows: Floats
    weights: Float64s

    @classmethod
    def of(cls, rows: Floats, weights: Float64s | None) -> "Kept":
        """Keep rows that have a value."""
        there = ~np.isnan(rows).all(axis=1)
        weights = np.ones(len(rows)) if weights is None else weights
        return cls(np.ascontiguousarray(rows[there]), weights[there])

    @property
    def distinct(self) -> "Kept":
        """Each of several equal rows once, with their weight: together they are no group."""
        rows, place = np.unique(self.rows, axis=0, return_inverse=True)
        return Kept(rows, np.bincount(place.ravel(), self.weights).astype(np.float64))


@dataclass(frozen=True)
class Pull:
    """How rows pulled units in the last epoch.

    Attributes
    ----------
    lattice : Lattice
    hits : ndarray of shape (n_units,)
        Rows that each unit won.
    neighborhood : str
    radius : float
        Grid steps.
    """

    lattice: Lattice
    hits: Float64s
    neighborhood: str
    radius: float


def rows_to_keep(shape: tuple[int, ...], n_units: int) -> Ints:
    """Return which rows a map keeps: all, or a sample whatever their values are."""
    n, n_features = shape
    by_size = max(MIN_KEPT, MAX_VALUES // n_features)
    n_kept = min(n, max(MAX_KEPT, KEPT_PER_UNIT * n_units), by_size)
    if n_kept == n:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, n_kept, replace=False))


def near_units(rows: Floats, weights: Float64s, codebook: Floats, pull: Pull | None) -> Near:
    """Return the units near rows, at most 16 each."""
    k = min(MAX_BEST, len(codebook))
    is_there = ~np.isnan(rows)
    has_missing = not is_there.all()
    units, distances = select_kernels().search(rows, codebook, k, has_missing=has_missing)
    squares = distances**2 * (rows.shape[1] / is_there.sum(axis=1, keepdims=True))
    if pull is not None:
        squares *= _without_self(units, weights, pull) ** 2
        order = np.argsort(squares, axis=1, kind="stable")
        units = np.take_along_axis(units, order, axis=1)
        squares = np.take_along_axis(squares, order, axis=1)
    alike = weights * (weights.sum() / (weights**2).sum())
    return Near(units, squares, _gaps(units, codebook), alike)


def _without_self(units: Ints, weights: Float64s, pull: Pull) -> Float64s:
    """Return how many times farther each near unit lies without the row's own pull."""
    winners = units[:, 0]
    pulls = np.zeros(units.shape)
    total = np.zeros(pull.lattice.n_units)
    order = np.argsort(winners, kind="stable")
    bounds = np.searchsorted(winners[order], np.arange(pull.lattice.n_units + 1))
    for unit in np.flatnonzero(pull.hits):
        strength = pull_from(pull.lattice, pull.neighborhood, int(unit), pull.radius)
        total += pull.hits[unit] * strength
        own = order[bounds[unit] : bounds[unit + 1]]
        pulls[own] = strength[units[own]]
    whole = np.maximum(total[units], np.finfo(np.float64).tiny)
    rest = 1 - np.minimum(weights[:, None] * pulls / whole, 1)
    return np.asarray(1 / np.maximum(rest, MIN_REST))


def _gaps(units: Ints, codebook: Floats) -> Float64s:
    """Return distances between each row's first unit and its others."""
    n_units = len(codebook)
    keys = np.minimum(units[:, :1], units) * n_units + np.maximum(units[:, :1], units)
    pairs, place = np.unique(keys, return_inverse=True)
    first, other = np.divmod(pairs, n_units)
    apart = np.empty(len(pairs))
    step = max(1, (1 << 20) // codebook.shape[1])
    for start in range(0, len(pairs), step):
        part = slice(start, start + step)
        apart[part] = np.sqrt(((codebook[first[part]] - codebook[other[part]]) ** 2).sum(axis=1))
    return np.asarray(apart[place.reshape(keys.shape)])
