"""Detection of anomalies (unusual rows), with p-values and reasons."""

from somscape.outliers.alert_rule import AlertRule
from somscape.outliers.alerts import Alerts
from somscape.outliers.calibration import Calibration
from somscape.outliers.counterfactual import Change, Counterfactual, Range
from somscape.outliers.detector import Detector
from somscape.outliers.drift import Drift
from somscape.outliers.findings import Finding
from somscape.outliers.rarity import Occurrence, Rarity
from somscape.outliers.reasons import Reason, Reasons
from somscape.outliers.relation import Relation
from somscape.outliers.score import Decorrelation, Scorer
from somscape.outliers.similar import LabelShare, SimilarRows

__all__ = [
    "AlertRule", "Alerts", "Calibration", "Change", "Counterfactual", "Decorrelation", "Detector",
    "Drift", "Finding", "LabelShare", "Occurrence", "Range", "Rarity",
    "Reason", "Reasons", "Relation", "Scorer", "SimilarRows",
]  # fmt: skip
