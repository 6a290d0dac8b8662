"""SOMDetectors pickled by version 0.1 or 0.2, whose map held what is a `Detector` today."""

from typing import Any

from somscape.errors import InputError
from somscape.maps import Map
from somscape.outliers import SCORES, Calibration, Decorrelation, Detector, Scorer


def detector_of_older(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a SOMDetector, whose map held the detector in versions 0.1 and 0.2.

    Parameters
    ----------
    state : dict

    Returns
    -------
    dict
        In today's form; unchanged if it has that form already.
    """
    if "_score" not in state:
        return state
    names = {"_score": "method", "labels_": "units_"}
    gone = ("n_folds", "map_", "offset_")
    found = {names.get(name, name): v for name, v in state.items() if name not in gone}
    if "map_" in state:
        found["detector_"] = _detector_of(state["map_"])
    return found


def _detector_of(map_: Map) -> Detector:
    """Return the detector that a map held, as `somscape.maps._settings.DetectorSettings`."""
    kept = vars(map_.__dict__.pop("detector"))
    calibration = Calibration(
        kept["calibration"],
        kept.get("calibration_weights"),
        kept.get("calibration_units"),
        kept.get("regions"),
    )
    return Detector(
        _scorer_of(map_, kept),
        kept["threshold"],
        calibration,
        tuple(
            _scorer_of(one, vars(one.__dict__.pop("detector"))) for one in kept.get("members", ())
        ),
        kept.get("lift"),
        kept.get("mean_contributions"),
    )


def _scorer_of(map_: Map, kept: dict[str, Any]) -> Scorer:
    if kept["score"] not in SCORES:
        raise InputError(
            f"this SOMDetector was pickled with score={kept['score']!r}, which is no longer "
            "supported. Fit a new one."
        )
    decorrelation = None
    if kept.get("decorrelation") is not None:
        parts = vars(kept["decorrelation"])
        decorrelation = Decorrelation(
            parts["center"], parts["spread"], parts["matrix"], parts["counts"]
        )
    return Scorer(
        map_,
        kept["score"],
        kept["n_prototypes"],
        kept.get("usual"),
        kept.get("spread"),
        decorrelation,
    )
