"""Training of a map from settings and rows, and checks of both."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._validate import check_values
from somscape._version import __version__
from somscape._weights import blocks, counts_of
from somscape.errors import InputError, ParameterError, SomscapeWarning
from somscape.fit._plan import Facts, Plan, check_memory, lattice_for, resolve_plan
from somscape.fit._start import Axes, mean_and_covariance, principal_axes
from somscape.fit._train import RunningTraining, Trained, first_lattice, train, train_from_several
from somscape.fit.pieces import AnyRows, RowsElsewhere, range_of, taken
from somscape.fit.problem import Problem, hits_of, prepare, winners
from somscape.fit.settings import INTERRUPTED, NONE_BETTER, ROUNDS_DONE, Settings
from somscape.grid.lattice import Lattice
from somscape.kernels._select import kernels_for
from somscape.kernels._sparse import DeviceArray, SparseRows
from somscape.kernels.metric import Metric, whitening_of
from somscape.maps._joins import KeptRows, rows_to_keep
from somscape.maps.map import Map
from somscape.tables.encoding import Encoding

MIN_WEIGHT = 1e-100
"""Smallest allowed weight of a feature above 0.  With a smaller weight, a weighted squared
difference of values might underflow."""

MAX_WEIGHT = 1e100
"""Largest allowed weight of a feature.  With a larger weight, a weighted squared difference of
values might overflow."""

BLOCK_ROWS = 1 << 14
"""Number of rows checked for missing values at a time."""

MAX_LISTED = 5
"""Maximum number of row numbers that a warning lists."""


def check_metric(encoding: Encoding, metric: str) -> None:
    """Raise InputError if rows can have missing values and the metric does not support this."""
    if encoding.missing == "mask" and metric not in Metric.MASKED:
        raise InputError(
            "`missing` is 'mask', which supports only "
            f"metric={' or '.join(map(repr, Metric.MASKED))}, but `metric` is {metric!r}. "
            "Pass a supported metric, or missing='fill'.",
            value="mask",
        )


def have_values(rows: Any) -> Bools | None:
    """Return whether each row has a value, or None if all rows have.  Warn about empty rows."""
    has_none = np.empty(len(rows), dtype=bool)
    for part in blocks(len(rows), BLOCK_ROWS):
        has_none[part] = np.isnan(rows[part]).all(axis=1)
    if not has_none.any():
        return None
    empty = np.flatnonzero(has_none)
    listed = ", ".join(map(str, empty[:MAX_LISTED]))
    is_one = len(empty) == 1
    warnings.warn(
        (
            f"1 row is without any value (row {listed}). It does not train the map, and its unit "
            "is -1. Leave the row out."
            if is_one
            else f"{len(empty)} rows are without any value (rows "
            f"{listed}{', ...' if len(empty) > MAX_LISTED else ''}). They do not train the "
            "map, and their unit is -1. Leave the rows out."
        ),
        SomscapeWarning,
        stacklevel=6,
    )
    return ~has_none


def check_problem(problem: Problem, settings: Settings, names: Sequence[str]) -> None:
    """Raise InputError if settings, such as the metric, do not support the kind of rows."""
    is_online = settings.algorithm == "online"
    if is_online and isinstance(problem.rows, RowsElsewhere):
        raise InputError(
            "`algorithm` is 'online', which supports only rows in memory, but X is in "
            "pieces. Pass algorithm='batch'.",
            value="online",
        )
    if is_online and isinstance(problem.rows, SparseRows):
        raise InputError(
            "`algorithm` is 'online', which supports only dense rows, but X is sparse. Pass "
            "algorithm='batch', or X.toarray().",
            value="online",
        )
    if is_online and problem.has_missing:
        raise InputError(
            "`algorithm` is 'online', which does not support missing values, but X has missing "
            "values (NaN) and missing='mask'. Pass algorithm='batch' or missing='fill'.",
            value="online",
        )
    weights = problem.metric.feature_weights
    check_spread(*problem.edges, problem.rows.dtype, names, weights=weights, is_online=is_online)


def check_plan(plan: Plan, settings: Settings) -> None:
    """Raise InputError if online training with this neighborhood would diverge."""
    if settings.neighborhood != "triangle" or plan.algorithm != "online":
        return
    radius, rate = max(plan.radius_start, plan.radius_end), max(plan.learning_rate)
    if rate * radius**2 > 2:
        raise InputError(
            "`learning_rate` times the squared radius (the peak of neighborhood='triangle') "
            f"must be at most 2 for algorithm='online', but is {rate:g} x {radius:g}^2, so "
            "prototypes would grow without limit. Pass a smaller `radius_start` or "
            "`learning_rate`, or algorithm='batch'.",
            value=rate,
        )


def check_spread(
    low: Float64s,
    high: Float64s,
    dtype: Any,
    names: Sequence[str],
    *,
    weights: Float64s | None = None,
    is_online: bool = False,
) -> None:
    """Raise InputError if a squared difference between two rows would underflow."""
    info = np.finfo(dtype)
    least = float(info.tiny) / float(info.eps)
    if is_online or info.dtype == np.float64:
        least = math.sqrt(least)
    ranges = (high - low) * (1.0 if weights is None else np.sqrt(weights))
    widest = int(ranges.argmax())
    if not 0 < ranges[widest] < least:
        return
    weighted = "" if weights is None else " times the root of its `feature_weight`"
    batch = ", or pass algorithm='batch'" if is_online else ""
    raise InputError(
        f"X varies by at most {ranges[widest]:.3g} (in column '{names[widest]}'{weighted}). "
        f"This is too little for {info.dtype}, because squares of such differences underflow. "
        f"Multiply X so that it varies by at least {least:.3g}{batch}.",
        column=names[widest],
        value=ranges[widest],
        allowed=least,
    )


def feature_weights(given: Any, rows: AnyRows) -> Float64s | None:
    """Return the weights of the features, or None if all weights are 1."""
    if given is None:
        return None
    try:
        weights: Float64s = np.ascontiguousarray(given, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ParameterError(
            f"`feature_weight` must contain numbers only ({error}).", value=given
        ) from error
    n_features = rows.shape[1]
    if weights.shape != (n_features,):
        raise ParameterError(
            f"`feature_weight` must have shape ({n_features},), one number per feature, but "
            f"has shape {weights.shape}.",
            value=weights.shape,
            allowed=(n_features,),
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all() and (weights > 0).any()):
        raise ParameterError(
            "`feature_weight` must be finite and at least 0, with at least one weight above "
            f"0, but is {weights.tolist()}.",
            value=weights.tolist(),
        )
    is_sized = (weights == 0) | ((weights >= MIN_WEIGHT) & (weights <= MAX_WEIGHT))
    if not is_sized.all():
        raise InputError(
            f"`feature_weight` must be 0, or from {MIN_WEIGHT:g} to {MAX_WEIGHT:g}, but is "
            f"{weights[~is_sized][0]:g} for feature {int((~is_sized).argmax())}. Divide all "
            "weights by the largest weight.",
            value=weights[~is_sized][0],
        )
    if not isinstance(rows, SparseRows):
        _refuse_overflow(weights, rows)
    return weights


def _refuse_overflow(weights: Float64s, rows: Floats | RowsElsewhere) -> None:
    """Raise InputError if a sum of weighted squares would overflow."""
    low, high, _ = range_of(rows)
    farthest = np.fmax(high, -low)
    with np.errstate(over="ignore"):
        squares = weights * (2 * farthest) ** 2
    is_wrong = ~(squares <= np.finfo(np.float64).max / len(weights))
    if is_wrong.any():
        feature = int(is_wrong.argmax())
        raise InputError(
            "`feature_weight` times a squared difference in X must be below 1.8e308, but "
            f"feature {feature} has weight {weights[feature]:g} and values up to "
            f"{farthest[feature]:g}. Divide the weights or the values of the feature.",
            value=weights[feature],
        )


MAX_FETCHED = 4_000_000
"""Maximum number of values in pieces that are copied into memory for training (16 or 32 MB).  More
values are read from the pieces in every pass.  Small data need many passes, and each pass over
pieces takes the time of several messages."""
VERSIONS = {"somscape": __version__, "numpy": np.__version__}
"""Versions of the packages that affect the exact values of a map, by package."""


def train_map(
    rows: AnyRows,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    lattice: Lattice | None = None,
    axes: Axes | None = None,
) -> tuple[Map, Trained, Ints]:
    """Train a map on prepared rows."""
    are_elsewhere = isinstance(rows, RowsElsewhere)
    rows = _rows_to_learn(rows, encoding)
    watch = RunningTraining(settings.callbacks).begin()
    rng = np.random.default_rng(settings.seed)
    if isinstance(settings.init, Map):
        lattice = lattice or settings.init.lattice
    # Equal weights that do not count rows have no effect, so they must not change any bit.
    counted = None if counts_of(weights) is None else weights
    check_metric(encoding, settings.metric)
    metric = fit_metric(rows, counted, settings, encoding.feature_names)
    given = _given_start(settings.init, rows, metric)
    # The lattice may depend on the data's axes, and the axes need the problem, so it is second.
    learned = _convert_for_metric(metric, rows, metric.trained_on)
    neighborhood, kernels = settings.neighborhood, kernels_for(rows)
    problem = prepare(
        learned, counted, neighborhood=neighborhood, kernels=kernels, reach=given, metric=metric
    )
    check_problem(problem, settings, encoding.feature_names)
    axes = axes or (principal_axes(problem) if _needs_axes(settings, lattice) else None)
    total_weight = float(len(rows)) if weights is None else math.fsum(weights)
    if lattice is None:
        variances = None if axes is None else axes.variances
        lattice = lattice_for(settings, len(rows), total_weight, variances)
    problem = problem.on(lattice)
    plan = resolve_plan(settings, Facts.of(problem, total_weight))
    check_plan(plan, settings)
    check_memory(lattice, rows.shape[1], has_tables=plan.algorithm != "online")
    if given is not None:
        trained = train(problem, _check_n_units(given, problem, plan), plan, watch, rng)
    else:
        trained = replace(train_from_several(problem, axes, plan, watch, rng), axes=axes)
    seen = replace(problem, rows=_convert_for_metric(metric, rows, metric.compared))
    codebook = np.asarray(metric.compared(metric.restored(trained.codebook)))
    units, hits = _winners_and_hits(seen, codebook, weights, not are_elsewhere)
    if weights is not None and counted is None:
        trained = replace(trained, sums=trained.sums and trained.sums.faded(float(weights[0])))
    map_ = Map(
        problem.metric.restored(trained.codebook),
        lattice,
        encoding,
        hits,
        trained.history,
        _parameters(settings, problem, trained),
        VERSIONS,
        metric=problem.metric,
        told=kept_rows(rows, counted, lattice.n_units, metric),
    )
    watch.end(trained.stop_reason)
    if trained.stop_reason == INTERRUPTED:
        raise TrainingInterrupted((map_, trained, units))
    return map_, trained, units


def _rows_to_learn(rows: AnyRows, encoding: Encoding) -> AnyRows:
    """Return rows in the form for training.  Few rows outside memory are copied into memory."""
    if isinstance(rows, RowsElsewhere):
        if encoding.has_slips:
            rows = rows.mapped(encoding.to_learn)
        return rows if rows.size > MAX_FETCHED else taken(rows, np.arange(len(rows)))
    return encoding.to_learn(rows) if isinstance(rows, np.ndarray) else rows


def _winners_and_hits(
    problem: Problem, codebook: Float64s, weights: Float64s | None, has_units: bool
) -> tuple[Ints, Float64s]:
    """Return each row's best matching unit (if `has_units` is True), and the hits of each unit."""
    if not has_units:
        return np.empty(0, dtype=np.int64), hits_of(problem, codebook).astype(np.float64)
    units = winners(problem, codebook)
    return units, np.bincount(units, weights, minlength=len(codebook)).astype(np.float64)


def _convert_for_metric(metric: Metric, rows: AnyRows, form: Callable[[Any], Any]) -> AnyRows:
    """Convert rows with `form`, which is a method of the metric."""
    if not isinstance(rows, RowsElsewhere):
        return form(rows)
    return rows if metric.is_plain else rows.mapped(form)


def kept_rows(rows: AnyRows, weights: Float64s | None, n_units: int, metric: Metric) -> KeptRows:
    """Return those training rows that the map keeps in memory to find regions later."""
    numbers = rows_to_keep(rows.shape, n_units)
    some = taken(rows, numbers)
    dense = some.dense() if isinstance(some, SparseRows) else some
    return KeptRows.of(metric.as_euclidean(dense), None if weights is None else weights[numbers])


class TrainingInterrupted(KeyboardInterrupt):
    """Error for Ctrl-C during training.

    Parameters
    ----------
    result : tuple
        Result of `train_map` after the last completed epoch or block of updates.
    """

    def __init__(self, result: tuple[Map, Trained, Ints]) -> None:
        super().__init__("training was interrupted")
        self.result = result


def fit_metric(
    rows: AnyRows, weights: Float64s | None, settings: Settings, names: Sequence[str]
) -> Metric:
    """Return the metric that the settings request, with the values that it needs from the rows."""
    if settings.metric == "mahalanobis":
        if isinstance(rows, SparseRows):
            Metric("mahalanobis").check_sparse()  # which raises an error
        low, high, _ = range_of(rows)
        check_spread(low, high, rows.dtype, names)
        mean, covariance = mean_and_covariance(rows, weights)
        return Metric("mahalanobis", None, whitening_of(covariance), mean)
    metric = Metric(settings.metric, feature_weights(settings.feature_weight, rows))
    if isinstance(rows, SparseRows):
        metric.check_sparse()
    return metric


def _needs_axes(settings: Settings, lattice: Lattice | None) -> bool:
    """Return whether training needs the main axes of the rows (for the size or the start)."""
    is_sized = lattice is not None or isinstance(settings.lattice, Lattice)
    is_auto = not is_sized and "auto" in (settings.n_rows, settings.n_cols)
    return is_auto or settings.start == "pca"


def _given_start(init: Any, rows: AnyRows, metric: Metric) -> Float64s | None:
    """Return `init` transformed by the metric if it is a map or a codebook, otherwise None."""
    if isinstance(init, str):
        return None
    values = init.codebook if isinstance(init, Map) else init
    try:
        codebook: Float64s = np.array(values, dtype=np.float64, order="C")
    except (ValueError, TypeError) as error:
        raise ParameterError(f"`init` must contain numbers only ({error}).") from error
    if codebook.ndim != 2 or codebook.shape[1] != rows.shape[1]:
        raise ParameterError(
            f"`init` must have shape (n_units, {rows.shape[1]}), one column per feature, but "
            f"has shape {codebook.shape}.",
            value=codebook.shape,
        )
    names = [str(i) for i in range(rows.shape[1])]
    check_values(codebook, names, what="init", dtype=rows.dtype)
    return np.asarray(metric.compared(codebook))


def _check_n_units(codebook: Float64s, problem: Problem, plan: Plan) -> Float64s:
    lattice = first_lattice(problem.lattice, plan)
    if len(codebook) != lattice.n_units:
        raise ParameterError(
            f"`init` must have one row per unit, so {lattice.n_units} rows for {lattice.n_rows} x "
            f"{lattice.n_cols} units, but has {len(codebook)} rows. Pass `n_rows` and `n_cols` "
            "whose product is the number of rows of `init`.",
            value=len(codebook),
            allowed=lattice.n_units,
        )
    return codebook


def _parameters(settings: Settings, problem: Problem, trained: Trained) -> dict[str, Any]:
    """Return the parameters of the training, which are stored with the map."""
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


def explain_defaults(settings: Settings, map_: Map, trained: Trained) -> dict[str, str]:
    """For each parameter that was "auto" or not applied, return a sentence for users."""
    plan = trained.plan
    found = {}
    is_from_map = plan.init == "map"
    is_sized = "auto" not in (settings.n_rows, settings.n_cols)
    if not is_sized and (is_from_map or isinstance(settings.lattice, str)):
        found["n_rows, n_cols"] = _describe_size(map_, is_from_map=is_from_map)
    for name in ("algorithm", "n_init"):
        if name in plan.reasons:
            found[name] = plan.reasons[name]
    if settings.n_epochs == "auto":
        found["n_epochs"] = _describe_passes(trained)
    for name in ("radius_start", "radius_end"):
        if name in plan.reasons:
            found[name] = f"{getattr(plan, name):.3g} grid steps: {plan.reasons[name]}"
    return found


def _describe_size(map_: Map, *, is_from_map: bool) -> str:
    if is_from_map:
        return f"{map_.lattice.size_text}, as in the map from which training starts."
    return (
        f"{map_.lattice.n_rows} x {map_.lattice.n_cols}: about 5 sqrt(n) units for rows with a "
        f"total weight of {map_.hits.sum():g} (Vesanto's rule), at least 9, at most 10,000 and "
        "not more units than rows. The sides are proportional to the standard deviations along "
        "the data's two main axes, up to 1 : 4, and equal if there is hardly any second axis."
    )


def _describe_passes(trained: Trained) -> str:
    plan, n_iter, reason = trained.plan, trained.n_iter, trained.stop_reason
    n_planned = round(plan.n_epochs)
    if reason in (NONE_BETTER, ROUNDS_DONE):
        return (
            f"{n_iter} passes, including {n_planned} on the full map while the radius shrinks. "
            "Then units moved to rows far from all units, because the final radius is small "
            f"({reason})."
        )
    if plan.coarse:
        return f"{n_iter} passes, the last {n_planned} on the full map ({reason})."
    if not plan.extra_epochs:
        return f"{n_iter} of {n_planned} passes ({reason})."
    if plan.radius_start == plan.radius_end:
        n_most = n_planned + plan.extra_epochs
        return f"{n_iter} of up to {n_most} passes, all at one radius ({reason})."
    return (
        f"{n_iter} passes ({reason}). The plan was {n_planned} passes while the radius shrinks and "
        f"up to {plan.extra_epochs} more at the final radius."
    )
