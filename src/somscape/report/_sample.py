"""The rows that a report measures: all of them, or evenly spaced ones of a long table."""

from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s, Ints
from somscape.maps import Map
from somscape.outliers import Alerts
from somscape.tables import Table

MAX_MEASURED = 50_000
"""Most rows for quality, histograms and nearest rows: a million would take more time than training,
for digits that nobody reads."""


@dataclass(frozen=True, eq=False)
class RowsInOrder:
    """Rows in the order of the table, encoded.

    Attributes
    ----------
    numbers : ndarray of shape (n_measured,)
        Numbers of the rows in the table, from 0.
    rows : ndarray of shape (n_measured, n_features), float64
    """

    numbers: Ints
    rows: Float64s

    @classmethod
    def of_table(cls, map_: Map, table: Table) -> "RowsInOrder":
        """Take all rows, or evenly spaced ones."""
        step = -(-table.n_rows // MAX_MEASURED)
        chosen = np.arange(0, table.n_rows, step)
        part = table if step == 1 else table.take(chosen)
        return cls(chosen, np.asarray(map_.rows_of(part), dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Sample(RowsInOrder):
    """Such rows with the results of the ranking.

    Attributes
    ----------
    numbers, rows
        As above.
    units, scores, ranks : ndarray of shape (n_measured,)
        The first rank is 0.
    """

    units: Ints
    scores: Float64s
    ranks: Ints

    @classmethod
    def of(cls, map_: Map, table: Table, alerts: Alerts) -> "Sample":
        """Take all rows, or evenly spaced ones."""
        order, found = np.asarray(alerts.rows), RowsInOrder.of_table(map_, table)
        is_taken = np.zeros(table.n_rows, dtype=bool)
        is_taken[found.numbers] = True
        at = np.flatnonzero(is_taken[order])
        at = at[np.argsort(order[at])]
        units, scores = np.asarray(alerts.units)[at], np.asarray(alerts.scores)[at]
        return cls(found.numbers, found.rows, units, scores, at)
