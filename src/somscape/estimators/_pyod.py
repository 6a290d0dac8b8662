"""SOMDetector with PyOD's interface; importing this file imports PyOD."""

from typing import Any

import numpy as np
from pyod.models.base import BaseDetector
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from somscape._types import Float64s
from somscape.estimators._detector import SOMDetector


class PyODDetector(BaseDetector):
    """A SOMDetector as PyOD's detectors are; see `as_pyod`."""

    def __init__(self, contamination: float = 0.1, detector: SOMDetector | None = None) -> None:
        super().__init__(contamination=contamination)
        self.detector = detector

    def fit(self, X: Any, y: Any = None) -> "PyODDetector":
        """Train the map, score the rows and set the threshold; y is ignored."""
        self._set_n_classes(y)
        detector = SOMDetector() if self.detector is None else clone(self.detector)
        self.detector_: SOMDetector = detector.fit(X)
        self.decision_scores_ = self.decision_function(X)
        self._process_decision_scores()
        return self

    def decision_function(self, X: Any) -> Float64s:
        """Return the scores of rows, higher for more unusual."""
        check_is_fitted(self, "detector_")
        return np.asarray(-self.detector_.score_samples(X))
