"""Roles from one table to the next: those that one ends with, and what the next makes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from somscape.encode._codes import CategoryCode, NumberCode
from somscape.encode._date_parts import part_names
from somscape.encode._encoding import ColumnCode, Encoding
from somscape.encode._kinds import Roles
from somscape.encode._names import lacking
from somscape.encode._ordered import DateCode, OrdinalCode
from somscape.encode._roles_file import KINDS
from somscape.encode._said import said_by
from somscape.errors import InputError
from somscape.tables import Table, listed, may_be_made

NOT_NEEDED = ("label", "drop", "protect")
"""Roles of columns that a later table may lack."""

SAID_AS = {"protected": "protect"}
"""Kinds of columns that roles call otherwise."""

ENDS = np.array([[0.0], [1.0]])
"""The ends of a number's usual range, encoded, without a layer's factor."""

MAX_LISTED = 6
"""Levels of a category that a comment names."""


def pinned(encoding: Encoding, given: Roles | None = None) -> Roles:
    """Return the roles with which the next table becomes the same features."""
    given = given or Roles()
    told = given.by_column()
    columns = {
        code.name: told.get(code.name) or role_of_kind(code.kind) for code in encoding.columns
    }
    dates = {c.name: c.unit != "D" for c in encoding.columns if isinstance(c, DateCode)}
    made = {code.name for code in encoding.parts}
    columns |= {name: "drop" for name in part_names(dates, columns) if name not in made}
    levels: dict[str, Sequence[Any]] = dict(given.ordinals)
    levels |= {c.name: c.levels for c in encoding.columns if isinstance(c, OrdinalCode)}
    said = said_by(encoding.roles)
    if given.label_value is not None:
        said["label_value"] = given.label_value
    said |= {"missing": encoding.missing, "others": "drop"}
    return Roles.of(columns, levels, **said)


def role_of_kind(kind: str) -> str:
    """Return the role with which a column becomes what it is."""
    return KINDS.get(SAID_AS.get(kind, kind), "drop")


def comments_on(encoding: Encoding, table: Table | None = None) -> dict[str, str]:
    """Return, for each column, why it is taken as it is and what was found in it."""
    n_missing = {} if table is None else {c.name: c.n_missing for c in table.columns}
    comments = {}
    for code in encoding.columns:
        n = n_missing.get(code.name, 0)
        parts = (code.why, _found(code), f"{n} missing" if n else "")
        comments[code.name] = "; ".join(part for part in parts if part)
    return comments


def _found(code: ColumnCode) -> str:
    if isinstance(code, CategoryCode):
        return listed(code.levels, MAX_LISTED)
    if isinstance(code, NumberCode) and code.is_plain:
        return ""
    if not isinstance(code, NumberCode | DateCode):
        return ""
    return f"usually {code.usual(code.factor * ENDS)}"


def roles_for(
    roles: Roles, source: str, names: Sequence[str], table: str
) -> tuple[Roles, list[str]]:
    """Return saved roles as far as a table has their columns, with notes on others."""
    known = roles.by_column()
    there = {*names, *part_names(dict.fromkeys(roles.dates, True), names)}
    if roles.per:
        there.update(name for name in known if may_be_made(name, names))
    absent = {name: role for name, role in known.items() if name not in there}
    needed = [name for name, role in absent.items() if role not in NOT_NEEDED]
    if needed:
        raise InputError(
            f"{table} lacks columns that {source} names: {lacking(needed, names, known)}. Add or "
            f"rename them, or change {source}."
        )
    notes = []
    if absent:
        notes.append(f"{source} names columns that {table} lacks: {listed(absent)}.")
    others = [name for name in names if name not in known]
    if others:
        taken = "left out" if roles.others == "drop" else "taken by rule"
        notes.append(f"Columns that {source} does not name are {taken}: {listed(others)}.")
    kept = {name: role for name, role in known.items() if name in there}
    return _roles(kept, roles.ordinals, said_by(roles)), notes


def overridden(roles: Roles, by: Roles) -> Roles:
    """Return roles in which others take precedence, column by column."""
    columns, told = roles.by_column(), by.by_column()
    for role in {"id", "label", "per"} & set(told.values()):
        columns |= {name: "drop" for name, before in columns.items() if before == role}
    columns = {name: role for name, role in columns.items() if name not in told}
    said = {**said_by(roles), **said_by(by), "reading": {**roles.reading, **by.reading}}
    if by.label is not None:
        said["label_value"] = by.label_value
    return _roles({**columns, **told}, {**roles.ordinals, **by.ordinals}, said)


def _roles(
    columns: Mapping[str, str], levels: Mapping[str, Sequence[Any]], said: dict[str, Any]
) -> Roles:
    """Return roles; without a label, no value of it counts."""
    if "label" not in columns.values():
        said["label_value"] = None
    return Roles.of(columns, levels, **said)
