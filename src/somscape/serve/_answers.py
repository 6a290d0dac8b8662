"""What a detector says of rows: score, p-value, flag, unit and reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.outliers import Detector, Reasons, explained_rows, reasons_of
from somscape.tables import Table, free_name, table_from_columns

FLAGGED, ALL, NONE = "flagged", "all", "none"
EXPLAINED = (FLAGGED, ALL, NONE)
"""Which rows get reasons."""

RESULTS = ("row", "score", "p_value", "flagged", "unit", "reasons")


@dataclass(frozen=True, eq=False)
class Answers:
    """What is said of some rows, in their order.

    Attributes
    ----------
    scores, p_values : ndarray of shape (n_rows,)
    is_flagged : ndarray of shape (n_rows,), bool
    units : ndarray of shape (n_rows,)
    reasons : list of Reasons or None
        None where nobody asked for any.
    """

    scores: Float64s
    p_values: Float64s
    is_flagged: NDArray[np.bool_]
    units: Ints
    reasons: list[Reasons | None]

    def part(self, some: slice) -> "Answers":
        """Return the answers of some rows."""
        return Answers(
            self.scores[some],
            self.p_values[some],
            self.is_flagged[some],
            self.units[some],
            self.reasons[some],
        )

    def to_json(self, ids: Sequence[Any] | None) -> list[dict[str, Any]]:
        """Return an object for each row, with its id where there are ids."""
        columns = zip(
            self.scores.tolist(),
            self.p_values.tolist(),
            self.is_flagged.tolist(),
            self.units.tolist(),
            self.reasons,
            strict=True,
        )
        return [
            {
                "row": row,
                **({} if ids is None else {"id": ids[row - 1]}),
                "score": score,
                "p_value": p_value,
                "flagged": is_flagged,
                "unit": unit,
                **({} if reasons is None else _in_json(reasons)),
            }
            for row, (score, p_value, is_flagged, unit, reasons) in enumerate(columns, 1)
        ]

    def to_table(self, ids: Sequence[Any] | None, id_name: str | None) -> Table:
        """Return a line for each row, with reasons as text."""
        columns: dict[str, Any] = {
            "row": np.arange(1, len(self.scores) + 1),
            "score": self.scores,
            "p_value": self.p_values,
            "flagged": np.where(self.is_flagged, "yes", "no").tolist(),
            "unit": self.units,
            "reasons": ["" if each is None else str(each) for each in self.reasons],
        }
        if ids is not None and id_name is not None:
            columns = {"row": columns.pop("row"), free_name(id_name, RESULTS): ids, **columns}
        return table_from_columns(columns)


def answers_of(detector: Detector, table: Table, explained: Sequence[str]) -> Answers:
    """Score the rows of a table, as `somscape score` does."""
    rows, asked = detector.map_.rows_of(table), np.array(explained)
    units = detector.map_.winners_of_rows(rows)
    by_column = None
    if (asked == ALL).all():
        scores, by_column = explained_rows(detector, rows, units)
    else:
        scores = detector.scores_of_rows(rows, units)
    p_values = detector.calibration.p_values(scores, units)
    is_flagged = scores > detector.threshold
    which = np.flatnonzero((asked == ALL) | ((asked == FLAGGED) & is_flagged))
    reasons: list[Reasons | None] = [None] * len(rows)
    if by_column is not None:
        reasons[:] = reasons_of(detector, table, rows, by_column)
    elif len(which):
        found = reasons_of(detector, table.take(which), np.ascontiguousarray(rows[which]))
        for row, one in zip(which.tolist(), found, strict=True):
            reasons[row] = one
    return Answers(scores, p_values, is_flagged, units, reasons)


def _in_json(reasons: Reasons) -> dict[str, Any]:
    return {
        "why": reasons.sentence(),
        "reasons": [
            {
                "column": reason.column,
                "value": reason.value,
                "usual": reason.usual,
                "share": round(reason.share, 4),
                "sentence": reason.sentence(),
            }
            for reason in reasons
        ],
    }
