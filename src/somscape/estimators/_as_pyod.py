"""A detector in the form of PyOD's: asked for here, defined where PyOD is imported."""

from importlib.util import find_spec
from typing import Any

from somscape.errors import InputError
from somscape.estimators._detector import SOMDetector


def as_pyod(detector: SOMDetector | None = None, *, contamination: float = 0.1) -> Any:
    """Return a detector with the interface of PyOD's, for its combinations.

    Parameters
    ----------
    detector : SOMDetector or None, default=None
        Unfitted; None: ``SOMDetector(random_state=0)``.
    contamination : float, default=0.1
        Share of the training rows above ``threshold_``, in (0, 0.5]; that of `detector` is not
        used.

    Returns
    -------
    pyod.models.base.BaseDetector
        With ``fit``, ``decision_function`` (higher is more unusual), ``predict`` (1 for outliers),
        ``predict_proba``, ``predict_confidence``, ``decision_scores_``, ``threshold_`` and
        ``labels_`` as all of PyOD's; ``detector_`` is the fitted `SOMDetector`.

    Raises
    ------
    InputError
        When PyOD is not installed.
    TypeError
        For a `detector` of another kind.

    Examples
    --------
    >>> from pyod.models.lscp import LSCP  # doctest: +SKIP
    >>> from somscape.outliers import as_pyod
    >>> LSCP([as_pyod(), as_pyod(SOMDetector("mass"))]).fit(X).labels_  # doctest: +SKIP
    """
    if find_spec("pyod") is None:
        raise InputError("`as_pyod` needs PyOD; run: pip install 'somscape[pyod]'.")
    if not (detector is None or isinstance(detector, SOMDetector)):
        raise TypeError(f"`detector` must be a SOMDetector or None; got {detector!r:.80}.")
    from somscape.estimators._pyod import PyODDetector

    return PyODDetector(
        contamination, SOMDetector(random_state=0) if detector is None else detector
    )
