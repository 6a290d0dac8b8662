"""Which rows are unusual, how sure that is, and why."""

from somscape.outliers._alerts import LINE, RESULT_NAMES, Alerts, ranked
from somscape.outliers._as_detector import as_detector, detector_in
from somscape.outliers._calibration import Calibration, threshold_for
from somscape.outliers._counterfactual import Change, Counterfactual
from somscape.outliers._counts import Occurrence, ValueCounts
from somscape.outliers._decorrelation import Decorrelation
from somscape.outliers._detection import Detection
from somscape.outliers._detector import Detector
from somscape.outliers._drift import DriftAlarm, DriftMonitor
from somscape.outliers._feasible_range import Range
from somscape.outliers._labels import UNKNOWN, known_labels
from somscape.outliers._marks import LIKE_WITHIN, Marks
from somscape.outliers._outermost import Outermost
from somscape.outliers._rarity import Rarity
from somscape.outliers._reasons import (
    RECORD,
    Reason,
    Reasons,
    both_in_words,
    ids_column,
    ids_of,
    reasons_of,
)
from somscape.outliers._rule import AlertRule, adjusted, usual_share
from somscape.outliers._score import explained_rows, mass_rows
from somscape.outliers._scorer import SCORES, Scorer
from somscape.outliers._similar import LabelShare, SimilarRows, label_share_around, nearest_rows
from somscape.outliers._stream import DetectorStream, updated
from somscape.outliers._train import TrainedDetector, n_trainings, train_detector

__all__ = [
    "LIKE_WITHIN",
    "LINE",
    "RECORD",
    "RESULT_NAMES",
    "SCORES",
    "UNKNOWN",
    "AlertRule",
    "Alerts",
    "Calibration",
    "Change",
    "Counterfactual",
    "Decorrelation",
    "Detection",
    "Detector",
    "DetectorStream",
    "DriftAlarm",
    "DriftMonitor",
    "LabelShare",
    "Marks",
    "Occurrence",
    "Outermost",
    "Range",
    "Rarity",
    "Reason",
    "Reasons",
    "Scorer",
    "SimilarRows",
    "TrainedDetector",
    "ValueCounts",
    "adjusted",
    "as_detector",
    "both_in_words",
    "detector_in",
    "explained_rows",
    "ids_column",
    "ids_of",
    "known_labels",
    "label_share_around",
    "mass_rows",
    "n_trainings",
    "nearest_rows",
    "ranked",
    "reasons_of",
    "threshold_for",
    "train_detector",
    "updated",
    "usual_share",
]
