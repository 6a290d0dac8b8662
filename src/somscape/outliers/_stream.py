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
from somscape.outliers._detector import (
    Detection,
    TrainedDetector,
    TrainedMap,
    mean_contributions,
)
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
    of_members : tuple of (RunningSums or None, ndarray)
        The same sums and squares of each member.
    """

    sums: RunningSums | None
    squares: Float64s
    scores: Reservoir
    of_members: tuple[tuple[RunningSums | None, Float64s], ...] = ()

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
        whole = trained.whole
        values = np.column_stack([trained.scores, trained.calibration, whole.units])
        kept = Reservoir.empty(3, seed).plus(values, weights)
        of_members = tuple((member.sums, member.squares) for member in trained.members)
        return cls(whole.sums, whole.squares, kept, of_members)


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
    whole, share = _gone_on(map_, stream.sums, stream.squares, rows, weights, half_life, detection)
    counted = np.ones(len(rows), dtype=bool) if weights is None else weights > 0
    calibration = scores if labels is None else np.where(labels == ANOMALY, np.nan, scores)
    values = np.column_stack([scores, calibration, whole.units])[counted]
    kept = stream.scores.plus(values, None if weights is None else weights[counted], share)
    members = tuple(
        _gone_on(member, *before, rows, weights, half_life, detection)[0]
        for member, before in zip(settings_of(map_).members, stream.of_members, strict=True)
    )
    settings = replace(
        settings_of(whole.map_),
        mean_contributions=_averaged(map_, whole.map_, rows, weights),
        members=tuple(member.map_ for member in members),
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
    of_members = tuple((member.sums, member.squares) for member in members)
    after = DetectorStream(whole.sums, whole.squares, kept, of_members)
    return replace(whole.map_, detector=settings), after, whole.units


def _gone_on(
    map_: Map,
    sums: RunningSums | None,
    squares: Float64s,
    rows: Floats,
    weights: Float64s | None,
    half_life: float | None,
    detection: Detection,
) -> tuple[TrainedMap, float]:
    """Return a map with more rows, what is usual on it renewed, and what its earlier rows count."""
    step = go_on(map_, rows, weights, sums, half_life)
    squares = step.share * squares + squares_of(step.map_, rows, step.units, weights)
    settings = replace(
        settings_of(map_),
        usual=usual_units(step.map_, detection.trimmed),
        spread=spread_of(step.map_, squares),
    )
    renewed = replace(step.map_, detector=settings)
    return TrainedMap(renewed, step.units, step.sums, squares), step.share


def _averaged(before: Map, after: Map, rows: Floats, weights: Float64s | None) -> Float64s | None:
    """Return the mean contributions of all rows so far: those before, and the new ones."""
    means = settings_of(before).mean_contributions
    n_new = float(len(rows) if weights is None else weights.sum())
    if means is None or not n_new:
        return means
    share = n_new / after.hits.sum()
    return np.asarray((1 - share) * means + share * mean_contributions(before, rows, weights))
