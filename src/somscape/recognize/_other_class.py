"""What would have to change for a row to be named another class: few columns, by little.

A row is moved towards means of rows that are named otherwise, the column that differs most first,
until it is, too.  Columns that are not needed are put back, and the others come back as far as they
can.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Floats, Ints
from somscape.encode import (
    Encoding,
    cell_text,
    cells_of,
    changes_text,
    fewest_changes,
    mark_of,
    rounding_steps,
    value_shown,
)
from somscape.recognize._class_reasons import percent
from somscape.recognize._why import classes_in_words, in_words_both
from somscape.tables import Table

if TYPE_CHECKING:
    from somscape.recognize._recognizer import Recognizer

CHANGED_ROWS = 1024
"""Rows whose ways to other classes are in memory at once."""

N_HALVINGS = 12
"""How often the way back is halved."""

REFUSED = -1


@dataclass(frozen=True, slots=True)
class ClassChange:
    """One column that would have to change.

    Attributes
    ----------
    column : str
    value : str
        The row's value, in original units.
    to : float, str or numpy.datetime64
        The value that it becomes.
    mark : str, default="."
        Decimal mark with which numbers are written.

    See Also
    --------
    OtherClass : All columns.

    Examples
    --------
    >>> from somscape.recognize import ClassChange
    >>> print(ClassChange("alcohol", "11.2", to=12.9))
    alcohol 12.9
    """

    column: str
    value: str
    to: Any
    mark: str = "."

    def __str__(self) -> str:
        return f"{self.column} {cell_text(self.to, self.mark)}"


@dataclass(frozen=True, slots=True)
class OtherClass:
    """What would have to change for a row to be named another class.

    Attributes
    ----------
    named : text, number or truth value
        The other class.
    probability : float
        Of that class, once all changes are made.
    changes : tuple of ClassChange
        The column that differs most first.

    See Also
    --------
    ClassChange : One column of it.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMClassifier
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> classifier = SOMClassifier(random_state=0).fit(X, np.where(X[:, 0] > 0, "high", "low"))
    >>> print(classifier.counterfactuals([[0.4, 0.0]])[0])
    would be low (52 %) with x0 0.05
    """

    named: Any
    probability: float
    changes: tuple[ClassChange, ...]

    def __str__(self) -> str:
        with_them = changes_text(self.changes)
        return f"would be {self.named} ({percent(self.probability)}) with {with_them}"


def other_classes_of(
    recognizer: "Recognizer", table: Table, encoded: Floats
) -> list[OtherClass | None]:
    """Return what would name each row another class; see `Recognizer.counterfactuals`."""
    classes = classes_in_words(recognizer)
    recognizer, table = in_words_both(recognizer, table)
    encoding, rows = recognizer.map_.encoding, np.asarray(encoded, dtype=np.float64)
    # Prototypes may lie far from all rows, so that rows move towards means of rows.
    steps = rounding_steps(encoding, recognizer.centers)
    targets = encoding.possible(recognizer.centers, steps)
    own, of_targets = _named(replace(recognizer, reject=None), rows), _named(recognizer, targets)
    found: list[OtherClass | None] = [None] * len(rows)
    for k in np.unique(own):
        is_other_target = (of_targets != k) & (of_targets != REFUSED)
        all_of_k, others = np.flatnonzero(own == k), targets[is_other_target]
        if not len(others):
            continue

        def is_other(some: Float64s, k: int = k) -> NDArray[np.bool_]:
            named = _named(recognizer, some)
            return np.asarray((named != k) & (named != REFUSED))

        for which in (all_of_k[part] for part in blocks(len(all_of_k), CHANGED_ROWS)):
            some = rows[which]
            moved, columns = fewest_changes(encoding, some, others, is_other)
            moved = _nearer(encoding, some, moved, columns, steps=steps, is_other=is_other)
            told = _told(recognizer, table.take(which), some, moved, columns, steps=steps)
            for i, (number, probability, changes) in zip(which, told, strict=True):
                found[i] = OtherClass(classes[number], probability, changes)
    return found


def _named(recognizer: "Recognizer", rows: Float64s) -> Ints:
    """Return the number of each row's class; `REFUSED` without one."""
    probabilities, p_values = recognizer.probabilities_of_rows(rows)
    named = probabilities.argmax(axis=1)
    if recognizer.reject is not None:
        named[p_values <= recognizer.reject] = REFUSED
    return np.asarray(named)


def _nearer(
    encoding: Encoding,
    rows: Float64s,
    moved: Float64s,
    columns: list[list[int]],
    *,
    steps: list[float],
    is_other: Callable[[Float64s], NDArray[np.bool_]],
) -> Float64s:
    """Return moved rows that came back as far as they stay of another class."""
    n_used = len(encoding.used)
    is_changed = np.zeros((len(rows), n_used), dtype=bool)
    for i, changed in enumerate(columns):
        is_changed[i, changed] = True
    widths = [code.n_features for code in encoding.used]
    may_differ = np.zeros(rows.shape, dtype=bool)
    may_differ[:, : sum(widths)] = is_changed.repeat(widths, axis=1)
    best, low, high = moved.copy(), np.zeros(len(rows)), np.ones(len(rows))
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        between = rows + middle[:, None] * (moved - rows)
        between = encoding.possible(between, steps)
        between = encoding.with_parts(np.where(may_differ, between, rows), is_changed)
        is_reached = is_other(between)
        best[is_reached] = between[is_reached]
        low, high = np.where(is_reached, low, middle), np.where(is_reached, middle, high)
    return best


def _told(
    recognizer: "Recognizer",
    table: Table,
    rows: Float64s,
    moved: Float64s,
    columns: list[list[int]],
    *,
    steps: list[float],
) -> list[tuple[int, float, tuple[ClassChange, ...]]]:
    """Return the number of the class of each moved row, its probability and the changes."""
    encoding = recognizer.map_.encoding
    probabilities, _ = recognizer.probabilities_of_rows(moved)
    told = []
    for i, changed in enumerate(columns):
        kept = [j for j in changed if (moved[i] != rows[i])[encoding.slices[j]].any()]
        changes = []
        for j, to in zip(
            kept, cells_of(encoding, moved, [(i, j) for j in kept], steps), strict=True
        ):
            code = encoding.features[j]
            value = value_shown(code, table, i, rows[i, encoding.slices[j]])
            changes.append(ClassChange(code.name, value, to, mark_of(table, code)))
        named = int(probabilities[i].argmax())
        told.append((named, float(probabilities[i, named]), tuple(changes)))
    return told
