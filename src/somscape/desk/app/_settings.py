"""Check the settings that a user chose for a run, and convert them to and from a roles file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, TypeAlias

import msgspec

from somscape.desk.jobs._detect import roles_heading
from somscape.desk.jobs.job import Job
from somscape.errors import InputError
from somscape.tables._checked import Positive, converted, one_of
from somscape.tables._messages import counted, listed
from somscape.tables._roles import (
    ROLE_OF_KIND,
    role_of_kind,
    roles_for,
    roles_from_text,
    roles_text,
)
from somscape.tables.kinds import Roles
from somscape.tables.ordered import ordinal_levels

MAX_SEED = 2**32 - 1
MAX_TOLD, MAX_SENTENCE = 10, 2000
"""Maximum number of notes about a loaded roles file, and maximum number of characters of a note."""

MAX_PER = 5
"""Maximum number of columns that identify customers."""

MAX_SHEET = 100
"""Maximum number of characters in the name of a worksheet."""

RULES = ("alerts", "contamination", "fdr", "p_value", "cost")
"""Settings for the number of listed rows. At most one may be given."""

Place: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Share: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """How the file is read. None means that a setting is detected."""

    delimiter: Annotated[str, one_of((",", ";", "tab", "|"))] | None = None
    decimal: Annotated[str, one_of((".", ","))] | None = None
    encoding: Annotated[str, one_of(("utf-8", "cp1252", "latin-1", "utf-16"))] | None = None
    sheet: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SHEET)] | None = None


@dataclass(frozen=True, kw_only=True)
class _Settings(_Reading):
    """Settings of a run. The id, the label, the amount and the customers are column numbers."""

    id: Place | None = None
    label: Place | None = None
    value: str | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    missing: Annotated[str, one_of(("fill", "error"))] = "fill"
    alerts: Annotated[int, msgspec.Meta(ge=1)] | None = None
    contamination: Annotated[float, msgspec.Meta(gt=0, le=0.5)] | None = None
    fdr: Share | None = None
    p_value: Share | None = None
    cost: Positive | None = None
    amount: Place | None = None
    per: Annotated[list[Place], msgspec.Meta(max_length=MAX_PER)] = field(default_factory=list)
    seed: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)] = 0
    uses_marks: bool = False
    told: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=MAX_SENTENCE)]],
        msgspec.Meta(max_length=MAX_TOLD),
    ] = field(default_factory=list)
    regions_of: str | None = None


READING = tuple(field.name for field in fields(_Reading))

SENTENCES = {
    "missing": "'missing' must be 'fill' to fill missing values, or 'error' to stop the run.",
    "contamination": "The share of rows to list must be above 0 and at most 0.5.",
    "fdr": "The share expected by chance must be above 0 and at most 1.",
    "p_value": "The largest p-value must be above 0 and at most 1.",
    "cost": "The cost of a review must be a number above 0.",
    "sheet": "'sheet' must be the name or number of a sheet, of at most 100 characters.",
}
"""Messages on values from a field of the page, or from a roles file."""


def default_settings(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the automatic rules found for a table, to be corrected."""
    columns = table["columns"]
    found = [i for i, column in enumerate(columns) if column["kind"] == "id"]
    dropped = {str(i): "drop" for i, column in enumerate(columns) if column["is_problem"]}
    return asdict(_Settings(id=found[0] if found else None, kinds=dropped))


def _check(settings: dict[str, Any], type_: type[_Reading]) -> None:
    try:
        converted(settings, type_, "the settings")
    except InputError as error:
        if error.parameter in SENTENCES:
            raise InputError(SENTENCES[error.parameter], parameter=error.parameter) from error
        raise InputError(f"{error}.", parameter=error.parameter, value=error.value) from error


def checked_settings(given: Any, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page's settings with defaults. Raise InputError for invalid settings."""
    settings = default_settings(table)
    if not isinstance(given, dict) or not settings.keys() >= given.keys():
        names = ", ".join(sorted(settings))
        raise InputError(f"Settings must be an object with some of {names}.", allowed=names)
    settings |= given
    _check(settings, _Settings)
    columns = table["columns"]
    _check_columns(settings, columns)
    _check_value(settings, columns)
    for number, kind in settings["kinds"].items():
        column = columns[int(number)]
        if kind != "drop" and kind not in column["may_be"]:
            raise InputError(
                f"Column '{column['name'][:60]}' cannot be {kind!r:.20}. It can be "
                f"{', '.join((*column['may_be'], 'drop'))}.",
                column=column["name"][:60],
                value=kind,
                allowed=", ".join((*column["may_be"], "drop")),
            )
    # If another rule is given, a share only sets the threshold.
    if sum(settings[name] is not None for name in RULES if name != "contamination") > 1:
        raise InputError("The number of rows to list is given in two ways. Choose one of them.")
    if settings["alerts"] is not None and settings["alerts"] > table["n_rows"]:
        raise InputError(
            f"'alerts' must be a whole number from 1 to {table['n_rows']}.",
            parameter="alerts",
            value=settings["alerts"],
        )
    if (settings["amount"] is None) != (settings["cost"] is None):
        raise InputError(
            "A rule by cost needs the column with the amount at stake and the cost of a review."
        )
    return settings


def _check_columns(settings: Mapping[str, Any], columns: list[dict[str, Any]]) -> None:
    """Raise InputError if a column does not exist, or if a column has two roles."""
    id_, label, per = settings["id"], settings["label"], settings["per"]
    last = len(columns) - 1
    for name, number in [("id", id_), ("label", label), ("amount", settings["amount"])]:
        if number is not None and number > last:
            raise InputError(
                f"'{name}' must be a whole number from 0 to {last}.", parameter=name, value=number
            )
    for name in ("kinds", "orders"):
        if not settings[name].keys() <= {str(i) for i in range(len(columns))}:
            raise InputError(f"'{name}' must map numbers of columns to texts.", parameter=name)
    if id_ is not None and id_ == label:
        raise InputError(
            "One column cannot be both the id and the known outcome. Choose two columns."
        )
    if len(set(per)) < len(per) or max(per, default=0) > last:
        raise InputError(
            f"Customers must be identified by at most {MAX_PER} different columns.", parameter="per"
        )
    if label in per:
        raise InputError(
            "The column of the customers cannot be the known outcome. Choose two columns."
        )


def reading_of(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings for reading the file. Raise InputError for invalid settings."""
    found = {name: (given or {}).get(name) for name in READING}
    _check(found, _Reading)
    return found


def _check_value(settings: Mapping[str, Any], columns: list[dict[str, Any]]) -> None:
    label, value = settings["label"], settings["value"]
    if label is None or value is None:
        return
    column = columns[label]
    known = [level for level, _ in column["levels"]]
    if known and value not in known:
        raise InputError(
            f"Column '{column['name'][:60]}' does not have the value {value!r:.60}. Choose a value "
            "of the column.",
            column=column["name"][:60],
            value=value,
        )


def job_of(settings: Mapping[str, Any], table: Mapping[str, Any]) -> Job:
    """Convert settings to a job."""
    names = [column["name"] for column in table["columns"]]
    per = settings.get("per") or []  # missing in a run of an earlier version
    id_ = None if per else settings["id"]
    spoken_for = (id_, settings["label"], *per)
    kinds = {int(i): kind for i, kind in settings["kinds"].items() if int(i) not in spoken_for}
    for i, column in enumerate(table["columns"]):
        # Otherwise the column would be detected as the id again.
        if column["kind"] == "id" and i not in (*spoken_for, *kinds):
            kinds[i] = "drop"
    by_kind: dict[str, Any] = {}
    for i, kind in sorted(kinds.items()):
        order = settings["orders"].get(str(i), "").strip()
        is_told = kind == "ordinal" and order
        name = f"{names[i]}={order}" if is_told else names[i]
        by_kind[kind] = (*by_kind.get(kind, ()), name)
    label, value = settings["label"], settings["value"]
    return Job(
        id_column=None if id_ is None else names[id_],
        per=tuple(names[i] for i in per),
        label=None if label is None else names[label] + (f"={value}" if value else ""),
        **by_kind,
        missing=settings["missing"],
        alerts=settings.get("alerts"),
        fdr=settings.get("fdr"),
        p_value=settings.get("p_value"),
        cost=settings.get("cost"),
        contamination=settings.get("contamination"),
        amount=None if settings.get("amount") is None else names[settings["amount"]],
        **reading_of(settings),
        seed=settings["seed"],
    )


FILE = "roles.toml"
NO_FEATURES = ("dropped", "constant")
"""Kinds of columns that the automatic rules leave out. A user can choose another kind."""


def settings_of(
    text: str, source: str, settings: Mapping[str, Any], table: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings of a run after the roles and levels of a roles file were applied."""
    names = [column["name"] for column in table["columns"]]
    roles = roles_from_text(text.encode(), source)
    for does, what in (
        ("combines rows by", roles.per),
        ("puts columns into the layers", roles.layers),
    ):
        if what:
            raise InputError(
                f"{source} {does} {listed(what)}, but the app does not support this. Use `somscape "
                "detect --roles`.",
                file=source,
            )
    roles, told = roles_for(roles, source, names, "the table")
    role_of = roles.by_column()
    kind_of = {role: kind for kind, role in ROLE_OF_KIND.items()}
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
    """Return the index of the column with the ids of rows, or None."""
    if roles.id is not None:
        return names.index(roles.id)
    is_free = found is not None and names[found] not in roles.by_column()
    return found if is_free and roles.others == "rules" else None


def _order(name: str, levels: Any) -> str:
    texts = ordinal_levels(name, levels)
    if any("<" in text or text != text.strip() for text in texts):
        raise InputError(
            f"A level of column '{name[:60]}' contains < or begins or ends with a blank, which the "
            "page cannot show. Use `somscape detect --roles`.",
            column=name[:60],
        )
    return "<".join(texts)


def text_of(settings: Mapping[str, Any], table: Mapping[str, Any], name: str) -> str:
    """Return the settings of a run as the text of a roles file."""
    if settings.get("per"):
        raise InputError(
            "The app cannot save a roles file if rows are combined into customers. Use "
            "`somscape detect --per COL --save-roles roles.toml`."
        )
    columns, levels, comments = {}, {}, {}
    for i, column in enumerate(table["columns"]):
        called = column["name"]
        columns[called], why = _role_and_reason(i, column, settings)
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


def _role_and_reason(
    i: int, column: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[str, str]:
    """Return the role of a column in a run, and the reason for this role."""
    for role, why in (("id", "names the rows"), ("label", "known outcome, not a feature")):
        if settings[role] == i:
            return role, why
    if str(i) in settings["kinds"]:
        return ROLE_OF_KIND[settings["kinds"][str(i)]], "as chosen"
    is_id = column["kind"] == "id"  # the id is now another column, or there is no id
    return "drop" if is_id else role_of_kind(column["kind"]), column["why"]


def _levels(column: Mapping[str, Any], order: str) -> list[str]:
    levels = [level.strip() for level in order.split("<")] if order.strip() else []
    levels = levels or [level for level, _ in column["levels"]]
    if len(levels) < 2:
        raise InputError(
            f"Column '{column['name'][:60]}' has too many values to list them in order. Choose "
            "number as its kind.",
            column=column["name"][:60],
        )
    return levels
