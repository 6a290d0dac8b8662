"""Give SOMDetector the interface of a PyOD detector, so that PyOD can combine detectors."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from somscape._types import Float64s
from somscape.errors import ParameterTypeError
from somscape.estimators import SOMDetector
from somscape.tables._messages import check_libraries

__all__ = ["as_pyod"]


def as_pyod(detector: SOMDetector | None = None, *, contamination: float = 0.1) -> Any:
    """Return a detector that PyOD can combine with its own detectors.

    Parameters
    ----------
    detector : SOMDetector or None, default=None
        Detector that is not fitted.  None means ``SOMDetector(random_state=0)``.
    contamination : float, default=0.1
        Share of the training rows that are outliers (rows with a score above ``threshold_``), in
        (0, 0.5].  The `contamination` of `detector` is ignored.

    Returns
    -------
    pyod.models.base.BaseDetector
        Detector with ``fit``, ``decision_function`` (a higher score is more unusual), ``predict``
        (1 for outliers), ``predict_proba``, ``predict_confidence``, ``decision_scores_``,
        ``threshold_`` and ``labels_``, as in all PyOD detectors.  ``detector_`` is the fitted
        `SOMDetector`.

    Raises
    ------
    InputError
        If PyOD is not installed.
    TypeError
        If `detector` is neither a `SOMDetector` nor None.

    See Also
    --------
    somscape.SOMDetector : The detector itself, with reasons and p-values.

    Examples
    --------
    >>> import numpy as np
    >>> from pyod.models.lscp import LSCP  # doctest: +SKIP
    >>> from somscape import SOMDetector
    >>> from somscape.pyod import as_pyod
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> LSCP([as_pyod(), as_pyod(SOMDetector("k_prototype"))]).fit(X).labels_  # doctest: +SKIP
    """
    check_libraries("the adapter", ("pyod",), "pyod")
    if not (detector is None or isinstance(detector, SOMDetector)):
        raise ParameterTypeError(
            f"`detector` must be a SOMDetector or None, but is {detector!r:.80}.", value=detector
        )
    own = SOMDetector(random_state=0) if detector is None else detector
    return PyODDetector(contamination, own)


if find_spec("pyod") is not None:
    from pyod.models.base import BaseDetector

    class PyODDetector(BaseDetector):
        """A SOMDetector as a PyOD detector.  See `as_pyod`."""

        def __init__(self, contamination: float = 0.1, detector: SOMDetector | None = None) -> None:
            super().__init__(contamination=contamination)
            self.detector = detector

        def fit(self, X: Any, y: Any = None) -> "PyODDetector":
            """Train the map, score the training rows, and set the threshold.  `y` is ignored."""
            self._set_n_classes(y)
            detector = SOMDetector() if self.detector is None else clone(self.detector)
            self.detector_: SOMDetector = detector.fit(X)
            self.decision_scores_ = self.decision_function(X)
            self._process_decision_scores()
            return self

        def decision_function(self, X: Any) -> Float64s:
            """Return the scores of rows.  A higher score is more unusual."""
            check_is_fitted(self, "detector_")
            return np.asarray(-self.detector_.score_samples(X))
