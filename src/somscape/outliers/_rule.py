"""Which rows become alerts: by number, by p-value, by false discoveries, or by what they cost."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape._validate import check_number, check_whole
from somscape.errors import InputError
from somscape.tables import Table, counted, read_numbers

if TYPE_CHECKING:
    from somscape.outliers._detector import Detector

MIDDLE = 0.5
"""The number of p-values above this tells how many rows are usual."""

STAND_OUT_RATE = 0.2
"""False discovery rate of the rows that stand out, where no other is asked for."""

MIN_LISTED, MAX_LISTED = 10, 50
"""Rows that a list shows where nothing says how many: those that stand out, within these bounds."""


@dataclass(frozen=True)
class AlertRule:
    """Which rows become alerts; by default those that stand out, 10 to 50 rows.

    Attributes
    ----------
    n_alerts : int or None, default=None
        Number of alerts: the rows with the highest scores.
    p_value : float or None, default=None
        Alerts are the rows with at most this p-value.
    fdr : float or None, default=None
        As many alerts as keep the false discovery rate, the expected share of usual rows among
        them, at most about this (Benjamini and Hochberg 1995, with the share of usual rows
        estimated as by Storey, Taylor and Siegmund 2004).  In simulations it was 2 to 7.5 % for
        ``fdr=0.05`` after clean training; otherwise it is an estimate.
    amount : str or None, default=None
        Column with the amount that each row puts at stake.  Required with `cost`.
    cost : float or None, default=None
        Cost of a review, in the unit of `amount`.  A row is an alert if its amount, times one minus
        the false discovery rate of the list that ends with it, is higher.
    above_threshold : bool, default=False
        Whether alerts are the rows above the detector's threshold, which `contamination` sets.

    Raises
    ------
    ValueError, TypeError
        If a value is not allowed, or more than one rule is given.

    See Also
    --------
    Alerts : What it chooses from.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> from somscape.outliers import AlertRule
    >>> detector = SOMDetector(random_state=0).fit(X).detector_
    >>> alerts = detector.alerts_by(AlertRule(p_value=0.02), X)
    >>> alerts.ids[0]
    '8'
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
        if not (self.amount is None or isinstance(self.amount, str)):
            raise TypeError(
                f"`amount` must be a column name; got a {type(self.amount).__name__}. Pass the "
                "table that has the column, and the column's name."
            )
        if (self.amount is None) != (self.cost is None):
            raise ValueError(
                f"`amount` and `cost` go together; got amount={self.amount!r}, "
                f"cost={self.cost!r}. Pass both, the column with what is at stake and what a "
                "review costs, or neither."
            )
        rules = ("n_alerts", "p_value", "fdr", "cost")
        given = [name for name in rules if getattr(self, name) is not None]
        given += ["above_threshold"] * self.above_threshold
        if len(given) > 1:
            raise ValueError(f"only one rule is allowed; got {' and '.join(given)}. Pass one.")

    def check(self, table: Table) -> None:
        """Raise InputError if the table lacks the column that the rule reads.

        Parameters
        ----------
        table : Table
        """
        if self.amount is not None:
            _amounts(table, self.amount)

    def words(self, detector: "Detector") -> str:
        """Return what makes a row an alert.

        Parameters
        ----------
        detector : Detector

        Returns
        -------
        str
            A phrase to follow a colon.
        """
        if self.n_alerts is not None:
            return f"the {self.n_alerts} highest scores, as asked for"
        if self.p_value is not None:
            return f"a p-value of at most {self.p_value:g}"
        if self.fdr is not None:
            return f"a false discovery rate of at most about {self.fdr:g}"
        if self.cost is not None:
            return f"worth a review that costs {self.cost:g}, by what '{self.amount}' puts at stake"
        if self.above_threshold:
            return f"a score above {detector.threshold:.4g}, the threshold of the map"
        return f"those that stand out, at least {MIN_LISTED} and at most {MAX_LISTED}"

    def outstanding(
        self, p: Float64s, is_marked: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], float]:
        """Return which rows stand out, and how many of them are expected to by chance.

        Parameters
        ----------
        p : ndarray of shape (n_rows,)
            P-values of the rows.
        is_marked : ndarray of shape (n_rows,), bool
            Rows that are known, and so do not count.

        Returns
        -------
        stands_out : ndarray of shape (n_rows,), bool
            At the false discovery rate of the rule, or 0.2.
        n_by_chance : float
        """
        ascending = p[~is_marked] if is_marked.any() else p
        if not (ascending[1:] >= ascending[:-1]).all():  # as with p-values by region
            ascending = np.sort(ascending)
        share = usual_share(ascending)
        rate = STAND_OUT_RATE if self.fdr is None else self.fdr
        n_stand_out = _most_at(rate / share, ascending)
        if not n_stand_out:
            return np.zeros(len(p), dtype=bool), 0.0
        highest = float(ascending[n_stand_out - 1])
        return (p <= highest) & ~is_marked, highest * share * len(ascending)

    def choose(
        self,
        detector: "Detector",
        order: Ints,
        scores: Float64s,
        p: Float64s,
        table: Table,
        n_stand_out: int,
        n_leading: int = 0,
    ) -> tuple[Ints | slice, int]:
        """Return the order of a list, alerts first, and how many are alerts.

        Parameters
        ----------
        detector : Detector
        order : ndarray of shape (n_rows,)
            Rows by score, the highest first, equal scores in the order of the table.
        scores, p : ndarray of shape (n_rows,)
            Scores and p-values of the rows, in that order.
        table : Table
            The table that was scored; its `amount` column is read.
        n_stand_out : int
        n_leading : int, default=0
            Confirmed rows, which lead lists of rows that stand out.

        Returns
        -------
        places : ndarray of shape (n_rows,) or slice
            Of the rows in `order`: by p-value, then by score; by score for `n_alerts` and
            `above_threshold`, and by gain for `cost`.  A slice where that is the same order.
        n_alerts : int
        """
        as_it_is = slice(None)
        if self.n_alerts is not None:
            if self.n_alerts > len(scores):
                raise InputError(
                    f"{self.n_alerts} alerts are more than the {counted(len(scores), 'row')} of "
                    f"{table.source}; ask for fewer."
                )
            return as_it_is, self.n_alerts
        # The same order, except with p-values by region.
        is_by_p = bool((p[1:] >= p[:-1]).all())
        by_p = as_it_is if is_by_p else np.argsort(p, kind="stable")
        if self.p_value is not None:
            _check_level(detector, self.p_value)
            return by_p, int((p <= self.p_value).sum())
        if self.fdr is not None:
            _check_level(detector, self.fdr)
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


def _check_level(detector: "Detector", level: float) -> None:
    calibration = detector.calibration
    smallest = calibration.smallest_p_value
    if level < smallest:
        n = len(calibration.scores)
        where = "" if calibration.regions is None else " in regions of the map"
        raise InputError(
            f"no p-value of a detector calibrated on {n} rows{where} can be at most {level:g}: "
            f"the smallest is {smallest:.2g}. Ask for that or more, or train on more rows."
        )


def adjusted(p: Float64s) -> Float64s:
    """Return p-values adjusted by Benjamini and Hochberg (1995)."""
    order = np.argsort(p, kind="stable")
    out = np.empty(len(p))
    out[order] = _rates(p[order])
    return out


def _rates(ascending: Float64s) -> Float64s:
    """Return p-values in ascending order adjusted, which ascend as well."""
    rates = ascending * len(ascending) / np.arange(1, len(ascending) + 1)
    return np.minimum(np.minimum.accumulate(rates[::-1])[::-1], 1.0)


def _most_at(rate: float, ascending: Float64s) -> int:
    """Return how many p-values in ascending order are at most a rate when they are adjusted."""
    if rate >= 1.0:
        return len(ascending)
    # Adjusted, none becomes less, so that the first ones tell.
    first = ascending[: int(np.searchsorted(ascending, rate, "right"))]
    is_within = first * len(ascending) / np.arange(1, len(first) + 1) <= rate
    return len(first) - int(is_within[::-1].argmax()) if is_within.any() else 0


def usual_share(p: Float64s) -> float:
    """Return an estimate of the share of usual rows, too high rather than too low."""
    highest = float(p.max(initial=0.0))
    if highest > MIDDLE or not len(p):
        return min(1.0, (1 + int((p > MIDDLE).sum())) / ((1 - MIDDLE) * max(1, len(p))))
    return min(1.0, (1 + int((p == highest).sum())) / ((1 - highest) * len(p)))


def _amounts(table: Table, name: str) -> Float64s:
    if name not in table.names:
        raise InputError(
            f"{table.source} has no column '{name}' with amounts; it has {', '.join(table.names)}."
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
            f"the amounts in column '{name}' of {table.source} must be numbers of at least 0; "
            f"{counted(int(is_wrong.sum()), 'cell')} of {len(column)} cannot be used, the first at "
            f"{table.where(row)}: {'missing' if cell is None else repr(cell)}. Fill or correct "
            "them first."
        )
    return np.asarray(numbers, dtype=np.float64)
