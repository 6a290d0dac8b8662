"""History and names of units from a record."""

from collections.abc import Mapping
from typing import Any


def history_of(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by epoch, each a list of numbers."""
    found = {k.removeprefix("history."): v for k, v in arrays.items() if k.startswith("history.")}
    for name, values in found.items():
        if values.dtype.kind != "f" or values.ndim != 1 or not len(values):
            raise ValueError(f"history.{name} must hold numbers by epoch")
    return found


def names_of_units(labels: Any, n_units: int) -> tuple[str, ...]:
    """Return the labels of the units: one text for each, or none at all."""
    is_list = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    if not is_list or len(labels) not in (0, n_units):
        raise ValueError("unit_labels must be one text for each unit")
    return tuple(labels)
