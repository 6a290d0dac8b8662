"""Features of customers: the tables of features, and the grouped rows from which they are computed.

To add a feature, add one line to `MOMENTS`, `DATES`, `NUMBERS` or `CATEGORIES`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.tables._cells import ALL, WORDS_FROM, PlainTexts
from somscape.tables._late import pa, pc
from somscape.tables._messages import quoted
from somscape.tables.codes import as_numbers
from somscape.tables.column import MONEY_DECIMALS, Column, spelled, spelling_of

Bools = NDArray[np.bool_]

NO_GROUP = -1
"""Number in place of the customer's number for a row whose key is missing."""

MAX_DECIMALS = 6
"""Maximum number of decimals of a column's numbers at which sums of these numbers are rounded."""

SPELLED = 1000
"""Maximum number of cells in which decimals are counted."""

DIGITS = 6
"""Minimum number of significant digits to which a mean is rounded."""

SHORT_DIGITS = 3
"""Minimum number of significant digits to which numbers of days and ratios are rounded."""

HOUR, DAY = 3600, 86_400
"""Seconds in an hour and in a day."""

NIGHT_ENDS = 6 * HOUR
"""Second of the day at which the night ends. It begins at midnight."""

LATE = 7 * DAY
"""Length of the last part of a customer's rows, which is compared with the earlier rows."""

JUST_BELOW = 0.9
"""Smallest share of a limit at which a number is just below the limit."""

MAX_SHARES = 5
"""Maximum number of levels of a category for which a column of shares is made."""

MIN_SHARE = 0.05
"""Minimum share of a level among all rows at which a column of shares is made for the level."""


@dataclass(frozen=True)
class Feature:
    """A column of customers that is made from the rows of each customer.

    Attributes
    ----------
    name : str
        Name, in which {column}, {columns} and {value} are replaced.
    values : callable
        Function of the grouped rows (and of the text in place of {value}) that returns one value
        for each customer.
    kind : {"number", "category", "date"}
    unit : {"", "own", "share", "days"}
        Unit of the values.  "own" is the unit of the column that is aggregated.
    is_made : callable
        Function of the grouped rows that returns whether the feature is made.  If the feature is
        asked for by name, this function is not called.
    is_historic : bool
        Whether the feature needs the moments of the rows.
    texts : callable or None
        Function of the grouped rows that returns the texts in place of {value}.
    """

    name: str
    values: Callable[..., Any]
    kind: str = "number"
    unit: str = ""
    is_made: Callable[[Any], bool] = lambda _: True
    is_historic: bool = False
    texts: Callable[[Any], list[str]] | None = None

    def called(self, column: str, value: str = "") -> str:
        """Return the name of the feature for a column of the rows."""
        return self.name.format(column=column, columns=plural(column), value=value)


def plural(name: str) -> str:
    """Return the name of a column in plural, or "values of NAME" if it is not a usual word."""
    if not is_word(name) or name[-1] in "sxz" or name.endswith(("ch", "sh")):
        return f"values of {name}"
    is_y = name.endswith("y") and name[-2:-1] not in "aeiou"
    return f"{name[:-1]}ies" if is_y else f"{name}s"


def is_word(name: str) -> bool:
    """Return whether a name has only small letters."""
    return name.isascii() and name.isalpha() and name.islower()


def codes_of(column: Column) -> tuple[Ints, list[str]]:
    """Return the index of each row's value (-1 if missing), and the distinct values as texts."""
    if column.numbers is None or not column.is_exact:
        codes, texts = column.coded()
        return codes.astype(np.intp), texts
    # Adding 0.0 makes -0.0 equal to 0.0.
    coded = pa.array(column.numbers + 0.0, mask=column.missing).dictionary_encode()
    texts = [str(int(v)) if v.is_integer() else str(v) for v in coded.dictionary.to_pylist()]
    return _indices(coded), texts


def grouped_rows(columns: Sequence[Column]) -> tuple[Ints, Ints]:
    """Return the number of each row's group, and the number of each group's first row."""
    groups = np.zeros(len(columns[0]), dtype=np.intp)
    is_missing = np.zeros(len(groups), dtype=bool)
    for column in columns:
        codes, values = codes_of(column)
        is_missing |= codes < 0
        joint = groups * len(values) + codes
        groups = _indices(pa.array(joint, mask=is_missing).dictionary_encode())
    return groups, first_rows(groups, ~is_missing, int(groups.max(initial=NO_GROUP)) + 1)


def first_rows(groups: Ints, is_asked: NDArray[np.bool_], n_groups: int) -> Ints:
    """Return each group's first row for which `is_asked` is true, or -1 without such a row."""
    first = np.full(n_groups, -1, dtype=np.intp)
    rows = np.flatnonzero(is_asked & (groups >= 0))[::-1]
    first[groups[rows]] = rows  # the last assignment, for the first row, remains
    return first


def _indices(coded: Any) -> Ints:
    return np.asarray(coded.indices.fill_null(NO_GROUP)).astype(np.intp)


def by_group(values: Float64s, groups: Ints, n_groups: int, *hows: str) -> list[Float64s]:
    """Return aggregates such as the sum of the values of each group, or NaN for empty groups."""
    is_there = (groups >= 0) & ~np.isnan(values)
    table = pa.table({"group": groups[is_there], "value": values[is_there]})
    # Threads would add the values in a random order.
    found = table.group_by("group", use_threads=False).aggregate([("value", h) for h in hows])
    answers = np.full((len(hows), n_groups), np.nan)
    for answer, how in zip(answers, hows, strict=True):
        answer[found["group"].to_numpy()] = found[f"value_{how}"].to_numpy()
    return list(answers)


class GroupedNumbers:
    """The total, mean, largest and smallest number in each group of rows, for one column."""

    def __init__(self, column: Column, groups: Ints, n_groups: int) -> None:
        numbers = as_numbers(column, may_be_padded=True).numbers
        if numbers is None:
            raise InputError(
                column.problem
                or f"Column {quoted(column.name)} contains text, which cannot be added. Give"
                " numbers.",
                column=column.name,
            )
        hows = ("sum", "mean", "max", "min")
        total, mean, self.largest, self.smallest = by_group(numbers, groups, n_groups, *hows)
        if np.isinf(total).any():
            raise InputError(
                f"The sum of column {quoted(column.name)} in one group is too large for"
                " floating-point numbers. Correct the largest number, or leave out the column.",
                column=column.name,
            )
        self._column, self._n_decimals = column, (n := _n_decimals(numbers))
        if n is not None:
            total, mean = np.round(total, n), rounded(mean, n + 2)
        self.numbers, self.total, self.mean = numbers, total, mean
        self._groups, self._n_groups = groups, n_groups
        self.are_constant = bool((self.largest == self.smallest)[~np.isnan(total)].all())
        self.has_negatives = bool((self.smallest < 0).any())

    def spelled(self, values: Float64s) -> Column | Float64s:
        """Return values with the decimals and separators of the column, such as "9000.00"."""
        if self._n_decimals is None or (np.abs(values) >= 1e15).any():
            return values
        mark = spelling_of(self._column)
        n = max(self._n_decimals, _n_spelled(self._column, mark[0]))
        if n < MONEY_DECIMALS and not np.array_equal(np.round(values, n), values, equal_nan=True):
            return values
        values = values + 0.0  # adding 0.0 makes -0.0 equal to 0.0
        decimals = np.where(np.isnan(values), WORDS_FROM, n).astype(np.uint8)
        texts = PlainTexts(values, decimals)
        if mark == ".":
            return Column("", texts, numbers=values)
        cells = [None if cell is None else spelled(cell, mark) for cell in texts.to_list(ALL)]
        return Column("", np.array(cells, dtype=object), numbers=values, style=self._column.style)

    @property
    def times_median(self) -> Float64s:
        """The largest size of a number in each group, divided by the median of the sizes."""
        sizes = np.abs(self.numbers)
        middle = medians(sizes, self._groups, self._n_groups)
        return ratio(np.fmax(np.abs(self.largest), np.abs(self.smallest)), middle)

    @property
    def times_second(self) -> Float64s:
        """The largest size of a number in each group, divided by the second largest."""
        largest = np.fmax(np.abs(self.largest), np.abs(self.smallest))
        sizes = np.where(self._groups >= 0, np.abs(self.numbers), np.nan)
        first = first_rows(self._groups, sizes == largest[self._groups], self._n_groups)
        sizes[first[first >= 0]] = np.nan
        return ratio(largest, by_group(sizes, self._groups, self._n_groups, "max")[0])

    def share_below(self, limit: str) -> Float64s:
        """Return the share of the numbers in each group that are just below a limit."""
        is_there = (self._groups >= 0) & ~np.isnan(self.numbers)
        numbers, high = self.numbers[is_there], float(limit)
        is_below = (numbers >= high - abs(high) * (1 - JUST_BELOW)) & (numbers < high)
        return _share(is_below, self._groups[is_there], self._n_groups)


class Levels:
    """How many levels of a category occur in each group of rows, and how often."""

    def __init__(self, codes: Ints, levels: list[str], groups: Ints, n_groups: int) -> None:
        self.levels, self.n_groups = levels, n_groups
        is_there = (codes >= 0) & (groups >= 0)
        n_levels = max(1, len(self.levels))
        pairs = groups[is_there] * n_levels + codes[is_there]
        counted = pc.value_counts(pa.array(pairs))
        self._group, self._level = np.divmod(counted.field("values").to_numpy(), n_levels)
        self._count = counted.field("counts").to_numpy()
        totals = np.bincount(self._level, weights=self._count, minlength=len(self.levels))
        self.order = np.argsort(-totals, kind="stable")
        """Indices of the levels in order of their frequency in all rows (most frequent first)."""
        self.shares = totals[self.order] / max(1, totals.sum())
        """Share of each level among all values, in the same order as `order`."""
        self.n_different = np.bincount(self._group, minlength=n_groups)
        self.are_constant = not (self.n_different > 1).any()

    @property
    def most(self) -> Float64s:
        """Number of rows with the most frequent level of each group, or NaN without values."""
        most = np.full(self.n_groups, -1, dtype=np.intp)
        np.maximum.at(most, self._group, self._count)
        return np.where(most < 0, np.nan, most)

    @property
    def frequent(self) -> list[str]:
        """Levels with a column of shares: the most frequent ones.

        If these are nearly all rows, the shares of the other levels imply the share of the most
        frequent level, and this level is left out.
        """
        n = min(int((self.shares >= MIN_SHARE).sum()), MAX_SHARES)
        n = max(n, 2) if len(self.levels) == 2 else n
        is_implied = n > 1 and self.shares[:n].sum() >= 1 - MIN_SHARE
        return [self.levels[i] for i in self.order[int(is_implied) : n]]

    def share(self, level: str) -> Float64s:
        """Return a level's share among the values of each group, or NaN without values."""
        with_level = np.zeros(self.n_groups)
        if level in self.levels:
            is_level = self._level == self.levels.index(level)
            with_level[self._group[is_level]] = self._count[is_level]
        return self._share_of(with_level)

    @property
    def mean_count(self) -> Float64s:
        """Mean number of rows with each different level of a group."""
        total = np.bincount(self._group, self._count, self.n_groups)
        return ratio(total.astype(np.float64), self.n_different.astype(np.float64))

    @property
    def n_levels(self) -> int:
        """Number of levels."""
        return len(self.levels)

    @property
    def mean_prevalence(self) -> Float64s:
        """Mean over the rows of each group of the share of all groups that have the row's level."""
        n_with_level = np.bincount(self._level, minlength=len(self.levels))
        share = n_with_level / max(1, len(np.unique(self._group)))
        weights = self._count * share[self._level]
        return self._share_of(np.bincount(self._group, weights, self.n_groups).astype(np.float64))

    def _share_of(self, counts: Float64s) -> Float64s:
        total = np.bincount(self._group, weights=self._count, minlength=self.n_groups)
        with np.errstate(invalid="ignore"):  # 0 / 0 gives the wanted NaN
            return np.round(counts / total, 4)

    def most_common(self) -> list[str | None]:
        """Return each group's most frequent level (in a tie, the most frequent in all rows)."""
        place = np.empty(len(self.order), dtype=np.intp)
        place[self.order] = np.arange(len(place))
        best_first = np.lexsort((place[self._level], -self._count, self._group))
        found, at = np.unique(self._group[best_first], return_index=True)
        answer: list[str | None] = [None] * self.n_groups
        for group, level in zip(found.tolist(), self._level[best_first[at]].tolist(), strict=True):
            answer[group] = self.levels[level]
        return answer


class GroupedDates:
    """The first date, the last date, and the gaps between dates in each group of rows."""

    def __init__(self, seconds: Float64s, groups: Ints, n_groups: int) -> None:
        first, last = by_group(seconds, groups, n_groups, "min", "max")
        end = np.nanmax(last) if not np.isnan(last).all() else np.nan
        self.first, self.last = (_date_texts(moment) for moment in (first, last))
        self.since_first, self.since_last = (
            rounded((end - moment) / DAY, 0, SHORT_DIGITS) for moment in (first, last)
        )
        kept = np.flatnonzero((groups >= 0) & ~np.isnan(seconds))
        kept = kept[np.lexsort((seconds[kept], groups[kept]))]
        gaps, owners = np.diff(seconds[kept]) / DAY, groups[kept][1:]
        is_within = owners == groups[kept][:-1]
        found = by_group(gaps[is_within], owners[is_within], n_groups, "mean", "max")
        self.mean_gap, self.longest_gap = (rounded(gap, 0, SHORT_DIGITS) for gap in found)


class GroupedCells:
    """One column, whose rows are in groups. Each aggregate is computed when it is first used.

    `history` contains the moments of the rows, or is None. `seconds` are the dates of this column,
    if it contains dates, and `limits` are the limits that the user gave for its numbers.
    """

    def __init__(self, column: Column, groups: Ints, n_groups: int) -> None:
        self.column, self.groups, self.n_groups = column, groups, n_groups
        self.history: History | None = None
        self.seconds: Float64s | None = None
        self.limits: list[str] = []

    @cached_property
    def numbers(self) -> GroupedNumbers:
        """Aggregates of numbers. A column of text raises InputError."""
        return GroupedNumbers(self.column, self.groups, self.n_groups)

    @cached_property
    def dates(self) -> GroupedDates:
        """Aggregates of dates."""
        assert self.seconds is not None
        return GroupedDates(self.seconds, self.groups, self.n_groups)

    @cached_property
    def _coded(self) -> tuple[Ints, list[str]]:
        return codes_of(self.column)

    @property
    def codes(self) -> Ints:
        """Index of each row's value among the distinct values, or -1 if it is missing."""
        return self._coded[0]

    @cached_property
    def levels(self) -> Levels:
        """Frequencies of the distinct values."""
        return Levels(*self._coded, self.groups, self.n_groups)

    @property
    def are_constant(self) -> bool:
        """Whether all values within each group are equal."""
        return (self.numbers if self.column.is_number else self.levels).are_constant


def rounded(values: Float64s, n_decimals: int, digits: int = DIGITS) -> Float64s:
    """Round to ``n_decimals``, or to more decimals to keep ``digits`` significant digits."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        size = np.floor(np.log10(np.abs(values)))
        scale = 10.0 ** np.clip(np.maximum(n_decimals, digits - 1 - size), 0, 300)
        return np.where(np.abs(values) < 1e15, np.round(values * scale) / scale, values)


def _n_decimals(numbers: Float64s) -> int | None:
    """Return the number of decimals of numbers, or None if it exceeds `MAX_DECIMALS`."""
    present = numbers[~np.isnan(numbers)]
    with np.errstate(over="ignore"):
        are_equal = ((np.round(present, n) == present).all() for n in range(MAX_DECIMALS + 1))
        return next((n for n, is_so in enumerate(are_equal) if is_so), None)


def _n_spelled(column: Column, mark: str) -> int:
    """Return the largest number of decimals in the texts of some numbers."""
    some = column.take(np.linspace(0, len(column) - 1, min(len(column), SPELLED)).astype(np.intp))
    decimals = re.compile(rf"{re.escape(mark)}(\d+)")
    found = (decimals.search(cell) for cell in some.each_cell() if cell is not None)
    return min(max((len(each[1]) for each in found if each), default=0), MAX_DECIMALS)


def _date_texts(seconds: Float64s) -> list[str | None]:
    is_there = ~np.isnan(seconds)
    moments = np.where(is_there, seconds, 0).astype("M8[s]")
    is_whole = bool((seconds[is_there] % DAY == 0).all())
    texts = np.datetime_as_string(moments, unit="D" if is_whole else "s").tolist()
    return [text if there else None for text, there in zip(texts, is_there, strict=True)]


class History:
    """The rows of each customer in the order of their moments.

    `seconds` are the moments, and `of_day` their times of day. A row without a time of day has NaN,
    and its moment is the midnight at which its day begins.
    """

    def __init__(self, seconds: Float64s, of_day: Float64s, groups: Ints, n_groups: int) -> None:
        self.of_day, self.groups, self.n_groups = of_day, groups, n_groups
        kept = np.flatnonzero((groups >= 0) & ~np.isnan(seconds))
        self.rows = kept[np.lexsort((seconds[kept], groups[kept]))]
        """Row numbers, sorted by customer and moment. Rows without a moment are left out."""
        self.owner = groups[self.rows]
        self.second = seconds[self.rows].astype(np.int64)
        self.has_times = bool((of_day > 0).any())

    @cached_property
    def is_late(self) -> Bools:
        """Mask of the sorted rows within the last 7 days of the customer. No row of a customer
        without earlier rows is late."""
        return self._is_last & self._has_earlier[self.owner]

    @cached_property
    def _is_last(self) -> Bools:
        last = np.zeros(self.n_groups, dtype=np.int64)
        last[self.owner] = self.second  # the last assignment, for the last row, remains
        return self.second > last[self.owner] - LATE

    @cached_property
    def _has_earlier(self) -> Bools:
        return np.bincount(self.owner, ~self._is_last, self.n_groups) > 0

    @property
    def most_within_hour(self) -> Float64s:
        """Largest number of rows within any hour, among the rows with a time of day."""
        return self._most_within(HOUR, ~np.isnan(self.of_day[self.rows]))

    @property
    def most_within_day(self) -> Float64s:
        """Largest number of rows within any 24 hours."""
        return self._most_within(DAY, np.ones(len(self.rows), dtype=bool))

    def _most_within(self, seconds: int, is_counted: Bools) -> Float64s:
        """Return the largest number of the sorted rows in a mask in any window of this length."""
        most = np.full(self.n_groups, np.nan)
        owner, second = self.owner[is_counted], self.second[is_counted]
        if len(owner):
            span = int(np.ptp(second)) + seconds
            keys = owner * span + (second - second.min())
            counts = np.searchsorted(keys, keys + seconds) - np.arange(len(keys))
            owners, starts = np.unique(owner, return_index=True)
            most[owners] = np.maximum.reduceat(counts, starts)
        return most

    def share(self, is_counted: Bools) -> Float64s:
        """Return the share of the sorted rows in a mask, or NaN for a customer without rows."""
        return _share(is_counted, self.owner, self.n_groups)

    @property
    def share_late(self) -> Float64s:
        """Share of the rows in the last 7 days, or NaN for a customer without earlier rows."""
        return np.where(self._has_earlier, self.share(self.is_late), np.nan)

    @property
    def share_at_weekends(self) -> Float64s:
        """Share of the rows on Saturdays and Sundays."""
        return self.share((self.second // DAY + 3) % 7 >= 5)  # 1970 began on a Thursday

    @property
    def share_at_night(self) -> Float64s:
        """Share of the rows at night among the rows with a time of day."""
        is_there = (self.groups >= 0) & ~np.isnan(self.of_day) & self.has_times
        return _share(self.of_day[is_there] < NIGHT_ENDS, self.groups[is_there], self.n_groups)

    def times_before(self, numbers: Float64s) -> Float64s:
        """Return the mean size of numbers in the last 7 days, divided by the earlier mean."""
        sizes = np.abs(numbers[self.rows])
        late, early = (
            by_group(np.where(mask, sizes, np.nan), self.owner, self.n_groups, "mean")[0]
            for mask in (self.is_late, ~self.is_late)
        )
        return ratio(late, early)

    def n_new(self, codes: Ints) -> Float64s:
        """Return how many levels of the last 7 days no earlier row of the customer has."""
        codes = codes[self.rows]
        pairs = self.owner * (int(codes.max(initial=0)) + 2) + codes + 1
        first = np.unique(pairs, return_index=True)[1]
        first = first[self.is_late[first] & (codes[first] >= 0)]
        counts = np.bincount(self.owner[first], None, self.n_groups)
        return np.where(self._has_earlier, counts, np.nan)


def _share(is_counted: Bools, groups: Ints, n_groups: int) -> Float64s:
    with np.errstate(invalid="ignore"):  # 0 / 0 gives the wanted NaN
        shares = np.bincount(groups, is_counted, n_groups) / np.bincount(groups, None, n_groups)
    return np.round(shares, 4)


def ratio(values: Float64s, to: Float64s) -> Float64s:
    """Return rounded ratios, or NaN if a denominator is not above 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = np.where(to > 0, values / to, np.nan)
    return rounded(np.where(np.isinf(found), np.nan, found), 1, SHORT_DIGITS)


def medians(values: Float64s, groups: Ints, n_groups: int) -> Float64s:
    """Return the median of the values in each group, or NaN for an empty group."""
    found = np.full(n_groups, np.nan)
    kept = np.flatnonzero((groups >= 0) & ~np.isnan(values))
    kept = kept[np.lexsort((values[kept], groups[kept]))]
    owners, starts, counts = np.unique(groups[kept], return_index=True, return_counts=True)
    low, high = (values[kept[starts + (counts - i) // 2]] for i in (1, 0))
    found[owners] = low / 2 + high / 2
    return found


def day_codes(seconds: Float64s) -> Ints:
    """Return a number for the day of each row, which is -1 without a date."""
    days = np.floor(seconds / DAY)
    return _indices(pa.array(days, mask=np.isnan(days)).dictionary_encode())


def number_in_name(number: float) -> str:
    """Return a number as a text that can be read as a number again."""
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def joined_codes(codes: Ints, more: Ints) -> Ints:
    """Return numbers that are equal in rows in which both codes are equal."""
    joint = codes * (int(more.max(initial=0)) + 2) + more + 1
    return _indices(pa.array(joint).dictionary_encode())


def n_repeated(codes: Ints, groups: Ints, n_groups: int) -> Float64s:
    """Return how many rows of each group have the code of an earlier row of the group."""
    is_there = groups >= 0
    pairs = Levels(codes, [""] * (int(codes.max(initial=0)) + 1), groups, n_groups)
    counts = np.bincount(groups[is_there], None, n_groups)
    return (counts - pairs.n_different).astype(np.float64)


ROW_COUNT = "number of rows"

REPEATED, REPEATED_ON_DAY = "repeated rows", "repeated rows on the same day"
"""Names of the number of rows that equal an earlier row of the customer in all columns of numbers
and categories (and have the same day)."""

HOURLY = Feature(
    "most rows within an hour",
    lambda of: of.history.most_within_hour,
    is_made=lambda of: of.history.has_times,
)

MOMENTS = (
    Feature("longest gap", lambda of: of.dates.longest_gap, unit="days"),
    HOURLY,
    Feature("most rows within a day", lambda of: of.history.most_within_day),
    Feature("share of rows in its last 7 days", lambda of: of.history.share_late, unit="share"),
    Feature("share at weekends", lambda of: of.history.share_at_weekends, unit="share"),
)
"""Features of the moments of the rows, which are the dates of one column with any times of day."""

TIMES = (
    Feature(
        "share at night",
        lambda of: of.history.share_at_night,
        unit="share",
        is_made=lambda of: of.history.has_times,
    ),
)
"""Features of times of day, with or without dates."""

DATES = (
    Feature("first {column}", lambda of: of.dates.first, "date"),
    Feature("last {column}", lambda of: of.dates.last, "date"),
    Feature("days since first {column}", lambda of: of.dates.since_first, unit="days"),
    Feature("days since last {column}", lambda of: of.dates.since_last, unit="days"),
)
"""Features of every column of dates."""

GAPS = (
    Feature("mean gap of {column}", lambda of: of.dates.mean_gap, unit="days"),
    Feature("longest gap of {column}", lambda of: of.dates.longest_gap, unit="days"),
)
"""Features of every column of dates but the column of the moments."""


def _of_sizes(
    name: str, values: Callable[[Any], Float64s], *, is_historic: bool = False
) -> tuple[Feature, Feature]:
    """Return a feature of the sizes of numbers, with another name if there are negative numbers."""
    plain = Feature(name, values, is_historic=is_historic)
    sized = name.replace("{column}", "size of {column}")
    return (
        replace(plain, is_made=lambda of: not of.numbers.has_negatives),
        replace(plain, name=sized, is_made=lambda of: of.numbers.has_negatives),
    )


NUMBERS = (
    Feature("total {column}", lambda of: of.numbers.total, unit="own"),
    Feature("mean {column}", lambda of: of.numbers.mean, unit="own"),
    Feature("largest {column}", lambda of: of.numbers.largest, unit="own"),
    Feature(
        "smallest {column}",
        lambda of: of.numbers.smallest,
        unit="own",
        is_made=lambda of: of.numbers.has_negatives,
    ),
    *_of_sizes("largest {column} relative to its median", lambda of: of.numbers.times_median),
    *_of_sizes(
        "largest {column} relative to the second largest", lambda of: of.numbers.times_second
    ),
    Feature("most rows with the same {column}", lambda of: of.levels.most),
    *_of_sizes(
        "mean {column} in its last 7 days relative to before",
        lambda of: of.history.times_before(of.numbers.numbers),
        is_historic=True,
    ),
    Feature(
        "share of rows with {column} just below {value}",
        lambda of, limit: of.numbers.share_below(limit),
        unit="share",
        texts=lambda of: of.limits,
    ),
)
"""Features of every column of numbers."""

CATEGORIES = (
    Feature("number of different {columns}", lambda of: of.levels.n_different),
    Feature(
        "most common {column}",
        lambda of: of.levels.most_common(),
        "category",
        is_made=lambda of: len(of.levels.shares) > 0 and of.levels.shares[0] >= MIN_SHARE,
    ),
    Feature(
        "rows for each different {column}",
        lambda of: of.levels.mean_count,
        is_made=lambda of: len(of.levels.shares) > 0 and of.levels.shares[0] < MIN_SHARE,
    ),
    Feature(
        "share of rows with {column} = {value}",
        lambda of, level: of.levels.share(level),
        unit="share",
        texts=lambda of: of.levels.frequent,
    ),
    Feature(
        "new {columns} in its last 7 days", lambda of: of.history.n_new(of.codes), is_historic=True
    ),
    Feature(
        "mean share of customers with the same {column}",
        lambda of: of.levels.mean_prevalence,
        unit="share",
        is_made=lambda of: of.levels.n_levels > MAX_SHARES,
    ),
)
"""Features of every category."""

FEATURES = {
    "number": NUMBERS,
    "category": CATEGORIES,
    "date": (*DATES, *GAPS),
    "moment": (*DATES, *MOMENTS, *TIMES),
    "time": TIMES,
}
"""Features by the role of a column of the rows."""


def unit_of(name: str) -> str:
    """Return the unit "share" or "days" that a feature's name lacks, or "" for another unit."""
    features = (f for of_role in FEATURES.values() for f in of_role if f.unit in ("share", "days"))
    starts = {f.name.partition("{")[0]: f.unit for f in features if not f.name.startswith("days ")}
    return next((unit for start, unit in starts.items() if name.startswith(start)), "")
