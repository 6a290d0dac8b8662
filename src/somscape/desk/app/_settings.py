"""The settings of a run, their checks, their form as a roles file, and the request to a job."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from somscape.desk.cases.records import MAX_COMMENT
from somscape.desk.jobs.job import IN_ROLES_FILE, LISTED, STATES, Job, roles_heading
from somscape.errors import InputError
from somscape.tables._checked import LARGEST, Positive, converted, one_of
from somscape.tables._dates import are_times
from somscape.tables._messages import counted, listed
from somscape.tables._roles import (
    ROLE_OF_KIND,
    role_of_kind,
    roles_for,
    roles_from_text,
    roles_text,
)
from somscape.tables.customers import kind_of_values, possible_features
from somscape.tables.kinds import FREE_TEXT, Roles, checked_setting
from somscape.tables.ordered import ordinal_levels
from somscape.tables.rules import MAX_RULE

MAX_SEED = 2**32 - 1
MAX_TOLD, MAX_SENTENCE = 10, 2000
"""Maximum number of notes about a loaded roles file, and maximum number of characters of a note."""

MAX_FEATURE = 1000
"""Maximum number of characters in the name of a feature of customers."""

MAX_SEVERAL = 5000
"""Maximum number of decisions that are saved together."""

MAX_PER = 5
"""Maximum number of columns that identify customers."""

MAX_SHEET = 100
"""Maximum number of characters in the name of a worksheet."""

T = TypeVar("T")

Place: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Share: TypeAlias = (  # 1 stays a whole number, as it was typed
    Annotated[int, msgspec.Meta(gt=0, le=1)] | Annotated[float, msgspec.Meta(gt=0, le=1)]
)
Sentence: TypeAlias = Annotated[str, msgspec.Meta(max_length=MAX_SENTENCE)]
MAX_WHOLE = 2**63 - 1
"""Largest whole number that msgspec can check."""

RuleTexts: TypeAlias = Annotated[
    tuple[Annotated[str, msgspec.Meta(max_length=MAX_RULE)], ...], msgspec.Meta(max_length=100)
]

FeatureNames: TypeAlias = Annotated[
    tuple[Annotated[str, msgspec.Meta(max_length=MAX_FEATURE)], ...], msgspec.Meta(max_length=5000)
]
"""Names of features of customers."""

Cost: TypeAlias = Annotated[int, msgspec.Meta(gt=0, le=MAX_WHOLE)] | Positive


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """The options of a job that the page of a run offers. None: detected or not given."""

    delimiter: Annotated[str, one_of((",", ";", "tab", "|"))] | None = None
    decimal: Annotated[str, one_of((".", ","))] | None = None
    encoding: Annotated[str, one_of(("utf-8", "cp1252", "latin-1", "utf-16"))] | None = None
    sheet: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SHEET)] | None = None
    header: Annotated[int, msgspec.Meta(ge=1)] | None = None
    missing: Annotated[str, one_of(("fill", "error"))] = "fill"
    alerts: Annotated[int, msgspec.Meta(ge=1)] | None = None
    contamination: Annotated[float, msgspec.Meta(gt=0, le=0.5)] | None = None
    fdr: Share | None = None
    p_value: Share | None = None
    cost: Cost | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)] = 0
    always: RuleTexts = ()
    never: RuleTexts = ()
    floor: RuleTexts = ()
    direction: RuleTexts = ()
    just_below: RuleTexts = ()

    @property
    def job(self) -> Job:
        """A job with these options."""
        return Job(**{each.name: getattr(self, each.name) for each in fields(PageOptions)})

    @property
    def rules(self) -> dict[str, tuple[str, ...]]:
        """The rules that list or hide rows, by kind."""
        return self.job.only(*LISTED).given()

    @property
    def reading(self) -> dict[str, Any]:
        """The options for reading the file, by name."""
        return {name: getattr(self, name) for name in IN_ROLES_FILE}


@dataclass(frozen=True, kw_only=True)
class RunSettings(PageOptions):
    """Settings of a run. Columns are numbers, and `kinds` and `orders` have them as keys."""

    id: Place | None = None
    label: Place | None = None
    value: str | None = None  # of the label
    kinds: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    amount: Place | None = None
    per: Annotated[tuple[Place, ...], msgspec.Meta(max_length=MAX_PER)] = ()
    left_out: FeatureNames = ()
    uses_marks: bool = False
    told: Annotated[tuple[Sentence, ...], msgspec.Meta(max_length=MAX_TOLD)] = ()
    regions_of: str | None = None  # the run whose edited regions are reused
    author: str | None = None
    instead_of: int | None = None  # the run of the watch that this run replaces
    again: bool = False  # whether the table of an earlier run can be recorded once more
    new_ids: bool = False  # whether the ids of each table of the watch are new
    roles: tuple[str, str] | None = None  # text and name of a file to apply after reading again
    before: "RunSettings | None" = None  # while the table is read again

    def to_json(self) -> dict[str, Any]:
        """Return the settings as data for JSON."""
        return {n: v for n, v in asdict(self).items() if v or n not in OWN}


OWN = ("author", "instead_of", "again", "new_ids", "roles", "before")
"""Settings that the app sets itself."""


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A message from the server to the process of a job."""

    task: str
    name: str  # of the uploaded file
    file: str
    folder: str  # of the run
    state: str
    memory: int | None = None
    settings: RunSettings = field(default_factory=RunSettings)
    job: Job = field(default_factory=Job)
    marks: dict[int, int] = field(default_factory=dict)  # 1 for a confirmed row, 0 for a cleared
    key: tuple[str, ...] = ()  # columns that identify the cases of a watch
    before: str | None = None  # folder of the run whose edited regions are reused
    watch: str = ""
    cases_of: str = ""
    others: tuple[str, ...] = ()  # folders of other runs with the same rows
    regions: Any = None


@dataclass(frozen=True, kw_only=True)
class PageDecision:
    """A decision from a page on a row of a run or on a case of a watch."""

    decision: Annotated[str, one_of(("", *STATES))] | None = None
    comment: Annotated[str, msgspec.Meta(max_length=MAX_COMMENT)] | None = None
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    seen: int | None = None  # number of the last decision that the page shows
    row: int | None = None
    key: str | None = None
    run: str | None = None  # in which the case was seen
    several: Annotated[tuple["PageDecision", ...], msgspec.Meta(max_length=MAX_SEVERAL)] = ()

    @property
    def each(self) -> tuple["PageDecision", ...]:
        """The decisions that are saved together."""
        return self.several or (self,)


@dataclass(frozen=True)
class PageWatch:
    """The name of a new watch from a page, and the numbers of its key columns."""

    name: str
    key: list[Place]


@dataclass(frozen=True)
class PageCategories:
    """The categories for clearing cases of a watch, from a page."""

    categories: list[str]


SENTENCES = {
    "decision": "The decision must be 'confirmed', 'cleared', 'later' or null.",
    "comment": f"A comment must be a text of at most {MAX_COMMENT:,} characters.",
    "missing": "'missing' must be 'fill' to fill missing values, or 'error' to stop the run.",
    "contamination": "The share of rows to list must be above 0 and at most 0.5.",
    "fdr": "The share expected by chance must be above 0 and at most 1.",
    "p_value": "The largest p-value must be above 0 and at most 1.",
    "cost": "The cost of a review must be a number above 0.",
    "header": "The row of names must be a whole number from 1.",
    "sheet": "'sheet' must be the name or number of a sheet, of at most 100 characters.",
}
"""Messages on values from a field of the page, or from a roles file."""


def default_settings(table: Mapping[str, Any], said: RunSettings | None = None) -> RunSettings:
    """Return settings with the id and the left-out columns that the automatic rules found.

    If one left-out column has another value in each row and is no free text, this column is the id.
    """
    columns = table["columns"]
    found = [i for i, column in enumerate(columns) if column["kind"] == "id"]
    others = [
        i
        for i, column in enumerate(columns)
        if column["kind"] == "dropped"
        and column["n_distinct"] == table["n_rows"]
        and not column["why"].endswith(FREE_TEXT)
    ]
    found = found or (others if len(others) == 1 else [])
    dropped = {str(i): "drop" for i, column in enumerate(columns) if column["is_problem"]}
    return replace(said or RunSettings(), id=found[0] if found else None, kinds=dropped)


def from_page(given: Any, type_: type[T], what: str = "the request") -> T:
    """Convert data from a page."""
    try:
        return converted(given, type_, what)
    except InputError as error:
        text = f"{error}."
        said = SENTENCES.get(error.parameter or "", text[0].upper() + text[1:])
        raise InputError(said, parameter=error.parameter, value=error.value) from error


def reading_of(given: Any) -> RunSettings:
    """Return settings for reading a file. Raise InputError for invalid settings."""
    return from_page({name: given.get(name) for name in IN_ROLES_FILE}, RunSettings, "the settings")


def with_real_cost(given: dict[str, Any]) -> dict[str, Any]:
    """Return settings with a real number as cost if the cost is a very large whole number."""
    cost = given.get("cost")
    if isinstance(cost, int) and MAX_WHOLE < cost < LARGEST:
        return {**given, "cost": float(cost)}
    return given


def checked_settings(given: Any, table: Mapping[str, Any], before: RunSettings) -> RunSettings:
    """Return settings with changes from the page. Raise InputError for invalid settings."""
    allowed = {each.name for each in fields(RunSettings)}.difference(OWN)
    if not isinstance(given, dict) or not allowed >= given.keys():
        names = ", ".join(sorted(allowed))
        raise InputError(f"Settings must be an object with some of {names}.", allowed=names)
    said = with_real_cost(before.to_json() | given)
    settings = from_page(said, RunSettings, "the settings")
    columns = table["columns"]
    _check_columns(settings, columns)
    for number, kind in settings.kinds.items():
        name, may_be = columns[int(number)]["name"][:60], (*columns[int(number)]["may_be"], "drop")
        if kind not in may_be:
            kinds = ", ".join(may_be)
            raise InputError(
                f"Column '{name}' cannot be {kind!r:.20}. It can be {kinds}.",
                column=name,
                value=kind,
                allowed=kinds,
            )
    checked_setting("rules", settings.rules)
    # If another rule is given, a share only sets the threshold.
    if len(settings.job.only("alerts", "fdr", "p_value", "cost").given()) > 1:
        raise InputError("The number of rows to list is given in two ways. Choose one of them.")
    if settings.alerts is not None and settings.alerts > table["n_rows"]:
        raise InputError(
            f"'alerts' must be a whole number from 1 to {table['n_rows']}.",
            parameter="alerts",
            value=settings.alerts,
        )
    if (settings.amount is None) != (settings.cost is None):
        raise InputError(
            "A rule by cost needs the column with the amount at stake and the cost of a review."
        )
    return settings


def _check_columns(settings: RunSettings, columns: list[dict[str, Any]]) -> None:
    """Raise InputError if a column does not exist, or if a column has two roles."""
    label, per, last = settings.label, settings.per, len(columns) - 1
    for name in ("id", "label", "amount"):
        number = getattr(settings, name)
        if number is not None and number > last:
            raise InputError(
                f"'{name}' must be a whole number from 0 to {last}.", parameter=name, value=number
            )
    for name in ("kinds", "orders"):
        if not getattr(settings, name).keys() <= {str(i) for i in range(len(columns))}:
            raise InputError(f"'{name}' must map numbers of columns to texts.", parameter=name)
    if label is not None and settings.id == label:
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
    known = [] if label is None else [level for level, _ in columns[label]["levels"]]
    if known and settings.value not in (None, *known):
        name, value = columns[label or 0]["name"][:60], settings.value
        raise InputError(
            f"Column '{name}' does not have the value {value!r:.60}. Choose a value of the column.",
            column=name,
            value=value,
        )


def job_of(settings: RunSettings, table: Mapping[str, Any]) -> Job:
    """Convert settings to a job."""
    names = [column["name"] for column in table["columns"]]
    label, value, amount = settings.label, settings.value, settings.amount
    id_ = None if settings.per else settings.id
    spoken_for = (id_, label, *settings.per)
    kinds = {int(i): kind for i, kind in settings.kinds.items() if int(i) not in spoken_for}
    for i, column in enumerate(table["columns"]):
        # Otherwise the column would be detected as the id again.
        if column["kind"] == "id" and i not in (*spoken_for, *kinds):
            kinds[i] = "drop"
    by_kind: dict[str, Any] = {}
    for i, kind in sorted(kinds.items()):
        order = settings.orders.get(str(i), "").strip()
        is_told = kind == "ordinal" and order
        name = f"{names[i]}={order}" if is_told else names[i]
        by_kind[kind] = (*by_kind.get(kind, ()), name)
    if settings.per:
        by_kind["drop"] = (*by_kind.get("drop", ()), *settings.left_out)
    else:
        by_kind["just_below"] = ()
    return replace(
        settings.job,
        id_column=None if id_ is None else names[id_],
        per=tuple(names[i] for i in settings.per),
        label=None if label is None else names[label] + (f"={value}" if value else ""),
        amount=None if amount is None else names[amount],
        **by_kind,
    )


KINDS_OF_ROWS = ("number", "category", "date", "time")
"""Kinds of columns of transactions from which features of customers are made."""


def features_of(settings: RunSettings, table: Mapping[str, Any]) -> list[str]:
    """Return the names of the features that customers can have, before they are computed."""
    found = {}
    for i, column in enumerate(table["columns"]):
        kind = settings.kinds.get(str(i)) or _kind_of_rows(column, table["n_rows"])
        if i != settings.label and i not in settings.per and kind in KINDS_OF_ROWS:
            found[column["name"]] = kind, column["traits"]
    return possible_features(found)


def _kind_of_rows(column: Mapping[str, Any], n_rows: int) -> str:
    """Return the kind of a column of transactions, of which many can be no features of rows."""
    kind, may_be = column["kind"], column["may_be"]
    if are_times(column["examples"]):
        return "time"
    if kind not in ("number", "dropped"):
        return str(kind)
    is_number, levels = kind == "number", [level for level, _ in column["levels"]]
    is_usable = is_number or (may_be and "number" not in may_be)
    n_values = column["n_distinct"] if is_usable else n_rows
    is_whole = bool(levels) and all(float(level).is_integer() for level in levels if is_number)
    about = {"is_whole": is_whole, "is_date": "date" in may_be}
    return kind_of_values(n_values, n_rows, is_number=is_number, **about)


FILE = "roles.toml"
NO_FEATURES = ("dropped", "constant")
"""Kinds of columns that the automatic rules leave out. A user can choose another kind."""


def settings_of(
    text: str, source: str, settings: RunSettings, table: Mapping[str, Any]
) -> RunSettings:
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
        "id": _id(roles, settings.id, names),
        "label": None if roles.label is None else names.index(roles.label),
        "value": roles.label_value,
        "kinds": kinds,
        "orders": orders,
        "missing": roles.missing or "fill",
        "told": told,
        **{kind: roles.rules.get(kind, ()) for kind in LISTED},
    }
    return checked_settings(given, table, settings)


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


def text_of(settings: RunSettings, table: Mapping[str, Any], name: str) -> str:
    """Return the settings of a run as the text of a roles file."""
    if settings.per:
        raise InputError(
            "The app cannot save a roles file if rows are combined into customers. Use "
            "`somscape detect --per COL --save-roles roles.toml`."
        )
    columns, levels, comments = {}, {}, {}
    for i, column in enumerate(table["columns"]):
        called = column["name"]
        columns[called], why = _role_and_reason(i, column, settings)
        if columns[called] == "ordinals":
            levels[called] = _levels(column, settings.orders.get(str(i), ""))
        n = column["n_missing"]
        comments[called] = f"{why}; {n} missing" if n else why
    roles = Roles.of(
        columns,
        levels,
        label_value=settings.value,
        missing=settings.missing,
        others="drop",
        reading=settings.job.only(*IN_ROLES_FILE).given(),
        rules=settings.rules,
    )
    heading = roles_heading(name, FILE, [counted(table["n_rows"], "row"), *table["notes"]])
    return roles_text(roles, comments, heading)


def _role_and_reason(i: int, column: Mapping[str, Any], settings: RunSettings) -> tuple[str, str]:
    """Return the role of a column in a run, and the reason for this role."""
    for role, why in (("id", "names the rows"), ("label", "known outcome, not a feature")):
        if getattr(settings, role) == i:
            return role, why
    if str(i) in settings.kinds:
        return ROLE_OF_KIND[settings.kinds[str(i)]], "as chosen"
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
