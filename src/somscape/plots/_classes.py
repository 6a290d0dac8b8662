"""Which classes of rows each unit won, for displays of known outcomes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape.errors import InputError
from somscape.maps import Map
from somscape.plots._cells import CLASS_COLORS

MAX_CLASSES = len(CLASS_COLORS)


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Number of rows of each class that each unit won.

    Attributes
    ----------
    classes : tuple of str
        Sorted by value if all are numbers, else as text.
    counts : ndarray of shape (n_units, n_classes)
    """

    classes: tuple[str, ...]
    counts: Ints


def count_classes(map_: Map, X: Any, y: Any) -> ClassCounts:
    """Count the rows of each class by unit.

    Parameters
    ----------
    map_ : Map
        The map that finds the winners.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.
    y : array-like of shape (n_samples,)
        A class for each row; a row with class None or NaN is not counted.

    Returns
    -------
    ClassCounts

    Raises
    ------
    InputError
        If the numbers of labels and rows differ, or there are more than 8 classes.
    """
    units = map_.winners(X)
    labels = np.asarray(y, dtype=object).ravel()
    if len(labels) != len(units):
        raise InputError(f"y must have one label per row of X, {len(units)}; got {len(labels)}.")
    is_known = np.array([label is not None and label == label for label in labels], dtype=bool)
    texts = np.array([str(label) for label in labels[is_known]], dtype=object)
    classes = _in_order({str(text) for text in texts})
    if len(classes) > MAX_CLASSES:
        raise InputError(
            f"y has {len(classes)} classes, more than the {MAX_CLASSES} that can be told apart. "
            "Join some, or pass the labels of the few that matter and None for the others."
        )
    counts = np.zeros((map_.n_units, len(classes)), dtype=np.intp)
    for column, name in enumerate(classes):
        counts[:, column] = np.bincount(units[is_known][texts == name], minlength=map_.n_units)
    return ClassCounts(classes, counts)


def require_both(X: Any, y: Any) -> None:
    """Raise InputError for labels without the rows that they belong to."""
    if X is None and y is not None:
        raise InputError("y needs X, the rows that the labels belong to; pass both.")


def _in_order(names: set[str]) -> tuple[str, ...]:
    by_text = sorted(names)
    try:
        return tuple(sorted(by_text, key=float))
    except ValueError:
        return tuple(by_text)
