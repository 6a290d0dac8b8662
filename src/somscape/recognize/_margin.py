"""The margin rule: move prototypes, and turn the axes, until rows lie nearest to their own class.

Generalized matrix learning vector quantization.  For a row, ``own`` is its squared distance to the
nearest prototype of its class and ``other`` that to the nearest prototype of any other class.  The
cost is the mean of ``sigmoid(STEEPNESS (own - other) / (own + other))`` (Sato and Yamada 1996;
Schneider, Biehl and Hammer 2009, Adaptive relevance matrices in learning vector quantization).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._types import Floats, Ints

STEEPNESS = 8.0
BATCH = 64
"""Rows of a step."""

MIN_EPOCHS, MAX_EPOCHS = 5, 60
PRESENTED = 400_000
"""Rows presented in all, if that lies between `MIN_EPOCHS` and `MAX_EPOCHS` of them."""

RATE_OF_PROTOTYPES, RATE_OF_AXES = 0.02, 0.01
"""First step, as a share of the prototypes' standard deviation and of the largest entry of axes."""

TINY = 1e-12
FLUSHED_EVERY, VANISHED = 100, 1e-30
"""Every 100 steps, mean slopes smaller than `VANISHED` are set to 0.  Without that they shrink to
numbers so small that processors compute with them slowly."""


class Slopes(NamedTuple):
    """Cost of some rows, and its derivatives."""

    cost: float
    of_prototypes: Floats
    of_axes: Floats


class Sides:
    """Which units are of a class and which are not; it finds the nearest of both kinds.

    Its arrays are made once: to make them for every step took most of the time.

    Parameters
    ----------
    is_own : ndarray of shape (n_classes, n_units), bool
        Whether a unit is of a class.
    dtype : dtype
        Of the distances.
    """

    def __init__(self, is_own: NDArray[np.bool_], dtype: Any) -> None:
        kinds = (is_own, ~is_own)
        self.barred = [np.where(kind, 0, np.inf).astype(dtype) for kind in kinds]
        self.squares, self.allowed = np.empty((2, BATCH, is_own.shape[1]), dtype)

    def nearest(self, turned: Floats, y: Ints, prototypes: Floats) -> list[Ints]:
        """Return the nearest unit of each row's class, and the nearest of the others.

        Parameters
        ----------
        turned : ndarray of shape (n, n_axes)
            At most `BATCH` rows.
        y : ndarray of shape (n,)
            Class of each row.
        prototypes : ndarray of shape (n_units, n_axes)

        Returns
        -------
        list of two ndarrays of shape (n,)
        """
        squares, allowed = self.squares[: len(turned)], self.allowed[: len(turned)]
        np.matmul(-2 * turned, prototypes.T, out=squares)
        squares += np.einsum("ij,ij->i", prototypes, prototypes)  # less the row's own square
        units = []
        for barred in self.barred:
            barred.take(y, axis=0, out=allowed, mode="clip")  # other modes copy once more
            allowed += squares
            units.append(allowed.argmin(axis=1))
        return units


def slopes(
    rows: Floats, y: Ints, weights: Floats, prototypes: Floats, axes: Floats, sides: Sides
) -> Slopes:
    """Return the weighted mean cost of rows, and its derivatives.

    Parameters
    ----------
    rows : ndarray of shape (n, n_axes)
        At most `BATCH`.
    y : ndarray of shape (n,)
        Class of each row; of its units there is at least one, and one that is not.
    weights : ndarray of shape (n,)
    prototypes : ndarray of shape (n_units, n_axes)
        As rows are after they were turned by `axes`.
    axes : ndarray of shape (n_axes, n_axes)
        Rows are compared as ``rows @ axes``.
    sides : Sides

    Returns
    -------
    Slopes
    """
    turned = rows @ axes
    own, other = sides.nearest(turned, y, prototypes)
    from_own, from_other = turned - prototypes[own], turned - prototypes[other]
    d_own = np.einsum("ij,ij->i", from_own, from_own)
    d_other = np.einsum("ij,ij->i", from_other, from_other)
    both = d_own + d_other + TINY
    values = 1 / (1 + np.exp(-STEEPNESS * (d_own - d_other) / both))
    shares = weights / weights.sum()
    slope = STEEPNESS * values * (1 - values) * shares * 2 / both**2
    by_own = (2 * slope * d_other)[:, None] * from_own  # d cost / d turned, of each part
    by_other = (-2 * slope * d_own)[:, None] * from_other
    moved = np.zeros_like(prototypes)
    np.subtract.at(moved, own, by_own)
    np.subtract.at(moved, other, by_other)
    return Slopes(float(shares @ values), moved, rows.T @ (by_own + by_other))


@dataclass(eq=False)
class Steps:
    """Steps of a size that follows from how steady slopes are (Adam: Kingma and Ba 2015)."""

    mean: Any = field(default=0.0, init=False)
    square: Any = field(default=0.0, init=False)
    n: int = field(default=0, init=False)

    def next(self, slope: Floats) -> Floats:
        """Return the direction of the next step, each entry at most about 1."""
        if self.n == 0:
            self.mean, self.square = np.zeros_like(slope), np.zeros_like(slope)
        self.n += 1
        self.mean *= 0.9
        self.mean += 0.1 * slope
        self.square *= 0.99
        self.square += 0.01 * slope**2
        if self.n % FLUSHED_EVERY == 0:
            self.mean[np.abs(self.mean) < VANISHED] = 0.0
        root = self.square / (1 - 0.99**self.n)
        np.sqrt(root, out=root)
        root += TINY
        step: Floats = self.mean / (1 - 0.9**self.n)
        step /= root
        return step


def sharpened(
    rows: Floats,
    y: Ints,
    weights: Floats,
    prototypes: Floats,
    classes: Ints,
    *,
    seed: int,
) -> tuple[Floats, Floats]:
    """Return prototypes and axes after the margin rule.

    Parameters
    ----------
    rows : ndarray of shape (n, n_axes)
        On a scale on which their standard deviation is about 1.
    y : ndarray of shape (n,)
        Class of each row, from 0.
    weights : ndarray of shape (n,)
    prototypes : ndarray of shape (n_units, n_axes)
    classes : ndarray of shape (n_units,)
        Class of each unit.
    seed : int
        Draws the order of the rows.

    Returns
    -------
    prototypes : ndarray of shape (n_units, n_axes), float64
        As rows are after they were turned.
    axes : ndarray of shape (n_axes, n_axes), float64
        Of the length of the unit matrix.
    """
    from threadpoolctl import threadpool_limits

    n_axes = rows.shape[1]
    is_own = np.arange(max(y.max(), classes.max()) + 1)[:, None] == classes
    is_used = is_own[y].any(axis=1) & ~is_own[y].all(axis=1)
    rows, y, weights = rows[is_used], y[is_used], weights[is_used]
    axes = np.eye(n_axes, dtype=np.float32)
    prototypes = prototypes.astype(np.float32)
    if len(rows):
        rows, weights = rows.astype(np.float32), weights.astype(np.float32)
        rng = np.random.default_rng(seed)
        n_epochs = int(np.clip(PRESENTED // len(rows), MIN_EPOCHS, MAX_EPOCHS))
        n_steps = n_epochs * -(-len(rows) // BATCH)
        spread = np.sqrt(prototypes.var(axis=0).mean())
        of_prototypes, of_axes, sides = Steps(), Steps(), Sides(is_own, np.float32)
        orders = (rng.permutation(len(rows)) for _ in range(n_epochs))
        with threadpool_limits(1, user_api="blas"):  # threads wait longer than such products take
            for some in (o[i : i + BATCH] for o in orders for i in range(0, len(rows), BATCH)):
                found = slopes(rows[some], y[some], weights[some], prototypes, axes, sides)
                rate = np.float32(1 - of_prototypes.n / n_steps)
                step = np.float32(RATE_OF_PROTOTYPES) * rate * spread
                prototypes -= step * of_prototypes.next(found.of_prototypes)
                step = np.float32(RATE_OF_AXES) * rate * np.abs(axes).max()
                axes = axes - step * of_axes.next(found.of_axes)
    length = np.sqrt((axes.astype(np.float64) ** 2).sum() / n_axes)
    return prototypes / length, axes / length
