"""From prepared rows and settings to a trained map."""

import math
from collections.abc import Sequence
from dataclasses import replace
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
from somscape.fit._facts import Facts
from somscape.fit._local import chunks
from somscape.fit._plan import Plan, resolve_plan
from somscape.fit._problem import Problem, make_problem
from somscape.fit._settings import Settings
from somscape.fit._several import train_from_several
from somscape.fit._size import check_memory, lattice_for
from somscape.fit._start import Axes, mean_and_covariance, principal_axes
from somscape.fit._train import Trained, first_lattice, train
from somscape.fit._watch import INTERRUPTED, Watch
from somscape.grid import Lattice
from somscape.joins import Kept, rows_to_keep
from somscape.kernels import (
    DeviceArray,
    Metric,
    Rows,
    SparseRows,
    column_range,
    kernels_for,
    whitening_of,
)
from somscape.maps import Map


def train_map(
    rows: Rows,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    lattice: Lattice | None = None,
    axes: Axes | None = None,
) -> tuple[Map, Trained, Ints]:
    """Train a map on prepared rows.

    Ctrl-C ends training after at most a chunk of an epoch or a block of online updates, and raises
    ``TrainingInterrupted`` with the map trained so far.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features) or SparseRows, float32 or float64
        C-contiguous; at least one row.  NaN for a missing value, if the encoding keeps them.
    weights : ndarray of shape (n_samples,), float64, or None
        All above 0.  None means 1 each.
    encoding : Encoding
        Kept with the map.
    settings : Settings
    lattice : Lattice, optional
        Overrides the settings for size and shape.
    axes : Axes or None, default=None
        Main axes of like rows.  None: those of the rows.

    Returns
    -------
    map_ : Map
    trained : Trained
    units : ndarray of shape (n_samples,)
        Best matching unit of each row on the trained map.
    """
    if isinstance(rows, np.ndarray):
        rows = encoding.to_learn(rows)
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
    problem = make_problem(
        metric.trained_on(rows),
        counted,
        settings.neighborhood,
        kernels_for(rows),
        given,
        metric,
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
    if given is not None:
        given = _fitting(given, problem, plan)
        trained = train(problem, given, plan, watch, rng)
    else:
        trained = replace(train_from_several(problem, axes, plan, watch, rng), axes=axes)
    watch.end(trained.stop_reason)
    prototypes = metric.restored(trained.codebook)
    units = _winners(problem, rows, prototypes)
    hits = np.bincount(units, weights, minlength=lattice.n_units).astype(np.float64)
    if weights is not None and counted is None:
        trained = _of_weight(trained, float(weights[0]))
    map_ = Map(
        prototypes,
        lattice,
        encoding,
        hits,
        trained.history,
        _parameters(settings, trained, problem),
        {"somscape": __version__, "numpy": np.__version__},
        metric=metric,
        told=_kept(rows, counted, lattice.n_units, metric),
    )
    if trained.stop_reason == INTERRUPTED:
        raise TrainingInterrupted((map_, trained, units))
    return map_, trained, units


def _variances(axes: Axes | None) -> Float64s | None:
    return None if axes is None else axes.variances


def _kept(rows: Rows, weights: Float64s | None, n_units: int, metric: Metric) -> Kept:
    """Return the rows that tell which parts of the map lie apart."""
    some = rows_to_keep(rows.shape, n_units)
    taken = rows[some] if isinstance(rows, np.ndarray) else rows.take(some).dense()
    return Kept.of(metric.as_euclidean(taken), None if weights is None else weights[some])


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
    rows: Rows, weights: Float64s | None, settings: Settings, names: Sequence[str]
) -> Metric:
    """Return the metric that settings ask for, with what it needs from the data.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), or SparseRows
        In feature units.
    weights : ndarray of shape (n_samples,) or None
    settings : Settings
    names : sequence of str
        Names of the features.

    Returns
    -------
    Metric

    Raises
    ------
    InputError
        If feature weights do not fit the data, or the metric does not support the rows.
    """
    if settings.metric == "mahalanobis":
        if isinstance(rows, SparseRows):
            Metric("mahalanobis").check_sparse()
        low, high = column_range(rows)
        check_spread(low.astype(np.float64), high.astype(np.float64), rows.dtype, names)
        mean, covariance = mean_and_covariance(np.asarray(rows), weights)
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


def _winners(problem: Problem, rows: Rows, prototypes: Float64s) -> Ints:
    """Return the best matching unit of each row, compared as the map will compare it."""
    kernels, metric, order = problem.kernels, problem.metric, problem.lattice.walk
    rows, codebook = metric.compared(rows), np.asarray(metric.compared(prototypes))
    found = []
    for part in chunks(rows, codebook):
        if metric.is_plain and not problem.has_missing:
            units = kernels.winners(rows[part], codebook, order=order)
        else:
            units, _ = metric.search(
                kernels, rows[part], codebook, order=order, has_missing=problem.has_missing
            )
        found.append(units[:, 0])
    return np.concatenate(found)


def _of_weight(trained: Trained, weight: float) -> Trained:
    """Return the result of rows without weights for rows that all have this weight."""
    return replace(trained, sums=trained.sums and trained.sums.faded(weight))


def _given_start(init: Any, rows: Rows, metric: Metric) -> Float64s | None:
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


def _parameters(settings: Settings, trained: Trained, problem: Problem) -> dict[str, Any]:
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
