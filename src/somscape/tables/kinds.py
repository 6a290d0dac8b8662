"""Decide what each column is, and explain why."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.tables._dates import FIRST, GUESS, ORDERS, Dates, check_date_format, date_texts
from somscape.tables._dates import find_dates as dates_among
from somscape.tables._messages import category_or_drop, counted
from somscape.tables._numbers import read_numbers
from somscape.tables.codes import UnusedColumn, level_texts
from somscape.tables.column import Column
from somscape.tables.customers import MAX_NUMBER_LEVELS, is_called_id
from somscape.tables.ordered import date_problem, date_zone
from somscape.tables.table import Table

COUNTER = "a row counter"
CODE = "looks like a code"
OUTCOME = "looks like an outcome; it is used only if named: as the label, or as a category"

MIN_ROWS = 20
"""Fewest rows of a counter, or of a code that its values show."""

NEARLY_UNIQUE = 0.95
"""Share of different values from which a column may be a code."""

MIN_CODE_ROWS, MIN_CODE_DIGITS, MAX_UNEVENNESS = 100, 6, 0.1
"""Whole numbers without a telling name are a code only if they are as many, as long, and as evenly
spread: the farthest that their distribution lies from an even one (Kolmogorov's distance).
Amounts and measurements crowd around their middle or at one end, at a distance of 0.12 and more."""

MAX_CODE = 1e20
"""Counters and codes are smaller."""

MIN_COUNTS, MAX_COUNT_WIDTH, MIN_DENSITY = 10, 3, 0.8
"""Texts such as 01 to 12 are counts: the fewest different texts, the longest text, and the least
share of the numbers from the first to the last that must occur."""

CODE_WORDS = {"no", "nr", "number", "nummer", "code", "account", "iban", "uuid", "guid", "ref"}
OUTCOME_NAME = re.compile(r"class|y|label|target|outcome|(is[ _-]?)?fraud|default.*", re.IGNORECASE)
PERSON_WORDS = {
    *("name", "surname", "firstname", "lastname", "forename", "sex", "gender", "nationality"),
    *("citizenship", "religion", "faith", "ethnicity", "ethnic", "race"),
}
NAMED_THINGS = {"file", "product", "item", "column", "brand", "shop", "host"}
"""Words before "name" that say that it is no person's."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

SLIP_AMONG_DATES = "dates but for"
"""How it begins why a column of dates with a slip is left out."""

MIN_DATES, MAX_SLIPS = 20, 0.1
"""Fewest texts of a column that was meant as dates, and the largest share that are none."""


def is_called_code(name: str) -> bool:
    """Return whether a column's name ends in a word for a code: customer_no, AccountNumber."""
    return is_called_id(name) or not CODE_WORDS.isdisjoint(_words(name)[-1:])


def is_called_outcome(name: str) -> bool:
    """Return whether a column is called like what is to be found out: Class, is_fraud."""
    return OUTCOME_NAME.fullmatch(name.strip()) is not None


def is_called_personal(name: str) -> bool:
    """Return whether a column is called like what says who somebody is: sex, last_name."""
    words = _words(name)
    is_thing = words[-1:] == ["name"] and not NAMED_THINGS.isdisjoint(words)
    return not (is_thing or PERSON_WORDS.isdisjoint(words))


def is_counter(column: Column) -> bool:
    """Return whether whole numbers count the rows: in even steps, or 1 to n in any order."""
    if len(column) < MIN_ROWS or not column.is_whole or column.n_missing:
        return False
    numbers = column.numbers
    assert numbers is not None  # as they are whole
    if numbers.min() >= 1500 and numbers.max() <= 2200:
        return False  # years
    if not -MAX_CODE < numbers.min() <= numbers.max() < MAX_CODE:
        return False
    steps = np.diff(numbers)
    if steps[0] and (steps == steps[0]).all():
        return True
    first = numbers.min()
    return first in (0, 1) and np.array_equal(np.sort(numbers), first + np.arange(len(numbers)))


def is_code(column: Column, n_values: int) -> bool:
    """Return whether nearly all of a column's n values differ, and nothing shows a size."""
    n_present = len(column) - column.n_missing
    if n_present < MIN_ROWS or n_values < NEARLY_UNIQUE * n_present:
        return False
    if not column.is_whole:
        return not column.is_number and is_called_code(column.name)
    numbers = column.numbers
    assert numbers is not None  # as they are whole
    return is_called_code(column.name) or _are_even(numbers[~column.missing])


def are_counts(column: Column) -> bool:
    """Return whether texts are counts of one width, such as 01 to 12; 007 is a code."""
    if column.is_number:
        return False
    _, texts = column.coded()
    width = len(texts[0]) if texts else 0
    if not 1 < width <= MAX_COUNT_WIDTH or len(texts) < MIN_COUNTS or len(texts) > 10**width:
        return False
    if not all(len(text) == width and text.isascii() and text.isdigit() for text in texts):
        return False
    counts = sorted(map(int, texts))
    return counts[0] <= 1 and len(counts) >= MIN_DENSITY * (counts[-1] - counts[0] + 1)


def slip_among_dates(column: Column) -> int | None:
    """Return the first row whose text is no date, where nearly all others are; else None."""
    present = np.flatnonzero(~column.missing)
    if len(present) < MIN_DATES or _odd_dates(column.take(present[:MIN_DATES])) is None:
        return None
    odd = _odd_dates(column)
    return None if odd is None or not len(odd) else int(odd[0])


def _odd_dates(column: Column) -> Ints | None:
    """Return the rows whose text is no date; None where over a tenth are none."""
    read = date_texts(column, is_named=True)
    if column.is_number or read is None:
        return None
    orders = [read.dates(order).moments for order in ORDERS]
    odd = min((np.flatnonzero(np.isnat(each) & ~column.missing) for each in orders), key=len)
    return odd if len(odd) <= MAX_SLIPS * (len(column) - column.n_missing) else None


def _are_even(numbers: Float64s) -> bool:
    """Return whether whole numbers of one length spread evenly from the least to the largest."""
    low, high = numbers.min(), numbers.max()
    n_digits = {len(f"{end:.0f}") for end in (low, high)}
    if len(numbers) < MIN_CODE_ROWS or low < 0 or high > MAX_CODE or len(n_digits) > 1:
        return False
    share = (np.sort(numbers) - low) / (high - low)
    distance = np.abs(share - np.linspace(0, 1, len(share))).max()
    return min(n_digits) >= MIN_CODE_DIGITS and bool(distance <= MAX_UNEVENNESS)


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case; CustomerNo and customer_no have the same two."""
    return [word.lower() for word in WORD.findall(name)]


MAX_TEXT_LEVELS = 50
"""Text with more different values than this is a name, a note or an id."""

MAX_LEVELS = 1000
"""The most levels that a category may have, also where it is named as one."""

MISSING_CHOICES = ("error", "fill", "mask")
"""What may happen to missing cells."""

OTHERS_CHOICES = ("rules", "drop")
"""What may become of columns without a role."""

ROLE_WORDS = {
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
        check_date_format(self.date_format)
        for role, name in self.named():
            if role != "drop":  # what dates tell can be dropped, too, and is not known yet
                table.column(name)
        self.by_column()

    def by_column(self) -> dict[str, str]:
        """Return the role of each column that has one; raise InputError for two."""
        taken: dict[str, str] = {}
        for role, name in self.named():
            if name in taken and taken[name] != role:
                (first, option), (second, other) = ROLE_WORDS[taken[name]], ROLE_WORDS[role]
                both = f"cannot be both {first} and {second}"
                if taken[name] == "per":
                    both = f"names the customers, so it cannot be {second}"
                raise InputError(
                    f"column '{name}' {both}; keep one.",
                    options=f"{option} or {other}",
                    column=name,
                )
            taken[name] = role
        return taken

    def beside_columns(self) -> "Roles":
        """Return what an encoding does not say by itself, such as how the table is read."""
        own = {role: getattr(Roles(), role) for role in (*ROLE_WORDS, "missing", "others")}
        return replace(self, **own)

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield each role that a column has, with the column."""
        for role in ROLE_WORDS:
            value = getattr(self, role)
            names = (value,) if value is None or isinstance(value, str) else value
            yield from ((role, name) for name in names if name is not None)


@dataclass(frozen=True)
class KindDecision:
    """What a column is and why."""

    kind: str
    why: str


WITHOUT_VALUE = KindDecision("dropped", "no value in any row")
NO_ROLE = KindDecision("dropped", "has no role, and only columns with one are used")


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
) -> Callable[[Column], KindDecision]:
    """Return the function that decides what a column is."""
    if roles.others == "drop":
        return lambda column: _decide_told(table, column, roles, dates)
    id_name = roles.id if roles.id is not None else _find_id(table, roles)

    def decided(c: Column) -> KindDecision:
        return (
            _decide_named(table, c, roles, id_name)
            or _decide_date(table, dates.get(c.name), roles)
            or _decide_by_rule(table, c, max_levels, n_rows or table.n_rows)
        )

    return decided


def _decide_told(
    table: Table, column: Column, roles: Roles, dates: Mapping[str, Dates]
) -> KindDecision:
    """Return what the user says of a column, which is left out without a word."""
    if column.name in roles.dates:
        return _decide_date(table, dates[column.name], roles) or WITHOUT_VALUE
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
) -> KindDecision | None:
    """Return what the user says of a column, or its name; None: the rules decide."""
    name = column.name
    if name == id_name:
        given = name == roles.id
        return KindDecision("id", "names the rows" if given else "found by its name, all different")
    if name == roles.label:
        return KindDecision("label", "known outcome, not a feature")
    if name in roles.drop:
        return KindDecision("dropped", "as asked")
    if name in roles.protect:
        return KindDecision("protected", "as asked")
    if name in roles.numbers:
        return _forced_number(table, column)
    if name in roles.categories:
        return _forced_category(column)
    if name in roles.ordinals:
        return KindDecision("ordinal", "as asked") if column.n_distinct else WITHOUT_VALUE
    return None


def _decide_by_rule(
    table: Table, column: Column, max_levels: int | None, n_rows: float
) -> KindDecision:
    n_values = column.n_distinct
    if n_values == 0:
        return WITHOUT_VALUE
    if column.problem:
        raise _not_a_number(column, column.problem)
    unfit = _unfit(column, n_values)
    if unfit:
        return KindDecision("dropped", unfit)
    if are_counts(column):
        _, texts = column.coded()
        return KindDecision("number", f"counts from {min(texts)} to {max(texts)}")
    if is_called_id(column.name) and n_values > MAX_NUMBER_LEVELS:
        return KindDecision("dropped", f"called an id: {CODE}")
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


def _decide_number(column: Column, n_values: int, n_rows: float) -> KindDecision:
    if n_values == 1:
        return KindDecision("constant", f"always {_only(column)}")
    repeats = n_values <= n_rows / 2
    if column.is_whole and n_values <= MAX_NUMBER_LEVELS and repeats:
        return KindDecision("category", f"whole numbers with {n_values} different values")
    return KindDecision("number", f"{n_values} different values")


def _decide_text(
    table: Table, column: Column, n_values: int, max_levels: int | None, n_rows: float
) -> KindDecision:
    if n_values == 1 and not column.n_missing:
        return KindDecision("constant", f"always {_only(column)}")
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
            f"the max_levels={max_levels} of a category. {advice}",
            column=column.name,
        )
    why = f"text with {counted(n_values, 'different value')}"
    if n_values > (max_levels or MAX_TEXT_LEVELS) or n_values > max(2, n_rows / 2):
        if (row := slip_among_dates(column)) is not None:
            cell = f"'{column.cell(row)}' at {table.where(row)}"
            return KindDecision(
                "dropped", f"{SLIP_AMONG_DATES} {cell}; correct the cell, or empty it"
            )
        return KindDecision("dropped", f"{why}, like a name or an id")
    return KindDecision("category", f"{why} beside missing cells" if n_values == 1 else why)


def _forced_number(table: Table, column: Column) -> KindDecision:
    if column.numbers is None:
        problem = column.problem or (
            f"column '{column.name}' of {table.source} holds text, so it cannot be a number. Take "
            "it as a category or drop it."
        )
        raise _not_a_number(column, problem)
    if column.n_distinct == 0:
        return WITHOUT_VALUE
    if column.n_distinct < 2:
        return KindDecision("constant", "fewer than two different values")
    return KindDecision("number", "as asked")


def _not_a_number(column: Column, problem: str) -> InputError:
    return InputError(problem, options=category_or_drop(column.name))


def _forced_category(column: Column) -> KindDecision:
    n_levels = len(set(level_texts(column)))
    if n_levels > MAX_LEVELS:
        raise InputError(
            f"column '{column.name}' has {n_levels} different values, more than the "
            f"{MAX_LEVELS} that a category may have. Group them, or drop the column.",
            options=f"--drop {shlex.quote(column.name)}",
            column=column.name,
        )
    if column.n_distinct == 0:
        return WITHOUT_VALUE
    if n_levels == 1:
        return KindDecision("constant", f"always {_only(column)}")
    return KindDecision("category", "as asked")


def _decide_date(table: Table, dates: Dates | None, roles: Roles) -> KindDecision | None:
    """Return what a column of dates is; None for another column."""
    if dates is None:
        return None
    column = dates.column
    problem = date_problem(dates, date_zone(dates))
    if problem:
        row, needed = problem
        raise InputError(
            f"{table.where(row)}: column '{column.name}' {needed}; got '{column.cell(row)}'. "
            "Rewrite its dates, or leave the column out.",
            column=column.name,
        )
    n_dates = len(np.unique(dates.moments[~dates.missing]))
    if n_dates < 2:
        return KindDecision("constant", f"always {_only(column)}") if n_dates else WITHOUT_VALUE
    why = "as asked" if column.name in roles.dates else "dates"
    if dates.is_guess and dates.order != roles.date_format:
        return KindDecision("date", f"{why}, read {FIRST[dates.order]}{GUESS}")
    return KindDecision("date", why)


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
    return str(column.cell(int(np.argmin(column.missing))))


FEW = 0.01
"""Share of the numbers of a column up to which those below 0 are few."""

BELOW_ZERO = " below 0"
"""How a code's why ends where they are."""


def few_below_zero(numbers: Float64s) -> str:
    """Say how many numbers are below 0, where few are; else ""."""
    n, n_below = np.count_nonzero(~np.isnan(numbers)), np.count_nonzero(numbers < 0)
    return f"{n_below:,} of {n:,}{BELOW_ZERO}" if 0 < n_below <= FEW * n else ""
