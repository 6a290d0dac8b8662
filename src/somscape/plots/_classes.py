"""Which classes of rows each unit won, for displays of known outcomes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape.errors import InputError
from somscape.maps import NO_UNIT, Map
from somscape.plots._legend import MAX_CLASSES, checked_number_of_classes
from somscape.plots._per_unit import is_missing


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Number of rows of each class that each unit won.

    Attributes
    ----------
    classes : tuple of str
        Sorted by value if all are numbers, else as text.
    counts : ndarray of shape (n_units, n_classes), or one more column for the others
    n_others : int
        Classes that the last column joins.
    """

    classes: tuple[str, ...]
    counts: Ints
    n_others: int = 0


def count_classes(map_: Map, X: Any, y: Any, max_classes: int = MAX_CLASSES) -> ClassCounts:
    """Count the rows of each class by unit.

    Parameters
    ----------
    map_ : Map
        The map that finds the winners.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.
    y : array-like of shape (n_samples,)
        A class for each row; a row with class None or NaN is not counted.
    max_classes : int, default=8
        Of more classes, those with the most rows stay; the others are joined.

    Returns
    -------
    ClassCounts

    Raises
    ------
    InputError
        If the numbers of labels and rows differ, or no row has a label.
    """
    if X is None:
        raise InputError("y needs X, the rows that the labels belong to; pass both.")
    checked_number_of_classes(max_classes)
    units = map_.winners(X)
    labels = np.asarray(y, dtype=object).ravel()
    if len(labels) != len(units):
        raise InputError(f"y must have one label per row of X, {len(units)}; got {len(labels)}.")
    is_known = np.array([not is_missing(label) for label in labels], dtype=bool)
    texts = np.array([str(label) for label in labels[is_known]], dtype=object)
    if not len(texts):
        raise InputError("y holds no label: all are None or NaN. Leave y out, or give labels.")
    names, codes = np.unique(texts.astype(str), return_inverse=True)
    n_rows = np.bincount(codes)
    kept = np.argsort(-n_rows, kind="stable")[:max_classes]
    classes = _in_order({str(name) for name in names[kept]})
    n_others = len(names) - len(kept)
    column_of = {name: i for i, name in enumerate(classes)}
    columns = np.array([column_of.get(str(name), len(classes)) for name in names])
    counts = np.zeros((map_.n_units, len(classes) + (n_others > 0)), dtype=np.intp)
    won = units[is_known]
    has_unit = won != NO_UNIT
    np.add.at(counts, (won[has_unit], columns[codes][has_unit]), 1)
    return ClassCounts(classes, counts, n_others)


def _in_order(names: set[str]) -> tuple[str, ...]:
    by_text = sorted(names)
    try:
        return tuple(sorted(by_text, key=float))
    except ValueError:
        return tuple(by_text)
