"""What each cell has of the ranking: rows, alerts, and their scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.outliers import Alerts


@dataclass(frozen=True, eq=False)
class Counts:
    """Sums over the rows of each unit.

    Attributes
    ----------
    rows, alerts, scores : ndarray of shape (n_units,)
    """

    rows: Float64s
    alerts: Float64s
    scores: Float64s

    @classmethod
    def of(cls, alerts: Alerts, n_units: int) -> "Counts":
        """Count the rows of a ranking."""
        units = np.asarray(alerts.units)
        return cls(
            np.bincount(units, minlength=n_units).astype(np.float64),
            np.bincount(units[: alerts.n_alerts], minlength=n_units).astype(np.float64),
            np.bincount(units, alerts.scores, n_units).astype(np.float64),
        )

    @classmethod
    def of_planes(cls, planes: Sequence[dict[str, Any]]) -> "Counts":
        """Take the counts that a report shows."""
        values = {plane["key"]: plane["values"] for plane in planes}
        rows = np.array(values["hits"], dtype=np.float64)
        alerts = np.array(values.get("alerts", np.zeros(len(rows))), dtype=np.float64)
        means = np.array([mean or 0.0 for mean in values["mean_score"]])
        return cls(rows, alerts, rows * means)

    @property
    def mean_scores(self) -> Float64s:
        """Mean score of each unit's rows; NaN without rows."""
        return shares(self.scores, self.rows)

    def by_region(self, labels: Ints) -> "Counts":
        """Return the sums over regions, given that of each unit."""
        own = (self.rows, self.alerts, self.scores)
        return Counts(*(np.bincount(labels, of).astype(np.float64) for of in own))


def shares(part: Float64s | Ints, whole: Float64s | Ints) -> Float64s:
    """Divide; NaN, an empty cell on the page, if the divisor is 0."""
    nothing = np.full(len(whole), np.nan)
    return np.divide(part, whole, out=nothing, where=whole > 0)
