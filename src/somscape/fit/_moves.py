"""Units that move to rows far from all others, once neighbors no longer pull.

At a final radius of a fraction of a step a unit is the mean of its rows.  It stays where wider
radii left it: in dense regions, as they pulled single units back from sparse ones.  K-means ends
equally badly, and the same remedy helps: the unit that is needed least moves.  Here it moves to a
row of one of its neighbors, so that the two units that now share those rows are still neighbors.
"""

import math
from dataclasses import replace

import numpy as np

from somscape._types import Float64s, Ints
from somscape.fit._fixed_point import value_scale
from somscape.fit._passes import two_nearest
from somscape.fit._pieces import taken
from somscape.fit._plan import Plan
from somscape.fit._problem import Problem
from somscape.fit._progress import INTERRUPTED, NONE_BETTER, ROUNDS_DONE, was_cut
from somscape.fit._train import Trained, run_epoch
from somscape.fit._watch import Watch
from somscape.kernels import Rows, SparseRows

PASSES = 5
"""Most passes after the moves of a round."""


def with_units_moved(problem: Problem, trained: Trained, watch: Watch) -> Trained:
    """Return a trained map after rounds of moves, as long as they lower its error.

    Parameters
    ----------
    problem : Problem
    trained : Trained
        By batch passes down to a radius at which neighbors hardly pull.  The ``move_rounds`` of
        its plan limit the rounds; 0 changes nothing.
    watch : Watch
        Holds the entries of the training, and records every further pass.

    Returns
    -------
    Trained
        With the lowest quantization error that was found.  A round takes up to six passes.
    """
    plan, journal = trained.plan, watch.journal
    if not plan.move_rounds or problem.lattice.n_units == 1 or was_cut(trained.stop_reason):
        return trained
    assert journal.best is not None
    watch.state = journal.best
    n_planned = len(watch.entries) + plan.move_rounds * PASSES

    def look() -> tuple[float, Float64s | None]:
        return moved_units(problem, watch.state.codebook.astype(np.float64, copy=False))

    reason, n_rounds, least = "", 0, math.inf
    try:
        while not reason:
            error, moved = watch.judge(look)
            is_better = error < least
            if is_better:
                journal.best, least = watch.state, error
            if moved is None or not is_better:
                reason = NONE_BETTER
            elif n_rounds == plan.move_rounds:
                reason = ROUNDS_DONE
            else:
                watch.state, n_rounds = watch.state._replace(codebook=moved), n_rounds + 1
                reason = _settled(problem, watch, plan, n_planned)
    except KeyboardInterrupt:
        reason = INTERRUPTED
    return replace(Trained.of(problem, watch, reason), plan=plan).at(journal.best, problem)


def _settled(problem: Problem, watch: Watch, plan: Plan, n_planned: int) -> str:
    """Do passes until no unit moves; return why to stop training, or ""."""
    for _ in range(PASSES):
        reason = run_epoch(problem, watch, n_planned, plan.radius_end)
        if reason or watch.entries[-1].movement <= plan.tol:
            return reason
    return ""


def moved_units(problem: Problem, codebook: Float64s) -> tuple[float, Float64s | None]:
    """Return the rows' total distance to their units, and a codebook with some units moved.

    A unit moves to the row farthest from one of its neighbors, if the distance of that row is more
    than what the unit's own rows lose in total by going to their second-best units.  Units that
    gain most move first, and none moves if an earlier move has changed the winners that it
    involves.

    Parameters
    ----------
    problem : Problem
    codebook : ndarray of shape (n_units, n_features), float64
        At least two units.

    Returns
    -------
    error : float
        The same bits for any order of the rows.
    moved : ndarray of shape (n_units, n_features), float64, or None
        None if no unit would gain.
    """
    units, distances = two_nearest(problem, codebook)
    owner, heir = np.ascontiguousarray(units.T)
    near, further = distances.T
    totals, scale = _by_unit(problem, owner, np.stack([near, further - near], axis=1))
    error = int(totals[:, 0].sum()) / scale
    loss = totals[:, 1] / scale
    reach = np.zeros(len(codebook))
    np.maximum.at(reach, owner, near)
    farthest = np.flatnonzero(near == reach[owner])
    found, scale = _by_unit(problem, owner[farthest], near[farthest, None], farthest)
    neighbors = problem.lattice.neighbors
    if not neighbors.shape[1]:
        return error, None
    gain = np.where(neighbors >= 0, (found[:, 0] / scale)[neighbors], 0.0)
    target = np.take_along_axis(neighbors, gain.argmax(axis=1)[:, None], axis=1)[:, 0]
    net = gain.max(axis=1) - loss
    by_owner = np.argsort(owner, kind="stable")
    begin = np.searchsorted(owner[by_owner], np.arange(len(codebook) + 1))
    is_free, moving = np.ones(len(codebook), dtype=bool), []
    for unit in np.argsort(-net, kind="stable"):
        if net[unit] <= 0:
            break
        heirs = heir[by_owner[begin[unit] : begin[unit + 1]]]
        touched = np.concatenate([heirs, [unit, target[unit]]])
        if is_free[touched].all():
            is_free[touched] = False
            moving.append(unit)
    if not moving:
        return error, None
    moved, candidates = codebook.copy(), farthest[np.isin(owner[farthest], target[moving])]
    rows = taken(problem.rows, candidates)  # at once, as rows elsewhere cost a pass
    for unit in moving:
        of_target = taken(rows, np.flatnonzero(owner[candidates] == target[unit]))
        moved[unit] = _first_of(of_target, codebook[target[unit]])
    return error, moved


def _by_unit(
    problem: Problem, owner: Ints, values: Float64s, rows: Ints | slice = slice(None)
) -> tuple[Ints, float]:
    """Return weighted sums by unit as whole numbers, and their divisor."""
    weights = None if problem.weights is None else problem.weights[rows]
    largest = np.array([values.max()])
    scale = np.repeat(value_scale(largest, weights, problem.total_weight), values.shape[1])
    totals = np.zeros((problem.lattice.n_units, values.shape[1]), dtype=np.int64)
    counts = np.zeros(len(totals), dtype=np.int64)
    values = np.ascontiguousarray(values)
    problem.kernels.sums(
        values, owner, weights, np.zeros(values.shape[1]), scale, 1.0, counts, totals
    )
    return totals, float(scale[0])


def _first_of(candidates: Rows, prototype: Float64s) -> Float64s:
    """Return the first row in the order of values, whatever the order of the rows.

    Missing values are taken from the prototype.
    """
    dense = candidates.dense() if isinstance(candidates, SparseRows) else candidates
    filled: Float64s = np.where(np.isnan(dense), prototype, dense).astype(np.float64)
    return filled[np.lexsort(filled.T[::-1])[0]]
