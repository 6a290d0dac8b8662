"""A few known labels, spread over the map: where anomalies are known, scores rise, and the reverse.

Every unit gets the odds of an anomaly there against those overall, from the labelled rows that its
surroundings won; a score is multiplied by a power of them, so that what no label is near keeps its
score, and all parts of a score keep their shares.  The power is the one that ranks the labelled
rows best, each judged without its own label: where labels mislead, it is 0.
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
"""Grid steps at which a label's weight has fallen by exp(-1/2)."""

PRIOR = 4.0
"""Rows' worth of the overall odds that each unit starts with: few labels change little."""

POWERS = (0.0, 0.25, 0.5, 1.0)


def known_labels(known: Any, n_rows: int, name: str = "known") -> Ints | None:
    """Return labels as 1 (anomaly), 0 (usual) and -1 (unknown), or None.

    Parameters
    ----------
    known : array-like of shape (n_rows,) or None
        1, 0 and -1; NaN or None is unknown, too.
    n_rows : int
    name : str, default="known"
        What the parameter is called in messages.

    Returns
    -------
    ndarray of shape (n_rows,), or None
        None where no label is known.

    Raises
    ------
    InputError
        For other values, or another number of them.
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
            f"rows; got shape {values.shape} with {_some(values)}. Pass None where nothing is "
            "known."
        )
    labels = numbers.astype(np.intp)
    return labels if (labels != UNKNOWN).any() else None


def _some(values: NDArray[Any]) -> str:
    """Return the first different values in words."""
    return ", ".join(np.unique(values.astype(str))[:4].tolist())


def label_factors(
    map_: Map, scores: Float64s, units: Ints, labels: Ints, weights: Float64s | None
) -> tuple[Float64s, Float64s]:
    """Return what each unit's scores are multiplied by, and each row's without its own label.

    Parameters
    ----------
    map_ : Map
    scores : ndarray of shape (n_rows,)
        Of the training rows, before.
    units : ndarray of shape (n_rows,)
        Their best matching units.
    labels : ndarray of shape (n_rows,)
        1, 0 and -1 for unknown; at least one is known.
    weights : ndarray of shape (n_rows,) or None

    Returns
    -------
    factors : ndarray of shape (n_units,)
        Above 1 where anomalies are known, below 1 where usual rows are, 1 far from any label.
    without_own : ndarray of shape (n_rows,)
        As the labels of all other rows have it: what a new row would get there.
    """
    weights = ones_or(weights, len(units))
    is_anomaly, is_usual = weights * (labels == ANOMALY), weights * (labels == USUAL)
    anomalies, usual = (
        _smoothed(map_, np.bincount(units, counts, minlength=map_.n_units).astype(np.float64))
        for counts in (is_anomaly, is_usual)
    )
    base = (is_anomaly.sum() + 0.5) / (weights.sum() + 1.0)
    # A row's label has its weight at its own unit, so what is left without it is exact; of a row
    # of weight 2 one stays.
    once = np.minimum(weights, 1.0)
    alone = _odds(
        anomalies[units] - once * (labels == ANOMALY), usual[units] - once * (labels == USUAL), base
    )
    # Where no usual row is known, unknown ones stand for them: nearly all are usual.
    others = weights * (labels == (USUAL if is_usual.any() else UNKNOWN))
    ranks = [_share_in_order(scores * alone**power, is_anomaly, others) for power in POWERS]
    # Where they rank no better than before by a standard error, labels are not trusted.
    error = np.sqrt(ranks[0] * (1 - ranks[0]) / max(1.0, is_anomaly.sum()))
    best = int(np.argmax(ranks))
    power = POWERS[best] if ranks[best] > ranks[0] + error else 0.0
    return _odds(anomalies, usual, base) ** power, alone**power


def _odds(anomalies: Float64s, usual: Float64s, base: float) -> Float64s:
    """Odds of an anomaly by what is known around, against the overall ones."""
    anomalies, usual = np.maximum(anomalies, 0.0), np.maximum(usual, 0.0)
    rate = (anomalies + PRIOR * base) / (anomalies + usual + PRIOR)
    return np.asarray(rate / (1 - rate) / (base / (1 - base)))


def _share_in_order(scores: Float64s, high: Float64s, low: Float64s) -> float:
    """Share of the pairs of a high and a low row, by weight, that scores order (AUROC)."""
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
    """Return each unit's count and, the less the farther they are, those of the others."""
    around = np.zeros(map_.n_units)
    for unit in np.flatnonzero(counts):
        apart = map_.lattice.distances_from(int(unit)) / map_.lattice.step
        around += counts[unit] * np.exp(-0.5 * (apart / WIDTH) ** 2)
    return around
