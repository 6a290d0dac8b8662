"""What may color the cells: planes of the map, shares of a label's values, and columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape.encode import DateCode
from somscape.maps import Map
from somscape.measures import by_unit
from somscape.plots import ColumnPlane, column_plane, ordered_columns, relevance
from somscape.regions import Regions
from somscape.report._counts import Counts, shares
from somscape.report._labels import Labels
from somscape.report._other_columns import other_columns
from somscape.report._sample import Sample
from somscape.report._values import number, numbers
from somscape.tables import Table

MAX_PLANE_VALUES = 120_000
"""Most numbers in all planes together (2.3 MB); further columns are left out, as the page says."""

MAX_ALIKE = 1000
"""Most columns to order by likeness, which takes the square of their number."""

SECONDS_A_DAY = 86_400


def planes_of(
    map_: Map,
    table: Table,
    sample: Sample,
    counts: Counts,
    units: Ints,
    labels: Labels | None,
    *,
    first: Sequence[dict[str, Any]] = (),
    id_name: str,
    is_scored: bool,
) -> tuple[list[dict[str, Any]], int]:
    """Return the planes, and the number of columns without one."""
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
    """Return planes with that of regions in the second place, if there are several."""
    others = [plane for plane in planes if plane["key"] != "regions"]
    if regions.n_regions == 1:
        return others
    plane = _plane("regions", "Regions", "region", regions.labels, kind="region")
    return [others[0], plane | {"levels": [each["name"] for each in described]}, *others[1:]]


def _column_planes(map_: Map, names: list[str]) -> list[dict[str, Any]]:
    """Return the planes of features, with their place in each order."""
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
    found = _plane(key, plane.name, unit, plane.values, kind=plane.kind, group=group)
    return found | {"levels": list(plane.levels)}


def _map_planes(map_: Map, sample: Sample, counts: Counts, is_scored: bool) -> list[dict[str, Any]]:
    score = "score" if is_scored else "distance to their prototype"
    words = f"mean {score}, of a cell's rows"
    shown = [
        _plane("u_heights", "Borders between groups", "mean distance to neighbors", map_.u_heights),
        _plane("hits", "Rows per cell", "rows", counts.rows, kind="count"),
        _plane("mean_score", f"Mean {score}", words, counts.mean_scores),
    ]
    if is_scored:
        shown.append(_quality_plane(map_, sample))
        shown.append(_plane("alerts", "Alerts per cell", "alerts", counts.alerts, kind="count"))
    return shown


def _quality_plane(map_: Map, sample: Sample) -> dict[str, Any]:
    """Return how far a cell's rows lie from its prototype; a map without detector ranks by it."""
    means = by_unit(map_, sample.rows, which="quantization_error")["quantization_error"]
    unit = "mean distance to the prototype, of a cell's rows"
    return _plane("quality", "Quality: distance to the prototype", unit, means)


def _class_planes(map_: Map, units: Ints, labels: Labels | None) -> list[dict[str, Any]]:
    if labels is None:
        return []
    known = np.flatnonzero(labels.is_known)
    texts = labels.texts[known]
    n_known = np.bincount(units[known], minlength=map_.n_units)
    shown = []
    for i, each in enumerate(labels.shown):
        n_each = np.bincount(units[known[texts == each]], minlength=map_.n_units)
        plane = _plane(
            f"class_{i}",
            labels.name,
            "share of rows",
            shares(n_each, n_known),
            kind="share",
            group="label",
        )
        shown.append(plane | {"levels": [each]})
    return shown


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
        "values": numbers(values),
    }
