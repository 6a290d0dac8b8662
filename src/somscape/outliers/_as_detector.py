"""The detector in what a function was given: itself, or that of a fitted estimator."""

from typing import Any

from somscape.maps import refusal_of
from somscape.outliers._detector import Detector


def as_detector(detector: Any) -> Detector:
    """Return a detector itself, or the detector of a fitted estimator."""
    found = detector_in(detector)
    if found is None:
        example = "`detector_` of a fitted SOMDetector"
        raise refusal_of(detector, "a Detector", example, "alerts")
    return found


def detector_in(thing: Any) -> Detector | None:
    """Return an object if it is a detector, its detector if it has one, or None."""
    found = getattr(thing, "detector_", thing)
    return found if isinstance(found, Detector) else None
