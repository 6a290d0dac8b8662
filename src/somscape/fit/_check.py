"""Checks of settings against the rows, before training, with messages that name the setting."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Floats
from somscape.encode import Encoding
from somscape.errors import InputError, SomscapeWarning
from somscape.fit._pieces import AnyRows, RowsElsewhere
from somscape.fit._plan import Plan
from somscape.fit._problem import Problem
from somscape.fit._ranges import range_of
from somscape.fit._settings import Settings
from somscape.kernels import Metric, SparseRows

MIN_WEIGHT = 1e-100
"""Least weight of a feature besides 0; less leaves no room for the squares that it multiplies."""

MAX_WEIGHT = 1e100
"""Largest weight of a feature; more leaves no room for the squares that it multiplies."""

BLOCK_ROWS = 1 << 14
"""Rows that are looked through at once."""

MAX_LISTED = 5
"""Most rows that a warning lists."""


def check_metric(encoding: Encoding, metric: str) -> None:
    """Raise InputError if missing cells are to be left out and the metric does not support it."""
    if encoding.missing == "mask" and metric not in Metric.MASKED:
        raise InputError(
            f"`missing`='mask' supports only {', '.join(map(repr, Metric.MASKED))}; got "
            f"metric={metric!r}. Pass one of them, or missing='fill'."
        )


def have_values(rows: Any) -> NDArray[np.bool_] | None:
    """Return which rows have a value, or None for all; warn of rows without any."""
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
            f"1 row has no value at all (row {listed}): it does not train the map, and its unit is "
            "-1. Leave it out."
            if is_one
            else f"{len(empty)} rows have no value at all (rows {listed}"
            f"{', ...' if len(empty) > MAX_LISTED else ''}): they do not train the map, and their "
            "unit is -1. Leave them out."
        ),
        SomscapeWarning,
        stacklevel=6,
    )
    return ~has_none


def check_problem(problem: Problem, settings: Settings, names: Sequence[str]) -> None:
    """Raise InputError for rows that the settings do not support."""
    is_online = settings.algorithm == "online"
    if is_online and isinstance(problem.rows, RowsElsewhere):
        raise InputError(
            "`algorithm`='online' goes from row to row, so it supports only rows in memory; got "
            "X in pieces. Pass algorithm='batch'."
        )
    if is_online and isinstance(problem.rows, SparseRows):
        raise InputError(
            "`algorithm`='online' supports only dense rows; got a sparse X. Pass "
            "algorithm='batch', or X.toarray()."
        )
    if is_online and problem.has_missing:
        raise InputError(
            "`algorithm`='online' cannot leave missing values out; got rows with NaN and "
            "missing='mask'. Pass algorithm='batch' or missing='fill'."
        )
    weights = problem.metric.feature_weights
    dtype = problem.rows.dtype
    check_spread(*problem.edges, dtype, names, weights=weights, is_online=is_online)


def check_plan(plan: Plan, settings: Settings) -> None:
    """Raise InputError for a triangle whose peak, the squared radius, makes units diverge."""
    if settings.neighborhood != "triangle" or plan.algorithm != "online":
        return
    radius, rate = max(plan.radius_start, plan.radius_end), max(plan.learning_rate)
    if rate * radius**2 > 2:
        raise InputError(
            "`learning_rate` times the squared radius, the peak of neighborhood='triangle', must "
            "be at most 2 for algorithm='online', or prototypes grow without bound; got "
            f"{rate:g} x {radius:g}^2. Pass a smaller `radius_start` or `learning_rate`, or "
            "algorithm='batch'."
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
    """Raise InputError for rows so alike that the squares of their differences vanish."""
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
        f"X varies by at most {ranges[widest]:.3g} (in column '{names[widest]}'{weighted}), too "
        f"little for {info.dtype}, in which the squares of such differences vanish. Multiply X so "
        f"that it varies by at least {least:.3g}{batch}."
    )


def feature_weights(given: Any, rows: AnyRows) -> Float64s | None:
    """Return the weight of each feature, or None for 1 each."""
    if given is None:
        return None
    try:
        weights: Float64s = np.ascontiguousarray(given, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"`feature_weight` must hold numbers; {error}.") from error
    n_features = rows.shape[1]
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
    is_sized = (weights == 0) | ((weights >= MIN_WEIGHT) & (weights <= MAX_WEIGHT))
    if not is_sized.all():
        raise InputError(
            f"`feature_weight` must be 0, or from {MIN_WEIGHT:g} to {MAX_WEIGHT:g}; got "
            f"{weights[~is_sized][0]:g} for feature {int((~is_sized).argmax())}. Divide all "
            "weights by the largest."
        )
    if not isinstance(rows, SparseRows):
        _refuse_overflow(weights, rows)
    return weights


def _refuse_overflow(weights: Float64s, rows: Floats | RowsElsewhere) -> None:
    """Refuse weighted squares whose sum does not fit a float64."""
    low, high, _ = range_of(rows)
    farthest = np.fmax(high, -low)
    with np.errstate(over="ignore"):
        squares = weights * (2 * farthest) ** 2
    is_wrong = ~(squares <= np.finfo(np.float64).max / len(weights))
    if is_wrong.any():
        feature = int(is_wrong.argmax())
        raise InputError(
            "`feature_weight` times a squared difference in X must stay below 1.8e308; got "
            f"weight {weights[feature]:g} for feature {feature}, with values up to "
            f"{farthest[feature]:g}. Divide the weights or the feature."
        )
