"""A detector that goes on with more rows: map, what is usual, threshold and calibration.

A row is scored before the map takes it in, so that its score calibrates.  Of all scores so far a
bounded sample is kept, and no rows.
"""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.fit import RunningSums, go_on
from somscape.maps import Map
from somscape.outliers._calibration import calibrated
from somscape.outliers._detector import Detection, TrainedDetector, mean_contributions
from somscape.outliers._labels import ANOMALY
from somscape.outliers._reservoir import Reservoir
from somscape.outliers._score import score_rows, settings_of
from somscape.outliers._usual import spread_of, squares_of, usual_units


@dataclass(frozen=True, eq=False)
class DetectorStream:
    """What a detector keeps of the rows so far, in constant memory.

    Attributes
    ----------
    sums : RunningSums or None
        By unit; None: the map's hits at its prototypes.
    squares : ndarray of shape (n_units,)
        Squared distances of the rows to their units, added up.
    scores : Reservoir
        Of each row the score that sets the threshold, the one that calibrates, and its unit.
    """

    sums: RunningSums | None
    squares: Float64s
    scores: Reservoir

    @classmethod
    def after(
        cls, trained: TrainedDetector, weights: Float64s | None, seed: int
    ) -> "DetectorStream":
        """Return what is kept of the rows that trained a detector.

        Parameters
        ----------
        trained : TrainedDetector
        weights : ndarray of shape (n_samples,) or None
        seed : int
            Draws which scores are kept.

        Returns
        -------
        DetectorStream
        """
        values = np.column_stack([trained.scores, trained.calibration, trained.units])
        kept = Reservoir.empty(3, seed).plus(values, weights)
        return cls(trained.sums, trained.squares, kept)


def detector_goes_on(
    map_: Map,
    stream: DetectorStream,
    rows: Floats,
    weights: Float64s | None,
    labels: Ints | None,
    *,
    detection: Detection,
    half_life: float | None,
) -> tuple[Map, DetectorStream, Ints]:
    """Take more rows into a detector.

    Parameters
    ----------
    map_ : Map
        With detector settings.
    stream : DetectorStream
    rows : ndarray of shape (n_samples, n_features)
    weights : ndarray of shape (n_samples,) or None
    labels : ndarray of shape (n_samples,) or None
        1 for known anomalies, which do not calibrate.
    detection : Detection
    half_life : float or None
        Rows after which a row counts half; None for never.

    Returns
    -------
    map_ : Map
    stream : DetectorStream
    units : ndarray of shape (n_samples,)
        Best unit of each row, before the map has moved.
    """
    scores = score_rows(map_, rows)
    step = go_on(map_, rows, weights, stream.sums, half_life)
    counted = np.ones(len(rows), dtype=bool) if weights is None else weights > 0
    calibration = scores if labels is None else np.where(labels == ANOMALY, np.nan, scores)
    values = np.column_stack([scores, calibration, step.units])[counted]
    kept = stream.scores.plus(values, None if weights is None else weights[counted], step.share)
    squares = step.share * stream.squares + squares_of(step.map_, rows, step.units, weights)
    settings = replace(
        settings_of(map_),
        usual=usual_units(step.map_, detection.trimmed),
        spread=spread_of(step.map_, squares),
        mean_contributions=_averaged(map_, step.map_, rows, weights),
    )
    scores, calibration, units = kept.values.T
    settings = calibrated(
        settings,
        scores,
        calibration,
        kept.weights,
        detection.contamination,
        units=units.astype(np.intp),
        regions=settings.regions,
    )
    gone_on = replace(step.map_, detector=settings)
    return gone_on, DetectorStream(step.sums, squares, kept), step.units


def _averaged(before: Map, after: Map, rows: Floats, weights: Float64s | None) -> Float64s | None:
    """Return the mean contributions of all rows so far: those before, and the new ones."""
    means = settings_of(before).mean_contributions
    n_new = float(len(rows) if weights is None else weights.sum())
    if means is None or not n_new:
        return means
    share = n_new / after.hits.sum()
    return np.asarray((1 - share) * means + share * mean_contributions(before, rows, weights))
