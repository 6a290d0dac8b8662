"""What rows tell of their two nearest units: which units could move, and to which rows."""

from dataclasses import dataclass

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Floats, Ints
from somscape._weights import ones_or
from somscape.errors import InputError
from somscape.fit._fixed_point import TERM_BITS
from somscape.fit._pieces import taken
from somscape.fit._problem import Problem
from somscape.kernels import Rows, SparseRows

BLOCK_VALUES = 1 << 20
"""Most values of farthest rows that are compared at once: 8 MiB."""

NO_ROW = -1.0
"""The distance of the farthest row of a unit that wins none."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """What the two nearest units of some rows tell, as exact integers.

    Attributes
    ----------
    weight : int
        Of the rows, times ``weight_scale``.
    error : int
        Weighted sum of their distances to their best matching units, times ``error_scale``.
    apart : int
        Weight of the rows whose two nearest units are no neighbors, times ``weight_scale``.
    losses : ndarray of shape (n_units,), int64
        How much farther the second-best unit is, as a weighted sum over the rows of each unit,
        times ``distance_scale``: what moving the unit costs.
    far : ndarray of shape (n_units,), float64
        Distance of each unit's farthest row; -1 if it wins none.
    gains : ndarray of shape (n_units,), int64
        Weighted sum of the distances of all rows that are as far, times ``distance_scale``: what a
        unit beside them gains.
    farthest : ndarray of shape (n_units, n_features), float64
        The first of these rows in the order of values, with the prototype's for missing ones; the
        prototype, if no row lies apart from it.
    heirs : ndarray of int64
        A unit times ``n_units`` plus a second-best unit of one of its rows; ascending, each once.
        No more than there are rows, and mostly a few for each unit.

    See Also
    --------
    partial : Makes them, if asked for.
    move : Uses them.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import partial, prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> problem = prepare(rows).on(Lattice(1, 2))
    >>> pairs = partial(problem, rows, codebook=rows[:2], has_pairs=True).pairs
    >>> pairs.far.tolist(), pairs.farthest.tolist()
    ([0.0, 8.0], [[0.0], [9.0]])
    """

    weight: int
    error: int
    apart: int
    losses: Ints
    far: Float64s
    gains: Ints
    farthest: Float64s
    heirs: Ints


def pairs_of(
    problem: Problem, codebook: Floats, rows: Rows, weights: Float64s | None = None
) -> Pairs:
    """Return what some rows tell of their two nearest units, or the one there is."""
    n_units = len(codebook)
    found = problem.metric.search(
        problem.kernels,
        rows,
        codebook,
        min(2, n_units),
        order=problem.lattice.walk,
        has_missing=problem.has_missing,
    )
    units: Ints = np.asarray(found[0])
    distances: Float64s = np.asarray(found[1])
    if distances.max(initial=0.0) * problem.distance_scale > 2.0 ** (TERM_BITS + 1):
        raise InputError(
            "the codebook lies too far from the rows for exact sums. Make the problem by `prepare` "
            "with reach=codebook."
        )
    owner, near = np.ascontiguousarray(units[:, 0]), np.ascontiguousarray(distances[:, 0])
    heirs, which = np.unique(owner * n_units + units[:, -1], return_inverse=True)
    lies_apart = ~problem.lattice.are_neighbors(heirs // n_units, heirs % n_units)
    whole = np.rint(ones_or(weights, len(owner)) * problem.weight_scale).astype(np.int64)
    losses, error = _summed(problem, owner, distances[:, -1] - near, weights, near)
    far = np.full(n_units, NO_ROW)
    np.maximum.at(far, owner, near)
    at = np.flatnonzero((near == far[owner]) & (near > 0))
    some = None if weights is None else weights[at]
    gains, _ = _summed(problem, owner[at], near[at], some, near[at])
    return Pairs(
        int(whole.sum()),
        error,
        int(whole[lies_apart[which]].sum()),
        losses,
        far,
        gains,
        _first_of(rows, at, owner[at], codebook),
        heirs,
    )


def merged_pairs(a: Pairs, b: Pairs) -> Pairs:
    """Return what the rows of both tell; associative, commutative and exact."""
    is_a, is_b = a.far >= b.far, b.far >= a.far
    farthest = np.where(is_a[:, None], a.farthest, b.farthest)
    both = np.flatnonzero(is_a & is_b & (a.far > 0))
    farthest[both] = _first(a.farthest[both], b.farthest[both])
    return Pairs(
        a.weight + b.weight,
        a.error + b.error,
        a.apart + b.apart,
        a.losses + b.losses,
        np.maximum(a.far, b.far),
        np.where(is_a, a.gains, 0) + np.where(is_b, b.gains, 0),
        farthest,
        np.union1d(a.heirs, b.heirs),
    )


def _summed(
    problem: Problem, owner: Ints, values: Float64s, weights: Float64s | None, near: Float64s
) -> tuple[Ints, int]:
    """Return weighted sums of some distances by unit, and the sum of others over all rows."""
    n_units = problem.lattice.n_units
    counts, totals = np.zeros(n_units, dtype=np.int64), np.zeros((n_units, 1), dtype=np.int64)
    error = problem.kernels.sums(
        np.ascontiguousarray(values[:, None]),
        owner,
        weights,
        np.zeros(1),
        np.full(1, problem.distance_scale),
        problem.weight_scale,
        counts,
        totals,
        near,
        problem.error_scale,
    )
    return totals[:, 0], error


def _first_of(rows: Rows, at: Ints, owner: Ints, codebook: Floats) -> Float64s:
    """Return the first row of each unit in the order of values, whatever the order of the rows."""
    found = np.array(codebook, dtype=np.float64) + 0.0
    is_new = np.ones(len(found), dtype=bool)
    order = np.argsort(owner, kind="stable")
    for part in blocks(len(at), max(1, BLOCK_VALUES // codebook.shape[1])):
        some, units = taken(rows, at[order[part]]), owner[order[part]]
        dense = some.dense() if isinstance(some, SparseRows) else np.asarray(some)
        best = np.where(np.isnan(dense), codebook[units], dense).astype(np.float64) + 0.0  # no -0
        best, units = _first_by_unit(best, units)
        found[units] = np.where(is_new[units, None], best, _first(found[units], best))
        is_new[units] = False
    return found


def _first_by_unit(rows: Float64s, units: Ints) -> tuple[Float64s, Ints]:
    """Return the first row of each unit, and its unit; rows come unit by unit."""
    is_same = units[1:] == units[:-1]
    if not is_same.any():
        return rows, units
    begins = np.flatnonzero(np.append(True, ~is_same))
    rank = np.arange(len(units)) - np.repeat(begins, np.diff(np.append(begins, len(units))))
    left = np.flatnonzero(rank % 2 == 0)
    right = np.where(np.append(is_same, False)[left], left + 1, left)
    return _first_by_unit(_first(rows[left], rows[right]), units[left])


def _first(a: Float64s, b: Float64s) -> Float64s:
    """Return of each two rows the first in the order of values."""
    column = (a != b).argmax(axis=1)[:, None]
    is_b = np.take_along_axis(b, column, axis=1) < np.take_along_axis(a, column, axis=1)
    return np.where(is_b, b, a)
