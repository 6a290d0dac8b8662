"""How strongly a winner pulls the units around it, as tables that a kernel can apply.

The weight between two units depends on their row offset, their column offset and, on a
hexagonal lattice, on whether one of the rows is shifted.  So it is written as

    h(target, source) = row_weight[r, r'] * col_kernel[kernel[r, r'], c - c']

A gaussian splits into a row factor and a column factor: one column kernel on a rectangular
lattice, three on a hexagonal one (shift 0, +1/2, -1/2).  A bubble is a disk, whose width
differs by row offset: one column kernel for each.  Smoothing then costs
O(n_units * (n_rows + n_cols)) for the gaussian instead of O(n_units^2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somscape._elementary import exp
from somscape._types import Float64s
from somscape.grid._lattice import Lattice

NEIGHBORHOODS = ("gaussian", "bubble")
RADIUS_TOLERANCE = 1e-9
"""A unit at exactly the radius is inside a bubble; rounding must not put it out."""


@dataclass(frozen=True, eq=False)
class NeighborhoodTables:
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


def neighborhood_tables(lattice: Lattice, neighborhood: str, radius: float) -> NeighborhoodTables:
    """Tabulate the neighborhood of a lattice at one radius.

    Parameters
    ----------
    lattice : Lattice
        The grid of units.
    neighborhood : {"gaussian", "bubble"}
        ``exp(-d^2 / (2 radius^2))``, or 1 where ``d <= radius`` and 0 elsewhere.
    radius : float
        Grid steps, above 0.

    Returns
    -------
    NeighborhoodTables
        With at most 3 column kernels for a gaussian and 3 per row offset for a bubble.
    """
    n_rows = lattice.n_rows
    rows, radius = np.arange(n_rows), float(radius)
    # Row offsets are looked up by their place from -(n_rows - 1).
    place = rows[:, None] - rows[None, :] + n_rows - 1
    by_offset = np.arange(-(n_rows - 1), n_rows)
    row_sq = (lattice.row_pitch * _wrap(by_offset, n_rows, lattice)) ** 2
    # Half steps between the rows, -1, 0 or 1, as seen from the source row.
    shift = (rows % 2)[:, None] - (rows % 2)[None, :] if lattice.is_hexagonal else 0 * place
    columns = np.arange(-(lattice.n_cols - 1), lattice.n_cols)

    def column_sq(half_steps: int) -> Float64s:
        return _wrap(columns + 0.5 * half_steps, lattice.n_cols, lattice) ** 2

    if neighborhood == "gaussian":
        kernel = shift % 3
        shifts = (0, 1, -1) if lattice.is_hexagonal else (0,)
        squares = np.concatenate([row_sq, *(column_sq(s) for s in shifts)])
        weights = _gaussian(squares, radius)  # in one call: most of its time is the calls'
        row_weight = weights[: len(row_sq)][place]
        col_kernel = weights[len(row_sq) :].reshape(len(shifts), -1)
    else:
        limit = radius * radius + RADIUS_TOLERANCE
        row_weight = (row_sq <= limit).astype(np.float64)[place]
        pairs = np.stack([row_sq[place].ravel(), shift.ravel()], axis=1)
        pairs[row_weight.ravel() == 0] = 0  # out of reach: any kernel will do
        distinct, kernel = np.unique(pairs, axis=0, return_inverse=True)
        col_kernel = np.array(
            [(sq + column_sq(int(s)) <= limit).astype(np.float64) for sq, s in distinct]
        )
    return NeighborhoodTables(row_weight, kernel.reshape(place.shape).astype(np.int32), col_kernel)


def _wrap(offset: NDArray[np.generic], period: int, lattice: Lattice) -> Float64s:
    length = np.abs(offset).astype(np.float64)
    return np.abs(np.minimum(length, period - length)) if lattice.is_torus else length


def _gaussian(distance_sq: Float64s, radius: float) -> Float64s:
    with np.errstate(over="ignore"):  # the radius divides twice, because its square may vanish
        return exp(-0.5 * (distance_sq / radius) / radius)
