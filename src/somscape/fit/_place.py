"""Prototypes of a trained map, placed on a lattice of another size.

They are placed by position, not by index, which would twist the map on hexagonal lattices.
"""

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice


def shrunk(lattice: Lattice, factor: int) -> Lattice:
    """Return a lattice of the same kind with sides smaller by a factor."""
    n_rows, n_cols = (max(2, round(n / factor)) for n in (lattice.n_rows, lattice.n_cols))
    if lattice.n_rows == 1:
        n_rows = 1
    elif lattice.is_hexagonal:
        n_rows += n_rows % 2
    return Lattice(n_rows, n_cols if lattice.n_cols > 1 else 1, lattice.kind, lattice.boundary)


def placed(codebook: Float64s, old: Lattice, new: Lattice) -> Float64s:
    """Return prototypes for a lattice, interpolated from another of the same kind."""
    if (old.n_rows, old.n_cols) == (new.n_rows, new.n_cols):
        return codebook.copy()
    x, y = _on(old, new)
    row, by_row = _between(y / old.row_pitch, old.n_rows, wraps=old.wraps_rows)
    out = np.zeros((new.n_units, codebook.shape[1]))
    for rows, of_row in zip(row, by_row, strict=True):
        shift = 0.5 * (rows % 2) if old.is_hexagonal else 0.0
        col, by_col = _between(x - shift, old.n_cols, wraps=old.wraps_cols)
        for cols, of_col in zip(col, by_col, strict=True):
            out += (of_row * of_col)[:, None] * codebook[rows * old.n_cols + cols]
    return out


def _on(old: Lattice, new: Lattice) -> tuple[Float64s, Float64s]:
    """Return the positions of the new units in steps of the old lattice."""
    (old_x, old_y), (new_x, new_y) = (_size(lattice) for lattice in (old, new))
    x, y = new.positions.T
    return x * (old_x / new_x if new_x else 0.0), y * (old_y / new_y if new_y else 0.0)


def _size(lattice: Lattice) -> tuple[float, float]:
    """Return the width and height of a lattice: once around, or between the outermost units."""
    wide, high = lattice.positions.max(axis=0)
    return (
        lattice.n_cols if lattice.wraps_cols else float(wide),
        lattice.n_rows * lattice.row_pitch if lattice.wraps_rows else float(high),
    )


def _between(
    place: Float64s, n: int, *, wraps: bool
) -> tuple[tuple[Ints, Ints], tuple[Float64s, Float64s]]:
    """Return the two whole-number places around each place, and the weight of each."""
    if not wraps:
        place = np.clip(place, 0, n - 1)
    low = np.floor(place).astype(np.intp)
    share = place - low
    high = low + 1
    if wraps:
        low, high = low % n, high % n
    else:
        high = np.minimum(high, n - 1)
    return (low, high), (1 - share, share)
