"""Which classes of rows each unit won, for displays of known outcomes."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape._validate import is_missing
from somscape.errors import InputError
from somscape.maps import NO_UNIT, Map
from somscape.plots._legend import MAX_CLASSES, check_max_classes


@dataclass(frozen=True, eq=False)
class Classes:
    """The class of each row, the smallest ones joined.

    Attributes
    ----------
    names : tuple of str
        Sorted by value if all are numbers, else as text.
    places : ndarray of shape (n_samples,), int
        Of each row's class in `names`; their number for the others; -1 for a row without one.
    n_others : int
        Classes that are joined.
    """

    names: tuple[str, ...]
    places: Ints
    n_others: int


def classes_of(y: Any, n_rows: int, max_classes: int = MAX_CLASSES) -> Classes:
    """Return the classes of rows."""
    check_max_classes(max_classes)
    labels = np.asarray(y, dtype=object).ravel()
    if len(labels) != n_rows:
        raise InputError(f"y must have one label per row of X, {n_rows}; got {len(labels)}.")
    texts = [None if is_missing(label) else str(label) for label in labels]
    names, counts = np.unique([t for t in texts if t is not None], return_counts=True)
    if not len(names):
        raise InputError("y holds no label: all are None or NaN. Leave y out, or give labels.")
    kept = _in_order(
        [str(name) for name in names[np.argsort(-counts, kind="stable")][:max_classes]]
    )
    place = {name: i for i, name in enumerate(kept)}
    places = [-1 if text is None else place.get(text, len(kept)) for text in texts]
    return Classes(kept, np.array(places, dtype=np.intp), len(names) - len(kept))


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Number of rows of each class that each unit won.

    Attributes
    ----------
    classes : tuple of str
    counts : ndarray of shape (n_units, n_classes), or one more column for the others
    n_others : int
        Classes that the last column joins.
    """

    classes: tuple[str, ...]
    counts: Ints
    n_others: int


def count_classes(map_: Map, X: Any, y: Any, max_classes: int = MAX_CLASSES) -> ClassCounts:
    """Count the rows of each class by unit."""
    require_rows(X)
    units = map_.winners(X)
    found = classes_of(y, len(units), max_classes)
    counts = np.zeros((map_.n_units, len(found.names) + (found.n_others > 0)), dtype=np.intp)
    counted = (units != NO_UNIT) & (found.places >= 0)
    np.add.at(counts, (units[counted], found.places[counted]), 1)
    return ClassCounts(found.names, counts, found.n_others)


def require_rows(X: Any) -> None:
    """Raise InputError for labels without the rows that they belong to."""
    if X is None:
        raise InputError("y needs X, the rows that the labels belong to; pass both.")


def _in_order(names: list[str]) -> tuple[str, ...]:
    by_text = sorted(names, key=_with_numbers)
    try:
        return tuple(sorted(by_text, key=float))
    except ValueError:
        return tuple(by_text)


def _with_numbers(name: str) -> list[tuple[int, str]]:
    """Return what sorts "class 2" before "class 10"."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part) if i % 2 else 0, part) for i, part in enumerate(parts)]
