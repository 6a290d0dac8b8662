"""Decide the kind of each column, and explain the decision."""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Annotated, Any, TypeAlias, get_type_hints

import msgspec
import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.errors import InputError, ParameterError
from somscape.tables._checked import one_of
from somscape.tables._dates import FIRST, GUESS, ORDERS, Dates, check_date_format, date_texts
from somscape.tables._dates import find_dates as dates_among
from somscape.tables._messages import category_or_drop, counted, listed, quoted
from somscape.tables._numbers import read_numbers
from somscape.tables.codes import UnusedColumn, level_texts, refuse_problem
from somscape.tables.column import Column
from somscape.tables.customers import MAX_NUMBER_LEVELS, is_called_id
from somscape.tables.ordered import date_problem, date_zone
from somscape.tables.table import Table

COUNTER = "a row counter"
CODE = "looks like a code"
OUTCOME = "looks like an outcome; it is used only if named: as the label, or as a category"

MIN_ROWS = 20
"""Minimum number of rows at which values can show that a column contains counters or codes."""

NEARLY_UNIQUE = 0.95
"""Minimum share of distinct values at which a column can contain codes."""

MIN_CODE_ROWS, MIN_CODE_DIGITS, MAX_UNEVENNESS = 100, 6, 0.1
"""Limits for whole numbers that are codes although the column name is not typical of codes. The
limits are the minimum number of rows, the minimum number of digits, and the maximum Kolmogorov
distance from an even distribution. For amounts and measurements, this distance is at least 0.12."""

MAX_CODE = 1e20
"""Size that the numbers in a column of counters or codes do not reach."""

MIN_COUNTS, MAX_COUNT_WIDTH, MIN_DENSITY = 10, 3, 0.8
"""Limits for texts that are counts, such as 01 to 12. The limits are the minimum number of distinct
texts, the maximum length of a text, and the minimum share of numbers that occur in their range."""

NUMERALS = re.compile(r"\d+")
MIN_ALIKE, MIN_SAME_RANGE, SAME_RANGE = 6, 3, 0.25
"""Limits for columns of few whole numbers that are numbers because similar columns are. The limits
are the minimum number of columns whose names differ only by digits, and the minimum number and
share of those with many different numbers and exactly the same range."""

MIN_ORDERED, SMOOTH = 5, 0.5
"""Minimum number of levels, and maximum ratio, for whole numbers that may have an order. The ratio
divides the mean difference of the logarithmic counts of neighbors by that of any two levels. For
levels without an order it is above 0.5 in 95 to 99 % of columns."""

MAY_BE_ORDERED = "; they may have an order"
"""Last words of the reason for a category of whole numbers whose counts suggest an order."""

CODE_WORDS = {"no", "nr", "number", "nummer", "code", "account", "iban", "uuid", "guid", "ref"}
OUTCOME_NAME = re.compile(r"class|y|label|target|outcome|(is[ _-]?)?fraud|default.*", re.IGNORECASE)
PERSON_WORDS = {
    *("name", "surname", "firstname", "lastname", "forename", "sex", "gender", "nationality"),
    *("citizenship", "religion", "faith", "ethnicity", "ethnic", "race"),
}
NAMED_THINGS = {"file", "product", "item", "column", "brand", "shop", "host"}
"""If a column name contains "name" and one of these words, it does not mean names of persons."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

SLIP_AMONG_DATES = "dates but for"
"""First words of the reason why a column of dates with an invalid date is left out."""

TEXT_AMONG_NUMBERS = "numbers and texts such as"
"""First words of the reason why a text column with mostly numbers is left out."""

NUMBER_TEXT = re.compile(r"[-+]?[.,' ]*\d[\d.,' ]*([eE][-+]?\d+)?")

MIN_DATES, MAX_SLIPS = 20, 0.1
"""Minimum number of texts, and maximum share of texts that are not dates, in a column whose other
texts are treated as dates with data errors."""


def is_called_code(name: str) -> bool:
    """Return whether a column name ends with a word for codes, such as customer_no."""
    return is_called_id(name) or not CODE_WORDS.isdisjoint(_words(name)[-1:])


def is_called_outcome(name: str) -> bool:
    """Return whether a column name is typical of an outcome, such as Class or is_fraud."""
    return OUTCOME_NAME.fullmatch(name.strip()) is not None


def is_called_personal(name: str) -> bool:
    """Return whether a column name is typical of personal data, such as sex or last_name."""
    words = _words(name)
    is_thing = words[-1:] == ["name"] and not NAMED_THINGS.isdisjoint(words)
    return not (is_thing or PERSON_WORDS.isdisjoint(words))


def is_counter(column: Column) -> bool:
    """Return whether a column counts the rows, in equal steps or with all numbers from 1 to n."""
    if len(column) < MIN_ROWS or not column.is_whole or column.n_missing:
        return False
    numbers = column.numbers
    assert numbers is not None  # because the numbers are whole
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
    """Return whether nearly all values of a column differ and look like codes or ids."""
    n_present = len(column) - column.n_missing
    if n_present < MIN_ROWS or n_values < NEARLY_UNIQUE * n_present:
        return False
    if not column.is_whole:
        return not column.is_number and is_called_code(column.name)
    numbers = column.numbers
    assert numbers is not None  # because the numbers are whole
    return is_called_code(column.name) or _are_even(numbers[~column.missing])


def are_counts(column: Column) -> bool:
    """Return whether a column's texts are counts of equal width (01 to 12), and not codes (007)."""
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
    """If nearly all texts are dates, return the first row whose text is not a date."""
    present = np.flatnonzero(~column.missing)
    if len(present) < MIN_DATES or _odd_dates(column.take(present[:MIN_DATES])) is None:
        return None
    odd = _odd_dates(column)
    return None if odd is None or not len(odd) else int(odd[0])


def _odd_dates(column: Column) -> Ints | None:
    """Return the rows whose text is not a date. If they are more than 10 %, return None."""
    read = date_texts(column, is_named=True)
    if column.is_number or read is None:
        return None
    orders = [read.dates(order).moments for order in ORDERS]
    odd = min((np.flatnonzero(np.isnat(each) & ~column.missing) for each in orders), key=len)
    return odd if len(odd) <= MAX_SLIPS * (len(column) - column.n_missing) else None


def _are_even(numbers: Float64s) -> bool:
    """Return whether whole numbers with equally many digits are evenly distributed."""
    low, high = numbers.min(), numbers.max()
    n_digits = {len(f"{end:.0f}") for end in (low, high)}
    if len(numbers) < MIN_CODE_ROWS or low < 0 or high > MAX_CODE or len(n_digits) > 1:
        return False
    share = (np.sort(numbers) - low) / (high - low)
    distance = np.abs(share - np.linspace(0, 1, len(share))).max()
    return min(n_digits) >= MIN_CODE_DIGITS and bool(distance <= MAX_UNEVENNESS)


def _words(name: str) -> list[str]:
    """Return the words of a column name in lower case, such as two words for CustomerNo."""
    return [word.lower() for word in WORD.findall(name)]


MAX_TEXT_LEVELS = 50
"""Maximum number of distinct texts in a category. With more, the column is a name or an id."""

MAX_LEVELS = 1000
"""Maximum number of levels of a category, even if the user named the column as a category."""

MISSING_CHOICES = ("error", "fill", "mask")
"""Treatments of missing cells."""

OTHERS_CHOICES = ("rules", "drop")
"""Treatments of columns without a role."""

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
"""For each role, its description and its command-line option."""


def columns_like(name: str, names: Sequence[str], source: str, parameter: str) -> list[str]:
    """Return the columns that a name or a pattern, such as pixel_*, stands for."""
    if name in names or not any(sign in name for sign in "*?"):
        return [name]
    found = [each for each in names if fnmatchcase(each, name.replace("[", "[[]"))]
    if not found:
        raise InputError(
            f"No column of {source} has a name like '{name}'. The columns are {listed(names)}.",
            parameter=parameter,
            value=name,
        )
    return found


READING = ("delimiter", "decimal", "encoding", "sheet", "header")
"""Parameters of `read_table` that a roles file can contain as settings."""

MIN_LAYER_WEIGHT, MAX_LAYER_WEIGHT = 1e-9, 10**9
"""Smallest and largest weight of a layer. Within these limits, sums of squares stay accurate."""

Line: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]

FiniteNumber: TypeAlias = (
    Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
    | Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
)
"""A limit of the user, which is written into the name of a feature."""

LayerWeight: TypeAlias = (
    Annotated[int, msgspec.Meta(ge=1, le=MAX_LAYER_WEIGHT)]
    | Annotated[float, msgspec.Meta(ge=MIN_LAYER_WEIGHT, le=MAX_LAYER_WEIGHT)]
)


@dataclass(frozen=True)
class Roles:
    """Settings of the user for a table's columns, named as in `TableEncoder`.

    `read_roles` reads these settings from a file, and `roles_text` writes them.

    Parameters
    ----------
    id : str or None
        Column that identifies the rows and is not a feature.  None means detection by name.
    label : str or None
        Column with a known outcome that is not a feature.
    drop, categories, numbers : tuple of str
        Columns that are left out, columns that are categories, and columns that are numbers.
    protect : tuple of str
        Columns with personal data.  They are shown in results, but they are not used as features.
    per : tuple of str
        Columns that identify a customer.  Before a table is encoded, all rows of a customer are
        aggregated to one row.
    ordinals : mapping of str to sequence
        Columns that are ordered categories.  Each has a list of its levels from low to high.
    dates : tuple of str
        Columns that are dates.
    label_value : str or None
        Label value with which rankings are compared.  None means the rarest value.
    missing : {"fill", "error", "mask"} or None
        Treatment of missing cells.  None means that the user did not choose a treatment.
    others : {"rules", "drop"}
        Treatment of columns without a role.  With "rules", rules decide their kinds.  With "drop",
        they are left out.
    reading : mapping of str to str or int
        Parameters of `read_table`, such as the delimiter.
    date_format : {"dmy", "mdy", "ymd"} or None
        Order of day, month and year in columns whose dates fit several orders.  With None, the day
        comes first, or the month if it comes first in another column of dates.
    dictionary : mapping of str to mapping
        Words for the codes of each column.  The empty code has the title of the column.
    layers, layer_weights : mapping
        Columns and weight (default 1) of each layer.  All columns of a layer are multiplied by the
        same factor.
    just_below : mapping of str to float or to tuple of float
        Limit or limits, by column.  With `per`, the share of a customer's numbers just below each
        limit becomes a feature.
    missing_values : tuple of str or None
        Texts that mean a missing cell.  None means a built-in list.
    rules : mapping of str to tuple of str
        Rules that list or hide rows whatever their scores are, by kind ("always", "never", "floor"
        or "direction").  See `somscape.tables.rules`.
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
    missing: Annotated[str, one_of(MISSING_CHOICES)] | None = None
    others: Annotated[str, one_of(OTHERS_CHOICES)] = "rules"
    reading: Mapping[str, str | Line] = field(default_factory=dict)
    dictionary: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    layer_weights: Mapping[str, LayerWeight] = field(default_factory=dict)
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    just_below: Mapping[str, FiniteNumber | tuple[FiniteNumber, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, columns: Mapping[str, str], levels: Mapping[str, Sequence[Any]], **said: Any
    ) -> "Roles":
        """Make `Roles` from a mapping of columns to roles, as the reverse of `by_column`."""
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
        """Raise InputError for a missing column, a column with two roles, or a wrong date order."""
        check_date_format(self.date_format)
        for role, name in self.named():
            if role != "drop":  # features derived from dates can be dropped, but are not known yet
                table.column(name)
        self.by_column()

    def spread(self, names: Sequence[str], source: str) -> "Roles":
        """Return the roles with the names of columns in place of patterns, such as pixel_*.

        A column whose whole name has a role keeps this role.
        """
        exact = {name for _, name in self.named()}
        said: dict[str, Any] = {}
        for role in ROLE_WORDS:
            value = getattr(self, role)
            if not isinstance(value, str | None):
                columns = {
                    column: name
                    for name in value
                    for column in columns_like(name, names, source, role)
                    if column == name or column not in exact
                }
                is_mapping = isinstance(value, Mapping)
                said[role] = (
                    {c: value[n] for c, n in columns.items()} if is_mapping else tuple(columns)
                )
        return replace(self, **said)

    def by_column(self) -> dict[str, str]:
        """Return the role of each column with a role. Raise InputError for two roles."""
        taken: dict[str, str] = {}
        for role, name in self.named():
            if name in taken and taken[name] != role:
                (first, option), (second, other) = ROLE_WORDS[taken[name]], ROLE_WORDS[role]
                both = f"cannot be both {first} and {second}"
                if taken[name] == "per":
                    both = f"identifies the customers, so it cannot be {second}"
                raise InputError(
                    f"Column '{name}' {both}. Give the column only one role.",
                    options=f"{option} or {other}",
                    column=name,
                )
            taken[name] = role
        return taken

    def beside_columns(self) -> "Roles":
        """Return those settings that an encoding does not contain, such as how to read a file."""
        own = {role: getattr(Roles(), role) for role in (*ROLE_WORDS, "missing", "others")}
        return replace(self, **own)

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield, for each column with a role, the role and the column."""
        for role in ROLE_WORDS:
            value = getattr(self, role)
            names = (value,) if value is None or isinstance(value, str) else value
            yield from ((role, name) for name in names if name is not None)

    def settings(self) -> dict[str, Any]:
        """Return those settings that are not roles of columns and differ from their defaults."""
        values = {name: getattr(self, name) for name in SETTINGS}
        return {n: value for n, value in values.items() if value != getattr(Roles(), n)}


SETTINGS = {
    "date_format": "a text in quotes",
    "missing_values": "a list of texts",
    "label_value": "a text in quotes",
    "missing": " or ".join(f'"{choice}"' for choice in MISSING_CHOICES),
    "others": " or ".join(f'"{choice}"' for choice in OTHERS_CHOICES),
    "reading": "a table of texts, with a whole number from 1 for header",
    "dictionary": "a table with the words for the codes of each column",
    "layers": "a table with a list of columns for each layer",
    "layer_weights": "a table with a number from 1e-9 to 1e9 for each layer",
    "just_below": "a table with a number, or a list of numbers, for each column",
    "rules": "a table with a list of rules for each of always, never, floor and direction",
}
"""For each setting in `Roles` that is not a role of columns, a description of its values."""

TYPES = get_type_hints(Roles, include_extras=True)
"""For each field of `Roles`, the type to which a value from a file is converted."""


def checked_setting(name: str, value: Any) -> Any:
    """Check the value of one setting from a file, and return the value as `Roles` needs it."""
    if name not in SETTINGS:
        raise ParameterError(
            f"{name!r:.40} is not a part of roles. The parts are {', '.join(SETTINGS)}",
            parameter=name,
            allowed=tuple(SETTINGS),
        )
    try:
        found = msgspec.convert(value, TYPES[name])
    except msgspec.ValidationError as error:
        raise ParameterError(
            f"{name} must be {SETTINGS[name]}, but is {value!r:.60}", parameter=name, value=value
        ) from error
    if name == "rules":
        from somscape.tables.rules import check_rules  # late, because few tables have rules

        check_rules(found)
    for part, given in sorted(found.items()) if name == "reading" else ():
        if part not in READING:
            raise ParameterError(
                f"{part!r:.40} is not a parameter for reading files. The parameters are "
                f"{', '.join(READING)}",
                parameter="reading",
                value=part,
                allowed=READING,
            )
        if isinstance(given, int) != (part == "header"):
            raise ParameterError(
                f"{name} must be {SETTINGS[name]}, but {part} is {given!r:.60}",
                parameter="reading",
                value=given,
            )
    return found


@dataclass(frozen=True)
class KindDecision:
    """The kind of a column, and the reason for this kind."""

    kind: str
    why: str


WITHOUT_VALUE = KindDecision("dropped", "no value in any row")
NO_ROLE = KindDecision("dropped", "has no role, and only columns with one are used")


def find_dates(table: Table, roles: Roles) -> dict[str, Dates]:
    """Return the dates of each column that contains dates or that the user named as dates."""
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
    """Return a function that decides the kind of a given column."""
    if roles.others == "drop":
        return lambda column: _decide_by_role(table, column, roles, dates)
    id_name = roles.id if roles.id is not None else _find_id(table, roles)
    alike = _among_numbers(table)

    def decided(c: Column) -> KindDecision:
        return (
            _decide_named(table, c, roles, id_name)
            or _decide_date(table, dates.get(c.name), roles)
            or _decide_by_rule(table, c, max_levels, n_rows or table.n_rows, alike.get(c.name, ""))
        )

    return decided


def _among_numbers(table: Table) -> dict[str, str]:
    """Return the columns with few whole numbers that belong to columns of numbers, such as the
    pixels of a picture, and the phrase that says so."""
    groups: dict[str, list[Column]] = {}
    for column in table.columns:
        if NUMERALS.search(column.name) and column.is_whole:
            groups.setdefault(NUMERALS.sub("#", column.name), []).append(column)
    found = {}
    for columns in groups.values():
        if len(columns) < MIN_ALIKE:
            continue
        ends = {c.name: _ends(c) for c in columns}
        few = [c.name for c in columns if c.n_distinct <= MAX_NUMBER_LEVELS]
        numbers = Counter(ends[c.name] for c in columns if c.n_distinct > MAX_NUMBER_LEVELS)
        ((low, high), n), *_ = numbers.most_common(1) or [((0.0, 0.0), 0)]
        if n >= max(MIN_SAME_RANGE, SAME_RANGE * len(columns)):
            words = f"in one of {len(columns)} columns of similar names, mostly {low:g} to {high:g}"
            within = (c for c in few if low <= ends[c][0] and ends[c][1] <= high)
            found.update(dict.fromkeys(within, words))
    return found


def _ends(column: Column) -> tuple[float, float]:
    numbers = column.numbers
    assert numbers is not None  # because the numbers are whole
    return float(np.nanmin(numbers)), float(np.nanmax(numbers))


def _decide_by_role(
    table: Table, column: Column, roles: Roles, dates: Mapping[str, Dates]
) -> KindDecision:
    """Return the kind that a column's role prescribes. A column without a role is dropped."""
    if column.name in roles.dates:
        return _decide_date(table, dates[column.name], roles) or WITHOUT_VALUE
    return _decide_named(table, column, roles, roles.id) or NO_ROLE


def numbers_as_text(
    table: Table, roles: Roles, dates: Mapping[str, Dates], n_rows: float
) -> list[str]:
    """Return those text columns that become numbers if their texts are read as numbers."""
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
    """Return the kind of a column that has a role or is named `id_name`, otherwise None."""
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
    table: Table, column: Column, max_levels: int | None, n_rows: float, alike: str
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
        return _decide_number(column, n_values, n_rows, alike)
    return _decide_text(table, column, n_values, max_levels, n_rows)


def unfit_columns(table: Table, roles: Roles) -> list[UnusedColumn]:
    """Return those columns that become features only if the user gives them a role."""
    named = {name for _, name in roles.named()}
    unnamed = [column for column in table.columns if column.name not in named]
    if roles.others == "drop":
        return [UnusedColumn(column.name, NO_ROLE.why, "dropped") for column in unnamed]
    whys = {column.name: _unfit(column, column.n_distinct) for column in unnamed}
    return [UnusedColumn(name, why, "dropped") for name, why in whys.items() if why]


def _unfit(column: Column, n_values: int) -> str:
    """Return the reason why a column is not suitable as a feature, or "" if it is suitable."""
    if n_values == 2 and is_called_outcome(column.name):
        return OUTCOME
    if are_counts(column):
        return ""
    if is_counter(column):
        return COUNTER
    return f"nearly unique: {CODE}" if is_code(column, n_values) else ""


def _decide_number(column: Column, n_values: int, n_rows: float, alike: str = "") -> KindDecision:
    if n_values == 1:
        return KindDecision("constant", f"always {_value_of(column)}")
    repeats = n_values <= n_rows / 2
    if column.is_whole and n_values <= MAX_NUMBER_LEVELS and repeats and not alike:
        order = MAY_BE_ORDERED if _may_be_ordered(column.ascending()) else ""
        return KindDecision("category", f"whole numbers with {n_values} different values{order}")
    return KindDecision("number", f"{n_values:,} different values{alike and f', {alike}'}")


def _may_be_ordered(ascending: Floats) -> bool:
    """Return whether the counts of whole numbers suggest an order.

    Counts of neighboring numbers are similar, or there are numbers below 0 and no gaps.
    """
    values, counts = np.unique(ascending, return_counts=True)
    n = len(values)
    if n < MIN_ORDERED:
        return False
    if values[0] < 0 and values[-1] - values[0] == n - 1:
        return True
    logs = np.log(counts)
    apart = np.abs(logs[:, None] - logs).sum() / (n * (n - 1))  # of two numbers in any order
    return bool(apart > 0 and np.abs(np.diff(logs)).mean() <= SMOOTH * apart)


def _decide_text(
    table: Table, column: Column, n_values: int, max_levels: int | None, n_rows: float
) -> KindDecision:
    if n_values == 1 and not column.n_missing:
        return KindDecision("constant", f"always {_value_of(column)}")
    if max_levels is not None and n_values > max_levels:
        if read_numbers(column):
            advice = f"Its texts can be read as numbers. Pass numbers=['{column.name}']."
        else:
            advice = (
                "The texts look like names, notes or ids. Leave out the column (drop=["
                f"'{column.name}'], or max_levels=None for all such columns), group rare texts, or "
                "increase `max_levels`."
            )
        raise InputError(
            f"Column '{column.name}' of {table.source} has {n_values} different texts, but a "
            f"category can have at most max_levels={max_levels}. {advice}",
            parameter="max_levels",
            file=table.source,
            column=column.name,
            value=n_values,
            allowed=max_levels,
        )
    why = f"text with {counted(n_values, 'different value')}"
    if n_values > (max_levels or MAX_TEXT_LEVELS) or n_values > max(2, n_rows / 2):
        if (row := slip_among_dates(column)) is not None:
            cell = f"'{column.cell(row)}' at {table.where(row)}"
            return KindDecision(
                "dropped", f"{SLIP_AMONG_DATES} {cell}; correct the cell, or empty it"
            )
        texts = column.coded()[1][:LOOKED_AT]
        odd = [text for text in texts if not NUMBER_TEXT.fullmatch(text.strip())]
        if 0 < len(odd) < len(texts) / 2:
            return KindDecision("dropped", f"{TEXT_AMONG_NUMBERS} {quoted(odd[0])}")
        return KindDecision("dropped", f"{why}, {FREE_TEXT if _is_free(column) else NAME_OR_ID}")
    return KindDecision("category", f"{why} beside missing cells" if n_values == 1 else why)


FREE_TEXT, NAME_OR_ID = "free text", "like a name or an id"
"""Last words of the reasons for which a column with many different texts is left out."""

MIN_FREE_WORDS, LOOKED_AT = 5, 1000
"""Median number of words from which texts are free text, and maximum number of texts to count."""


def _is_free(column: Column) -> bool:
    """Return whether the texts of a column are sentences or comments."""
    texts = column.coded()[1][:LOOKED_AT]
    return float(np.median([len(text.split()) for text in texts])) >= MIN_FREE_WORDS


def _forced_number(table: Table, column: Column) -> KindDecision:
    if column.numbers is None:
        problem = column.problem or (
            f"Column '{column.name}' of {table.source} contains text, so it cannot be a number. "
            "Use the column as a category, or drop the column."
        )
        raise _not_a_number(column, problem)
    if column.n_distinct == 0:
        return WITHOUT_VALUE
    if column.n_distinct < 2:
        return KindDecision("constant", "fewer than two different values")
    return KindDecision("number", "as asked")


def _not_a_number(column: Column, problem: str) -> InputError:
    return InputError(problem, options=category_or_drop(column.name), column=column.name)


def _forced_category(column: Column) -> KindDecision:
    n_levels = len(set(level_texts(column)))
    if n_levels > MAX_LEVELS:
        raise InputError(
            f"Column '{column.name}' has {n_levels} different values, but a category can have only "
            f"{MAX_LEVELS}. Group the values, or drop the column.",
            options=f"--drop {shlex.quote(column.name)}",
            column=column.name,
            value=n_levels,
            allowed=MAX_LEVELS,
        )
    if column.n_distinct == 0:
        return WITHOUT_VALUE
    if n_levels == 1:
        return KindDecision("constant", f"always {_value_of(column)}")
    return KindDecision("category", "as asked")


def _decide_date(table: Table, dates: Dates | None, roles: Roles) -> KindDecision | None:
    """If a column contains dates, return its kind, otherwise None."""
    if dates is None:
        return None
    column = dates.column
    problem = date_problem(dates, date_zone(dates))
    refuse_problem(column.name, problem, table, "Correct the dates, or leave out the column.")
    n_dates = len(np.unique(dates.moments[~dates.missing]))
    if n_dates < 2:
        return KindDecision("constant", f"always {_value_of(column)}") if n_dates else WITHOUT_VALUE
    why = "as asked" if column.name in roles.dates else "dates"
    if dates.is_guess and dates.order != roles.date_format:
        return KindDecision("date", f"{why}, read {FIRST[dates.order]}{GUESS}")
    return KindDecision("date", why)


def _find_id(table: Table, roles: Roles) -> str | None:
    """Return the first column that has an id's name and distinct values, or None."""
    has_role = {name for role, name in roles.named() if role != "id"}
    for column in table.columns:
        if column.name in has_role or not is_called_id(column.name):
            continue
        if column.n_missing == 0 and column.n_distinct == table.n_rows > 1:
            return column.name
    return None


def _value_of(column: Column) -> str:
    return str(column.cell(int(np.argmin(column.missing))))


FEW = 0.01
"""Maximum share of negative numbers in a column at which they are few, and thus worth checking."""

BELOW_ZERO = " below 0"
"""Last words of the text that reports how many numbers of a column are negative."""


def few_below_zero(numbers: Float64s) -> str:
    """If a few numbers are negative, return a text with how many, otherwise ""."""
    n, n_below = np.count_nonzero(~np.isnan(numbers)), np.count_nonzero(numbers < 0)
    return f"{n_below:,} of {n:,}{BELOW_ZERO}" if 0 < n_below <= FEW * n else ""
