"""Rules of the user next to scores: read, check and apply them to the rows of a table."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, reduce
from typing import Any

import numpy as np

from somscape._types import Bools, Ints
from somscape.errors import InputError
from somscape.tables._dates import find_dates
from somscape.tables._late import pp
from somscape.tables._messages import counted, listed, quoted, suggestion
from somscape.tables._numbers import read_numbers
from somscape.tables.codes import NumberCode, is_number
from somscape.tables.column import Column
from somscape.tables.ordered import DateCode
from somscape.tables.table import Table

ALWAYS, NEVER, FLOOR, DIRECTION = "always", "never", "floor", "direction"
RULE_KINDS = (ALWAYS, NEVER, FLOOR, DIRECTION)
"""Kinds of rules. A kind is stronger than the kinds after it."""

RULE_EXAMPLES = {
    ALWAYS: "'large: amount > 10000'",
    NEVER: "\"merchant = 'payroll' until 2027-03-31\"",
    FLOOR: "amount=50",
    DIRECTION: "amount=high",
}
"""For each kind of rule, an example of its text."""

SIDES = ("high", "low")

MAX_RULE = 1000
"""Maximum number of characters in a rule."""

ROUNDING = 1e-12
"""Sums and differences with a smaller share of their parts are 0, because decimals are rounded."""

NAMED = re.compile(r"\s*([^\W\d][\w -]{0,49}):(?!\s*$)(.*)", re.DOTALL)
"""Pattern of a rule with a name and a colon before its condition."""

RESERVED = ("and", "or", "not", "in", "is", "missing", "until")
MAX_PARTS = 200
"""Maximum number of columns, values and operators in a condition."""

ADVICE = (
    " Names with spaces need brackets, such as [net amount], text needs single quotes, numbers need"
    " no commas, and dates have the form 2027-03-31."
)
"""Advice on a condition that cannot be read."""

JOINED = ("and", "or", "not")
COMPARED = ("<=", ">=", "!=", "<>", "==", "<", ">", "=")
SAME_AS = {"==": "=", "<>": "!="}


@dataclass(frozen=True)
class Node:
    """A part of a parsed condition.

    Attributes
    ----------
    op : str
        An operator, or "column", "number", "text", "abs" or "missing".
    parts : tuple
        The operands, which are nodes, a name, a number or a text.
    """

    op: str
    parts: tuple[Any, ...]

    @property
    def is_condition(self) -> bool:
        """Whether the node is true or false for a row, and not a value."""
        return self.op in (*JOINED, "missing", *COMPARED)

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all nodes within it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(part for part in node.parts if isinstance(part, Node))

    @property
    def columns(self) -> list[str]:
        """Names of the columns in this node."""
        return [node.parts[0] for node in self.walk() if node.op == "column"]


@dataclass(frozen=True)
class ListRule:
    """A rule that lists or hides rows, whatever their scores are.

    Attributes
    ----------
    kind : {"always", "never", "floor", "direction"}
    name : str
        Name of the rule, by default its text.
    text : str
        Condition of the rule, without the name.
    condition : Node or None
        The parsed condition.  None for a direction.
    until : str or None
        Last day on which the rule is valid, such as "2027-03-31".
    column, side : str
        The column of a direction, and its side, which is "high" or "low".

    Examples
    --------
    >>> from somscape.tables.rules import rules_of
    >>> print(*rules_of({"always": ["large: amount > 10000"], "floor": ["amount=50"]}))
    rule large: amount > 10000 rule: amount=50
    """

    kind: str
    name: str
    text: str
    condition: Node | None = None
    until: str | None = None
    column: str = ""
    side: str = ""

    def __str__(self) -> str:
        return f"{self.heading}: {self.text}"

    @property
    def heading(self) -> str:
        """The word "rule", with the name of the rule if it has its own name."""
        return "rule" if self.name == self.text else f"rule {self.name}"

    @property
    def label(self) -> str:
        """Kind and name of the rule, for a column of a result file."""
        return f"{self.kind} {self.name}"

    @property
    def quoted(self) -> str:
        """The rule in quotes, as the user wrote it."""
        return quoted(self.text if self.name == self.text else f"{self.name}: {self.text}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the rule needs."""
        found = [self.column] if self.condition is None else self.condition.columns
        return tuple(dict.fromkeys(found))

    def has_ended(self, today: str) -> bool:
        """Return whether the last day of the rule is before a day such as "2027-04-01"."""
        return self.until is not None and self.until < today[:10]


@dataclass(frozen=True)
class RuleEffect:
    """A rule, and the number of rows that it listed, hid or ranked lower.

    Attributes
    ----------
    rule : ListRule
    n_rows : int
        Number of rows that the rule decided on.  A row that obeys several rules counts for the
        strongest of them.
    n_changed : int
        Number of these rows that would not be in the list without the rule ("always"), or that
        would be in the list ("never" and "floor").
    has_ended : bool, default=False
        Whether the last day of the rule was before the ranking.
    noun : str, default="row"
        Word for a row, such as "customer".
    n_all : int, default=0
        Number of rows of the table, or 0 if unknown.

    Examples
    --------
    >>> from somscape.tables.rules import RuleEffect, rules_of
    >>> print(RuleEffect(rules_of({"always": ["large: amount > 10000"]})[0], 12, 9))
    rule large: amount > 10000 (always): 12 rows listed, 9 of them only because of this rule
    """

    rule: ListRule
    n_rows: int
    n_changed: int
    has_ended: bool = False
    noun: str = "row"
    n_all: int = 0

    def __str__(self) -> str:
        return f"{self.rule} ({self.rule.kind}): {self._words}"

    @property
    def _words(self) -> str:
        if self.has_ended:
            return "it has ended, so it does not change the list"
        rows, n = counted(self.n_rows, self.noun), self.n_changed
        if not self.n_rows and self.rule.kind != DIRECTION:
            return f"no {self.noun} matches this rule (rows of a stronger rule do not count)"
        if self.rule.kind == ALWAYS:
            if self.n_rows >= NEARLY_ALL * self.n_all > 0:
                return f"{rows} of {self.n_all:,} listed, so check the condition of this rule"
            if n in (0, self.n_rows):
                return (
                    f"{rows} listed{', also without' if n == 0 else ' only because of'} this rule"
                )
            return f"{rows} listed, {n} of them only because of this rule"
        if self.rule.kind == DIRECTION:
            return f"{rows} on the other side, for which the column does not add to the score"
        return f"{rows} hidden, {n} of them from the list"

    def to_json(self) -> dict[str, Any]:
        """Return the rule and its numbers of rows as JSON data."""
        rule = self.rule
        own = {"kind": rule.kind, "name": rule.name, "text": rule.text, "until": rule.until}
        counts = {"n_rows": self.n_rows, "n_changed": self.n_changed}
        return {**own, **counts, "has_ended": self.has_ended, "sentence": str(self)}


def rules_of(texts: Mapping[str, Sequence[str]]) -> tuple[ListRule, ...]:
    """Return the rules with these texts, by kind. The strongest kind comes first."""
    found = tuple(_rule_of(kind, text) for kind in RULE_KINDS for text in texts.get(kind, ()))
    seen: dict[tuple[str, str], ListRule] = {}
    for rule in found:
        key = ("" if rule.kind in (ALWAYS, NEVER) else rule.kind, rule.name)
        if rule.kind == DIRECTION:
            key = rule.kind, rule.column
            if key in seen:
                raise InputError(
                    f"The column {quoted(rule.column)} has two directions ({seen[key].text} and "
                    f"{rule.text}). Give the column one direction.",
                    parameter=rule.kind,
                    value=rule.text,
                )
        is_same = key in seen and seen[key].text == rule.text
        if is_same and seen[key].kind != rule.kind:
            raise InputError(
                f"The rule {quoted(rule.name)} is given for rows that are always listed, and for "
                "rows that are never listed. Leave one of the two out.",
                options="--always or --never",
                parameter=rule.kind,
                value=rule.name,
            )
        if key in seen:
            raise InputError(
                f"Two rules have the name {quoted(rule.name)}. Give each rule another name, such "
                f"as {RULE_EXAMPLES[ALWAYS]}.",
                parameter=rule.kind,
                value=rule.name,
            )
        seen[key] = rule
    return found


def check_rules(texts: Mapping[str, Sequence[str]]) -> None:
    """Raise InputError if a kind of rules does not exist, or if a rule cannot be read."""
    wrong = sorted(texts.keys() - {*RULE_KINDS})
    if wrong:
        raise InputError(
            f"{wrong[0]!r:.40} is not a kind of rules. The kinds are {', '.join(RULE_KINDS)}.",
            parameter="rules",
            value=wrong[0],
            allowed=RULE_KINDS,
        )
    rules_of(texts)


def _rule_of(kind: str, text: str) -> ListRule:
    shown = " ".join(text.split())
    if len(text) > MAX_RULE:
        raise _wrong(kind, f"{shown:.40}...", f"is longer than {MAX_RULE:,} characters")
    if kind in (FLOOR, DIRECTION):
        return _limit_of(kind, shown)
    named = NAMED.fullmatch(text)
    name, said = (named[1].strip(), named[2]) if named else ("", text)
    condition, until = _parsed(kind, shown, said.strip())
    said = " ".join(said.split())
    if not condition.is_condition:
        raise _wrong(kind, shown, "is a value, and not a comparison")
    if not condition.columns:
        raise _wrong(kind, shown, "does not name a column")
    return ListRule(kind, name or said, said, condition, until)


def _limit_of(kind: str, text: str) -> ListRule:
    """Return the rule in a text such as amount=50 or amount=high."""
    name, equals, value = (part.strip() for part in text.rpartition("="))
    if not (name and equals and value):
        raise _wrong(kind, text, "lacks a column or a value")
    if name[0] == "[" and name[-1] == "]":  # as in conditions
        name = name[1:-1]
    if kind == DIRECTION:
        if value not in SIDES:
            raise _wrong(kind, text, f"has the side {quoted(value)}, which is not high or low")
        return ListRule(kind, f"{name}={value}", f"{name}={value}", column=name, side=value)
    try:
        limit = float(value)
    except ValueError:
        limit = np.nan
    if not np.isfinite(limit):
        raise _wrong(kind, text, f"has the value {quoted(value)}, which is not a number")
    condition = Node("<", (Node("column", (name,)), Node("number", (limit,))))
    return ListRule(kind, f"{name}={value}", f"{name}={value}", condition)


def _wrong(kind: str, text: str, problem: str, cure: str = "") -> InputError:
    return InputError(
        f"The rule {quoted(text)} {problem}.{cure} Write the rule like {RULE_EXAMPLES[kind]}.",
        parameter=kind,
        value=text,
    )


# The grammar of conditions.


def _parsed(kind: str, shown: str, text: str) -> tuple[Node, str | None]:
    """Return the condition in a text, and the last day of the rule or None."""
    try:
        condition, *until = _grammar().parse_string(text, parse_all=True)
    except pp.ParseException as error:
        rest = text[error.loc :].strip()
        problem = f"cannot be read from {quoted(f'{rest:.30}')} on" if rest else "is not complete"
        raise _wrong(kind, shown, problem, ADVICE if rest else "") from None
    except RecursionError:
        raise _wrong(kind, shown, "has too many parentheses") from None
    nodes = list(condition.walk())
    if len(nodes) > MAX_PARTS:
        raise _wrong(kind, shown, f"has more than {MAX_PARTS} parts")
    for node in nodes:
        parts = [part for part in node.parts if isinstance(part, Node)]
        if any(part.is_condition != (node.op in JOINED) for part in parts):
            what = "conditions" if node.op in JOINED else "values"
            raise _wrong(kind, shown, f"uses '{node.op}' with parts that are not {what}")
        if node.op == "number" and not np.isfinite(node.parts[0]):
            raise _wrong(kind, shown, "contains a number that is too large")
    for day in until:
        if _moment(day) is None:
            raise _wrong(kind, shown, f"has the last day {day}, which is not a date")
    return condition, until[0] if until else None


@cache
def _grammar() -> Any:
    """Return the parser of conditions.  Each level contains the next level only once, so that the
    time is proportional to the length of the text."""
    word, whole = pp.CaselessKeyword, pp.Forward()
    plain = ~pp.MatchFirst(map(word, RESERVED)) + pp.Regex(r"[^\W\d]\w*")
    bracketed = pp.Regex(r"\[[^\[\]]+\]|\"[^\"]+\"").add_parse_action(lambda t: t[0][1:-1])
    column = (plain | bracketed).add_parse_action(lambda t: Node("column", (t[0],)))
    number = pp.Regex(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?(?![\w.])")
    number.add_parse_action(lambda t: Node("number", (float(t[0]),)))
    day = pp.Regex(r"\d{4}-\d\d-\d\d(?!\w)")
    quotes = pp.Regex(r"'([^']|'')*'").add_parse_action(lambda t: t[0][1:-1].replace("''", "'"))
    text = (day | quotes).add_parse_action(lambda t: Node("text", (t[0],)))
    inner = pp.Suppress("(") + whole + pp.Suppress(")")
    size = (word("abs").suppress() + inner).add_parse_action(lambda t: Node("abs", (t[0],)))

    def signed(part: Any) -> Any:
        return (pp.Optional(pp.Char("+-")) + part).add_parse_action(_signed)

    value = signed(text | number | size | column | inner)
    for signs in ("*/", "+-"):
        value = (value + (pp.Char(signs) + value)[...]).add_parse_action(_from_left)
    choices = pp.Suppress("(") + pp.DelimitedList(signed(text | number)) + pp.Suppress(")")
    no = pp.Optional(word("not"))
    compared = pp.MatchFirst(map(pp.Literal, COMPARED)) + value
    rest = compared | no + word("in") + choices | word("is") + no + word("missing")
    comparison = (value + pp.Optional(rest)).add_parse_action(_comparison)
    negation = (word("not")[...] + comparison).add_parse_action(_negation)
    both = (negation + (word("and").suppress() + negation)[...]).add_parse_action(_joined("and"))
    whole <<= (both + (word("or").suppress() + both)[...]).add_parse_action(_joined("or"))
    return (whole + pp.Optional(word("until").suppress() + day)).parse_with_tabs()


def _signed(parts: Any) -> Node:
    return Node("-", (Node("number", (0.0,)), parts[1])) if parts[0] == "-" else parts[-1]


def _from_left(parts: Any) -> Node:
    found, *rest = parts
    for op, part in zip(rest[::2], rest[1::2], strict=True):
        found = Node(op, (found, part))
    return found


def _comparison(parts: Any) -> Node:
    value, *rest = parts
    words = [part for part in rest if isinstance(part, str)]
    if not rest:
        return value
    if "missing" in words:
        found = Node("missing", (value,))
    elif "in" in words:
        found = _joined("or")([Node("=", (value, each)) for each in rest if each not in words])
    else:
        found = Node(SAME_AS.get(words[0], words[0]), (value, rest[1]))
    return Node("not", (found,)) if "not" in words else found


def _negation(parts: Any) -> Node:
    *words, found = parts
    return Node("not", (found,)) if len(words) % 2 else found


def _joined(op: str) -> Callable[[Any], Node]:
    return lambda parts: parts[0] if len(parts) == 1 else Node(op, tuple(parts))


# The rows that obey a condition.


@dataclass(frozen=True, eq=False)
class _Value:
    """The values of a part of a condition.

    Attributes
    ----------
    kind : {"number", "date", "text"}
    data : ndarray or scalar
        One value for each row, or one for all rows.  Missing values are NaN, NaT or None.
    what : str
        Phrase for messages.
    column : Column or None
    is_computed : bool
        Whether the numbers are results, which are rounded.
    """

    kind: str
    data: Any
    what: str = ""
    column: Column | None = None
    is_computed: bool = False

    @property
    def missing(self) -> Any:
        """Mask of the missing values."""
        if self.kind == "text":
            return np.False_ if self.column is None else self.column.missing
        return (np.isnat if self.kind == "date" else np.isnan)(self.data)


def deciding_rules(
    rules: Sequence[ListRule],
    table: Table,
    codes: Mapping[str, Any] | None = None,
    date_format: str | None = None,
    today: str = "",
) -> Ints:
    """Return, for each row of a table, the index of the strongest rule that it obeys, or -1.

    Parameters
    ----------
    rules : sequence of ListRule
        Rules, the strongest first.
    table : Table
    codes : mapping of str to code, default=None
        Codes of an encoding, which know the form of numbers and dates, by column.
    date_format : str or None, default=None
        Order of day, month and year in columns without a code.
    today : str, default=""
        A day such as "2027-03-31".  Rules that ended before this day are not applied.
    """
    rows, found = _Rows(table, codes or {}, date_format), np.full(table.n_rows, -1, dtype=np.intp)
    for i, rule in reversed(list(enumerate(rules))):
        if rule.condition is not None:
            obey = rows.that_obey(rule)
            if not rule.has_ended(today):
                found[obey] = i
    return found


NEARLY_ALL = 0.9
"""Share of the rows above which a rule that lists rows is probably wrong."""


class _Rows:
    """The rows of a table, with the values of the columns that conditions contain."""

    def __init__(self, table: Table, codes: Mapping[str, Any], date_format: str | None) -> None:
        self._table, self._codes, self._date_format = table, codes, date_format
        self._columns: dict[str, _Value] = {}

    def that_obey(self, rule: ListRule) -> Bools:
        """Return which rows obey a rule.  A row whose values are missing does not."""
        assert rule.condition is not None
        self._rule = rule
        with np.errstate(all="ignore"):
            return np.broadcast_to(self._truth(rule.condition)[0], (self._table.n_rows,))

    def _truth(self, node: Node) -> tuple[Any, Any]:
        """Return the rows for which a condition is true, and those for which it is false."""
        if node.op in ("and", "or"):
            both = (np.logical_and, np.logical_or)
            true, false = both if node.op == "and" else both[::-1]
            parts = [self._truth(part) for part in node.parts]
            return reduce(true, (t for t, _ in parts)), reduce(false, (f for _, f in parts))
        if node.op == "not":
            return self._truth(node.parts[0])[::-1]
        if node.op == "missing":
            missing = self._value(node.parts[0]).missing
            return missing, ~missing
        left, right = self._comparable(node.op, *map(self._value, node.parts))
        a, b, known = left.data, right.data, ~(left.missing | right.missing)
        if left.is_computed or right.is_computed:
            a, b = _sum(a, -b), 0.0
        found = COMPARISONS[node.op](a, b)
        return found & known, ~found & known

    def _value(self, node: Node) -> _Value:
        if node.op == "column":
            name = node.parts[0]
            if name not in self._columns:
                self._columns[name] = self._read(name)
            return self._columns[name]
        if node.op == "number":
            return _Value("number", np.float64(node.parts[0]), f"the number {node.parts[0]:g}")
        if node.op == "text":
            return _Value("text", node.parts[0], f"the text {quoted(node.parts[0])}")
        a, *b = (self._numbers(self._value(part)) for part in node.parts)
        return _Value("number", RESULTS[node.op](a, *b), "a number", is_computed=True)

    def _read(self, name: str) -> _Value:
        if name not in self._table.names:
            close = suggestion(name, self._table.names)
            raise self._wrong(
                f"needs a column {quoted(name)}, but {self._table.source} has no such column; "
                f"{close or f'the columns are {listed(self._table.names)}'}",
                name,
                "Correct the rule, give a table with this column, or put text in single quotes.",
            )
        column, code = self._table.column(name), self._codes.get(name)
        if isinstance(code, NumberCode):
            column = code.read(column)
        what = f"column {quoted(name)}, which contains"
        if column.numbers is not None and not isinstance(code, DateCode):
            return _Value("number", column.numbers, f"{what} numbers{_example(column)}", column)
        dates = code.read(column) if isinstance(code, DateCode) else None
        dates = dates or find_dates([column], date_format=self._date_format).get(name)
        if dates is not None:
            return _Value("date", dates.moments, f"{what} dates{_example(column)}", column)
        return _Value("text", column.cells, f"{what} text{_example(column)}", column)

    def _comparable(self, op: str, left: _Value, right: _Value) -> tuple[_Value, _Value]:
        """Return two values that have the same kind."""
        n_rows = self._table.n_rows
        if any(v.column is not None and v.column.n_missing == n_rows for v in (left, right)):
            nothing = _Value("number", np.full(n_rows, np.nan))
            return nothing, nothing
        kinds = {left.kind, right.kind}
        if kinds == {"text"} and op not in ("=", "!="):
            problem = f"compares {left.what}, by '{op}', but text has no order"
            raise self._wrong(problem, left, "Compare text with =, != or in.")
        if len(kinds) == 1:
            return left, right
        if kinds == {"number", "text"}:
            first, second = self._as_number(left), self._as_number(right)
            if first is not None and second is not None:
                return first, second
        if kinds == {"date", "text"}:
            date, text = (left, right) if left.kind == "date" else (right, left)
            moment = _moment(text.data) if text.column is None else None
            if moment is None:
                said = f"compares {date.what}, with {text.what}, but a date such as 2027-03-31"
                raise self._wrong(f"{said} is needed", date)
            # A day contains all times of the day.
            unit = np.datetime_data(moment.dtype)[0]
            moments = replace(date, data=date.data.astype(f"datetime64[{unit}]"))
            other = _Value("date", moment, text.what)
            return (moments, other) if left.kind == "date" else (other, moments)
        column, other = (left, right) if left.column is not None else (right, left)
        cure = "Compare text with a text in quotes, and numbers with a number."
        raise self._wrong(f"compares {column.what}, with {other.what}", column, cure)

    def _numbers(self, value: _Value) -> Any:
        found = self._as_number(value)
        if found is None:
            raise self._wrong(f"calculates with {value.what}", value, "Only use numbers.")
        return found.data

    def _as_number(self, value: _Value) -> _Value | None:
        """Return a value as numbers, or None if it is another kind of value."""
        if value.kind == "number" or value.column is None:
            return value if value.kind == "number" else None
        column = value.column
        if value.kind == "date":
            return None
        if column.n_missing == len(column):
            return _Value("number", np.full(len(column), np.nan))
        found = read_numbers(column)
        if found is not None:
            return replace(value, kind="number", data=found.numbers)
        levels = getattr(self._codes.get(column.name), "levels", ())
        if not levels or not all(map(is_number, levels)):
            return None
        codes, texts = column.coded()  # new levels are not numbers
        known = [float(text) if is_number(text) else np.nan for text in texts]
        return replace(value, kind="number", data=np.array([*known, np.nan])[codes])

    def _wrong(self, problem: str, at: "_Value | str", cure: str = "") -> InputError:
        name = at if isinstance(at, str) or at.column is None else at.column.name
        end = "" if problem.endswith("?") else "."
        return InputError(
            f"The rule {self._rule.quoted} {problem}{end} {cure}".strip(),
            parameter=self._rule.kind,
            file=self._table.source,
            column=name if isinstance(name, str) else None,
            value=self._rule.text,
        )


def _example(column: Column) -> str:
    found = next((cell for cell in column.each_cell() if cell is not None), None)
    return "" if found is None else f" such as {quoted(f'{found:.40}')}"


def _moment(text: str) -> Any:
    """Return a date and time in ISO form, in days if the time is absent, or None."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is not None:
        found = found.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(found, "D" if len(text) <= len("2027-03-31") else "us")


def _sum(a: Any, b: Any) -> Any:
    """Return a sum, which is 0 if only the rounding of decimals makes a difference."""
    found = a + b
    return np.where(np.abs(found) <= ROUNDING * np.maximum(np.abs(a), np.abs(b)), 0.0, found)


COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}

RESULTS: dict[str, Callable[..., Any]] = {
    "+": _sum,
    "-": lambda a, b: _sum(a, -b),
    "*": np.multiply,
    "/": lambda a, b: np.where(b == 0, np.nan, np.divide(a, b)),  # without a result
    "abs": np.abs,
}
