"""Collect all data of a report page as plain JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints, Objects
from somscape._weights import blocks
from somscape.checks.check import Check
from somscape.errors import InputError
from somscape.grid.graph import Graph
from somscape.kernels._select import stable_order
from somscape.maps.map import Map, as_map
from somscape.measures._quality import quantization_error, topographic_error
from somscape.outliers.alert_rule import STANDING_OUT, AlertRule
from somscape.outliers.alerts import Alerts, ids_of
from somscape.outliers.detector import Detector, detector_in
from somscape.recognize.predictor import recognizer_in
from somscape.recognize.recognizer import REFUSED, Recognizer, classes_of_cells, name_rows
from somscape.regions.edit import given_or_found
from somscape.regions.find import order_of_joins
from somscape.regions.regions import Quartiles, Region, Regions, Rule, fingerprint
from somscape.report._parts import (
    DIGITS_BACK,
    MARK_DIGITS,
    CellCounts,
    RowLabels,
    RowsInOrder,
    Sample,
    all_in_words,
    amount_column,
    as_table,
    cases_of,
    checked_agreement,
    columns_of,
    number,
    numbers,
    page_plane,
    plain,
    planes_of,
    with_own_rows,
    with_plane_of,
)
from somscape.report.page import Report
from somscape.tables._recoded import words_of_column, words_of_level
from somscape.tables.customers import Grouped
from somscape.tables.table import Table

NAMED_ROWS = 1 << 13
"""Number of rows for which class probabilities are computed together (limits the memory)."""

MAX_TABLED = 20
"""Maximum number of classes in the table that compares true classes with predicted classes."""


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
            named[part], probabilities = name_rows(recognizer, rows[part])
            sure[part] = probabilities.max(axis=1)
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
        shown = [page_plane("class", name, "class", stands_for, kind="level", levels=self.names)]
        if self.is_known.any():
            n_wrong = np.bincount(units[self.is_wrong], minlength=len(stands_for))
            name = "Misclassified rows"
            shown.append(page_plane("mistakes", name, "misclassified rows", n_wrong, kind="count"))
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


MAX_DESCRIBED = 10_000
"""Maximum number of rows (evenly spaced in the table) from which regions are described."""


def regions_of(
    regions: Regions, counts: CellCounts, units: Ints, sample: RowsInOrder, labels: RowLabels | None
) -> list[dict[str, Any]]:
    """Return the data that the report page shows for each region."""
    own = counts.by_region(regions.labels)
    step = -(-len(sample.rows) // MAX_DESCRIBED)
    described = regions.describe(sample.rows[::step], units=units[sample.numbers][::step])
    label_shares = _label_shares(regions, units, labels)
    return [
        {
            "name": region.name,
            "is_named": bool(regions.names and regions.names[i]),
            "color": regions.colors[i] if regions.colors else "",
            "n_units": int(regions.n_units[i]),
            "n_rows": int(own.rows[i]),
            "n_alerts": int(own.alerts[i]),
            "mean_score": number(own.mean_scores[i]),
            "labels": label_shares[i],
            "differences": _differences(region),
            "rule": None if region.rule is None else _rule(region.rule),
            "sentence": region.sentence,
        }
        for i, region in enumerate(described)
    ]


def _label_shares(
    regions: Regions, units: Ints, labels: RowLabels | None
) -> list[list[dict[str, Any]]]:
    """Return, for each region, how many of its rows have each label value."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(regions.n_regions)]
    if labels is None:
        return found
    texts, of_known = labels.texts[labels.is_known], regions.labels[units[labels.is_known]]
    n_known = np.bincount(of_known, minlength=regions.n_regions)
    for value in labels.shown:
        n_with = np.bincount(of_known[texts == value], minlength=regions.n_regions)
        for i in np.flatnonzero(n_known):
            found[i].append({"value": value, "n_with": int(n_with[i]), "n_known": int(n_known[i])})
    return found


def _differences(region: Region) -> list[dict[str, Any]]:
    return [
        {
            "column": each.column,
            "effect": number(each.effect),
            "level": each.level,
            "inside": _share_or_quartiles(each.inside),
            "outside": _share_or_quartiles(each.outside),
        }
        for each in region.differences
    ]


def _rule(rule: Rule) -> dict[str, Any]:
    return {"text": rule.text, "inside": number(rule.inside), "outside": number(rule.outside)}


def _share_or_quartiles(side: Quartiles | float) -> Any:
    """Return a share of rows, or quartiles both in original units and as axis positions."""
    if not isinstance(side, Quartiles):
        return number(side)
    values = (side.low, side.median, side.high)
    return {
        "quartiles": [number(v, DIGITS_BACK) if isinstance(v, float) else str(v) for v in values],
        "at": numbers(side.at, MARK_DIGITS),
    }


SCHEMA_VERSION = 1
HISTORY = ("step", "quantization_error", "radius")

MAX_LISTED = 3750
"""Maximum number of rows in the list of the most unusual rows on the report page."""

MAX_CELLS = 60_000
"""Maximum number of values in all listed rows (0.7 MB).  This limits the rows of wide tables."""

MIN_LISTED = 500
"""Smallest number of listed rows.  Smaller tables are listed completely."""


def build(
    som: Any,
    table: Any,
    alerts: Alerts | None = None,
    *,
    rule: AlertRule | None = None,
    regions: Regions | None = None,
    agreement: Mapping[str, Any] | None = None,
    command: str | None = None,
    title: str | None = None,
    notes: Iterable[str] = (),
    grouped: Grouped | None = None,
    changed: Mapping[str, Any] | None = None,
    checks: Iterable[Check] | None = None,
    trained_on: str | None = None,
) -> Report:
    """Return a report as plain JSON data, for `render` or for other programs.

    Parameters
    ----------
    som : Detector, Map or fitted estimator
        Detector that ranked the rows.  Without a ranking, a map or an estimator that has a map.
    table : Table or data frame
        Table of the reported rows.  The row numbers in ``alerts.rows`` refer to this table.
    alerts : Alerts, optional
        All rows of the table in descending order of score, with reasons for the first ``n_alerts``
        rows.  By default `Detector.alerts` ranks the rows.  If `som` is not a detector, each row is
        ranked by the distance to its prototype, and there are no alerts.
    rule : AlertRule, optional
        Rule by which the alerts were selected, which the page shows.  By default the rule of
        `Detector.alerts`.  If ``alerts`` is given, the page does not show a rule by default.
    regions : Regions, optional
        Regions of the map.  By default, the regions that are stored with the map, or otherwise
        regions from `regions.find_regions`.
    agreement : mapping, optional
        Measures of how well the ranking agrees with a label, with the keys ``label``, ``value``,
        ``n_labelled``, ``n_rows``, ``n_alerts``, ``auroc``, ``precision``, ``lift``.  If only the
        labels of rows are to be shown, ``label`` and ``value`` are sufficient.
    command : str, optional
        Command that made the report.  The page shows this command.
    title : str, optional
        Heading of the page.  The default heading contains the source of the table.
    notes : iterable of str, optional
        Sentences after the notes on the table.  A repeated sentence is shown once.
    grouped : Grouped, optional
        Result of `tables.per` from which the table was made.  Each case then shows the original
        rows that were combined into its row.
    changed : mapping, optional
        Changes that a scheduled run of a watch found, in the form of `cases.RunOutcome.to_json`.
        The page begins with these changes.
    checks : iterable of Check, optional
        Checks of the columns from `checks.check`.  The page shows them above the ranked list.
    trained_on : str, optional
        Name of the table on which the map was trained, which the page shows.  A map does not
        contain this name.

    Returns
    -------
    Report
        Dict of JSON data.  The notes below describe its keys.  A notebook shows the page.

    Raises
    ------
    InputError
        If the map is not fitted, or if the table does not contain the label column or label value
        of `agreement`.
    TypeError
        If `table`, `regions` or `agreement` has a wrong type.

    See Also
    --------
    render : Converts the data to a page.
    with_regions : Replaces the regions.

    Notes
    -----
    Only positions on an axis or on the page are rounded.  The page itself rounds the numbers that
    it shows.  None represents a missing value or NaN.  The dict has the
    following keys.

    - ``schema`` ("somscape-report"), ``schema_version``, ``title``, ``source``
    - ``n_rows``, ``n_features``, ``n_alerts``, ``id_name``
    - ``n_stand_out`` is the number of rows that stand out, and ``n_by_chance`` is the number of
      rows that are expected to stand out by chance.  ``headline`` is a text with both numbers, or
      None.  ``noun`` is a word for a row.  ``n_before_line`` is the number of alerts in the list
      before a line that separates them from alerts that do not stand out, or None if there is no
      such line
    - ``score`` has the keys ``name``, ``n_prototypes``, ``n_maps`` and ``threshold``.  ``n_maps``
      is the number of maps that were trained on halves of the rows to compute the scores, or 1 if
      the map itself computes the scores.  ``score`` is None if `som` is not a detector
    - ``rule`` is a text with the rule by which alerts were selected, or None
    - ``map`` has ``kind``, ``boundary``, ``n_rows``, ``n_cols``, ``cell`` (corners of a cell around
      its position), ``positions`` (in cell widths, with a y axis that points down), ``edges``
      (pairs of units that are joined in a graph), ``fingerprint`` (identifies the prototypes),
      ``hits`` (training rows of each unit), and ``joins`` (pairs of units, as returned by
      `regions.order_of_joins`)
    - ``planes`` is a list of planes with the keys ``key``, ``name``, ``group`` ("map", "label",
      "column", or "other" for a column that did not train the map), ``kind`` ("number", "share",
      "level" as in `plots.ColumnPlane`, "count", "region", or "date" in days since 1970), ``unit``,
      ``levels``, and ``values`` (one value for each unit).  The plane of a column that trained the
      map also has ``relevance`` (share of the column in the variance of the prototypes) and
      ``likeness`` (position of the column in an order by similarity).  If there are several
      regions, the plane "regions" contains their numbers from 0.  ``n_planes_left_out`` is the
      number of columns that do not have a plane
    - ``regions`` is a list of regions in descending order of size with the keys ``name``,
      ``is_named`` (whether a person chose the name), ``color`` ("" for a region without its own
      color), ``n_units``, ``n_rows``, ``n_alerts``, ``mean_score``, ``labels``, ``differences``,
      ``rule`` and ``sentence``.  In ``labels``, ``n_with`` is the number of rows with the label
      ``value``, and ``n_known`` is the number of rows with any label.  Each of the ``differences``
      has the keys ``column`` and ``effect`` (Cliff's delta, -1 to 1).  For a category, a difference
      also has a ``level``, and its shares ``inside`` and ``outside`` the region.  For another
      column, ``inside`` and ``outside`` contain ``quartiles`` in original units, and ``at``, the
      positions of these quartiles on the ``axis`` of the column.  ``rule`` is None, or has a
      ``text`` with conditions, and the shares of rows ``inside`` and ``outside`` the region that
      meet these conditions.  ``sentence`` describes the region
    - ``n_listed`` is the number of listed rows, at most 3750, and fewer for many columns
    - ``rows`` contains the listed rows in descending order of score, followed by other rows to
      which ``cases`` refer.  The keys are ``ids``, ``ranks`` (from 0), ``numbers`` (row numbers in
      the table, from 0), ``units``, ``scores``, ``p_values``, and ``cells`` (``name`` and
      ``values`` of each original column)
    - ``reasons`` contains the reasons for each listed alert, with the keys ``column``, ``value``,
      ``usual`` and ``share``.  ``at`` is the position of the value on the ``axis`` of the column,
      and ``usual_at`` is the position of the usual range, or None.  ``occurs`` is sometimes a text
      with the number of training rows that have this value or a more extreme value.  ``alone`` is
      true if the value is usual in its column but unusual in combination with the other columns.
      ``fitting`` is sometimes a text with the value that would fit the other columns.  ``rule`` is
      true if ``column`` and ``value`` are the name and the text of a rule that lists the row
    - ``findings`` contains groups of several alerts with the same reasons (`outliers.Finding`).
      The keys are ``number``, the ``ranks`` of the alerts (from 0), and ``what``, a text with the
      values in the columns of the reasons
    - ``cases`` contains details of the first 100 alerts.  ``counterfactual`` is a text with changes
      that would make the row usual, or None.  ``usual`` contains the ranks and distances of the
      nearest usual rows, and ``labelled`` those of the nearest rows with the label value.
      ``around`` is None, or describes the rows in the same cell and in neighboring cells, with the
      keys ``n_known`` (rows with a label), ``n_with`` (rows with the label value), and ``low`` and
      ``high`` (95 % Wilson interval of the share of rows with the label value).  If `grouped` is
      given, a case also has ``rows``, with the keys ``n_rows`` (number of original rows), ``by``
      (column by whose absolute values these rows are sorted, largest first, or None), and ``cells``
      (``name`` of each column and its ``values`` in up to 50 original rows)
    - ``classes`` exists only for a classifier.  The keys are ``names`` of the classes, ``target``
      (name of the predicted column, or None if its name is not known), ``accuracy`` (share of
      correct predictions for rows that were left out of training, or None), ``most_frequent``
      (share of the most frequent class, or None), ``leaks`` (sentences on columns that alone
      determined the class in training), ``n_known`` (rows with a known class), ``n_right`` (correct
      predictions), ``n_wrong`` (incorrect predictions) and ``n_refused`` (rows without a
      prediction).  ``confusion`` is None, or has the keys ``names`` of up to 20 classes,
      ``n_left_out`` (number of other classes), ``counts`` (numbers of rows by true and predicted
      class), and ``sizes`` (number of rows of each true class).  ``rows`` contains, for each row,
      ``named`` (position of the predicted class in ``names``, or None without a prediction), the
      ``probabilities``, the ``true`` class or None, and ``why`` (sentences with reasons).  For a
      classifier, the first two planes are "class" (class of each cell) and "mistakes" (number of
      incorrect predictions in each cell)
    - ``columns`` is a list of columns with the keys ``name``, ``kind``, ``why`` and ``n_missing``.
      A feature also has ``explained`` (share of the column's variance that the prototypes explain)
      and a histogram, with the keys ``levels`` or ``edges`` of the bars, ``counts`` of rows in the
      bars, ``alert_counts``, ``bars`` (a letter for each row in ``rows`` that identifies its bar),
      and ``axis`` (both ends of the axis on the scale of the map)
    - ``n_measured`` is the number of evenly spaced rows from which ``quality``, ``counts``,
      ``explained`` and nearest rows are computed (all rows, if the table has at most 50,000 rows)
    - ``quality`` has ``quantization_error``, ``topographic_error``, ``n_units``, ``n_empty``
    - ``history`` has ``step``, ``quantization_error``, ``radius``
    - ``agreement`` is the value of the parameter `agreement`, or None
    - ``method`` has ``missing``, ``parameters``, ``versions``, ``command``
    - ``rules`` exists only for a map with rules of the user.  Each has the keys ``kind``, ``name``,
      ``text``, ``until``, ``n_rows`` (rows that it lists, hides or ranks lower), ``n_changed``
      (rows that it added to the list or hid from it), ``has_ended`` and ``sentence``
    - ``notes`` is a list of sentences
    - ``amount`` contains the ``name`` of the column with the amount at stake, and its ``values`` in
      the rows as texts.  The key exists only if there is such a column.
    - ``changed`` is the value of the parameter `changed`.  The key exists only for a run of a watch
    - ``trained_on`` is the value of this parameter.  The key exists only if it was given
    - ``checks`` is a list of the checks in the form of `checks.Check.to_json`.  The key exists only
      if `checks` was given

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector, report, tables
    >>> x = np.random.default_rng(0).normal(size=60)
    >>> table = tables.table_from_columns({"x": x, "y": x**2})
    >>> detector = SOMDetector(random_state=0).fit(table)
    >>> data = report.build(detector, table, detector.alerts(table, 3))
    >>> data["n_rows"], data["n_alerts"], len(data["reasons"])
    (60, 3, 3)
    """
    detector, recognizer = detector_in(som), recognizer_in(som)
    som, table = as_map(som), as_table(table)
    named = None if recognizer is None else NamedRows.of(recognizer, table)
    agreement = checked_agreement(agreement, table)
    alerts, rule = _ranked(detector or som, table, alerts, rule)
    regions = given_or_found(regions, som)
    som, detector, table, agreement = all_in_words(som, detector, table, agreement)
    # Prototypes of a classifier can be far from all rows, so planes show means of rows.
    shown_map = som if recognizer is None else replace(som, codebook=recognizer.centers)
    sample, labels = Sample.of(som, table, alerts), RowLabels.of(som, table, agreement)
    cases = [] if detector is None else cases_of(detector, table, alerts, sample, labels)
    cases = cases if grouped is None else with_own_rows(cases, grouped, alerts)
    about = (som, table, alerts, sample, regions, labels)
    ranks = _ranks(n_listed := _n_listed(table), cases)
    shown = np.asarray(alerts.rows)[ranks]
    shown_rows = np.asarray(som.rows_of(table.take(shown)), dtype=np.float64)
    n_shown = min(alerts.n_alerts, n_listed)
    return Report(
        {
            "schema": "somscape-report",
            "schema_version": SCHEMA_VERSION,
            "title": title or _title(detector or recognizer, table),
            "source": table.source,
            "n_rows": table.n_rows,
            "n_features": len(som.encoding.features),
            **_counts_of_alerts(alerts, detector),
            "id_name": alerts.id_name,
            "score": _score(detector),
            "rule": _rule_words(rule, alerts, detector) if rule and detector else None,
            "map": lattice_of(som),
            **_planes_and_regions(*about, shown_map, is_scored=detector is not None, named=named),
            "n_listed": n_listed,
            "rows": _rows(table, alerts, ranks),
            "reasons": [_reasons(r) for r in alerts.reasons[:n_shown]],
            "findings": _findings(alerts),
            "cases": cases,
            **({} if named is None else {"classes": named.page_data(shown)}),
            "columns": columns_of(shown_map, table, sample, shown_rows, n_shown),
            **_training(som, sample.rows),
            "agreement": None if agreement is None else {k: plain(v) for k, v in agreement.items()},
            "method": _method(som, command),
            "notes": [*dict.fromkeys(map(_sentence, (*_left_out(alerts), *table.notes, *notes)))],
            **_given(alerts, changed, checks, trained_on) | _amounts(table, rule, shown),
        }
    )


def _amounts(table: Table, rule: AlertRule | None, shown: Ints) -> dict[str, Any]:
    """Return the amounts at stake in rows, as texts with all digits, if a column contains them."""
    found = {column.name: column for column in table.columns if column.numbers is not None}
    name = amount_column(found, None if rule is None else rule.amount)
    if name is None or rule is None:
        return {}
    values = np.asarray(found[name].numbers)[shown].tolist()
    return {"amount": {"name": name, "values": [None if v != v else repr(v) for v in values]}}


def _given(
    alerts: Alerts,
    changed: Mapping[str, Any] | None,
    checks: Iterable[Check] | None,
    trained_on: str | None,
) -> dict[str, Any]:
    """Return the parts of the data that do not always exist."""
    found: dict[str, Any] = {} if trained_on is None else {"trained_on": trained_on}
    found |= {} if changed is None else {"changed": dict(changed)}
    if alerts.effects:
        found["rules"] = [effect.to_json() for effect in alerts.effects]
    return found | ({} if checks is None else {"checks": [each.to_json() for each in checks]})


def _ranked(
    thing: Detector | Map, table: Table, alerts: Alerts | None, rule: AlertRule | None
) -> tuple[Alerts, AlertRule | None]:
    """Return the ranking that the page shows, and its rule."""
    if alerts is not None:
        return alerts.shown, rule
    if isinstance(thing, Map):
        return by_distance(thing, table), None
    rule = rule or AlertRule()
    return thing._alerts_by(rule, table).shown, rule


def _title(thing: Detector | Recognizer | None, table: Table) -> str:
    of = {Detector: "Unusual rows", Recognizer: "Classes"}.get(type(thing), "Map")
    return f"{of} of {table.source}"


def _n_listed(table: Table) -> int:
    n = max(MIN_LISTED, MAX_CELLS // max(1, len(table.columns)))
    return min(n, MAX_LISTED, table.n_rows)


def _ranks(n_listed: int, cases: list[dict[str, Any]]) -> list[int]:
    """Return the ranks of listed rows, then of other rows that are compared with cases."""
    found = {rank for case in cases for rank, _ in (*case["usual"], *case["labelled"])}
    return [*range(n_listed), *sorted(rank for rank in found if rank >= n_listed)]


def _score(detector: Detector | None) -> dict[str, Any] | None:
    if detector is None:
        return None
    return {
        "name": detector.score,
        "n_prototypes": int(detector.of_all_rows.n_prototypes),
        "n_maps": len(detector.scorers),
        "threshold": number(detector.threshold),
    }


def _rule_words(rule: AlertRule, alerts: Alerts, detector: Detector) -> str:
    """Return why rows are alerts. If some of them do not stand out, name the numbers of rows."""
    first = slice(alerts.n_alerts)
    stands_out = alerts.stands_out[first]
    is_ruled = np.zeros_like(stands_out) if alerts.by_rule is None else alerts.by_rule[first] >= 0
    n, n_ruled = int(np.count_nonzero(stands_out)), int(np.count_nonzero(is_ruled & ~stands_out))
    n_more = alerts.n_alerts - n - n_ruled
    if rule not in (AlertRule(), STANDING_OUT) or alerts.n_marked or not (n_ruled or n * n_more):
        return rule.words(detector)
    said = [
        f"{n} stand{'s' if n == 1 else ''} out" if n else "none stands out",
        *([f"{n_ruled} by your rules"] if n_ruled else []),
        *([f"{n_more} more fill{'s' if n_more == 1 else ''} the list"] if n_more else []),
    ]
    return f"{', '.join(said[:-1])}, and {said[-1]}"


def _counts_of_alerts(alerts: Alerts, detector: Detector | None) -> dict[str, Any]:
    return {
        "n_alerts": int(alerts.n_alerts),
        "headline": None if detector is None else alerts.headline,
        "n_stand_out": alerts.n_stand_out,
        "n_by_chance": number(alerts.n_by_chance),
        "noun": alerts.noun,
        "n_before_line": alerts.n_before_line,
    }


def lattice_of(map_: Map) -> dict[str, Any]:
    """Return the cells of a map for a page, which draws cells of width 1."""
    lattice = map_.lattice
    width = float(np.ptp(lattice.cell[:, 0]))
    return {
        "kind": lattice.kind,
        "boundary": lattice.boundary,
        "n_rows": lattice.n_rows,
        "n_cols": lattice.n_cols,
        "cell": (lattice.cell / width).round(4).tolist(),
        "positions": (lattice.positions / width).round(4).tolist(),
        "edges": lattice.edges[0].tolist() if isinstance(lattice, Graph) else [],
        "hits": numbers(map_.hits),
        "joins": order_of_joins(map_).tolist(),
        "fingerprint": fingerprint(map_),
    }


def _planes_and_regions(
    map_: Map,
    table: Table,
    alerts: Alerts,
    sample: Sample,
    regions: Regions,
    labels: RowLabels | None,
    shown_map: Map,
    *,
    is_scored: bool,
    named: NamedRows | None,
) -> dict[str, Any]:
    counts, units = CellCounts.of(alerts, map_.n_units), np.empty(table.n_rows, dtype=np.intp)
    units[np.asarray(alerts.rows)] = alerts.units
    planes, n_left_out = planes_of(
        *(shown_map, table, sample, counts, units, labels),
        first=[] if named is None else named.planes(units),
        id_name=alerts.id_name,
        is_scored=is_scored,
    )
    described = regions_of(regions, counts, units, sample, labels)
    return {
        "planes": with_plane_of(regions, described, planes),
        "regions": described,
        "n_planes_left_out": n_left_out,
    }


def _rows(table: Table, alerts: Alerts, ranks: list[int]) -> dict[str, Any]:
    at = np.asarray(alerts.rows)[ranks]
    return {
        "ids": [str(alerts.ids[rank]) for rank in ranks],
        "ranks": ranks,
        "numbers": at.tolist(),
        "units": np.asarray(alerts.units)[ranks].tolist(),
        "scores": numbers(np.asarray(alerts.scores)[ranks]),
        "p_values": numbers(np.asarray(alerts.p_values)[ranks]),
        "cells": [
            {"name": column.name, "values": column.take(at).cells.tolist()}
            for column in table.columns
            if column.name != alerts.id_name
        ],
    }


def _sentence(note: str) -> str:
    """Return a note that ends with a full stop, and begins with a capital letter or a name."""
    begin = note[:1].upper() if note.partition(" ")[0].isalpha() else note[:1]
    return f"{begin}{note[1:]}{'' if note.endswith(('.', '!', '?')) else '.'}"


def _left_out(alerts: Alerts) -> list[str]:
    is_some = alerts.n_alerts > 0 and alerts.n_left_out > 0
    return [alerts._left_out()] if is_some else []


def _findings(alerts: Alerts) -> list[dict[str, Any]]:
    """Return the findings with several alerts."""
    return [
        {"number": finding.number, "ranks": [*finding.places], "what": finding.what}
        for finding in alerts.findings
        if len(finding.places) > 1
    ]


def _reasons(reasons: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "column": r.column,
            "value": r.value,
            "usual": r.usual,
            "share": number(r.share),
            "at": None if r.at is None else number(r.at, MARK_DIGITS),
            "usual_at": None if r.usual_at is None else numbers(r.usual_at, MARK_DIGITS),
            # Only reasons with these facts have the keys, so that pages are small.
            **({} if r.occurs is None else {"occurs": str(r.occurs)}),
            **({"alone": True} if r.is_usual_alone else {}),
            **({} if r.fitting is None else {"fitting": r.fitting}),
            **({"rule": True} if r.is_rule else {}),
        }
        for r in reasons
    ]


def _method(map_: Map, command: str | None) -> dict[str, Any]:
    return {
        "missing": map_.encoding.missing,
        "parameters": {k: plain(v) for k, v in map_.parameters.items()},
        "versions": dict(map_.versions),
        "command": command,
    }


def _training(map_: Map, rows: Floats) -> dict[str, Any]:
    return {
        "n_measured": len(rows),
        "quality": {
            "quantization_error": number(quantization_error(map_, rows)),
            "topographic_error": number(topographic_error(map_, rows)),
            "n_units": map_.n_units,
            "n_empty": int((map_.hits == 0).sum()),
        },
        "history": {key: numbers(map_.history[key]) for key in HISTORY if key in map_.history},
    }


def with_regions(data: Mapping[str, Any], regions: Regions, *, som: Any, table: Any) -> Report:
    """Return a copy of a report with other regions and their descriptions.

    Parameters
    ----------
    data : mapping
        Data from `build`.
    regions : Regions
        Regions of the map of the report.
    som : Detector, Map or fitted estimator
        Object from which the report was made.
    table : Table or data frame
        Rows from which the report was made.

    Returns
    -------
    Report
        Report with the new regions.  All other data are unchanged.

    Raises
    ------
    InputError
        If `regions` belong to a map with a different number of units, if a different version of
        somscape made the report, or if `table` does not have as many rows as the report.

    See Also
    --------
    build, somscape.regions.find_regions

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector, regions, report, tables
    >>> x = np.random.default_rng(0).normal(size=60)
    >>> table = tables.table_from_columns({"x": x, "y": x**2})
    >>> detector = SOMDetector(random_state=0).fit(table)
    >>> data = report.build(detector, table)
    >>> halves = regions.find_regions(detector, 2)
    >>> len(report.with_regions(data, halves, som=detector, table=table)["regions"])
    2
    """
    map_, _, table, _ = all_in_words(as_map(som), detector_in(som), as_table(table), None)
    if data.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            "`data` is not a report of this version of somscape. Make the report again with "
            "report.build.",
            value=data.get("schema_version"),
            allowed=SCHEMA_VERSION,
        )
    if table.n_rows != data["n_rows"]:
        raise InputError(
            f"`table` must have the {data['n_rows']} rows of the report, but has {table.n_rows} "
            "rows.",
            value=table.n_rows,
        )
    regions = given_or_found(regions, map_)
    labels = RowLabels.of(map_, table, data["agreement"])
    counts, units = CellCounts.of_planes(data["planes"]), np.asarray(map_.winners(table))
    described = regions_of(regions, counts, units, RowsInOrder.of_table(map_, table), labels)
    planes = with_plane_of(regions, described, data["planes"])
    return Report({**data, "planes": planes, "regions": described})
