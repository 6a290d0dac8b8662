"""The two training loops: batch, and one row at a time."""

from dataclasses import dataclass

import numpy as np

from somscape._errors import InputError
from somscape._types import Float64s, Floats
from somscape.fit._local import epoch_sums
from somscape.fit._plan import Plan
from somscape.fit._problem import Problem, finalize
from somscape.fit._schedule import schedule
from somscape.fit._watch import Progress, Watch
from somscape.grid import Lattice
from somscape.kernels import SparseRows

INTERRUPTED = "interrupted"
"""The reason of a training that Ctrl-C ended: the codebook is that of the last whole step."""

BLOCK_WORK = 5e7
"""Multiply-adds of one block of online updates: about 20 ms, so that an interrupt and the
progress bar are served at once and the blocks' overhead is not seen."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What training leaves.

    Attributes
    ----------
    codebook : ndarray of shape (n_units, n_features), float64
    history : dict of str to ndarray
        By epoch or block.
    n_iter : int
        Epochs done; for online training the number of passes, rounded up.
    stop_reason : str
        Why training ended, in words.
    """

    codebook: Float64s
    history: dict[str, Float64s]
    n_iter: int
    stop_reason: str


def train(
    problem: Problem, codebook: Float64s, plan: Plan, watch: Watch, rng: np.random.Generator
) -> Trained:
    """Train a codebook on prepared rows.

    Parameters
    ----------
    problem : Problem
    codebook : ndarray of shape (n_units, n_features), float64
        The start; not changed.  Batch training keeps it in float64, so that float32 rows give the
        map of the same rows in float64; online training updates it in the rows' type.
    plan : Plan
    watch : Watch
        Told of every epoch or block.
    rng : numpy.random.Generator
        Orders the rows for online training; batch training draws nothing.

    Returns
    -------
    Trained
    """
    loop = _train_online if plan.algorithm == "online" else _train_batch
    return loop(problem, codebook, plan, watch, rng)


def _train_batch(
    problem: Problem, codebook: Float64s, plan: Plan, watch: Watch, rng: np.random.Generator
) -> Trained:
    n_planned = int(plan.n_epochs)
    falling = schedule(plan.radius_decay, plan.radius_start, plan.radius_end, n_planned)
    radii = [*falling.tolist(), *[float(falling[-1])] * plan.extra_epochs]
    problem.pulls.tabulate(radii)
    spread = _spread(problem)
    previous, seen = None, set[int]()
    try:
        for epoch, radius in enumerate(radii):
            is_settling = epoch > 0 and radius == radii[-1] == radii[epoch - 1]
            sums = epoch_sums(problem, codebook)
            codebook, step = finalize(problem, sums, radius, codebook)
            error = sums.error / problem.error_scale / problem.total_weight
            movement = step / spread
            progress = Progress(epoch + 1, len(radii), radius, error, movement)
            if watch.note(progress):
                return Trained(codebook, watch.history, epoch + 1, "a callback asked to stop")
            is_last = epoch == len(radii) - 1
            if radius != radii[-1] or (is_last and not is_settling):
                continue
            digest = sums.digest()
            if is_settling:
                # Same sums at the same radius: the codebook can only repeat from here on.
                if previous is not None and sums.is_same(previous):
                    return Trained(codebook, watch.history, epoch + 1, "settled: no row moves")
                if digest in seen:
                    return Trained(codebook, watch.history, epoch + 1, "cycle: an epoch repeats")
                if movement <= plan.tol:
                    return Trained(codebook, watch.history, epoch + 1, "settled: within tol")
            previous = sums
            seen.add(digest)
    except KeyboardInterrupt:
        return Trained(codebook, watch.history, len(watch.entries), INTERRUPTED)
    return Trained(codebook, watch.history, len(radii), "all epochs done")


def _train_online(
    problem: Problem, start: Float64s, plan: Plan, watch: Watch, rng: np.random.Generator
) -> Trained:
    rows, lattice = problem.rows, problem.lattice
    codebook: Floats = start.astype(rows.dtype)
    if isinstance(rows, SparseRows):
        raise InputError(
            "online training takes dense rows; pass algorithm='batch' for a sparse X, or "
            "X.toarray()."
        )
    n_steps = max(1, round(plan.n_epochs * len(rows)))
    block = max(1, int(BLOCK_WORK / (2 * codebook.size)))
    order = np.empty(0, dtype=np.int64)
    done = 0
    reason = ""
    try:
        while done < n_steps:
            wanted = min(block, n_steps - done)
            lacking = max(0, wanted - len(order))
            passes = [_one_pass(problem, rng) for _ in range(-(-lacking // len(rows)))]
            order = np.concatenate([order, *passes])
            part = slice(done, done + wanted)
            radii = schedule(plan.radius_decay, plan.radius_start, plan.radius_end, n_steps, part)
            rates = schedule(plan.rate_decay, plan.rate_start, plan.rate_end, n_steps, part)
            moved = codebook.copy()
            total = problem.kernels.stepwise(
                rows,
                order[:wanted],
                rates,
                radii,
                lattice,
                problem.neighborhood,
                moved,
            )
            codebook, order, done = moved, order[wanted:], done + wanted
            if watch.note(Progress(done, n_steps, float(radii[-1]), total / wanted, float("nan"))):
                break
    except KeyboardInterrupt:
        reason = INTERRUPTED
    if not reason:
        reason = "all updates done" if done == n_steps else "a callback asked to stop"
    final = codebook.astype(np.float64, copy=False)
    return Trained(final, watch.history, -(-done // len(rows)), reason)


def _one_pass(problem: Problem, rng: np.random.Generator) -> np.ndarray:
    """Order of the next pass: each row once; weighted rows are drawn by their weight."""
    n = len(problem.rows)
    if problem.weights is None:
        return rng.permutation(n)
    return rng.choice(n, size=n, p=problem.weights / problem.total_weight)


def _spread(problem: Problem) -> float:
    """Mean distance of the rows to their mean, or 1 where all rows are equal."""
    alone = problem.on(Lattice(1, 1))
    total = epoch_sums(alone, problem.mean[None, :]).error / problem.error_scale
    return total / problem.total_weight or 1.0
