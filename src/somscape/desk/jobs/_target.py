"""The column to predict, its model, and other columns that contain the same information."""

import re
import shlex
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape.errors import InputError
from somscape.fit.settings import Settings
from somscape.outliers.alerts import ids_column
from somscape.recognize._answering import Answering
from somscape.recognize._train import Prediction, Recognition, train_predictor, train_recognizer
from somscape.recognize.predictor import COVERAGE, Predictor
from somscape.recognize.recognizer import Recognizer, classes_of_cells
from somscape.tables._messages import counted, free_name, listed
from somscape.tables._write import rounded
from somscape.tables.codes import level_texts, number_text
from somscape.tables.column import Column
from somscape.tables.encoding import Encoding
from somscape.tables.table import Table, table_from_columns

MAX_SHOWN = 8
"""Maximum number of classes that a text names."""

MAX_CLASSES = 20
"""Maximum number of distinct numbers in a target column for which they are treated as classes."""

DIGITS = 6
"""Number of significant digits of a smallest or largest number. Whole numbers keep all digits."""

UNTOLD = "unknown, because no row could be left out"

MAX_TAUGHT = 300
"""Largest number of classes to learn. The training time grows with its square."""

AS_CLASSES = ("categories", "ordinals")
"""Roles with which the numbers in a column are treated as classes."""

LONG = re.compile(r"-?[1-9][0-9]{15,}")
"""Pattern of integers with too many digits for a float. These numbers are treated as names."""


@dataclass(frozen=True, eq=False)
class Target:
    """A column to predict.

    Attributes
    ----------
    name : str
    values : ndarray of shape (n_rows,)
        Index in `classes` of the class of each row, or -1 if the class is unknown.  For a number
        column, the numbers.
    is_known : ndarray of shape (n_rows,), bool
        Whether the value is present.
    classes : ndarray of str or None
        The classes in sorted order, or None if the target is a number.
    """

    name: str
    values: NDArray[Any]
    is_known: NDArray[np.bool_]
    classes: NDArray[Any] | None = None

    def part(self, some: Any) -> "Target":
        """Return the target of some rows."""
        return replace(self, values=self.values[some], is_known=self.is_known[some])

    def to_tell(self) -> Float64s:
        """Return one column of 0 and 1 for each class, or one column of the target's numbers."""
        if self.classes is None:
            return np.asarray(self.values[:, None])
        return np.eye(len(self.classes))[self.values]


def target_of(table: Table, name: str, role: str | None = None) -> Target:
    """Return a column as a target. Many different numbers give a number, others give classes."""
    column = table.column(name)
    is_known = ~np.asarray(column.missing)
    place = f"Target column '{name}' of {table.source}"
    facts = {"file": table.source, "column": name}
    if not is_known.any():
        raise InputError(
            f"{place} is empty in all {counted(table.n_rows, 'row')}. Give a column with known "
            "values.",
            **facts,
        )
    if role not in AS_CLASSES:
        if column.problem is not None:
            raise InputError(column.problem, options=f"--category {shlex.quote(name)}", **facts)
        if role == "numbers" and column.numbers is None:
            raise InputError(
                f"{place} contains text, so it cannot be a number. Leave `number` out for this "
                "column.",
                **facts,
            )
        if column.numbers is not None and (role == "numbers" or column.n_distinct > MAX_CLASSES):
            return Target(name, np.asarray(column.numbers, dtype=np.float64), is_known)
    if column.n_distinct > MAX_TAUGHT:
        raise InputError(
            f"{place} has {column.n_distinct:,} different values, but at most {MAX_TAUGHT} classes "
            "can be learned. Combine rare values, or give another column.",
            **facts,
        )
    codes, classes = _class_indices(column)
    sizes = np.bincount(codes[is_known])
    if len(classes) < 2:
        raise InputError(
            f"{place} has the class '{classes[0]}' in all rows, but at least two classes are "
            "needed. To find unusual rows, use `somscape detect`.",
            **facts,
        )
    if sizes.max() == 1:
        raise InputError(
            f"{place} has a different value in each row, so classes cannot be learned. Give a "
            "column with repeated values.",
            **facts,
        )
    return Target(name, codes, is_known, classes.astype(str))


def _class_indices(column: Column) -> tuple[Ints, NDArray[Any]]:
    """Return two values: the index of each row's class (-1 if missing), and the sorted classes."""
    codes, texts = column.coded()
    codes = np.where(column.missing, -1, codes)
    kinds, rows = np.unique(codes, return_index=True)
    one_each = column.take(rows[kinds >= 0])
    names = [
        level if column.is_exact and not LONG.fullmatch(cell) else cell
        for cell, level in zip(one_each.cells, level_texts(one_each), strict=True)
    ]
    classes, place = np.unique(np.array(names, dtype=object), return_inverse=True)
    places = np.full(len(texts) + 1, -1)
    places[kinds[kinds >= 0]] = place
    return places[codes], classes


def notes_on(target: Target) -> list[str]:
    """Return sentences that describe a target, to be printed before the training."""
    known = target.values[target.is_known]
    if target.classes is None:
        return [
            f"Target '{target.name}', a number {_range_words(known)}, with "
            f"{len(np.unique(known))} different values (by default, at most {MAX_CLASSES} "
            "different values are treated as classes; see --number and --category)."
        ]
    sizes = np.bincount(known)
    order = np.argsort(-sizes, kind="stable")
    shown = [f"{target.classes[k]} ({counted(int(sizes[k]), 'row')})" for k in order[:MAX_SHOWN]]
    more = f" and {len(order) - MAX_SHOWN} more" if len(order) > MAX_SHOWN else ""
    notes = [f"Target '{target.name}', {len(sizes)} classes: {', '.join(shown)}{more}."]
    single = target.classes[sizes == 1].tolist()
    if single:
        what, them = ("Classes", "them") if len(single) > 1 else ("Class", "it")
        notes.append(
            f"Warning: {what} with only one row: {listed(single)}. The accuracy of recognizing "
            f"{them} is unknown."
        )
    return notes


def _range_words(numbers: Float64s) -> str:
    low, high = (number_text(float(end), digits=DIGITS) for end in (numbers.min(), numbers.max()))
    return f"from {low} to {high}"


def train_target(
    target: Target, rows: Float64s, encoding: Encoding, settings: Settings
) -> Recognizer | Predictor:
    """Train a model to predict a target."""
    if target.classes is None:
        known = (rows, target.to_tell(), None)
        return train_predictor(known, encoding, settings, Prediction())
    coded = (rows, target.values, None)
    return train_recognizer(coded, target.classes, encoding, settings, Recognition())


def quality_words(model: Answering) -> str:
    """Return a phrase with the accuracy or R2 that cross-validation measured for a model."""
    if not isinstance(model, Recognizer):
        assert isinstance(model, Predictor)
        return f"cross-validated R2 {UNTOLD if model.r2 is None else f'{model.r2:.3f}'}"
    if model.accuracy is None:
        return f"cross-validated accuracy {UNTOLD}"
    alone = ""
    if model.most_frequent is not None:
        alone = f" (the most frequent class alone: {100 * model.most_frequent:.1f} %)"
    accuracy = f"cross-validated accuracy {100 * model.accuracy:.1f} %"
    return f"{accuracy}{alone}; {len(model.classes)} classes"


def predictions_of(model: Answering, table: Table) -> Table:
    """Return a table with the prediction of a model for each row of a table."""
    rows = model.map_.rows_of(table)
    if isinstance(model, Recognizer):
        predicted, more = _classes(model, rows)
    else:
        assert isinstance(model, Predictor)
        predicted, more = _numbers(model, rows)
    ids = ids_column(model.map_, table, np.arange(table.n_rows))
    ids = ids.renamed(free_name(ids.name, ["predicted", *more]))
    return Table((ids, predicted, *table_from_columns(more).columns), "predictions")


def _classes(model: Recognizer, rows: Floats) -> tuple[Column, dict[str, Any]]:
    probabilities, p_values = model._probabilities_of_rows(rows)
    classes = model._classes_of(probabilities, p_values)
    named = [model.unknown if name is None else str(name) for name in classes]
    pairs = zip(model.classes, probabilities.T, strict=True)
    more = {"p_value": rounded(p_values), **{f"p({name})": rounded(p) for name, p in pairs}}
    # Built directly, because a class called NA would otherwise be read as missing.
    return Column("predicted", np.array(named, dtype=object)), more


def _numbers(model: Predictor, rows: Floats) -> tuple[Column, dict[str, Any]]:
    found, spread, p_values = model._answers_of_rows(rows)
    half = spread * model._factors(COVERAGE)
    ends = {"low": (found - half)[:, 0], "high": (found + half)[:, 0]}
    (predicted,) = table_from_columns({"predicted": found[:, 0]}).columns
    return predicted, {"p_value": rounded(p_values), **ends}


def summary_words(model: Answering, predictions: Table) -> str:
    """Return the number of rows of each predicted class, or the range of predicted numbers."""
    column = predictions.column("predicted")
    if not isinstance(model, Recognizer):
        assert column.numbers is not None
        return f"{_range_words(column.numbers)}, with {100 * COVERAGE:g} % between low and high"
    counts = Counter(column.cells)
    shown = [f"{name}: {n:,}" for name, n in counts.most_common(MAX_SHOWN)]
    return ", ".join([*shown, *["..."] * (len(counts) > MAX_SHOWN)])


def agreement_words(model: Answering, table: Table, predictions: Table) -> str | None:
    """Return a sentence on how well predictions agree with the target, or None without target."""
    name = model.map_.encoding.named("label")
    if name is None or name not in table.names:
        return None
    column, predicted = table.column(name), predictions.column("predicted")
    is_known = ~np.asarray(column.missing)
    if not is_known.any():
        return None
    n = counted(int(is_known.sum()), "row")
    if isinstance(model, Recognizer):
        known = classes_of_cells(column, model.classes)[is_known]
        return _named_words(model, predicted.cells[is_known], known, f"{n} with a known '{name}'")
    if column.numbers is None or predicted.numbers is None:
        return None
    errors = predicted.numbers[is_known] - column.numbers[is_known]
    off = number_text(float(np.sqrt((errors**2).mean())))
    return f"The root mean square error is {off} in {n} with a known '{name}'."


def _named_words(model: Recognizer, found: NDArray[Any], known: NDArray[Any], rows: str) -> str:
    is_named = found != model.unknown
    share = f"{100 * (found == known)[is_named].mean():.1f} %" if is_named.any() else "None"
    if is_named.all():
        return f"{share} of {rows} are predicted correctly."
    n = int((~is_named).sum())
    are = "is" if n == 1 else "are"
    return f"{n:,} of {rows} {are} refused. {share} of the other rows are predicted correctly."


MAX_ROWS = 5_000
"""Maximum number of rows that are searched for columns that leak the target."""

MIN_ROWS = 30
MAX_WRONG = 0.01
"""Maximum share of wrong predictions from one column at which this column leaks the target."""

MAX_LEFT = 0.1
"""Maximum number of wrong predictions from such a column, per wrong prediction without columns."""


def leaks_of(encoding: Encoding, rows: Float64s, target: Target) -> dict[str, float]:
    """Return those columns from which alone the target can nearly be predicted, with the share of
    correct predictions from each column."""
    some = slice(None, None, -(-len(rows) // MAX_ROWS))
    rows = rows[some]
    if len(rows) < MIN_ROWS:
        return {}
    y = target.part(some).to_tell()
    centered = y - y.mean(axis=0)
    least = _share_wrong(np.zeros_like(y) + y.mean(axis=0), y)
    found = {}
    for code, features in zip(encoding.features, encoding.slices, strict=True):
        others = _mean_of_other_rows(rows[:, features], centered)
        wrong = _share_wrong(others + y.mean(axis=0), y)
        if wrong <= min(MAX_WRONG, MAX_LEFT * least):
            found[code.name] = 1 - wrong
    return found


def _share_wrong(found: Float64s, y: Float64s) -> float:
    """Return the share of rows with a wrong class, or for numbers the unexplained variance."""
    if y.shape[1] > 1:
        return float((found.argmax(axis=1) != y.argmax(axis=1)).mean())
    variance = float(y.var())
    return float(((found - y) ** 2).mean() / variance) if variance > 0 else 0.0


def _mean_of_other_rows(values: Float64s, y: Float64s) -> Float64s:
    """For each row, return the mean target of the other rows that have the same value. Without such
    rows, return the mean target of the rows that have the nearest value."""
    kinds, group = np.unique(values, axis=0, return_inverse=True)
    group = group.ravel()
    n = np.bincount(group).astype(np.float64)
    sums = np.stack([np.bincount(group, column, minlength=len(n)) for column in y.T], axis=1)
    of_others, n_others = sums[group] - y, n[group] - 1
    if values.shape[1] == 1 and len(n) > 1:
        is_alone = n_others == 0
        nearest = _nearest(kinds[:, 0])[group[is_alone]]
        of_others[is_alone], n_others[is_alone] = sums[nearest], n[nearest]
    return np.asarray(of_others / np.maximum(n_others, 1)[:, None])


def _nearest(values: Float64s) -> Ints:
    """For each of some values in ascending order, return the index of the nearest other value."""
    gaps = np.concatenate([[np.inf], np.diff(values), [np.inf]])
    return np.asarray(np.arange(len(values)) + np.where(gaps[:-1] <= gaps[1:], -1, 1))
