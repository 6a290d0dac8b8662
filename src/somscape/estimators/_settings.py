"""From an estimator's parameters to the settings of a training run, and of a detection."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from somscape._validate import check_whole
from somscape.encode import Encoding
from somscape.errors import InputError
from somscape.estimators._prepare import seed_of
from somscape.estimators._verbose import Verbose
from somscape.fit import Settings
from somscape.maps import Map
from somscape.outliers import Detection
from somscape.tables import listed, suggestion


def start_of(init: Any) -> Any:
    """Return what training starts from: of a detector or a fitted estimator, its map."""
    map_ = getattr(init, "map_", init)
    return map_ if isinstance(map_, Map) else init


def weights_of_features(given: Any, encoding: Encoding) -> Any:
    """Return weights as one for each feature; those of named columns are for all their features.

    Raises
    ------
    InputError
        For a name that is no column that becomes features.
    """
    if not isinstance(given, Mapping):
        return given
    names = [code.name for code in encoding.features]
    for name in given:
        if name not in names:
            cure = suggestion(str(name), names) or f"the columns are {listed(names)}"
            raise InputError(f"`feature_weight` names no column of X: {name!r}; {cure}")
    return [given.get(code.name, 1) for code in encoding.features for _ in code.feature_names]


def settings_of_som(som: Any) -> Settings:
    """Return a SOM's parameters as checked settings; draws a seed if one is needed."""
    of_others = ("units_per_root", "seed", "callbacks")
    names = [f.name for f in fields(Settings) if f.name not in of_others]
    if not isinstance(som.callbacks, Iterable):
        raise TypeError(
            f"`callbacks` must be a sequence of functions; got {som.callbacks!r}. "
            "Write callbacks=[...] for one."
        )
    if not isinstance(som.verbose, bool | np.bool_):
        check_whole("verbose", som.verbose, 0)
    if not isinstance(som.warm_start, bool | np.bool_):
        raise TypeError(f"`warm_start` must be True or False; got {som.warm_start!r}.")
    is_drawn = isinstance(som.init, str) and som.init != "pca"
    return Settings(
        **{name: getattr(som, name) for name in names} | {"init": start_of(som.init)},
        seed=seed_of(som.random_state, draws=is_drawn or som.algorithm == "online"),
        callbacks=(*som.callbacks, Verbose()) if som.verbose else tuple(som.callbacks),
    )


def settings_of_detector(detector: Any, som: Any) -> tuple[Detection, Settings]:
    """Return a SOMDetector's parameters, checked: those of the detection and of its map.

    Parameters
    ----------
    detector : SOMDetector
    som : SOM
        A copy of the map to train, which this changes.

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
    if som.metric != "euclidean" or som.feature_weight is not None:
        raise ValueError(
            "`som` must have metric='euclidean' and no `feature_weight`, as scores and reasons "
            f"require; got metric={som.metric!r}. Scale the columns of X instead."
        )
    som.set_params(verbose=som.verbose or detector.verbose)
    if som.random_state is None:
        som.set_params(random_state=seed_of(detector.random_state))
    return detection, settings_of_som(som)
