"""The regions of the map: how large, how unusual, and what sets each apart."""

from typing import Any

import numpy as np

from somscape._types import Ints
from somscape.regions import Quartiles, Region, Regions, Rule
from somscape.report._counts import Counts
from somscape.report._labels import Labels
from somscape.report._sample import RowsInOrder
from somscape.report._values import DIGITS_BACK, MARK_DIGITS, number, numbers

MAX_DESCRIBED = 10_000
"""Most rows to describe regions by; if there are more, evenly spaced ones."""


def regions_of(
    regions: Regions, counts: Counts, units: Ints, sample: RowsInOrder, labels: Labels | None
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
    regions: Regions, units: Ints, labels: Labels | None
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
