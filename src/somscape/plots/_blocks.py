"""Cells joined to blocks where single ones are too small for what is drawn in them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice


@dataclass(frozen=True, eq=False)
class Blocks:
    """Squares of cells, or single cells.

    Attributes
    ----------
    of_unit : ndarray of shape (n_units,), int
    positions : ndarray of shape (n_blocks, 2)
        Of their middles.
    side : int
        Rows and columns of a block.
    """

    of_unit: Ints
    positions: Float64s
    side: int

    def total(self, values: Any) -> Any:
        """Return the sum in each block, of values of shape (n_units, n)."""
        if self.side == 1:
            return values
        total = np.zeros((len(self.positions), values.shape[1]), dtype=values.dtype)
        np.add.at(total, self.of_unit, values)
        return total

    def mean(self, values: Float64s) -> Float64s:
        """Return the mean of each block, of values of shape (n_units, n)."""
        return np.asarray(self.total(values) / np.bincount(self.of_unit)[:, None])

    def words(self, what: str) -> str:
        """Return what a title says of them."""
        return "" if self.side == 1 else f", {what} of {self.side} x {self.side}"


def blocks_of(lattice: Lattice, step: float, wanted: float) -> Blocks:
    """Join cells until they are wide enough."""
    side = 1 if lattice.kind == "graph" else max(1, int(np.ceil(wanted / step)))
    if side == 1:
        return Blocks(np.arange(lattice.n_units), lattice.positions, 1)
    row, col = lattice.rows_and_cols(np.arange(lattice.n_units))
    n_wide = -(-lattice.n_cols // side)
    of_unit = row // side * n_wide + col // side
    n = np.bincount(of_unit)
    places = [np.bincount(of_unit, lattice.positions[:, axis]) / n for axis in (0, 1)]
    return Blocks(of_unit, np.column_stack(places), side)
