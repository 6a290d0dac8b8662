"""A column to predict: what it holds, what is trained for it, and what a model says of new rows."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats
from somscape.encode import Encoding, level_texts
from somscape.errors import InputError
from somscape.fit import Settings
from somscape.outliers import ids_column
from somscape.recognize import (
    Answering,
    Prediction,
    Predictor,
    Recognition,
    Recognizer,
    train_predictor,
    train_recognizer,
)
from somscape.tables import Table, counted, free_name, listed, rounded, table_from_columns

MAX_SHOWN = 8
"""Classes that are listed."""

MAX_CLASSES = 20
"""Different numbers up to which a column of numbers holds classes."""

COVERAGE = 0.9
"""Of the interval of a predicted number."""

UNKNOWN = "unknown"
"""Predicted for a row that lies too far from the map."""


@dataclass(frozen=True, eq=False)
class Target:
    """A column to predict.

    Attributes
    ----------
    name : str
    values : ndarray of shape (n_rows,)
        Of each row: classes as text, or numbers.
    is_known : ndarray of shape (n_rows,), bool
        False where the cell is missing.
    """

    name: str
    values: NDArray[Any]
    is_known: NDArray[np.bool_]

    @property
    def is_number(self) -> bool:
        """Whether it is a number to predict, not a class to name."""
        return self.values.dtype.kind == "f"

    def part(self, some: Any) -> "Target":
        """Return the target of some rows."""
        return Target(self.name, self.values[some], self.is_known[some])

    def to_tell(self) -> Float64s:
        """Return a column of 0 and 1 for each class, or the numbers as a column."""
        if self.is_number:
            return np.asarray(self.values[:, None])
        classes, codes = np.unique(self.values, return_inverse=True)
        return np.eye(len(classes))[codes]

    def explains(self, share: float) -> str:
        """Say what a column does that predicts nearly all of it."""
        if self.is_number:
            return f"explains {100 * share:.1f} % of the variance of {self.name}"
        return f"names the {self.name} of {100 * share:.1f} % of the rows"


def target_of(table: Table, name: str) -> Target:
    """Return a column to predict: many different numbers, or else classes.

    Parameters
    ----------
    table : Table
    name : str

    Returns
    -------
    Target

    Raises
    ------
    InputError
        If the column does not exist, or nothing can be learned from it.
    """
    column = table.column(name)
    is_known = ~np.asarray(column.missing)
    place = f"target column '{name}' of {table.source}"
    if not is_known.any():
        raise InputError(
            f"{place} is empty in all {counted(table.n_rows, 'row')}. Give a column that says what "
            "is known."
        )
    if column.numbers is not None and column.n_distinct > MAX_CLASSES:
        return Target(name, np.asarray(column.numbers, dtype=np.float64), is_known)
    values = np.array(level_texts(column))
    classes, sizes = np.unique(values[is_known], return_counts=True)
    if len(classes) < 2:
        raise InputError(
            f"{place} has one class, '{classes[0]}', in all rows; at least two are needed. To find "
            "rows that are not like the others, use `somscape detect`."
        )
    if sizes.max() == 1:
        raise InputError(
            f"{place} has another value in each row, from which no class can be learned. Give a "
            "column whose values come back."
        )
    return Target(name, values, is_known)


def notes_on(target: Target) -> list[str]:
    """Return what to say of a target before it is learned.

    Parameters
    ----------
    target : Target

    Returns
    -------
    list of str
    """
    known = target.values[target.is_known]
    values, sizes = np.unique(known, return_counts=True)
    if target.is_number:
        return [
            f"Target {target.name}, a number from {values[0]:g} to {values[-1]:g}, since it has "
            f"{len(values)} different ones (up to {MAX_CLASSES} are classes)."
        ]
    order = np.argsort(-sizes, kind="stable")
    shown = [f"{values[k]} ({counted(int(sizes[k]), 'row')})" for k in order[:MAX_SHOWN]]
    more = f" and {len(order) - MAX_SHOWN} more" if len(order) > MAX_SHOWN else ""
    notes = [f"Target {target.name}, {len(values)} classes: {', '.join(shown)}{more}."]
    single = values[sizes == 1]
    if single.size:
        notes.append(
            f"Warning: of one row each, so that nothing tells how well they are recognized: "
            f"{listed(single)}."
        )
    return notes


def train_target(
    target: Target, rows: Float64s, encoding: Encoding, settings: Settings
) -> Recognizer | Predictor:
    """Train what predicts a target.

    Parameters
    ----------
    target : Target
        Of the rows, all known.
    rows : ndarray of shape (n_rows, n_features)
        Encoded.
    encoding : Encoding
    settings : Settings

    Returns
    -------
    Recognizer or Predictor
    """
    if target.is_number:
        known = (rows, target.to_tell(), None)
        return train_predictor(known, encoding, settings, Prediction())
    classes, codes = np.unique(target.values, return_inverse=True)
    return train_recognizer((rows, codes, None), classes, encoding, settings, Recognition())


def quality_words(model: Answering) -> str:
    """Say how well a model does on rows that it did not see.

    Parameters
    ----------
    model : Recognizer or Predictor

    Returns
    -------
    str
    """
    if isinstance(model, Recognizer):
        what, found = "accuracy", model.accuracy
        shown = "" if found is None else f"{100 * found:.1f} %; {len(model.classes)} classes"
    else:
        assert isinstance(model, Predictor)
        what, found = "R2", model.r2
        shown = "" if found is None else f"{found:.3f}; a number"
    return f"cross-validated {what} {shown or 'unknown, as no row could be left out'}"


def predictions_of(model: Answering, table: Table) -> Table:
    """Return what a model says of each row.

    Parameters
    ----------
    model : Recognizer or Predictor
    table : Table

    Returns
    -------
    Table
        The id, or the number of the row; ``predicted``, the class or `UNKNOWN`, or the number;
        ``p_value``; and ``p(CLASS)``, the probability of each class, or ``low`` and ``high``, the
        ends of the interval.
    """
    rows = model.map_.rows_of(table)
    if isinstance(model, Recognizer):
        columns = _classes(model, rows)
    else:
        assert isinstance(model, Predictor)
        columns = _numbers(model, rows)
    ids = ids_column(model.map_, table, np.arange(table.n_rows))
    ids = ids.renamed(free_name(ids.name, columns))
    return Table((ids, *table_from_columns(columns).columns), "predictions")


def _classes(model: Recognizer, rows: Floats) -> dict[str, Any]:
    probabilities, p_values = model.probabilities_of_rows(rows)
    named = model.classes_of(probabilities, p_values)
    unknown = free_name(UNKNOWN, [str(name) for name in model.classes], "_row")
    return {
        "predicted": [unknown if name is None else str(name) for name in named],
        "p_value": rounded(p_values),
        **{
            f"p({name})": rounded(p) for name, p in zip(model.classes, probabilities.T, strict=True)
        },
    }


def _numbers(model: Predictor, rows: Floats) -> dict[str, Any]:
    found, spread, p_values = model.answers_of_rows(rows)
    half = spread * model.factors(COVERAGE)
    ends = {"low": (found - half)[:, 0], "high": (found + half)[:, 0]}
    return {"predicted": found[:, 0], "p_value": rounded(p_values), **ends}


def summary_words(model: Answering, predictions: Table) -> str:
    """Say how often each class was predicted, or between which numbers.

    Parameters
    ----------
    model : Recognizer or Predictor
    predictions : Table
        From `predictions_of`.

    Returns
    -------
    str
    """
    column = predictions.column("predicted")
    if not isinstance(model, Recognizer):
        assert column.numbers is not None
        low, high = column.numbers.min(), column.numbers.max()
        return f"from {low:g} to {high:g}; {100 * COVERAGE:g} % lie between low and high"
    counts = Counter(column.cells)
    shown = [f"{n} {name}" for name, n in counts.most_common(MAX_SHOWN)]
    return ", ".join([*shown, *["..."] * (len(counts) > MAX_SHOWN)])


def agreement_words(model: Answering, table: Table, predictions: Table) -> str | None:
    """Say how good predictions are, if the table has the target.

    Parameters
    ----------
    model : Recognizer or Predictor
    table : Table
    predictions : Table
        From `predictions_of`.

    Returns
    -------
    str or None
    """
    name = model.map_.encoding.named("label")
    if name is None or name not in table.names:
        return None
    column, predicted = table.column(name), predictions.column("predicted")
    is_known = ~np.asarray(column.missing)
    if not is_known.any():
        return None
    n = counted(int(is_known.sum()), "row")
    if isinstance(model, Recognizer):
        found = np.array(predicted.cells, dtype=object)
        is_right = found[is_known] == np.array(level_texts(column), dtype=object)[is_known]
        return f"{100 * is_right.mean():.1f} % of {n} with a known {name} are named rightly."
    if column.numbers is None or predicted.numbers is None:
        return None
    off = predicted.numbers[is_known] - column.numbers[is_known]
    return f"Off by {np.sqrt((off**2).mean()):.4g} (root mean square) in {n} with a known {name}."
