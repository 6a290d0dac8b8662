"""Run the epochs of a training, go on with a map, and move units to other rows."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.fit._plan import Plan, last_radius
from somscape.fit._start import Axes, placed, shrunk, start_codebook
from somscape.fit.pieces import power_of_two, taken
from somscape.fit.problem import EpochSums, Pairs, Problem, epoch_sums, pairs_of_all, prepare, step
from somscape.fit.settings import (
    EPOCHS_DONE,
    INTERRUPTED,
    NO_ROW_MOVES,
    NONE_BETTER,
    REPEATS,
    ROUNDS_DONE,
    STOPPED_BY_CALLBACK,
    UPDATES_DONE,
    WITHIN_TOL,
    Callback,
    Progress,
    schedule,
    was_cut,
)
from somscape.grid._neighborhood import NeighborhoodTables
from somscape.grid.lattice import Lattice
from somscape.kernels._kernels import OnlineSteps
from somscape.kernels._select import Kernels, select_kernels
from somscape.kernels._sparse import Rows, SparseRows
from somscape.maps.map import Map


class StepState(NamedTuple):
    """State of a training run after one epoch or block.

    Attributes
    ----------
    codebook : ndarray of shape (n_units, n_features)
        Prototypes after the transformation by the metric.  In online training, prototypes have the
        data type of the rows.
    sums : EpochSums or None
        Sums from which the codebook was computed.  None for an initial codebook and in online
        training.
    """

    codebook: Floats
    sums: EpochSums | None = None


Work: TypeAlias = Callable[[StepState], tuple[StepState, Progress]]
"""Function that performs one epoch or block of training.  It receives the state of the training,
and returns the next state and a report."""


@dataclass
class RunningTraining:
    """A training run in progress.

    Attributes
    ----------
    callbacks : sequence of callable
        Functions that receive each report.
    entries : list of Progress
        Reports of the current start.
    best : StepState or None
        State with the lowest error of all starts and rounds of moving units.  None before the end
        of the first start.
    """

    callbacks: Sequence[Callback] = ()
    entries: list[Progress] = field(default_factory=list)
    best: StepState | None = None
    state: StepState = field(init=False)
    lattice: Lattice = field(init=False)
    plan: Plan = field(init=False)
    spread: float = field(init=False)

    def begin(self) -> "RunningTraining":
        """Call the method `begin` of the callbacks, and return this object."""
        for begin in self._methods("begin"):
            begin()
        return self

    def end(self, reason: str) -> None:
        """Call the method `end` of the callbacks with the reason for the end."""
        for end in self._methods("end"):
            end(reason)

    def _methods(self, name: str) -> list[Callable[..., Any]]:
        found = (getattr(callback, name, None) for callback in self.callbacks)
        return [method for method in found if callable(method)]

    def start(self, codebook: Floats, lattice: Lattice, plan: Plan, spread: float) -> None:
        """Start training from a codebook, without earlier reports."""
        self.entries = []
        self.state, self.lattice = StepState(codebook), lattice
        self.plan, self.spread = plan, spread

    def place(self, lattice: Lattice) -> None:
        """Continue training on another lattice, with an interpolated codebook."""
        before = self.state.codebook
        if lattice is not self.lattice:
            before = placed(before.astype(np.float64, copy=False), self.lattice, lattice)
        self.state, self.lattice = self.state._replace(codebook=before), lattice

    def step(self, work: Work) -> str:
        """Perform an epoch or block.  Return the reason to stop, or ""."""
        self.state, progress = work(self.state)
        self.entries.append(progress)
        # All callbacks are called, even if the first callback stops training.
        reasons = [_reason(callback(progress)) for callback in self.callbacks]
        return next(filter(None, reasons), "")

    @property
    def history(self) -> dict[str, Float64s]:
        """Arrays with one value from each report, such as the array of all radii."""
        shape = (len(self.entries), len(Progress._fields))
        columns = np.array(self.entries, dtype=np.float64).reshape(shape)
        history = dict(zip(Progress._fields, np.ascontiguousarray(columns.T), strict=True))
        del history["n_steps"]
        return history


def _reason(answer: object) -> str:
    """Return the reason for stopping from the answer of a callback, or "" to continue."""
    if isinstance(answer, str):
        return " ".join(answer.split())
    return STOPPED_BY_CALLBACK if isinstance(answer, bool | np.bool_) and bool(answer) else ""


TOTAL_BITS = 60
"""Number of bits of the largest sum over all units, after scaling to integers."""

MAX_HISTORY = 10_000
"""Maximum number of history entries of an updated map."""


@dataclass(frozen=True, eq=False)
class RunningSums:
    """For each unit, the sum of its rows, with smaller weights for rows of earlier updates.

    Attributes
    ----------
    counts : ndarray of shape (n_units,)
        Total weight of the rows of each unit.
    totals : ndarray of shape (n_units, n_features)
        For each unit, the weighted sum of its rows minus `center`.
    center : ndarray of shape (n_features,)
    seen : ndarray of shape (n_units, n_features) or None
        For each unit and feature, the total weight of rows that have a value.  None if no values
        are missing.
    """

    counts: Float64s
    totals: Float64s
    center: Float64s
    seen: Float64s | None = None

    @classmethod
    def of(cls, problem: Problem, sums: EpochSums, center: Float64s | None = None) -> "RunningSums":
        """Convert the integer sums of an epoch to numbers."""
        counts = sums.counts / problem.weight_scale
        totals = sums.totals / problem.scale
        seen = None if sums.seen is None else sums.seen / problem.seen_scale
        if center is None:
            return cls(counts, totals, problem.center, seen)
        weight = counts[:, None] if seen is None else seen
        return cls(counts, totals + weight * (problem.center - center), center, seen)

    @classmethod
    def at(cls, map_: Map) -> "RunningSums":
        """Estimate the sums of the training rows from the hits and prototypes of a map."""
        codebook = np.asarray(map_.metric.compared(map_.codebook))
        center = codebook.mean(axis=0)
        return cls(map_.hits, map_.hits[:, None] * (codebook - center), center)

    def faded(self, share: float) -> "RunningSums":
        """Return the sums multiplied by `share`."""
        seen = None if self.seen is None else share * self.seen
        return RunningSums(share * self.counts, share * self.totals, self.center, seen)

    def plus(self, other: "RunningSums") -> "RunningSums":
        """Return the sums over the rows of both objects, which must have the same center."""
        seen = None
        if self.seen is not None or other.seen is not None:
            seen = self.weight_by_feature() + other.weight_by_feature()
        counts, totals = self.counts + other.counts, self.totals + other.totals
        return RunningSums(counts, totals, self.center, seen)

    def weight_by_feature(self) -> Float64s:
        """For each unit and feature, return the total weight of rows that have a value."""
        if self.seen is not None:
            return self.seen
        return np.broadcast_to(self.counts[:, None], self.totals.shape)

    def means(self, kernels: Kernels, tables: NeighborhoodTables, codebook: Float64s) -> Float64s:
        """Return the next codebook, which contains the mean of the rows near each unit."""
        whole, scale = _whole(self.totals)
        column, count_scales = _whole(self.counts[:, None])
        counts, count_scale = column[:, 0].copy(), float(count_scales[0])
        fixed = scale, count_scale, self.center
        updated, _ = kernels.smooth(whole, counts, *fixed, tables, codebook)
        if self.seen is None:
            return updated
        seen, seen_scale = _whole(self.seen)
        fixed = seen_scale, count_scale, np.zeros(len(self.center))
        share, _ = kernels.smooth(seen, counts, *fixed, tables, np.ones(codebook.shape))
        means = self.center + (updated - self.center) / np.where(share > 0, share, 1.0)
        return np.where(share > 0, means, codebook)


def _whole(values: Float64s) -> tuple[np.ndarray, Float64s]:
    """Scale each column to integers with a sum below 2^60, and return integers and scales."""
    scale = power_of_two(TOTAL_BITS, np.abs(values).sum(axis=0))
    return np.rint(values * scale).astype(np.int64), scale


@dataclass(frozen=True, eq=False)
class Step:
    """Result of updating a map with more rows.

    Attributes
    ----------
    map_ : Map
    sums : RunningSums
        Sums of the rows of all updates so far.
    units : ndarray of shape (n_samples,)
        For each new row, its best matching unit on the map before the update.
    share : float
        Factor by which the update reduced the weights of earlier rows.
    """

    map_: Map
    sums: RunningSums
    units: Ints
    share: float


def go_on(
    map_: Map,
    rows: Rows,
    weights: Float64s | None,
    sums: RunningSums | None,
    half_life: float | None,
) -> Step:
    """Update a map with new rows, using the last radius of its training."""
    metric, kernels, parameters = map_.metric, select_kernels(), map_.parameters
    units = map_._winners_of_rows(rows)
    before = RunningSums.at(map_) if sums is None else sums
    is_used = units >= 0 if weights is None else (units >= 0) & (weights > 0)
    if not is_used.all():
        kept = np.flatnonzero(is_used)
        rows = rows.take(kept) if isinstance(rows, SparseRows) else rows[kept]
        weights = None if weights is None else weights[kept]
    if not len(rows):
        return Step(map_, before, units, 1.0)
    codebook = np.asarray(metric.compared(map_.codebook))
    learned, neighborhood = metric.trained_on(rows), parameters.get("neighborhood", "gaussian")
    problem = prepare(learned, weights, neighborhood=neighborhood, reach=codebook, metric=metric)
    problem = problem.on(map_.lattice)
    share = 1.0 if half_life is None else 0.5 ** (problem.total_weight / half_life)
    batch = epoch_sums(problem, codebook)
    now = before.faded(share).plus(RunningSums.of(problem, batch, before.center))
    radius = last_radius(map_)
    updated = now.means(kernels, problem.pulls.tables(radius), codebook)
    moved = float(np.sqrt(((updated - codebook) ** 2).sum(axis=1)).max())
    error = batch.error / problem.error_scale / problem.total_weight
    steps = map_.history.get("step", np.zeros(1))
    entry = {
        "step": float(steps[-1]) + 1.0,
        "radius": radius,
        "quantization_error": error,
        "movement": moved / parameters.get("spread", 1.0),
        "n_units": float(map_.n_units),
        "n_samples": float(len(problem.rows)),
    }
    history = {
        n: np.append(map_.history.get(n, []), value)[-MAX_HISTORY:] for n, value in entry.items()
    }
    hits = share * map_.hits + np.bincount(
        units[is_used], None if weights is None else weights, minlength=map_.n_units
    )
    restored = metric.restored(updated)
    gone_on = replace(map_, codebook=restored, hits=hits, history=history, told=None)
    return Step(gone_on, now, units, share)


BLOCK_WORK = 5e7
"""Number of multiply-adds in a block of online updates (about 20 ms).  Interrupts and callbacks
take effect after each block."""


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of training.

    Attributes
    ----------
    codebook : ndarray of shape (n_units, n_features), float64
        Prototypes in the form for comparison.
    history : dict of str to ndarray
        Arrays with one value for each epoch or block, such as ``radius``.
    n_iter : int
        Number of epochs, or of passes in online training (rounded up).
    stop_reason : str
        Reason for the end of training.
    spread : float
        Mean distance from the rows to their mean.  Movements are divided by this distance.
    plan : Plan
        Plan of the training.  With several starts, plan of the best start.
    sums : RunningSums or None
        Sums from the last pass over all rows, for later updates of the map.  None without such a
        pass.
    axes : Axes or None
        Main axes of the rows.  None if the axes were not needed.
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
    def of(cls, problem: Problem, watch: RunningTraining, reason: str) -> "Trained":
        """Return the current result of a run."""
        plan, steps = watch.plan, watch.entries
        n_done = len(steps)
        if plan.algorithm == "online":
            n_done = -(-steps[-1].step // len(problem.rows)) if steps else 0
        codebook: Float64s = watch.state.codebook.astype(np.float64, copy=False)
        done = cls(codebook, watch.history, n_done, reason, watch.spread, plan)
        return done.at(watch.state, problem)

    def at(self, state: StepState, problem: Problem) -> "Trained":
        """Return a copy of the result with the codebook and sums of another state."""
        codebook = state.codebook.astype(np.float64, copy=False)
        sums = None
        if state.sums is not None and len(state.sums.counts) == problem.lattice.n_units:
            sums = RunningSums.of(problem, state.sums)
        return replace(self, codebook=codebook, sums=sums)


def first_lattice(lattice: Lattice, plan: Plan) -> Lattice:
    """Return the lattice on which training starts."""
    return shrunk(lattice, plan.coarse[0].shrink) if plan.coarse else lattice


def train(
    problem: Problem,
    codebook: Float64s,
    plan: Plan,
    watch: RunningTraining,
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
    problem: Problem, watch: RunningTraining, n_planned: int, radius: float, shrink: int = 1
) -> str:
    """Train for one batch epoch.  Return the reason to stop, or ""."""

    def epoch(state: StepState) -> tuple[StepState, Progress]:
        sums = epoch_sums(problem, state.codebook)
        before = state.codebook.astype(np.float64, copy=False)
        codebook, moved = step(problem, sums, radius=radius / shrink, codebook=before)
        error = sums.error / problem.error_scale / problem.total_weight
        place = (len(watch.entries) + 1, n_planned, radius)
        sizes = (len(codebook), len(problem.rows))
        return StepState(codebook, sums), Progress(*place, error, moved / watch.spread, *sizes)

    return watch.step(epoch)


def _train_batch(
    problem: Problem, plan: Plan, watch: RunningTraining, rng: np.random.Generator
) -> str:
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
        narrowing = schedule("geometric", stage.radius_start, stage.radius_end, stage.n_epochs)
        for radius in narrowing.tolist():
            reason = run_epoch(part, watch, n_planned, radius, stage.shrink)
            if reason:
                return reason
    watch.place(problem.lattice)
    return _settle(problem, watch, n_planned, radii)


def _settle(
    problem: Problem, watch: RunningTraining, n_planned: int, radii: Sequence[float]
) -> str:
    """Train the full map for one epoch per radius.  At the last radius, stop if nothing changes."""
    previous, seen = b"", set[bytes]()
    for epoch, radius in enumerate(radii):
        is_settling = epoch > 0 and radius == radii[-1] == radii[epoch - 1]
        reason = run_epoch(problem, watch, n_planned, radius)
        if reason:
            return reason
        is_last = epoch == len(radii) - 1
        if radius != radii[-1] or (is_last and not is_settling):
            continue
        assert watch.state.sums is not None
        digest = watch.state.sums.digest()
        if is_settling:
            # With the same sums at the same radius, the codebook can only repeat from here on.
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
    """Return a copy of the problem with a random sample of `n` of its rows."""
    if n is None or n >= len(problem.rows):
        return problem
    chosen = np.sort(rng.choice(len(problem.rows), size=n, replace=False))
    weights = None if problem.weights is None else problem.weights[chosen]
    return problem.of(taken(problem.rows, chosen), weights)


class _Order:
    """Order of the rows in online training."""

    def __init__(self, problem: Problem, rng: np.random.Generator) -> None:
        self.problem, self.rng = problem, rng
        self.waiting = np.empty(0, dtype=np.int64)

    def take(self, n: int) -> Ints:
        """Return the row numbers that the next `n` updates use."""
        parts = [self.waiting]
        while sum(map(len, parts)) < n:
            parts.append(self._one_pass())
        drawn = np.concatenate(parts)
        self.waiting = drawn[n:]
        return drawn[:n]

    def _one_pass(self) -> Ints:
        """Return row numbers for one pass, drawn by weight, or shuffled if weights are equal."""
        n = len(self.problem.rows)
        if self.problem.shares is None:
            return self.rng.permutation(n)
        return self.rng.choice(n, size=n, p=self.problem.shares)


def _train_online(
    problem: Problem, plan: Plan, watch: RunningTraining, rng: np.random.Generator
) -> str:
    order = _Order(problem, rng)
    watch.state = StepState(watch.state.codebook.astype(problem.rows.dtype))
    n_steps = max(1, round(plan.n_epochs * len(problem.rows)))
    block = max(1, int(BLOCK_WORK / (2 * watch.state.codebook.size)))
    for part in blocks(n_steps, block):
        drawn = order.take(part.stop - part.start)
        reason = watch.step(partial(_update_block, problem, plan, n_steps, part, drawn))
        if reason and part.stop < n_steps:
            return reason
    return UPDATES_DONE


def _update_block(
    problem: Problem, plan: Plan, n_steps: int, part: slice, drawn: Ints, state: StepState
) -> tuple[StepState, Progress]:
    """Perform a block of online updates."""
    radii = schedule(plan.radius_decay, plan.radius_start, plan.radius_end, n_steps, part)
    rates = schedule("geometric", *plan.learning_rate, n_steps, part)
    moved, lattice, rows = state.codebook.copy(), problem.lattice, problem.rows
    assert isinstance(rows, np.ndarray)
    steps, neighborhood = OnlineSteps(drawn, rates, radii), problem.neighborhood
    total = problem.kernels.stepwise(rows, steps, lattice, neighborhood, moved)
    place, error = (part.stop, n_steps, float(radii[-1])), total / len(drawn)
    return StepState(moved), Progress(*place, error, math.nan, lattice.n_units, len(drawn))


def _spread(problem: Problem) -> float:
    """Return the mean distance from the rows to their mean, or 1 if all rows are equal."""
    alone = problem.on(Lattice(1, 1))
    total = epoch_sums(alone, problem.mean[None, :]).error / problem.error_scale
    return total / problem.total_weight or 1.0


PASSES = 5
"""Maximum number of training passes after each round of moves."""


def with_units_moved(problem: Problem, trained: Trained, watch: RunningTraining) -> Trained:
    """Return an improved map. Each round moves units to rows that are far from all units."""
    plan = trained.plan
    if not plan.move_rounds or problem.lattice.n_units == 1 or was_cut(trained.stop_reason):
        return trained
    assert watch.best is not None
    best = watch.state = watch.best
    n_planned = len(watch.entries) + plan.move_rounds * PASSES
    reason, n_rounds, least = "", 0, math.inf
    try:
        while not reason:
            error, moved = moved_units(problem, watch.state.codebook)
            is_better = error < least
            if is_better:
                best, least = watch.state, error
            if moved is None or not is_better:
                reason = NONE_BETTER
            elif n_rounds == plan.move_rounds:
                reason = ROUNDS_DONE
            else:
                watch.state, n_rounds = watch.state._replace(codebook=moved), n_rounds + 1
                reason = _run_passes(problem, watch, plan, n_planned)
    except KeyboardInterrupt:
        reason = INTERRUPTED
    return replace(Trained.of(problem, watch, reason), plan=plan).at(best, problem)


def _run_passes(problem: Problem, watch: RunningTraining, plan: Plan, n_planned: int) -> str:
    """Train for at most `PASSES` epochs.  Return the reason if training must stop, or ""."""
    for _ in range(PASSES):
        reason = run_epoch(problem, watch, n_planned, plan.radius_end)
        if reason or watch.entries[-1].movement <= plan.tol:
            return reason
    return ""


def moved_units(problem: Problem, codebook: Floats) -> tuple[float, Float64s | None]:
    """Return the total distance of rows to their units, and a codebook with moved units or None."""
    exact: Float64s = codebook.astype(np.float64, copy=False)
    pairs = pairs_of_all(problem, exact)
    moved, n_moved = moved_by(problem, pairs, exact)
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
        watch.best = watch.state
        return with_units_moved(problem, best, watch)

    found: Trained | None = None
    least, entries = math.inf, watch.entries
    for codebook, radius_start in starts:
        trained = train(problem, codebook, replace(plan, radius_start=radius_start), watch, rng)
        badness = _badness(problem, watch.state.codebook, plan.radius_end)
        is_better = found is None or badness < least * (1 - BETTER)
        if is_better:
            found, least, entries = trained, badness, watch.entries
        if was_cut(trained.stop_reason):
            break
        if is_better:
            watch.best = watch.state
    watch.entries = entries
    assert found is not None
    if found is trained and was_cut(trained.stop_reason):
        return trained
    assert watch.best is not None
    found = found.at(watch.best, problem)
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


def _badness(problem: Problem, codebook: Floats, radius: float) -> float:
    """Return an error that combines quantization error and topographic error."""
    pairs = pairs_of_all(problem, codebook.astype(np.float64, copy=False))
    qe = pairs.error / problem.error_scale / problem.total_weight
    te = pairs.apart / problem.weight_scale / problem.total_weight
    return qe * (1 + te * min(1.0, radius / problem.lattice.step))
