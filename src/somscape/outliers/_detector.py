"""From prepared rows to a map that can score: training, threshold, calibration."""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Floats
from somscape._validate import check_choice, check_number, check_whole
from somscape.encode import Encoding
from somscape.fit import Settings, train_map
from somscape.maps import MAX_PROTOTYPES, SCORES, DetectorSettings, Map
from somscape.outliers._calibration import threshold_for
from somscape.outliers._score import score_rows


@dataclass(frozen=True)
class Detection:
    """How rows are scored and flagged; `somscape.SOMDetector` says what each means.

    Raises
    ------
    ValueError, TypeError
        For a value that cannot be used; the message names it.
    """

    score: str = "k_prototype"
    contamination: float = 0.05
    n_prototypes: int = 5
    n_folds: int = 5

    def __post_init__(self) -> None:
        check_choice("score", self.score, SCORES)
        check_number("contamination", self.contamination, 0, 0.5)
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES)
        check_whole("n_folds", self.n_folds, 2)


def train_detector(
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    detection: Detection,
) -> Map:
    """Train a map, set its threshold and calibrate it.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), float32 or float64
        Finite and C-contiguous, at least two.
    weights : ndarray of shape (n_samples,), float64, or None
        All above 0; None means 1 each.
    encoding : Encoding
    settings : Settings
    detection : Detection

    Returns
    -------
    Map
        With detector settings.  Costs ``1 + n_folds`` trainings.
    """
    map_, _, _ = train_map(rows, weights, encoding, settings)
    detector = DetectorSettings(detection.score, detection.n_prototypes, 0.0, np.empty(0))
    map_ = replace(map_, detector=detector)
    threshold = threshold_for(score_rows(map_, rows), detection.contamination, weights)
    calibration = _cross_fitted_scores(map_, rows, weights, settings, detection.n_folds)
    order = np.argsort(calibration, kind="stable")
    detector = replace(
        detector,
        threshold=threshold,
        calibration=calibration[order],
        calibration_weights=None if weights is None else weights[order],
    )
    return replace(map_, detector=detector)


def _cross_fitted_scores(
    map_: Map, rows: Floats, weights: Float64s | None, settings: Settings, n_folds: int
) -> Float64s:
    """Score every row by a map of the same shape that was trained without its fold."""
    n = len(rows)
    order = np.random.default_rng(settings.seed).permutation(n)
    scores = np.empty(n)
    for fold in np.array_split(order, min(n_folds, n)):
        others = np.setdiff1d(order, fold, assume_unique=True)
        part = None if weights is None else weights[others]
        without, _, _ = train_map(rows[others], part, map_.encoding, settings, map_.lattice)
        scores[fold] = score_rows(replace(without, detector=map_.detector), rows[fold])
    return scores
