"""Everything the page shows, as plain JSON data; the data is the JSON export too."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from somscape._types import Floats
from somscape.grid import Graph
from somscape.maps import Map, as_map
from somscape.measures import quantization_error, topographic_error
from somscape.outliers import Alerts, counterfactuals
from somscape.plots import column_plane
from somscape.tables import Table

SCHEMA_VERSION = 1

MAX_LISTED = 5000
"""Rows that the page lists, the most unusual first: 20 columns of them are about 1 MB."""

MAX_COUNTERFACTUALS = 100
"""Alerts for which the page says what would make them usual: 3 ms each, at most."""

MAX_PLANE_VALUES = 400_000
"""Numbers in all planes together (3 MB); columns beyond are left out, and the page says so."""

_DIGITS = 6


def build(
    map: Map,
    table: Table,
    alerts: Alerts,
    *,
    agreement: Mapping[str, Any] | None = None,
    command: str | None = None,
    title: str | None = None,
    notes: Iterable[str] = (),
) -> dict[str, Any]:
    """Return a report as plain JSON data, for `render` or for other programs.

    Parameters
    ----------
    map : Map
        The map that ranked the rows.
    table : Table
        The rows, in the order that ``alerts.rows`` counts.
    alerts : Alerts
        All rows, most unusual first, the first ``n_alerts`` with reasons.
    agreement : mapping, optional
        How the ranking agrees with a label: ``label``, ``value``, ``n_labelled``,
        ``n_rows``, ``n_alerts``, ``auroc``, ``precision``, ``lift``.
    command : str, optional
        What made the report, to run it again.
    title : str, optional
        Heading of the page; default: after the source of the table.
    notes : iterable of str, optional
        Sentences for the page, after those of the table's reader; each is shown once.

    Returns
    -------
    dict
        JSON data only; see Notes.

    Notes
    -----
    Numbers are rounded to 6 significant digits; None stands for "none" and "not a number".
    Keys of the dict, of schema version 1:

    - ``schema`` ("somscape-report"), ``schema_version``, ``title``, ``source``
    - ``n_rows``, ``n_features``, ``n_alerts``, ``id_name``
    - ``score``: ``name``, ``n_prototypes``, ``threshold``; or None
    - ``map``: ``kind``, ``boundary``, ``n_rows``, ``n_cols``, ``cell`` (corners around a
      position), ``positions``; in widths of a cell, y grows downward; ``edges``: the pairs of
      units that a graph joins
    - ``planes``: each ``key``, ``name``, ``group`` ("map" or "column"), ``kind`` ("number",
      "share", "level" as in `plots.ColumnPlane`, or "count"), ``unit``, ``levels``, and
      ``values`` by unit; ``n_planes_left_out`` columns have none
    - ``rows``: at most 5000, most unusual first: ``ids``, ``numbers`` (in the table, from
      0), ``units``, ``scores``, ``p_values``, and ``cells``: each ``name`` and ``values``
      of an original column
    - ``reasons``: by alert, each ``column``, ``value``, ``usual``, ``share``
    - ``counterfactuals``: for the first 100 alerts, what would make the row usual, in words, or
      None
    - ``columns``: each ``name``, ``kind``, ``why``, ``n_missing``
    - ``quality``: ``quantization_error``, ``topographic_error``, ``n_units``, ``n_empty``
    - ``history``: ``step``, ``quantization_error``, ``radius``
    - ``agreement``: as given, or None
    - ``method``: ``missing``, ``parameters``, ``versions``, ``command``
    - ``notes``: list of str

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector, outliers, report, tables
    >>> x = np.random.default_rng(0).normal(size=60)
    >>> table = tables.table_from_columns({"x": x, "y": x**2})
    >>> map_ = SOMDetector(random_state=0).fit(table).map_
    >>> data = report.build(map_, table, outliers.rank_alerts(map_, table, 3))
    >>> data["n_rows"], data["n_alerts"], len(data["reasons"])
    (60, 3, 3)
    """
    map = as_map(map)
    planes, n_left_out = _planes(map, alerts)
    return {
        "schema": "somscape-report",
        "schema_version": SCHEMA_VERSION,
        "title": title or f"Unusual rows of {table.source}",
        "source": table.source,
        "n_rows": table.n_rows,
        "n_features": len(map.encoding.features),
        "n_alerts": int(alerts.n_alerts),
        "id_name": alerts.id_name,
        "score": _score(map),
        "map": _lattice(map),
        "planes": planes,
        "n_planes_left_out": n_left_out,
        "rows": _rows(table, alerts),
        "reasons": [_reasons(r) for r in alerts.reasons[: min(alerts.n_alerts, MAX_LISTED)]],
        "counterfactuals": _counterfactuals(map, table, alerts),
        "columns": _columns(map, table),
        "quality": _quality(map, table),
        "history": {
            name: _numbers(map.history[name])
            for name in ("step", "quantization_error", "radius")
            if name in map.history
        },
        "agreement": None if agreement is None else {k: _plain(v) for k, v in agreement.items()},
        "method": {
            "missing": map.encoding.missing,
            "parameters": {k: _plain(v) for k, v in map.parameters.items()},
            "versions": dict(map.versions),
            "command": command,
        },
        "notes": list(dict.fromkeys([*table.notes, *notes])),
    }


def _score(map_: Map) -> dict[str, Any] | None:
    if map_.detector is None:
        return None
    settings = map_.detector
    return {
        "name": settings.score,
        "n_prototypes": int(settings.n_prototypes),
        "threshold": _number(settings.threshold),
    }


def _lattice(map_: Map) -> dict[str, Any]:
    lattice = map_.lattice
    width = float(np.ptp(lattice.cell[:, 0]))  # the page draws cells that are 1 wide
    edges = lattice.edges[0].tolist() if isinstance(lattice, Graph) else []
    return {
        "kind": lattice.kind,
        "boundary": lattice.boundary,
        "n_rows": lattice.n_rows,
        "n_cols": lattice.n_cols,
        "cell": (lattice.cell / width).round(4).tolist(),
        "positions": (lattice.positions / width).round(4).tolist(),
        "edges": edges,
    }


def _planes(map_: Map, alerts: Alerts) -> tuple[list[dict[str, Any]], int]:
    units, n_units = np.asarray(alerts.units), map_.n_units
    won = np.bincount(units, minlength=n_units)
    total = np.bincount(units, weights=alerts.scores, minlength=n_units)
    # No mean where no row landed: NaN, which becomes None and an empty cell on the page.
    mean_score = np.divide(total, won, out=np.full(n_units, np.nan), where=won > 0)
    n_alerts = np.bincount(units[: alerts.n_alerts], minlength=n_units)
    planes = [
        _plane("u_heights", "Borders between groups", "mean distance to neighbors", map_.u_heights),
        _plane("hits", "Rows per cell", "rows", won, kind="count"),
        _plane("mean_score", "Mean score", "mean score of a cell's rows", mean_score),
        _plane("alerts", "Alerts per cell", "alerts", n_alerts, kind="count"),
    ]
    names = [code.name for code in map_.encoding.features]
    n_shown = max(0, MAX_PLANE_VALUES // n_units - len(planes))
    for i, name in enumerate(names[:n_shown]):
        plane = column_plane(map_, name)
        unit = {"number": name, "share": "share of rows", "level": "prevailing level"}[plane.kind]
        shown = _plane(f"column_{i}", name, unit, plane.values, kind=plane.kind, group="column")
        planes.append(shown | {"levels": list(plane.levels)})
    return planes, max(0, len(names) - n_shown)


def _plane(
    key: str, name: str, unit: str, values: Any, *, kind: str = "number", group: str = "map"
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "group": group,
        "kind": kind,
        "unit": unit,
        "levels": [],
        "values": _numbers(values),
    }


def _rows(table: Table, alerts: Alerts) -> dict[str, Any]:
    first = slice(0, MAX_LISTED)
    numbers = np.asarray(alerts.rows)[first]
    return {
        "ids": [str(name) for name in alerts.ids[first]],
        "numbers": numbers.tolist(),
        "units": np.asarray(alerts.units)[first].tolist(),
        "scores": _numbers(alerts.scores[first]),
        "p_values": _numbers(alerts.p_values[first]),
        "cells": [
            {"name": column.name, "values": column.cells[numbers].tolist()}
            for column in table.columns
            if column.name != alerts.id_name
        ],
    }


def _reasons(reasons: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"column": r.column, "value": r.value, "usual": r.usual, "share": _number(r.share)}
        for r in reasons
    ]


def _counterfactuals(map_: Map, table: Table, alerts: Alerts) -> list[str | None]:
    if map_.detector is None:
        return []
    rows = np.asarray(alerts.rows)[: min(alerts.n_alerts, MAX_COUNTERFACTUALS)]
    return [
        str(found) if found and found.changes else None
        for found in counterfactuals(map_, table.take(rows))
    ]


def _columns(map_: Map, table: Table) -> list[dict[str, Any]]:
    return [
        {
            "name": code.name,
            "kind": code.kind,
            "why": code.why,
            # A table to be scored may lack the columns that are no features.
            "n_missing": table.column(code.name).n_missing if code.name in table.names else None,
        }
        for code in map_.encoding.columns
    ]


def _quality(map_: Map, table: Table) -> dict[str, Any]:
    rows = map_.rows_of(table)
    return {
        "quantization_error": _number(quantization_error(map_, rows)),
        "topographic_error": _number(topographic_error(map_, rows)),
        "n_units": map_.n_units,
        "n_empty": int((map_.hits == 0).sum()),
    }


def _numbers(values: Floats | Sequence[float]) -> list[float | int | None]:
    return [_number(v) for v in np.asarray(values).tolist()]


def _number(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return _number(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
