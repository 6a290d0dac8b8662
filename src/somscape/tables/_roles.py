"""Read and write the roles of columns as TOML files, and apply saved roles to a table."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import numpy as np

from somscape._files import shown
from somscape.errors import InputError
from somscape.tables._late import tomlkit
from somscape.tables._messages import likely, listed
from somscape.tables._text import opened
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.customers import may_be_made
from somscape.tables.encoding import ColumnCode, Encoding, lacking
from somscape.tables.kinds import READING, ROLE_WORDS, SETTINGS, Roles, checked_setting
from somscape.tables.ordered import DateCode, OrdinalCode, part_names
from somscape.tables.table import Table

LONG_KEY = re.compile(
    r"""(?m)(?:^|[{,])[ \t\[]*(?:(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*\.[ \t]*){32}"""
)
"""Pattern of keys with 32 or more parts. A file with such a key raises an error, because tomllib
reads the key very slowly."""

PLACE = re.compile(r"(.*) \(at (?:(line \d+), column \d+|end of document)\)")


def key_text(name: str) -> str:
    """Return a name as a TOML key."""
    return _printable(tomlkit.key(name).as_string())


def value_text(value: Any) -> str:
    """Return a TOML value on one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key_text(key)} = {value_text(v)}" for key, v in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    plain = value if isinstance(value, int | float) else str(value)
    return _printable(tomlkit.item(plain).as_string())


def _printable(text: str) -> str:
    """Return TOML text in which characters that people cannot see are escaped."""
    if re.search("[\ud800-\udfff]", text):
        raise InputError(
            f"{text[1:-1]!a} contains an incomplete Unicode character, so this text cannot be "
            "written to a file. Change the text.",
            value=text[1:-1],
        )
    return "".join(
        c if c.isprintable() else f"\\u{ord(c):04x}" if c < "\U00010000" else f"\\U{ord(c):08x}"
        for c in text
    )


def decoded(data: bytes, source: str) -> str:
    """Return the text in the content (bytes) of a TOML file."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{source}, line {line}: this text is not in UTF-8. Save the file as UTF-8.",
            file=source,
            line=line,
        ) from error


def parsed(text: str, source: str) -> dict[str, Any]:
    """Parse the text of a roles file."""
    cure = 'Write each line as NAME = "VALUE". Names with special characters need quotes.'
    long_key = LONG_KEY.search(text)
    if long_key:
        number = text.count("\n", 0, long_key.end()) + 1
        raise InputError(
            f"{source}, line {number}: a key has too many parts. {cure}", file=source, line=number
        )
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError(f"{source} has too deeply nested values. {cure}", file=source) from error
    except ValueError as error:  # a TOMLDecodeError, or a number of too many digits
        found = PLACE.fullmatch(str(error))
        what, line = (found[1], found[2] or "at its end") if found else ("a value is too long", "")
        where = f"{source}, {line}" if line else source
        fault = f"{what[0].lower()}{what[1:]}"
        raise InputError(
            f"{where}: this text is not valid TOML ({fault}). {cure}",
            file=source,
            line=int(line[5:]) if line.startswith("line ") else None,
        ) from error


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """Return the number of the line with a key in TOML text, or None if the key is not found."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        keys = _keys(line)
        if line.lstrip().startswith("["):
            table = found = keys
        else:
            found = (*table, *keys)
        if found[: len(path)] == path:
            return number
    return None


def _keys(line: str) -> tuple[str, ...]:
    """Return the key in a line of TOML text, as a tuple with the parts of the nested key."""
    data: Any = {}
    for whole in (line, f"{line.partition('=')[0]}= 0"):  # a value can continue on the next line
        with suppress(ValueError, RecursionError):
            data = tomllib.loads(whole)
            break
    keys = []
    while data and isinstance(data, dict):
        key, data = next(iter(data.items()))
        keys.append(key)
    return tuple(keys)


MAX_BYTES = 2_000_000
"""Maximum size in bytes of a roles file. This is enough for 20,000 columns with comments."""

MAX_ORDINAL_LEVELS = 10_000
"""Maximum number of levels of an ordered category in a roles file."""

MAX_ALIGNED = 40
"""Maximum length in characters of an entry whose comment is aligned with other comments."""

ROLE_OF_KIND = {option.removeprefix("--"): role for role, (_, option) in ROLE_WORDS.items()}
"""For each kind of column in a roles file, the name of the role in `Roles`."""

ENTRIES = {
    "ordinal": (
        f"must have 2 to {MAX_ORDINAL_LEVELS} different levels from low to high",
        '{ kind = "ordinal", levels = ["low", "high"] }',
    ),
    "label": ("must have a text as its value", '{ kind = "label", value = "yes" }'),
}
"""For each kind whose entry in a roles file can have a second key, a description of the entry and
an example."""

SAID = {
    "missing": "treatment of missing cells, which is fill, error or mask",
    "others": "columns without a role, which are left out (drop) or used as their values suggest "
    "(rules)",
    "dictionary": 'words for the codes of a column, with the title of the column as ""',
    "layers": "columns that are scaled together, so that each layer has the same weight",
    "layer_weights": "weight of each layer, otherwise 1",
    "just_below": "limits for the share of a customer's numbers just below a limit",
    "rules": "rows that are always or never listed, whatever their scores are",
    "reading": f"settings of the file, otherwise detected ({', '.join(READING)})",
    "columns": f"kinds: {', '.join(ROLE_OF_KIND)}",
}
"""For each key at the top of a roles file, the comment that explains the key."""


def read_roles(path: str | Path) -> Roles:
    """Read a roles file."""
    name = shown(path)
    with opened(path, name) as file:
        data = file.read(MAX_BYTES + 1)
    return roles_from_text(data, name)


def roles_from_text(data: bytes, source: str) -> Roles:
    """Return the roles from the content (bytes) of a roles file."""
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{source} is larger than {MAX_BYTES / 1e6:g} MB, the limit for roles files. Give "
            "another file.",
            file=source,
            value=len(data),
            allowed=MAX_BYTES,
        )
    text = decoded(data, source)
    try:
        return _Reader(text, source).roles(parsed(text, source))
    except InputError:
        raise
    except ValueError as error:  # Python limits the digits of a number
        raise InputError(
            f"{source} contains a number with too many digits. Correct the number.", file=source
        ) from error


@dataclass(frozen=True)
class _Reader:
    """Convert parsed TOML data to `Roles`. Error messages contain the line number."""

    text: str
    source: str

    def roles(self, data: dict[str, Any]) -> Roles:
        said = {name: self._setting(name, data[name]) for name in data if name != "columns"}
        entries = data.get("columns", {})
        if not isinstance(entries, dict):
            self._refuse(
                ("columns",),
                'columns must be a TOML table, as a line [columns] with lines NAME = "KIND" below.',
            )
        columns: dict[str, str] = {}
        levels: dict[str, tuple[Any, ...]] = {}
        only: dict[str, str] = {}
        for name, given in entries.items():
            entry = self._entry(name, given)
            columns[name] = role = ROLE_OF_KIND[entry.kind]
            if isinstance(entry, _OrdinalEntry):
                levels[name] = entry.levels
            elif getattr(Roles(), role) is None and only.setdefault(role, name) != name:
                self._refuse_column(
                    name,
                    f"cannot be the {entry.kind}, because column '{only[role]}' is the "
                    f"{entry.kind}",
                )
            if isinstance(entry, _LabelEntry) and entry.value is not None:
                said["label_value"] = str(entry.value)
        return Roles.of(columns, levels, **said)

    def _setting(self, name: str, value: Any) -> Any:
        allowed = [*(n for n in SETTINGS if n != "label_value"), "columns"]
        if name not in allowed:
            self._refuse(
                (name,),
                f"{name!r:.60} is not a part of a roles file{likely(name, allowed)}. The parts "
                f"are {', '.join(allowed)}.",
            )
        try:
            return checked_setting(name, value)
        except ValueError as error:
            wrong = set(value) - set(READING) if name == "reading" and value else ()
            path = (name, min(wrong)) if wrong else (name,)
            self._refuse(path, f"{str(error).removesuffix('.')}.")

    def _entry(self, name: str, given: Any) -> "_Entry":
        data = given if isinstance(given, dict) else {"kind": given}
        kind = data.get("kind")
        if not isinstance(kind, str) or kind not in ROLE_OF_KIND:
            near = likely(kind, ROLE_OF_KIND) if isinstance(kind, str) else ""
            self._refuse_column(
                name,
                f"{'has no kind' if kind is None else f'cannot be {kind!r:.60}'}{near}. The kinds "
                f"are {', '.join(ROLE_OF_KIND)}",
            )
        type_ = {"ordinal": _OrdinalEntry, "label": _LabelEntry}.get(kind, _Entry)
        try:
            return msgspec.convert(data, type_)
        except msgspec.ValidationError:
            needs, example = ENTRIES.get(kind, ("cannot have another key", f'"{kind}"'))
            self._refuse_column(
                name,
                f"{needs}, such as {key_text(name)} = {example}, but is {value_text(given):.60}",
            )

    def _refuse_column(self, name: str, what: str) -> NoReturn:
        self._refuse(("columns", name), f"column '{name}' {what}.", column=name)

    def _refuse(self, path: tuple[str, ...], message: str, column: str | None = None) -> NoReturn:
        line = line_of(self.text, path)
        raise InputError(
            f"{self.source}{f', line {line}' if line else ''}: {message}",
            parameter=path[0],
            file=self.source,
            line=line,
            column=column,
        )


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """The entry of a column in a roles file."""

    kind: str


class _LabelEntry(_Entry, forbid_unknown_fields=True):
    value: str | int | None = None


class _OrdinalEntry(_Entry, forbid_unknown_fields=True):
    levels: Annotated[
        tuple[str | bool | int | float, ...],
        msgspec.Meta(min_length=2, max_length=MAX_ORDINAL_LEVELS),
    ]

    def __post_init__(self) -> None:
        are_short = all(isinstance(level, str) or abs(level) < 2**63 for level in self.levels)
        if not are_short or len(set(map(str, self.levels))) < len(self.levels):
            raise ValueError("repeated levels, or numbers that are too large")


def roles_text(
    roles: Roles, comments: Mapping[str, str] | None = None, heading: Iterable[str] = ()
) -> str:
    """Return the text of a roles file, from which `read_roles` reads the same roles."""
    comments = comments or {}
    entries, settings = _entries(roles), roles.settings()
    settings.pop("label_value", None)
    reading = settings.pop("reading", {})
    tables = {n: settings.pop(n) for n, v in [*settings.items()] if isinstance(v, Mapping)}
    tables["reading"] = reading
    order = [*(name for name in comments if name in entries), *entries]
    columns = {name: entries[name] for name in dict.fromkeys(order)}
    lines = [_comment(line) for line in heading]
    lines += ["", *_lines(settings, SAID)]
    for name, table in tables.items():
        lines += ["", _commented(f"[{key_text(name)}]", SAID.get(name, "")), *_lines(table, {})]
    lines += ["", _commented("[columns]", SAID["columns"]), *_lines(columns, comments)]
    return "\n".join(lines).strip("\n") + "\n"


def _entries(roles: Roles) -> dict[str, Any]:
    """Return, for each column with a role, the entry in a roles file."""
    kind_of = {role: kind for kind, role in ROLE_OF_KIND.items()}
    entries: dict[str, Any] = {}
    for name, role in roles.by_column().items():
        kind = kind_of[role]
        if role == "label" and roles.label_value is not None:
            entries[name] = {"kind": kind, "value": roles.label_value}
        elif isinstance(getattr(roles, role), Mapping):
            entries[name] = {"kind": kind, "levels": list(getattr(roles, role)[name])}
        else:
            entries[name] = kind
    return entries


def _lines(values: Mapping[str, Any], comments: Mapping[str, str]) -> list[str]:
    written = {name: f"{key_text(name)} = {value_text(v)}" for name, v in values.items()}
    width = max((len(w) for w in written.values() if len(w) <= MAX_ALIGNED), default=0)
    return [_commented(w.ljust(width), comments.get(name, "")) for name, w in written.items()]


def _commented(written: str, comment: str) -> str:
    return f"{written}  {_comment(comment)}" if comment else written.rstrip()


def _comment(text: str) -> str:
    return f"# {shown(' '.join(text.split()))}"


NOT_NEEDED = ("label", "drop", "protect")
"""Roles of columns that a table need not contain when saved roles are applied to the table."""

SAID_AS = {"protected": "protect"}
"""For each kind of column that has another name in a roles file, the name in the file."""

ENDS = np.array([[0.0], [1.0]])
"""Encoded values at both ends of a number's usual range, without the factor of a layer."""

MAX_LISTED = 6
"""Maximum number of category levels that a comment in a roles file lists."""


def pinned(encoding: Encoding, given: Roles | None = None) -> Roles:
    """Return roles with which another table gets the same features as this encoding."""
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
    said = encoding.roles.settings()
    if given.label_value is not None:
        said["label_value"] = given.label_value
    said |= {"missing": encoding.missing, "others": "drop"}
    return Roles.of(columns, levels, **said)


def role_of_kind(kind: str) -> str:
    """Return the name of the role (in `Roles`) that makes a column this kind."""
    return ROLE_OF_KIND.get(SAID_AS.get(kind, kind), "drop")


def comments_on(encoding: Encoding, table: Table | None = None) -> dict[str, str]:
    """Return, for each column, a comment with the reason for its kind and its usual values."""
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
    """Return the saved roles of columns that a table contains, and notes on the other columns."""
    roles = roles.spread(names, table)
    known = roles.by_column()
    there = {*names, *part_names(dict.fromkeys(roles.dates, True), names)}
    if roles.per:
        there.update(name for name in known if may_be_made(name, names))
    absent = {name: role for name, role in known.items() if name not in there}
    needed = [name for name, role in absent.items() if role not in NOT_NEEDED]
    if needed:
        raise InputError(
            f"{table} lacks these columns of {source}: {lacking(needed, names, known)}. Add or "
            f"rename the columns, or change {source}.",
            file=table,
            column=needed[0],
        )
    notes = []
    if absent:
        notes.append(f"{table} lacks these columns of {source}: {listed(absent)}.")
    others = [name for name in names if name not in known]
    if others:
        taken = "left out" if roles.others == "drop" else "used as their values suggest"
        notes.append(f"Columns without a role in {source} are {taken}: {listed(others)}.")
    kept = {name: role for name, role in known.items() if name in there}
    return _roles(kept, roles.ordinals, roles.settings()), notes


def overridden(roles: Roles, by: Roles) -> Roles:
    """Combine two sets of roles. For a column with a role in both sets, use the role in `by`."""
    columns, told = roles.by_column(), by.by_column()
    for role in {"id", "label", "per"} & set(told.values()):
        columns |= {name: "drop" for name, before in columns.items() if before == role}
    columns = {name: role for name, role in columns.items() if name not in told}
    said = {**roles.settings(), **by.settings(), "reading": {**roles.reading, **by.reading}}
    said["just_below"] = {**roles.just_below, **by.just_below}
    said["rules"] = {**roles.rules, **by.rules}  # those of a kind replace each other
    if by.label is not None:
        said["label_value"] = by.label_value
    return _roles({**columns, **told}, {**roles.ordinals, **by.ordinals}, said)


def _roles(
    columns: Mapping[str, str], levels: Mapping[str, Sequence[Any]], said: dict[str, Any]
) -> Roles:
    """Make `Roles` from the roles of columns. Without a label column, omit the label value."""
    if "label" not in columns.values():
        said["label_value"] = None
    return Roles.of(columns, levels, **said)
