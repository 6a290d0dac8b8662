"""The training loops: batch, with stages of growing maps, and online, one row at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.fit._passes import epoch_sums
from somscape.fit._pieces import taken
from somscape.fit._place import placed, shrunk
from somscape.fit._plan import Plan
from somscape.fit._problem import EpochSums, Problem, step
from somscape.fit._schedule import schedule
from somscape.fit._start import Axes
from somscape.fit._stream import RunningSums
from somscape.fit._watch import (
    EPOCHS_DONE,
    INTERRUPTED,
    NO_ROW_MOVES,
    REPEATS,
    UPDATES_DONE,
    WITHIN_TOL,
    Progress,
    Watch,
)
from somscape.grid import Lattice

BLOCK_WORK = 5e7
"""Multiply-adds of a block of online updates: about 20 ms, short enough for an interrupt and the
progress bar, and long enough for the overhead of blocks not to matter."""


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of training.

    Attributes
    ----------
    codebook : ndarray of shape (n_units, n_features), float64
        In the form that the metric compares.
    history : dict of str to ndarray
        By epoch or block.
    n_iter : int
        Number of epochs done; for online training, of passes, rounded up.
    stop_reason : str
        Why training ended, as text.
    spread : float
        Mean distance of the rows to their mean, the unit of movements.
    plan : Plan
        The plan that was followed; with several starts, that of the best one.
    sums : RunningSums or None
        Sums of the last pass over all rows, for later updates; None if there was none.
    axes : Axes or None
        Main axes of the rows, where they were needed.
    """

    codebook: Float64s
    history: dict[str, Float64s]
    n_iter: int
    stop_reason: str
    spread: float
    plan: Plan
    sums: RunningSums | None = None
    axes: Axes | None = None


def first_lattice(lattice: Lattice, plan: Plan) -> Lattice:
    """Return the lattice that training starts on."""
    return shrunk(lattice, plan.coarse[0].shrink) if plan.coarse else lattice


def train(
    problem: Problem,
    codebook: Float64s,
    plan: Plan,
    watch: Watch,
    rng: np.random.Generator,
) -> Trained:
    """Train a codebook on prepared rows.

    Parameters
    ----------
    problem : Problem
    codebook : ndarray of shape (n_units, n_features), float64
        The start, on `first_lattice`; it is not changed.  Batch training works in float64, so that
        float32 rows give the same map as these rows in float64; online training works in the data
        type of the rows.
    plan : Plan
    watch : Watch
        Records every epoch or block.
    rng : numpy.random.Generator
        Draws samples of rows, and their order for online training; batch training on all rows draws
        nothing.

    Returns
    -------
    Trained
    """
    if plan.algorithm == "online":
        return _train_online(problem, codebook, plan, watch, _Order(problem, rng))
    return _train_batch(problem, codebook, plan, watch, rng)


class Epochs:
    """Batch epochs, one after the other, on any lattice and rows; keeps their results."""

    def __init__(self, codebook: Float64s, watch: Watch, spread: float, n_planned: int) -> None:
        self.codebook, self.watch = codebook, watch
        self.spread, self.n_planned = spread, n_planned
        self.sums: EpochSums | None = None
        self.movement = float("inf")

    def run(self, problem: Problem, radius: float, shrink: int = 1) -> str:
        """Do one epoch; return why to stop, or "".

        The radius is in steps of the full map; one step of the problem's lattice is `shrink` of
        them.
        """
        here = radius / shrink
        self.sums = epoch_sums(problem, self.codebook)
        self.codebook, moved = step(problem, self.sums, radius=here, codebook=self.codebook)
        self.movement = moved / self.spread
        return self.watch.note(
            Progress(
                len(self.watch.entries) + 1,
                self.n_planned,
                radius,
                self.sums.error / problem.error_scale / problem.total_weight,
                self.movement,
                len(self.codebook),
                len(problem.rows),
            )
        )


def _train_batch(
    problem: Problem, codebook: Float64s, plan: Plan, watch: Watch, rng: np.random.Generator
) -> Trained:
    start = plan.whole_radius_start
    falling = schedule(plan.radius_decay, start, plan.radius_end, int(plan.n_epochs))
    radii = [*falling.tolist(), *[float(falling[-1])] * plan.extra_epochs]
    n_planned = len(radii) + sum(stage.n_epochs for stage in plan.coarse)
    problem.pulls.tabulate(radii)
    epochs = Epochs(codebook, watch, _spread(problem), n_planned)
    lattice = first_lattice(problem.lattice, plan)
    try:
        reason = ""
        for stage in plan.coarse:
            here = shrunk(problem.lattice, stage.shrink)
            epochs.codebook, lattice = placed(epochs.codebook, lattice, here), here
            limit = None if stage.rows_per_unit is None else stage.rows_per_unit * here.n_units
            part = _sample(problem.on(here), limit, rng)
            for radius in schedule(
                "geometric", stage.radius_start, stage.radius_end, stage.n_epochs
            ).tolist():
                reason = epochs.run(part, radius, stage.shrink)
                if reason:
                    break
            if reason:
                break
        if plan.coarse:
            epochs.codebook = placed(epochs.codebook, lattice, problem.lattice)
        if not reason:
            reason = _settle(problem, epochs, radii, plan.tol)
    except KeyboardInterrupt:
        reason = INTERRUPTED
        if plan.coarse and len(epochs.codebook) != problem.lattice.n_units:
            epochs.codebook = placed(epochs.codebook, lattice, problem.lattice)
    sums = None
    if epochs.sums is not None and len(epochs.sums.counts) == problem.lattice.n_units:
        sums = RunningSums.of(problem, epochs.sums)
    n_done = len(watch.entries)
    return Trained(epochs.codebook, watch.history, n_done, reason, epochs.spread, plan, sums)


def _settle(problem: Problem, epochs: Epochs, radii: Sequence[float], tol: float) -> str:
    """Do the epochs on the full map; at the last radius, stop once nothing changes."""
    previous, seen = None, set[int]()
    for epoch, radius in enumerate(radii):
        is_settling = epoch > 0 and radius == radii[-1] == radii[epoch - 1]
        reason = epochs.run(problem, radius)
        if reason:
            return reason
        is_last = epoch == len(radii) - 1
        if radius != radii[-1] or (is_last and not is_settling):
            continue
        assert epochs.sums is not None
        digest = epochs.sums.digest()
        if is_settling:
            # Same sums at the same radius: the codebook can only repeat from here on.
            if previous is not None and epochs.sums.is_same(previous):
                return NO_ROW_MOVES
            if digest in seen:
                return REPEATS
            if epochs.movement <= tol:
                return WITHIN_TOL
        previous = epochs.sums
        seen.add(digest)
    return EPOCHS_DONE


def _sample(problem: Problem, n: int | None, rng: np.random.Generator) -> Problem:
    """Return the problem for a random part of its rows, in their order and in memory."""
    if n is None or n >= len(problem.rows):
        return problem
    chosen = np.sort(rng.choice(len(problem.rows), size=n, replace=False))
    weights = None if problem.weights is None else problem.weights[chosen]
    return problem.of(taken(problem.rows, chosen), weights)


class _Order:
    """Which row comes next in online training."""

    def __init__(self, problem: Problem, rng: np.random.Generator) -> None:
        self.problem, self.rng = problem, rng
        self.waiting = np.empty(0, dtype=np.int64)

    def take(self, n: int) -> Ints:
        """Return the next rows."""
        parts = [self.waiting]
        while sum(map(len, parts)) < n:
            parts.append(self._one_pass())
        drawn = np.concatenate(parts)
        self.waiting = drawn[n:]
        return drawn[:n]

    def _one_pass(self) -> Ints:
        """Return the order of the next pass: each row once, or rows drawn by weight."""
        n = len(self.problem.rows)
        if self.problem.shares is None:
            return self.rng.permutation(n)
        return self.rng.choice(n, size=n, p=self.problem.shares)


def _train_online(
    problem: Problem, start: Float64s, plan: Plan, watch: Watch, order: _Order
) -> Trained:
    rows, lattice = problem.rows, problem.lattice
    assert isinstance(rows, np.ndarray)
    codebook: Floats = start.astype(rows.dtype)
    n_steps = max(1, round(plan.n_epochs * len(rows)))
    block = max(1, int(BLOCK_WORK / (2 * codebook.size)))
    done = 0
    reason = ""
    try:
        while done < n_steps and not reason:
            wanted = min(block, n_steps - done)
            part = slice(done, done + wanted)
            radii = schedule(plan.radius_decay, plan.radius_start, plan.radius_end, n_steps, part)
            rates = schedule("geometric", *plan.learning_rate, n_steps, part)
            moved = codebook.copy()
            total = problem.kernels.stepwise(
                rows, order.take(wanted), rates, radii, lattice, problem.neighborhood, moved
            )
            codebook, done = moved, done + wanted
            reason = watch.note(
                Progress(
                    done,
                    n_steps,
                    float(radii[-1]),
                    total / wanted,
                    float("nan"),
                    lattice.n_units,
                    wanted,
                )
            )
    except KeyboardInterrupt:
        reason = INTERRUPTED
    final = codebook.astype(np.float64, copy=False)
    n_passes = -(-done // len(rows))
    if done == n_steps and reason != INTERRUPTED:
        reason = UPDATES_DONE
    return Trained(final, watch.history, n_passes, reason, _spread(problem), plan)


def _spread(problem: Problem) -> float:
    """Return the mean distance of the rows to their mean, or 1 if all rows are equal."""
    alone = problem.on(Lattice(1, 1))
    total = epoch_sums(alone, problem.mean[None, :]).error / problem.error_scale
    return total / problem.total_weight or 1.0
