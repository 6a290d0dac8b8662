"""How many of the training rows have a value, or lie as far out.

A fitted detector keeps no rows.  Of each column it keeps how many rows have each value, where these
are few, and else how many lie beyond values of the outer 5 % on each side: the first 16 values,
then ever fewer.  What the score adds for a rare value (`Rarity`) is smoothed, and so gives no
counts back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any, TypeAlias

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Floats, Ints
from somscape._weights import Counted, counts_of
from somscape.encode import CategoryCode, CycleCode, DateCode, Encoding, FeatureCode
from somscape.kernels import in_threads
from somscape.outliers._arrays import is_array

MAX_KEPT = 32
"""Different values of a column up to which all of them are kept."""

FEW_VALUES = 12
"""Different values of a number up to which each is counted by itself, like a level."""

TAIL_SHARE = 0.05
"""Share of the rows on each side that counts as far out."""

EACH_KEPT, GROWTH = 16, 1.25
"""Values that are kept one by one from an end, and by how much the steps grow from there."""

FIRST_LOOK, LOOSE_SHARE = 20_000, 0.065
"""Rows that show whether a column has many values, and where somewhat more than its tails begin."""

MARGIN = 1e-9
"""Part by which tails have more rows than count as far out: sums of parts of rows are rounded."""

COUNTED_VALUES = 1 << 20
"""Values looked at at once; a quarter takes a tenth longer, and so do four times as many."""

SIDES = {
    "high": "highest",
    "low": "lowest",
    "late": "latest",
    "early": "earliest",
    "": "",
}

Knots: TypeAlias = tuple[Float64s, Float64s, Float64s]
"""Values of a column, and how many rows are below and up to each."""

_Part: TypeAlias = tuple[Floats, Float64s | None]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """How many rows have a value, or one as far out.

    Attributes
    ----------
    n_rows : float
        Of the training rows; the largest number that it can be, if it is not `is_exact`.
    total : float
        All training rows.
    side : {"", "high", "low", "late", "early"}
        On which side rows as far out are counted; empty: rows with the very value.
    is_exact : bool

    See Also
    --------
    Reason : Has one.

    Examples
    --------
    >>> from somscape.outliers import Occurrence
    >>> Occurrence(n_rows=1, total=100, side="high").is_exact
    True
    """

    n_rows: float
    total: float
    side: str = ""
    is_exact: bool = True

    def __str__(self) -> str:
        if self._is_extreme:
            return f"{SIDES[self.side]} of {_whole(self.total)} rows"
        return f"{self._share} this {self.side}" if self.side else self._share

    def clause(self) -> str:
        """Return the same as a part of a sentence about the value."""
        if self._is_extreme:
            return f"the {self}"
        verb = "is" if self.n_rows <= 1 else "are"
        if self.side:
            return f"{self._share} {verb} this {self.side}"
        return f"which {self._share} {'has' if self.n_rows <= 1 else 'have'}"

    @property
    def _is_extreme(self) -> bool:
        return bool(self.side) and self.n_rows == 1 and self.is_exact

    @property
    def _share(self) -> str:
        bound = "" if self.is_exact else "at most "
        n = _whole(self.n_rows) if self.n_rows else "none"
        return f"{bound}{n} of {_whole(self.total)} rows"


def _whole(n: float) -> str:
    return f"{ceil(n - 1e-9):,}"


@dataclass(frozen=True, eq=False)
class ValueCounts:
    """How many training rows have which values, by feature column.

    Attributes
    ----------
    starts : ndarray of shape (n_columns + 1,), int64
        Where the values of each column begin, and where the last ones end.
    values : ndarray of shape (n,), float64
        Encoded values of each column, ascending; numbers of levels for categories and circles.
    below, upto : ndarray of shape (n,), float64
        How many rows have a smaller value, and how many have one up to this.
    """

    starts: Ints
    values: Float64s
    below: Float64s
    upto: Float64s

    def check(self, n_columns: int) -> None:
        """Raise ValueError if the parts do not fit together, or that many columns."""
        n = len(self.values) if is_array(self.values, (-1,), "f") else 0
        fits = (
            is_array(self.starts, (n_columns + 1,), "i")
            and self.starts[0] == 0
            and self.starts[-1] == n
            and bool((np.diff(self.starts) >= 0).all())
            and is_array(self.below, (n,), "f")
            and is_array(self.upto, (n,), "f")
        )
        if not fits or not all(_are_counts(*knots) for knots in self._each()):
            raise ValueError(
                "`counts` must have for each column values in ascending order, with the number of "
                "rows below and up to each."
            )

    def _of_levels(self, j: int) -> tuple[dict[float, Occurrence], Occurrence]:
        """Return how many rows have each level of a category, and what a level of no row has."""
        if j not in self._made:  # once: a service asks row by row
            values, below, upto = self._of(j)
            total = float(upto[-1])
            pairs = zip(values.tolist(), (upto - below).tolist(), strict=True)
            found = {value: Occurrence(n, total) for value, n in pairs}
            self._made[j] = found, Occurrence(0.0, total)
        return self._made[j]

    @cached_property
    def _made(self) -> dict[int, tuple[dict[float, Occurrence], Occurrence]]:
        return {}

    @cached_property
    def _has_no_gap(self) -> list[bool]:
        """Whether all values of each column were kept."""
        return [np.array_equal(below[1:], upto[:-1]) for _, below, upto in self._each()]

    def _each(self) -> Iterator[Knots]:
        return (self._of(j) for j in range(len(self.starts) - 1))

    def _of(self, j: int) -> Knots:
        part = slice(int(self.starts[j]), int(self.starts[j + 1]))
        return self.values[part], self.below[part], self.upto[part]

    def occurrences(self, j: int, code: FeatureCode, rows: Floats) -> list[Occurrence | None]:
        """Return how many training rows have the values that some rows have in a column."""
        values, below, upto = self._of(j)
        if not len(values):
            return [None] * len(rows)
        asked = _values(code, rows).astype(np.float64)
        if isinstance(code, CategoryCode):
            found, of_none = self._of_levels(j)
            return [found.get(level, of_none) for level in asked.tolist()]
        total, places = float(upto[-1]), np.searchsorted(values, asked)
        has_levels = isinstance(code, CycleCode)
        is_each = has_levels or (len(values) <= FEW_VALUES and self._has_no_gap[j])
        high, low = ("late", "early") if isinstance(code, DateCode) else ("high", "low")
        inside = np.minimum(places, len(values) - 1)
        keys = (2 * places + (values[inside] == asked)).tolist()

        def made(key: int) -> Occurrence | None:
            i, is_there = divmod(key, 2)
            if is_each:
                return Occurrence(float(upto[i] - below[i]) if is_there else 0.0, total)
            under = float(upto[i] if is_there else below[i] if i < len(values) else total)
            over = total - float(below[i] if is_there else upto[i - 1] if i else 0.0)
            is_exact = bool(is_there) or under + over == total
            one = Occurrence(min(under, over), total, high if over <= under else low, is_exact)
            return one if one.n_rows <= TAIL_SHARE * total else None

        different = {key: made(key) for key in set(keys)}  # values between the same knots are alike
        return [different[key] for key in keys]


def _are_counts(values: Float64s, below: Float64s, upto: Float64s) -> bool:
    rises = (np.diff(values) > 0).all() and (below[1:] >= upto[:-1]).all()
    return bool(rises and (below <= upto).all() and (not len(below) or below[0] == 0))


def value_counts(
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    known: Mapping[int, Knots] | None = None,
) -> ValueCounts:
    """Count values of rows."""
    counts = counts_of(weights)
    columns = list(zip(encoding.features, encoding.slices, strict=True))
    known = known or {}
    tails = _tails({j: c for j, c in enumerate(columns) if j not in known}, rows, counts)
    total = float(len(rows)) if counts is None else float(counts.sum())

    def knots_of(j: int) -> Knots:
        if j in known:
            return known[j]
        if j in tails:
            return _knots_of_tails(*tails[j], total)
        code, place = columns[j]
        values = np.ascontiguousarray(_values(code, rows[:, place]))
        is_there = np.isfinite(values)
        return _knots(values[is_there], None if counts is None else counts[is_there])

    found = in_threads(knots_of, range(len(columns)), is_long=len(rows) > FIRST_LOOK)
    starts = np.cumsum([0, *(len(values) for values, _, _ in found)], dtype=np.int64)
    values, below, upto = (
        np.concatenate([np.empty(0), *parts]) for parts in zip(*found, strict=True)
    )
    return ValueCounts(starts, values.astype(np.float64) + 0.0, below, upto)  # -0.0 is 0.0


def _values(code: FeatureCode, rows: Floats) -> Floats:
    """Return one value of each row: a level's number, or the number itself."""
    if isinstance(code, CategoryCode):
        return rows.argmax(axis=1).astype(np.float64)
    if isinstance(code, CycleCode):
        return code.as_category(rows)[1].argmax(axis=1).astype(np.float64)
    return rows[:, 0]


def _knots(values: Floats, counts: Float64s | None) -> Knots:
    """Return the values that are kept, and how many rows are below and up to each."""
    if not len(values):
        return np.empty(0), np.empty(0), np.empty(0)
    counted = Counted.of(values, counts)
    # The same sums below a value and up to the one before it: parts of rows are rounded.
    upto = np.cumsum(np.diff(counted.ends, prepend=0.0))
    below, x = np.append(0.0, upto[:-1]), counted.values.astype(np.float64)
    if len(x) <= MAX_KEPT:
        return x, below, upto
    most = TAIL_SHARE * counted.n
    n_low = int(np.count_nonzero(upto <= most))
    n_high = int(np.count_nonzero(counted.n - below <= most))
    chosen = np.unique(np.append(_few_of(n_low), len(x) - 1 - _few_of(n_high)))
    return x[chosen], below[chosen], upto[chosen]


def knots_of_ends(low: Float64s, high: Float64s, n_rows: int) -> Knots | None:
    """Count the values of a column by its outer ones alone."""
    if min(len(low), len(high)) <= TAIL_SHARE * n_rows * (1 + MARGIN):
        return None
    n_different = 2 + sum(np.count_nonzero(each[1:] != each[:-1]) for each in (low, high))
    if n_different <= MAX_KEPT:
        return None
    most = TAIL_SHARE * n_rows
    return _of_both(_from_first(low, most), _from_first(-high[::-1], most), float(n_rows))


def _knots_of_tails(low: _Part, high: _Part, total: float) -> Knots:
    """Return the same by the low and the high values alone, which are more than those far out."""
    most = TAIL_SHARE * total
    return _of_both(_from_end(*low, most), _from_end(-high[0], high[1], most), total)


def _of_both(low: Knots, high: Knots, total: float) -> Knots:
    """Return the knots of the low values and of the high ones, which are turned, together."""
    (x, below, upto), (turned, above, over) = low, high
    return (
        np.append(x, -turned[::-1]),
        np.append(below, total - over[::-1]),
        np.append(upto, total - above[::-1]),
    )


def _from_end(values: Floats, counts: Float64s | None, most: float) -> Knots:
    """Return those of the lowest values that are kept, up to the first one past `most` rows."""
    if counts is None:
        return _from_first(np.sort(values), most)
    counted = Counted.of(values, counts)
    ends = np.cumsum(np.diff(counted.ends, prepend=0.0))
    return _chosen(counted.values, ends, most)


def _from_first(ascending: Floats, most: float) -> Knots:
    """Return the same of values in order."""
    last = np.flatnonzero(np.append(ascending[1:] != ascending[:-1], True))
    return _chosen(ascending[last], last + 1, most)


def _chosen(different: Floats, ends: Float64s | Ints, most: float) -> Knots:
    """Return those that are kept of different values, of which `ends` rows have one up to each."""
    chosen = _few_of(int(np.searchsorted(ends, most, "right")))
    below = np.where(chosen > 0, ends[chosen - 1], 0)
    return (
        different[chosen].astype(np.float64),
        below.astype(np.float64),
        ends[chosen].astype(np.float64),
    )


def _tails(
    columns: Mapping[int, tuple[FeatureCode, slice]], rows: Floats, counts: Float64s | None
) -> dict[int, tuple[_Part, _Part]]:
    """Return the low and the high values of columns of many values, by number of the column."""
    n, ends = len(rows), _loose_ends(columns, rows)
    if not ends:
        return {}
    places = [columns[j][1].start for j in ends]

    def far_out(block: slice) -> tuple[Any, list[list[_Part]]]:
        own, by_column = None if counts is None else counts[block], rows[block].T[places]
        parts = [
            [
                (values[is_far], None if own is None else own[is_far])
                for is_far in (values <= low, values >= high)
            ]
            for values, (low, high) in zip(by_column, ends.values(), strict=True)
        ]
        return np.isfinite(by_column).all(axis=1), parts

    each = in_threads(far_out, blocks(n, max(1, COUNTED_VALUES // len(places))))
    is_whole = np.all([is_finite for is_finite, _ in each], axis=0)
    found = {
        j: (
            _joined([parts[i][0] for _, parts in each]),
            _joined([parts[i][1] for _, parts in each]),
        )
        for i, j in enumerate(ends)
        if is_whole[i]
    }
    total = float(n) if counts is None else float(counts.sum())
    least = TAIL_SHARE * total * (1 + MARGIN)
    return {j: both for j, both in found.items() if min(map(_n_rows_of, both)) > least}


def _n_rows_of(part: _Part) -> float:
    values, counts = part
    return float(len(values)) if counts is None else float(counts.sum())


def _loose_ends(
    columns: Mapping[int, tuple[FeatureCode, slice]], rows: Floats
) -> dict[int, tuple[float, float]]:
    """Return where somewhat more than the tails begin, by number of a column of many values."""
    if len(rows) <= FIRST_LOOK or not columns:
        return {}
    found, some = {}, rows[:: -(-len(rows) // FIRST_LOOK)]
    k = int(LOOSE_SHARE * len(some))
    for j, (code, place) in columns.items():
        values = np.sort(some[:, place.start])
        # Of few values, or where one has nearly all rows, the two sides meet.
        is_wide = values[k] < values[-1 - k] and np.count_nonzero(np.diff(values)) >= MAX_KEPT
        if is_wide and not isinstance(code, CategoryCode | CycleCode) and np.isfinite(values[-1]):
            found[j] = (values[k], values[-1 - k])
    return found


def _joined(parts: list[_Part]) -> _Part:
    counts = [own for _, own in parts if own is not None]
    return np.concatenate([v for v, _ in parts]), np.concatenate(counts) if counts else None


def _few_of(n: int) -> Ints:
    """Return places from an end, 0, up to n: one by one, then in growing steps."""
    each = np.arange(min(EACH_KEPT, n + 1))
    n_more = max(0, ceil(np.log(max(n, 1) / EACH_KEPT) / np.log(GROWTH)))
    more = np.rint(EACH_KEPT * GROWTH ** np.arange(n_more)).astype(np.intp)
    return np.unique(np.concatenate([each, more[more <= n], [n]]))
