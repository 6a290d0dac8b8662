"""A roles file: what columns are, and how their table is read, as text that people edit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from somscape._files import shown
from somscape._toml import key_text, line_of, parsed, value_text
from somscape.encode._kinds import WORDS, Roles
from somscape.encode._said import READING, SETTINGS, checked_setting, said_by
from somscape.errors import InputError

MAX_BYTES = 2_000_000
"""Of a roles file; 20,000 columns with their comments take as many."""

MAX_ORDINAL_LEVELS = 10_000
"""Of an ordinal."""

MAX_ALIGNED = 40
"""Entries of more letters do not move the comments of the others."""

KINDS = {option.removeprefix("--"): role for role, (_, option) in WORDS.items()}
"""The role that a kind of column in a file stands for."""

MORE = {"ordinal": "levels", "label": "value"}
"""What else may be said of a column, by its kind."""

SAID = {
    "missing": "missing cells: fill, error or mask",
    "others": "columns that are not named here: drop leaves them out, rules decides by rule",
    "dictionary": 'words for the codes of a column; "" names the column itself',
    "layers": "columns that count together, as much as those of any other layer",
    "layer_weights": "what a layer counts; others count 1",
    "reading": f"what is not said is found out: {', '.join(READING)}",
    "columns": f"kinds: {', '.join(KINDS)}",
}
"""Comments on the parts of a file."""


def read_roles(path: str | Path) -> Roles:
    """Read a roles file."""
    name = shown(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{name} cannot be read ({error.strerror}). Give the path of a roles file."
        ) from error
    return roles_from_text(data, name)


def roles_from_text(data: bytes, source: str) -> Roles:
    """Return the roles that the content of a file gives; as `read_roles`."""
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{source} has more than {MAX_BYTES / 1e6:g} MB, which no roles file has. Give another "
            "file."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{source}, line {line}: this is no text in UTF-8. Save the file as UTF-8."
        ) from error
    try:
        return _Reader(text, source).roles(parsed(text, source))
    except InputError:
        raise
    except ValueError as error:  # Python writes no number of that many digits
        raise InputError(f"{source} has a number of too many digits.") from error


@dataclass(frozen=True)
class _Reader:
    """Makes roles of a file's data; what is wrong is told with its line."""

    text: str
    source: str

    def roles(self, data: dict[str, Any]) -> Roles:
        said = {name: self._setting(name, data[name]) for name in data if name != "columns"}
        entries = data.get("columns", {})
        if not isinstance(entries, dict):
            self._refuse(("columns",), 'columns must be a table: [columns], then NAME = "KIND".')
        columns: dict[str, str] = {}
        levels: dict[str, tuple[Any, ...]] = {}
        only: dict[str, str] = {}
        for name, entry in entries.items():
            kind, more = self._kind(name, entry)
            columns[name] = role = KINDS[kind]
            default = getattr(Roles(), role)
            if isinstance(default, Mapping):
                levels[name] = self._levels(name, more.get("levels"))
            elif default is None and only.setdefault(role, name) != name:
                self._refuse_column(name, f"cannot be the {kind}, too: '{only[role]}' is")
            if "value" in more:
                said["label_value"] = self._value(name, more["value"])
        return Roles.of(columns, levels, **said)

    def _setting(self, name: str, value: Any) -> Any:
        allowed = [*(n for n in SETTINGS if n != "label_value"), "columns"]
        if name not in allowed:
            self._refuse(
                (name,),
                f"a roles file has no part {name!r:.60}{_near(name, allowed)}; it may have "
                f"{', '.join(allowed)}.",
            )
        try:
            return checked_setting(name, value)
        except ValueError as error:
            wrong = set(value) - set(READING) if name == "reading" and value else ()
            path = (name, min(wrong)) if wrong else (name,)
            self._refuse(path, f"{str(error).removesuffix('.')}.")

    def _kind(self, name: str, entry: Any) -> tuple[str, dict[str, Any]]:
        """Return the kind of a column, and what else is said of it."""
        more = dict(entry) if isinstance(entry, dict) else {"kind": entry}
        kind = more.pop("kind", None)
        if not isinstance(kind, str) or kind not in KINDS:
            near = _near(kind, KINDS) if isinstance(kind, str) else ""
            self._refuse_column(
                name,
                f"{'has no kind' if kind is None else f'cannot be {kind!r:.60}'}{near}; the kinds "
                f"are {', '.join(KINDS)}",
            )
        wrong = set(more) - {MORE.get(kind)}
        if wrong:
            self._refuse_column(
                name,
                f"has {min(wrong)!r:.40}, which {kind!r} does not have; only 'ordinal' has "
                "'levels', and 'label' has 'value'",
            )
        return kind, more

    def _levels(self, name: str, levels: Any) -> tuple[Any, ...]:
        if not (isinstance(levels, list) and all(map(_is_level, levels))):
            said = f'{key_text(name)} = {{ kind = "ordinal", levels = ["low", "high"] }}'
            self._refuse_column(name, f"needs its levels from low to high, such as {said}")
        n_different = len({str(level) for level in levels})
        if n_different < max(2, len(levels)) or len(levels) > MAX_ORDINAL_LEVELS:
            self._refuse_column(
                name,
                f"must have 2 to {MAX_ORDINAL_LEVELS} levels, each once; got {str(levels)[:60]}",
            )
        return tuple(levels)

    def _value(self, name: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._refuse_column(name, f"must have a text as its value; got {value!r:.40}")
        return str(value)

    def _refuse_column(self, name: str, what: str) -> NoReturn:
        self._refuse(("columns", name), f"column '{name}' {what}.")

    def _refuse(self, path: tuple[str, ...], message: str) -> NoReturn:
        line = line_of(self.text, path)
        raise InputError(f"{self.source}{f', line {line}' if line else ''}: {message}")


def _is_level(value: Any) -> bool:
    is_number = isinstance(value, int | float) and abs(value) < 2**63
    return isinstance(value, str) or is_number


def _near(name: str, choices: Iterable[str]) -> str:
    near = get_close_matches(name.casefold(), list(choices), n=1)
    return f" (is it '{near[0]}'?)" if near else ""


def roles_text(
    roles: Roles, comments: Mapping[str, str] | None = None, heading: Iterable[str] = ()
) -> str:
    """Return roles as the text of a file, of which `read_roles` makes the same roles."""
    comments = comments or {}
    entries, settings = _entries(roles), said_by(roles)
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
    """Return what the file says of each column."""
    kind_of = {role: kind for kind, role in KINDS.items()}
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
