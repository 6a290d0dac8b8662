"""Who is unusual, how sure that is, and why."""

from somscape.outliers._alerts import RECORD, RESULT_NAMES, Alerts, free_name, rank_alerts
from somscape.outliers._calibration import p_values, threshold_for
from somscape.outliers._detector import Detection, train_detector
from somscape.outliers._labels import known_labels
from somscape.outliers._reasons import Reason, explain_rows
from somscape.outliers._rule import AlertRule, adjusted, usual_share
from somscape.outliers._score import contributions, score_rows, settings_of

__all__ = [
    "RECORD",
    "RESULT_NAMES",
    "AlertRule",
    "Alerts",
    "Detection",
    "Reason",
    "adjusted",
    "contributions",
    "explain_rows",
    "free_name",
    "known_labels",
    "p_values",
    "rank_alerts",
    "score_rows",
    "settings_of",
    "threshold_for",
    "train_detector",
    "usual_share",
]
