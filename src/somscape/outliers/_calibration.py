"""Thresholds and p-values: how unusual is unusual.

A p-value is conformal (Bates, Candes, Lei, Romano and Sesia 2023): the share of calibration
rows that score at least as high.  Calibration scores come from maps that did not see the row
they score, so that a row that shaped its own prototype does not pass for usual.  Among the highest
5 % a smooth tail counts as well.
"""

from dataclasses import replace

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.maps import DetectorSettings, Map
from somscape.outliers._score import settings_of
from somscape.outliers._tail import LEAST_ROWS, tail_shares

EXACT_SHARE = 0.25
"""What the conformal p-value counts beside the tail: were the tail all wrong, a p-value would still
be a quarter of it.  With a half, fewer anomalies are found at small rates than they allow (after
clean training at 5 %, false are 1.6 % of the findings, with a quarter 2.2 %)."""


def p_values(map_: Map, scores: Float64s, units: Ints | None = None) -> Float64s:
    """Return the conformal p-value of each score.

    Parameters
    ----------
    map_ : Map
        With detector settings.
    scores : ndarray of shape (n_samples,)
        From `score_rows`.
    units : ndarray of shape (n_samples,) or None, default=None
        Best matching unit of each row, from `Map.winners`; needed where rows are calibrated by
        region.

    Returns
    -------
    ndarray of shape (n_samples,)
        Small for unusual rows: ``c = (1 + #{calibration >= score}) / (n + 1)``, where a weighted
        row counts its weight and only calibration rows of the same region count; or, where the
        tail of the calibration scores says less, t, ``c / 4 + 3 t / 4``.  For a new row that comes
        from the same population, the chance that c is at most a is at most a, up to the
        cross-fitting, and so it is in each region; the chance of a p-value of at most a is at most
        4a whatever the tail, and about a where it fits.

    Raises
    ------
    InputError
        When units are needed and not given.
    """
    settings = settings_of(map_)
    calibration, weights = settings.calibration, settings.calibration_weights
    weights = np.ones(len(calibration)) if weights is None else weights
    if settings.regions is None or settings.calibration_units is None:
        return _p_values_among(calibration, weights, scores)
    if units is None:
        raise InputError(
            "this detector is calibrated by region of the map: pass the units of the rows, too, "
            "p_values(map_, scores, map_.winners(X))."
        )
    found = np.empty(len(scores))
    of_rows, of_calibration = settings.regions[units], settings.regions[settings.calibration_units]
    for region in np.unique(of_rows):
        here, there = of_rows == region, of_calibration == region
        found[here] = _p_values_among(calibration[there], weights[there], scores[here])
    return found


def _p_values_among(calibration: Float64s, weights: Float64s, scores: Float64s) -> Float64s:
    # Weight of the calibration rows from each place to the end, and 0 past the end.
    weight_from = np.append(np.cumsum(weights[::-1])[::-1], 0.0)
    at_least = weight_from[np.searchsorted(calibration, scores, side="left")]
    conformal = (1.0 + at_least) / (1.0 + weight_from[0])
    smooth = np.minimum(conformal, tail_shares(calibration, weights, scores))
    return np.asarray(EXACT_SHARE * conformal + (1 - EXACT_SHARE) * smooth, dtype=np.float64)


def smallest_p_value(map_: Map) -> float:
    """Return the smallest p-value that a row can have.

    Parameters
    ----------
    map_ : Map
        With detector settings.

    Returns
    -------
    float
        ``1 / (n + 1)`` where n calibration rows, by weight, are those of the region that has most,
        or a quarter of it where they are enough for a tail.
    """
    settings = settings_of(map_)
    weights = settings.calibration_weights
    weights = np.ones(len(settings.calibration)) if weights is None else weights
    most = float(weights.sum())
    if settings.regions is not None and settings.calibration_units is not None:
        most = float(np.bincount(settings.regions[settings.calibration_units], weights).max())
    return (EXACT_SHARE if most >= LEAST_ROWS else 1.0) / (most + 1)


def calibrated(
    settings: DetectorSettings,
    scores: Float64s,
    calibration: Float64s,
    weights: Float64s | None,
    contamination: float,
    *,
    units: Ints,
    regions: Ints | None,
) -> DetectorSettings:
    """Return detector settings with a threshold and calibration scores.

    Parameters
    ----------
    settings : DetectorSettings
    scores : ndarray of shape (n_rows,)
        Which set the threshold.
    calibration : ndarray of shape (n_rows,)
        Of the same rows, by maps that did not see them; NaN for rows that do not calibrate.
    weights : ndarray of shape (n_rows,) or None
    contamination : float
    units : ndarray of shape (n_rows,)
        Best matching unit of each row.
    regions : ndarray of shape (n_units,) or None
        By which rows are calibrated.

    Returns
    -------
    DetectorSettings
    """
    held = np.flatnonzero(~np.isnan(calibration))
    ascending = held[np.argsort(calibration[held], kind="stable")]
    return replace(
        settings,
        threshold=threshold_for(scores, contamination, weights),
        calibration=calibration[ascending],
        calibration_weights=None if weights is None else weights[ascending],
        regions=regions,
        calibration_units=None if regions is None else units[ascending],
    )


def threshold_for(scores: Float64s, contamination: float, weights: Float64s | None) -> float:
    """Return the score above which a share of the rows lies.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
    contamination : float
        Share of the total weight to flag, in (0, 0.5].
    weights : ndarray of shape (n_samples,) or None
        None: 1 each.

    Returns
    -------
    float
        The lowest score that stays unflagged; rows above it weigh at most
        ``contamination`` of all, exactly that where no scores tie.
    """
    order = np.argsort(-scores, kind="stable")
    heaped = np.cumsum(np.ones(len(scores)) if weights is None else weights[order])
    # The small excess forgives rounding: 0.29 * 100 is 29 rows, not 28.
    n_flagged = int(np.searchsorted(heaped, contamination * heaped[-1] * (1 + 1e-12), "right"))
    return float(scores[order[min(n_flagged, len(scores) - 1)]])
