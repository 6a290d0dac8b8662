"""The winners of rows as MiniSom finds them, many at a time."""

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.grid import Lattice
from somscape.kernels import minisom_kernels, select_kernels
from somscape.minisom._rule import Rule
from somscape.minisom._samples import Samples

NEARLY_TIED = 1 + 1e-12
"""Distances within this factor may be equal or in reverse order in MiniSom, by rounding."""

SMALL_WORK = 2e6
"""Multiply-adds, about 0.1 ms of a search, up to which a second thread does not pay, nor does a
search for two units per row to see which rows are nearly tied."""


def codebook_of(som: Rule) -> Float64s:
    """Return the prototypes in MiniSom's order, ``x * n_y + y``."""
    weights = som._weights
    codebook = np.ascontiguousarray(weights.reshape(-1, weights.shape[-1]), dtype=np.float64)
    if not np.isfinite(codebook).all():
        raise InputError(
            "the map's weights hold NaN or infinity: training diverged. Train again with a smaller "
            "learning rate, or with a neighborhood other than 'mexican_hat'."
        )
    return codebook


def units_of(som: Rule, samples: Samples) -> Ints:
    """Return the unit of each row, ``x * n_y + y``."""
    distance, kernels = som._core_distance, minisom_kernels()
    is_own = not distance or som._has_own_step
    if not is_own:
        codebook_of(som)  # refuses what has diverged
    if kernels is None or is_own:
        found = (som.winner(x) for x in samples.items)
        n_y = som._activation_map.shape[1]
        return np.array([int(x) * n_y + int(y) for x, y in found])
    rows, codebook = samples.rows, codebook_of(som)
    if distance != "euclidean" or len(codebook) == 1 or _is_small(rows, codebook):
        return kernels.minisom_winners(rows, codebook, distance)
    units, distances = select_kernels().search(rows, codebook, 2, order=_walk(som))
    best = np.ascontiguousarray(units[:, 0])
    near = np.flatnonzero(distances[:, 1] <= distances[:, 0] * NEARLY_TIED)
    if len(near):
        best[near] = kernels.minisom_winners(rows[near], codebook, distance)
    return best


def nearest_units(som: Rule, samples: Samples) -> Ints:
    """Return the unit nearest to each row by the Euclidean distance, with any rounding."""
    return _nearest(som, samples, 1)[:, 0]


def two_nearest_units(som: Rule, samples: Samples) -> Ints:
    """Return the two units nearest to each row by the Euclidean distance."""
    return _nearest(som, samples, 2)


def _nearest(som: Rule, samples: Samples, k: int) -> Ints:
    rows, codebook = samples.rows, codebook_of(som)
    one_thread = _is_small(rows, codebook)
    return select_kernels().winners(rows, codebook, k, order=_walk(som), one_thread=one_thread)


def _is_small(rows: Float64s, codebook: Float64s) -> bool:
    return rows.size * len(codebook) < SMALL_WORK


def _walk(som: Rule) -> Ints:
    n_x, n_y = som._weights.shape[:2]
    return Lattice(n_x, n_y, kind="rectangular").walk
