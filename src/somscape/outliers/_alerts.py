"""The ranked list: every row of a table, most unusual first, the top with reasons."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.maps import Map
from somscape.outliers._reasons import RECORD, Ids, Reasons, ids_column, ids_of, reasons_of
from somscape.outliers._rule import AlertRule
from somscape.tables import Source, Table, free_name, table_from_columns

if TYPE_CHECKING:
    from somscape.outliers._detector import Detector

RESULT_NAMES = ("rank", "score", "p_value", "unit", "row", "col", "reasons")

SHOWN = 20
"""Alerts to print at most."""


@dataclass(frozen=True, eq=False)
class Alerts:
    """All rows of a table, ranked, the most unusual first; prints the alerts.

    Attributes
    ----------
    id_name : str
        Name of the id column, or "record".
    ids : Ids, a sequence of str
        One per row of the table, like the arrays; the first ``n_alerts`` are the alerts.
    rows : ndarray of shape (n_rows,)
        Number of each row in the table, from 0.
    scores, p_values : ndarray of shape (n_rows,)
    units : ndarray of shape (n_rows,)
        Best matching unit.
    reasons : list of Reasons
        For the first ``n_alerts`` rows only.
    n_alerts : int
        Number of alerts.
    """

    id_name: str
    ids: Ids
    rows: Ints
    scores: Float64s
    p_values: Float64s
    units: Ints
    reasons: list[Reasons]
    n_alerts: int

    def __repr__(self) -> str:
        return f"Alerts({self.n_alerts} of {len(self.ids)} rows)"

    def __str__(self) -> str:
        n = min(self.n_alerts, SHOWN)
        shown = table_from_columns(
            {
                "rank": np.arange(1, n + 1),
                self.id_name: self.ids[:n],
                "score": [f"{score:.4g}" for score in self.scores[:n]],
                "p-value": [f"{p:.4g}" for p in self.p_values[:n]],
                "reasons": [str(reasons) for reasons in self.reasons[:n]],
            }
        )
        more = [f"... {self.n_alerts - n} more alerts"] if self.n_alerts > n else []
        return "\n".join([f"{self.n_alerts} of {len(self.ids)} rows", str(shown), *more])

    def to_table(self, map_: Map, table: Table | Source) -> Table:
        """Return the alerts as a table: rank, id, score, ..., then the original columns.

        An original column with the name of a result column gets ``_input`` added to its name.
        Where an id repeats, "record", the number of the row from 1, tells rows apart.

        Parameters
        ----------
        map_ : Map
            The map of the detector.
        table : Table or Source
            The table that was ranked.

        Returns
        -------
        Table
            With one row per alert.
        """
        table, n = table if isinstance(table, Table) else table.table(), self.n_alerts
        row, col = map_.lattice.rows_and_cols(self.units[:n])
        is_repeated = not self.ids.are_unique
        id_name = free_name(self.id_name, (*RESULT_NAMES, *[RECORD] * is_repeated))
        results = table_from_columns(
            {
                "rank": np.arange(1, n + 1),
                **({RECORD: self.rows[:n] + 1} if is_repeated else {}),
                "score": self.scores[:n],
                "p_value": self.p_values[:n],
                "unit": self.units[:n],
                "row": row,
                "col": col,
                "reasons": [str(reasons) for reasons in self.reasons],
            }
        )
        ids = ids_column(map_, table, self.rows[:n])
        rank, *others = results.columns
        columns = [rank, ids.renamed(id_name), *others]
        originals = table.take(self.rows[:n])
        id_column = map_.encoding.named("id")
        for column in originals.columns:
            if column.name != id_column:
                taken = [c.name for c in columns]
                columns.append(column.renamed(free_name(column.name, taken)))
        return Table(tuple(columns), source="alerts")


def ranked(
    detector: "Detector",
    table: Table,
    rows: Floats,
    rule: AlertRule,
    units: Ints | None = None,
    scores: Float64s | None = None,
) -> Alerts:
    """Return the rows of a table in order, see `Detector.alerts`.

    This is the only place that brings rows, units, scores, p-values and a rule together.

    Parameters
    ----------
    detector : Detector
    table : Table
    rows : ndarray of shape (n_rows, n_features)
        The same, encoded.
    rule : AlertRule
    units, scores : ndarray of shape (n_rows,) or None, default=None
        Best matching units and scores of the rows, if known already.

    Returns
    -------
    Alerts
    """
    units = detector.map_.winners_of_rows(rows) if units is None else units
    scores = detector.scores_of_rows(rows, units) if scores is None else scores
    p = detector.calibration.p_values(scores, units)
    order, n_alerts = rule.choose(detector, scores, p, table)
    first = order[:n_alerts]
    id_name, ids = ids_of(detector.map_, table)
    return Alerts(
        id_name,
        ids.take(order),
        order,
        scores[order],
        p[order],
        units[order],
        reasons_of(detector, table.take(first), np.ascontiguousarray(rows[first])),
        n_alerts,
    )
