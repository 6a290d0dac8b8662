"""Aggregate the transactions of each customer to one row."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.tables._dates import (
    Dates,
    Moments,
    are_with_times,
    check_date_format,
    date_fault,
    find_dates,
    note_of_guess,
    times_of_day,
    times_within,
    without_filler,
)
from somscape.tables._features import (
    FEATURES,
    HOURLY,
    MOMENTS,
    REPEATED,
    REPEATED_ON_DAY,
    ROW_COUNT,
    TIMES,
    Feature,
    GroupedCells,
    History,
    Levels,
    codes_of,
    day_codes,
    first_rows,
    grouped_rows,
    is_word,
    joined_codes,
    n_repeated,
    number_in_name,
)
from somscape.tables._frame import table_from_frame
from somscape.tables._messages import category_or_drop, counted, free_name, listed, quoted
from somscape.tables.codes import number_text, refuse_problem
from somscape.tables.column import Column
from somscape.tables.ordered import date_problem, date_zone
from somscape.tables.sources import collected
from somscape.tables.table import Table, table_from_columns

NUMBER = re.compile(r"\d+(\.\d+)?(e[-+]?\d+)?")
"""Pattern of a number in a text."""

CLASH = " (rows)"
"""Suffix of a new column's name if a column of the transactions already has this name."""


NAMELESS = {ROW_COUNT, REPEATED, REPEATED_ON_DAY, *(each.name for each in (*MOMENTS, *TIMES))}
"""Names of new columns without the name of a column of the transactions."""

OF_TIMES = {HOURLY.name, *(each.name for each in TIMES)}
"""Names of new columns that need times of day."""


def may_be_made(name: str, columns: Collection[str]) -> bool:
    """Return whether `per` can make a new column with this name from the given columns."""
    return name in NAMELESS or any(role_like(column, [name]) for column in columns)


def role_like(column: str, like: Collection[str]) -> str:
    """Return the kind that makes `column` a source of columns in `like`, or "" if none does."""
    for role in ("number", "category", "date"):
        if any(_texts_in(like, feature, column) for feature in FEATURES[role]):
            return role
    return ""


def _texts_in(like: Collection[str], feature: Feature, column: str) -> dict[str, str]:
    """Return the names in `like` of a feature of a column, with the texts in place of {value}."""
    start = feature.called(column)
    if feature.texts is None:
        return {start: ""} if start in like else {}
    return {name: name.removeprefix(start) for name in like if name.startswith(start)}


def kind_of_values(
    n_values: int, n_rows: int, *, is_number: bool, is_whole: bool, is_date: bool
) -> str:
    """Return the kind of a column of rows with different values, or "" to leave the column out."""
    if is_number:
        is_level = is_whole and n_values <= min(MAX_NUMBER_LEVELS, n_rows / 2)
        return "category" if is_level else "number"
    return "date" if is_date else "category" if n_values <= n_rows / 2 else ""


def traits_of(column: Column) -> dict[str, Any]:
    """Return the facts of a column of rows on which the names of its features depend."""
    levels = Levels(*codes_of(column), np.zeros(len(column), dtype=np.intp), 1)
    numbers = column.numbers
    return {
        "shares": levels.shares[:1].tolist(),
        "frequent": levels.frequent,
        "n_levels": levels.n_levels,
        "has_negatives": numbers is not None and bool((numbers < 0).any()),
        "has_times": numbers is None and are_with_times(column.coded()[1]),
    }


def possible_features(columns: Mapping[str, tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Return the names of the features that `per` can make.

    `columns` has a role and the traits (`traits_of`) of each column. The roles are those of
    `FEATURES` without "moment".
    """
    main = next((name for name, (role, _) in columns.items() if role == "date"), "")
    has_times = any(
        role == "time" or (name == main and traits["has_times"])
        for name, (role, traits) in columns.items()
    )
    found = dict.fromkeys([ROW_COUNT])
    for name, (role, traits) in columns.items():
        facts = SimpleNamespace(**traits)
        cells = SimpleNamespace(
            numbers=facts, levels=facts, limits=(), history=SimpleNamespace(has_times=has_times)
        )
        for feature in FEATURES["moment" if name == main else role]:
            is_made = feature.is_made(cells) and (main or not feature.is_historic)
            if feature.kind != "date" and is_made:
                texts = feature.texts(cells) if feature.texts else [""]
                found.update((feature.called(name, text), None) for text in texts)
    if "number" in [role for role, _ in columns.values()]:
        found[REPEATED_ON_DAY if main else REPEATED] = None
    return list(found)


KEPT = "kept"
"""Role of columns that are not aggregated."""

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
        Name of the transactions' column that was aggregated, or "" for numbers of rows.
    unit : {"", "own", "share", "days"}
        Unit of the values.  Shares are from 0 to 1, and "own" is the unit of ``column``.
    """

    kind: str
    column: str
    unit: str = ""


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
        Kind ("number", "category", "date" or "time") with which each other column of ``rows`` was
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
        is_usual = is_word(name) and name[-1] not in "sxyz"
        return name if len(self.by) == 1 and is_usual else "customer"

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
        unit = self.made[column].unit if column in self.made else ""
        if unit == "share":
            return NUMBER.sub(lambda each: f"{number_text(100 * float(each[0]))} %", text)
        if unit == "days":
            text = NUMBER.sub(lambda each: number_text(float(each[0])), text)
            word = " day" if text == "1" else " days"
            return text if column.startswith("days ") else text + word
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
    just_below: Mapping[str, float | Sequence[float]] | None = None,
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
    just_below : mapping of str to float or to sequence of float, optional
        Limits of a column, such as ``{"amount": 10000}``.  For each limit, the share of a
        customer's numbers from 90 % of the limit up to the limit becomes a column.
    like : collection of str, optional
        Names of the columns that are made, for example the columns for an earlier month.  By
        default, the values in the table decide which columns are made.

    Returns
    -------
    Grouped
        Result with one row per customer, in the order of first occurrence.  Its table has the
        column of the customer and these columns:

        - ``number of rows``, and ``repeated rows on the same day``, which equal an earlier row of
          the day in all numbers and categories
        - copies of columns that have only one value for each customer, such as a country
        - for numbers, ``total amount``, ``mean amount``, ``largest amount``, ``smallest amount``
          (if there are negative numbers), ``largest amount relative to its median``, ``largest
          amount relative to the second largest``, ``most rows with the same amount``, and ``mean
          amount in its last 7 days relative to before``.  If there are negative numbers, the
          relations are named by size: ``largest size of amount relative to its median``.
        - for categories, ``number of different channels``, ``new channels in its last 7 days``, and
          if a level is in at least 5 % of all rows, ``most common channel`` and ``share of rows
          with channel = web`` for up to five levels, without a level that the other shares imply.
          Otherwise, ``rows for each different channel``.  With more than five levels, ``mean share
          of customers with the same channel``, which is low for rare channels.  A column of text
          that is different in most rows is left out.
        - for dates, ``first date``, ``last date``, ``days since first date`` and ``days since last
          date`` (until the last date of the table)
        - for the moments of the rows, which are the dates of one column, ``longest gap`` in days,
          ``most rows within a day``, ``most rows within an hour``, ``share of rows in its last 7
          days``, ``share at weekends`` and ``share at night`` (0 to 6 h).  A column of times of day
          next to the dates is joined with them.  Other columns of dates have ``mean gap of date``
          and ``longest gap of date``.

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
    >>> found = per(table_from_columns({"customer": customer, "amount": amount}), "customer").table
    >>> print(found.select(["customer", "number of rows", "total amount", "mean amount"]))
    customer  number of rows  total amount  mean amount
    ann       2               40.5          20.25
    bob       1               7.0           7.0
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
    limits = {name: _limit_texts(name, each) for name, each in (just_below or {}).items()}
    given = {KEPT: kept, "number": numbers, "category": categories, "date": dates}
    for name in (n for names in (*given.values(), limits) for n in names):
        table.column(name)
    asked = frozenset(name.removesuffix(CLASH) for name in like or ())
    work = _Work(table, groups, first, names, given, limits, like, asked)
    work.read_dates(date_format)
    key = _key(table_of_key, first)
    columns = [key]
    made: dict[str, MadeColumn] = {}
    taken = {*table.names, key.name}
    for name, values, what in work.columns():
        if not what.kind:
            columns.append(values)
            continue
        name = free_name(name, taken, CLASH)
        if like is None or name in like:
            taken.add(name)
            columns.append(_feature(name, values))
            made[name] = what
    of_times = OF_TIMES if work.lacks_times() else set()
    lacking = sorted(set(like or ()) - ({c.name for c in columns} - of_times))
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


def _feature(name: str, values: Any) -> Column:
    """Return the column of a feature."""
    is_column = isinstance(values, Column)
    return values.renamed(name) if is_column else table_from_columns({name: values}).columns[0]


def _limit_texts(column: str, limits: float | Sequence[float]) -> list[str]:
    """Return the different limits of a column as texts. Raise InputError if one of them is 0."""
    found: list[float] = np.atleast_1d(limits).tolist()
    if 0 in found:
        raise InputError(
            f"The limit of column {quoted(column)} is 0, and no number is from 90 % of it up to it."
            " Give another limit, or leave it out.",
            options="--just-below COL=NUMBER",
            parameter="just_below",
            column=column,
            value=0,
        )
    return list(dict.fromkeys(map(number_in_name, found)))


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


@dataclass(eq=False)
class _Work:
    """The state while `per` computes new columns and collects the notes on them.

    `asked` are the names in `like` without the suffix of names that exist twice. `main` is the
    column of dates that contains the moments of the rows, and `joined` is a column of times of day
    that is joined with it.
    """

    table: Table
    groups: Ints
    first: Ints
    key: Collection[str]
    given: Mapping[str, Collection[str]]
    limits: Mapping[str, list[str]]
    like: Collection[str] | None
    asked: frozenset[str]
    taken: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    dates: dict[str, Dates] = field(default_factory=dict)
    times: dict[str, Float64s] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    guessed: list[Dates] = field(default_factory=list)
    main: str = ""
    joined: str = ""
    seconds: Float64s | None = None
    history: History | None = None

    @property
    def n_groups(self) -> int:
        """Number of customers."""
        return len(self.first)

    def read_dates(self, date_format: str | None) -> None:
        """Read all columns of dates and of times of day, or only those that `like` can need."""
        named, columns = set(self.given["date"]), []
        others = {n for role, names in self.given.items() if role != "date" for n in names}
        for column in self.table.columns:
            role = "" if self.like is None else self._role_like(column)
            if column.name in {*self.key, *others} or role not in ("", "date"):
                continue
            times = None if role else times_of_day(column)
            if times is not None:
                self.times[column.name] = times
                self._note_unread(column, times)
                continue
            columns.append(column)
            if role == "date":
                named.add(column.name)
        self.dates.update(find_dates(columns, named - {*self.times}, date_format))
        if date_format is None:
            self.guessed.extend(d for d in self.dates.values() if d.is_guess)
        if self.like is None or (NAMELESS - {ROW_COUNT}) & self.asked:
            self._find_moments()

    def _note_unread(self, column: Column, times: Float64s) -> None:
        """Keep a note on cells that are not times of day."""
        rows = np.flatnonzero(np.isnan(times) & ~column.missing)
        if len(rows):
            what, example = counted(len(rows), "cell"), quoted(str(column.cells[rows[0]]))
            self.faults.append(
                f"{what} of {quoted(column.name)} not read as times of day, such as {example}"
            )

    def _find_moments(self) -> None:
        """Find the column with the moments of the rows, and join it with times of day next to it.

        A column with times of day is better, and a column that varies within customers is better.
        """
        best: tuple[bool, ...] = ()
        for name in self.dates:
            cells = self._cells(self.table.column(name))
            seconds, joined = _seconds(self._moments(cells.column)), ""
            of_day, beside = times_within(self.dates[name]), self._times_beside(name)
            if self.like is None and not beside and self._role(cells.column, cells) != "date":
                continue
            if beside and not (of_day > 0).any():
                joined, of_day = beside, self.times[beside]
                seconds = seconds + np.nan_to_num(of_day)
            of_day = without_filler(of_day)
            has_times = bool((of_day > 0).any())
            rank = (f"last {name}" in self.asked, not cells.levels.are_constant, has_times)
            if rank > best:
                best, self.main, self.joined, self.seconds = rank, name, joined, seconds
                self.history = History(seconds, of_day, self.groups, self.n_groups)

    def lacks_times(self) -> bool:
        """Return whether no column has times of day. A column without any value may be such one."""
        has_times = self.times or any(c.missing.all() for c in self.table.columns)
        return not has_times and all(np.isnan(times_within(d)).all() for d in self.dates.values())

    def _times_beside(self, name: str) -> str:
        """Return the column of times of day after or before a column, or "" without one."""
        names = self.table.names
        at = names.index(name)
        return next(
            (n for n in (*names[at + 1 : at + 2], *names[max(0, at - 1) : at]) if n in self.times),
            "",
        )

    def _cells(self, column: Column) -> GroupedCells:
        cells = GroupedCells(column, self.groups, self.n_groups)
        cells.history = self.history
        cells.limits = self.limits.get(column.name, [])
        return cells

    def columns(self) -> Iterator[tuple[str, Any, MadeColumn]]:
        """Yield name, values and kind of each new column."""
        counts = np.bincount(self.groups[self.groups >= 0], minlength=self.n_groups)
        yield ROW_COUNT, counts, MadeColumn("number", "")
        compared: list[GroupedCells] = []
        for column in self.table.columns:
            if column.name in self.key:
                continue
            cells = self._cells(column)
            role = self._role(column, cells) if self.like is None else self._role_like(column)
            role = "date" if column.name == self.main else role
            self.taken[column.name] = role
            if role == "same":
                yield column.name, self._first_values(column), MadeColumn("", column.name)
            elif role in FEATURES:
                yield from self._features(column, cells, role)
            elif self.like is None and column.name not in self.given[KEPT]:
                self.left_out.append(column.name)
            if self.like is None and role in ("", "category"):
                self._note_fault(column)
            if role != "number" and column.name in self.limits:
                raise InputError(
                    f"`just_below` has a limit for column {quoted(column.name)}, which does not"
                    " contain numbers that differ within customers. Give another column.",
                    options="--just-below COL=NUMBER",
                    parameter="just_below",
                    column=column.name,
                )
            if role in ("number", "category"):
                compared.append(cells)
        if "number" in self.taken.values():
            yield from self._repeated(compared)

    def _note_fault(self, column: Column) -> None:
        """Keep a note on a column of dates that cannot be read, unless the user named its kind."""
        if any(column.name in names for names in self.given.values()):
            return
        fault = date_fault(column)
        if fault:
            is_left_out = column.name in self.left_out
            self.left_out = [name for name in self.left_out if name != column.name]
            taken = "left out" if is_left_out else "taken as a category"
            self.faults.append(f"{quoted(column.name)} {taken}, because {fault}")

    def _features(
        self, column: Column, cells: GroupedCells, role: str
    ) -> Iterator[tuple[str, Any, MadeColumn]]:
        if column.name == self.main:
            cells.seconds, role = self.seconds, "moment"
        elif role == "date":
            cells.seconds = _seconds(self._moments(column))
        elif role == "time":
            if self.history is not None and self.history.has_times:
                return
            nowhere = np.full(len(self.groups), np.nan)
            times = without_filler(self.times[column.name])
            cells.history = History(nowhere, times, self.groups, self.n_groups)
        for feature in FEATURES[role]:
            is_joined = feature in TIMES and column.name == self.main and self.joined
            made = MadeColumn(feature.kind, self.joined if is_joined else column.name, feature.unit)
            for name, text in self._names(feature, column, cells).items():
                values = feature.values(cells, text) if feature.texts else feature.values(cells)
                values = cells.numbers.spelled(values) if feature.unit == "own" else values
                yield name, values, made

    def _names(self, feature: Feature, column: Column, cells: GroupedCells) -> dict[str, str]:
        """Return the names of the columns that a feature becomes, with the texts of {value}."""
        if feature.is_historic and cells.history is None:
            return {}
        if self.like is not None:
            return _texts_in(self.asked, feature, column.name)
        if not feature.is_made(cells):
            return {}
        texts = feature.texts(cells) if feature.texts else [""]
        return {feature.called(column.name, text): text for text in texts}

    def _repeated(self, compared: Sequence[GroupedCells]) -> Iterator[tuple[str, Any, MadeColumn]]:
        """Yield the number of rows that repeat an earlier row of the customer."""
        name = REPEATED if self.history is None else REPEATED_ON_DAY
        if self.like is not None and name not in self.asked:
            return
        codes = np.zeros(len(self.groups), dtype=np.intp)
        if self.seconds is not None:
            codes = day_codes(self.seconds)
        for cells in compared:
            codes = joined_codes(codes, cells.codes)
        repeated = n_repeated(codes, self.groups, self.n_groups)
        yield name, repeated, MadeColumn("number", "")

    def notes(self, key: str) -> Iterator[str]:
        """Yield the notes of the new table."""
        n_lost = int((self.groups < 0).sum())
        yield f"combined from {counted(self.table.n_rows - n_lost, 'row')}"
        if n_lost:
            yield f"{counted(n_lost, 'row')} without a value of {quoted(key)} left out"
        if self.like is None and n_lost + self.n_groups == self.table.n_rows:
            yield f"each value of {quoted(key)} has one row, so no rows were combined"
        yield from self.faults
        for order in dict.fromkeys(dates.order for dates in self.guessed):
            named = [dates.column.name for dates in self.guessed if dates.order == order]
            yield note_of_guess(named, order)
        if self.left_out:
            yield f"different in most rows, so left out: {listed(self.left_out)}"

    def _role(self, column: Column, cells: GroupedCells) -> str:
        """Return the role with which a column is aggregated, or "" to leave the column out."""
        if column.name in self.times:
            return "time"
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
        n_rows, is_whole = self.table.n_rows, column.is_whole
        n_values = column.n_distinct if is_whole else 0
        if is_whole and n_values == n_rows and _names_rows(column):
            return ""
        if not column.is_number:
            n_values = len(cells.levels.levels)
        about = {"is_whole": is_whole, "is_date": column.name in self.dates}
        return kind_of_values(n_values, n_rows, is_number=column.is_number, **about)

    def _role_like(self, column: Column) -> str:
        """Return the role of a column that the names in `like` need, or "" if none needs it."""
        assert self.like is not None
        if column.name in self.times:
            return "time"
        return "same" if column.name in self.like else role_like(column.name, self.asked)

    def _first_values(self, column: Column) -> Column:
        """Return a column with the first value of each customer that is not missing."""
        rows = first_rows(self.groups, ~column.missing, self.n_groups)
        return column.take(np.where(rows < 0, self.first, rows))

    def _moments(self, column: Column) -> Moments:
        """Return a column's dates. Raise InputError if only some dates have a time zone."""
        dates = self.dates[column.name]
        problem, options = date_problem(dates, date_zone(dates)), category_or_drop(column.name)
        cure = "Correct the dates, or leave out the column."
        refuse_problem(column.name, problem, self.table, cure, options)
        return dates.moments


def _seconds(moments: Moments) -> Float64s:
    """Return moments as seconds since 1970, with NaN for missing moments."""
    return np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1e6)


def _names_rows(column: Column) -> bool:
    """Return whether distinct whole numbers are ids of the rows or count the rows."""
    assert column.numbers is not None
    return is_called_id(column.name) or bool(np.ptp(column.numbers) == len(column) - 1)


def is_called_id(name: str) -> bool:
    """Return whether the name of a column ends with the word id."""
    return ID_NAME.search(name) is not None
