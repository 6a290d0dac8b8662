"""Several starts of a small map; the best is kept.

Batch training ends in the nearest of many orders, and on a table of a few hundred rows some are
better by a tenth.  On such a table a training run takes milliseconds, so several are done.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from somscape._types import Float64s
from somscape.fit._moves import with_units_moved
from somscape.fit._passes import pairs_of_all
from somscape.fit._plan import Plan
from somscape.fit._problem import Problem
from somscape.fit._progress import was_cut
from somscape.fit._start import Axes, start_codebook
from somscape.fit._train import Trained, first_lattice, train
from somscape.fit._watch import Watch

BETTER = 1e-9
"""Share by which another start must be better, so that rounding does not choose between equals,
such as mirror images."""


def train_from_several(
    problem: Problem,
    axes: Axes | None,
    plan: Plan,
    watch: Watch,
    rng: np.random.Generator,
) -> Trained:
    """Train from one or several starts and return the best result."""
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
            break  # and the journal keeps the best finished start, as this one may go on
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
    """Yield codebooks and the first radius for each."""
    first = problem.on(first_lattice(problem.lattice, plan))
    if plan.init != "pca":
        for _ in range(plan.n_init):
            yield start_codebook(first, plan.init, axes, rng), plan.radius_start
        return
    plane = start_codebook(first, plan.init, axes, rng)
    radii = (plan.radius_start, *plan.other_radii)
    wide = radii[:2]  # a shuffled plane unfolds anew
    for number in range(plan.n_init):
        if number < len(radii):
            yield plane, radii[number]
        else:
            order = np.random.default_rng(number).permutation(len(plane))
            yield np.ascontiguousarray(plane[order]), wide[number % len(wide)]


def _badness(problem: Problem, codebook: Float64s, radius: float) -> float:
    """Return the errors of a map as one number, the same bits for any order of the rows."""
    pairs = pairs_of_all(problem, codebook)
    qe = pairs.error / problem.error_scale / problem.total_weight
    te = pairs.apart / problem.weight_scale / problem.total_weight
    return qe * (1 + te * min(1.0, radius / problem.lattice.step))
