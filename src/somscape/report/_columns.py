"""Each column: how it was encoded, how its values are distributed, how well the map fits it."""

from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.encode import CycleCode
from somscape.maps import Map
from somscape.report._histogram import Histogram
from somscape.report._sample import Sample
from somscape.report._values import number
from somscape.tables import Table


def columns_of(
    map_: Map, table: Table, sample: Sample, listed: Float64s, n_alerts: int
) -> list[dict[str, Any]]:
    """Return what the page says about each column, in the order of the encoding."""
    described: list[dict[str, Any]] = [
        {
            "name": code.name,
            "kind": code.kind,
            "why": code.why,
            # A table to score may lack the columns that are not features.
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
    """Return for each column the share of its variance that the rows' prototypes explain."""
    left = np.nan_to_num(sample.rows - map_.codebook[sample.units]) ** 2
    all_of_it = np.nan_to_num(sample.rows - np.nanmean(sample.rows, axis=0)) ** 2
    kept, total = (map_.encoding.sum_by_column(part).sum(axis=0) for part in (left, all_of_it))
    return np.asarray(1 - np.divide(kept, total, out=np.full(len(kept), np.nan), where=total > 0))
