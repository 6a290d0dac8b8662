"""Who is unusual, how sure that is, and why."""

from somscape.outliers._alerts import RESULT_NAMES, Alerts, rank_alerts
from somscape.outliers._calibration import p_values, threshold_for
from somscape.outliers._counterfactual import Change, Counterfactual, counterfactuals
from somscape.outliers._detector import Detection, TrainedDetector, n_trainings, train_detector
from somscape.outliers._drift import DriftAlarm, DriftMonitor
from somscape.outliers._labels import UNKNOWN, known_labels, labels_to_learn_from
from somscape.outliers._range import Range
from somscape.outliers._reasons import RECORD, Reason, explain_rows, ids_of
from somscape.outliers._rule import AlertRule, adjusted, usual_share
from somscape.outliers._score import contributions, score_rows, settings_of
from somscape.outliers._similar import (
    LabelShare,
    SimilarRows,
    label_share,
    similar_rows,
    wilson,
)
from somscape.outliers._stream import DetectorStream, detector_goes_on

__all__ = [
    "RECORD",
    "RESULT_NAMES",
    "UNKNOWN",
    "AlertRule",
    "Alerts",
    "Change",
    "Counterfactual",
    "Detection",
    "DetectorStream",
    "DriftAlarm",
    "DriftMonitor",
    "LabelShare",
    "Range",
    "Reason",
    "SimilarRows",
    "TrainedDetector",
    "adjusted",
    "contributions",
    "counterfactuals",
    "detector_goes_on",
    "explain_rows",
    "ids_of",
    "known_labels",
    "label_share",
    "labels_to_learn_from",
    "n_trainings",
    "p_values",
    "rank_alerts",
    "score_rows",
    "settings_of",
    "similar_rows",
    "threshold_for",
    "train_detector",
    "usual_share",
    "wilson",
]
