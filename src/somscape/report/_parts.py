"""Convert values and rows for the page, and describe cases, columns and planes."""

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints, Objects
from somscape._weights import pair_sums
from somscape.errors import InputError, ParameterTypeError
from somscape.kernels._select import select_kernels
from somscape.maps.map import Map, map_in_words
from somscape.measures.rows import by_unit
from somscape.outliers.alerts import Alerts
from somscape.outliers.detector import Detector
from somscape.outliers.reasons import Reasons
from somscape.outliers.scoring import both_in_words
from somscape.plots.columns import ColumnPlane, column_plane, ordered_columns, relevance
from somscape.regions.regions import Regions
from somscape.tables._frame import as_frame, table_from_frame
from somscape.tables._messages import listed
from somscape.tables._recoded import table_in_words, words_of_column, words_of_level
from somscape.tables.codes import CategoryCode, NumberCode, level_texts
from somscape.tables.column import Column
from somscape.tables.customers import Grouped
from somscape.tables.ordered import CycleCode, DateCode
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


def amount_column(names: Iterable[str], chosen: str | None) -> str | None:
    """Return the column with the amount at stake, the chosen one or the first that is called so."""
    found = [*names]
    called = [name for name in found if "amount" in name.lower()]
    return chosen if chosen in found else next(iter(called), None)


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
    return table_from_frame(frame.native)


MAX_CASES = 100
"""Maximum number of alerts with details.  A description takes milliseconds."""

N_USUAL = 4
"""Number of nearest usual rows with which a case is compared."""

N_LABELLED = 2
"""Number of nearest rows with the label value with which a case is compared."""


def cases_of(
    detector: Detector,
    table: Table,
    alerts: Alerts,
    sample: Sample,
    labels: RowLabels | None = None,
) -> list[dict[str, Any]]:
    """Return the details of the first alerts."""
    numbers = np.asarray(alerts.rows)[: min(alerts.n_alerts, MAX_CASES)]
    if not len(numbers):
        return []
    map_ = detector.map_
    part = table.take(numbers)
    rows = np.asarray(map_.rows_of(part), dtype=np.float64)
    is_usual = sample.scores <= detector.threshold
    usual = _nearest(map_, rows, sample, np.flatnonzero(is_usual), N_USUAL)
    known = _codes_of_labels(sample, labels)
    alike: list[list[list[Any]]] = [[] for _ in rows]
    around: list[dict[str, Any] | None] = [None] * len(rows)
    if known is not None:
        alike = _nearest(map_, rows, sample, np.flatnonzero(known == 1), N_LABELLED)
        around = _labels_around(detector, rows, sample, known)
    return [
        {
            "counterfactual": str(found) if found and found.changes else None,
            "usual": usual[i],
            "labelled": alike[i],
            "around": around[i],
        }
        for i, found in enumerate(detector.counterfactuals(part))
    ]


def _nearest(
    map_: Map, rows: Float64s, sample: Sample, which: Ints, n: int
) -> list[list[list[Any]]]:
    """For each row, return the ranks and distances of the `n` nearest other rows in a sample."""
    whole = which[~np.isnan(sample.rows[which]).any(axis=1)]
    if not len(whole):
        return [[] for _ in rows]
    metric = map_.metric
    found, distances = metric.search(
        select_kernels(),
        metric.compared(rows),
        np.asarray(metric.compared(sample.rows[whole])),
        min(n + 1, len(whole)),
        has_missing=bool(np.isnan(rows).any()),
    )
    ranks = sample.ranks[whole[found]]
    return [
        [
            [int(rank), number(distance)]
            for rank, distance in zip(ranks[i], distances[i], strict=True)
            if rank != i
        ][:n]
        for i in range(len(rows))
    ]


def _codes_of_labels(sample: Sample, labels: RowLabels | None) -> Ints | None:
    """Compare the label of each row with the label value.  Return 1 for this value, 0 for another
    value, and -1 for a row without a label."""
    if labels is None or labels.compared is None:
        return None
    has_value = labels.texts[sample.numbers] == labels.compared
    return np.where(labels.is_known[sample.numbers], has_value.astype(np.intp), -1)


def _labels_around(
    detector: Detector, rows: Float64s, sample: Sample, known: Ints
) -> list[dict[str, Any] | None]:
    """Count the labels of the rows in the cell of each case and in the neighboring cells."""
    found = detector.label_share(rows, among=sample.rows, y=known)
    return [
        {
            "n_known": int(found.n_known[i]),
            "n_with": int(found.n_anomalies[i]),
            "low": number(found.low[i]),
            "high": number(found.high[i]),
        }
        if found.n_known[i]
        else None
        for i in range(len(rows))
    ]


MAX_ROWS = 50
"""Maximum number of original rows that are shown for a case, such as the orders of a customer."""

MIN_ROWS = 5
"""Number of original rows that are always shown for a case, or all if there are fewer rows."""

MAX_CELLS = 60_000
"""Maximum number of values in the original rows of all cases together.  If the table has many
columns, fewer original rows are shown for a case."""


def with_own_rows(
    cases: list[dict[str, Any]], grouped: Grouped, alerts: Alerts
) -> list[dict[str, Any]]:
    """Return the cases with their original rows."""
    n_cells = max(1, len(cases) * len(grouped.rows.columns))
    n_shown = min(MAX_ROWS, max(MIN_ROWS, MAX_CELLS // n_cells))
    rows, orders = [], []
    for customer, reasons in zip(alerts.rows[: len(cases)], alerts.reasons, strict=False):
        own, by = grouped.rows_of(customer), _column_of(grouped, reasons)
        values = None if by is None else by.take(own).numbers
        if values is not None:
            sizes = np.nan_to_num(np.abs(values), nan=-1.0)
            own = own[np.argsort(-sizes, kind="stable")]
        rows.append(own)
        orders.append(None if by is None else by.name)
    shown = [own[:n_shown] for own in rows]
    ends = np.cumsum([0, *map(len, shown)]).tolist()
    # A single call is used, because each `take` goes through all lines of the table.  Columns with
    # names of customers are left out, because they are equal in all rows of a case.
    table = grouped.rows.without(grouped.by).take(
        np.concatenate([np.empty(0, dtype=np.intp), *shown])
    )
    cells = [(column.name, column.cells.tolist()) for column in table.columns]
    return [
        {
            **case,
            "rows": {
                "n_rows": len(own),
                "by": order,
                "cells": [{"name": name, "values": values[begin:end]} for name, values in cells],
            },
        }
        for case, own, order, begin, end in zip(
            cases, rows, orders, ends[:-1], ends[1:], strict=True
        )
    ]


def _column_of(grouped: Grouped, reasons: Reasons) -> Column | None:
    """Return the first original column with numbers from which a column in the reasons was
    computed, or None."""
    made = [grouped.made[reason.column] for reason in reasons if reason.column in grouped.made]
    columns = [grouped.rows.column(one.column) for one in made if one.column]
    return next((column for column in columns if column.is_number), None)


N_BARS = 24
"""Number of bars in a histogram, if a column has at least this many distinct values."""

N_LEVEL_BARS = 12
"""Maximum number of bars for a category.  The rarest further levels share the last bar."""

OTHER_LEVELS = "(others)"
NO_BAR = " "


@dataclass(frozen=True, eq=False)
class Histogram:
    """The bars of the histogram of a column.

    Attributes
    ----------
    levels : list or None
        Value that each bar represents, in original units, or None if bars are ranges of values.
    edges : list or None
        All limits of the bars in original units, or None if each bar represents a single value.
    cuts : ndarray or None
        Encoded values that separate neighboring bars, or None for a category.
    bar_of_level : ndarray or None
        Number of the bar for each level of a category, or None for other columns.
    axis : (float, float) or None
        Lowest and highest encoded value of the column, or None for a category.
    """

    levels: list[Any] | None
    edges: list[Any] | None
    cuts: Float64s | None
    bar_of_level: Ints | None
    axis: tuple[float, float] | None

    @classmethod
    def fit(cls, code: Any, features: Float64s) -> "Histogram":
        """Choose the bars for a column.  `features` contains the encoded values of the column
        (n_rows, number of encoded columns)."""
        if isinstance(code, CategoryCode):
            return cls._of_levels(code, features)
        values = features[~np.isnan(features[:, 0]), 0]
        distinct = np.unique(values)
        if not len(distinct):
            return cls([], None, np.empty(0), None, (0.0, 0.0))
        axis = float(distinct[0]), float(distinct[-1])
        if len(distinct) <= N_BARS:
            cuts = (distinct[1:] + distinct[:-1]) / 2
            return cls(_originals(code, distinct), None, cuts, None, axis)
        edges = np.linspace(*axis, N_BARS + 1)
        return cls(None, _originals(code, edges), edges[1:-1], None, axis)

    @classmethod
    def _of_levels(cls, code: CategoryCode, features: Float64s) -> "Histogram":
        n = code.n_features
        counts = np.bincount(_level(features), minlength=n + 1)[:n]
        names = [*code.levels, "(unseen)"]
        shown = np.flatnonzero(counts)
        if len(shown) > N_LEVEL_BARS:
            shown = np.argsort(-counts, kind="stable")[: N_LEVEL_BARS - 1]
        bars = np.full(n + 1, len(shown), dtype=np.intp)
        bars[shown] = np.arange(len(shown))
        bars[n] = -1
        levels = [names[i] for i in shown]
        if (bars == len(shown)).any() and counts.sum() > counts[shown].sum():
            levels.append(OTHER_LEVELS)
        return cls(levels, None, None, bars, None)

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return len(self.levels) if self.levels is not None else len(self.edges or [None]) - 1

    def bars(self, features: Float64s) -> Ints:
        """Return the number of the bar to which each row belongs, or -1 for a row without a bar."""
        if self.bar_of_level is not None:
            found = self.bar_of_level[_level(features)]
            return np.asarray(np.where(found < self.n_bars, found, -1))
        assert self.cuts is not None
        bars = np.searchsorted(self.cuts, features[:, 0], side="right")
        return np.asarray(np.where(np.isnan(features[:, 0]), -1, bars))

    def counts(self, features: Float64s) -> list[int]:
        """Return the number of rows that belong to each bar."""
        bars = self.bars(features)
        return np.bincount(bars[bars >= 0], minlength=self.n_bars).tolist()

    def letters(self, features: Float64s) -> str:
        """Return a text with a letter for the bar of each row, or a blank without a bar."""
        return "".join(NO_BAR if bar < 0 else chr(97 + bar) for bar in self.bars(features))


def _level(features: Float64s) -> Ints:
    """Return the level number of each row (for a missing value, the number of levels)."""
    is_missing = np.isnan(features).any(axis=1)
    return np.where(is_missing, features.shape[1], np.nan_to_num(features).argmax(axis=1))


def _originals(code: Any, places: Float64s) -> list[Any]:
    values = code.decode(places[:, None])
    if isinstance(code, NumberCode):
        return numbers(values, DIGITS_BACK)
    return [str(v) for v in values]


def columns_of(
    map_: Map, table: Table, sample: Sample, listed: Float64s, n_alerts: int
) -> list[dict[str, Any]]:
    """Return the data that the page shows for each column, in the order of the encoding."""
    described: list[dict[str, Any]] = [
        {
            "name": code.name,
            "kind": code.kind,
            "why": code.why,
            # A table to score may have fewer columns, because only features are required.
            "n_missing": table.column(code.name).n_missing if code.name in table.names else None,
        }
        for code in (*map_.encoding.columns, *map_.encoding.parts)
    ]
    by_name = {column["name"]: column for column in described}
    explained = _explained(map_, sample)
    for j, (code, place) in enumerate(
        zip(map_.encoding.features, map_.encoding.slices, strict=True)
    ):
        shown: Any = code
        rows, named = sample.rows[:, place], listed[:, place]
        if isinstance(code, CycleCode):  # bars in the order of the week or day
            (shown, rows), (_, named) = code.as_ordinal(rows), code.as_ordinal(named)
        histogram = Histogram.fit(shown, np.vstack([rows, named]))
        by_name[code.name] |= {
            "explained": number(explained[j]),
            "axis": None if histogram.axis is None else [number(end) for end in histogram.axis],
            "levels": histogram.levels,
            "edges": histogram.edges,
            "counts": histogram.counts(rows),
            "alert_counts": histogram.counts(named[:n_alerts]),
            "bars": histogram.letters(named),
        }
    return described


def _explained(map_: Map, sample: Sample) -> Float64s:
    """Return, for each column, the share of its variance that the prototypes explain.

    The share of a column without variance is NaN.
    """
    left = np.nan_to_num(sample.rows - map_.codebook[sample.units]) ** 2
    # Distances to the lowest value of equal values are exactly zero, and so is their variance.
    above = sample.rows - np.fmin.reduce(sample.rows, axis=0)
    n_present = (~np.isnan(above)).sum(axis=0)
    all_of_it = np.nan_to_num(above - shares(np.nansum(above, axis=0), n_present)) ** 2
    kept, total = (map_.encoding.sum_by_column(part).sum(axis=0) for part in (left, all_of_it))
    return np.asarray(1 - shares(kept, total))


MAX_LEVELS = 50
"""Maximum number of distinct values of a text column for which the column has a plane."""


def other_columns(
    table: Table, known: Container[str], units: Ints, n_units: int
) -> Iterator[ColumnPlane]:
    """Yield the planes of those table columns that were not used to train the map."""
    for column in table.columns:
        if column.name in known or column.n_distinct < 2:
            continue
        numbers = column.numbers
        if numbers is not None:
            yield ColumnPlane(column.name, "number", _means(numbers, units, n_units))
        elif column.n_distinct <= MAX_LEVELS:
            yield _of_levels(column, units, n_units)


def _means(values: Float64s, units: Ints, n_units: int) -> Float64s:
    is_there = ~np.isnan(values)
    own = units[is_there]
    total = np.bincount(own, values[is_there], minlength=n_units)
    return shares(total, np.bincount(own, minlength=n_units))


def _of_levels(column: Column, units: Ints, n_units: int) -> ColumnPlane:
    codes, texts = column.coded()
    is_there = codes >= 0
    counts = np.bincount(codes[is_there], minlength=len(texts))
    order = sorted(range(len(texts)), key=lambda i: (-counts[i], texts[i]))
    levels = tuple(texts[i] for i in order)
    places, n_levels = np.argsort(order)[codes[is_there]], len(levels)
    rows = pair_sums(units[is_there], places, (n_units, n_levels))
    n = rows.sum(axis=1)
    if n_levels == 2:
        return ColumnPlane(column.name, "share", shares(rows[:, 1], n), levels[1:])
    prevailing = np.where(n > 0, rows.argmax(axis=1), np.nan)
    return ColumnPlane(column.name, "level", prevailing, levels)


MAX_PLANE_VALUES = 120_000
"""Maximum number of values in all planes together (2.3 MB).  If this number is reached, further
columns do not get a plane, and the page shows the number of these columns."""

MAX_ALIKE = 1000
"""Maximum number of columns that are ordered by likeness.  The time for this order grows as the
square of the number of columns."""

SECONDS_A_DAY = 86_400


def planes_of(
    map_: Map,
    table: Table,
    sample: Sample,
    counts: CellCounts,
    units: Ints,
    labels: RowLabels | None,
    *,
    first: Sequence[dict[str, Any]] = (),
    id_name: str,
    is_scored: bool,
) -> tuple[list[dict[str, Any]], int]:
    """Return two values: the planes of the page, and the number of columns without a plane."""
    shown = [*first, *_map_planes(map_, sample, counts, is_scored)]
    shown += _class_planes(map_, units, labels)
    n_free = max(0, MAX_PLANE_VALUES // map_.n_units - len(shown) - 1)
    features = [code.name for code in map_.encoding.features]
    shown += _column_planes(map_, features[:n_free])
    known = {*features, id_name, *([labels.name] if labels and labels.shown else [])}
    others = list(other_columns(table, known, units, map_.n_units))
    n_left = max(0, n_free - len(features))
    shown += [_of_column(f"other_{i}", plane, "other") for i, plane in enumerate(others[:n_left])]
    return shown, max(0, len(features) + len(others) - n_free)


def with_plane_of(
    regions: Regions, described: Sequence[dict[str, Any]], planes: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the planes with a new plane of regions at the second position.  If the map has a
    single region, do not add this plane."""
    others = [plane for plane in planes if plane["key"] != "regions"]
    if regions.n_regions == 1:
        return others
    names = [each["name"] for each in described]
    plane = page_plane("regions", "Regions", "region", regions.labels, kind="region", levels=names)
    return [others[0], plane, *others[1:]]


def _column_planes(map_: Map, names: list[str]) -> list[dict[str, Any]]:
    """Return the planes of features.  Each plane contains the relevance of its column, and the
    position of the column in the order by likeness."""
    if not names:
        return []
    relevances = relevance(map_, names)
    alike = ordered_columns(map_, names) if len(names) <= MAX_ALIKE else names
    place = {name: i for i, name in enumerate(alike)}
    shown = []
    for i, code in enumerate(map_.encoding.features[: len(names)]):
        key, name = f"column_{i}", code.name
        if isinstance(code, DateCode):
            days = map_.plane(name).astype("datetime64[s]").astype(np.float64) / SECONDS_A_DAY
            plane = page_plane(key, name, name, days, kind="date", group="column")
        else:
            plane = _of_column(key, column_plane(map_, name), "column")
        shown.append(plane | {"relevance": number(relevances[i]), "likeness": place[name]})
    return shown


def _of_column(key: str, plane: ColumnPlane, group: str) -> dict[str, Any]:
    mean = plane.name if group == "column" else f"mean {plane.name} of a cell's rows"
    unit = {"number": mean, "share": "share of rows", "level": "prevailing level"}[plane.kind]
    look: Any = {"kind": plane.kind, "group": group, "levels": plane.levels}
    return page_plane(key, plane.name, unit, plane.values, **look)


def _map_planes(
    map_: Map, sample: Sample, counts: CellCounts, is_scored: bool
) -> list[dict[str, Any]]:
    score = "score" if is_scored else "distance to their prototype"
    words = f"mean {score}, of a cell's rows"
    shown = [
        page_plane("u_heights", "Group borders", "mean distance to neighbors", map_.u_heights),
        page_plane("hits", "Rows per cell", "rows", counts.rows, kind="count"),
        page_plane("mean_score", f"Mean {score}", words, counts.mean_scores),
    ]
    if is_scored:  # without a detector, the score is this distance
        means = by_unit(map_, sample.rows, which="quantization_error")["quantization_error"]
        unit = "mean distance to the prototype, of a cell's rows"
        shown.append(page_plane("quality", "Quality (distance to the prototype)", unit, means))
        shown.append(page_plane("alerts", "Alerts per cell", "alerts", counts.alerts, kind="count"))
    return shown


def _class_planes(map_: Map, units: Ints, labels: RowLabels | None) -> list[dict[str, Any]]:
    if labels is None:
        return []
    known = np.flatnonzero(labels.is_known)
    texts = labels.texts[known]
    n_known = np.bincount(units[known], minlength=map_.n_units)
    shown = []
    for i, each in enumerate(labels.shown):
        n_each = np.bincount(units[known[texts == each]], minlength=map_.n_units)
        values = shares(n_each, n_known)
        look: Any = {"kind": "share", "group": "label", "levels": [each]}
        shown.append(page_plane(f"class_{i}", labels.name, "share of rows", values, **look))
    return shown


def page_plane(
    key: str,
    name: str,
    unit: str,
    values: Any,
    *,
    kind: str = "number",
    group: str = "map",
    levels: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "group": group,
        "kind": kind,
        "unit": unit,
        "levels": list(levels),
        "values": numbers(values),
    }
