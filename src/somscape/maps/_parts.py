"""History, names and detector settings as JSON data and named arrays, and back."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from somscape.encode import Encoding
from somscape.maps._decorrelation import Decorrelation
from somscape.maps._settings import DetectorSettings
from somscape.save import MEMBERS, arrays_of_members

BY_UNIT = ("usual", "spread", "lift", "regions")
BY_ROW = ("calibration", "calibration_weights", "calibration_units")
DETECTOR_ARRAYS = (*BY_ROW, "mean_contributions", *BY_UNIT)

METRIC, DECORRELATED = "metric", "decorrelated"
"""Entry of the header where a detector decorrelates columns; without it none does."""


def history_of(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by epoch, which all are numbers in a row."""
    found = {k.removeprefix("history."): v for k, v in arrays.items() if k.startswith("history.")}
    for name, values in found.items():
        if values.dtype.kind != "f" or values.ndim != 1 or not len(values):
            raise ValueError(f"history.{name} must hold numbers by epoch")
    return found


def names_of_units(labels: Any, n_units: int) -> tuple[str, ...]:
    """Return the labels of the units: a text each, or none at all."""
    is_list = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    if not is_list or len(labels) not in (0, n_units):
        raise ValueError("unit_labels must be one text for each unit")
    return tuple(labels)


def detector_parts(settings: DetectorSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return detector settings as JSON data and the arrays that there are."""
    header = {name: getattr(settings, name) for name in ("score", "n_prototypes", "threshold")}
    arrays = {name: getattr(settings, name) for name in DETECTOR_ARRAYS}
    if settings.decorrelation is not None:
        header[METRIC] = DECORRELATED
        for part in fields(settings.decorrelation):
            arrays[f"decorrelation.{part.name}"] = getattr(settings.decorrelation, part.name)
    if settings.members:
        header[MEMBERS] = len(settings.members)
    for i, member in enumerate(settings.members):
        assert member.detector is not None
        of_member = {"codebook": member.codebook, "hits": member.hits}
        of_member |= detector_parts(member.detector)[1]
        del of_member["calibration"]  # only what they say together is calibrated
        arrays |= {f"{MEMBERS}.{i}.{name}": values for name, values in of_member.items()}
    return header, {name: values for name, values in arrays.items() if values is not None}


def members_of(
    header: dict[str, Any], arrays: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Return of each member of a detector settings as JSON data, and its arrays."""
    for parts in arrays_of_members(arrays, header.get(MEMBERS, 0)):
        of_member = {"score": header["score"], "n_prototypes": header["n_prototypes"]}
        of_member["threshold"], parts["calibration"] = 0.0, np.empty(0)
        if "decorrelation.matrix" in parts:  # then all parts of it
            of_member[METRIC] = DECORRELATED
        yield of_member, parts


def detector_of(
    header: dict[str, Any] | None, arrays: Mapping[str, Any], n_units: int, encoding: Encoding
) -> DetectorSettings | None:
    """Return the settings that `detector_parts` took apart, or None where there are none."""
    if header is None:
        return None
    sizes = {**dict.fromkeys(BY_UNIT, n_units), "mean_contributions": len(encoding.features)}
    for name, size in sizes.items():
        if name in arrays and arrays[name].shape != (size,):
            raise ValueError(f"{name} must have {size} values")
    arrays["calibration"]  # must be there
    given = {name: arrays[name] for name in DETECTOR_ARRAYS if name in arrays}
    if not isinstance(header, dict):
        raise TypeError("detector must be names and values")
    others = {name: value for name, value in header.items() if name not in (METRIC, MEMBERS)}
    if METRIC in header:
        given["decorrelation"] = _decorrelation_of(header[METRIC], arrays, encoding.n_features)
    return DetectorSettings(**others, **given)


def _decorrelation_of(name: Any, arrays: Mapping[str, Any], n_features: int) -> Decorrelation:
    if name != DECORRELATED:
        raise ValueError(f"a detector's metric must be '{DECORRELATED}' or absent; got {name!r}")
    parts = {part.name: arrays[f"decorrelation.{part.name}"] for part in fields(Decorrelation)}
    for part, values in parts.items():
        shape = (n_features,) * (2 if part == "matrix" else 1)
        if values.dtype != np.float64 or values.shape != shape or not np.isfinite(values).all():
            raise ValueError(f"decorrelation.{part} must hold finite float64 numbers by feature")
    if not (parts["spread"] > 0).all():
        raise ValueError("decorrelation.spread must be above 0")
    return Decorrelation(**parts)
