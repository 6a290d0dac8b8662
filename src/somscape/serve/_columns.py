"""Rows of JSON as cells of a map's columns: every value is checked, and no text is guessed at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, TypeAlias

from somscape.encode import CategoryCode, Encoding, NumberCode, OrdinalCode
from somscape.serve._refused import Refused
from somscape.tables import (
    MISSING_WORDS,
    Column,
    Table,
    column_of_numbers,
    column_of_texts,
    listed,
    suggestion,
)

Cells: TypeAlias = list[list[Any]]
"""The values of some rows, a list for each column that the map uses."""

KINDS = {str: "text", bool: "true or false", type(None): "null", list: "a list", dict: "an object"}
MAX_NAMED = 5

ONE_BY_ONE = frozenset({bool, float})
"""Types of values that may be equal and yet other texts: 1.0 and True are 1."""


def kind_found(value: object) -> str:
    """Return what a value of JSON is, and nothing of what it says."""
    return KINDS.get(type(value), "a number")


class Columns:
    """The columns that a map uses, as rows of JSON must hold them.

    Parameters
    ----------
    encoding : Encoding

    Attributes
    ----------
    names : list of str
        Columns that each row must have.
    known : frozenset of str
        Columns that a row may have: also the id, and what the map leaves out.
    id : str or None
        The column that names the rows.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.names = [code.name for code in encoding.used]
        self.known = frozenset(code.name for code in encoding.columns)
        self.id = encoding.named("id")
        words = encoding.roles.missing_values
        may_miss = encoding.missing != "error"
        self._readers = [_reader_of(code, words, may_miss=may_miss) for code in encoding.used]

    def cells(self, rows: Sequence[Any]) -> Cells:
        """Return the cells of rows, or refuse them."""
        for number, row in enumerate(rows, 1):
            if type(row) is not dict:
                raise Refused(422, f"Row {number} must be an object; got {kind_found(row)}.")
            if not self.known.issuperset(row):
                self._refuse_unknown(row, f"Row {number}")
        try:
            by_column = [[row[name] for row in rows] for name in self.names]
        except KeyError:
            number, row = next(
                (i, row) for i, row in enumerate(rows, 1) if not row.keys() >= {*self.names}
            )
            raise self._lacking(row, f"Row {number}") from None
        return [read.cells(values) for read, values in zip(self._readers, by_column, strict=True)]

    def table(self, cells: Cells) -> Table:
        """Return cells, of one request or of several, as a table."""
        columns = (read.column(each) for read, each in zip(self._readers, cells, strict=True))
        return Table(tuple(columns), "the request")

    def with_ids(self, table: Table, ids: Sequence[Any] | None) -> Table:
        """Return a table with the ids of its rows, if the map has some."""
        if ids is None or self.id is None:
            return table
        texts = [None if each is None else str(each) for each in ids]
        return replace(table, columns=(*table.columns, column_of_texts(self.id, texts)))

    def check_table(self, table: Table) -> None:
        """Refuse a table that lacks columns of the map, or has others."""
        if self.known.isdisjoint(table.names):
            raise Refused(
                422,
                f"None of the {len(table.names)} columns is one that this map needs "
                f"({listed(self.names, MAX_NAMED)}). The first line of a CSV must name the "
                "columns.",
            )
        if not self.known.issuperset(table.names):
            self._refuse_unknown(table.names, "The table")
        if not {*self.names} <= {*table.names}:
            raise self._lacking(table.names, "The table")

    def _refuse_unknown(self, given: Sequence[str] | Mapping[str, Any], what: str) -> None:
        lacking = [name for name in self.names if name not in given]
        if not lacking:
            others = [name for name in given if name not in self.known]
            raise Refused(
                422,
                f"{what} has columns that this map does not know ({listed(others, MAX_NAMED)}). "
                "Leave them out.",
            )
        raise self._lacking(given, what)

    def _lacking(self, given: Sequence[str] | Mapping[str, Any], what: str) -> Refused:
        lacking = [name for name in self.names if name not in given]
        close = suggestion(lacking[0], [name for name in given if name not in self.known])
        meant = f"; {close}" if close else ""
        names = listed(lacking, MAX_NAMED)
        return Refused(422, f"{what} lacks columns that this map needs ({names}{meant}).")


def _reader_of(code: Any, words: Sequence[str] | None, *, may_miss: bool) -> "_Numbers | _Texts":
    if isinstance(code, NumberCode):
        return _Numbers(code.name, words, may_miss=may_miss)
    levels = code.levels if isinstance(code, CategoryCode | OrdinalCode) else ()
    return _Texts(code.name, words, levels, may_miss=may_miss)


class _Reader:
    """Checks the values of one column."""

    types: frozenset[type] = frozenset()
    needs = ""

    def __init__(self, name: str, *, may_miss: bool) -> None:
        self._name = name
        self._may_miss = may_miss

    def check(self, values: Sequence[Any]) -> None:
        """Refuse values of a type that the column cannot hold."""
        allowed = self.types | {type(None)} if self._may_miss else self.types
        if allowed.issuperset(map(type, values)):
            return
        row = next(i for i, value in enumerate(values) if type(value) not in allowed)
        self.refuse(row, kind_found(values[row]))

    def refuse(self, row: int, found: str) -> None:
        """Say what a row, from 0, must hold in the column, and what kind of thing it holds."""
        or_null = " or null" if self._may_miss else ""
        raise Refused(
            422,
            f"Row {row + 1}, column '{self._name}', must hold {self.needs}{or_null}; got {found}.",
        )


class _Numbers(_Reader):
    types = frozenset({int, float})
    needs = "a number"

    def __init__(self, name: str, words: Sequence[str] | None, *, may_miss: bool) -> None:
        super().__init__(name, may_miss=may_miss)
        self._missing = _numbers_among(words or ())

    def cells(self, values: list[Any]) -> list[Any]:
        """Return the numbers, None where missing."""
        self.check(values)
        if self._missing:
            values = [None if value in self._missing else value for value in values]
        if not all(map(_is_finite, values)):
            far = next(i for i, value in enumerate(values) if not _is_finite(value))
            self.refuse(far, "one that no float holds")
        return values

    def column(self, cells: list[Any]) -> Column:
        """Return the cells as a column."""
        return column_of_numbers(self._name, cells)


class _Texts(_Reader):
    types = frozenset({str, int, float, bool})
    needs = "text, a number, true, false"

    def __init__(
        self,
        name: str,
        words: Sequence[str] | None,
        levels: Sequence[str],
        *,
        may_miss: bool,
    ) -> None:
        super().__init__(name, may_miss=may_miss)
        self._levels = {level: level for level in levels}
        self._as_level = {level.casefold(): level for level in levels}
        self._missing = {
            word.strip().casefold() for word in (MISSING_WORDS if words is None else words)
        } | {""}

    def cells(self, values: list[Any]) -> list[Any]:
        """Return the texts, None where missing."""
        try:
            return [self._levels[value] for value in values]  # as nearly always
        except (KeyError, TypeError):
            self.check(values)
        if ONE_BY_ONE.isdisjoint(map(type, values)):
            found = {value: self._cell(value) for value in set(values)}
            return [found[value] for value in values]
        return [self._cell(value) for value in values]

    def column(self, cells: list[Any]) -> Column:
        """Return the cells as a column."""
        return column_of_texts(self._name, cells)

    def _cell(self, value: Any) -> str | None:
        if value is None:
            return None
        if type(value) is bool:  # as the map's own table wrote it
            return self._as_level.get(str(value).casefold(), str(value))
        text = str(value).removesuffix(".0") if type(value) is float else str(value).strip()
        if text in self._levels:
            return text
        return None if text.casefold() in self._missing else text


def _is_finite(value: Any) -> bool:
    try:
        return value is None or isfinite(value)
    except OverflowError:  # a whole number beyond floats
        return False


def _numbers_among(words: Sequence[str]) -> frozenset[float]:
    found = set()
    for word in words:
        try:
            found.add(float(word))
        except ValueError:
            continue
    return frozenset(found)
