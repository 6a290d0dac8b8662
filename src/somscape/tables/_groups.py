"""Groups of rows, and what the cells of one column come to in each group."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.tables._column import Column
from somscape.tables._numbers import padded_numbers, read_numbers
from somscape.tables._words import quoted

NO_GROUP = -1
"""Group of a row whose key is missing."""

MAX_DECIMALS = 6
"""Numbers with more decimals are measured, not counted: their sums are not rounded."""

DIGITS = 6
"""Digits that a mean has at least."""

DAY_DIGITS = 3
"""Digits that a number of days has at least."""

DAY = 86_400.0
"""Seconds of a day."""


def codes_of(column: Column) -> tuple[Ints, list[str]]:
    """Return the number of each row's value, -1 where it is missing, and the values as text."""
    if column.numbers is None or not column.is_exact:
        codes, texts = column.coded()
        return codes.astype(np.intp), texts
    import pyarrow as pa  # late: it is slow to import

    numbers = pa.array(column.numbers + 0.0, mask=column.missing)  # -0.0 is 0
    coded = numbers.dictionary_encode()
    texts = [str(int(v)) if v.is_integer() else str(v) for v in coded.dictionary.to_pylist()]
    return _indices(coded), texts


def grouped_rows(columns: Sequence[Column]) -> tuple[Ints, Ints]:
    """Return the group of each row, and the first row of each group."""
    import pyarrow as pa

    groups = np.zeros(len(columns[0]), dtype=np.intp)
    is_missing = np.zeros(len(groups), dtype=bool)
    for column in columns:
        codes, values = codes_of(column)
        is_missing |= codes < 0
        joint = groups * len(values) + codes
        groups = _indices(pa.array(joint, mask=is_missing).dictionary_encode())
    return groups, first_rows(groups, ~is_missing, int(groups.max(initial=NO_GROUP)) + 1)


def first_rows(groups: Ints, is_asked: NDArray[np.bool_], n_groups: int) -> Ints:
    """Return the first row of each group among those asked for; -1 where it has none."""
    first = np.full(n_groups, -1, dtype=np.intp)
    rows = np.flatnonzero(is_asked & (groups >= 0))[::-1]
    first[groups[rows]] = rows  # the last assignment stays, which is the first row
    return first


def _indices(coded: Any) -> Ints:
    return np.asarray(coded.indices.fill_null(NO_GROUP)).astype(np.intp)


def by_group(values: Float64s, groups: Ints, n_groups: int, *hows: str) -> list[Float64s]:
    """Return what the values of each group come to, NaN where it has none."""
    import pyarrow as pa

    is_there = (groups >= 0) & ~np.isnan(values)
    table = pa.table({"group": groups[is_there], "value": values[is_there]})
    # Without threads, which would add in another order each time.
    found = table.group_by("group", use_threads=False).aggregate([("value", h) for h in hows])
    answers = np.full((len(hows), n_groups), np.nan)
    for answer, how in zip(answers, hows, strict=True):
        answer[found["group"].to_numpy()] = found[f"value_{how}"].to_numpy()
    return list(answers)


class Numbers:
    """A column of numbers: total, mean, largest and smallest of each group."""

    def __init__(self, column: Column, groups: Ints, n_groups: int) -> None:
        read = column if column.is_number else read_numbers(column) or padded_numbers(column)
        numbers = None if read is None else read.numbers
        if numbers is None:
            raise InputError(
                column.problem
                or f"column {quoted(column.name)} holds text, which has no sum. Give numbers."
            )
        hows = ("sum", "mean", "max", "min")
        total, mean, self.largest, self.smallest = by_group(numbers, groups, n_groups, *hows)
        if np.isinf(total).any():
            raise InputError(
                f"column {quoted(column.name)}: the numbers of one group add up to more than a"
                " float holds. Correct the largest, or leave the column out."
            )
        n_decimals = _n_decimals(numbers)
        if n_decimals is not None:
            total, mean = np.round(total, n_decimals), rounded(mean, n_decimals + 2)
        self.total, self.mean = total, mean
        self.are_constant = bool((self.largest == self.smallest)[~np.isnan(total)].all())
        self.has_negatives = bool((self.smallest < 0).any())


class Levels:
    """A column of categories: how many levels each group has, and which."""

    def __init__(self, codes: Ints, levels: list[str], groups: Ints, n_groups: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        self.levels, self.n_groups = levels, n_groups
        is_there = (codes >= 0) & (groups >= 0)
        n_levels = max(1, len(self.levels))
        pairs = groups[is_there] * n_levels + codes[is_there]
        counted = pc.value_counts(pa.array(pairs))
        self._group, self._level = np.divmod(counted.field("values").to_numpy(), n_levels)
        self._count = counted.field("counts").to_numpy()
        totals = np.bincount(self._level, weights=self._count, minlength=len(self.levels))
        self.order = np.argsort(-totals, kind="stable")
        """Levels, the most frequent of all first."""
        self.shares = totals[self.order] / max(1, totals.sum())
        """Their shares of all values."""
        self.n_different = np.bincount(self._group, minlength=n_groups)
        self.are_constant = not (self.n_different > 1).any()

    def share(self, level: str) -> Float64s:
        """Return the share of each group's values that are this level, NaN where it has none."""
        with_level = np.zeros(self.n_groups)
        if level in self.levels:
            is_level = self._level == self.levels.index(level)
            with_level[self._group[is_level]] = self._count[is_level]
        total = np.bincount(self._group, weights=self._count, minlength=self.n_groups)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as meant
            return np.round(with_level / total, 4)

    def commonest(self) -> list[str | None]:
        """Return each group's commonest level; of equally common ones that which leads in all."""
        place = np.empty(len(self.order), dtype=np.intp)
        place[self.order] = np.arange(len(place))
        best_first = np.lexsort((place[self._level], -self._count, self._group))
        found, at = np.unique(self._group[best_first], return_index=True)
        answer: list[str | None] = [None] * self.n_groups
        for group, level in zip(found.tolist(), self._level[best_first[at]].tolist(), strict=True):
            answer[group] = self.levels[level]
        return answer


class Dates:
    """A column of dates: the first and the last of each group, and the gaps between."""

    def __init__(self, moments: NDArray[Any], groups: Ints, n_groups: int) -> None:
        seconds = np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1e6)
        first, last = by_group(seconds, groups, n_groups, "min", "max")
        end = np.nanmax(last) if not np.isnan(last).all() else np.nan
        self.first, self.last = (_date_texts(moment) for moment in (first, last))
        self.since_first, self.since_last = (
            rounded((end - moment) / DAY, 0, DAY_DIGITS) for moment in (first, last)
        )
        kept = np.flatnonzero((groups >= 0) & ~np.isnan(seconds))
        kept = kept[np.lexsort((seconds[kept], groups[kept]))]
        gaps, owners = np.diff(seconds[kept]) / DAY, groups[kept][1:]
        is_within = owners == groups[kept][:-1]
        found = by_group(gaps[is_within], owners[is_within], n_groups, "mean", "max")
        self.mean_gap, self.longest_gap = (rounded(gap, 0, DAY_DIGITS) for gap in found)


class Cells:
    """A column in groups, each part of which is made when it is first asked for."""

    def __init__(self, column: Column, groups: Ints, n_groups: int) -> None:
        self.column, self.groups, self.n_groups = column, groups, n_groups

    @cached_property
    def _coded(self) -> tuple[Ints, list[str]]:
        return codes_of(self.column)

    @cached_property
    def numbers(self) -> Numbers:
        """Its numbers; InputError where it holds text."""
        return Numbers(self.column, self.groups, self.n_groups)

    @cached_property
    def levels(self) -> Levels:
        """Its different values."""
        return Levels(*self._coded, self.groups, self.n_groups)

    @property
    def are_constant(self) -> bool:
        """Whether no group has two different values."""
        return (self.numbers if self.column.is_number else self.levels).are_constant


def rounded(values: Float64s, n_decimals: int, digits: int = DIGITS) -> Float64s:
    """Round to ``n_decimals``, or to more where fewer than ``digits`` digits would be left."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        size = np.floor(np.log10(np.abs(values)))
        scale = 10.0 ** np.clip(np.maximum(n_decimals, digits - 1 - size), 0, 300)
        return np.where(np.abs(values) < 1e15, np.round(values * scale) / scale, values)


def _n_decimals(numbers: Float64s) -> int | None:
    """Return how many decimals numbers have; None for more than `MAX_DECIMALS`."""
    present = numbers[~np.isnan(numbers)]
    return next(
        (n for n in range(MAX_DECIMALS + 1) if (np.round(present, n) == present).all()), None
    )


def _date_texts(seconds: Float64s) -> list[str | None]:
    is_there = ~np.isnan(seconds)
    moments = np.where(is_there, seconds, 0).astype("M8[s]")
    is_whole = bool((seconds[is_there] % DAY == 0).all())
    texts = np.datetime_as_string(moments, unit="D" if is_whole else "s").tolist()
    return [text if there else None for text, there in zip(texts, is_there, strict=True)]
