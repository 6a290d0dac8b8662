"""How far rows move from run to run: what is usual, and which columns moved."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.cases._keys import MAX_SAMPLE, columns_of_cells
from somscape.encode import Encoding, level_texts, words_of_column
from somscape.errors import InputError
from somscape.outliers import Detector
from somscape.tables import Table, table_from_columns

MIN_SHARED = 20
"""Keys that two runs must share for their rows to tell how far rows move."""

QUANTILE = 0.95
"""A row moved far if it moved farther than this share of the rows do."""

LEAST_MOVE = 0.01
"""No row moves far within a hundredth of the usual range of one number, even if no other moves."""

MAX_NAMED, MIN_NAMED = 3, 0.05
"""Most columns that are named as those that moved, and the least share of the squared distance."""


@dataclass(frozen=True)
class UsualMoves:
    """How far rows usually move, at most.

    Attributes
    ----------
    far : float
        In the map's metric.
    rise : float
        In scores.
    n : int
        Rows, or pairs of rows, that tell.
    by : str
        "keys" where the rows of shared keys were compared, "units" where rows of one unit were.
    """

    far: float
    rise: float
    n: int
    by: str


def usual_moves(
    detector: Detector, before: Float64s, now: Float64s, others: Float64s
) -> UsualMoves:
    """Return the 95th percentiles of what rows of one key move, or else of one unit."""
    by = "keys"
    if np.count_nonzero(~np.isnan(before).any(axis=1)) < MIN_SHARED:
        by = "units"
        before, now = _pairs_of_units(detector, others)
    far, rises = np.zeros(1), np.zeros(1)
    is_known = ~np.isnan(before).any(axis=1)
    before, now = before[is_known], now[is_known]
    if len(now):
        far = detector.map_.metric.between(before, now)
        rises = np.abs(detector.scores_of_rows(now) - detector.scores_of_rows(before))
    highest = [float(np.quantile(each, QUANTILE, method="higher")) for each in (far, rises)]
    return UsualMoves(max(highest[0], LEAST_MOVE), highest[1], len(now), by)


def _pairs_of_units(detector: Detector, rows: Float64s) -> tuple[Float64s, Float64s]:
    """Return rows, evenly spaced ones of many, and for each the next one of its unit."""
    some = np.ascontiguousarray(rows[:: -(-len(rows) // MAX_SAMPLE) or 1])
    units = detector.map_.winners_of_rows(some)
    order = np.argsort(units, kind="stable")
    is_same = units[order][1:] == units[order][:-1]
    return some[order[:-1][is_same]], some[order[1:][is_same]]


def encoded_cells(encoding: Encoding, cells: Sequence[Mapping[str, Any]]) -> Float64s:
    """Return kept cells as the map sees them today."""
    rows = np.full((len(cells), encoding.n_features), np.nan)
    lenient = replace(encoding, missing="fill")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of levels that were told of in the run itself
        try:
            if cells:
                rows = lenient.encode(_table_of(encoding, cells))
        except InputError:
            for i, row in enumerate(cells):
                with suppress(InputError):
                    rows[i] = lenient.encode(_table_of(encoding, [row]))[0]
    return rows


def _table_of(encoding: Encoding, cells: Sequence[Mapping[str, Any]]) -> Table:
    names = [code.name for code in encoding.used]
    return table_from_columns(columns_of_cells(cells, names), "an earlier run")


def what_moved(encoding: Encoding, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say which columns of a row moved, from what to what, most of all first."""
    a, b = encoded_cells(encoding, [before, now])
    by_column = encoding.sum_by_used((a - b)[None] ** 2)[0]
    texts = [level_texts(column) for column in _table_of(encoding, [before, now]).columns]
    order = np.argsort(-by_column, kind="stable")[:MAX_NAMED]
    least = MIN_NAMED * by_column.sum()
    names = [words_of_column(encoding, code.name) for code in encoding.used]
    return [
        f"{names[j]} moved from {texts[j][0]} to {texts[j][1]}"
        for j in order
        if by_column[j] > 0 and by_column[j] >= least and texts[j][0] != texts[j][1]
    ]
