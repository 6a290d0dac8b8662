"""A run's settings as a roles file, and the other way round."""

from collections.abc import Mapping
from typing import Any

from somscape.app._settings import READING, checked_settings
from somscape.encode import (
    KINDS,
    Roles,
    ordinal_levels,
    role_of_kind,
    roles_for,
    roles_from_text,
    roles_text,
)
from somscape.errors import InputError
from somscape.jobs import roles_heading
from somscape.tables import counted, listed

FILE = "roles.toml"
NO_FEATURES = ("dropped", "constant")
"""Kinds of columns that the rules leave out."""


def settings_of(
    text: str, source: str, settings: Mapping[str, Any], table: Mapping[str, Any]
) -> dict[str, Any]:
    """Return settings that take what columns are from a roles file."""
    names = [column["name"] for column in table["columns"]]
    roles = roles_from_text(text.encode(), source)
    for does, what in (
        ("puts rows together by", roles.per),
        ("puts columns into the layers", roles.layers),
    ):
        if what:
            raise InputError(
                f"{source} {does} {listed(what)}, which the app does not. Use `somscape detect "
                "--roles`."
            )
    roles, told = roles_for(roles, source, names, "the table")
    role_of = roles.by_column()
    kind_of = {role: kind for kind, role in KINDS.items()}
    kinds, orders = {}, {}
    for i, column in enumerate(table["columns"]):
        role = role_of.get(column["name"], "drop" if roles.others == "drop" else "")
        if role in ("id", "label", ""):
            continue
        kind, found = kind_of[role], column["kind"]
        is_left_out = found in NO_FEATURES and (kind == "drop" or column["n_distinct"] < 2)
        if column["is_problem"] or not (is_left_out or kind == found):
            kinds[str(i)] = kind
        if role == "ordinals":
            kinds[str(i)] = kind
            orders[str(i)] = _order(column["name"], roles.ordinals[column["name"]])
    given = {
        "id": _id(roles, settings["id"], names),
        "label": None if roles.label is None else names.index(roles.label),
        "value": roles.label_value,
        "kinds": kinds,
        "orders": orders,
        "missing": roles.missing or "fill",
        "told": told,
    }
    return checked_settings({**settings, **given}, table)


def _id(roles: Roles, found: int | None, names: list[str]) -> int | None:
    """Return the number of the id: the file's, or the one that was found if rules decide on it."""
    if roles.id is not None:
        return names.index(roles.id)
    is_free = found is not None and names[found] not in roles.by_column()
    return found if is_free and roles.others == "rules" else None


def _order(name: str, levels: Any) -> str:
    texts = ordinal_levels(name, levels)
    if any("<" in text or text != text.strip() for text in texts):
        raise InputError(
            f"Column '{name[:60]}' has a level with < or with blanks at an end, which the page "
            "cannot show. Use `somscape detect --roles`."
        )
    return "<".join(texts)


def text_of(settings: Mapping[str, Any], table: Mapping[str, Any], name: str) -> str:
    """Return settings as the text of a roles file."""
    if settings.get("per"):
        raise InputError(
            "Roles of customers are made from the command line: `somscape detect --per COL "
            "--save-roles roles.toml`."
        )
    columns, levels, comments = {}, {}, {}
    for i, column in enumerate(table["columns"]):
        called = column["name"]
        columns[called], why = _taken_as(i, column, settings)
        if columns[called] == "ordinals":
            levels[called] = _levels(column, settings["orders"].get(str(i), ""))
        n = column["n_missing"]
        comments[called] = f"{why}; {n} missing" if n else why
    reading = {part: settings[part] for part in READING if settings[part] is not None}
    roles = Roles.of(
        columns,
        levels,
        label_value=settings["value"],
        missing=settings["missing"],
        others="drop",
        reading=reading,
    )
    heading = roles_heading(name, FILE, [counted(table["n_rows"], "row"), *table["notes"]])
    return roles_text(roles, comments, heading)


def _taken_as(i: int, column: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return the role of a column in a run, and why it has it."""
    for role, why in (("id", "names the rows"), ("label", "known outcome, not a feature")):
        if settings[role] == i:
            return role, why
    if str(i) in settings["kinds"]:
        return KINDS[settings["kinds"][str(i)]], "as chosen"
    is_id = column["kind"] == "id"  # which another column is now, or none
    return "drop" if is_id else role_of_kind(column["kind"]), column["why"]


def _levels(column: Mapping[str, Any], order: str) -> list[str]:
    levels = [level.strip() for level in order.split("<")] if order.strip() else []
    levels = levels or [level for level, _ in column["levels"]]
    if len(levels) < 2:
        raise InputError(
            f"Column '{column['name'][:60]}' has too many values to list them in order. Take it as "
            "a number."
        )
    return levels
