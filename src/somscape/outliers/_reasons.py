"""Why a row is unusual, in original units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Floats, Ints
from somscape.encode import (
    NO_CELL,
    CategoryCode,
    CycleCode,
    mark_of,
    sources_of,
    table_in_words,
    values_shown,
)
from somscape.maps import Map
from somscape.outliers._counts import TAIL_SHARE, Occurrence
from somscape.outliers._score import nearest_usual
from somscape.tables import Column, Table, table_from_columns

if TYPE_CHECKING:
    from somscape.outliers._detector import Detector

RECORD = "record"
"""Name of the id if the table has no id column: the number of the row, from 1."""

NONE_STANDS_OUT = "no single column stands out; the combination is unusual"
"""Stands where there is no reason."""

MAX_REASONS = 4
MIN_SHARE = 0.05
"""A column that adds less than this share of the score is not a reason."""


BLOCK_VALUES = 1 << 20
"""Values of prototypes near some rows in memory at once."""

CLEARLY_MORE = 2.0
"""A column stands out where the odds of its share are this many times those of usual rows."""

FAR_MORE = 4.0
"""Or where it adds this many times as much to the score as it does in usual rows."""

RARE = 0.01
"""Or where no more than this share of the rows have its value, or one as far out."""

COMMON = 0.2
"""Share of the rows from which a value is common.  One of at most `TAIL_SHARE` is rare."""

TIMES = 2.0
"""A common value is not named where a rare one adds at least this many times its part."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A column with a large share of a score, the row's value, and what is usual.

    Attributes
    ----------
    column : str
    value : str
        The row's value, in original units.
    usual : str
        Values of the prototypes near the row: a range, or a level with its share.
    share : float
        Share of the score, from 0 to 1.
    at : float or None
        The value on the column's encoded scale; None for a category or a missing value.
    usual_at : (float, float) or None
        Ends of the usual range on that scale; None for a category.
    is_usual_alone : bool
        Whether the value lies in that range, and is unusual only with the other columns.
    occurs : Occurrence or None
        How many of the training rows have the value, or one as far out; None for a number that
        lies among most others.

    See Also
    --------
    Reasons : All of a row.

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

    def __str__(self) -> str:
        occurs = "" if self.occurs is None else f"{self.occurs}; "
        return f"{self.column} {self.value}: {occurs}usual {self.usual}{self._but}"

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
        occurs = "" if self.occurs is None else f", {self.occurs.clause()}"
        return f"{self.column} is {self.value}{occurs}; usual is {self.usual}{self._but}."

    @property
    def is_rare(self) -> bool:
        """Whether hardly any of the training rows have the value, or one as far out."""
        occurs = self.occurs
        return occurs is not None and occurs.n_rows <= max(1.0, RARE * occurs.total)

    @property
    def _but(self) -> str:
        return ", but not with the other columns" if self.is_usual_alone else ""


class Reasons(tuple[Reason, ...]):
    """The reasons of one row, the largest first; none if no single column stands out.

    See Also
    --------
    Reason : One of them.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> print(SOMDetector(random_state=0).fit(X).reasons(X[7:8])[0])
    x1 -9: lowest of 100 rows; usual -1.32 to 1.24 | x0 9: highest of 100 rows; usual -1.02 to 1.4
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
    detector: "Detector", table: Table, rows: Floats, by_column: Float64s | None = None
) -> list[Reasons]:
    """Return the reasons of all rows of a table; see `Detector.reasons`."""
    by_column = detector.contributions_of_rows(rows) if by_column is None else by_column
    whole = detector.of_all_rows
    near, _ = nearest_usual(whole, whole.compared(rows))
    scores = by_column.sum(axis=1)
    share = np.divide(by_column.T, scores, out=np.zeros(by_column.T.shape), where=scores > 0).T
    _leave_out_as_usual(share, detector.map_, near, rows)
    stands_out = _stand_out(detector.mean_contributions, by_column, share)
    order = np.argsort(-share, axis=1, kind="stable")[:, :MAX_REASONS]
    shares = np.take_along_axis(share, order, axis=1)
    found, is_reason = np.empty(order.shape, dtype=object), shares >= MIN_SHARE
    said, encoding = sorted(set(order[is_reason].tolist())), detector.map_.encoding
    if encoding.roles.dictionary:
        names = dict.fromkeys(name for j in said for name in sources_of(encoding.features[j]))
        # These columns alone: words for all would take as long as the rest of a single row.
        detector, table = both_in_words(detector, table.select(names))
    for j in said:
        which = np.nonzero((order == j) & is_reason)
        column = _Described(detector, j, near, rows)
        found[which] = column.reasons(table, which[0], shares[which])
    reasons = [_without_common(row) for row in found.tolist()]
    return [
        Reasons(row if is_clear or any(reason.is_rare for reason in row) else ())
        for row, is_clear in zip(reasons, stands_out, strict=True)
    ]


def _without_common(reasons: Sequence[Reason | None]) -> list[Reason]:
    """Return the reasons there are, without common values where a rare one explains much more."""
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


def _leave_out_as_usual(share: Float64s, map_: Map, near: Ints, rows: Floats) -> None:
    """Take away the shares of categories whose level is the one that prevails near a row."""
    features, slices = map_.encoding.features, map_.encoding.slices
    may_be_reasons = np.flatnonzero((share >= MIN_SHARE).any(axis=0)).tolist()
    categories = [(j, slices[j]) for j in may_be_reasons if isinstance(features[j], CategoryCode)]
    for part in blocks(len(rows), max(1, BLOCK_VALUES // (near.shape[1] * rows.shape[1]))):
        means = map_.codebook[near[part]].mean(axis=1)
        for j, place in categories:
            prevailing = means[:, place].argmax(axis=1)
            share[part, j][prevailing == rows[part, place].argmax(axis=1)] = 0.0


def _stand_out(means: Float64s | None, by_column: Float64s, share: Float64s) -> NDArray[np.bool_]:
    """Return in which rows a column stands out from what it adds in usual rows."""
    if means is None or not means.sum() > 0 or len(means) == 1:
        return np.ones(len(share), dtype=bool)
    usual = means / means.sum()
    # Odds, so that a share may be clearly above one half, too.
    is_clear = share * (1 - usual) >= CLEARLY_MORE * usual * (1 - share)
    is_far = by_column >= FAR_MORE * means
    return np.asarray(((share >= MIN_SHARE) & (is_clear | is_far)).any(axis=1))


class _Described:
    """What is said of one column: values of rows, and what is usual near them."""

    def __init__(self, detector: "Detector", j: int, near: Ints, rows: Floats) -> None:
        encoding = detector.map_.encoding
        self._code, part = encoding.features[j], encoding.slices[j]
        self._prototypes, self._near = detector.map_.codebook[:, part], near
        self._is_decorrelated = detector.of_all_rows.decorrelation is not None
        self._rows = rows[:, part]
        self._counts, self._number = detector.counts, j

    def reasons(self, table: Table, which: Ints, shares: Float64s) -> list[Reason]:
        """Return the column as a reason of some rows."""
        code, name = self._code, self._code.name
        values = values_shown(code, table, which, self._rows[which])
        occur = self._occurrences(which, values)
        near = self._near[which]
        usual = code.usual_of(self._prototypes, near)
        if isinstance(code, CategoryCode):
            none = repeat(None)
            shared = (repeat(name), values, usual, shares.tolist(), none, none)
            return list(map(Reason, *shared, repeat(False), occur))
        if isinstance(code, CycleCode):
            are_usual = (
                self._is_decorrelated and code.is_usual(self._rows[row], self._prototypes[units])
                for row, units in zip(which, near, strict=True)
            )
            none = repeat(None)
            shared = (repeat(name), values, usual, shares.tolist(), none, none)
            return list(map(Reason, *shared, are_usual, occur))
        mark = mark_of(table, code)
        if mark != ".":
            usual = [words.replace(".", mark) for words in usual]
        ends = self._prototypes[near, 0]
        found = zip(
            *(values, usual, shares.tolist(), self._rows[which, 0].tolist()),
            *(ends.min(axis=1).tolist(), ends.max(axis=1).tolist(), occur),
            strict=True,
        )
        made = []
        for value, words, share, place, low, high, one in found:
            at = None if value == NO_CELL else place
            is_usual = self._is_decorrelated and at is not None and low <= at <= high
            made.append(Reason(name, value, words, share, at, (low, high), is_usual, one))
        return made

    def _occurrences(self, which: Ints, values: list[str]) -> list[Occurrence | None]:
        """Return how many training rows have what some rows have in the column."""
        if self._counts is None:
            return [None] * len(which)
        found = self._counts.occurrences(self._number, self._code, self._rows[which])
        if isinstance(self._code, CategoryCode):
            return found  # a missing cell is a level, too
        return [None if value == NO_CELL else one for value, one in zip(values, found, strict=True)]


class Ids(Sequence[str]):
    """The ids of some rows, made as they are asked for: few of a million are shown.

    Parameters
    ----------
    column : Column or None
        The id column; None: the numbers of the rows, from 1.
    rows : ndarray of shape (n_ids,)
        Numbers of the rows in the table, from 0.
    """

    def __init__(self, column: Column | None, rows: Ints) -> None:
        self._column, self._rows = column, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return repr(list(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(Ids(self._column, self._rows[place]))
        if self._column is None:
            return str(self._rows[place] + 1)
        row = int(self._rows[place])
        return self._column.cell(row) or f"{RECORD} {row + 1}"

    def __iter__(self) -> Iterator[str]:
        if self._column is None:
            return map(str, (self._rows + 1).tolist())
        cells = self._column.take(self._rows).each_cell()
        pairs = zip(cells, self._rows, strict=True)
        return (cell or f"{RECORD} {row + 1}" for cell, row in pairs)

    @property
    def are_unique(self) -> bool:
        """Whether no two rows of the table have the same id."""
        column = self._column
        return column is None or column.n_distinct + column.n_missing == len(column)

    def take(self, places: Ints) -> "Ids":
        """Return the ids at some places."""
        return Ids(self._column, self._rows[places])


def ids_of(map_: Map, table: Table, rows: Ints | None = None) -> tuple[str, Ids]:
    """Return the name of the id column and the ids of rows."""
    rows = np.arange(table.n_rows) if rows is None else rows
    name = map_.encoding.named("id")
    if name is not None and name in table.names:
        return name, Ids(table.column(name), rows)
    return RECORD, Ids(None, rows)


def ids_column(map_: Map, table: Table, rows: Ints) -> Column:
    """Return the ids of some rows as a column of the table's own type."""
    name = map_.encoding.named("id")
    if name is not None and name in table.names:
        column = table.column(name).take(rows)
        if not column.n_missing:
            return column
        return table_from_columns({name: ids_of(map_, table)[1].take(rows)}).columns[0]
    return table_from_columns({RECORD: rows + 1}).columns[0]


def both_in_words(detector: "Detector", table: Table) -> tuple["Detector", Table]:
    """Return a detector and a table with words for columns and codes."""
    encoding = detector.map_.encoding
    if not encoding.roles.dictionary:
        return detector, table
    return detector.in_words, table_in_words(encoding, table)
