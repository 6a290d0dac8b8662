"""Read the rows from the body of a request, which is JSON, CSV or Arrow."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, NoReturn, TypeAlias

import msgspec

from somscape.desk.web._gate import Limit, Refusal
from somscape.errors import InputError
from somscape.tables._cells import MISSING_WORDS
from somscape.tables._messages import listed, suggestion
from somscape.tables._write import column_of_numbers, column_of_texts, table_from_wire
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.column import Column
from somscape.tables.encoding import UNUSED_KINDS, Encoding
from somscape.tables.ordered import OrdinalCode
from somscape.tables.rules import rules_of
from somscape.tables.table import Table


@dataclass(frozen=True)
class RequestLimits:
    """Limits on the size of a request.

    Parameters
    ----------
    max_body : int
        Maximum bytes of the body of a request, whose rows need up to 40 times as much memory.
    max_rows : int
    """

    max_body: int
    max_rows: int

    @property
    def in_words(self) -> str:
        """Phrase with both limits, for the response to a request that is too large."""
        return f"{self.max_body / 1e6:g} MB (--max-body) and {self.max_rows:,} rows (--max-rows)"

    @property
    def of_body(self) -> Limit:
        """Limit on the body, with its message."""
        size = f"{self.max_body / 1e6:g} MB (--max-body)"
        return Limit(self.max_body, f"The body is larger than {size}. Send the rows in parts.")


def from_json(body: bytes, parse_constant: Callable[[str], Any]) -> Any:
    """Return the data in the JSON body of a request."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return json.loads(body, parse_constant=parse_constant)


def to_json(answer: Any) -> bytes:
    """Return a response as JSON in UTF-8. Invalid characters become "?"."""
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


Cells: TypeAlias = list[list[Any]]
"""The values of rows. Each inner list contains the values of one column of the map."""

KINDS = {str: "text", bool: "true or false", type(None): "null", list: "a list", dict: "an object"}
MAX_NAMED = 5

ONE_BY_ONE = frozenset({bool, float})
"""Types that need separate comparisons. For example, 1.0 equals True."""


def kind_found(value: object) -> str:
    """Return a phrase for the kind of a JSON value. The phrase does not contain the value."""
    return KINDS.get(type(value), "a number")


class Columns:
    """The columns of a map, with functions that read these columns from JSON rows.

    Parameters
    ----------
    encoding : Encoding

    Attributes
    ----------
    names : list of str
        Required columns of each row.  Rules may need columns that the map does not use.
    known : frozenset of str
        Columns that a row may have, including the id and columns that the map does not use.
    id : str or None
        Name of the column with the ids of the rows, or None.
    """

    def __init__(self, encoding: Encoding) -> None:
        needed = {name for rule in rules_of(encoding.roles.rules) for name in rule.columns}
        codes = [*encoding.used, *(c for c in encoding.columns if c.kind in UNUSED_KINDS)]
        codes = [code for code in codes if code.kind not in UNUSED_KINDS or code.name in needed]
        self.names = [code.name for code in codes]
        self.known = frozenset(code.name for code in encoding.columns)
        self.id = encoding.named("id")
        words = encoding.roles.missing_values
        may_miss = encoding.missing != "error"
        self._readers = [_reader_of(code, words, may_miss=may_miss) for code in codes]

    def cells(self, rows: Sequence[Any]) -> Cells:
        """Return the values of JSON rows by column. If a row is not valid, refuse the request."""
        for number, row in enumerate(rows, 1):
            if type(row) is not dict:
                raise Refusal(422, f"Row {number} must be an object, but is {kind_found(row)}.")
            if not self.known.issuperset(row):
                self._check_names(row, f"Row {number}")
        try:
            by_column = [[row[name] for row in rows] for name in self.names]
        except KeyError:
            for number, row in enumerate(rows, 1):
                self._check_names(row, f"Row {number}")
            raise
        return [read.cells(values) for read, values in zip(self._readers, by_column, strict=True)]

    def table(self, cells: Cells) -> Table:
        """Return a table of the row values from one or several requests."""
        columns = (read.column(each) for read, each in zip(self._readers, cells, strict=True))
        return Table(tuple(columns), "the request")

    def with_ids(self, table: Table, ids: Sequence[Any] | None) -> Table:
        """If the map has an id column that a table lacks, add the ids of the rows to the table."""
        if ids is None or self.id is None or self.id in table.names:
            return table
        texts = [None if each is None else str(each) for each in ids]
        return replace(table, columns=(*table.columns, column_of_texts(self.id, texts)))

    def check_table(self, table: Table) -> None:
        """Refuse a table that lacks columns of the map or has unknown columns."""
        if self.known.isdisjoint(table.names):
            raise Refusal(
                422,
                f"None of the {len(table.names)} columns is in the map, which needs "
                f"{listed(self.names, MAX_NAMED)}. The first line of a CSV must contain the names "
                "of the columns.",
            )
        self._check_names(table.names, "The table")

    def _check_names(self, given: Sequence[str] | Mapping[str, Any], what: str) -> None:
        """Refuse a row or a table that lacks columns of the map or has unknown columns."""
        lacking = [name for name in self.names if name not in given]
        others = [name for name in given if name not in self.known]
        if lacking:
            close = suggestion(lacking[0], others)
            meant = f" ({close})" if close else ""
            names = listed(lacking, MAX_NAMED)
            raise Refusal(422, f"{what} lacks columns of this map: {names}{meant}.")
        if others:
            raise Refusal(
                422,
                f"{what} has columns that are not in this map ({listed(others, MAX_NAMED)}). Leave "
                "these columns out.",
            )


def _reader_of(code: Any, words: Sequence[str] | None, *, may_miss: bool) -> "_Numbers | _Texts":
    if isinstance(code, NumberCode):
        return _Numbers(code.name, words, may_miss=may_miss)
    levels = code.levels if isinstance(code, CategoryCode | OrdinalCode) else ()
    return _Texts(code.name, words, levels, may_miss=may_miss)


class _Reader:
    """Reader of the values of one column. It checks their types."""

    types: frozenset[type] = frozenset()
    needs = ""

    def __init__(self, name: str, *, may_miss: bool) -> None:
        self._name = name
        self._may_miss = may_miss

    def check(self, values: Sequence[Any]) -> None:
        """Refuse the request if a value in this column has a wrong type."""
        allowed = self.types | {type(None)} if self._may_miss else self.types
        if allowed.issuperset(map(type, values)):
            return
        row = next(i for i, value in enumerate(values) if type(value) not in allowed)
        self.refuse(row, kind_found(values[row]))

    def refuse(self, row: int, found: str) -> None:
        """Refuse a request because the value in one row has a wrong kind for this column."""
        or_null = " or null" if self._may_miss else ""
        raise Refusal(
            422,
            f"Row {row + 1}, column '{self._name}', must contain {self.needs}{or_null}, but "
            f"contains {found}.",
        )


class _Numbers(_Reader):
    types = frozenset({int, float})
    needs = "a number"

    def __init__(self, name: str, words: Sequence[str] | None, *, may_miss: bool) -> None:
        super().__init__(name, may_miss=may_miss)
        self._missing = _numbers_among(words or ())

    def cells(self, values: list[Any]) -> list[Any]:
        """Return the values of a number column, with None for missing values."""
        self.check(values)
        if self._missing:
            values = [None if value in self._missing else value for value in values]
        if not all(map(_is_finite, values)):
            far = next(i for i, value in enumerate(values) if not _is_finite(value))
            self.refuse(far, "a number that is too large for a float")
        return values

    def column(self, cells: list[Any]) -> Column:
        """Return the numbers as a column."""
        return column_of_numbers(self._name, cells)


class _Texts(_Reader):
    types = frozenset({str, int, float, bool})
    needs = "text, a number, true, false"

    def __init__(
        self, name: str, words: Sequence[str] | None, levels: Sequence[str], *, may_miss: bool
    ) -> None:
        super().__init__(name, may_miss=may_miss)
        self._levels = {level: level for level in levels}
        self._as_level = {level.casefold(): level for level in levels}
        self._missing = {
            word.strip().casefold() for word in (MISSING_WORDS if words is None else words)
        } | {""}

    def cells(self, values: list[Any]) -> list[Any]:
        """Return the values of a text column, with None for missing values."""
        try:
            return [self._levels[value] for value in values]  # the usual case
        except (KeyError, TypeError):
            self.check(values)
        if ONE_BY_ONE.isdisjoint(map(type, values)):
            found = {value: self._cell(value) for value in set(values)}
            return [found[value] for value in values]
        return [self._cell(value) for value in values]

    def column(self, cells: list[Any]) -> Column:
        """Return the texts as a column."""
        return column_of_texts(self._name, cells)

    def _cell(self, value: Any) -> str | None:
        if value is None:
            return None
        if type(value) is bool:  # in the form of the map's own table
            return self._as_level.get(str(value).casefold(), str(value))
        text = str(value).removesuffix(".0") if type(value) is float else str(value).strip()
        if text in self._levels:
            return text
        return None if text.casefold() in self._missing else text


def _is_finite(value: Any) -> bool:
    try:
        return value is None or isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


def _numbers_among(words: Sequence[str]) -> set[float]:
    found = set()
    for word in words:
        with suppress(ValueError):
            found.add(float(word))
    return found


JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
WIRES = {CSV: "csv", ARROW: "arrow"}
"""Kind of table that `table_from_wire` reads, by the media type of the body."""

TYPES = f"{JSON}, {CSV} or {ARROW}"

NO_TABLE = {
    "csv": "The body cannot be read as CSV. It must be text in UTF-8 with a line of column names "
    "and at least one row. For details, use `somscape score` with the same text in a file.",
    "arrow": "The body cannot be read as an Arrow stream of numbers, text and dates, or the "
    "uncompressed data are too large.",
}
"""Messages for bodies that cannot be read. These messages do not quote values."""


def media_type(header: str | None) -> str:
    """Return the media type in a header without its parameters, for example "application/json"."""
    return (header or "").partition(";")[0].strip().lower()


def rows_of_json(body: bytes, limits: RequestLimits) -> list[Any]:
    """Return the rows in a JSON body, which is one row, a list of rows, or {"rows": [...]}."""
    try:
        found = from_json(body, _refuse_constant)
    except UnicodeDecodeError:
        raise Refusal(400, "The body is not text in UTF-8.") from None
    except json.JSONDecodeError as error:
        # The text of the error is left out, because it may quote the body.
        place = f"line {error.lineno}, column {error.colno}"
        raise Refusal(400, f"The body is not JSON. It has an error at {place}.") from None
    except RecursionError:
        raise Refusal(400, "The JSON is nested too deeply. Send rows as flat objects.") from None
    except ValueError:  # a whole number with thousands of digits
        raise Refusal(400, "The JSON contains a number with too many digits.") from None
    if isinstance(found, dict):
        found = found["rows"] if found.keys() == {"rows"} else [found]
    if not isinstance(found, list):
        raise Refusal(
            422,
            'The body must be a row, a list of rows, or {"rows": [...]}, but is '
            f"{kind_found(found)}.",
        )
    _check_length(len(found), limits)
    return found


def table_of_wire(
    kind: str, body: bytes, limits: RequestLimits, words: tuple[str, ...] | None
) -> Table:
    """Return the table that a body contains as CSV or Arrow."""
    try:
        table = table_from_wire(kind, body, "the body", words)
    except InputError:
        raise Refusal(422, NO_TABLE[kind]) from None
    _check_length(table.n_rows, limits)
    return table


def _check_length(n_rows: int, limits: RequestLimits) -> None:
    if not n_rows:
        raise Refusal(422, "The body does not contain a row. Send at least one row.")
    if n_rows > limits.max_rows:
        raise Refusal(
            413,
            f"The request has {n_rows:,} rows, but at most {limits.max_rows:,} are allowed "
            "(--max-rows). Send the rows in parts.",
        )


def _refuse_constant(name: str) -> NoReturn:
    raise Refusal(400, f"{name} is not valid in JSON. Send null for a missing value.")
