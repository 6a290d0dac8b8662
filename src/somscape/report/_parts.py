"""Prepare cases, classes, columns and planes (values that color cells) for the report."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Ints, Objects
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.kernels._select import select_kernels, stable_order
from somscape.maps.map import Map
from somscape.measures.rows import by_unit
from somscape.outliers.detector import Alerts, Detector, Reasons, ids_of
from somscape.plots.columns import ColumnPlane, column_plane, ordered_columns, relevance
from somscape.recognize.recognizer import Recognizer, classes_of_cells
from somscape.regions.regions import Regions
from somscape.report._values import (
    DIGITS_BACK,
    CellCounts,
    RowLabels,
    Sample,
    number,
    numbers,
    shares,
)
from somscape.tables._recoded import words_of_column, words_of_level
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.column import Column
from somscape.tables.customers import Grouped
from somscape.tables.ordered import CycleCode, DateCode
from somscape.tables.table import Table

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


NAMED_ROWS = 1 << 13
"""Number of rows for which class probabilities are computed together (limits the memory)."""

MAX_TABLED = 20
"""Maximum number of classes in the table that compares true classes with predicted classes."""

REFUSED = -1


@dataclass(frozen=True, eq=False)
class NamedRows:
    """The rows of a table with their predicted and true classes.

    Attributes
    ----------
    recognizer : Recognizer
    table : Table
    names : list of str
        Names of the classes, in the order of the recognizer.
    named : ndarray of shape (n_rows,)
        Predicted class of each row as a position in `names`, or -1 for a row without a prediction.
    sure : ndarray of shape (n_rows,)
        Probability of the most probable class.
    target : str or None
        Name of the column that the classifier predicts, or None.
    true : ndarray of shape (n_rows,), object
        True class of each row as text, or None if the true class is not known.
    """

    recognizer: Recognizer
    table: Table
    names: list[str]
    named: Ints
    sure: Float64s
    target: str | None
    true: Objects

    @classmethod
    def of(cls, recognizer: Recognizer, table: Table) -> "NamedRows":
        """Predict the classes of the rows of a table."""
        rows = recognizer.map_.rows_of(table)
        named, sure = np.empty(len(rows), dtype=np.intp), np.empty(len(rows))
        for part in blocks(len(rows), NAMED_ROWS):
            probabilities, p_values = recognizer._probabilities_of_rows(rows[part])
            named[part], sure[part] = probabilities.argmax(axis=1), probabilities.max(axis=1)
            if recognizer.reject is not None:
                named[part][p_values <= recognizer.reject] = REFUSED
        names = [str(name) for name in recognizer.classes.tolist()]
        encoding = recognizer.map_.encoding
        target = encoding.named("label")
        true = np.full(table.n_rows, None, dtype=object)
        if target is not None:
            if target in table.names:
                true = classes_of_cells(table.column(target), recognizer.classes)
            words = partial(words_of_level, encoding, target)
            names = [words(name) for name in names]
            true = np.array([text and words(text) for text in true], dtype=object)
            target = words_of_column(encoding, target)
        return cls(recognizer, table, names, named, sure, target, true)

    @cached_property
    def is_known(self) -> Bools:
        """Whether the true class of each row is known."""
        return np.array([text is not None for text in self.true], dtype=bool)

    @cached_property
    def is_wrong(self) -> Bools:
        """Whether the predicted class of each row is wrong (False without a prediction)."""
        found = np.array([*self.names, None], dtype=object)[self.named]
        return self.is_known & (self.named != REFUSED) & (found != self.true)

    def planes(self, units: Ints) -> list[dict[str, Any]]:
        """Return a plane with the class of each cell and, if true classes are known, a plane with
        the number of mistakes in each cell."""
        name = f"Class: {self.target}" if self.target else "Class"
        stands_for = self.recognizer.shares.argmax(axis=1)
        shown = [_plane("class", name, "class", stands_for, kind="level", levels=self.names)]
        if self.is_known.any():
            n_wrong = np.bincount(units[self.is_wrong], minlength=len(stands_for))
            name = "Misclassified rows"
            shown.append(_plane("mistakes", name, "misclassified rows", n_wrong, kind="count"))
        return shown

    def page_data(self, listed: Ints) -> dict[str, Any]:
        """Return the data that the page shows about classes and predictions."""
        is_known, is_refused = self.is_known, self.named == REFUSED
        n_wrong = int(self.is_wrong.sum())
        whys = self.recognizer.reasons(self.table.take(listed)) if len(listed) else []
        return {
            "target": self.target,
            "names": self.names,
            "accuracy": self.recognizer.accuracy,
            "most_frequent": self.recognizer.most_frequent,
            "leaks": self.recognizer.leaks_in_words(),
            "n_known": int(is_known.sum()),
            "n_right": int((is_known & ~is_refused).sum()) - n_wrong,
            "n_wrong": n_wrong,
            "n_refused": int(is_refused.sum()),
            "confusion": self._confusion() if is_known.any() else None,
            "rows": {
                "named": [None if i == REFUSED else int(i) for i in self.named[listed]],
                "probabilities": numbers(self.sure[listed]),
                "true": self.true[listed].tolist(),
                "why": [why.sentence() for why in whys],
            },
        }

    def _confusion(self) -> dict[str, Any]:
        """Count the rows for each pair of a true class and a predicted class."""
        known = np.flatnonzero(self.is_known & (self.named != REFUSED))
        texts, sizes = np.unique(self.true[self.is_known].astype(str), return_counts=True)
        size = dict(zip(texts.tolist(), sizes.tolist(), strict=True))
        every = [*self.names, *sorted(set(size) - set(self.names))]
        most = sorted(every, key=lambda name: -size.get(name, 0))[:MAX_TABLED]
        shown = [name for name in every if name in most]
        place = {name: i for i, name in enumerate(shown)}
        counts = np.zeros((len(shown), len(shown) + 1), dtype=np.intp)  # last: classes left out
        for row in known:
            true, named = place.get(self.true[row]), place.get(self.names[self.named[row]], -1)
            if true is not None:
                counts[true, named] += 1
        return {
            "names": shown,
            "counts": counts[:, :-1].tolist(),
            "sizes": counts.sum(axis=1).tolist(),
            "n_left_out": len(every) - len(shown),
        }


def by_distance(map_: Map, table: Table) -> Alerts:
    """Return all rows in descending order of the distance to their prototype, without alerts."""
    found, apart = map_.nearest(table)
    units, distances = found[:, 0], apart[:, 0]
    if np.isnan(distances).any():
        row = int(np.isnan(distances).argmax())
        raise InputError(
            f"{table.where(row)} has only missing values in the columns of this map. Leave out "
            "the row.",
            file=table.source,
            row=row,
        )
    order = stable_order(-distances)
    id_name, ids = ids_of(map_, table)
    no_p_values, stands_out = np.full(len(order), np.nan), np.zeros(len(order), dtype=bool)
    ranked = (order, distances[order], no_p_values, units[order])
    return Alerts(id_name, ids.take(order), *ranked, [], 0, stands_out, 0.0)


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
    """Return, for each column, the share of its variance that the prototypes explain."""
    left = np.nan_to_num(sample.rows - map_.codebook[sample.units]) ** 2
    all_of_it = np.nan_to_num(sample.rows - np.nanmean(sample.rows, axis=0)) ** 2
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
    rows = np.bincount(units[is_there] * n_levels + places, minlength=n_units * n_levels)
    rows = rows.reshape(n_units, n_levels)
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
    plane = _plane("regions", "Regions", "region", regions.labels, kind="region", levels=names)
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
            plane = _plane(key, name, name, days, kind="date", group="column")
        else:
            plane = _of_column(key, column_plane(map_, name), "column")
        shown.append(plane | {"relevance": number(relevances[i]), "likeness": place[name]})
    return shown


def _of_column(key: str, plane: ColumnPlane, group: str) -> dict[str, Any]:
    mean = plane.name if group == "column" else f"mean {plane.name} of a cell's rows"
    unit = {"number": mean, "share": "share of rows", "level": "prevailing level"}[plane.kind]
    look: Any = {"kind": plane.kind, "group": group, "levels": plane.levels}
    return _plane(key, plane.name, unit, plane.values, **look)


def _map_planes(
    map_: Map, sample: Sample, counts: CellCounts, is_scored: bool
) -> list[dict[str, Any]]:
    score = "score" if is_scored else "distance to their prototype"
    words = f"mean {score}, of a cell's rows"
    shown = [
        _plane("u_heights", "Borders between groups", "mean distance to neighbors", map_.u_heights),
        _plane("hits", "Rows per cell", "rows", counts.rows, kind="count"),
        _plane("mean_score", f"Mean {score}", words, counts.mean_scores),
    ]
    if is_scored:  # without a detector, the score is this distance
        means = by_unit(map_, sample.rows, which="quantization_error")["quantization_error"]
        unit = "mean distance to the prototype, of a cell's rows"
        shown.append(_plane("quality", "Quality (distance to the prototype)", unit, means))
        shown.append(_plane("alerts", "Alerts per cell", "alerts", counts.alerts, kind="count"))
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
        shown.append(_plane(f"class_{i}", labels.name, "share of rows", values, **look))
    return shown


def _plane(
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
