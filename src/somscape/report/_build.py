"""Everything that the page shows, as plain JSON data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from somscape._types import Floats, Ints
from somscape.errors import InputError
from somscape.grid.graph import Graph
from somscape.maps._as_map import as_map
from somscape.maps.map import Map
from somscape.measures._quality import quantization_error, topographic_error
from somscape.outliers.detector import AlertRule, Alerts, Detector, detector_in
from somscape.recognize.predictor import recognizer_in
from somscape.recognize.recognizer import Recognizer
from somscape.regions.edit import given_or_found
from somscape.regions.find import order_of_joins
from somscape.regions.regions import Quartiles, Region, Regions, Rule, fingerprint
from somscape.report._parts import (
    NamedRows,
    by_distance,
    cases_of,
    columns_of,
    planes_of,
    with_own_rows,
    with_plane_of,
)
from somscape.report._values import (
    DIGITS_BACK,
    MARK_DIGITS,
    CellCounts,
    RowLabels,
    RowsInOrder,
    Sample,
    all_in_words,
    as_table,
    checked_agreement,
    number,
    numbers,
    plain,
)
from somscape.report.page import Report
from somscape.tables.customers import Grouped
from somscape.tables.table import Table

MAX_DESCRIBED = 10_000
"""Most rows to describe regions by; if there are more, evenly spaced ones."""


def regions_of(
    regions: Regions, counts: CellCounts, units: Ints, sample: RowsInOrder, labels: RowLabels | None
) -> list[dict[str, Any]]:
    """Return what the page says about each region."""
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
    """Return for each region how many of its labelled rows have each value."""
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
            "inside": _side(each.inside),
            "outside": _side(each.outside),
        }
        for each in region.differences
    ]


def _rule(rule: Rule) -> dict[str, Any]:
    return {"text": rule.text, "inside": number(rule.inside), "outside": number(rule.outside)}


def _side(side: Quartiles | float) -> Any:
    """Return a share, or quartiles in original units and on the column's axis."""
    if not isinstance(side, Quartiles):
        return number(side)
    values = (side.low, side.median, side.high)
    return {
        "quartiles": [number(v, DIGITS_BACK) if isinstance(v, float) else str(v) for v in values],
        "at": numbers(side.at, MARK_DIGITS),
    }


SCHEMA_VERSION = 2
HISTORY = ("step", "quantization_error", "radius")

MAX_LISTED = 3750
"""Most rows that the page lists, the most unusual first."""

MAX_CELLS = 60_000
"""Most original cells on the page (about 0.7 MB), so that wide tables list fewer rows."""

MIN_LISTED = 500
"""Rows that are listed from any table, if it has that many."""


def build(
    map: Any,
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
) -> Report:
    """Return a report as plain JSON data, for `render` or for other programs.

    Parameters
    ----------
    map : Detector, Map or fitted estimator
        What ranked the rows.
    table : Table or data frame
        The rows, in the order that ``alerts.rows`` counts.
    alerts : Alerts, optional
        All rows, most unusual first, the first ``n_alerts`` with reasons.  By default
        `Detector.alerts` ranks them.  A map without a detector ranks them by the distance to their
        prototype, without alerts.
    rule : AlertRule, optional
        The rule that chose the alerts, which the page names.  By default that of
        `Detector.alerts` if ``alerts`` is left out, else none.
    regions : Regions, optional
        Regions of the map.  By default those that it keeps, or else `regions.find_regions` finds
        some.
    agreement : mapping, optional
        How the ranking agrees with a label: ``label``, ``value``, ``n_labelled``,
        ``n_rows``, ``n_alerts``, ``auroc``, ``precision``, ``lift``.  Label and value are enough
        to show the label's rows beside each case.
    command : str, optional
        The command that made the report, to run it again.
    title : str, optional
        Heading of the page.  By default it names the source of the table.
    notes : iterable of str, optional
        Sentences for the page, after those of the table's reader; each is shown once.
    grouped : Grouped, optional
        From `tables.per`, which made the table: each case shows its original rows.
    changed : mapping, optional
        What a run of a watch found changed, as `cases.RunOutcome.to_json` says it; the page begins
        with it.

    Returns
    -------
    Report
        A dict of JSON data only; see Notes.  A notebook shows it as the page.

    Raises
    ------
    InputError
        For a map that is not fitted, or an `agreement` with a label or a value that the table
        lacks.
    TypeError
        For a `table`, `regions` or `agreement` of another type.

    See Also
    --------
    render : Makes the page.
    with_regions : Puts regions on it.

    Notes
    -----
    Numbers have all their digits, but for places on an axis or on the page, where something is
    drawn; the page shows a few.  None stands for "none" and "not a number".
    The keys of the dict, in schema version 2:

    - ``schema`` ("somscape-report"), ``schema_version``, ``title``, ``source``
    - ``n_rows``, ``n_features``, ``n_alerts``, ``id_name``
    - ``n_stand_out`` rows stand out, about ``n_by_chance`` of them by chance; ``headline`` says so,
      or is None; ``n_before_line``: how many alerts stand out, if others follow them, or None
    - ``score``: ``name``, ``n_prototypes``, ``n_maps`` (number of maps of halves of the rows that
      score together; 1 if the map itself scores), ``threshold``; or None
    - ``rule``: what makes a row an alert, as text; or None
    - ``map``: ``kind``, ``boundary``, ``n_rows``, ``n_cols``, ``cell`` (corners around a
      position), ``positions``, in widths of a cell, with y downward; ``edges``: the pairs of units
      that a graph joins; ``fingerprint``, which tells its prototypes from those of
      other maps; ``hits``, the training rows by unit; ``joins``: the pairs of units in the
      order in which `regions.order_of_joins` joins them
    - ``planes``: for each plane ``key``, ``name``, ``group`` ("map", "label", "column", or "other"
      for a column that did not train the map), ``kind`` ("number", "share", "level" as in
      `plots.ColumnPlane`, "count", "region", or "date" in days since 1970), ``unit``, ``levels``,
      and ``values`` by unit.  A column that trained the map has its ``relevance``, the share of the
      spread of the prototypes that is in it, and ``likeness``, its place in an order in which
      columns that are alike stand side by side.  ``n_planes_left_out`` columns have no plane.
      Values of the plane "regions", which exists if there are several, count regions from 0
    - ``regions``: the largest first, for each ``name``, ``is_named``, whether somebody gave it the
      name, ``color``, "" if it has none of its own, ``n_units``, ``n_rows``, ``n_alerts``,
      ``mean_score``; ``labels``: for each ``value`` of the label, ``n_with`` of ``n_known`` rows
      have it; ``differences``: for each ``column`` and ``effect`` (Cliff's delta, -1 to 1).  A
      category has ``level`` and its shares ``inside`` and ``outside`` the region; for another
      column, these hold ``quartiles`` in original units and ``at``, on the column's ``axis``;
      ``rule``: ``text`` of conditions that hold for the shares ``inside`` and ``outside``, or None;
      ``sentence``: all this in words
    - ``n_listed``: number of rows that ``rows`` lists, the most unusual first: up to 3750, fewer
      if the table is wide
    - ``rows``: these rows, then others that ``cases`` name: ``ids``, ``ranks`` and ``numbers`` (in
      the table) from 0, ``units``, ``scores``, ``p_values``, and ``cells``: ``name`` and ``values``
      of each original column
    - ``reasons``: for each alert listed, ``column``, ``value``, ``usual``, ``share``, and on the
      scale of the column's ``axis`` the value ``at`` and the ends ``usual_at``, or None; where it
      can be said, ``occurs``: how many of the training rows have the value, or one as far out, as
      text; ``alone``, true, where the value is usual by itself, but not with the other columns
    - ``cases``: for the first 100 alerts, ``counterfactual``: what would make the row usual, as
      text, or None; ``usual`` and ``labelled``: rank and distance of the nearest usual rows, and of
      the nearest rows with the label's value; ``around``: among the rows in its cell and next to
      it, ``n_known`` with a label, ``n_with`` the label's value, ``low`` and ``high`` of Wilson's
      95 % interval; or None; with ``grouped`` also ``rows``, the original ones: how many,
      ``n_rows``, the column ``by`` whose largest numbers come first, or None, and ``cells`` of
      the first, up to 50: ``name`` and ``values`` of each column
    - ``classes``, of a classifier alone: ``names`` of the classes; ``target``, the column that it
      predicts, or None if the table lacks it; ``accuracy``, the share of rows named rightly by maps
      that did not see them, and ``most_frequent``, that of the most frequent class, each or None;
      ``leaks``, sentences on columns that alone told the class in training; of the ``n_known`` rows
      of the table ``n_right`` are named rightly and ``n_refused`` not at all; ``confusion``, or
      None: ``names`` of up to 20 classes, ``n_left_out`` others, ``counts`` of rows, true classes
      by named ones, and ``sizes``, rows of each true class whatever they are named; ``rows``: for
      each row in ``rows`` the place of its class in ``names``, ``named`` (None if refused), its
      ``probabilities``, the ``true`` class, or None, and ``why``, in sentences.  The planes then
      begin with "class", what each cell stands for, and "mistakes", rows named wrongly
    - ``columns``: for each ``name``, ``kind``, ``why``, ``n_missing``; for a feature also
      ``explained`` (share of its variance that prototypes explain) and a histogram: ``levels`` or
      ``edges`` of bars, ``counts`` of rows measured, ``alert_counts``, the bar of each row in
      ``rows`` as a letter in ``bars``, and ``axis``, its ends on the map's scale
    - ``n_measured``: number of evenly spaced rows for quality, ``counts``, ``explained`` and
      nearest rows; all rows up to 50,000
    - ``quality``: ``quantization_error``, ``topographic_error``, ``n_units``, ``n_empty``
    - ``history``: ``step``, ``quantization_error``, ``radius``
    - ``agreement``: as given, or None
    - ``method``: ``missing``, ``parameters``, ``versions``, ``command``
    - ``notes``: list of str
    - ``changed``: as given; only of a run of a watch

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
    detector, recognizer = detector_in(map), recognizer_in(map)
    map, table = as_map(map), as_table(table)
    named = None if recognizer is None else NamedRows.of(recognizer, table)
    agreement = checked_agreement(agreement, table)
    if alerts is None:
        alerts, rule = _ranked(detector or map, table, rule)
    regions = given_or_found(regions, map)
    map, detector, table, agreement = all_in_words(map, detector, table, agreement)
    # Prototypes of a classifier may lie far from all rows; columns are shown by means of rows.
    shown_map = map if recognizer is None else replace(map, codebook=recognizer.centers)
    sample, labels = Sample.of(map, table, alerts), RowLabels.of(map, table, agreement)
    cases = [] if detector is None else cases_of(detector, table, alerts, sample, labels)
    cases = cases if grouped is None else with_own_rows(cases, grouped, alerts)
    about = (map, table, alerts, sample, regions, labels)
    n_listed = _n_listed(table)
    ranks = _ranks(n_listed, cases)
    shown = np.asarray(alerts.rows)[ranks]
    shown_rows = np.asarray(map.rows_of(table.take(shown)), dtype=np.float64)
    n_shown = min(alerts.n_alerts, n_listed)
    return Report(
        {
            "schema": "somscape-report",
            "schema_version": SCHEMA_VERSION,
            "title": title or _title(detector or recognizer, table),
            "source": table.source,
            "n_rows": table.n_rows,
            "n_features": len(map.encoding.features),
            **_standing_out(alerts, detector),
            "id_name": alerts.id_name,
            "score": _score(detector),
            "rule": rule.words(detector) if rule and detector else None,
            "map": _lattice(map),
            **_by_cell(*about, shown_map, is_scored=detector is not None, named=named),
            "n_listed": n_listed,
            "rows": _rows(table, alerts, ranks),
            "reasons": [_reasons(r) for r in alerts.reasons[:n_shown]],
            "cases": cases,
            **({} if named is None else {"classes": named.told(shown)}),
            "columns": columns_of(shown_map, table, sample, shown_rows, n_shown),
            "n_measured": len(sample.rows),
            **_training(map, sample.rows),
            "agreement": None if agreement is None else {k: plain(v) for k, v in agreement.items()},
            "method": _method(map, command),
            "notes": list(dict.fromkeys([*table.notes, *notes])),
            **({} if changed is None else {"changed": dict(changed)}),
        }
    )


def _ranked(
    thing: Detector | Map, table: Table, rule: AlertRule | None
) -> tuple[Alerts, AlertRule | None]:
    if isinstance(thing, Map):
        return by_distance(thing, table), None
    rule = rule or AlertRule()
    return thing.alerts_by(rule, table), rule


def _title(thing: Detector | Recognizer | None, table: Table) -> str:
    of = {Detector: "Unusual rows", Recognizer: "Classes"}.get(type(thing), "Map")
    return f"{of} of {table.source}"


def _n_listed(table: Table) -> int:
    n = max(MIN_LISTED, MAX_CELLS // max(1, len(table.columns)))
    return min(n, MAX_LISTED, table.n_rows)


def _ranks(n_listed: int, cases: list[dict[str, Any]]) -> list[int]:
    """Return the ranks of the rows listed and of the rows that cases name."""
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


def _standing_out(alerts: Alerts, detector: Detector | None) -> dict[str, Any]:
    return {
        "n_alerts": int(alerts.n_alerts),
        "headline": None if detector is None else alerts.headline,
        "n_stand_out": alerts.n_stand_out,
        "n_by_chance": number(alerts.n_by_chance),
        "n_before_line": alerts.n_before_line,
    }


def _lattice(map_: Map) -> dict[str, Any]:
    lattice = map_.lattice
    width = float(np.ptp(lattice.cell[:, 0]))  # the page draws cells of width 1
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


def _by_cell(
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


def _reasons(reasons: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "column": r.column,
            "value": r.value,
            "usual": r.usual,
            "share": number(r.share),
            "at": None if r.at is None else number(r.at, MARK_DIGITS),
            "usual_at": None if r.usual_at is None else numbers(r.usual_at, MARK_DIGITS),
            # Not said of most, so that pages stay small.
            **({} if r.occurs is None else {"occurs": str(r.occurs)}),
            **({"alone": True} if r.is_usual_alone else {}),
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
        "quality": {
            "quantization_error": number(quantization_error(map_, rows)),
            "topographic_error": number(topographic_error(map_, rows)),
            "n_units": map_.n_units,
            "n_empty": int((map_.hits == 0).sum()),
        },
        "history": {key: numbers(map_.history[key]) for key in HISTORY if key in map_.history},
    }


def with_regions(data: Mapping[str, Any], regions: Regions, *, map: Any, table: Any) -> Report:
    """Return a report with other regions, described anew.

    Parameters
    ----------
    data : mapping
        From `build`.
    regions : Regions
        Of the report's map.
    map : Detector, Map or fitted estimator
        What the report was made of.
    table : Table or data frame
        The rows that the report was made of.

    Returns
    -------
    Report
        All else is as it was.

    Raises
    ------
    InputError
        For regions of a map with another number of units, a report of another version of somscape,
        or a table with another number of rows.

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
    >>> len(report.with_regions(data, halves, map=detector, table=table)["regions"])
    2
    """
    map_, _, table, _ = all_in_words(as_map(map), detector_in(map), as_table(table), None)
    if data.get("schema_version") != SCHEMA_VERSION or "agreement" not in data:
        raise InputError(
            "`data` must be a report of this version of somscape; make it again by report.build.",
            parameter="data",
        )
    if table.n_rows != data["n_rows"]:
        raise InputError(
            f"`table` must hold the {data['n_rows']} rows of the report; got {table.n_rows}.",
            parameter="table",
            value=table.n_rows,
        )
    regions = given_or_found(regions, map_)
    labels = RowLabels.of(map_, table, data["agreement"])
    counts, units = CellCounts.of_planes(data["planes"]), np.asarray(map_.winners(table))
    described = regions_of(regions, counts, units, RowsInOrder.of_table(map_, table), labels)
    planes = with_plane_of(regions, described, data["planes"])
    return Report({**data, "planes": planes, "regions": described})
