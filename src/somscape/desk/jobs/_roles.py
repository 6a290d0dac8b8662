"""Find the roles of columns from options, and combine transactions into customers."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._files import shown
from somscape.desk.jobs.job import IN_ROLES_FILE, KINDS, LISTED, READ, READING, Job
from somscape.errors import InputError
from somscape.maps.map import Map
from somscape.outliers._listing import check_rules_of
from somscape.outliers.alerts import Alerts
from somscape.tables._dates import date_fault
from somscape.tables._features import ROW_COUNT
from somscape.tables._fit_encoding import fit_encoding, notes_of_unfit
from somscape.tables._messages import counted, free_name, listed
from somscape.tables._recoded import checked_dictionary
from somscape.tables._roles import comments_on, overridden, pinned, read_roles, roles_for
from somscape.tables.codes import UnusedColumn, level_texts
from somscape.tables.customers import Grouped, may_be_made, per
from somscape.tables.encoding import ColumnCode, Encoding
from somscape.tables.kinds import Roles, checked_setting, columns_like, unfit_columns
from somscape.tables.ordered import part_names
from somscape.tables.rules import rules_of
from somscape.tables.sources import kind_at, read_table
from somscape.tables.table import Table, table_from_columns


@dataclass(frozen=True, eq=False)
class Label:
    """The column and the value of a label, and the rows in which the column has this value.

    Attributes
    ----------
    column, value : str
    has_value : ndarray of shape (n_rows,), bool
    is_known : ndarray of shape (n_rows,), bool
        Whether the label of each row is known.
    is_rarer : bool
        Whether the value was chosen automatically because it is the rarest value of the column.
    """

    column: str
    value: str
    has_value: NDArray[np.bool_]
    is_known: NDArray[np.bool_]
    is_rarer: bool


def split_label(label: str | None, table: Table) -> tuple[str | None, str | None]:
    """Split the text COL=VALUE into column and value. COL can contain an equals sign."""
    if label is None or label in table.names or "=" not in label:
        return label, None
    return _split(label, table)


def _split(text: str, table: Table) -> tuple[str, str]:
    """Split a text after the longest column name at its start, else at the first equals sign."""
    names = [name for name in table.names if text.startswith(f"{name}=")]
    column = max(names, key=len) if names else text.partition("=")[0]
    return column, text[len(column) + 1 :]


def told_table(path: str, job: Job) -> tuple[Table, Roles, list[str]]:
    """Read a table. Return the table, the roles of its columns, and notes on the table."""
    saved = Roles() if job.roles is None else read_roles(job.roles)
    table = read_as(path, job, saved)
    roles = overridden(saved, roles_from(table, job))
    if roles.per and job.id_column is not None:
        raise InputError(
            "The columns of `per` identify the customers, so another id column is not allowed.",
            options="leave --id out",
            parameter="id_column",
        )
    if job.roles is None:
        return table, roles, []
    return table, *roles_for(roles, job.roles, table.names, table.source)


def read_as(path: str, job: Job, roles: Roles, source: str | None = None) -> Table:
    """Read a table as saved roles and a job request. The options of the job replace the roles."""
    _check_no_results(path)
    return read_table(path, source=source, **reading_in(path, roles) | job.only(*READ).given())


def _check_no_results(path: str) -> None:
    """Raise InputError for a folder of results, whose list would be read as a table of rows."""
    folder = Path(path)
    lists = sorted(folder.glob("alerts.*")) if folder.is_dir() else []
    if lists and all((folder / name).is_file() for name in ("map.som", "report.json")):
        raise InputError(
            f"The folder '{shown(folder)}' contains the results of a ranking, and not a table of "
            f"rows. Give the table that was ranked, or '{shown(lists[0])}' to read the list.",
            file=folder,
        )


def reading_in(path: str, roles: Roles) -> dict[str, Any]:
    """Return the settings for reading a table that saved roles contain, by parameter."""
    fit = READING.get(kind_at(path), ())
    reading: dict[str, Any] = {n: value for n, value in roles.reading.items() if n in fit}
    if roles.missing_values is not None:
        reading["missing_values"] = roles.missing_values
    return reading


def encoding_from(table: Table, roles: Roles) -> Encoding:
    """Fit the encoding of a table."""
    return fit_encoding(table, roles, roles.missing or "fill")


def roles_from(table: Table, job: Job) -> Roles:
    """Return the roles that a job gives to the columns of a table."""
    column, value = split_label(job.label, table)
    job = _without_patterns(job, table)
    return Roles(
        job.id_column,
        column,
        job.drop,
        categories=job.category,
        numbers=job.number,
        ordinals=dict(split_ordinal(text, table) for text in job.ordinal),
        dates=job.date,
        protect=job.protect,
        per=job.per,
        date_format=job.date_format,
        just_below=_limits(job.just_below, table),
        missing_values=job.missing_values or None,
        label_value=value,
        missing=job.missing,
        reading=job.only(*IN_ROLES_FILE).given(),
        dictionary=checked_dictionary(job.dictionary),
        rules=checked_setting("rules", job.only(*LISTED).given()),
    )


def _limits(texts: Sequence[str], table: Table) -> dict[str, Any]:
    """Return the limit of each column, or a tuple for a column with several limits."""
    found: dict[str, tuple[float, ...]] = {}
    for name, limit in (_limit(text, table) for text in texts):
        found[name] = (*found.get(name, ()), limit)
    return {name: limits[0] if len(limits) == 1 else limits for name, limits in found.items()}


def _limit(text: str, table: Table) -> tuple[str, float]:
    """Split the text COL=NUMBER into the column and the number."""
    name, number = _split(text, table)
    try:
        limit = checked_setting("just_below", {name: float(number)})[name]
    except ValueError:
        raise InputError(
            f"A limit must be a column and a number, such as amount=10000, but is {text!r:.80}.",
            options="--just-below COL=NUMBER",
            parameter="just_below",
            value=text,
        ) from None
    return name, float(limit)


def _without_patterns(job: Job, table: Table) -> Job:
    """Return a job in which patterns, such as pixel_*, are replaced by the names of columns.

    A column whose whole name is given has the role that goes with its name.
    """
    given = job.only(*KINDS).given()
    exact = {_named(text, table)[0] for texts in given.values() for text in texts}
    found: dict[str, Any] = {}
    for option, texts in given.items():
        names: list[str] = []
        for text in texts:
            name, rest = _named(text, table)
            like = columns_like(name, table.names, table.source, option)
            names += [f"{each}{rest}" for each in like if each == name or each not in exact]
        found[option] = tuple(names)
    return replace(job, **found)


def _named(text: str, table: Table) -> tuple[str, str]:
    """Split the text of an option into the column and the rest, such as =S<M<L."""
    if text in table.names or "=" not in text:
        return text, ""
    name, levels = _split(text, table)
    return name, f"={levels}"


def split_ordinal(text: str, table: Table) -> tuple[str, list[Any]]:
    """Split the text COL=LOW<...<HIGH. Without levels, return the sorted numbers of COL."""
    if text not in table.names and "=" in text:
        name, levels = _split(text, table)
        return name, [level.strip() for level in levels.split("<")]
    numbers = table.column(text).numbers
    if numbers is None:
        raise InputError(
            f"Column '{text}' of {table.source} contains text, so the order of its levels is "
            "unknown. Give the levels from low to high.",
            options=f"--ordinal {shlex.quote(f'{text}=LOW<MIDDLE<HIGH')}",
            column=text,
        )
    return text, np.unique(numbers[~np.isnan(numbers)]).tolist()


def find_label(table: Table, label: str | None) -> Label | None:
    """Return the label that is compared with the ranking. Without a value, use the rarest value."""
    return label_of(table, *split_label(label, table))


def label_of(table: Table, column: str | None, value: str | None) -> Label | None:
    """Return the label with this column and value, by default with the rarest value."""
    if column is None:
        return None
    texts = np.array(level_texts(table.column(column)), dtype=object)
    is_known = ~table.column(column).missing
    values, counts = np.unique(texts[is_known], return_counts=True)
    shown = ", ".join(
        f"{v} ({counted(int(n), 'row')})" for v, n in zip(values[:6], counts, strict=False)
    )
    if len(values) < 2:
        raise InputError(
            f"Label column '{column}' of {table.source} needs at least two different values "
            f"({shown or 'all missing'}). Give another label column, or leave the label out "
            "and drop this column.",
            options=f"leave --label out and pass --drop {shlex.quote(column)}",
            column=column,
        )
    is_rarer = value is None
    if value is None:
        if len(values) > 2 and (counts == counts.min()).sum() > 1:
            raise InputError(
                f"Label column '{column}' of {table.source} has {len(values)} values, and several "
                f"values are equally rare ({shown}). Give the value of the label.",
                options=f"--label {shlex.quote(f'{column}=VALUE')}",
                column=column,
            )
        value = str(values[np.argmin(counts)])
    elif value not in values:
        raise InputError(
            f"Label column '{column}' of {table.source} does not contain '{value}'. The column "
            f"contains {shown}.",
            column=column,
            value=value,
        )
    return Label(column, value, texts == value, is_known, is_rarer)


ROWS_FILE = "alerts_rows.csv"
"""Name of the file that contains the original rows of the listed customers."""

GIVEN = ("numbers", "categories", "dates", "drop", "protect")
"""Names of the roles that apply to columns of customers and to columns of transactions."""

ROLES = {"number": "numbers", "category": "categories", "date": "drop"}
"""Role of a column that was made by combining transactions, by its kind. Dates are dropped because
later customers would seem far from the map."""

TAKEN_AS = {"number": "numbers", "category": "categories", "date": "dates", "time": "dates"}
"""Role of a column of transactions, by the kind of the column."""


@dataclass(frozen=True, eq=False)
class PerOptions:
    """A table for training, with its roles.

    Attributes
    ----------
    table : Table
        The table from the file.  With ``--per``, the table of customers.
    roles : Roles
        Roles of the columns of `table`.
    label : Label or None
    grouped : Grouped or None
        With ``--per``, the rows of each customer.
    given : Roles
        Roles of the columns of the table in the file.
    whys : mapping of str to str
        Reasons for automatic roles, by column.
    """

    table: Table
    roles: Roles = field(default_factory=Roles)
    label: Label | None = None
    grouped: Grouped | None = None
    given: Roles = field(default_factory=Roles)
    whys: Mapping[str, str] = field(default_factory=dict)

    @property
    def as_read(self) -> Table:
        """The table as it was read from the file, with all notes on the table."""
        if self.grouped is None:
            return self.table
        return replace(self.grouped.rows, notes=self.table.notes)

    def encoding(self) -> Encoding:
        """Fit the encoding of the table. See `encoding_from`."""
        found = encoding_from(self.table, self.roles)
        if self.roles.rules:
            check_rules_of(found, self.table)
        return replace(found, columns=tuple(map(self._explained, found.columns)))

    def _explained(self, code: ColumnCode) -> ColumnCode:
        why = self.whys.get(code.name, "as asked")
        return replace(code, why=code.why.replace("as asked", why))

    def lasting(self, encoding: Encoding) -> tuple[Roles, dict[str, str]]:
        """Return the roles with which later tables are read, and a comment on each column."""
        given = self.given
        if self.label is not None:
            given = replace(given, label_value=self.label.value)
        roles, comments = pinned(encoding, given), comments_on(encoding, self.table)
        if self.grouped is None:
            return roles, comments
        told, named, taken = given.by_column(), roles.by_column(), self.grouped.taken
        columns = dict.fromkeys(given.per, "per")
        notes = dict.fromkeys(given.per, "names the customers")
        for name in self.grouped.rows.names:
            found = named[name] if taken.get(name) == "same" else TAKEN_AS.get(taken.get(name, ""))
            columns.setdefault(name, told.get(name) or found or "drop")
            notes.setdefault(name, comments.get(name) or self._made_of(name, told))
        rest = {**named, **told}
        columns |= {n: r for n, r in rest.items() if n in told or n not in self.table.names}
        levels = {**given.ordinals, **roles.ordinals}
        return Roles.of(columns, levels, **roles.settings()), notes | {
            name: comment for name, comment in comments.items() if name not in notes
        }

    def _made_of(self, name: str, told: Mapping[str, str]) -> str:
        """Return the names of the columns made from a column, or why no column was made."""
        assert self.grouped is not None
        made = (n for n, what in self.grouped.made.items() if what.column == name and n not in told)
        why = "as asked" if name in told else date_fault(self.grouped.rows.column(name))
        why = why or "different in most rows"
        return ", ".join(made) or self.whys.get(name, why)


def ready(table: Table, roles: Roles) -> PerOptions:
    """Return a table for training. With `roles.per`, each row is a customer."""
    if not roles.per:
        if roles.just_below:
            raise InputError(
                "`just_below` needs rows that are combined into customers. Name the column that "
                "identifies the customers.",
                options="--per COL",
                parameter="just_below",
            )
        label = label_of(table, roles.label, roles.label_value)
        return PerOptions(table, roles, label, given=roles)
    label, used = _split_off_label(table, roles.label, roles.label_value, roles.per)
    unfit = unfit_columns(used, roles)
    kept = (*roles.drop, *roles.protect, roles.id, *(code.name for code in unfit))
    grouped = per(
        used,
        roles.per,
        numbers=[name for name in roles.numbers if name in used.names],
        categories=[n for n in (*roles.categories, *roles.ordinals) if n in used.names],
        dates=[name for name in roles.dates if name in used.names],
        kept=[name for name in kept if name in used.names],
        date_format=roles.date_format,
        just_below=roles.just_below,
    )
    notes = _notes(grouped, roles, unfit)
    grouped = replace(grouped, table=replace(grouped.table, notes=(*grouped.table.notes, *notes)))
    found = _with_label(grouped, label, table)
    if label is None:
        found = replace(found, label=label_of(found.table, roles.label, roles.label_value))
    column = None if found.label is None else found.label.column
    said, whys = _roles_of_customers(grouped, replace(roles, label=column), table, unfit)
    return replace(found, roles=said, given=roles, whys=whys)


def _split_off_label(
    table: Table, column: str | None, value: str | None, by: Sequence[str]
) -> tuple[Label | None, Table]:
    """Return two values: the label of transactions or None, and the table without this column."""
    if column not in table.names:
        return None, table
    if column in by:
        raise InputError(
            f"Column '{column}' identifies the customers, so it cannot be the label.", column=column
        )
    return label_of(table, column, value), table.without([column])


def _notes(grouped: Grouped, roles: Roles, unfit: Sequence[UnusedColumn]) -> list[str]:
    """Return notes on columns of the transactions that the table of customers does not contain."""
    names, rows = grouped.table.names, grouped.rows.names
    notes: list[str] = [
        *notes_of_unfit([code for code in unfit if code.name not in names], has_advice=False)
    ]
    differ = [name for name in roles.protect if name in rows and name not in names]
    if differ:
        notes.append(f"protected, and different within customers, so left out: {listed(differ)}")
    absent = _columns_not_made(grouped, roles)
    if absent:
        notes.append(f"asked to be left out, but not made from these rows: {listed(absent)}")
    return notes


def _columns_not_made(grouped: Grouped, roles: Roles) -> list[str]:
    """Return the dropped or protected columns that combining these transactions did not make."""
    there, rows = grouped.table.names, grouped.rows.names
    names = (*roles.drop, *roles.protect)
    return [n for n in names if n not in (*there, *rows) and may_be_made(n, rows)]


def _roles_of_customers(
    grouped: Grouped, roles: Roles, rows: Table, unfit: Sequence[UnusedColumn]
) -> tuple[Roles, dict[str, str]]:
    """Return the roles of the columns of customers, and reasons for roles found automatically."""
    names = grouped.table.names
    parts, own = (
        part_names(dict.fromkeys(dates, True), rows.names)
        for dates in (roles.dates, [name for name in roles.dates if name in names])
    )
    absent = {*rows.names, *_columns_not_made(grouped, roles), *parts}.difference(names, own)

    def kept(given: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in given if name not in absent)

    said: dict[str, Any] = {role: kept(getattr(roles, role)) for role in GIVEN}
    said["ordinals"] = {name: roles.ordinals[name] for name in kept(roles.ordinals)}
    whys = {code.name: code.why for code in unfit}
    id_of_rows = [name for name in (roles.id,) if name in names[1:]]
    said["drop"] += (*id_of_rows, *(name for name in whys if name in names))
    roles = replace(roles, **said, id=names[0], per=())
    has_role = {name for _, name in roles.named()}
    forced: dict[str, Any] = {}
    for kind, role in ROLES.items():
        made = [name for name in grouped.names(kind) if name not in has_role]
        forced[role] = (*getattr(roles, role), *made)
        for name in made:
            column = grouped.made[name].column
            of = f"made of {column}" if column else "counted"
            whys[name] = "a date; its days are used" if kind == "date" else of
    return replace(roles, **forced), whys


def _with_label(grouped: Grouped, label: Label | None, rows: Table) -> PerOptions:
    """Label each customer. A customer with the label's value in any row receives this value. Other
    customers receive their first known value."""
    grouped = replace(grouped, rows=rows)
    if label is None:
        return PerOptions(grouped.table, grouped=grouped)
    of_rows = grouped.groups >= 0
    row = np.full(grouped.table.n_rows, -1, dtype=np.intp)
    for is_meant in (label.is_known, label.has_value):
        found = np.flatnonzero(of_rows & is_meant)[::-1]
        row[grouped.groups[found]] = found  # the last assignment, for the first row, stays
    is_known, name = row >= 0, free_name(label.column, grouped.table.names)
    texts = level_texts(rows.column(label.column).take(np.maximum(row, 0)))
    cells = [text if known else None for text, known in zip(texts, is_known, strict=True)]
    column = table_from_columns({name: cells}, grouped.table.source).columns
    table = replace(grouped.table, columns=(*grouped.table.columns, *column))
    has_value = is_known & label.has_value[row]
    label = Label(name, label.value, has_value, is_known, label.is_rarer)
    return PerOptions(table, label=label, grouped=replace(grouped, table=table))


def ready_for(map_: Map, table: Table, job: Job) -> PerOptions:
    """Return a table for a saved map. Some maps need the rows of each customer combined."""
    by, given = job.per, job.label
    names = [code.name for code in map_.encoding.columns]
    dropped = {code.name for code in map_.encoding.columns if code.kind == "dropped"}
    ranks_customers = ROW_COUNT in names and ROW_COUNT not in table.names
    if not by and job.date_format:
        raise InputError(
            "`date_format` requires `per`, because a map already stores the format of its dates."
        )
    if not by and not ranks_customers:
        return PerOptions(table, label=find_label(table, given))
    key = map_.encoding.named("id")
    if key != " / ".join(by):
        advice = "leave --per out"
        if ranks_customers and key:
            advice = " ".join(f"--per {shlex.quote(name)}" for name in key.split(" / "))
        made = f"combined by {key}" if ranks_customers else "not combined"
        raise InputError(
            f"The training rows of this map were {made}. Read {table.source} in the same way.",
            options=advice,
            parameter="per",
            file=table.source,
        )
    label, used = _split_off_label(table, *split_label(given, table), by)
    names = [code.name for code in map_.encoding.features]
    # The dates are no features, but tell which column contained the moments of the rows.
    names += [f"last {n}" for n in used.names if f"last {n}" in dropped]
    rules = rules_of(map_.encoding.roles.rules)
    names += [name for rule in rules for name in rule.columns if name not in (*names, key)]
    grouped = per(used, by, like=names, date_format=job.date_format)
    return _with_label(grouped, label, table)


def rows_of_alerts(grouped: Grouped, alerts: Alerts) -> Table:
    """Return the original rows of the listed customers, each with the customer's rank."""
    parts = [grouped.rows_of(customer) for customer in alerts.rows[: alerts.n_alerts]]
    rank = np.repeat(np.arange(1, len(parts) + 1), [len(part) for part in parts])
    rows = grouped.rows.take(np.concatenate([np.empty(0, dtype=np.intp), *parts]))
    ranks = table_from_columns({"rank": rank}).columns
    named = (c.renamed(free_name(c.name, ("rank",))) for c in rows.columns)
    return Table((*ranks, *named), ROWS_FILE)
