"""Training a small map from several starts, and moving its units to far rows."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError
from somscape.fit._plan import Plan
from somscape.fit._start import Axes, start_codebook
from somscape.fit._train import RunningTraining, Trained, first_lattice, run_epoch, train
from somscape.fit.problem import EpochSums, Pairs, Problem, pairs_of_all
from somscape.fit.settings import INTERRUPTED, NONE_BETTER, ROUNDS_DONE, was_cut

PASSES = 5
"""Maximum number of training passes after each round of moves."""


def with_units_moved(problem: Problem, trained: Trained, watch: RunningTraining) -> Trained:
    """Return an improved map. Each round moves units to rows that are far from all units."""
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
                reason = _run_passes(problem, watch, plan, n_planned)
    except KeyboardInterrupt:
        reason = INTERRUPTED
    return replace(Trained.of(problem, watch, reason), plan=plan).at(journal.best, problem)


def _run_passes(problem: Problem, watch: RunningTraining, plan: Plan, n_planned: int) -> str:
    """Train for at most `PASSES` epochs.  Return the reason if training must stop, or ""."""
    for _ in range(PASSES):
        reason = run_epoch(problem, watch, n_planned, plan.radius_end)
        if reason or watch.entries[-1].movement <= plan.tol:
            return reason
    return ""


def moved_units(problem: Problem, codebook: Float64s) -> tuple[float, Float64s | None]:
    """Return the total distance of rows to their units, and a codebook with moved units or None."""
    pairs = pairs_of_all(problem, codebook)
    moved, n_moved = moved_by(problem, pairs, codebook)
    return pairs.error / problem.error_scale, moved if n_moved else None


def move(problem: Problem, sums: EpochSums, *, codebook: Float64s) -> tuple[Float64s, int]:
    """Move units to rows that are far from all units.

    If the final radius is far below a grid step, units in dense regions of the data stay there.  A
    unit moves to the farthest row of one of its neighbors if the gain is larger than the loss.  The
    gain is the distance between this row and the neighbor's prototype.  The loss is the total
    additional distance of the unit's own rows to their second-best units.  Units with the largest
    difference between gain and loss move first.  A unit does not move if this affects rows of a
    unit that an earlier move has affected.

    Parameters
    ----------
    problem : Problem
    sums : EpochSums
        Sums over all rows, including `Pairs`.
    codebook : ndarray of shape (n_units, n_features), float64
        Codebook for which the sums were computed, with at least two units.

    Returns
    -------
    codebook : ndarray of shape (n_units, n_features), float64
        New codebook.  Train from this codebook for a few epochs, and use the result if its error is
        lower.
    n_moved : int
        Number of moved units.  The cost is O(n_units * (n_features + log n_units)), plus the
        number of distinct second-best units, summed over all units.

    Raises
    ------
    InputError
        If `sums` was computed without the sums for pairs.

    See Also
    --------
    partial : Computes the sums, with ``has_pairs=True``.
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
        raise InputError(
            "`sums` must contain pairs. Compute the sums with partial(..., has_pairs=True)."
        )
    return moved_by(problem, sums.pairs, codebook)


def moved_by(problem: Problem, pairs: Pairs, codebook: Float64s) -> tuple[Float64s, int]:
    """Move units, and return the new codebook and the number of moved units."""
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


BETTER = 1e-9
"""Minimum relative decrease of the error at which the map of a later start replaces the best map so
far.  Smaller decreases can be rounding errors."""


def train_from_several(
    problem: Problem,
    axes: Axes | None,
    plan: Plan,
    watch: RunningTraining,
    rng: np.random.Generator,
) -> Trained:
    """Train a map from one or more initial codebooks, and return the best result."""
    starts = _starts(problem, axes, plan, rng)
    if plan.n_init == 1:
        best = train(problem, next(starts)[0], plan, watch, rng)
        watch.journal.best = watch.state
        return with_units_moved(problem, best, watch)

    def judged() -> tuple[float, None]:
        codebook = watch.state.codebook.astype(np.float64, copy=False)
        return _badness(problem, codebook, plan.radius_end), None

    found: Trained | None = None
    least, entries = math.inf, watch.entries
    for codebook, radius_start in starts:
        trained = train(problem, codebook, replace(plan, radius_start=radius_start), watch, rng)
        badness, _ = watch.judge(judged)
        is_better = found is None or badness < least * (1 - BETTER)
        if is_better:
            found, least, entries = trained, badness, watch.entries
        if was_cut(trained.stop_reason):
            break  # the journal keeps the best finished start, because this start may be resumed
        if is_better:
            watch.journal.best = watch.state
    watch.entries = entries
    assert found is not None
    if found is trained and was_cut(trained.stop_reason):
        return trained
    assert watch.journal.best is not None
    found = found.at(watch.journal.best, problem)
    if was_cut(trained.stop_reason):
        return replace(found, stop_reason=trained.stop_reason)
    return with_units_moved(problem, found, watch)


def _starts(
    problem: Problem, axes: Axes | None, plan: Plan, rng: np.random.Generator
) -> Iterator[tuple[Float64s, float]]:
    """Yield pairs of initial codebook and initial radius."""
    first = problem.on(first_lattice(problem.lattice, plan))
    if plan.init != "pca":
        for _ in range(plan.n_init):
            yield start_codebook(first, plan.init, axes, rng), plan.radius_start
        return
    plane = start_codebook(first, plan.init, axes, rng)
    radii = (plan.radius_start, *plan.other_radii)
    wide = radii[:2]  # for shuffled planes, which have to unfold
    for number in range(plan.n_init):
        if number < len(radii):
            yield plane, radii[number]
        else:
            order = np.random.default_rng(number).permutation(len(plane))
            yield np.ascontiguousarray(plane[order]), wide[number % len(wide)]


def _badness(problem: Problem, codebook: Float64s, radius: float) -> float:
    """Return an error that combines quantization error and topographic error."""
    pairs = pairs_of_all(problem, codebook)
    qe = pairs.error / problem.error_scale / problem.total_weight
    te = pairs.apart / problem.weight_scale / problem.total_weight
    return qe * (1 + te * min(1.0, radius / problem.lattice.step))
