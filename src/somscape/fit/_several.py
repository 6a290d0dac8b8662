"""Several starts of a small map; the best is kept.

Batch training ends in the nearest of many orders, and on a table of a few hundred rows some are
better by a tenth.  On such a table a training run takes milliseconds, so several are done.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from somscape._types import Float64s
from somscape._weights import ones_or
from somscape.fit._local import chunks
from somscape.fit._moves import with_units_moved
from somscape.fit._plan import Plan
from somscape.fit._problem import Problem
from somscape.fit._start import Axes, start_codebook
from somscape.fit._train import Trained, first_lattice, train
from somscape.fit._watch import Watch, was_cut

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
    """Train from one or several starts and return the best result.

    Parameters
    ----------
    problem : Problem
    axes : Axes or None
        Needed for the start ``"pca"``.
    plan : Plan
        Its ``n_init`` is the number of starts; its start has a name.
    watch : Watch
        Records all epochs, and keeps those of the best start.
    rng : numpy.random.Generator
        Draws the starts other than ``"pca"``.  Further ``"pca"`` starts are the same in every run:
        the plane's prototypes, shuffled over the map.

    Returns
    -------
    Trained
        The result with the lowest quantization error times one plus the topographic error.  With a
        final radius below one step, the topographic error is multiplied by that radius, as a close
        fit then matters more than order.  The plan has the first radius of the run.  A run that is
        cut short ends the search.
    """
    starts = _starts(problem, axes, plan, rng)
    if plan.n_init == 1:
        trained = train(problem, next(starts)[0], plan, watch, rng)
        return with_units_moved(problem, trained, watch)
    best: Trained | None = None
    least, entries = math.inf, watch.entries
    for codebook, radius_start in starts:
        watch.entries = []
        run = replace(plan, radius_start=radius_start)
        trained = train(problem, codebook, run, watch, rng)
        found = _badness(problem, trained.codebook, plan.radius_end)
        if best is None or found < least * (1 - BETTER):
            best, least, entries = trained, found, watch.entries
        if was_cut(trained.stop_reason):
            break
    watch.entries = entries
    assert best is not None
    return with_units_moved(problem, best, watch)


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
    weights, metric = problem.weights, problem.metric
    far, apart = [], []
    for part in chunks(problem.rows, codebook):
        units, distances = metric.search(
            problem.kernels,
            problem.rows[part],
            codebook,
            min(2, len(codebook)),
            order=problem.lattice.walk,
            has_missing=problem.has_missing,
        )
        units = np.asarray(units)
        far.append(distances[:, 0])
        apart.append(~problem.lattice.are_neighbors(units[:, 0], units[:, -1]))
    counted = ones_or(weights, len(problem.rows))
    qe = math.fsum(np.concatenate(far) * counted) / problem.total_weight
    te = math.fsum(counted[np.concatenate(apart)]) / problem.total_weight
    return qe * (1 + te * min(1.0, radius / problem.lattice.step))
