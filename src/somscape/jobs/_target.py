"""A column to predict: what it holds, what is trained for it, and what a model says of new rows."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s
from somscape.encode import Encoding, level_texts
from somscape.errors import InputError
from somscape.fit import Settings
from somscape.outliers import RECORD, ids_column
from somscape.recognize import Recognition, Recognizer, train_recognizer
from somscape.tables import Column, Table, counted, free_name, listed, rounded, table_from_columns

MAX_SHOWN = 8
"""Classes that are listed."""

UNKNOWN = "unknown"
"""Predicted for a row that lies too far from the map."""


@dataclass(frozen=True, eq=False)
class Target:
    """A column to predict.

    Attributes
    ----------
    name : str
    values : ndarray of shape (n_rows,)
        Of each row, as text.
    is_known : ndarray of shape (n_rows,), bool
        False where the cell is missing.
    """

    name: str
    values: NDArray[Any]
    is_known: NDArray[np.bool_]

    def part(self, some: Any) -> "Target":
        """Return the target of some rows."""
        return Target(self.name, self.values[some], self.is_known[some])

    def to_tell(self) -> Float64s:
        """Return a column of 0 and 1 for each class."""
        classes, codes = np.unique(self.values, return_inverse=True)
        return np.eye(len(classes))[codes]

    def size_words(self) -> str:
        """Say how many classes there are."""
        return f"{len(np.unique(self.values))} classes"

    def explains(self, share: float) -> str:
        """Say what a column does that predicts nearly all of it."""
        return f"names the {self.name} of {100 * share:.1f} % of the rows"


def target_of(table: Table, name: str) -> Target:
    """Return a column to predict.

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
    classes, sizes = np.unique(target.values[target.is_known], return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    shown = [f"{classes[k]} ({counted(int(sizes[k]), 'row')})" for k in order[:MAX_SHOWN]]
    more = f" and {len(order) - MAX_SHOWN} more" if len(order) > MAX_SHOWN else ""
    notes = [f"Target {target.name}, {len(classes)} classes: {', '.join(shown)}{more}."]
    single = classes[sizes == 1]
    if single.size:
        notes.append(
            f"Warning: of one row each, so that nothing tells how well they are recognized: "
            f"{listed(single)}."
        )
    return notes


def train_target(
    target: Target, rows: Float64s, encoding: Encoding, settings: Settings
) -> Recognizer:
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
    Recognizer
    """
    classes, codes = np.unique(target.values, return_inverse=True)
    return train_recognizer((rows, codes, None), classes, encoding, settings, Recognition())


def quality_words(model: Recognizer) -> str:
    """Say how well a model does on rows that it did not see.

    Parameters
    ----------
    model : Recognizer

    Returns
    -------
    str
    """
    found = model.accuracy
    how = "no row could be left out to tell" if found is None else f"{100 * found:.1f} %"
    return f"cross-validated accuracy {how}"


def predictions_of(model: Recognizer, table: Table) -> Table:
    """Return what a model says of each row.

    Parameters
    ----------
    model : Recognizer
    table : Table

    Returns
    -------
    Table
        The id, or the number of the row; ``predicted``, the class or `UNKNOWN`; ``p_value``; and
        ``p(CLASS)``, the probability of each class.
    """
    probabilities, p_values = model.probabilities_of_rows(model.map_.rows_of(table))
    named = model.classes_of(probabilities, p_values)
    unknown = free_name(UNKNOWN, [str(name) for name in model.classes], "_row")
    columns: dict[str, Any] = {
        "predicted": [unknown if name is None else str(name) for name in named],
        "p_value": rounded(p_values),
        **{
            f"p({name})": rounded(p) for name, p in zip(model.classes, probabilities.T, strict=True)
        },
    }
    return Table((_ids(model, table, columns), *table_from_columns(columns).columns), "predictions")


def _ids(model: Recognizer, table: Table, others: dict[str, Any]) -> Column:
    ids = ids_column(model.map_, table, np.arange(table.n_rows))
    return ids.renamed(free_name(ids.name, (*others, *[RECORD] * (ids.name != RECORD))))


def summary_words(model: Recognizer, predictions: Table) -> str:
    """Say what was predicted how often, the most frequent first.

    Parameters
    ----------
    model : Recognizer
    predictions : Table
        From `predictions_of`.

    Returns
    -------
    str
    """
    counts = Counter(predictions.column("predicted").cells)
    shown = [f"{n} {name}" for name, n in counts.most_common(MAX_SHOWN)]
    return ", ".join([*shown, *["..."] * (len(counts) > MAX_SHOWN)])


def agreement_words(model: Recognizer, table: Table, predictions: Table) -> str | None:
    """Say how often predictions are right, if the table has the target.

    Parameters
    ----------
    model : Recognizer
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
    column = table.column(name)
    is_known = ~np.asarray(column.missing)
    if not is_known.any():
        return None
    found = np.array(predictions.column("predicted").cells, dtype=object)
    is_right = found[is_known] == np.array(level_texts(column), dtype=object)[is_known]
    n = counted(int(is_known.sum()), "row")
    return f"{100 * is_right.mean():.1f} % of {n} with a known {name} are named rightly."
