"""From a detector's parameters to the settings of its map and of the detection."""

from typing import Any

from sklearn.base import clone

from somscape.estimators._prepare import seed_of
from somscape.estimators._settings import settings_of_som
from somscape.estimators._som import SOM
from somscape.fit import Settings
from somscape.outliers import Detection


def settings_of_detector(detector: Any) -> tuple[Detection, Settings]:
    """Return a SOMDetector's parameters, checked: those of the detection and of its map.

    Parameters
    ----------
    detector : SOMDetector

    Returns
    -------
    detection : Detection
    settings : Settings
        With a seed drawn by the detector if its `som` has no ``random_state``.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not allowed; the message names it.
    """
    detection = Detection(
        detector.method,
        detector.contamination,
        detector.n_prototypes,
        detector.trim,
        detector.training_is_clean,
        detector.calibration,
        detector.decorrelate,
        detector.n_maps,
    )
    if not (detector.som is None or isinstance(detector.som, SOM)):
        raise TypeError(f"`som` must be a SOM or None; got {detector.som!r}.")
    som = SOM() if detector.som is None else clone(detector.som)
    if som.metric != "euclidean" or som.feature_weight is not None:
        raise ValueError(
            "`som` must have metric='euclidean' and no `feature_weight`, as scores and reasons "
            f"require; got metric={som.metric!r}. Scale the columns of X instead."
        )
    som.set_params(verbose=som.verbose or detector.verbose)
    if som.random_state is None:
        som.set_params(random_state=seed_of(detector.random_state))
    return detection, settings_of_som(som)
