"""From prepared rows and settings to a trained map."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_values
from somscape._version import __version__
from somscape._weights import counts_of
from somscape.encode import Encoding
from somscape.fit._check import (
    check_metric,
    check_plan,
    check_problem,
    check_spread,
    feature_weights,
)
from somscape.fit._checkpoint import Identity, PastRun
from somscape.fit._facts import Facts
from somscape.fit._passes import hits_of, winners
from somscape.fit._pieces import AnyRows, RowsElsewhere, taken
from somscape.fit._plan import Plan, resolve_plan
from somscape.fit._problem import Problem, prepare
from somscape.fit._progress import AT_CHECKPOINT, INTERRUPTED
from somscape.fit._ranges import range_of
from somscape.fit._settings import Settings
from somscape.fit._several import train_from_several
from somscape.fit._size import check_memory, lattice_for
from somscape.fit._start import Axes, mean_and_covariance, principal_axes
from somscape.fit._train import Trained, first_lattice, train
from somscape.fit._watch import Watch
from somscape.grid import Lattice
from somscape.joins import Kept, rows_to_keep
from somscape.kernels import (
    DeviceArray,
    Metric,
    SparseRows,
    kernels_for,
    whitening_of,
)
from somscape.maps import Map

MAX_FETCHED = 4_000_000
"""Most values elsewhere that are fetched and train here, 16 or 32 MB: each pass elsewhere takes the
time of some messages, and small data have many passes."""
VERSIONS = {"somscape": __version__, "numpy": np.__version__}
"""What a map's bits follow from besides its rows and settings."""


def train_map(
    rows: AnyRows,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    lattice: Lattice | None = None,
    axes: Axes | None = None,
    resume: PastRun | None = None,
) -> tuple[Map, Trained, Ints]:
    """Train a map on prepared rows."""
    are_elsewhere = isinstance(rows, RowsElsewhere)
    rows = _to_learn(rows, encoding)
    watch = Watch(settings.callbacks).begin()
    rng = np.random.default_rng(settings.seed)
    if isinstance(settings.init, Map):
        lattice = lattice or settings.init.lattice
    # Equal weights that do not count rows mean nothing, and must not change a bit of the result.
    counted = None if counts_of(weights) is None else weights
    check_metric(encoding, settings.metric)
    metric = fit_metric(rows, counted, settings, encoding.feature_names)
    given = _given_start(settings.init, rows, metric)
    # The lattice may depend on the data's axes, and these come from the problem: so it is second.
    problem = prepare(
        _trained_on(metric, rows),
        counted,
        neighborhood=settings.neighborhood,
        kernels=kernels_for(rows),
        reach=given,
        metric=metric,
    )
    check_problem(problem, settings, encoding.feature_names)
    axes = axes or (principal_axes(problem) if _needs_axes(settings, lattice) else None)
    total_weight = float(len(rows)) if weights is None else math.fsum(weights)
    if lattice is None:
        lattice = lattice_for(settings, len(rows), total_weight, _variances(axes))
    problem = problem.on(lattice)
    plan = resolve_plan(settings, Facts.of(problem, total_weight))
    check_plan(plan, settings)
    check_memory(lattice, rows.shape[1], has_tables=plan.algorithm != "online")
    if watch.keeps or resume is not None:
        watch.identity = Identity.of(settings, rows, weights)
    if resume is not None:
        watch.go_on_from(resume)
    as_map = partial(_as_map, partial(_parameters, settings, problem), encoding, metric)
    watch.as_map = lambda: as_map(watch.lattice, *_as_it_is(problem, watch))
    if given is not None:
        given = _fitting(given, problem, plan)
        trained = train(problem, given, plan, watch, rng)
    else:
        trained = replace(train_from_several(problem, axes, plan, watch, rng), axes=axes)
    if watch.repeats:  # Ctrl-C while earlier steps were done again, which give no codebook
        raise KeyboardInterrupt
    seen = replace(problem, rows=_compared(metric, rows))
    codebook = np.asarray(metric.compared(metric.restored(trained.codebook)))
    units, hits = _won(seen, codebook, weights, not are_elsewhere)
    if weights is not None and counted is None:
        trained = _of_weight(trained, float(weights[0]))
    map_ = as_map(lattice, trained, hits, _kept(rows, counted, lattice.n_units, metric))
    watch.as_map = lambda: map_
    watch.end(trained.stop_reason)
    if trained.stop_reason == INTERRUPTED:
        raise TrainingInterrupted((map_, trained, units))
    return map_, trained, units


def _as_map(
    parameters: Callable[[Trained], dict[str, Any]],
    encoding: Encoding,
    metric: Metric,
    lattice: Lattice,
    trained: Trained,
    hits: Float64s,
    told: Kept | None = None,
) -> Map:
    return Map(
        metric.restored(trained.codebook),
        lattice,
        encoding,
        hits,
        trained.history,
        parameters(trained),
        VERSIONS,
        metric=metric,
        told=told,
    )


def _as_it_is(problem: Problem, watch: Watch) -> tuple[Trained, Float64s]:
    """Return what a run has reached, and the hits of its last epoch, if it had one."""
    trained = Trained.of(problem.on(watch.lattice), watch, AT_CHECKPOINT)
    none = np.zeros(len(trained.codebook))
    return trained, none if trained.sums is None else trained.sums.counts


def _variances(axes: Axes | None) -> Float64s | None:
    return None if axes is None else axes.variances


def _to_learn(rows: AnyRows, encoding: Encoding) -> AnyRows:
    """Return rows to learn from, of which few are fetched from elsewhere."""
    if isinstance(rows, RowsElsewhere):
        if encoding.has_slips:
            rows = rows.mapped(encoding.to_learn)
        return rows if rows.size > MAX_FETCHED else taken(rows, np.arange(len(rows)))
    return encoding.to_learn(rows) if isinstance(rows, np.ndarray) else rows


def _won(
    problem: Problem, codebook: Float64s, weights: Float64s | None, has_units: bool
) -> tuple[Ints, Float64s]:
    """Return the unit of each row, or none where nobody collects them, and the hits of units."""
    if not has_units:
        return np.empty(0, dtype=np.int64), hits_of(problem, codebook).astype(np.float64)
    units = winners(problem, codebook)
    hits = np.bincount(units, weights, minlength=len(codebook))
    return units, hits.astype(np.float64)


def _trained_on(metric: Metric, rows: AnyRows) -> AnyRows:
    """Return rows in the form in which they train; those elsewhere take it where they are."""
    if not isinstance(rows, RowsElsewhere):
        return metric.trained_on(rows)
    return rows if metric.is_plain else rows.mapped(metric.trained_on)


def _compared(metric: Metric, rows: AnyRows) -> AnyRows:
    """Return rows in the form in which they are compared with prototypes."""
    if not isinstance(rows, RowsElsewhere):
        return metric.compared(rows)
    return rows if metric.is_plain else rows.mapped(metric.compared)


def _kept(rows: AnyRows, weights: Float64s | None, n_units: int, metric: Metric) -> Kept:
    """Return the rows that tell which parts of the map lie apart."""
    numbers = rows_to_keep(rows.shape, n_units)
    some = taken(rows, numbers)
    dense = some.dense() if isinstance(some, SparseRows) else some
    return Kept.of(metric.as_euclidean(dense), None if weights is None else weights[numbers])


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training.

    Parameters
    ----------
    result : tuple
        What `train_map` returns, as of the last completed epoch or block of updates.
    """

    def __init__(self, result: tuple[Map, Trained, Ints]) -> None:
        super().__init__("training was interrupted")
        self.result = result


def fit_metric(
    rows: AnyRows, weights: Float64s | None, settings: Settings, names: Sequence[str]
) -> Metric:
    """Return the metric that settings ask for, with what it needs from the data."""
    if settings.metric == "mahalanobis":
        if isinstance(rows, SparseRows):
            Metric("mahalanobis").check_sparse()  # which refuses them
        low, high, _ = range_of(rows)
        check_spread(low, high, rows.dtype, names)
        mean, covariance = mean_and_covariance(rows, weights)
        return Metric("mahalanobis", None, whitening_of(covariance), mean)
    metric = Metric(settings.metric, feature_weights(settings.feature_weight, rows))
    if isinstance(rows, SparseRows):
        metric.check_sparse()
    return metric


def _needs_axes(settings: Settings, lattice: Lattice | None) -> bool:
    """Return whether size or start depends on the data's main axes."""
    is_sized = lattice is not None or isinstance(settings.lattice, Lattice)
    is_auto = not is_sized and "auto" in (settings.n_rows, settings.n_cols)
    return is_auto or settings.start == "pca"


def _of_weight(trained: Trained, weight: float) -> Trained:
    """Return the result of rows without weights for rows that all have this weight."""
    return replace(trained, sums=trained.sums and trained.sums.faded(weight))


def _given_start(init: Any, rows: AnyRows, metric: Metric) -> Float64s | None:
    """Return the given start as the kernels compare it, or None if there is none."""
    if isinstance(init, str):
        return None
    values = init.codebook if isinstance(init, Map) else init
    try:
        codebook: Float64s = np.array(values, dtype=np.float64, order="C")
    except (ValueError, TypeError) as error:
        raise ValueError(f"`init` must hold numbers; {error}.") from error
    if codebook.ndim != 2 or codebook.shape[1] != rows.shape[1]:
        raise ValueError(
            f"`init` must have shape (n_units, {rows.shape[1]}), one column per feature; got "
            f"{codebook.shape}."
        )
    names = [str(i) for i in range(rows.shape[1])]
    check_values(codebook, names, what="init", dtype=rows.dtype)
    return np.asarray(metric.compared(codebook))


def _fitting(codebook: Float64s, problem: Problem, plan: Plan) -> Float64s:
    lattice = first_lattice(problem.lattice, plan)
    if len(codebook) != lattice.n_units:
        raise ValueError(
            f"`init` must have one row per unit, {lattice.n_units} for {lattice.n_rows} x "
            f"{lattice.n_cols}; got {len(codebook)}. Pass an `n_rows` and `n_cols` that fit."
        )
    return codebook


def _parameters(settings: Settings, problem: Problem, trained: Trained) -> dict[str, Any]:
    """Return what a map keeps about its training, as JSON data."""
    plan, radii = trained.plan, trained.history["radius"]
    decay = plan.radius_decay
    shown = {
        "algorithm": plan.algorithm,
        "init": plan.init,
        "n_init": plan.n_init,
        "neighborhood": settings.neighborhood,
        "metric": settings.metric,
        "n_epochs": plan.n_epochs,
        "radius_start": plan.radius_start,
        "radius_end": plan.radius_end,
        "radius_last": float(radii[-1]) if len(radii) else plan.radius_start,
        "radius_decay": decay if isinstance(decay, str) else decay.tolist(),
        "n_iter": trained.n_iter,
        "stop_reason": trained.stop_reason,
        "spread": trained.spread,
        "seed": settings.seed,
    }
    if plan.algorithm == "online":
        shown["learning_rate"] = list(plan.learning_rate)
    if isinstance(problem.rows, DeviceArray):  # all other kernels give the same map
        shown["kernels"] = problem.kernels.name
    return shown
