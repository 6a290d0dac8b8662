"""Heskes' winner: the unit whose whole neighborhood is nearest to the row.

    argmin_i  sum_j h_ij |x - w_j|^2,   h_ij normalized over j

With v_i the neighborhood mean of the prototypes this is |x - v_i|^2 plus their spread around it.
So the nearest-unit search does it, on the means, with the root of the spread as one more feature
that is 0 in all rows.  At a fixed radius the sum over all rows never grows from epoch to epoch, and
training ends (Heskes 1999, Energy functions for self-organizing maps; Cheng 1997).
"""

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import NeighborhoodTables
from somscape.kernels import Kernels, Rows

BITS = 40
"""Prototypes are averaged in fixed point of so many bits."""


def with_room_for_spread(rows: Rows) -> Rows:
    """Return rows with one more feature, 0."""
    assert isinstance(rows, np.ndarray)
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, 1))))


def neighborhood_means(
    kernels: Kernels, codebook: Float64s, center: Float64s, tables: NeighborhoodTables
) -> Float64s:
    """Return what rows are compared with.

    Parameters
    ----------
    kernels : Kernels
    codebook : ndarray of shape (n_units, n_features)
    center : ndarray of shape (n_features,)
        Near the prototypes, so that squares do not cancel.
    tables : NeighborhoodTables

    Returns
    -------
    ndarray of shape (n_units, n_features + 1)
        Mean of each unit's neighborhood, and the root of its spread.
    """
    shifted = codebook - center
    values = np.column_stack([shifted, (shifted**2).sum(axis=1)])
    _, exponent = np.frexp(np.abs(values).max(axis=0))
    scale = np.ldexp(1.0, np.clip(BITS - exponent, -1000, 1000))
    means, _ = kernels.smooth(
        np.rint(values * scale).astype(np.int64),
        np.ones(len(codebook), dtype=np.int64),
        scale,
        1.0,
        np.zeros(values.shape[1]),
        tables,
        np.zeros(values.shape),
    )
    spread = means[:, -1] - (means[:, :-1] ** 2).sum(axis=1)
    return np.column_stack([means[:, :-1] + center, np.sqrt(np.maximum(spread, 0.0))])


def shared_by_neighborhood(
    tables: NeighborhoodTables, counts: Ints, totals: Ints
) -> tuple[Ints, Ints]:
    """Divide what each unit won by the weight of its whole neighborhood.

    Units at the rim have less of one; only so does the update lower what the winner minimizes.
    """
    weight = neighborhood_weights(tables)
    return (
        np.rint(counts / weight).astype(np.int64),
        np.rint(totals / weight[:, None]).astype(np.int64),
    )


def neighborhood_weights(tables: NeighborhoodTables) -> Float64s:
    """Return the sum of the neighborhood around each unit, of shape (n_units,)."""
    n_cols = (tables.col_kernel.shape[1] + 1) // 2
    # From column c the offsets are c - (n_cols - 1) to c: a run of n_cols entries of a kernel.
    heaped = np.concatenate(
        [np.zeros((len(tables.col_kernel), 1)), np.cumsum(tables.col_kernel, axis=1)], axis=1
    )
    columns = np.arange(n_cols)
    by_column = heaped[:, columns + n_cols] - heaped[:, columns]
    return np.asarray(
        (tables.row_weight[:, :, None] * by_column[tables.kernel]).sum(axis=1)
    ).ravel()
