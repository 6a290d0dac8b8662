"""The ranked list: every row of a table, most unusual first, the top with reasons."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape.kernels import stable_order
from somscape.maps import Map
from somscape.outliers._reasons import RECORD, Ids, Reasons, ids_column, ids_of, reasons_of
from somscape.outliers._rule import AlertRule
from somscape.tables import (
    Source,
    Table,
    counted,
    frame_of,
    free_name,
    html_of,
    in_columns,
    table_from_columns,
)

if TYPE_CHECKING:
    from somscape.outliers._detector import Detector

RESULT_NAMES = ("rank", "score", "p_value", "stands_out", "unit", "row", "col", "reasons")

LINE = "-- from here on rows do not stand out --"
"""What a list shows after the rows that stand out."""

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
    stands_out : ndarray of shape (n_rows,), bool
        Whether a row stands out: as many do as keep the share that does so by chance, the false
        discovery rate, at about 0.2, or at the rate asked for.  An estimate, unless training is
        clean; see `SOMDetector.p_values`.  Rows that were marked do not count.
    n_by_chance : float
        How many of these are expected to stand out by chance.

    See Also
    --------
    AlertRule : Which rows are alerts.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> alerts = SOMDetector(random_state=0).fit(X).alerts(X, 2)
    >>> alerts.ids[0], alerts.n_alerts
    ('8', 2)
    >>> print(alerts.reasons[0][0])
    x1 -9.0: lowest of 100 rows; usual -1.32 to 1.24
    """

    id_name: str
    ids: Ids
    rows: Ints
    scores: Float64s
    p_values: Float64s
    units: Ints
    reasons: list[Reasons]
    n_alerts: int
    stands_out: NDArray[np.bool_]
    n_by_chance: float

    @property
    def n_stand_out(self) -> int:
        """Number of rows that stand out."""
        return int(np.count_nonzero(self.stands_out))

    @property
    def n_before_line(self) -> int | None:
        """Number of alerts that stand out, if others follow them; else None."""
        n = int(self.stands_out[: self.n_alerts].sum())
        is_between = 0 < n < self.n_alerts and bool(self.stands_out[:n].all())
        return n if is_between else None

    @property
    def headline(self) -> str:
        """How many rows stand out: "5 of 690 rows stand out (about 1 of them by chance)"."""
        n, n_rows = self.n_stand_out, counted(len(self.ids), "row")
        if n == 0:
            return f"No row of {len(self.ids)} stands out"
        about = round(self.n_by_chance)
        if n == 1:
            return f"1 of {n_rows} stands out"
        by_chance = f"about {about}" if about else "fewer than one"
        return f"{n} of {n_rows} stand out ({by_chance} of them by chance)"

    def __repr__(self) -> str:
        return f"Alerts({self.n_alerts} of {len(self.ids)} rows)"

    def __str__(self) -> str:
        names, rows = self._shown()
        lines = in_columns([[name, *cells] for name, *cells in zip(names, *rows, strict=True)])
        if self.n_before_line is not None and self.n_before_line < len(rows):
            lines.insert(1 + self.n_before_line, LINE)
        return "\n".join([self.headline, *lines, *self._more()])

    def _repr_html_(self) -> str:
        names, rows = self._shown()
        return html_of(names, rows, ". ".join([self.headline, *self._more()]))

    def _shown(self) -> tuple[list[str], list[list[str]]]:
        """Return the names and the cells of the alerts that are printed."""
        n = min(self.n_alerts, SHOWN)
        numbers = zip(self.scores[:n], self.p_values[:n], strict=True)
        texts = [[f"{score:.4g}", f"{p:.4g}"] for score, p in numbers]
        rows = [
            [str(rank), id_, *pair, str(reasons)]
            for rank, (id_, pair, reasons) in enumerate(
                zip(self.ids[:n], texts, self.reasons[:n], strict=True), 1
            )
        ]
        return ["rank", self.id_name, "score", "p-value", "reasons"], rows

    def _more(self) -> list[str]:
        n = self.n_alerts - SHOWN
        return [f"... {n} more alerts"] if n > 0 else []

    def to_frame(self, library: str | None = None) -> Any:
        """Return the alerts as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row per alert: ``rank``, the id, ``table_row`` (its number in the table, from 0),
            ``score``, ``p_value``, ``stands_out``, ``unit`` and ``reasons``.  `to_table` adds the
            columns of the table.
        """
        n = self.n_alerts
        columns = {
            "rank": np.arange(1, n + 1),
            "table_row": self.rows[:n],
            "score": self.scores[:n],
            "p_value": self.p_values[:n],
            "stands_out": self.stands_out[:n],
            "unit": self.units[:n],
            "reasons": [str(reasons) for reasons in self.reasons],
        }
        ids = {free_name(self.id_name, columns): self.ids[:n]}
        return frame_of({"rank": columns.pop("rank"), **ids, **columns}, library)

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
                "stands_out": np.where(self.stands_out[:n], "yes", "no").tolist(),
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
    """Return the rows of a table in order, see `Detector.alerts`."""
    units = detector.map_.winners_of_rows(rows) if units is None else units
    scores = detector.scores_of_rows(rows, units) if scores is None else scores
    order = stable_order(-scores)
    scores, units = scores[order], units[order]  # and all that follows, in that order
    p = detector.calibration.p_values(scores, units)
    is_marked, is_leading = np.zeros((2, len(p)), dtype=bool)
    if detector.marks is not None:
        is_marked, is_leading = (which[order] for which in detector.marks.are_held(rows))
    stands_out, n_by_chance = rule.outstanding(p, is_marked)
    n_stand_out, n_leading = (int(np.count_nonzero(w)) for w in (stands_out, is_leading))
    places, n_alerts = rule.choose(detector, order, scores, p, table, n_stand_out, n_leading)
    order = order[places]
    first = order[:n_alerts]
    return Alerts(
        *ids_of(detector.map_, table, order),
        order,
        scores[places],
        p[places],
        units[places],
        reasons_of(detector, table.take(first), np.ascontiguousarray(rows[first])),
        n_alerts,
        stands_out[places],
        n_by_chance,
    )
