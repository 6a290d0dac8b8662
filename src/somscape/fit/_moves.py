"""Units that move to rows far from all others, once neighbors no longer pull.

At a final radius of a fraction of a step a unit is the mean of its rows.  It stays where wider
radii left it: in dense regions, as they pulled single units back from sparse ones.  K-means ends
equally badly, and the same remedy helps: the unit that is needed least moves.  Here it moves to a
row of one of its neighbors, so that the two units that now share those rows are still neighbors.
"""

import math
from dataclasses import replace

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError
from somscape.fit._epoch import EpochSums
from somscape.fit._pairs import Pairs
from somscape.fit._passes import pairs_of_all
from somscape.fit._plan import Plan
from somscape.fit._problem import Problem
from somscape.fit._progress import INTERRUPTED, NONE_BETTER, ROUNDS_DONE, was_cut
from somscape.fit._train import Trained, run_epoch
from somscape.fit._watch import Watch

PASSES = 5
"""Most passes after the moves of a round."""


def with_units_moved(problem: Problem, trained: Trained, watch: Watch) -> Trained:
    """Return a trained map after rounds of moves, as long as they lower its error."""
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
    """Return the rows' total distance to their units, and a codebook with some units moved."""
    pairs = pairs_of_all(problem, codebook)
    moved, n_moved = moved_by(problem, pairs, codebook)
    return pairs.error / problem.error_scale, moved if n_moved else None


def move(problem: Problem, sums: EpochSums, *, codebook: Float64s) -> tuple[Float64s, int]:
    """Return a codebook with units moved to rows far from others, and how many moved.

    At a final radius of a fraction of a step, neighbors no longer pull, and units stay in dense
    regions.  A unit moves to the row farthest from one of its neighbors, if the distance of that
    row is more than what the unit's own rows lose in total by going to their second-best units.
    Units that gain most move first, and none moves if an earlier move has changed the winners that
    it involves.

    Parameters
    ----------
    problem : Problem
    sums : EpochSums
        Of all rows, with pairs.
    codebook : ndarray of shape (n_units, n_features), float64
        The one under which they were made; at least two units.

    Returns
    -------
    codebook : ndarray of shape (n_units, n_features), float64
        Some epochs should follow, and it should be kept if the error is less after them.
    n_moved : int
        O(n_units * (n_features + log n_units)), and O(second-best units).

    Raises
    ------
    InputError
        If the sums have no pairs.

    See Also
    --------
    partial : Makes the sums, with ``has_pairs=True``.
    step : Moves units to the means of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import partial, prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [0.1], [9.0], [12.0]])
    >>> codebook = np.array([[0.0], [0.1], [10.0]])
    >>> problem = prepare(rows, reach=codebook).on(Lattice(1, 3))
    >>> sums = partial(problem, rows, codebook=codebook, has_pairs=True)
    >>> moved, n_moved = move(problem, sums, codebook=codebook)
    >>> moved.tolist(), n_moved
    ([[0.0], [12.0], [10.0]], 1)
    """
    if sums.pairs is None:
        raise InputError("the sums have no pairs. Make them by `partial` with has_pairs=True.")
    return moved_by(problem, sums.pairs, codebook)


def moved_by(problem: Problem, pairs: Pairs, codebook: Float64s) -> tuple[Float64s, int]:
    """Return a codebook with units moved, and how many, as `move` does."""
    n_units, neighbors = len(codebook), problem.lattice.neighbors
    moved = codebook.copy()
    if not neighbors.shape[1]:
        return moved, 0
    loss = pairs.losses / problem.distance_scale
    gain = np.where(neighbors >= 0, (pairs.gains / problem.distance_scale)[neighbors], 0.0)
    target = np.take_along_axis(neighbors, gain.argmax(axis=1)[:, None], axis=1)[:, 0]
    net = gain.max(axis=1) - loss
    begin = np.searchsorted(pairs.heirs, np.arange(n_units + 1) * n_units)
    is_free, n_moved = np.ones(n_units, dtype=bool), 0
    for unit in np.argsort(-net, kind="stable"):
        if net[unit] <= 0:
            break
        heirs = pairs.heirs[begin[unit] : begin[unit + 1]] % n_units
        touched = np.concatenate([heirs, [unit, target[unit]]])
        if is_free[touched].all():
            is_free[touched] = False
            moved[unit] = pairs.farthest[target[unit]]
            n_moved += 1
    return moved, n_moved
