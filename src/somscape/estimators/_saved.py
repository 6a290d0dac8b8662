"""Estimators in files: parameters and fitted attributes, next to the map or model."""

from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from somscape._validate import check_that
from somscape.errors import InputError, ParameterError
from somscape.estimators._base import Base
from somscape.estimators._elsewhere import fetched
from somscape.grid.graph import lattice_of, lattice_parts
from somscape.grid.lattice import Lattice
from somscape.maps.map import Map
from somscape.maps.record import ESTIMATOR, Arrays, Record, arrays_within, write_record
from somscape.outliers.detector import Detector
from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import Recognizer

FACTS: dict[str, type] = {
    "explain_defaults_": dict,
    "kernels_used_": str,
    "n_features_in_": int,
    "n_iter_": int,
    "stop_reason_": str,
}
"""Fitted attributes that are JSON data, with their types."""

MODELS = {"map_": Map, "detector_": Detector, "recognizer_": Recognizer, "predictor_": Predictor}
"""Attributes that contain the fitted map or model, with their types."""

PER_ROW = ("labels_", "units_")
"""Fitted attributes that contain the unit of each training row."""


class Saves(Base):
    """Base class of estimators that can be saved."""

    _MODEL: ClassVar[str]
    """Name of the attribute that contains the fitted map or model."""
    _ARRAYS: ClassVar[tuple[str, ...]] = ()
    """Names of other fitted attributes that contain arrays."""

    def save(self, path: str | Path) -> None:
        """Save the fitted estimator to one file, completely or not at all.

        `somscape.load` returns the estimator, with equal parameters and bit-equal results.  The
        file does not contain training rows.  `callbacks`, a `random_state` other than an integer,
        and settings of scikit-learn (`set_output`, requests of metadata) are not saved, so the
        loaded estimator has their defaults.  A fitted `encoder` is not fitted after loading,
        because its encoding is part of the map.

        Parameters
        ----------
        path : str or Path
            Name of the file, usually with the extension ``.som``.

        Raises
        ------
        InputError
            If a parameter has a value that a file cannot contain.

        Examples
        --------
        >>> import pathlib, somscape, tempfile
        >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 20, ["a", "b"] * 20
        >>> classifier = somscape.SOMClassifier(random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     classifier.save(pathlib.Path(folder) / "letters.som")
        ...     somscape.load(pathlib.Path(folder) / "letters.som").predict([[0.1, 0.9]])
        array(['a'], dtype='<U1')
        """
        _ = self.map_  # raises an error before `fit`
        record, arrays = self._current_model.to_record(), dict[str, Any]()
        told = _tell_estimator(self, arrays)
        state = vars(self)
        told["fitted"] = {name: state[name] for name in FACTS if name in state}
        if "feature_names_in_" in state:
            told["fitted"]["feature_names_in_"] = state["feature_names_in_"].tolist()
        for name in (*PER_ROW, *self._ARRAYS):
            if name in state:
                arrays[name] = fetched(state[name])
        own = {f"{ESTIMATOR}.{name}": values for name, values in arrays.items()}
        write_record(path, Record({**record.header, ESTIMATOR: told}, record.arrays | own))

    @property
    def _current_model(self) -> Any:
        """The fitted map or model."""
        return getattr(self, self._MODEL)

    def _fits(self, name: str, values: Any) -> bool:
        """Return whether an array of `_ARRAYS` from a file fits the map."""
        raise NotImplementedError

    def _take_model(self, model: Any) -> None:
        """Set the fitted attributes that a saved map or model contains."""
        setattr(self, self._MODEL, model)


def _tell_estimator(estimator: BaseEstimator, arrays: Arrays, within: str = "") -> dict[str, Any]:
    """Return the class and the parameters of an estimator as JSON data.

    If the estimator is the parameter `som` of another one, `within` is "som__".
    """
    kinds: list[Any] = [c for c in type(estimator).__mro__ if c.__module__.startswith("somscape.")]
    cls = kinds[0]  # a class of a user is saved as the class of somscape from which it inherits
    values = {name: getattr(estimator, name) for name in cls._get_param_names()}
    values.pop("callbacks", None)
    if not isinstance(values.get("random_state", 0), int | np.integer | None):
        del values["random_state"]
    told = {name: _tell(within + name, value, arrays) for name, value in values.items()}
    return {"class": cls.__name__, "parameters": told}


def _tell(name: str, value: Any, arrays: Arrays) -> Any:
    """Return a parameter as JSON data.  Arrays of numbers are added to `arrays`."""
    is_init = name.rpartition("__")[2] == "init"
    value = getattr(value, "map_", value) if is_init else fetched(value)
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, BaseEstimator):
        return _tell_estimator(value, arrays, f"{name}__")
    if isinstance(value, date):
        return {"time": value.isoformat()}
    if isinstance(value, Map):
        record = value.to_record()
        arrays |= {f"map:{part}": values for part, values in record.arrays.items()}
        return {"map": record.header}
    if isinstance(value, Lattice):
        header, own = lattice_parts(value)
        arrays |= own
        return {"lattice": header}
    if hasattr(value, "__array__"):
        value = np.asarray(value)
        if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
            number = len(arrays)
            arrays[str(number)] = value
            return {"array": number}
        value = value.tolist()
    if isinstance(value, Mapping):
        return {"dict": [[_tell(name, part, arrays) for part in pair] for pair in value.items()]}
    if isinstance(value, slice):
        parts = value.start, value.stop, value.step
        return {"slice": [_tell(name, part, arrays) for part in parts]}
    if isinstance(value, Set):
        return {"set": [_tell(name, part, arrays) for part in value]}
    if isinstance(value, Sequence):
        told = [_tell(name, part, arrays) for part in value]
        return {"tuple": told} if isinstance(value, tuple) else told
    raise InputError(
        f"A file cannot contain the parameter `{name}`, because it is of type "
        f"{type(value).__name__}. Set another value with `set_params`, or save the fitted "
        "attribute, such as `map_` or `detector_`.",
        parameter=name,
        value=value,
    )


def estimator_of(record: Record, model: Any, classes: Mapping[str, type[Any]]) -> Any:
    """Return the estimator in a record, with the map or model of the same record."""
    arrays = arrays_within(record.arrays, ESTIMATOR)
    try:
        told = record.header[ESTIMATOR]
        estimator = _read_estimator(told, arrays, classes)
        fits = isinstance(estimator, Saves) and isinstance(model, MODELS[estimator._MODEL])
        check_that(fits, f"the file of a {told['class']} must not contain a {type(model).__name__}")
        estimator._take_model(model)
        _ = estimator._current_model  # raises an error if a parameter does not fit
        _take_fitted(estimator, told["fitted"], arrays)
        check_that(not arrays, f"array {next(iter(arrays), '')[:40]!r} does not have a name")
    except (AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"The parts of the estimator do not fit together ({error}).",
            parameter=getattr(error, "parameter", None),
        ) from error
    return estimator


def _read_estimator(told: Any, arrays: Arrays, classes: Mapping[str, type[Any]]) -> Any:
    """Return the estimator that `_tell_estimator` described, without its fitted attributes."""
    cls, values = classes.get(told["class"]), told["parameters"]
    if cls is None:
        raise ParameterError(
            f"the class {told['class'][:40]!r} is not one of {', '.join(classes)}",
            parameter="class",
            value=told["class"],
            allowed=tuple(classes),
        )
    if unknown := sorted(values.keys() - set(cls._get_param_names())):
        raise ParameterError(
            f"{cls.__name__} does not have the parameter {unknown[0][:40]!r}", parameter=unknown[0]
        )
    return cls(**{name: _read(value, arrays, classes) for name, value in values.items()})


def _read(told: Any, arrays: Arrays, classes: Mapping[str, type[Any]]) -> Any:
    """Return the parameter that `_tell` described.  Its arrays are removed from `arrays`."""
    if isinstance(told, list):
        return [_read(part, arrays, classes) for part in told]
    if not isinstance(told, dict):
        return told
    if "class" in told:
        return _read_estimator(told, arrays, classes)
    ((kind, parts),) = told.items()
    if kind == "array":
        return arrays.pop(str(int(parts))).copy()
    if kind == "map":
        names = [name for name in arrays if name.startswith("map:")]
        own = {name.removeprefix("map:"): arrays.pop(name) for name in names}
        return Map.from_record(Record(parts, own))
    if kind == "lattice":
        own = {name: arrays.pop(name) for name in list(arrays) if name.startswith("lattice.")}
        return lattice_of(parts, own, parts.get("n_units"))
    parts = _read(parts, arrays, classes)
    if kind == "slice":
        return slice(*parts)
    makers: dict[str, Any] = {"dict": dict, "set": set, "tuple": tuple}
    return datetime.fromisoformat(parts) if kind == "time" else makers[kind](parts)


def _take_fitted(estimator: Any, facts: dict[str, Any], arrays: Arrays) -> None:
    """Check the fitted attributes from a file, and set them."""
    map_ = estimator.map_
    names, n_features = facts.pop("feature_names_in_", None), facts["n_features_in_"]
    for name, value in facts.items():
        check_that(type(value) is FACTS[name], f"{name} must be of type {FACTS[name].__name__}")
    check_that(
        n_features == map_.codebook.shape[1]
        or not map_.encoding.is_plain
        or ("kept_" in estimator._ARRAYS and n_features > map_.codebook.shape[1]),
        "n_features_in_ must be the number of features of the map",
    )
    if names is not None:
        are_texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
        check_that(
            are_texts and len(names) == n_features,
            "feature_names_in_ must contain the name of each feature",
        )
        estimator.feature_names_in_ = np.array(names, dtype=object)
    vars(estimator).update(facts)
    lacking = set(estimator._ARRAYS) - arrays.keys()
    check_that(not lacking, f"the arrays {', '.join(sorted(lacking))} are missing")
    for name in {*PER_ROW, *estimator._ARRAYS} & arrays.keys():
        values = arrays.pop(name)
        if name in PER_ROW:
            are_units = values.dtype == np.int64 and values.ndim == 1
            is_right = are_units and ((values >= -1) & (values < map_.n_units)).all()
        else:
            is_right = estimator._fits(name, values)
        check_that(is_right, f"{name} does not fit the map")
        setattr(estimator, name, values.copy())
