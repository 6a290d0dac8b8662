"""How strongly a winner pulls the units around it, as tables that a kernel can apply.

The weight between two units depends on their row offset, their column offset and, on a
hexagonal lattice, on whether one of the rows is shifted.  So it is written as

    h(target, source) = row_weight[r, r'] * col_kernel[kernel[r, r'], c - c']

A gaussian splits into a row factor and a column factor: one column kernel on a rectangular
lattice, three on a hexagonal one (shift 0, +1/2, -1/2).  A bubble is a disk, whose width
differs by row offset: one column kernel for each.  Smoothing then costs
O(n_units * (n_rows + n_cols)) for the gaussian instead of O(n_units^2).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._elementary import exp
from somscape._types import Float64s
from somscape._validate import check_choice
from somscape.grid._lattice import Lattice

NEIGHBORHOODS = ("gaussian", "bubble")
BY_AXIS = ("box", "triangle")
RADIUS_TOLERANCE = 1e-9
"""A unit at exactly the radius is inside a bubble; rounding must not put it out."""

MOST_KNOWN = 1 << 20
"""Values that `Neighborhood.tabulate` may keep: 8 MiB."""


class NeighborhoodTables(NamedTuple):
    """Weights between rows, and between columns, of a map at one radius.

    Attributes
    ----------
    row_weight : ndarray of shape (n_rows, n_rows)
        Factor from source row to target row.
    kernel : ndarray of shape (n_rows, n_rows), int32
        Which column kernel goes with a target and a source row.
    col_kernel : ndarray of shape (n_kernels, 2 * n_cols - 1)
        Weight by column offset, target minus source, from ``-(n_cols - 1)``.
    """

    row_weight: Float64s
    kernel: NDArray[np.int32]
    col_kernel: Float64s


class Neighborhood:
    """The neighborhood of a lattice, ready for any radius.

    Parameters
    ----------
    lattice : Lattice
        The grid of units.
    kind : {"gaussian", "bubble", "box", "triangle"}
        ``exp(-d^2 / (2 radius^2))``; 1 where ``d <= radius`` and 0 elsewhere.  On rectangular
        lattices also by axis: 1 where ``abs(dx)`` and ``abs(dy)`` are at most the radius, or
        the product of ``max(0, radius - abs(dx))`` and the same for dy.

    Raises
    ------
    ValueError
        For a kind by axis on a hexagonal lattice, whose axes are no grid lines.
    """

    def __init__(self, lattice: Lattice, kind: str) -> None:
        n_rows = lattice.n_rows
        rows = np.arange(n_rows)
        check_choice("kind", kind, (*NEIGHBORHOODS, *BY_AXIS))
        if kind in BY_AXIS and lattice.is_hexagonal:
            raise ValueError(f"the neighborhood {kind!r} needs a rectangular lattice.")
        self._lattice, self._kind = lattice, kind
        # Row offsets are looked up by their place from -(n_rows - 1).
        self._place = rows[:, None] - rows[None, :] + n_rows - 1
        by_offset = np.arange(-(n_rows - 1), n_rows)
        self._row_sq = (lattice.row_pitch * _wrap(by_offset, n_rows, lattice)) ** 2
        # Half steps between the rows, -1, 0 or 1, as seen from the source row.
        self._shift: NDArray[np.intp] = 0 * self._place
        if lattice.is_hexagonal:
            self._shift = (rows % 2)[:, None] - (rows % 2)[None, :]
        self._kernel: NDArray[np.int32] = (self._shift % 3).astype(np.int32)
        shifts = (0, 1, -1) if lattice.is_hexagonal else (0,)
        self._squares = np.concatenate([self._row_sq, *(self._column_sq(s) for s in shifts)])
        self._known: dict[float, NeighborhoodTables] = {}

    def tabulate(self, radii: Sequence[float]) -> None:
        """Work out gaussians of many radii in one go, which costs little more than one."""
        n_values = len(self._squares) + self._place.size
        distinct = list(dict.fromkeys(radii))
        if self._kind == "gaussian" and len(distinct) * n_values <= MOST_KNOWN:
            weights = _gaussian(self._squares, np.array(distinct)[:, None])
            n = len(self._row_sq)
            row_weight = np.take(weights, self._place, axis=1)
            col_kernel = self._columns(np.ascontiguousarray(weights[:, n:]))
            self._known = {
                radius: NeighborhoodTables(rows, self._kernel, columns)
                for radius, rows, columns in zip(distinct, row_weight, col_kernel, strict=True)
            }

    def tables(self, radius: float) -> NeighborhoodTables:
        """Return the tables at one radius.

        Parameters
        ----------
        radius : float
            Grid steps, above 0.

        Returns
        -------
        NeighborhoodTables
            With at most 3 column kernels for a gaussian and 3 per row offset for a bubble.
        """
        radius = float(radius)
        if self._kind == "bubble":
            return self._bubble(radius)
        if radius in self._known:
            return self._known[radius]
        weights = PROFILES[self._kind](self._squares, radius)
        n = len(self._row_sq)
        return NeighborhoodTables(
            weights[:n][self._place], self._kernel, self._columns(weights[n:])
        )

    def _columns(self, weights: Float64s) -> Float64s:
        """Return weights by column offset, a row for each column kernel."""
        return weights.reshape(*weights.shape[:-1], -1, 2 * self._lattice.n_cols - 1)

    def _bubble(self, radius: float) -> NeighborhoodTables:
        limit = radius * radius + RADIUS_TOLERANCE
        row_weight = (self._row_sq <= limit).astype(np.float64)[self._place]
        pairs = np.stack([self._row_sq[self._place].ravel(), self._shift.ravel()], axis=1)
        pairs[row_weight.ravel() == 0] = 0  # out of reach: any kernel will do
        distinct, kernel = np.unique(pairs, axis=0, return_inverse=True)
        col_kernel = np.array(
            [(sq + self._column_sq(int(s)) <= limit).astype(np.float64) for sq, s in distinct]
        )
        which: NDArray[np.int32] = kernel.reshape(self._place.shape).astype(np.int32)
        return NeighborhoodTables(row_weight, which, col_kernel)

    def _column_sq(self, half_steps: int) -> Float64s:
        columns = np.arange(-(self._lattice.n_cols - 1), self._lattice.n_cols)
        return _wrap(columns + 0.5 * half_steps, self._lattice.n_cols, self._lattice) ** 2


def neighborhood_tables(lattice: Lattice, neighborhood: str, radius: float) -> NeighborhoodTables:
    """Tabulate the neighborhood of a lattice at one radius.

    Parameters
    ----------
    lattice : Lattice
    neighborhood : {"gaussian", "bubble"}
    radius : float
        Grid steps, above 0.

    Returns
    -------
    NeighborhoodTables
    """
    return Neighborhood(lattice, neighborhood).tables(radius)


def _wrap(offset: NDArray[np.generic], period: int, lattice: Lattice) -> Float64s:
    length = np.abs(offset).astype(np.float64)
    return np.abs(np.minimum(length, period - length)) if lattice.is_torus else length


def _gaussian(distance_sq: Float64s, radius: Float64s | float) -> Float64s:
    with np.errstate(over="ignore"):  # the radius divides twice, because its square may vanish
        return exp(-0.5 * (distance_sq / radius) / radius)


def _box(distance_sq: Float64s, radius: float) -> Float64s:
    return (distance_sq <= radius * radius + RADIUS_TOLERANCE).astype(np.float64)


def _triangle(distance_sq: Float64s, radius: float) -> Float64s:
    return np.maximum(0.0, radius - np.sqrt(distance_sq))


PROFILES = {"gaussian": _gaussian, "box": _box, "triangle": _triangle}
"""Neighborhoods that are a product of the same function of both offsets."""
