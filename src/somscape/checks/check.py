"""Checks of the columns of a table, as short statements with the rows that do not obey."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._stored import assembled, made_ahead
from somscape._types import Ints
from somscape.checks._columns import (
    MIN_ROWS,
    Fact,
    Values,
    dates_in,
    facts_of,
    no_dates,
    text_facts,
    values_of,
)
from somscape.checks._relations import (
    MAX_GROUPS,
    SAMPLE,
    Groups,
    bounded_ratios,
    dependencies,
    factors_among_columns,
    factors_in_groups,
    implications,
    orders,
    sums_and_ratios,
)
from somscape.checks._rows import RowHashes, repeated, totals, twice
from somscape.tables.column import Column
from somscape.tables.sources import source
from somscape.tables.table import Table

MAX_CHECKS, MAX_OF_KIND, MAX_IDS, MAX_ROWS = 25, 8, 5, 1000
"""Most checks, most checks of one kind, most ids of a check, and most rows of a check."""

SINGLE = ("extreme", "missing code", "step", "range")
"""Kinds of values that are left out of the search for relations of columns."""


@dataclass(frozen=True)
class Check:
    """A fact about columns of a table that a few rows do not obey.

    Attributes
    ----------
    kind : str
        Kind of the check, such as "extreme" or "id twice".
    columns : tuple of str
        Columns of the fact.
    text : str
        The fact in words, without rows.
    ids : tuple of str
        Ids of the first rows that do not obey, at most five.
    rows : tuple of int
        Numbers of the rows that do not obey, counted from 0, at most 1000.
    n_obey, n_rows : int
        Number of rows that obey, and number of rows to which the fact applies.
    strength : float
        How improbable the rows are if nothing is wrong.  Larger values come first.
    id_name : str, default="row"
        Name of the ids in texts.

    See Also
    --------
    check : Finds the checks of a table.

    Examples
    --------
    >>> found = Check("extreme", ("age",), "age 127 (next 79)", ("7",), (6,), 99, 100, 20.0)
    >>> str(found), found.key
    ('age 127 (next 79): row 7', 'extreme|age|7')
    """

    kind: str
    columns: tuple[str, ...]
    text: str
    ids: tuple[str, ...]
    rows: tuple[int, ...]
    n_obey: int
    n_rows: int
    strength: float
    id_name: str = "row"

    def __str__(self) -> str:
        if not self.ids:
            return self.text
        n_more = self.n_rows - self.n_obey - len(self.ids)
        more = f" and {n_more:,} more" if n_more > 0 else ""
        plural = "s" if len(self.ids) > 1 and self.id_name == "row" else ""
        return f"{self.text}: {self.id_name}{plural} {', '.join(self.ids)}{more}"

    @property
    def key(self) -> str:
        """Text that identifies the check: kind, columns and ids."""
        return "|".join((self.kind, ",".join(self.columns), ",".join(self.ids)))

    def to_json(self) -> dict[str, Any]:
        """Return the check as JSON data.

        Returns
        -------
        dict
            The keys are ``key``, ``kind``, ``columns``, ``text``, ``sentence`` (the text with ids),
            ``ids``, ``rows``, ``n_obey`` and ``n_rows``.
        """
        return {
            "key": self.key,
            "kind": self.kind,
            "columns": list(self.columns),
            "text": self.text,
            "sentence": str(self),
            "ids": list(self.ids),
            "rows": list(self.rows),
            "n_obey": self.n_obey,
            "n_rows": self.n_rows,
        }


def check(
    table: Any, *, id: str | None = None, label: str | None = None, **reading: Any
) -> list[Check]:
    """Return facts that nearly all rows obey, with the rows that do not obey.

    Parameters
    ----------
    table : Table, data frame, path, ndarray or Source
        Table in any form that `tables.source` accepts.
    id : str, optional
        Column whose values name the rows in the checks.  By default, rows are counted from 1.
    label : str, optional
        Column with a known outcome, which is not checked.
    **reading : dict
        Further parameters of `tables.read_table`.

    Returns
    -------
    list of Check
        At most 25 checks, the most remarkable first.

    Raises
    ------
    InputError
        If the table cannot be read, or if it lacks the column `id` or `label`.

    See Also
    --------
    Check : One fact with its rows.

    Notes
    -----
    The checks do not depend on names of columns.  A rule, such as a sum of two columns, is a check
    only if the table itself shows that nearly all rows obey it.  Relations are searched among the
    first 60 columns of each kind and in at most 4000 rows, and are then counted in all rows.

    Examples
    --------
    >>> from somscape.tables import table_from_columns
    >>> ages = [20 + i % 40 for i in range(200)]
    >>> ages[6] = 127
    >>> print(*check(table_from_columns({"age": ages})))
    age 127 (next 59): row 7
    """
    found = source(table, **reading).table()
    facts = _merged(list(_facts(found, id, label)))
    ids = None if id is None else found.column(id)
    return [_check(fact, ids) for fact in _chosen(facts)]


def _check(fact: Fact, ids: Column | None) -> Check:
    if fact.kind == "id twice":
        ids = None  # only the number of the row is unique
    rows = tuple(int(row) for row in fact.rows[:MAX_ROWS])
    first = rows[:MAX_IDS]
    names = [str(row + 1) if ids is None else ids.cell(row) or f"row {row + 1}" for row in first]
    n_broken = len(fact.rows)
    about = (fact.n_rows - n_broken, fact.n_rows, fact.strength)
    name = "row" if ids is None else ids.name
    return Check(fact.kind, fact.columns, fact.text, tuple(names), rows, *about, name)


def _merged(facts: list[Fact]) -> list[Fact]:
    """Merge the negative values of several columns, unless a column has only one or two of them."""
    several = [fact for fact in facts if fact.kind == "negative" and len(fact.rows) > 2]
    if len(several) < 3:
        return facts
    names = tuple(fact.columns[0] for fact in several)
    in_turn = zip_longest(*(fact.rows.tolist() for fact in several))
    rows = np.array([row for row in dict.fromkeys(chain(*in_turn)) if row is not None])
    n = sum(len(fact.rows) for fact in several)
    text = f"{len(names)} columns ({names[0]} ... {names[-1]}) are below 0 in {n:,} cells"
    strength = max(fact.strength for fact in several)
    merged = Fact("negative", names, text, rows, several[0].n_rows, strength)
    return [*(fact for fact in facts if fact not in several), merged]


def _chosen(facts: Sequence[Fact]) -> list[Fact]:
    """Return the strongest facts without repetitions.

    A fact is left out if stronger facts of the same kind or with a common column contain its rows.
    """
    kept: list[Fact] = []
    also: dict[int, list[str]] = {}
    for fact in sorted(facts, key=lambda fact: -fact.strength):
        first = fact.rows[:MAX_IDS].tolist()
        same = [i for i, other in enumerate(kept) if _is_like(fact, other)]
        known = {row for i in same for row in kept[i].rows[:MAX_IDS].tolist()}
        if first and known.issuperset(first):
            rows = {*fact.rows.tolist()}
            of_rows = [i for i in same if kept[i].kind == "extreme" and rows <= {*kept[i].rows}]
            if of_rows and fact.kind == "extreme":
                also.setdefault(of_rows[0], []).append(fact.columns[0])
        elif sum(fact.kind == other.kind for other in kept) < MAX_OF_KIND:
            kept.append(fact)
    for i, names in also.items():
        kept[i] = replace(kept[i], text=f"{kept[i].text}, also in {', '.join(names[:MAX_IDS])}")
    return kept[:MAX_CHECKS]


def _is_like(fact: Fact, other: Fact) -> bool:
    is_same = other.kind in (fact.kind, "total row")
    return is_same or not set(fact.columns).isdisjoint(other.columns)


def _facts(table: Table, id: str | None, label: str | None) -> Iterator[Fact]:
    """Yield all facts about a table."""
    if table.n_rows < 2:
        return
    looked = _Looked(table, id, label)
    yield from looked.facts
    numbers, groups, sample = looked.numbers, looked.groups, _sample(table.n_rows)
    yield from looked.rows.equal(looked.ids)
    yield from looked.rows.nearly_equal()
    yield from totals(looked.all_numbers, looked.texts)
    yield from repeated(numbers, table.n_rows)
    yield from sums_and_ratios(numbers, sample)
    yield from orders(numbers, sample)
    yield from dependencies(groups, sample)
    yield from implications(groups, numbers, sample)
    yield from factors_in_groups(numbers, groups, sample)
    yield from factors_among_columns(numbers, sample)
    yield from bounded_ratios(numbers, sample)


def _sample(n_rows: int) -> Ints:
    """Return the numbers of the rows in which relations are searched."""
    if n_rows <= SAMPLE:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, SAMPLE, replace=False))


class _Looked:
    """The columns of a table as numbers, groups and texts, and the facts about single columns."""

    def __init__(self, table: Table, id: str | None, label: str | None) -> None:
        self.n_rows, self.n_columns = table.shape
        self.id = id
        self.facts: list[Fact] = []
        self.all_numbers: list[Values] = []
        self.numbers: list[Values] = []  # without odd values
        self.groups: list[Groups] = []
        self.texts: dict[str, tuple[NDArray[Any], list[str]]] = {}
        self.rows = RowHashes(table.n_rows)
        self.ids: Ints | None = None  # numbers that are equal in rows with the same id
        dates = dates_in(table)

        able = [each for each in table.columns if each.name != label and each.n_missing < len(each)]
        narrow = [column for column in able if column.is_float32]
        parts = (np.asarray(column.numbers)[None] for column in narrow)
        wide = assembled(parts, (len(narrow), table.n_rows))  # one file, because few can be open
        numbers = dict(zip((column.name for column in narrow), wide, strict=True))

        def ready(column: Column) -> tuple[Column, Values | None, Any]:
            held = numbers[column.name] if column.is_float32 else column.numbers
            values = values_of(column, dates.get(column.name), held)
            is_sorted = values is not None and not values.is_date
            return column, values, column.ascending() if is_sorted else None

        # While this thread examines a column, another thread sorts the next column.
        for column, values, _ in made_ahead(partial(ready, column) for column in able):
            if values is None:
                self._look_at_texts(column)
            else:
                if values.is_date:
                    self.facts += [*text_facts(column, is_date=True), *no_dates(values)]
                if values.n:
                    self._look_at_numbers(values)

    def _look_at_texts(self, column: Column) -> None:
        codes, shown = column.coded()
        counts = np.bincount(codes[codes >= 0], minlength=len(shown))
        self.facts += text_facts(column, is_date=False)
        self.texts[column.name] = codes, shown
        is_id = column.name == self.id or (
            self.n_rows >= MIN_ROWS and len(shown) >= 0.95 * counts.sum()
        )
        if is_id:
            rows = np.flatnonzero(np.isin(codes, np.flatnonzero(counts > 1)))
            self._look_at_id(column, rows, codes[rows])
            return
        if 2 <= len(shown) <= self._most_groups:
            self.groups.append(Groups(column.name, codes, shown))
        self.rows.add(column.name, codes, np.arange(len(shown)), counts)

    def _look_at_numbers(self, values: Values) -> None:
        distinct, counts = values.counts
        if values.name == self.id or values.is_id:
            rows = np.flatnonzero(np.isin(values.numbers, distinct[counts > 1]))
            self._look_at_id(values.column, rows, values.numbers[rows])
            return
        single = list(facts_of(values, self.n_columns))
        self.facts += single
        odd = [fact.rows for fact in single if fact.kind in SINGLE]
        self.all_numbers.append(values.without(np.empty(0, dtype=np.int64)))
        usual = values.without(np.concatenate(odd), self.n_columns) if odd else self.all_numbers[-1]
        self.numbers.append(usual)
        if 2 <= len(distinct) <= self._most_groups and not values.is_date:
            codes = np.searchsorted(distinct, values.numbers).astype(np.int32)
            codes[np.isnan(values.numbers)] = -1
            shown = [values.show(x) for x in distinct]
            self.groups.append(Groups(values.name, codes, shown, values.is_whole))
        self.rows.add(values.name, values.numbers, distinct, counts)

    @property
    def _most_groups(self) -> float:
        return min(MAX_GROUPS, self.n_rows / 4)

    def _look_at_id(self, column: Column, rows: Ints, keys: NDArray[Any]) -> None:
        if self.ids is None or column.name == self.id:
            self.ids = np.arange(self.n_rows)
            _, first, same = np.unique(keys, return_index=True, return_inverse=True)
            self.ids[rows] = rows[first][same]
        self.facts += twice(column.name, rows, keys, lambda row: str(column.cell(row)), self.n_rows)
