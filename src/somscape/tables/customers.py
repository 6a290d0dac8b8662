"""Aggregate the transactions of each customer to one row."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.tables._dates import Dates, Moments, check_date_format, find_dates, note_of_guess
from somscape.tables._frame import table_from_frame
from somscape.tables._late import pa, pc
from somscape.tables._messages import category_or_drop, counted, free_name, listed, quoted
from somscape.tables.codes import as_numbers, number_text, refuse_problem
from somscape.tables.column import Column
from somscape.tables.ordered import date_problem, date_zone
from somscape.tables.sources import collected
from somscape.tables.table import Table, table_from_columns

NO_GROUP = -1
"""Number in place of the customer's number for a row whose key is missing."""

MAX_DECIMALS = 6
"""Maximum number of decimals of a column's numbers at which sums of these numbers are rounded."""

DIGITS = 6
"""Minimum number of significant digits to which a mean is rounded."""

DAY_DIGITS = 3
"""Minimum number of significant digits to which a number of days is rounded."""

DAY_SECONDS = 86_400.0
"""Number of seconds in a day."""


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
        n_decimals = _n_decimals(numbers)
        if n_decimals is not None:
            total, mean = np.round(total, n_decimals), rounded(mean, n_decimals + 2)
        self.total, self.mean = total, mean
        self.are_constant = bool((self.largest == self.smallest)[~np.isnan(total)].all())
        self.has_negatives = bool((self.smallest < 0).any())


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

    def share(self, level: str) -> Float64s:
        """Return a level's share among the values of each group, or NaN without values."""
        with_level = np.zeros(self.n_groups)
        if level in self.levels:
            is_level = self._level == self.levels.index(level)
            with_level[self._group[is_level]] = self._count[is_level]
        total = np.bincount(self._group, weights=self._count, minlength=self.n_groups)
        with np.errstate(invalid="ignore"):  # 0 / 0 gives the wanted NaN
            return np.round(with_level / total, 4)

    def commonest(self) -> list[str | None]:
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

    def __init__(self, moments: NDArray[Any], groups: Ints, n_groups: int) -> None:
        seconds = np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1e6)
        first, last = by_group(seconds, groups, n_groups, "min", "max")
        end = np.nanmax(last) if not np.isnan(last).all() else np.nan
        self.first, self.last = (_date_texts(moment) for moment in (first, last))
        self.since_first, self.since_last = (
            rounded((end - moment) / DAY_SECONDS, 0, DAY_DIGITS) for moment in (first, last)
        )
        kept = np.flatnonzero((groups >= 0) & ~np.isnan(seconds))
        kept = kept[np.lexsort((seconds[kept], groups[kept]))]
        gaps, owners = np.diff(seconds[kept]) / DAY_SECONDS, groups[kept][1:]
        is_within = owners == groups[kept][:-1]
        found = by_group(gaps[is_within], owners[is_within], n_groups, "mean", "max")
        self.mean_gap, self.longest_gap = (rounded(gap, 0, DAY_DIGITS) for gap in found)


class GroupedCells:
    """One column, whose rows are in groups. Each aggregate is computed when it is first used."""

    def __init__(self, column: Column, groups: Ints, n_groups: int) -> None:
        self.column, self.groups, self.n_groups = column, groups, n_groups

    @cached_property
    def numbers(self) -> GroupedNumbers:
        """Aggregates of numbers. A column of text raises InputError."""
        return GroupedNumbers(self.column, self.groups, self.n_groups)

    @cached_property
    def levels(self) -> Levels:
        """Frequencies of the distinct values."""
        return Levels(*codes_of(self.column), self.groups, self.n_groups)

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
    return next(
        (n for n in range(MAX_DECIMALS + 1) if (np.round(present, n) == present).all()), None
    )


def _date_texts(seconds: Float64s) -> list[str | None]:
    is_there = ~np.isnan(seconds)
    moments = np.where(is_there, seconds, 0).astype("M8[s]")
    is_whole = bool((seconds[is_there] % DAY_SECONDS == 0).all())
    texts = np.datetime_as_string(moments, unit="D" if is_whole else "s").tolist()
    return [text if there else None for text, there in zip(texts, is_there, strict=True)]


NUMBER = re.compile(r"\d+(\.\d+)?(e[-+]?\d+)?")
"""Pattern of a number in a text."""

ROW_COUNT = "number of rows"

WORDS = {
    "number": ("total {}", "mean {}", "largest {}", "smallest {}"),
    "date": (
        "first {}",
        "last {}",
        "days since first {}",
        "days since last {}",
        "mean gap of {}",
        "longest gap of {}",
    ),
    "category": ("different {}", "commonest {}", "share of {} = {}"),
}
"""For each kind of column, the patterns for names of the new columns."""

CLASH = " (rows)"
"""Suffix of a new column's name if a column of the transactions already has this name."""


def may_be_made(name: str, columns: Collection[str]) -> bool:
    """Return whether `per` can make a new column with this name from the given columns."""
    return name == ROW_COUNT or any(role_like(column, [name]) for column in columns)


def role_like(column: str, like: Collection[str]) -> str:
    """Return the kind that makes `column` a source of columns in `like`, or "" if none does."""
    names = {name.removesuffix(CLASH) for name in like}
    for role, words in WORDS.items():
        if any(word.format(column, "") in names for word in words):
            return role
    share = WORDS["category"][-1].format(column, "")
    return "category" if any(name.startswith(share) for name in names) else ""


KEPT = "kept"
"""Role of columns that are not aggregated."""

MAX_SHARES = 5
"""Maximum number of levels of a category for which a column of shares is made."""

MIN_SHARE = 0.05
"""Minimum share of a level among all rows at which a column of shares is made for the level."""

MAX_NUMBER_LEVELS = 15
"""Maximum number of distinct whole numbers in a column that is treated as a category."""

ID_NAME = re.compile(r"(^|[^A-Za-z])[iI][dD]$|[a-z]I[dD]$")


@dataclass(frozen=True)
class MadeColumn:
    """The kind of a column that `per` made, and the column that it was made from.

    Attributes
    ----------
    kind : {"number", "category", "date"}
    column : str
        Name of the transactions' column that was aggregated, or "" for the number of rows.
    """

    kind: str
    column: str


@dataclass(frozen=True, eq=False)
class Grouped:
    """A table with one row per customer, and the transactions of each customer.

    Attributes
    ----------
    table : Table
        Table of the customers.
    rows : Table
        Table of the transactions.
    groups : ndarray of shape (n_transactions,)
        For each transaction, the row number of its customer in ``table``, or -1 if the cell that
        identifies the customer is missing.
    by : tuple of str
        Columns of ``rows`` that identify the customers.
    made : mapping of str to MadeColumn
        For each new column in ``table``, its kind and the column that it was made from.
    taken : mapping of str to str
        Kind ("number", "category" or "date") with which each other column of ``rows`` was
        aggregated.  "same" means that the column was copied to ``table``.  "" means that the column
        was left out.

    See Also
    --------
    per : Aggregate the transactions of a table.

    Examples
    --------
    >>> from somscape.tables import per, table_from_columns
    >>> paid = table_from_columns({"client": ["a", "b", "a"], "amount": [3.0, 4.0, 5.0]})
    >>> found = per(paid, "client")
    >>> found.groups.tolist(), [column.name for column in found.table.columns][:3]
    ([0, 1, 0], ['client', 'number of rows'])
    """

    table: Table
    rows: Table
    groups: Ints
    by: tuple[str, ...]
    made: Mapping[str, MadeColumn]
    taken: Mapping[str, str]

    @property
    def noun(self) -> str:
        """Word for a row of ``table``: the name of its key if the name is a usual word."""
        name = self.by[0]
        is_word = name.isascii() and name.isalpha() and name.islower() and name[-1] not in "sxyz"
        return name if len(self.by) == 1 and is_word else "customer"

    def with_units(self, column: str, text: str) -> str:
        """Return numbers of a column with units: shares in per cent, and gaps in days.

        Parameters
        ----------
        column : str
        text : str
            Numbers, such as "0.25 to 1".

        Returns
        -------
        str
        """
        made = self.made.get(column)
        if made is None:
            return text
        if column.startswith(WORDS["category"][-1].format(made.column, "")):
            return NUMBER.sub(lambda each: f"{number_text(100 * float(each[0]))} %", text)
        if column.removesuffix(CLASH) in [words.format(made.column) for words in WORDS["date"][2:]]:
            text = NUMBER.sub(lambda each: number_text(float(each[0])), text)
            return f"{text} {'day' if text == '1' else 'days'}"
        return text

    def __repr__(self) -> str:
        return f"Grouped({self.table.source!r}, {self.table.n_rows} of {self.rows.n_rows} rows)"

    @cached_property
    def _in_order(self) -> tuple[Ints, Ints]:
        """The transactions sorted by customer, and the start index of each customer."""
        order = np.argsort(self.groups, kind="stable")
        return order, np.searchsorted(self.groups[order], np.arange(self.table.n_rows + 1))

    def rows_of(self, customer: int) -> Ints:
        """Return the row numbers of the transactions of a customer, in ascending order.

        Parameters
        ----------
        customer : int
            Row number of the customer in ``Grouped.table``.

        Returns
        -------
        ndarray of int
        """
        order, begins = self._in_order
        return order[begins[customer] : begins[customer + 1]]

    def names(self, kind: str) -> list[str]:
        """Return the names of the new columns of a kind.

        Parameters
        ----------
        kind : {"number", "category", "date"}

        Returns
        -------
        list of str
            Names of those new columns.  Names of columns of numbers can be passed to
            ``TableEncoder(numbers=...)``.
        """
        return [name for name, made in self.made.items() if made.kind == kind]


def per(
    table: Any,
    by: str | Sequence[str],
    *,
    numbers: Collection[str] = (),
    categories: Collection[str] = (),
    dates: Collection[str] = (),
    kept: Collection[str] = (),
    date_format: str | None = None,
    like: Collection[str] | None = None,
) -> Grouped:
    """Aggregate all rows of each customer (or account, or machine) to one row.

    Parameters
    ----------
    table : Table, Source or data frame
        Table with one row per transaction.  All columns are aggregated.  Therefore, remove a column
        with the outcome before the call, for example with ``table.without(["fraud"])``.
    by : str or sequence of str
        Name of the column that identifies the customer.  If several columns identify the customer,
        their values are joined by " / ".
    numbers, categories, dates : collection of str, default=()
        Columns of the transactions that have this kind.  By default, columns of texts that spell
        dates are dates.  Other columns of texts, and whole numbers with at most 15 distinct values,
        are categories.
    kept : collection of str, default=()
        Columns that are not aggregated.  If a column has only one value for each customer, the
        column is copied.  Otherwise, it is left out.
    date_format : {"dmy", "mdy", "ymd"}, optional
        Order of day, month and year in columns whose dates fit several orders.  By default, the day
        comes first, or the month if it comes first in another column of dates.
    like : collection of str, optional
        Names of the columns that are made, for example the columns for an earlier month.  By
        default, the values in the table decide which columns are made.

    Returns
    -------
    Grouped
        Result with one row per customer, in the order of first occurrence.  Its table has the
        column of the customer and these columns:

        - ``number of rows``
        - copies of columns that have only one value for each customer, such as a country
        - for numbers, ``total amount``, ``mean amount``, ``largest amount`` and, if there are
          negative numbers, ``smallest amount``
        - for categories, ``different channel`` (number of levels), ``commonest channel``, and
          ``share of channel = web`` for up to five levels in at least 5 % of all rows.  If a
          category has two levels, only the share of the rarer level becomes a column.  If no level
          is in 5 % of all rows, only the number of levels becomes a column.  A column of text that
          is different in most rows is left out.
        - for dates, ``first date``, ``last date``, ``days since first date`` and ``days since last
          date`` (until the last date of the table), ``mean gap of date`` and ``longest gap of
          date`` in days

        Missing cells are skipped.  Rows in which the customer is missing are left out, and a note
        of the table contains their number.

    Raises
    ------
    InputError
        If a column does not exist, if the table has fewer than two customers, or if a cell does not
        fit the kind of its column.

    See Also
    --------
    Grouped : Result of this function.

    Examples
    --------
    >>> from somscape.tables import table_from_columns
    >>> customer, amount = ["ann", "bob", "ann"], [10.5, 7, 30]
    >>> print(per(table_from_columns({"customer": customer, "amount": amount}), "customer").table)
    customer  number of rows  total amount  mean amount  largest amount
    ann       2               40.5          20.25        30
    bob       1               7.0           7.0          7
    """
    names = (by,) if isinstance(by, str) else tuple(by)
    table = collected(table)
    if not isinstance(table, Table):
        table = table_from_frame(table)
    if not names:
        raise InputError("`by` is empty. Give the column that identifies the customer.")
    check_date_format(date_format)
    table_of_key = table.select(names)
    groups, first = grouped_rows(table_of_key.columns)
    if len(first) < (2 if like is None else 1):
        raise _no_customers(table, names)
    given = {KEPT: kept, "number": numbers, "category": categories, "date": dates}
    for name in (n for names in given.values() for n in names):
        table.column(name)
    work = _Work(table, groups, first, given, like)
    work.read_dates(names, date_format)
    key = _key(table_of_key, first)
    columns = [key]
    made: dict[str, MadeColumn] = {}
    taken = {*table.names, key.name}
    for name, values, what in work.columns(names):
        if isinstance(values, Column):
            columns.append(values)
            continue
        name = free_name(name, taken, CLASH)
        if like is None or name in like:
            taken.add(name)
            columns.extend(table_from_columns({name: values}, table.source).columns)
            made[name] = what
    lacking = [] if like is None else sorted(set(like) - {c.name for c in columns})
    if lacking:
        raise InputError(
            f"{table.source} lacks the columns from which {listed(lacking, 3)} would be made. Add"
            " or rename these columns.",
            parameter="like",
            file=table.source,
            value=lacking[0],
        )
    source = f"{table.source} per {key.name}"
    notes = (*table.notes, *work.notes(key.name))
    customers = Table(tuple(columns), source, notes=notes)
    return Grouped(customers, table, groups, names, made, work.taken)


def _no_customers(table: Table, names: Sequence[str]) -> InputError:
    missing = np.any([table.column(name).missing for name in names], axis=0)
    found = "is empty"
    if not missing.all():
        row = table.select(names).take([int(np.argmin(missing))])
        found = f"has one value, {quoted(' / '.join(str(c.cells[0]) for c in row.columns))}"
    key = f"column {quoted(names[0])}" if len(names) == 1 else f"the key {listed(names)}"
    return InputError(
        f"{table.source}: {key} {found}, so there are no customers to compare. Give the column that"
        " identifies the customers.",
        options="--per COL",
        parameter="by",
        file=table.source,
        column=names[0],
    )


def _key(table: Table, first: Ints) -> Column:
    """Return the column that identifies the customer of each row."""
    parts = table.take(first).columns
    if len(parts) == 1:
        return parts[0]
    texts = [" / ".join(map(str, cells)) for cells in zip(*(p.cells for p in parts), strict=True)]
    return Column(" / ".join(table.names), np.array(texts, dtype=object))


@dataclass(frozen=True, eq=False)
class _Work:
    """The state while `per` computes new columns and collects the notes on them."""

    table: Table
    groups: Ints
    first: Ints
    given: Mapping[str, Collection[str]]
    like: Collection[str] | None
    taken: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    dates: dict[str, Dates] = field(default_factory=dict)
    guessed: list[Dates] = field(default_factory=list)

    @property
    def n_groups(self) -> int:
        """Number of customers."""
        return len(self.first)

    def read_dates(self, key: Collection[str], date_format: str | None) -> None:
        """Read the dates of all columns, or only of columns that `like` needs as dates."""
        columns, named = [], set(self.given["date"])
        others = {*key, *(n for role, names in self.given.items() if role != "date" for n in names)}
        for column in self.table.columns:
            role = "" if self.like is None else self._role_like(column)
            if role == "date":
                named.add(column.name)
            if column.name not in others and (self.like is None or role == "date"):
                columns.append(column)
        self.dates.update(find_dates(columns, named, date_format))
        if date_format is None:
            self.guessed.extend(d for d in self.dates.values() if d.is_guess)

    def columns(self, key: Collection[str]) -> Iterator[tuple[str, Any, MadeColumn]]:
        """Yield name, values and kind of each new column."""
        counts = np.bincount(self.groups[self.groups >= 0], minlength=self.n_groups)
        yield ROW_COUNT, counts, MadeColumn("number", "")
        for column in self.table.columns:
            if column.name in key:
                continue
            cells = GroupedCells(column, self.groups, self.n_groups)
            role = self._role(column, cells) if self.like is None else self._role_like(column)
            self.taken[column.name] = role
            if role == "same":
                yield column.name, self._first_values(column), MadeColumn("", column.name)
            elif role == "number":
                yield from self._numbers(column, cells)
            elif role == "date":
                yield from self._dates(column)
            elif role == "category":
                yield from self._categories(column, cells)
            elif self.like is None and column.name not in self.given[KEPT]:
                self.left_out.append(column.name)

    def notes(self, key: str) -> Iterator[str]:
        """Yield the notes of the new table."""
        n_lost = int((self.groups < 0).sum())
        yield f"{counted(self.table.n_rows - n_lost, 'row')} put together by {quoted(key)}"
        if n_lost:
            yield f"{counted(n_lost, 'row')} without a value of {quoted(key)} left out"
        for order in dict.fromkeys(dates.order for dates in self.guessed):
            named = [dates.column.name for dates in self.guessed if dates.order == order]
            yield note_of_guess(named, order)
        if self.left_out:
            yield f"different in most rows, so left out: {listed(self.left_out)}"

    def _role(self, column: Column, cells: GroupedCells) -> str:
        """Return the role with which a column is aggregated, or "" to leave the column out."""
        role = next((role for role, names in self.given.items() if column.name in names), "")
        if role == KEPT:
            return "same" if cells.levels.are_constant else ""
        if cells.are_constant:
            return "same"
        if role:
            return role
        if column.problem:
            raise InputError(
                column.problem, options=category_or_drop(column.name), column=column.name
            )
        n_rows = self.table.n_rows
        if column.is_number:
            if not column.is_whole:
                return "number"
            n_values = column.n_distinct
            if n_values == n_rows and _names_rows(column):
                return ""
            return "category" if n_values <= min(MAX_NUMBER_LEVELS, n_rows / 2) else "number"
        if column.name in self.dates:
            return "date"
        return "category" if len(cells.levels.levels) <= n_rows / 2 else ""

    def _role_like(self, column: Column) -> str:
        """Return the role of a column that the names in `like` need, or "" if none needs it."""
        assert self.like is not None
        return "same" if column.name in self.like else role_like(column.name, self.like)

    def _first_values(self, column: Column) -> Column:
        """Return a column with the first value of each customer that is not missing."""
        rows = first_rows(self.groups, ~column.missing, self.n_groups)
        return column.take(np.where(rows < 0, self.first, rows))

    def _numbers(
        self, column: Column, cells: GroupedCells
    ) -> Iterator[tuple[str, Any, MadeColumn]]:
        found, made = cells.numbers, MadeColumn("number", column.name)
        values = [found.total, found.mean, found.largest]
        if found.has_negatives or self.like is not None:
            values.append(found.smallest)
        for word, each in zip(WORDS["number"], values, strict=False):
            yield word.format(column.name), each, made

    def _dates(self, column: Column) -> Iterator[tuple[str, Any, MadeColumn]]:
        found = GroupedDates(self._moments(column), self.groups, self.n_groups)
        days = (found.since_first, found.since_last, found.mean_gap, found.longest_gap)
        values = [found.first, found.last, *days]
        kinds = ["date", "date", *(["number"] * len(days))]
        for word, each, kind in zip(WORDS["date"], values, kinds, strict=True):
            yield word.format(column.name), each, MadeColumn(kind, column.name)

    def _moments(self, column: Column) -> Moments:
        """Return a column's dates. Raise InputError if only some dates have a time zone."""
        dates = self.dates[column.name]
        problem, options = date_problem(dates, date_zone(dates)), category_or_drop(column.name)
        cure = "Correct the dates, or leave out the column."
        refuse_problem(column.name, problem, self.table, cure, options)
        return dates.moments

    def _categories(
        self, column: Column, cells: GroupedCells
    ) -> Iterator[tuple[str, Any, MadeColumn]]:
        found, name = cells.levels, column.name
        different, commonest, share = WORDS["category"]
        yield different.format(name), found.n_different, MadeColumn("number", name)
        if self.like is not None or (len(found.shares) and found.shares[0] >= MIN_SHARE):
            yield commonest.format(name), found.commonest(), MadeColumn("category", name)
        for level in self._levels(found, share.format(name, "")):
            yield share.format(name, level), found.share(level), MadeColumn("number", name)

    def _levels(self, found: Levels, start: str) -> list[str]:
        """Return those levels for which a column of shares is made."""
        if self.like is not None:
            names = (name.removesuffix(CLASH) for name in self.like)
            return [name.removeprefix(start) for name in names if name.startswith(start)]
        n_frequent = int((found.shares >= MIN_SHARE).sum())
        levels = [found.levels[i] for i in found.order[: min(n_frequent, MAX_SHARES)]]
        return [found.levels[found.order[1]]] if len(found.levels) == 2 else levels


def _names_rows(column: Column) -> bool:
    """Return whether distinct whole numbers are ids of the rows or count the rows."""
    assert column.numbers is not None
    return is_called_id(column.name) or bool(np.ptp(column.numbers) == len(column) - 1)


def is_called_id(name: str) -> bool:
    """Return whether the name of a column ends with the word id."""
    return ID_NAME.search(name) is not None
