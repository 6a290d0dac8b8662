"""Collect the rows, labels and counts for a report, and convert numbers to JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints, Objects
from somscape.errors import InputError, ParameterTypeError
from somscape.maps.map import Map, map_in_words
from somscape.outliers.detector import Alerts, Detector, both_in_words
from somscape.tables._frame import as_frame, table_from_frame
from somscape.tables._messages import listed
from somscape.tables._recoded import table_in_words, words_of_column, words_of_level
from somscape.tables.codes import level_texts
from somscape.tables.sources import collected
from somscape.tables.table import Table

MARK_DIGITS = 4
"""Number of significant digits to which positions on an axis are rounded."""

DIGITS_BACK = 12
"""Number of significant digits that remain exact when values are converted to original units."""


def number(value: float, digits: int | None = None) -> float | int | None:
    """Return a number for JSON with all or some digits, or None for NaN and infinity."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return None
    value = float(value) if digits is None else float(f"{value:.{digits}g}")
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def numbers(values: Floats | Sequence[float], digits: int | None = None) -> list[Any]:
    """Return numbers for JSON."""
    return [number(v, digits) for v in np.asarray(values).tolist()]


def plain(value: Any) -> Any:
    """Convert a setting to a value for JSON (None, a bool, a number, a text or a list)."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return number(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


MAX_MEASURED = 50_000
"""Maximum number of rows from which map quality, histograms and nearest rows are computed.  More
rows would hardly change the results and could take longer than training."""


@dataclass(frozen=True, eq=False)
class RowsInOrder:
    """Encoded rows in table order.

    Attributes
    ----------
    numbers : ndarray of shape (n_measured,)
        Row numbers in the table, from 0.
    rows : ndarray of shape (n_measured, n_features), float64
    """

    numbers: Ints
    rows: Float64s

    @classmethod
    def of_table(cls, map_: Map, table: Table) -> "RowsInOrder":
        """Select and encode all rows of a table, or evenly spaced rows of a large table."""
        step = -(-table.n_rows // MAX_MEASURED)
        chosen = np.arange(0, table.n_rows, step)
        part = table if step == 1 else table.take(chosen)
        return cls(chosen, np.asarray(map_.rows_of(part), dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Sample(RowsInOrder):
    """Encoded rows in the order of the table, with the unit, score and rank of each row.

    Attributes
    ----------
    numbers, rows
        As in `RowsInOrder`.
    units, scores, ranks : ndarray of shape (n_measured,)
        Unit, score and rank (from 0) of each row.
    """

    units: Ints
    scores: Float64s
    ranks: Ints

    @classmethod
    def of(cls, map_: Map, table: Table, alerts: Alerts) -> "Sample":
        """Select and encode all rows of a table, or evenly spaced rows of a large table."""
        order, found = np.asarray(alerts.rows), RowsInOrder.of_table(map_, table)
        is_taken = np.zeros(table.n_rows, dtype=bool)
        is_taken[found.numbers] = True
        at = np.flatnonzero(is_taken[order])
        at = at[np.argsort(order[at])]
        units, scores = np.asarray(alerts.units)[at], np.asarray(alerts.scores)[at]
        return cls(found.numbers, found.rows, units, scores, at)


MAX_CLASSES = 5
"""Maximum number of different label values on the page.  If there are more, the page only shows the
label value with which the ranking is compared."""


def checked_agreement(agreement: Any, table: Table) -> dict[str, Any] | None:
    """Check that the table contains the label column and the label value of `agreement`.  Return
    `agreement` with the value as text."""
    if agreement is None:
        return None
    if not isinstance(agreement, Mapping):
        raise ParameterTypeError(
            "`agreement` must be a mapping, such as {'label': 'churned', 'value': 'yes'}, but is "
            f"{agreement!r}.",
            value=agreement,
        )
    checked = dict(agreement)
    name = checked.get("label")
    if name is None:
        return checked
    if name not in table.names:
        raise InputError(
            f"`agreement` has the label {name!r}, but {table.source} does not have this column. "
            f"The columns are {listed(table.names)}.",
            file=table.source,
            column=name,
        )
    if checked.get("value") is not None:
        value, column = str(checked["value"]), table.column(name)
        texts = np.array(level_texts(column), dtype=object)
        values = sorted(set(texts[~column.missing]))
        if value not in values:
            raise InputError(
                f"`agreement` has the value {value!r}, but column {name!r} does not contain this "
                f"value. The values are {listed(values)}.",
                value=value,
                column=name,
            )
        checked["value"] = value
    return checked


@dataclass(frozen=True, eq=False)
class RowLabels:
    """The labels of the rows of a table.

    Attributes
    ----------
    name : str
        Name of the column.
    texts : ndarray of shape (n_rows,), object
    is_known : ndarray of shape (n_rows,), bool
        False for a row without a label.
    compared : str or None
        Label value with which the ranking is compared.
    """

    name: str
    texts: Objects
    is_known: Bools
    compared: str | None

    @classmethod
    def of(cls, map_: Map, table: Table, agreement: Mapping[str, Any] | None) -> "RowLabels | None":
        """Return the labels with which the ranking is compared (by default, the map's labels)."""
        given = agreement or {}
        name = given.get("label", map_.encoding.named("label"))
        if name is None or name not in table.names:
            return None
        column = table.column(name)
        texts = np.array(level_texts(column), dtype=object)
        return cls(name, texts, ~column.missing, given.get("value"))

    @property
    def shown(self) -> list[str]:
        """Label values that the page shows, in alphabetical order."""
        values = sorted(set(self.texts[self.is_known]))
        return values if len(values) <= MAX_CLASSES else [v for v in values if v == self.compared]


@dataclass(frozen=True, eq=False)
class CellCounts:
    """Number of rows, number of alerts and sum of the scores in each unit.

    Attributes
    ----------
    rows, alerts, scores : ndarray of shape (n_units,)
    """

    rows: Float64s
    alerts: Float64s
    scores: Float64s

    @classmethod
    def of(cls, alerts: Alerts, n_units: int) -> "CellCounts":
        """Count the rows of a ranking."""
        units = np.asarray(alerts.units)
        return cls(
            np.bincount(units, minlength=n_units).astype(np.float64),
            np.bincount(units[: alerts.n_alerts], minlength=n_units).astype(np.float64),
            np.bincount(units, alerts.scores, n_units).astype(np.float64),
        )

    @classmethod
    def of_planes(cls, planes: Sequence[dict[str, Any]]) -> "CellCounts":
        """Return the numbers of rows and alerts and sums of scores from the planes of a report."""
        values = {plane["key"]: plane["values"] for plane in planes}
        rows = np.array(values["hits"], dtype=np.float64)
        alerts = np.array(values.get("alerts", np.zeros(len(rows))), dtype=np.float64)
        means = np.array([mean or 0.0 for mean in values["mean_score"]])
        return cls(rows, alerts, rows * means)

    @property
    def mean_scores(self) -> Float64s:
        """Mean score of the rows of each unit, or NaN for a unit without rows."""
        return shares(self.scores, self.rows)

    def by_region(self, labels: Ints) -> "CellCounts":
        """Return the number of rows, number of alerts and sum of scores in each region.  `labels`
        contains the region of each unit."""
        own = (self.rows, self.alerts, self.scores)
        return CellCounts(*(np.bincount(labels, of).astype(np.float64) for of in own))


def shares(part: Float64s | Ints, whole: Float64s | Ints) -> Float64s:
    """Return `part / whole`, or NaN if `whole` is 0.  On the page, the cell of a NaN is empty."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def all_in_words(
    map_: Map, detector: Detector | None, table: Table, agreement: dict[str, Any] | None
) -> tuple[Map, Detector | None, Table, dict[str, Any] | None]:
    """Replace column names and level codes in the arguments by words of the data dictionary."""
    encoding = map_.encoding
    if agreement is not None and "label" in agreement:
        label, value = str(agreement["label"]), agreement.get("value")
        words = None if value is None else words_of_level(encoding, label, str(value))
        agreement = {**agreement, "label": words_of_column(encoding, label), "value": words}
    if detector is not None:
        detector, table = both_in_words(detector, table)
        return detector.map_, detector, table, agreement
    return map_in_words(map_), None, table_in_words(encoding, table), agreement


def as_table(rows: Any) -> Table:
    """Return a table or data frame as a Table.  Raise TypeError for another type."""
    rows = collected(rows)
    if isinstance(rows, Table):
        return rows
    frame = as_frame(rows)
    if frame is None:
        raise ParameterTypeError(
            f"`table` must be a Table or a data frame, but is {type(rows).__name__}. Use "
            "somscape.tables.read_table for a file, or table_from_columns for an array.",
            value=type(rows).__name__,
        )
    return table_from_frame(frame)
