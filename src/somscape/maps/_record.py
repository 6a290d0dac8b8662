"""What is a map's own in a record, its history and the names of its units."""

from collections.abc import Mapping
from typing import Any

from somscape.records import CLASSES, TARGETS, Record

OWN = ("codebook", "hits", "history", "metric", "lattice", "joins", "kept_regions")
"""How the names of a map's arrays begin."""

OTHERS = ("checkpoint", "detector", CLASSES, TARGETS)
"""What else a file may hold, by its entry of the header."""


def map_alone(record: Record) -> Record:
    """Return a record without what belongs to a detector, a classifier and so on."""
    header, arrays = record.header, record.arrays
    more = [name for name in OTHERS if isinstance(header, dict) and header.get(name) is not None]
    if not more:
        return record
    own = {name: values for name, values in arrays.items() if name.split(".")[0] in OWN}
    return Record({**header, **dict.fromkeys(more)}, own)


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
