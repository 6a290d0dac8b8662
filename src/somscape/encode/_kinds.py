"""Decides what each column is, and says why.

No reader can tell a category from a number by its type: credit files write unordered
categories as 1, 2, 3.  The rules below are reported for each column and can be overridden.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from somscape.encode._codes import UnusedColumn
from somscape.encode._evidence import (
    CODE,
    COUNTER,
    OUTCOME,
    SLIP_AMONG_DATES,
    are_counts,
    is_called_outcome,
    is_code,
    is_counter,
    slip_among_dates,
)
from somscape.encode._levels import level_texts
from somscape.encode._ordered import date_problem, date_zone
from somscape.errors import InputError
from somscape.tables import (
    FIRST,
    MAX_NUMBER_LEVELS,
    ORDERS,
    Column,
    Dates,
    Table,
    counted,
    is_called_id,
    read_numbers,
)
from somscape.tables import find_dates as dates_among

MAX_TEXT_LEVELS = 50
"""Text with more different values than this is a name, a note or an id."""

MAX_LEVELS = 1000
"""The most levels that a category may have, also where it is named as one."""

MISSING = ("error", "fill", "mask")
"""What may happen to missing cells."""

OTHERS = ("rules", "drop")
"""What may become of columns without a role."""

WORDS = {
    "per": ("the name of a customer", "--per"),
    "id": ("the id", "--id"),
    "label": ("the label", "--label"),
    "drop": ("dropped", "--drop"),
    "protect": ("protected", "--protect"),
    "categories": ("a category", "--category"),
    "numbers": ("a number", "--number"),
    "ordinals": ("an ordered category", "--ordinal"),
    "dates": ("a date", "--date"),
}
"""What a column with each role is, and the option of the command line that gives it the role."""


@dataclass(frozen=True)
class Roles:
    """What the user says about a table, in the words of `TableEncoder`.

    `read_roles` reads all of it from a file, and `roles_text` writes it.

    Parameters
    ----------
    id : str or None
        Column that names the rows; never a feature.  None: found by its name.
    label : str or None
        Column with a known outcome; never a feature.
    drop, categories, numbers : tuple of str
        Columns to leave out, to take as categories, as numbers.
    protect : tuple of str
        Columns that say who somebody is: no features, and still listed.
    per : tuple of str
        Columns that name a customer, whose rows are put together before they are encoded.
    ordinals : mapping of str to sequence
        Columns to take as ordered categories, with their levels from low to high.
    dates : tuple of str
        Columns to take as dates.
    label_value : str or None
        The value of the label that a ranking is compared with.  None: the rarest.
    missing : {"fill", "error", "mask"} or None
        What happens to missing cells.  None: not said.
    others : {"rules", "drop"}
        What becomes of columns without a role: the rules decide, or they are left out.
    reading : mapping of str to str
        Parameters of `read_table`, such as the delimiter.
    date_format : {"dmy", "mdy", "ymd"} or None
        Order of day, month and year in columns of dates that show none.  None: day first, or
        month first if another column of dates shows that.
    dictionary : mapping of str to mapping
        By column, words of its codes; those of the empty code name the column itself.
    layers, layer_weights : mapping
        By name of a layer, its columns, which are scaled together, and what it counts if not 1.
    missing_values : tuple of str or None
        Texts that mean a missing cell, for whoever reads the table.  None: a built-in list.
    """

    id: str | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    ordinals: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    dates: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    per: tuple[str, ...] = ()
    date_format: str | None = None
    missing_values: tuple[str, ...] | None = None

    label_value: str | None = None
    missing: str | None = None
    others: str = "rules"
    reading: Mapping[str, str] = field(default_factory=dict)
    dictionary: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    layer_weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, columns: Mapping[str, str], levels: Mapping[str, Sequence[Any]], **said: Any
    ) -> "Roles":
        """Return the roles of which `by_column` gives `columns`."""
        names: dict[str, list[str]] = {}
        for name, role in columns.items():
            names.setdefault(role, []).append(name)
        for role, found in names.items():
            default = getattr(cls(), role)
            if isinstance(default, Mapping):
                said[role] = {name: levels[name] for name in found}
            else:
                said[role] = tuple(found) if isinstance(default, tuple) else found[0]
        return cls(**said)

    def check(self, table: Table) -> None:
        """Raise InputError for an absent column, one of two roles, or no such order."""
        if self.date_format not in (None, *ORDERS):
            raise InputError(
                f"`date_format` must be one of {', '.join(ORDERS)} or None; got "
                f"{self.date_format!r}."
            )
        for role, name in self.named():
            if role != "drop":  # what dates tell can be dropped, too, and is not known yet
                table.column(name)
        self.by_column()

    def by_column(self) -> dict[str, str]:
        """Return the role of each column that has one; raise InputError for two."""
        taken: dict[str, str] = {}
        for role, name in self.named():
            if name in taken and taken[name] != role:
                (first, option), (second, other) = WORDS[taken[name]], WORDS[role]
                both = f"cannot be both {first} and {second}"
                if taken[name] == "per":
                    both = f"names the customers, so it cannot be {second}"
                raise InputError(
                    f"column '{name}' {both}; keep one.", options=f"{option} or {other}"
                )
            taken[name] = role
        return taken

    def beside_columns(self) -> "Roles":
        """Return what an encoding does not say by itself, such as how the table is read."""
        nothing = Roles()
        own = {role: getattr(nothing, role) for role in (*WORDS, "missing", "others")}
        return replace(self, **own)

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield each role that a column has, with the column."""
        for role in WORDS:
            value = getattr(self, role)
            names = (value,) if value is None or isinstance(value, str) else value
            yield from ((role, name) for name in names if name is not None)


@dataclass(frozen=True)
class Decision:
    """What a column is and why."""

    kind: str
    why: str


NO_VALUE = Decision("dropped", "no value in any row")
NO_ROLE = Decision("dropped", "has no role, and only columns with one are used")

GUESS = "; they do not show it"
"""Ends why a column is dates, where their order is a guess."""


def find_dates(table: Table, roles: Roles) -> dict[str, Dates]:
    """Return the dates of the columns that hold some or are named as such."""
    roles.check(table)
    has_role = {name for _, name in roles.named()} - set(roles.dates)
    columns = [column for column in table.columns if column.name not in has_role]
    return dates_among(columns, roles.dates, roles.date_format)


def decider(
    table: Table,
    roles: Roles,
    dates: Mapping[str, Dates],
    max_levels: int | None = None,
    n_rows: float | None = None,
) -> Callable[[Column], Decision]:
    """Return the function that decides what a column is."""
    if roles.others == "drop":
        return lambda column: _decide_told(table, column, roles, dates)
    id_name = roles.id if roles.id is not None else _find_id(table, roles)

    def decided(c: Column) -> Decision:
        return (
            _decide_named(table, c, roles, id_name)
            or _decide_date(table, dates.get(c.name), roles)
            or _decide_by_rule(table, c, max_levels, n_rows or table.n_rows)
        )

    return decided


def _decide_told(
    table: Table, column: Column, roles: Roles, dates: Mapping[str, Dates]
) -> Decision:
    """Return what the user says of a column, which is left out without a word."""
    if column.name in roles.dates:
        return _decide_date(table, dates[column.name], roles) or NO_VALUE
    return _decide_named(table, column, roles, roles.id) or NO_ROLE


def numbers_as_text(
    table: Table, roles: Roles, dates: Mapping[str, Dates], n_rows: float
) -> list[str]:
    """Return the columns of text that would be numbers, had they come as numbers."""
    if roles.others == "drop":
        return []
    named = {*dates, *(name for _, name in roles.named())}
    read = [read_numbers(c) for c in table.columns if not (c.is_number or c.name in named)]
    return [
        c.name
        for c in read
        if c is not None and _decide_number(c, c.n_distinct, n_rows).kind == "number"
    ]


def _decide_named(
    table: Table, column: Column, roles: Roles, id_name: str | None
) -> Decision | None:
    """Return what the user says of a column, or its name; None: the rules decide."""
    name = column.name
    if name == id_name:
        given = name == roles.id
        return Decision("id", "names the rows" if given else "found by its name, all different")
    if name == roles.label:
        return Decision("label", "known outcome, not a feature")
    if name in roles.drop:
        return Decision("dropped", "as asked")
    if name in roles.protect:
        return Decision("protected", "as asked")
    if name in roles.numbers:
        return _forced_number(table, column)
    if name in roles.categories:
        return _forced_category(column)
    if name in roles.ordinals:
        return Decision("ordinal", "as asked") if column.n_distinct else NO_VALUE
    return None


def _decide_by_rule(
    table: Table, column: Column, max_levels: int | None, n_rows: float
) -> Decision:
    n_values = column.n_distinct
    if n_values == 0:
        return NO_VALUE
    if column.problem:
        raise _not_a_number(column, column.problem)
    unfit = _unfit(column, n_values)
    if unfit:
        return Decision("dropped", unfit)
    if are_counts(column):
        _, texts = column.coded()
        return Decision("number", f"counts from {min(texts)} to {max(texts)}")
    if is_called_id(column.name) and n_values > MAX_NUMBER_LEVELS:
        return Decision("dropped", f"called an id: {CODE}")
    if column.is_number:
        return _decide_number(column, n_values, n_rows)
    return _decide_text(table, column, n_values, max_levels, n_rows)


def unfit_columns(table: Table, roles: Roles) -> list[UnusedColumn]:
    """Return the columns that are features of nothing unless they are named."""
    named = {name for _, name in roles.named()}
    unnamed = [column for column in table.columns if column.name not in named]
    if roles.others == "drop":
        return [UnusedColumn(column.name, NO_ROLE.why, "dropped") for column in unnamed]
    whys = {column.name: _unfit(column, column.n_distinct) for column in unnamed}
    return [UnusedColumn(name, why, "dropped") for name, why in whys.items() if why]


def _unfit(column: Column, n_values: int) -> str:
    """Return why a column is no feature, whatever else it holds; "" if nothing speaks against."""
    if n_values == 2 and is_called_outcome(column.name):
        return OUTCOME
    if are_counts(column):
        return ""
    if is_counter(column):
        return COUNTER
    return f"nearly unique: {CODE}" if is_code(column, n_values) else ""


def _decide_number(column: Column, n_values: int, n_rows: float) -> Decision:
    if n_values == 1:
        return Decision("constant", f"always {_only(column)}")
    repeats = n_values <= n_rows / 2
    if column.is_whole and n_values <= MAX_NUMBER_LEVELS and repeats:
        return Decision("category", f"whole numbers with {n_values} different values")
    return Decision("number", f"{n_values} different values")


def _decide_text(
    table: Table, column: Column, n_values: int, max_levels: int | None, n_rows: float
) -> Decision:
    if n_values == 1 and not column.n_missing:
        return Decision("constant", f"always {_only(column)}")
    if max_levels is not None and n_values > max_levels:
        if read_numbers(column):
            advice = f"Its texts spell numbers: take them as such (numbers=['{column.name}'])."
        else:
            advice = (
                "They look like names, notes or ids: leave them out (drop=["
                f"'{column.name}'], or max_levels=None for all such columns), group rare ones, or "
                "raise `max_levels`."
            )
        raise InputError(
            f"column '{column.name}' of {table.source} has {n_values} different texts, more than "
            f"the max_levels={max_levels} of a category. {advice}"
        )
    why = f"text with {counted(n_values, 'different value')}"
    if n_values > (max_levels or MAX_TEXT_LEVELS) or n_values > max(2, n_rows / 2):
        if (row := slip_among_dates(column)) is not None:
            cell = f"'{column.cell(row)}' at {table.where(row)}"
            return Decision("dropped", f"{SLIP_AMONG_DATES} {cell}; correct the cell, or empty it")
        return Decision("dropped", f"{why}, like a name or an id")
    return Decision("category", f"{why} beside missing cells" if n_values == 1 else why)


def _forced_number(table: Table, column: Column) -> Decision:
    if column.numbers is None:
        problem = column.problem or (
            f"column '{column.name}' of {table.source} holds text, so it cannot be a number. Take "
            "it as a category or drop it."
        )
        raise _not_a_number(column, problem)
    if column.n_distinct == 0:
        return NO_VALUE
    if column.n_distinct < 2:
        return Decision("constant", "fewer than two different values")
    return Decision("number", "as asked")


def _not_a_number(column: Column, problem: str) -> InputError:
    name = shlex.quote(column.name)
    return InputError(problem, options=f"--category {name} or --drop {name}")


def _forced_category(column: Column) -> Decision:
    n_levels = len(set(level_texts(column)))
    if n_levels > MAX_LEVELS:
        raise InputError(
            f"column '{column.name}' has {n_levels} different values, more than the "
            f"{MAX_LEVELS} that a category may have. Group them, or drop the column.",
            options=f"--drop {shlex.quote(column.name)}",
        )
    if column.n_distinct == 0:
        return NO_VALUE
    if n_levels == 1:
        return Decision("constant", f"always {_only(column)}")
    return Decision("category", "as asked")


def _decide_date(table: Table, dates: Dates | None, roles: Roles) -> Decision | None:
    """Return what a column of dates is; None for another column."""
    if dates is None:
        return None
    column = dates.column
    problem = date_problem(dates, date_zone(dates))
    if problem:
        row, needed = problem
        raise InputError(
            f"{table.where(row)}: column '{column.name}' {needed}; got '{column.cell(row)}'. "
            "Rewrite its dates, or leave the column out."
        )
    n_dates = len(np.unique(dates.moments[~dates.missing]))
    if n_dates < 2:
        return Decision("constant", f"always {_only(column)}") if n_dates else NO_VALUE
    why = "as asked" if column.name in roles.dates else "dates"
    if dates.is_guess and dates.order != roles.date_format:
        return Decision("date", f"{why}, read {FIRST[dates.order]}{GUESS}")
    return Decision("date", why)


def _find_id(table: Table, roles: Roles) -> str | None:
    """Name of the first column that is called an id and whose values all differ."""
    spoken_for = {name for role, name in roles.named() if role != "id"}
    for column in table.columns:
        if column.name in spoken_for or not is_called_id(column.name):
            continue
        if column.n_missing == 0 and column.n_distinct == table.n_rows > 1:
            return column.name
    return None


def _only(column: Column) -> str:
    first = int(np.argmin(column.missing))
    return str(column.take([first]).cells[0])
