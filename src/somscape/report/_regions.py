"""The regions of the map: how large, how unusual, and what sets each apart."""

from typing import Any

import numpy as np

from somscape.outliers import Alerts
from somscape.regions import Quartiles, Region, Regions, Rule
from somscape.report._labels import Labels
from somscape.report._sample import Sample
from somscape.report._values import DIGITS_BACK, MARK_DIGITS, number, numbers

MAX_DESCRIBED = 10_000
"""Most rows to describe regions by; if there are more, evenly spaced ones."""


def regions_of(
    regions: Regions, alerts: Alerts, sample: Sample, labels: Labels | None
) -> list[dict[str, Any]]:
    """Return what the page says about each region.

    Parameters
    ----------
    regions : Regions
    alerts : Alerts
    sample : Sample
        Rows by which regions are described.
    labels : Labels or None

    Returns
    -------
    list of dict
    """
    n = regions.n_regions
    of_rank = regions.labels[np.asarray(alerts.units)]
    n_rows = np.bincount(of_rank, minlength=n)
    n_alerts = np.bincount(of_rank[: alerts.n_alerts], minlength=n)
    total = np.bincount(of_rank, weights=alerts.scores, minlength=n)
    step = -(-len(sample.rows) // MAX_DESCRIBED)
    described = regions.describe(sample.rows[::step], units=sample.units[::step])
    shares = _label_shares(of_rank, alerts, n, labels)
    return [
        {
            "name": region.name,
            "n_units": int(regions.n_units[i]),
            "n_rows": int(n_rows[i]),
            "n_alerts": int(n_alerts[i]),
            "mean_score": number(total[i] / n_rows[i]) if n_rows[i] else None,
            "labels": shares[i],
            "differences": _differences(region),
            "rule": None if region.rule is None else _rule(region.rule),
            "sentence": region.sentence,
        }
        for i, region in enumerate(described)
    ]


def _label_shares(
    of_rank: Any, alerts: Alerts, n_regions: int, labels: Labels | None
) -> list[list[dict[str, Any]]]:
    """Return for each region how many of its labelled rows have each value."""
    shares: list[list[dict[str, Any]]] = [[] for _ in range(n_regions)]
    if labels is None:
        return shares
    known = np.flatnonzero(labels.is_known[alerts.rows])
    texts, of_known = labels.texts[alerts.rows][known], of_rank[known]
    n_known = np.bincount(of_known, minlength=n_regions)
    for value in labels.shown:
        n_with = np.bincount(of_known[texts == value], minlength=n_regions)
        for i in np.flatnonzero(n_known):
            shares[i].append({"value": value, "n_with": int(n_with[i]), "n_known": int(n_known[i])})
    return shares


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
