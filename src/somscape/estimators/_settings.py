"""From an estimator's parameters to the settings of a training run, and of a detection."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from somscape._validate import check_number, check_whole
from somscape.encode import Encoding
from somscape.errors import InputError
from somscape.estimators._libraries import fetched
from somscape.estimators._prepare import seed_of
from somscape.estimators._verbose import Verbose
from somscape.fit import Settings
from somscape.maps import Map
from somscape.outliers import Detection
from somscape.recognize import Prediction, Recognition
from somscape.tables import listed, suggestion


def start_of(init: Any) -> Any:
    """Return what training starts from: of a detector or a fitted estimator, its map."""
    map_ = getattr(init, "map_", init)
    return map_ if isinstance(map_, Map) else fetched(init)


def weights_of_features(given: Any, encoding: Encoding) -> Any:
    """Return weights as one for each feature; those of named columns are for all their features."""
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


def refuse_checkpoint(callbacks: Any, name: str) -> None:
    """Raise ValueError if one of the callbacks keeps a file, from which `name` cannot go on."""
    given = callbacks if isinstance(callbacks, Iterable) else ()
    if any(callable(getattr(callback, "keep", None)) for callback in given):
        raise ValueError(
            f"{name} does not support a `Checkpoint` among the `callbacks` of a SOM: only "
            "SOM.fit can go on from its file. Leave it out."
        )


def settings_of_detector(detector: Any, som: Any) -> tuple[Detection, Settings]:
    """Return a SOMDetector's parameters, checked: those of the detection and of its map."""
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
    return detection, _settings_within(detector, som, "scores and reasons require")


def settings_of_classifier(classifier: Any, som: Any) -> tuple[Recognition, Settings]:
    """Return a SOMClassifier's parameters, checked: those of the recognition and of its map."""
    check_number("layer_weight", classifier.layer_weight, 0, low_is_allowed=True)
    if classifier.reject is not None:
        check_number("reject", classifier.reject, 0, 0.5)
    settings = _settings_of_learner(classifier, som, ("sharpen", "smooth"))
    recognition = Recognition(
        float(classifier.layer_weight), bool(classifier.sharpen), bool(classifier.smooth)
    )
    return recognition, settings


def settings_of_regressor(regressor: Any, som: Any) -> tuple[Prediction, Settings]:
    """Return a SOMRegressor's parameters, checked: those of the prediction and of its map."""
    settings = _settings_of_learner(regressor, som, ("relevance", "linear"))
    return Prediction(bool(regressor.relevance), bool(regressor.linear)), settings


def _settings_of_learner(learner: Any, som: Any, flags: tuple[str, ...]) -> Settings:
    """Return the settings of a map that learns classes or numbers, and check flags."""
    for name in flags:
        if not isinstance(getattr(learner, name), bool | np.bool_):
            raise TypeError(f"`{name}` must be True or False; got {getattr(learner, name)!r}.")
    if not isinstance(som.init, str):
        raise ValueError(
            "`som` must have an `init` by name, as its rows are trained on axes of their own; got "
            f"{type(som.init).__name__}. Leave it out."
        )
    return _settings_within(learner, som, "what follows the map requires")


def _settings_within(estimator: Any, som: Any, why: str) -> Settings:
    """Return the settings of a map that another estimator trains, with its seed and progress."""
    if som.metric != "euclidean" or som.feature_weight is not None:
        raise ValueError(
            f"`som` must have metric='euclidean' and no `feature_weight`, as {why}; got "
            f"metric={som.metric!r}. Scale the columns of X instead."
        )
    som.set_params(verbose=som.verbose or estimator.verbose)
    if som.random_state is None:
        som.set_params(random_state=seed_of(estimator.random_state))
    settings = settings_of_som(som)
    refuse_checkpoint(settings.callbacks, type(estimator).__name__)
    return settings
