"""Which units MiniSom gives rows to, many at a time."""

import numpy as np

from somscape._errors import InputError
from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.kernels import minisom_kernels, select_kernels
from somscape.minisom._rule import Rule
from somscape.minisom._samples import Samples

NEARLY_TIED = 1 + 1e-12
"""Distances within this factor may round to the same, or the other way round, in MiniSom."""

LEAST_WORK = 1e7
"""Multiply-adds from which the exact search is faster than MiniSom's arithmetic."""


def codebook_of(som: Rule) -> Float64s:
    """Return the prototypes in MiniSom's order, x after x.

    Parameters
    ----------
    som : Rule

    Returns
    -------
    ndarray of shape (n_units, n_features), float64
        A view of the weights where they are float64.

    Raises
    ------
    InputError
        When training has diverged.
    """
    weights = som._weights
    codebook = np.ascontiguousarray(weights.reshape(-1, weights.shape[-1]), dtype=np.float64)
    if not np.isfinite(codebook).all():
        raise InputError(
            "the map's weights hold NaN or infinity: training diverged. Train anew with a smaller "
            "learning rate, or with another neighborhood than 'mexican_hat'."
        )
    return codebook


def units_of(som: Rule, samples: Samples) -> Ints:
    """Return the unit of each row, ``x * n_y + y``.

    Parameters
    ----------
    som : Rule
    samples : Samples

    Returns
    -------
    ndarray of shape (n_samples,)
        As `MiniSom.winner` gives them, also where distances differ by rounding alone.
    """
    distance, kernels = som._core_distance, minisom_kernels()
    if kernels is None or not distance or som._has_own_step:
        found = (som.winner(x) for x in samples.items)
        n_y = som._activation_map.shape[1]
        return np.array([int(x) * n_y + int(y) for x, y in found])
    rows, codebook = samples.rows, codebook_of(som)
    is_small = rows.size * len(codebook) < LEAST_WORK or len(codebook) == 1
    if is_small or distance != "euclidean":
        return kernels.minisom_winners(rows, codebook, distance)
    units, distances = select_kernels().search(rows, codebook, 2, order=_walk(som))
    best = np.ascontiguousarray(units[:, 0])
    near = np.flatnonzero(distances[:, 1] <= distances[:, 0] * NEARLY_TIED)
    if len(near):
        best[near] = kernels.minisom_winners(rows[near], codebook, distance)
    return best


def nearest_units(som: Rule, samples: Samples, k: int) -> Ints:
    """Return the `k` nearest units of each row by the Euclidean distance.

    Parameters
    ----------
    som : Rule
    samples : Samples
    k : int

    Returns
    -------
    ndarray of shape (n_samples, k)
    """
    return select_kernels().winners(samples.rows, codebook_of(som), k, order=_walk(som))


def _walk(som: Rule) -> Ints:
    return Lattice(*som._weights.shape[:2], kind="rectangular").walk
