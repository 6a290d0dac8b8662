"""A few known labels, smoothed over the map: scores rise near anomalies and fall near usual rows.

Every unit gets the odds of an anomaly there, relative to the overall odds, from the labelled rows
of the units around it.  A score is multiplied by a power of these odds.  Rows far from any label
therefore keep their score, and all parts of a score keep their shares.  The power is the one that
ranks the labelled rows best, each judged without its own label: if labels mislead, it is 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape._weights import ones_or
from somscape.errors import InputError
from somscape.maps import Map

UNKNOWN, USUAL, ANOMALY = -1, 0, 1
WIDTH = 1.0
"""Grid steps at which the weight of a label has fallen by a factor of exp(-1/2)."""

PRIOR = 4.0
"""Rows with the overall odds that each unit starts with, so that few labels change little."""

POWERS = (0.0, 0.25, 0.5, 1.0)


def known_labels(known: Any, n_rows: int, name: str = "known") -> Ints | None:
    """Return labels as 1 (anomaly), 0 (usual) and -1 (unknown), or None.

    Parameters
    ----------
    known : array-like of shape (n_rows,) or None
        1, 0 and -1; NaN and None also mean unknown.
    n_rows : int
    name : str, default="known"
        Name of the parameter in messages.

    Returns
    -------
    ndarray of shape (n_rows,), or None
        None if no label is known.

    Raises
    ------
    InputError
        For other values, or a wrong number of values.
    """
    if known is None:
        return None
    values = np.asarray(known)
    try:
        numbers = np.array([np.nan if v is None else float(v) for v in values.ravel().tolist()])
    except (TypeError, ValueError):
        numbers = np.full(values.size, np.inf)
    numbers[np.isnan(numbers)] = UNKNOWN
    are_labels = bool(np.isin(numbers, (UNKNOWN, USUAL, ANOMALY)).all())
    if values.shape != (n_rows,) or not are_labels:
        raise InputError(
            f"`{name}` must hold 1 (anomaly), 0 (usual) or -1 (unknown) for each of the {n_rows} "
            f"rows; got shape {values.shape} with {_some(values)}. Pass None if no label is known."
        )
    labels = numbers.astype(np.intp)
    return labels if (labels != UNKNOWN).any() else None


def _some(values: NDArray[Any]) -> str:
    """Return the first few distinct values as text."""
    return ", ".join(np.unique(values.astype(str))[:4].tolist())


def label_factors(
    map_: Map, scores: Float64s, units: Ints, labels: Ints, weights: Float64s | None
) -> tuple[Float64s, Float64s]:
    """Return the factor of each unit's scores, and of each row's without its own label.

    Parameters
    ----------
    map_ : Map
    scores : ndarray of shape (n_rows,)
        Scores of the training rows, without labels.
    units : ndarray of shape (n_rows,)
        Their best matching units.
    labels : ndarray of shape (n_rows,)
        1, 0, and -1 for unknown; at least one is known.
    weights : ndarray of shape (n_rows,) or None

    Returns
    -------
    factors : ndarray of shape (n_units,)
        Above 1 near known anomalies, below 1 near known usual rows, 1 far from any label.
    without_own : ndarray of shape (n_rows,)
        The factor by the labels of all other rows, which a new row would get there.
    """
    weights = ones_or(weights, len(units))
    is_anomaly, is_usual = weights * (labels == ANOMALY), weights * (labels == USUAL)
    anomalies, usual = (
        _smoothed(map_, np.bincount(units, counts, minlength=map_.n_units).astype(np.float64))
        for counts in (is_anomaly, is_usual)
    )
    base = (is_anomaly.sum() + 0.5) / (weights.sum() + 1.0)
    # A row's label counts its weight at its own unit, so subtracting it is exact.  A row of weight
    # 2 is two rows: only one of them is left out.
    once = np.minimum(weights, 1.0)
    alone = _odds(
        anomalies[units] - once * (labels == ANOMALY), usual[units] - once * (labels == USUAL), base
    )
    # If no usual row is known, unknown ones stand for them: nearly all are usual.
    others = weights * (labels == (USUAL if is_usual.any() else UNKNOWN))
    ranks = [_share_in_order(scores * alone**power, is_anomaly, others) for power in POWERS]
    # Labels are not trusted unless they improve the ranking by more than a standard error.
    error = np.sqrt(ranks[0] * (1 - ranks[0]) / max(1.0, is_anomaly.sum()))
    best = int(np.argmax(ranks))
    power = POWERS[best] if ranks[best] > ranks[0] + error else 0.0
    return _odds(anomalies, usual, base) ** power, alone**power


def _odds(anomalies: Float64s, usual: Float64s, base: float) -> Float64s:
    """Odds of an anomaly by the labels around, relative to the overall odds."""
    anomalies, usual = np.maximum(anomalies, 0.0), np.maximum(usual, 0.0)
    rate = (anomalies + PRIOR * base) / (anomalies + usual + PRIOR)
    return np.asarray(rate / (1 - rate) / (base / (1 - base)))


def _share_in_order(scores: Float64s, high: Float64s, low: Float64s) -> float:
    """Weighted share of pairs of a high and a low row that scores put in order (AUROC)."""
    if not (high.any() and low.any()):
        return 0.0
    order = np.argsort(scores, kind="stable")
    order = order[low[order] > 0]
    cumulative = np.append(0.0, np.cumsum(low[order]))
    among = scores[high > 0]
    under = cumulative[np.searchsorted(scores[order], among, "left")]
    not_over = cumulative[np.searchsorted(scores[order], among, "right")]
    pairs = np.average(under + not_over, weights=high[high > 0])
    return float(pairs / (2 * cumulative[-1]))


def _smoothed(map_: Map, counts: Float64s) -> Float64s:
    """Return each unit's count plus those of all others, which count less with distance."""
    around = np.zeros(map_.n_units)
    for unit in np.flatnonzero(counts):
        apart = map_.lattice.distances_from(int(unit)) / map_.lattice.step
        around += counts[unit] * np.exp(-0.5 * (apart / WIDTH) ** 2)
    return around
