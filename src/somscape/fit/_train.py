"""The training loops: batch, with stages of growing maps, and online, one row at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Ints
from somscape.fit._epoch import step
from somscape.fit._journal import State
from somscape.fit._passes import epoch_sums
from somscape.fit._pieces import taken
from somscape.fit._place import shrunk
from somscape.fit._plan import Plan
from somscape.fit._problem import Problem
from somscape.fit._progress import (
    EPOCHS_DONE,
    INTERRUPTED,
    NO_ROW_MOVES,
    REPEATS,
    UPDATES_DONE,
    WITHIN_TOL,
    Progress,
)
from somscape.fit._schedule import schedule
from somscape.fit._start import Axes
from somscape.fit._stream import RunningSums
from somscape.fit._watch import Watch
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

    @classmethod
    def of(cls, problem: Problem, watch: Watch, reason: str) -> "Trained":
        """Return the result of a run as it is now."""
        plan, steps = watch.plan, watch.entries
        n_done = len(steps)
        if plan.algorithm == "online":
            n_done = -(-steps[-1].step // len(problem.rows)) if steps else 0
        codebook: Float64s = watch.state.codebook.astype(np.float64, copy=False)
        done = cls(codebook, watch.history, n_done, reason, watch.spread, plan)
        return done.at(watch.state, problem)

    def at(self, state: State, problem: Problem) -> "Trained":
        """Return the result with another state of its run."""
        codebook = state.codebook.astype(np.float64, copy=False)
        sums = None
        if state.sums is not None and len(state.sums.counts) == problem.lattice.n_units:
            sums = RunningSums.of(problem, state.sums)
        return replace(self, codebook=codebook, sums=sums)


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
    """Train a codebook on prepared rows."""
    watch.start(codebook, first_lattice(problem.lattice, plan), plan, _spread(problem))
    go_through = _train_online if plan.algorithm == "online" else _train_batch
    try:
        reason = go_through(problem, plan, watch, rng)
    except KeyboardInterrupt:
        reason = INTERRUPTED
    watch.place(problem.lattice)
    return Trained.of(problem, watch, reason)


def run_epoch(
    problem: Problem, watch: Watch, n_planned: int, radius: float, shrink: int = 1
) -> str:
    """Do one batch epoch; return why to stop, or ""."""

    def epoch(state: State) -> tuple[State, Progress]:
        sums = epoch_sums(problem, state.codebook)
        before = state.codebook.astype(np.float64, copy=False)
        codebook, moved = step(problem, sums, radius=radius / shrink, codebook=before)
        progress = Progress(
            len(watch.entries) + 1,
            n_planned,
            radius,
            sums.error / problem.error_scale / problem.total_weight,
            moved / watch.spread,
            len(codebook),
            len(problem.rows),
        )
        return State(codebook, sums), progress

    return watch.step(epoch)


def _train_batch(problem: Problem, plan: Plan, watch: Watch, rng: np.random.Generator) -> str:
    start = plan.whole_radius_start
    falling = schedule(plan.radius_decay, start, plan.radius_end, int(plan.n_epochs))
    radii = [*falling.tolist(), *[float(falling[-1])] * plan.extra_epochs]
    n_planned = len(radii) + sum(stage.n_epochs for stage in plan.coarse)
    problem.pulls.tabulate(radii)
    for stage in plan.coarse:
        here = shrunk(problem.lattice, stage.shrink)
        watch.place(here)
        limit = None if stage.rows_per_unit is None else stage.rows_per_unit * here.n_units
        part = _sample(problem.on(here), limit, rng)
        for radius in schedule(
            "geometric", stage.radius_start, stage.radius_end, stage.n_epochs
        ).tolist():
            reason = run_epoch(part, watch, n_planned, radius, stage.shrink)
            if reason:
                return reason
    watch.place(problem.lattice)
    return _settle(problem, watch, n_planned, radii)


def _settle(problem: Problem, watch: Watch, n_planned: int, radii: Sequence[float]) -> str:
    """Do the epochs on the full map; at the last radius, stop once nothing changes."""
    previous, seen = b"", set[bytes]()
    for epoch, radius in enumerate(radii):
        is_settling = epoch > 0 and radius == radii[-1] == radii[epoch - 1]
        reason = run_epoch(problem, watch, n_planned, radius)
        if reason:
            return reason
        is_last = epoch == len(radii) - 1
        if radius != radii[-1] or (is_last and not is_settling):
            continue
        digest = watch.digest()
        if is_settling:
            # Same sums at the same radius: the codebook can only repeat from here on.
            if digest == previous:
                return NO_ROW_MOVES
            if digest in seen:
                return REPEATS
            if watch.entries[-1].movement <= watch.plan.tol:
                return WITHIN_TOL
        previous = digest
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


def _train_online(problem: Problem, plan: Plan, watch: Watch, rng: np.random.Generator) -> str:
    order = _Order(problem, rng)
    watch.state = State(watch.state.codebook.astype(problem.rows.dtype))
    n_steps = max(1, round(plan.n_epochs * len(problem.rows)))
    block = max(1, int(BLOCK_WORK / (2 * watch.state.codebook.size)))
    for part in blocks(n_steps, block):
        drawn = order.take(part.stop - part.start)
        reason = watch.step(partial(_updated, problem, plan, n_steps, part, drawn))
        if reason and part.stop < n_steps:
            return reason
    return UPDATES_DONE


def _updated(
    problem: Problem, plan: Plan, n_steps: int, part: slice, drawn: Ints, state: State
) -> tuple[State, Progress]:
    """Do a block of online updates."""
    radii = schedule(plan.radius_decay, plan.radius_start, plan.radius_end, n_steps, part)
    rates = schedule("geometric", *plan.learning_rate, n_steps, part)
    moved, lattice, rows = state.codebook.copy(), problem.lattice, problem.rows
    assert isinstance(rows, np.ndarray)
    total = problem.kernels.stepwise(
        rows, drawn, rates, radii, lattice, problem.neighborhood, moved
    )
    progress = Progress(
        part.stop,
        n_steps,
        float(radii[-1]),
        total / len(drawn),
        float("nan"),
        lattice.n_units,
        len(drawn),
    )
    return State(moved), progress


def _spread(problem: Problem) -> float:
    """Return the mean distance of the rows to their mean, or 1 if all rows are equal."""
    alone = problem.on(Lattice(1, 1))
    total = epoch_sums(alone, problem.mean[None, :]).error / problem.error_scale
    return total / problem.total_weight or 1.0
