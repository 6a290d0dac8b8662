"""History, names and detector settings as JSON data and named arrays, and back."""

from collections.abc import Mapping
from typing import Any

from somscape.maps._settings import DetectorSettings

BY_UNIT = ("usual", "spread", "lift", "regions")
BY_ROW = ("calibration", "calibration_weights", "calibration_units")
DETECTOR_ARRAYS = (*BY_ROW, "mean_contributions", *BY_UNIT)


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
    return header, {name: values for name, values in arrays.items() if values is not None}


def detector_of(
    header: dict[str, Any] | None, arrays: Mapping[str, Any], n_units: int, n_columns: int
) -> DetectorSettings | None:
    """Return the settings that `detector_parts` took apart, or None where there are none."""
    if header is None:
        return None
    sizes = {**dict.fromkeys(BY_UNIT, n_units), "mean_contributions": n_columns}
    for name, size in sizes.items():
        if name in arrays and arrays[name].shape != (size,):
            raise ValueError(f"{name} must have {size} values")
    arrays["calibration"]  # must be there
    return DetectorSettings(**header, **{n: arrays[n] for n in DETECTOR_ARRAYS if n in arrays})
