"""What units say of numbers: a mean of the rows around them, and slopes along the axes.

Local linear smoothing over the map (Cleveland 1979; Ritter, Martinetz and Schulten 1991 have the
linear maps of units).  Rows of a unit count in all units, as a Gaussian of the distance on the map.
Slopes are those of ridge regression: of all rows, and where it helps of the rows around each unit,
with those of all rows as what they shrink to.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice

MAX_LOCAL_AXES = 30
"""Axes up to which each unit may have slopes of its own."""

PRIOR = 0.1
"""Rows of the mean of all rows that each unit counts in addition."""


@dataclass(frozen=True)
class Bend:
    """How units smooth.

    Attributes
    ----------
    radius : float
        Of the Gaussian, in grid steps.
    ridge : float or None
        Rows without any slope that all rows count in addition; None: no slopes.
    local_ridge : float or None
        Rows with the slope of all that each unit counts in addition; None: no slopes of its own.
    """

    radius: float = 1.0
    ridge: float | None = None
    local_ridge: float | None = None


class Lines(NamedTuple):
    """What units say of each target."""

    values: Float64s
    """Of shape (n_units, n_targets), where all axes are 0."""

    slopes: Float64s | None
    """Of shape (n_units, n_targets, n_axes)."""

    def of_rows(self, placed: Float64s, units: Ints) -> Float64s:
        """Return what each of the units near rows says of them."""
        found = self.values[units]
        if self.slopes is not None:
            for j in range(units.shape[1]):
                found[:, j] += np.einsum("ntd,nd->nt", self.slopes[units[:, j]], placed)
        return found


def together(said: Float64s, counting: Float64s) -> Float64s:
    """Return what units near rows say together."""
    return np.asarray((counting[:, :, None] * said).sum(axis=1))


class Sums(NamedTuple):
    """Sums over the rows of each unit of which one target is known."""

    firsts: Float64s
    """Of 1, the axes and the target: shape (n_units, 1 + n_axes + 1)."""

    seconds: Float64s | None
    """Of the axes times the axes and the target: shape (n_units, n_axes, n_axes + 1)."""

    total: Float64s
    """Of the same, of all rows: shape (n_axes, n_axes + 1)."""


def sums_by_unit(
    placed: Float64s, target: Float64s, weights: Float64s, units: Ints, n_units: int
) -> Sums:
    """Return what smoothing needs of rows."""
    some = np.flatnonzero(~np.isnan(target))
    some = some[np.argsort(units[some], kind="stable")]
    weighed = np.column_stack([placed[some], target[some]])
    all_of = np.column_stack([np.ones(len(some)), weighed]) * weights[some, None]
    ends = np.searchsorted(units[some], np.arange(n_units + 1))
    n_axes = placed.shape[1]
    firsts = np.zeros((n_units, n_axes + 2))
    seconds = np.zeros((n_units, n_axes, n_axes + 1)) if n_axes <= MAX_LOCAL_AXES else None
    for unit in range(n_units):
        part = slice(ends[unit], ends[unit + 1])
        firsts[unit] = all_of[part].sum(axis=0)
        if seconds is not None:
            seconds[unit] = all_of[part, 1:-1].T @ weighed[part]
    return Sums(firsts, seconds, all_of[:, 1:-1].T @ weighed)


def line_of(sums: Sums, pulls: Float64s, bend: Bend) -> tuple[Float64s, Float64s | None]:
    """Return what units say of one target."""
    whole = sums.firsts.sum(axis=0)
    if whole[0] == 0:
        return np.zeros(len(pulls)), None
    firsts = pulls @ sums.firsts + PRIOR * whole / whole[0]
    means = firsts[:, 1:] / firsts[:, [0]]
    if bend.ridge is None:
        return means[:, -1], None
    slope = _slopes(sums.total, whole, bend.ridge)
    slopes = np.tile(slope, (len(pulls), 1))
    if bend.local_ridge is not None and sums.seconds is not None:
        seconds = np.tensordot(pulls, sums.seconds, 1) + PRIOR * sums.total / whole[0]
        slopes = _slopes(seconds, firsts, bend.local_ridge, slope)
    return means[:, -1] - np.einsum("ud,ud->u", slopes, means[:, :-1]), slopes


def _slopes(
    seconds: Float64s, firsts: Float64s, ridge: float, start: Float64s | None = None
) -> Float64s:
    """Return slopes of ridge regression that shrink to `start`, for one unit or several."""
    apart = seconds - firsts[..., 1:-1, None] * (firsts[..., None, 1:] / firsts[..., :1, None])
    n_axes = apart.shape[-2]
    start = np.zeros(n_axes) if start is None else start
    left = apart[..., -1] - apart[..., :-1] @ start
    found = np.linalg.solve(apart[..., :-1] + ridge * np.eye(n_axes), left[..., None])
    return np.asarray(start + found[..., 0])


def pulls_on_map(lattice: Lattice, radius: float) -> Float64s:
    """Return how much the rows of each unit count in each: a Gaussian of the map distance."""
    apart = np.stack([lattice.distances_from(unit) for unit in range(lattice.n_units)])
    return np.exp(-((apart / radius) ** 2) / 2)


def lines_of(sums: list[Sums], pulls: Float64s, bend: Bend) -> Lines:
    """Return what units say of several targets."""
    values, slopes = zip(*(line_of(each, pulls, bend) for each in sums), strict=True)
    n_axes = sums[0].firsts.shape[1] - 2
    if all(of_one is None for of_one in slopes):
        return Lines(np.stack(values, axis=1), None)
    none = np.zeros((len(pulls), n_axes))
    return Lines(
        np.stack(values, axis=1),
        np.stack([none if of_one is None else of_one for of_one in slopes], axis=1),
    )
