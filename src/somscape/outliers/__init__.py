"""Who is unusual, how sure that is, and why."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from somscape.outliers._alerts import RESULT_NAMES, Alerts, free_name, rank_alerts
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

if TYPE_CHECKING:
    from somscape.estimators import as_pyod

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
    "as_pyod",
    "contributions",
    "counterfactuals",
    "detector_goes_on",
    "explain_rows",
    "free_name",
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


def __getattr__(name: str) -> Any:
    # It makes a scikit-learn estimator, for which nobody else shall wait.
    if name == "as_pyod":
        return import_module("somscape.estimators").as_pyod
    raise AttributeError(f"module 'somscape.outliers' has no attribute {name!r}")
