"""Rules, which decide which rows are alerts and which rows stand out."""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Bools, Float64s, Ints
from somscape._validate import check_is, check_number, check_whole
from somscape._weights import counts_of
from somscape.errors import InputError, ParameterError
from somscape.outliers.calibration import Calibration, adjusted, count_within, usual_share
from somscape.outliers.scoring import Scoring
from somscape.tables._messages import counted
from somscape.tables._numbers import read_numbers
from somscape.tables.table import Table

STAND_OUT_RATE = 0.2
"""Default limit for the false discovery rate among the rows that stand out."""

MIN_COUNTED = 200
"""In a table with fewer rows, p-values must be as small as in a table with this number of rows, or
with as many rows as the training table."""

MIN_LISTED, MAX_LISTED, MAX_ROWS = 10, 50, 500
"""Minimum number of rows, and maximum number of findings and of rows, in a list of alerts if no
rule is given.  Between these limits, the list consists of the rows that stand out."""


@dataclass(frozen=True)
class AlertRule:
    """Rule that decides which rows become alerts.

    By default, the alerts are the rows that stand out, but at least 10 rows, and at most 50
    findings (`Finding`) and 500 rows.  Lists show alerts that do not stand out only if no row
    stands out.

    Attributes
    ----------
    n_alerts : int or None, default=None
        Number of alerts.  The rows with the highest scores become alerts.
    p_value : float or None, default=None
        Highest p-value of an alert.  All rows with at most this p-value become alerts.
    fdr : float or None, default=None
        Approximate limit for the false discovery rate, the expected share of usual rows among the
        alerts.  The alerts are the longest list of rows within this limit (Benjamini and Hochberg
        1995).  For this, the share of usual rows among all rows is estimated (Storey, Taylor and
        Siegmund 2004).  In simulations with ``fdr=0.05`` and clean training data, the actual rate
        was 2 to 7.5 %.  Without clean training data, the false discovery rate is only an estimate.
    amount : str or None, default=None
        Name of the column that contains the amount at risk in each row.  Required with `cost`.
    cost : float or None, default=None
        Cost of one review, in the unit of `amount`.  A row is an alert if its expected amount is
        higher than the cost.  The expected amount is the amount at risk times one minus a false
        discovery rate.  The rate is that of the list that ends with the row.
    above_threshold : bool, default=False
        Whether all rows above the threshold become alerts.  `contamination` sets the threshold.

    Raises
    ------
    ValueError, TypeError
        If a value is not allowed, or if more than one rule is given.

    See Also
    --------
    Alerts : Contains the chosen rows.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> from somscape.outliers import AlertRule
    >>> AlertRule(p_value=0.02).words(SOMDetector(random_state=0).fit(X).detector_)
    'a p-value of at most 0.02'
    """

    n_alerts: int | None = None
    p_value: float | None = None
    fdr: float | None = None
    amount: str | None = None
    cost: float | None = None
    above_threshold: bool = False

    def __post_init__(self) -> None:
        if self.n_alerts is not None:
            check_whole("n_alerts", self.n_alerts, 0)
        for name in ("p_value", "fdr"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0, 1)
        if self.cost is not None:
            check_number("cost", self.cost, 0)
        cure = " Pass a name such as amount='price', and a table with this column."
        check_is("amount", self.amount, str | None, "the name of a column", cure)
        if (self.amount is None) != (self.cost is None):
            raise ParameterError(
                f"`amount` and `cost` must be given together, but are {self.amount!r} and "
                f"{self.cost!r}. Pass both, such as amount='price' and cost=50, or leave out both.",
                value=self.amount,
            )
        rules = ("n_alerts", "p_value", "fdr", "cost")
        given = [name for name in rules if getattr(self, name) is not None]
        given += ["above_threshold"] * self.above_threshold
        if len(given) > 1:
            raise ParameterError(
                f"Only one rule is allowed, but {' and '.join(given)} are given. Pass one of them.",
                value=" and ".join(given),
            )

    def check(self, table: Table) -> None:
        """Raise InputError if the rule needs a column that the table lacks.

        Parameters
        ----------
        table : Table
        """
        if self.amount is not None:
            _amounts(table, self.amount)

    def words(self, detector: Scoring) -> str:
        """Return a phrase that describes which rows become alerts by the rule.

        Parameters
        ----------
        detector : Detector

        Returns
        -------
        str
            Phrase about the alerts that can follow a colon.
        """
        if self.n_alerts is not None:
            return f"the {self.n_alerts} highest scores, as asked for"
        if self.p_value is not None:
            return f"a p-value of at most {self.p_value:g}"
        if self.fdr is not None:
            rate = f"a false discovery rate of at most about {self.fdr:g}"
            return f"those that stand out, with {rate}" if self == STANDING_OUT else rate
        if self.cost is not None:
            return f"an expected amount in '{self.amount}' above the review cost of {self.cost:g}"
        if self.above_threshold:
            return f"a score above {detector.threshold:.4g}, the threshold of the map"
        return (
            f"those that stand out, at most {MAX_LISTED} findings, or {MIN_LISTED} rows if none "
            "stands out"
        )

    def outstanding(self, p: Float64s, is_marked: Bools, n_least: int = 0) -> tuple[Bools, float]:
        """Return which rows stand out, and how many of these are expected by chance.

        Parameters
        ----------
        p : ndarray of shape (n_rows,)
            P-values of the rows.
        is_marked : ndarray of shape (n_rows,), bool
            Whether a row is marked.  Rows marked by a person are left out, because the person has
            already checked them.
        n_least : int, default=0
            If there are fewer rows, the smallest p-values must be as small as with this number of
            rows.  Otherwise, one of five single rows would stand out.

        Returns
        -------
        stands_out : ndarray of shape (n_rows,), bool
            Rows that stand out at the rule's false discovery rate, by default at 0.2.
        n_by_chance : float
        """
        ascending = p[~is_marked] if is_marked.any() else p
        if not (ascending[1:] >= ascending[:-1]).all():  # possible with p-values by region
            ascending = np.sort(ascending)
        share = usual_share(ascending)
        rate = STAND_OUT_RATE if self.fdr is None else self.fdr
        rate *= len(ascending) / max(len(ascending), n_least, 1)
        n_stand_out = count_within(rate / share, ascending)
        if not n_stand_out:
            return np.zeros(len(p), dtype=bool), 0.0
        highest = float(ascending[n_stand_out - 1])
        return (p <= highest) & ~is_marked, highest * share * len(ascending)

    def choose(
        self,
        detector: Scoring,
        order: Ints,
        scores: Float64s,
        p: Float64s,
        table: Table,
        n_stand_out: int,
        n_leading: int = 0,
    ) -> tuple[Ints | slice, int]:
        """Return the order of a list with alerts first, and the number of alerts.

        Parameters
        ----------
        detector : Detector
        order : ndarray of shape (n_rows,)
            Row numbers by descending score.  Rows with equal scores keep their order.
        scores, p : ndarray of shape (n_rows,)
            Scores and p-values of the rows, in the order of `order`.
        table : Table
            The table of scored rows, which contains the column `amount`.
        n_stand_out : int
        n_leading : int, default=0
            Number of confirmed rows.  These rows come first in a list of rows that stand out.

        Returns
        -------
        places : ndarray of shape (n_rows,) or slice
            Positions in `order`.  The order is by gain for a rule with `cost`, and by score for a
            rule with `n_alerts` or `above_threshold`.  For other rules, the order is by p-value and
            then by score.  A slice if the order is unchanged.
        n_alerts : int
        """
        as_it_is = slice(None)
        if self.n_alerts is not None:
            if self.n_alerts > len(scores):
                raise InputError(
                    f"`n_alerts` is {self.n_alerts}, but {table.source} has only "
                    f"{counted(len(scores), 'row')}. Ask for fewer alerts.",
                    file=table.source,
                    value=self.n_alerts,
                )
            return as_it_is, self.n_alerts
        # The order by p-value is the same, except with p-values by region.
        is_by_p = bool((p[1:] >= p[:-1]).all())
        by_p = as_it_is if is_by_p else np.argsort(p, kind="stable")
        if self.p_value is not None:
            _check_level(detector, "p_value", self.p_value)
            return by_p, int((p <= self.p_value).sum())
        if self.fdr is not None:
            if self != STANDING_OUT:
                _check_level(detector, "fdr", self.fdr)
            return by_p, n_leading + n_stand_out
        if self.cost is not None:
            discovery = 1.0 - adjusted(p)
            gain = discovery * _amounts(table, str(self.amount))[order] - self.cost
            by_gain = np.argsort(-np.maximum(gain, 0.0), kind="stable")
            return by_gain, int((gain > 0).sum())
        if self.above_threshold:
            return as_it_is, int((scores > detector.threshold).sum())
        n_listed = n_leading + max(MIN_LISTED, min(n_stand_out, MAX_LISTED))
        return by_p, min(n_listed, len(scores))


STANDING_OUT = AlertRule(fdr=STAND_OUT_RATE)
"""The rule by which all rows that stand out become alerts."""


def auto_threshold(
    calibration: Calibration, scores: Float64s, units: Ints, weights: Float64s | None
) -> float:
    """Return the highest score of the training rows that do not stand out.

    If no row stands out, the result is the second highest score, so that one row is above it.  With
    p-values by region, as many rows are above the result as stand out.
    """
    if weights is not None:
        here = weights > 0
        scores, units, weights = scores[here], units[here], counts_of(weights[here])
    # A copy, because a calibration stores values that it computes for p-values.
    p = replace(calibration).p_values(scores, units)
    counts = np.ones(len(p)) if weights is None else weights
    rate = STAND_OUT_RATE / usual_share(p, counts)
    order = np.argsort(p, kind="stable")
    ascending, n_rows = p[order], np.cumsum(counts[order])
    del order, counts
    within = np.flatnonzero(ascending * n_rows[-1] / n_rows <= rate)
    n_above = int((p <= ascending[within[-1]]).sum()) if len(within) else 0
    if not n_above:
        below = scores[scores < scores.max()]
        return float(below.max() if len(below) else scores.max())
    n_below = len(scores) - n_above
    return float(np.partition(scores, n_below - 1)[n_below - 1]) if n_below else 0.0


def _check_level(detector: Scoring, name: str, level: float) -> None:
    calibration = detector.calibration
    smallest = calibration.smallest_p_value
    if level < smallest:
        n = len(calibration.scores)
        where = "" if calibration.regions is None else " in regions of the map"
        raise InputError(
            f"The detector was calibrated on {n} rows{where}, so no p-value can be at most "
            f"{level:g}. The smallest possible p-value is {smallest:.2g}. Pass a larger `{name}`, "
            "or train on more rows.",
            parameter=name,
            value=level,
        )


def _amounts(table: Table, name: str) -> Float64s:
    if name not in table.names:
        raise InputError(
            f"{table.source} does not have a column '{name}' with amounts. Its columns are "
            f"{', '.join(table.names)}. Pass one of these names.",
            parameter="amount",
            file=table.source,
            column=name,
            allowed=table.names,
        )
    column = table.column(name)
    numbers = column.numbers
    if numbers is None:
        read = read_numbers(column)
        numbers = np.full(len(column), np.nan) if read is None else read.numbers
    assert numbers is not None
    is_wrong = ~(np.isfinite(numbers) & (numbers >= 0))
    if is_wrong.any():
        row = int(is_wrong.argmax())
        cell = column.cell(row)
        raise InputError(
            f"The amounts in column '{name}' of {table.source} must be numbers of at least 0, but "
            f"{counted(int(is_wrong.sum()), 'value')} of {len(column):,} cannot be used. The first "
            f"is {'missing' if cell is None else repr(cell)}, at {table.where(row)}. Fill or "
            "correct these values first.",
            file=table.source,
            row=row,
            column=name,
            value=cell,
        )
    return np.asarray(numbers, dtype=np.float64)
