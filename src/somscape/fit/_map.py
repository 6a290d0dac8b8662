"""From prepared rows and settings to a trained map."""

import math
import warnings
from typing import Any

import numpy as np

from somscape._errors import InputError, SomscapeWarning
from somscape._types import Float64s, Ints
from somscape._validate import check_values
from somscape._version import __version__
from somscape.encode import Encoding
from somscape.fit._local import chunks
from somscape.fit._plan import Plan, auto_shape, resolve_plan
from somscape.fit._problem import Problem, make_problem
from somscape.fit._settings import Settings, decay_of
from somscape.fit._start import mean_and_covariance, principal_axes, start_codebook
from somscape.fit._train import INTERRUPTED, Trained, first_lattice, train
from somscape.fit._watch import Watch
from somscape.grid import Graph, Lattice
from somscape.kernels import Metric, Rows, SparseRows, select_kernels, whitening_of
from somscape.maps import Map

MOST_UNITS = 1_000_000


def train_map(
    rows: Rows,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    lattice: Lattice | None = None,
) -> tuple[Map, Trained, Ints]:
    """Train a map on prepared rows.

    Ctrl-C ends training after at most a chunk of an epoch, or a block of online updates, and raises
    ``TrainingInterrupted`` with what there is.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features) or SparseRows, float32 or float64
        Finite and C-contiguous, at least one.
    weights : ndarray of shape (n_samples,), float64, or None
        All above 0; None means 1 each.
    encoding : Encoding
        Kept with the map.
    settings : Settings
    lattice : Lattice, optional
        Takes the place of the settings for size and shape.

    Returns
    -------
    map_ : Map
    trained : Trained
    units : ndarray of shape (n_samples,)
        Best unit of each row on the trained map.
    """
    rng = np.random.default_rng(settings.seed)
    kernels = select_kernels()
    given = None if isinstance(settings.init, str) else _given_start(settings.init, rows)
    has_missing = _has_missing(rows, encoding, settings.metric)
    metric = fit_metric(rows, weights, settings)
    rows = metric.trained_on(rows)
    if given is not None:
        given = np.asarray(metric.compared(given))
    # The lattice may depend on the data's axes, which the problem gives: it comes second.
    problem = make_problem(
        rows,
        weights,
        Lattice(1, 1),
        settings.neighborhood,
        kernels,
        given,
        metric=metric,
        winner=settings.winner,
        has_missing=has_missing,
    )
    is_sized = isinstance(settings.lattice, Graph) or "auto" not in (
        settings.n_rows,
        settings.n_cols,
    )
    needs_axes = not is_sized or (given is None and settings.init == "pca")
    axes = principal_axes(problem) if needs_axes else None
    if lattice is None:
        variances = None if axes is None else axes.variances
        total = float(len(rows)) if weights is None else math.fsum(weights)
        lattice = _lattice_for(settings, len(rows), total, variances)
    problem = problem.on(lattice)
    plan = _plan_for(settings, "given" if given is not None else settings.init, problem)
    if given is None:
        start = problem.on(first_lattice(lattice, plan))
        codebook = start_codebook(start, settings.init, axes, rng)
    else:
        codebook = _fitting(given, lattice)
    watch = Watch(settings.callbacks, settings.max_time)
    trained = train(problem, codebook, plan, watch, rng, _order_of(settings.order, len(rows)))
    units = _winners(problem, trained.codebook)
    hits = np.bincount(units, weights, minlength=lattice.n_units).astype(np.float64)
    map_ = Map(
        metric.restored(trained.codebook),
        lattice,
        encoding,
        hits,
        trained.history,
        _parameters(plan, settings, trained),
        {"somscape": __version__, "numpy": np.__version__},
        metric=metric,
    )
    if trained.stop_reason == INTERRUPTED:
        raise TrainingInterrupted((map_, trained, units))
    return map_, trained, units


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training.

    Parameters
    ----------
    result : tuple
        What `train_map` returns, as of the last whole epoch or block of updates.
    """

    def __init__(self, result: tuple[Map, Trained, Ints]) -> None:
        super().__init__("training was interrupted")
        self.result = result


def fit_metric(rows: Rows, weights: Float64s | None, settings: Settings) -> Metric:
    """Return the metric that settings ask for, with what it takes from the data.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), or SparseRows
        In feature units.
    weights : ndarray of shape (n_samples,) or None
    settings : Settings

    Returns
    -------
    Metric

    Raises
    ------
    InputError
        For feature weights that do not fit the data, or rows that the metric cannot measure.
    """
    if settings.metric == "mahalanobis":
        if isinstance(rows, SparseRows):
            Metric("mahalanobis").check_sparse()
        mean, covariance = mean_and_covariance(np.asarray(rows), weights)
        return Metric("mahalanobis", None, whitening_of(covariance), mean)
    metric = Metric(settings.metric, _feature_weights(settings.feature_weight, rows.shape[1]))
    if isinstance(rows, SparseRows):
        metric.check_sparse()
    return metric


def _feature_weights(given: Any, n_features: int) -> Float64s | None:
    if given is None:
        return None
    try:
        weights: Float64s = np.ascontiguousarray(given, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"`feature_weight` must hold numbers; {error}.") from error
    if weights.shape != (n_features,):
        raise ValueError(
            f"`feature_weight` must have shape ({n_features},), one number per feature; got "
            f"{weights.shape}."
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all() and (weights > 0).any()):
        raise ValueError(
            "`feature_weight` must be finite and at least 0, with one above 0; got "
            f"{weights.tolist()}."
        )
    return weights


def _has_missing(rows: Rows, encoding: Encoding, metric: str) -> bool:
    if encoding.missing != "mask":
        return False
    if metric not in Metric.MASKED:
        raise InputError(
            f"missing='mask' has the metrics {', '.join(map(repr, Metric.MASKED))}; got "
            f"{metric!r}. Pass one of them, or missing='fill'."
        )
    return not isinstance(rows, SparseRows) and bool(np.isnan(rows).any())


def _order_of(order: Any, n_samples: int) -> Any:
    if isinstance(order, str):
        return order
    rows = np.asarray(order)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu":
        raise TypeError(
            f"`order` must be 'random', 'sequential' or a list of row numbers; got {order!r:.80}."
        )
    if rows.min() < 0 or rows.max() >= n_samples:
        raise ValueError(
            f"`order` must hold row numbers from 0 to {n_samples - 1}; got {rows.min()} to "
            f"{rows.max()}."
        )
    return rows.astype(np.int64)


def _winners(problem: Problem, codebook: Float64s) -> Ints:
    """Return the best unit of each row of a problem."""
    kernels, metric, order = problem.kernels, problem.metric, problem.lattice.walk
    found = []
    for part in chunks(problem.rows, codebook):
        rows = problem.rows[part]
        if metric.is_plain and not problem.has_missing:
            units = kernels.winners(rows, codebook, order=order)
        else:
            units, _ = metric.search(
                kernels, rows, codebook, order=order, has_missing=problem.has_missing
            )
        found.append(units[:, 0])
    return np.concatenate(found)


def _given_start(init: Any, rows: Rows) -> Float64s:
    try:
        codebook: Float64s = np.array(init, dtype=np.float64, order="C")
    except (ValueError, TypeError) as error:
        raise ValueError(f"`init` must hold numbers; {error}.") from error
    if codebook.ndim != 2 or codebook.shape[1] != rows.shape[1]:
        raise ValueError(
            f"`init` must have shape (n_units, {rows.shape[1]}), one column per feature; got "
            f"{codebook.shape}."
        )
    names = [str(i) for i in range(rows.shape[1])]
    check_values(codebook, names, what="init", dtype=rows.dtype)
    return codebook


def _fitting(codebook: Float64s, lattice: Lattice) -> Float64s:
    if len(codebook) != lattice.n_units:
        raise ValueError(
            f"`init` must have one row per unit, {lattice.n_units} for {lattice.n_rows} x "
            f"{lattice.n_cols}; got {len(codebook)}. Pass `n_rows` and `n_cols` that fit."
        )
    return codebook


def _lattice_for(
    settings: Settings, n_samples: int, total_weight: float, variances: Float64s | None
) -> Lattice:
    if isinstance(settings.lattice, Graph):
        _warn_of_many_units(settings.lattice, total_weight, "Pass a smaller graph.")
        return settings.lattice
    sizes = (settings.n_rows, settings.n_cols)
    n_rows, n_cols = (None if isinstance(n, str) else int(n) for n in sizes)
    if n_rows is not None and n_cols is not None:
        lattice = Lattice(n_rows, n_cols, settings.lattice, settings.boundary)
        if lattice.n_units > MOST_UNITS:
            raise InputError(
                f"the map may have at most {MOST_UNITS} units; got {n_rows} x {n_cols}. Pass a "
                "smaller `n_rows` and `n_cols`."
            )
        advice = "Pass a smaller `n_rows` and `n_cols`, or leave them 'auto'."
        _warn_of_many_units(lattice, total_weight, advice)
        return lattice
    assert variances is not None
    if total_weight < n_samples / 2:
        warnings.warn(
            f"`sample_weight` adds up to {total_weight:g} for {n_samples} rows, and the automatic "
            "size is that for as many rows. Weights count rows; scale them to a mean of 1, or "
            "pass `n_rows` and `n_cols`.",
            SomscapeWarning,
            stacklevel=4,
        )
    is_hexagonal = settings.lattice == "hexagonal"
    n_rows, n_cols = auto_shape(
        total_weight,
        (float(variances[0]), float(variances[1])),
        n_rows,
        n_cols,
        is_hexagonal=is_hexagonal,
        needs_even_rows=is_hexagonal and settings.boundary == "torus",
        units_per_root=settings.units_per_root,
    )
    return Lattice(n_rows, n_cols, settings.lattice, settings.boundary)


def _warn_of_many_units(lattice: Lattice, total_weight: float, advice: str) -> None:
    if lattice.n_units > total_weight:
        warnings.warn(
            f"the map has {lattice.n_units} units for {total_weight:g} rows of data; many "
            f"units will win none. {advice}",
            SomscapeWarning,
            stacklevel=5,
        )


def _plan_for(settings: Settings, init: str, problem: Problem) -> Plan:
    lattice = problem.lattice
    plan = resolve_plan(
        algorithm=settings.algorithm,
        init=init,
        n_epochs=settings.n_epochs,
        radius_start=settings.radius_start,
        radius_end=settings.radius_end,
        radius_decay=decay_of(settings.radius_decay),
        rate_start=settings.rate_start,
        rate_end=settings.rate_end,
        rate_decay=decay_of(settings.rate_decay),
        tol=settings.tol,
        longest_side=lattice.longest_side,
        step=lattice.step,
        detail=settings.detail,
        shape=None if isinstance(lattice, Graph) else (lattice.n_rows, lattice.n_cols),
        epoch_work=_stored_values(problem.rows) * lattice.n_units,
        rows_per_unit=len(problem.rows) / lattice.n_units,
    )
    if settings.neighborhood == "triangle" and plan.algorithm == "online":
        _refuse_overshooting(plan)
    return plan


def _refuse_overshooting(plan: Plan) -> None:
    """Refuse a triangle, whose peak is the squared radius, that throws units off for good."""
    radius = max(plan.radius_start, plan.radius_end)
    rate = max(plan.rate_start, plan.rate_end)
    if rate * radius**2 > 2:
        raise InputError(
            "the online rule moves a winner by the rate times the triangle's peak, the squared "
            f"radius; that is {rate:g} x {radius:g}^2, and above 2 prototypes grow without bound. "
            "Pass a smaller `radius_start` or `rate_start`, or algorithm='batch'."
        )


def _stored_values(rows: Rows) -> int:
    return len(rows.values) if isinstance(rows, SparseRows) else rows.size


def _parameters(plan: Plan, settings: Settings, trained: Trained) -> dict[str, Any]:
    """Return what a map is told of its training, as JSON data."""
    shown = {
        "algorithm": plan.algorithm,
        "init": plan.init,
        "neighborhood": settings.neighborhood,
        "metric": settings.metric,
        "n_epochs": plan.n_epochs,
        "radius_start": plan.radius_start,
        "radius_end": plan.radius_end,
        "radius_decay": _shown(plan.radius_decay),
        "winner": settings.winner,
        "n_iter": trained.n_iter,
        "stop_reason": trained.stop_reason,
        "seed": settings.seed,
    }
    if plan.algorithm == "online":
        names = ("rate_start", "rate_end", "rate_decay")
        shown |= {name: _shown(getattr(plan, name)) for name in names}
    return shown


def _shown(setting: Any) -> Any:
    return setting.tolist() if isinstance(setting, np.ndarray) else setting
