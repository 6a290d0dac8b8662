"""What may color the cells: planes of the map, shares of a label's values, and columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.encode import DateCode
from somscape.maps import Map
from somscape.outliers import Alerts
from somscape.plots import column_plane
from somscape.regions import Regions
from somscape.report._labels import Labels
from somscape.report._values import numbers

MAX_PLANE_VALUES = 120_000
"""Most numbers in all planes together (2.3 MB); further columns are left out, as the page says."""

SECONDS_A_DAY = 86_400


def planes_of(
    map_: Map,
    alerts: Alerts,
    regions: Regions,
    names: Sequence[str],
    labels: Labels | None,
    is_scored: bool,
) -> tuple[list[dict[str, Any]], int]:
    """Return the planes, and the number of columns without one.

    Parameters
    ----------
    map_ : Map
    alerts : Alerts
    regions : Regions
    names : sequence of str
        Names of the regions.
    labels : Labels or None
    is_scored : bool
        Whether a detector ranked the rows.

    Returns
    -------
    planes : list of dict
    n_left_out : int
    """
    shown = _map_planes(map_, alerts, regions, names, is_scored)
    shown += _class_planes(map_, alerts, labels)
    codes = map_.encoding.features
    n_shown = max(0, MAX_PLANE_VALUES // map_.n_units - len(shown))
    for i, code in enumerate(codes[:n_shown]):
        name = code.name
        if isinstance(code, DateCode):
            days = map_.plane(name).astype("datetime64[s]").astype(np.float64) / SECONDS_A_DAY
            shown.append(_plane(f"column_{i}", name, name, days, kind="date", group="column"))
            continue
        plane = column_plane(map_, name)
        unit = {"number": name, "share": "share of rows", "level": "prevailing level"}[plane.kind]
        found = _plane(f"column_{i}", name, unit, plane.values, kind=plane.kind, group="column")
        shown.append(found | {"levels": list(plane.levels)})
    return shown, max(0, len(codes) - n_shown)


def _map_planes(
    map_: Map, alerts: Alerts, regions: Regions, names: Sequence[str], is_scored: bool
) -> list[dict[str, Any]]:
    units, n_units = np.asarray(alerts.units), map_.n_units
    won = np.bincount(units, minlength=n_units)
    means = _share(np.bincount(units, weights=alerts.scores, minlength=n_units), won)
    score = "score" if is_scored else "distance to their prototype"
    shown = [
        _plane("u_heights", "Borders between groups", "mean distance to neighbors", map_.u_heights),
        _plane("hits", "Rows per cell", "rows", won, kind="count"),
        _plane("mean_score", f"Mean {score}", f"mean {score}, of a cell's rows", means),
    ]
    if is_scored:
        n_alerts = np.bincount(units[: alerts.n_alerts], minlength=n_units)
        shown.append(_plane("alerts", "Alerts per cell", "alerts", n_alerts, kind="count"))
    if regions.n_regions > 1:
        plane = _plane("regions", "Regions", "region", regions.labels, kind="region")
        shown.insert(1, plane | {"levels": list(names)})
    return shown


def _class_planes(map_: Map, alerts: Alerts, labels: Labels | None) -> list[dict[str, Any]]:
    if labels is None:
        return []
    known = np.flatnonzero(labels.is_known)
    texts = labels.texts[known]
    units = np.empty(len(labels.texts), dtype=np.intp)
    units[np.asarray(alerts.rows)] = alerts.units
    n_known = np.bincount(units[known], minlength=map_.n_units)
    shown = []
    for i, each in enumerate(labels.shown):
        n_each = np.bincount(units[known[texts == each]], minlength=map_.n_units)
        plane = _plane(
            f"class_{i}",
            labels.name,
            "share of rows",
            _share(n_each, n_known),
            kind="share",
            group="label",
        )
        shown.append(plane | {"levels": [each]})
    return shown


def _share(part: Float64s | Ints, whole: Ints) -> Float64s:
    """Divide; NaN, an empty cell on the page, if the divisor is 0."""
    nothing = np.full(len(whole), np.nan)
    return np.divide(part, whole, out=nothing, where=whole > 0)


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
