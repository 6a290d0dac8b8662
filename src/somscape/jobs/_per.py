"""The option `--per`: the rows of a customer become one, for all commands alike."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from somscape.encode import (
    ColumnCode,
    Encoding,
    Roles,
    level_texts,
    notes_of_unfit,
    unfit_columns,
)
from somscape.errors import InputError
from somscape.jobs._roles import Label, encoding_from, find_label, label_of, split_label
from somscape.maps import Map
from somscape.outliers import Alerts
from somscape.tables import ROW_COUNT, Grouped, Table, free_name, listed, per, table_from_columns

ROWS_FILE = "alerts_rows.csv"
"""The original rows of the listed customers."""

GIVEN = ("numbers", "categories", "dates")
"""Roles that say what columns are, also of the transactions."""

ROLES = {"number": "numbers", "category": "categories", "date": "drop"}
"""The role that says what a column is that `per` made, by its kind: days are features, the dates
themselves are not, or every customer of a later month would lie far from all."""


@dataclass(frozen=True, eq=False)
class Ready:
    """What is trained on.

    Attributes
    ----------
    table : Table
        The table as it was read, or with ``--per`` that of the customers.
    roles : Roles
        What is said of its columns.
    label : Label or None
    grouped : Grouped or None
        With ``--per``, the rows of each customer.
    """

    table: Table
    roles: Roles = field(default_factory=Roles)
    label: Label | None = None
    grouped: Grouped | None = None

    def encoding(self) -> Encoding:
        """Return how the table is encoded; `InputError` as `encoding_from`.

        Returns
        -------
        Encoding
        """
        found = encoding_from(self.table, self.roles)
        if self.grouped is None:
            return found
        return replace(found, columns=tuple(map(self._explained, found.columns)))

    def _explained(self, code: ColumnCode) -> ColumnCode:
        """Return a column that was made with what it was made of, which nobody asked for."""
        made = None if self.grouped is None else self.grouped.made.get(code.name)
        if made is None:
            return code
        words = f"made of {made.column}" if made.column else "counted"
        if code.kind == "dropped":
            words = "a date; its days are used" if made.kind == "date" else "as asked"
        return replace(code, why=code.why.replace("as asked", words))


def ready(table: Table, roles: Roles, by: Sequence[str] = ()) -> Ready:
    """Return what is trained on.

    With `by`, a name among the roles is that of a column of the table where it has one, else that
    of a column that was made.

    Parameters
    ----------
    table : Table
    roles : Roles
    by : sequence of str, default=()
        The columns that `per` names.

    Returns
    -------
    Ready

    Raises
    ------
    InputError
        If columns do not exist or are not what they are taken for.
    """
    if not by:
        return Ready(table, roles, label_of(table, roles.label, roles.label_value))
    if roles.id is not None:
        raise InputError(
            "the columns that `per` names are the id of a customer; give no other.",
            options="leave --id out",
        )
    label, used = _apart(table, roles.label, roles.label_value, by)
    for name in set(by) & set(roles.drop):
        raise InputError(f"column '{name}' names the customers, so it cannot be dropped; keep it.")
    used = used.without([name for name in roles.drop if name in used.names])
    unfit = [c for c in unfit_columns(used, roles) if c.name not in by]
    used = used.without([c.name for c in unfit])
    used = replace(used, notes=(*used.notes, *notes_of_unfit(unfit)))
    given = {kind: [n for n in getattr(roles, kind) if n in used.names] for kind in GIVEN}
    grouped = per(used, by, **given, date_format=roles.date_format)
    grouped = _protected(grouped, roles.protect)
    found = _with_label(grouped, label, table)
    if label is None:
        found = replace(found, label=label_of(found.table, roles.label, roles.label_value))
    column = None if found.label is None else found.label.column
    return replace(found, roles=_roles(grouped, replace(roles, label=column), table))


def _apart(
    table: Table, column: str | None, value: str | None, by: Sequence[str]
) -> tuple[Label | None, Table]:
    """Return the label of transactions, if one of their columns is it, and the other columns."""
    if column not in table.names:
        return None, table
    if column in by:
        raise InputError(f"column '{column}' names the customers, so it cannot be the label.")
    return label_of(table, column, value), table.without([column])


def _protected(grouped: Grouped, protect: Sequence[str]) -> Grouped:
    """Return the customers without what was made of protected columns; constant ones stay."""
    made = {name: what for name, what in grouped.made.items() if what.column not in protect}
    differ = {what.column: None for what in grouped.made.values() if what.column in protect}
    if not differ:
        return grouped
    table = grouped.table.without([name for name in grouped.made if name not in made])
    note = f"protected, and different within customers, so left out: {listed(differ)}"
    return replace(grouped, table=replace(table, notes=(*table.notes, note)), made=made)


def _roles(grouped: Grouped, roles: Roles, rows: Table) -> Roles:
    """Return what the columns of customers are."""
    names = grouped.table.names

    def kept(given: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in given if name in names or name not in rows.names)

    said: dict[str, Any] = {r: kept(getattr(roles, r)) for r in ("drop", "protect", *GIVEN)}
    roles = replace(roles, **said)
    spoken_for = {name for _, name in roles.named()}
    forced: dict[str, tuple[str, ...]] = {}
    for kind, role in ROLES.items():
        made = (name for name in grouped.names(kind) if name not in spoken_for)
        forced[role] = (*getattr(roles, role), *made)
    return replace(
        roles,
        id=names[0],
        drop=forced["drop"],
        categories=forced["categories"],
        numbers=forced["numbers"],
    )


def _with_label(grouped: Grouped, label: Label | None, rows: Table) -> Ready:
    """Return the customers; each has the label's value if one of its rows does, else its first."""
    grouped = replace(grouped, rows=rows)
    if label is None:
        return Ready(grouped.table, grouped=grouped)
    of_rows = grouped.groups >= 0
    row = np.full(grouped.table.n_rows, -1, dtype=np.intp)
    for is_meant in (label.is_known, label.has_value):
        found = np.flatnonzero(of_rows & is_meant)[::-1]
        row[grouped.groups[found]] = found  # the last assignment stays: the first row
    is_known, name = row >= 0, free_name(label.column, grouped.table.names)
    texts = level_texts(rows.column(label.column).take(np.maximum(row, 0)))
    cells = [text if known else None for text, known in zip(texts, is_known, strict=True)]
    column = table_from_columns({name: cells}, grouped.table.source).columns
    table = replace(grouped.table, columns=(*grouped.table.columns, *column))
    has_value = is_known & label.has_value[row]
    label = Label(name, label.value, has_value, is_known, label.is_rarer)
    return Ready(table, label=label, grouped=replace(grouped, table=table))


def ready_for(map_: Map, table: Table, options: Mapping[str, Any]) -> Ready:
    """Return what a saved map is asked about, with the columns that it was made from.

    Parameters
    ----------
    map_ : Map
    table : Table
    options : mapping
        With ``per``; ``label`` may be missing.

    Returns
    -------
    Ready

    Raises
    ------
    InputError
        If the map ranks customers and ``per`` is not given, or the other way round, or a column
        is missing.
    """
    by, given = options["per"], options.get("label")
    names = [code.name for code in map_.encoding.columns]
    ranks_customers = ROW_COUNT in names and ROW_COUNT not in table.names
    if not by and options.get("date_format"):
        raise InputError("`date_format` goes with `per`: a map knows the order of its own dates.")
    if not by and not ranks_customers:
        return Ready(table, label=find_label(table, given))
    key = map_.encoding.named("id")
    if key != " / ".join(by):
        advice = "leave --per out"
        if ranks_customers and key:
            advice = " ".join(f"--per {shlex.quote(name)}" for name in key.split(" / "))
        made = f"put together by {key}" if ranks_customers else "taken as they are"
        raise InputError(
            f"the rows of this map were {made}; have those of {table.source} be so, too.",
            options=advice,
        )
    label, used = _apart(table, *split_label(given, table), by)
    names = [code.name for code in map_.encoding.features]
    grouped = per(used, by, like=names, date_format=options.get("date_format"))
    return _with_label(grouped, label, table)


def rows_of_alerts(grouped: Grouped, alerts: Alerts) -> Table:
    """Return the original rows of the listed customers, with the rank of each customer.

    Parameters
    ----------
    grouped : Grouped
    alerts : Alerts

    Returns
    -------
    Table
    """
    parts = [grouped.rows_of(customer) for customer in alerts.rows[: alerts.n_alerts]]
    rank = np.repeat(np.arange(1, len(parts) + 1), [len(part) for part in parts])
    rows = grouped.rows.take(np.concatenate([np.empty(0, dtype=np.intp), *parts]))
    ranks = table_from_columns({"rank": rank}).columns
    named = (c.renamed(free_name(c.name, ("rank",))) for c in rows.columns)
    return Table((*ranks, *named), ROWS_FILE)
