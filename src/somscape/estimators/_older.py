"""Estimators that were pickled by an older release: what they lack, or call differently."""

import warnings
from inspect import Parameter, signature
from typing import Any

from sklearn.base import BaseEstimator

from somscape.callbacks import TimeLimit
from somscape.errors import SomscapeWarning
from somscape.grid import Lattice
from somscape.maps import Map
from somscape.outliers import Calibration, Decorrelation, Detector, Scorer

RADIUS_OF_DETAIL = {"smooth": 1.0, "sharp": 0.5}
"""Final radius in grid steps that `detail` chose; "balanced" is what "auto" chooses today."""

LOST = {"winner": "nearest", "order": "random", "half_life": None}
"""Parameters of a SOM that have no like today, with the value that changed nothing."""


class Estimator(BaseEstimator):
    """A base whose pickles stay readable: what they lack takes its default."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters = signature(type(self).__init__).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not Parameter.empty}
        if "learning_rate" in defaults:  # a SOM, or a class of the user's made from it
            state = _som_of_today(state)
        super().__setstate__({**defaults, **state})


def _som_of_today(state: dict[str, Any]) -> dict[str, Any]:
    """Return a SOM's state with today's parameters; warn of what they cannot say."""
    state = dict(state)
    lost = {}
    for name, default in LOST.items():
        value = state.pop(name, default)
        if not (value is default or (isinstance(value, str) and value == default)):
            lost[name] = value
    if state.get("algorithm") == "minibatch":
        lost["algorithm"] = state.pop("algorithm")
    rates = [state.pop(name, None) for name in ("rate_start", "rate_end", "rate_decay")]
    if rates[0] is not None:
        is_constant = isinstance(rates[2], str) and rates[2] == "constant"
        state["learning_rate"] = rates[0] if is_constant else (rates[0], rates[1])
        if not (is_constant or (isinstance(rates[2], str) and rates[2] == "geometric")):
            lost["rate_decay"] = rates[2]
    seconds = state.pop("max_time", None)
    if seconds is not None:
        state["callbacks"] = (*state["callbacks"], TimeLimit(seconds))
    detail = state.pop("detail", None)
    if detail in RADIUS_OF_DETAIL and state["radius_end"] == "auto":
        step = state["lattice"].step if isinstance(state["lattice"], Lattice) else 1.0
        radius = RADIUS_OF_DETAIL[detail] * step
        start = state["radius_start"]
        state["radius_end"] = radius if isinstance(start, str) else min(radius, start)
    if lost:
        named = ", ".join(f"{name}={value!r:.80}" for name, value in lost.items())
        warnings.warn(
            f"this SOM was saved with {named}, which somscape no longer supports: its map answers "
            "as before, and a new `fit` uses today's defaults.",
            SomscapeWarning,
            stacklevel=3,
        )
    return state


def detector_of_older(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a SOMDetector, whose map kept the detector in versions 0.1 and 0.2.

    Parameters
    ----------
    state : dict

    Returns
    -------
    dict
        As today's has it; the same where it is today's.
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
    """Return the detector that a map kept, as `somscape.maps._settings.DetectorSettings`."""
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
