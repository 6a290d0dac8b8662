"""Reasons, which are the columns that make a row unusual."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.maps.map import Map
from somscape.outliers._listing import lone_ends
from somscape.outliers.counterfactual import fitting_values
from somscape.outliers.rarity import TAIL_SHARE, Occurrence, counted_exactly
from somscape.outliers.score import nearest_usual
from somscape.outliers.scoring import Scoring, both_in_words
from somscape.tables._recoded import NO_CELL, mark_of, values_shown
from somscape.tables.codes import CategoryCode
from somscape.tables.column import spelled
from somscape.tables.encoding import sources_of
from somscape.tables.ordered import CycleCode
from somscape.tables.table import Table

NONE_STANDS_OUT = "no single column stands out; the combination is unusual"
"""Text for a row without reasons."""

MAX_REASONS, MAX_LOOKED_AT = 3, 4
"""Maximum number of reasons of a row, and number of columns from which they are chosen."""

MIN_SHARE = 0.05
"""Minimum share of a row's score that a column must contribute to be a reason."""

BLOCK_VALUES = 1 << 20
"""Maximum number of values of prototypes in memory at the same time."""

CLEARLY_MORE = 2.0
"""A column stands out in a row if its share of the score is much higher than usual.  This number is
the minimum ratio of the odds of the share to the usual odds."""

FAR_MORE = 4.0
"""A column also stands out if its contribution to the score is this many times the usual one."""

RARE = 0.01
"""A column also stands out in a row if at most this share of rows, or one row, has the same value.
For extreme numbers, rows with an equally or more extreme value are counted."""

COMMON = 0.2
"""A value is common if at least this share of all rows has the value.  A value is rare if at most
the share `TAIL_SHARE` of all rows has the value."""

TIMES = 2.0
"""A common value is not a reason if a rare value of the row contributes this many times as much."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A column that contributes much to a row's score, and its usual values.

    Attributes
    ----------
    column : str
    value : str
        Value of the row, in original units.
    usual : str
        Values of the prototypes near the row, and `fitting`.  Usual values are a range, or a level
        with its share.
    share : float
        Contribution of the column to the row's score, as a share from 0 to 1.
    at : float or None
        Value of the row in the column, on the encoded scale.  The value is None for a category or a
        missing value.
    usual_at : (float, float) or None
        Lowest and highest usual value on the encoded scale.  None for a category.
    is_usual_alone : bool
        Whether the value is usual.  If so, only its combination with other columns is unusual.
    occurs : Occurrence or None
        Number of training rows with the value.  For a number, rows with an equally or more extreme
        value are counted.  The value is None for a number that is not extreme.
    fitting : str or None
        Value that would fit the other columns of the row.  None if the reason is not a broken
        relation between columns.
    is_rule : bool
        Whether the reason is a rule, whose name and text replace column and value.

    See Also
    --------
    Reasons : All reasons of a row.

    Examples
    --------
    >>> from somscape.outliers import Reason
    >>> print(Reason("income", "90000", "1200 to 5400", share=0.7))
    income 90000: usual 1200 to 5400
    """

    column: str
    value: str
    usual: str
    share: float
    at: float | None = None
    usual_at: tuple[float, float] | None = None
    is_usual_alone: bool = False
    occurs: Occurrence | None = None
    fitting: str | None = None
    is_rule: bool = False

    def __str__(self) -> str:
        if self.is_rule:
            return f"{self.column}: {self.value}"
        if self.fitting is not None and self.occurs is None:
            return f"{self.column} {self.value}, but {self._fit}"
        if self.fitting is not None:
            return f"{self.column} {self.value}: {self.occurs}; {self._fit}"
        occurs = "" if self.occurs is None else f"{self.occurs}; "
        return f"{self.column} {self.value}: {occurs}{self._usually}"

    def sentence(self) -> str:
        """Return the reason as a sentence.

        Returns
        -------
        str

        Examples
        --------
        >>> from somscape.outliers import Occurrence, Reason
        >>> Reason("A4", "3", "2 (51 %)", 0.4, occurs=Occurrence(2, 690)).sentence()
        'A4 is 3, which 2 of 690 rows have; usual is 2 (51 %).'
        """
        if self.is_rule:
            return f"{self.column[0].upper()}{self.column[1:]}: {self.value}."
        occurs = "" if self.occurs is None else f", {self.occurs.clause()}"
        if self.fitting is not None:
            joint = ", but" if self.occurs is None else ";"
            return f"{self.column} is {self.value}{occurs}{joint} {self._fit}."
        usual = f"this is {self._usually}" if self.is_usual_alone else f"usual is {self.usual}"
        return f"{self.column} is {self.value}{occurs}; {usual}."

    @property
    def is_rare(self) -> bool:
        """Whether at most 1 % of rows, or one row, have this or a more extreme value."""
        occurs = self.occurs
        return occurs is not None and occurs.n_rows <= max(1.0, RARE * occurs.total)

    @property
    def is_telling(self) -> bool:
        """Whether the value is rare, or does not fit the other columns of the row."""
        return self.is_rare or self.fitting is not None

    @property
    def _fit(self) -> str:
        return f"{self.fitting} would fit the other columns"

    @property
    def _usually(self) -> str:
        alone = f"usual alone ({self.usual}), but not with the other columns"
        return alone if self.is_usual_alone else f"usual {self.usual}"


class Reasons(tuple[Reason, ...]):
    """The reasons of one row.  Rare values and broken relations come first.

    The tuple is empty if no single column stands out.

    See Also
    --------
    Reason : One of the reasons.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> for reason in SOMDetector(random_state=0).fit(X).reasons(X[7:8])[0]:
    ...     print(reason)
    x1 -9: lowest of 100 rows; usual -1.32 to 1.1
    x0 9: highest of 100 rows; usual -0.7 to 1.48
    """

    __slots__ = ()

    def __str__(self) -> str:
        return " | ".join(map(str, self)) or NONE_STANDS_OUT

    def sentence(self) -> str:
        """Return the reasons as sentences.

        Returns
        -------
        str

        Examples
        --------
        >>> from somscape.outliers import Reasons
        >>> Reasons().sentence()
        'No single column stands out; the combination is unusual.'
        """
        whole = f"{NONE_STANDS_OUT[0].upper()}{NONE_STANDS_OUT[1:]}."
        return " ".join(reason.sentence() for reason in self) or whole


def reasons_of(
    detector: Scoring,
    table: Table,
    rows: Floats,
    by_column: Float64s | None = None,
    training: Floats | None = None,
    among: Floats | None = None,
) -> list[Reasons]:
    """Return the reasons of all rows of a table, as `Detector.reasons` does.

    If all training rows are given as `training`, they are counted exactly.  If all ranked rows are
    given as `among`, numbers that are higher or lower than in all other rows come first.
    """
    by_column = detector._contributions_of_rows(rows) if by_column is None else by_column
    whole = detector.of_all_rows
    near, _ = nearest_usual(whole, whole.compared(rows))
    scores = by_column.sum(axis=1)
    share = np.divide(by_column.T, scores, out=np.zeros(by_column.T.shape), where=scores > 0).T
    _leave_out_as_usual(share, detector.map_, near, rows)
    stands_out = _stand_out(detector.mean_contributions, by_column, share)
    means, is_lone = detector.mean_contributions, np.zeros(share.shape, dtype=bool)
    if among is not None and means is not None:
        is_lone = lone_ends(whole.map_.encoding, rows, among) & (by_column >= CLEARLY_MORE * means)
    order = np.argsort(-(share + is_lone), axis=1, kind="stable")[:, :MAX_LOOKED_AT]
    shares = np.take_along_axis(share, order, axis=1)
    found = np.empty(order.shape, dtype=object)
    is_reason = (shares >= MIN_SHARE) | np.take_along_axis(is_lone, order, axis=1)
    implied = _implied(detector, rows, by_column)
    said, encoding = sorted(set(order[is_reason].tolist())), detector.map_.encoding
    if encoding.roles.dictionary:
        names = dict.fromkeys(name for j in said for name in sources_of(encoding.features[j]))
        # Only for these columns, because words for all columns would take much longer.
        detector, table = both_in_words(detector, table.select(names))
    for j in said:
        which = np.nonzero((order == j) & is_reason)
        some = which[0]
        given = table, some, near[some], rows[some], shares[which]
        found[which] = _reasons_by(detector, j, *given, implied=implied[some], training=training)
    reasons = [_most_telling(_without_common(row)) for row in found.tolist()]
    return [
        Reasons(row if is_clear or any(reason.is_rare for reason in row) else ())
        for row, is_clear in zip(reasons, stands_out, strict=True)
    ]


def _without_common(reasons: Sequence[Reason | None]) -> list[Reason]:
    """Return the reasons without common values that contribute much less than a rare value."""
    kept, most = list[Reason](), 0.0  # the largest share of a rare value
    for reason in reasons:
        if reason is None:
            continue
        occurs = reason.occurs
        if reason.share * TIMES > most or occurs is None or occurs.n_rows < COMMON * occurs.total:
            kept.append(reason)
        if occurs is not None and occurs.n_rows <= TAIL_SHARE * occurs.total:
            most = max(most, reason.share)
    return kept


def _most_telling(reasons: Sequence[Reason]) -> list[Reason]:
    """Return the first reasons to show.  Rare values and broken relations come first."""
    return sorted(reasons, key=lambda reason: not reason.is_telling)[:MAX_REASONS]


def _leave_out_as_usual(share: Float64s, map_: Map, near: Ints, rows: Floats) -> None:
    """Set the share of a category to 0 if the row has the most common level of its neighborhood."""
    features, slices = map_.encoding.features, map_.encoding.slices
    may_be_reasons = np.flatnonzero((share >= MIN_SHARE).any(axis=0)).tolist()
    categories = [(j, slices[j]) for j in may_be_reasons if isinstance(features[j], CategoryCode)]
    for part in blocks(len(rows), max(1, BLOCK_VALUES // (near.shape[1] * rows.shape[1]))):
        means = map_.codebook[near[part]].mean(axis=1)
        for j, place in categories:
            prevailing = means[:, place].argmax(axis=1)
            share[part, j][prevailing == rows[part, place].argmax(axis=1)] = 0.0


def _stand_out(means: Float64s | None, by_column: Float64s, share: Float64s) -> Bools:
    """Return which rows contain a column that contributes clearly more to the score than usual."""
    if means is None or not means.sum() > 0 or len(means) == 1:
        return np.ones(len(share), dtype=bool)
    usual = means / means.sum()
    # With odds, a share can also be clearly above a usual share of more than one half.
    is_clear = share * (1 - usual) >= CLEARLY_MORE * usual * (1 - share)
    is_far = by_column >= FAR_MORE * means
    return np.asarray(((share >= MIN_SHARE) & (is_clear | is_far)).any(axis=1))


def _reasons_by(
    detector: Scoring,
    j: int,
    table: Table,
    numbers: Ints,
    near: Ints,
    rows: Floats,
    shares: Float64s,
    *,
    implied: Float64s,
    training: Floats | None,
) -> list[Reason]:
    """Return the reasons in column `j` for the rows with these numbers."""
    code, place = detector.map_.encoding.features[j], detector.map_.encoding.slices[j]
    prototypes, cells = detector.map_.codebook[:, place], rows[:, place]
    is_decorrelated = detector.of_all_rows.decorrelation is not None
    values = values_shown(code, table, numbers, cells)
    fitting: Iterable[str | None] = repeat(None)
    occur: Iterable[Occurrence | None] = repeat(None)
    if detector.counts is not None:
        occur = detector.counts.occurrences(j, code, cells)
        if training is not None:
            occur = counted_exactly(occur, cells[:, 0], training[:, place.start])
        if not isinstance(code, CategoryCode):  # in a category, a missing value is a level
            occur = _unless_missing(values, occur)
    at: Iterable[float | None] = repeat(None)
    usual_at: Iterable[tuple[float, float] | None] = repeat(None)
    are_usual: Iterable[bool] = repeat(False)
    if isinstance(code, CategoryCode | CycleCode):
        usual = code.usual_of(prototypes, near)
    if isinstance(code, CycleCode) and is_decorrelated:
        both = zip(cells, near, strict=True)
        are_usual = [code.is_usual(cell, prototypes[units]) for cell, units in both]
    elif not isinstance(code, CategoryCode | CycleCode):
        mark = mark_of(table, code)
        own, ends, fits = cells[:, 0], prototypes[near, 0].T, implied[:, 1]
        if detector.counts is not None:  # the row itself moves the prototypes near it
            ends = np.clip(ends, *detector.counts.ends(j, own))
        low, high = ends.min(axis=0), ends.max(axis=0)
        # "Highest of all" and "a higher value would fit" contradict each other.
        is_further = ((own > high) & (fits > own)) | ((own < low) & (fits < own))
        implied = np.where(is_further[:, None], np.nan, implied)
        fitting, fits = fitting_values(detector.relation, code, place, implied, mark)
        # A value that would fit is usual.
        low, high = np.fmin(low, fits), np.fmax(high, fits)
        pairs = np.arange(2 * len(low)).reshape(-1, 2)
        usual = code.usual_of(np.column_stack([low, high]).reshape(-1, 1), pairs)
        usual = [spelled(words, mark) for words in usual]
        at = _unless_missing(values, own.tolist())
        usual_at = zip(low.tolist(), high.tolist(), strict=True)
        if is_decorrelated:
            places = zip(low.tolist(), at, high.tolist(), strict=True)
            are_usual = [one is not None and least <= one <= most for least, one, most in places]
    shared = repeat(code.name), values, usual, shares.tolist()
    return list(map(Reason, *shared, at, usual_at, are_usual, occur, fitting))


def _implied(detector: Scoring, rows: Floats, by_column: Float64s) -> Float64s:
    """Return two values for each row: a feature that breaks a relation, and the implied value.

    The feature is NaN if broken relations are less than half of the contribution of its column, or
    if the column hardly depends on the other columns.
    """
    out = np.full((len(rows), 2), np.nan)
    if detector.relation is None:
        return out
    features, values, amounts = detector.relation.implied(rows)
    starts = [place.start for place in detector.map_.encoding.slices]
    columns = np.searchsorted(starts, features, side="right") - 1
    is_main = amounts >= by_column[np.arange(len(rows)), columns] / 2
    is_main &= (amounts > 0) & ~np.isnan(values)
    out[is_main] = np.column_stack([features, values])[is_main]
    return out


def _unless_missing(values: list[str], parts: Iterable[Any]) -> list[Any]:
    """Return the data of each value, with None in place of the data of missing values."""
    return [None if value == NO_CELL else part for value, part in zip(values, parts, strict=True)]
