"""The first alerts in depth: what would make them usual, and the rows nearest to them."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.kernels import select_kernels
from somscape.maps import Map
from somscape.outliers import Alerts, Detector
from somscape.report._labels import Labels
from somscape.report._sample import Sample
from somscape.report._values import number
from somscape.tables import Table

MAX_CASES = 100
"""Most alerts to describe in depth, at some milliseconds each."""

N_USUAL = 4
"""Nearest usual rows shown beside a case."""

N_LABELLED = 2
"""Nearest rows with the label's value shown beside a case."""


def cases_of(
    detector: Detector,
    table: Table,
    alerts: Alerts,
    sample: Sample,
    labels: Labels | None = None,
) -> list[dict[str, Any]]:
    """Return the first alerts in depth."""
    numbers = np.asarray(alerts.rows)[: min(alerts.n_alerts, MAX_CASES)]
    if not len(numbers):
        return []
    map_ = detector.map_
    part = table.take(numbers)
    rows = np.asarray(map_.rows_of(part), dtype=np.float64)
    is_usual = sample.scores <= detector.threshold
    usual = _nearest(map_, rows, sample, np.flatnonzero(is_usual), N_USUAL)
    known = _known(sample, labels)
    alike: list[list[list[Any]]] = [[] for _ in rows]
    around: list[dict[str, Any] | None] = [None] * len(rows)
    if known is not None:
        alike = _nearest(map_, rows, sample, np.flatnonzero(known == 1), N_LABELLED)
        around = _around(detector, rows, sample, known)
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
    """Return rank and distance of the nearest rows, without the row itself."""
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


def _known(sample: Sample, labels: Labels | None) -> Ints | None:
    """Return for each row searched 1 for the compared value, 0 for another, -1 for none."""
    if labels is None or labels.compared is None:
        return None
    has_value = labels.texts[sample.numbers] == labels.compared
    return np.where(labels.is_known[sample.numbers], has_value.astype(np.intp), -1)


def _around(
    detector: Detector, rows: Float64s, sample: Sample, known: Ints
) -> list[dict[str, Any] | None]:
    """Return what labels say about the rows in each case's cell and next to it, and its own."""
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
