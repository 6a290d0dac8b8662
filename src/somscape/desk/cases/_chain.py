"""Lines of the audit. The head of a line is a hash of this line and of all earlier lines."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from somscape.desk.cases._database import Row, StateDatabase, Transaction
from somscape.desk.cases.records import UNNAMED, UNREADABLE, Listed, damaged

NOTHING = "0" * 64
"""Head of an audit without lines."""

SEALED = "sealed"
"""Name of the field that states whether a line was written with a seal. Old lines lack it."""


def next_head(head: str, said: str) -> str:
    """Return the new head of the audit after a line with the text `said` is added."""
    return hashlib.sha256(f"{head}\n{said}".encode()).hexdigest()


def seal_of(head: str, key: bytes | None) -> str | None:
    """Return the seal that the key gives a head, or None if there is no key."""
    return None if key is None else hmac.new(key, head.encode(), "sha256").hexdigest()


def hidden(text: str, salt: str) -> str:
    """Return a hash of a text. The salt protects the text from guessing."""
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def add_line(
    change: Transaction, kind: str, said: Mapping[str, Any], *, author: str, key: bytes | None
) -> tuple[int, str]:
    """Add a line to the audit. Return two values: the number and the time of the new line."""
    number, made, head = 1, now(), NOTHING
    for last in change.rows("SELECT number, said, head FROM audit ORDER BY number DESC LIMIT 1"):
        number, head, before = last["number"] + 1, last["head"], said_by_line(last).get("made")
        if not isinstance(before, str):
            raise damaged(f"The audit is damaged at line {last['number']}")
        made = max(made, before)
    line = {"number": number, "made": made, "author": author, "kind": kind, **said}
    line[SEALED] = key is not None  # so a seal cannot be removed without a change of the line
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    head = next_head(head, text)
    values = (number, text, head, seal_of(head, key))
    change.rows("INSERT INTO audit VALUES (?, ?, ?, ?)", values)
    return number, made


def said_by_line(line: Row) -> dict[str, Any]:
    """Return the fields in the text of a line, or an empty dict if the text is unreadable."""
    try:
        said = json.loads(line["said"])
    except UNREADABLE:
        return {}
    return said if isinstance(said, dict) else {}


class Naming(NamedTuple):
    """Content of a line on an upload that was named as a watch.

    Attributes
    ----------
    upload, watch : str
    run : str
        Id of the first run of the watch.
    app_run : str
        Id of the run of the app with which the watch began; "" in a line without this id.
    cases : dict of str to dict
        New salted hashes of each moved case, by its earlier salted hash.
    """

    upload: str
    watch: str
    run: str
    app_run: str
    cases: dict[str, dict[str, str]]


def naming_of(said: Row) -> Naming:
    """Return the content of a line of the kind `NAMED`. Errors are in `UNREADABLE`."""
    texts = (said["watch"], said["name"], said["run"], said.get("app_run", ""))
    cases = {
        case: {part: new[part] for part in ("case", "cells")}
        for case, new in dict(said["cases"]).items()
    }
    hashes = (text for new in cases.values() for text in new.values())
    if said["kind"] != NAMED or not all(isinstance(text, str) for text in (*texts, *hashes)):
        raise TypeError
    found = Naming(*texts, cases)
    if not found.upload.startswith(UNNAMED) or found.watch.startswith(UNNAMED):
        raise ValueError
    return found


def namings(read: StateDatabase | Transaction, upload: str = UNNAMED) -> dict[str, Naming]:
    """Return the first readable line on each upload that was named, or on one upload."""
    sql = "SELECT said FROM audit WHERE said LIKE ? ORDER BY number"
    found: dict[str, Naming] = {}
    for line in read.rows(sql, (f'%"kind":"{NAMED}"%"watch":"{upload}%',)):
        with suppress(*UNREADABLE):
            naming = naming_of(said_by_line(line))
            found.setdefault(naming.upload, naming)
    return found


def now() -> str:
    """Return the current time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


FORGOTTEN = "forgotten"
"""Kind of a line on forgotten cases."""

NAMED = "named"
"""Kind of a line on an upload that was named as a watch."""

OF_KEPT = "kept:"
"""Prefix of the hashes of kept rows. Hashes of listed rows start differently."""


MAX_NAMED = 10
"""Maximum number of lines that a sentence names by their numbers."""


def lines_of(numbers: Sequence[int]) -> str:
    """Return line numbers as a phrase, for example "lines 3, 7"."""
    some = ", ".join(map(str, numbers[:MAX_NAMED]))
    more = f" and {len(numbers) - MAX_NAMED} more" if len(numbers) > MAX_NAMED else ""
    return f"line {some}" if len(numbers) == 1 else f"lines {some}{more}"


def as_text(value: Mapping[str, Any] | None) -> str:
    """Return JSON data as text that is saved in the database."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def decision_line(row: Row, salt: str) -> dict[str, Any]:
    """Return the fields of the audit line that records a decision."""
    return {
        "watch": row["watch"],
        "case": hidden(row["key"], salt),
        "state": row["state"],
        "comment": hidden(row["comment"], salt),
        "run": row["run"],
        "score": row["score"],
        "cells": hidden(row["cells"], salt),
        "token": hidden(row["token"], salt),
    }


def run_line(row: Row, listed: Iterable[str], kept: Iterable[str]) -> dict[str, Any]:
    """Return the fields of the audit line that records a run."""
    said = {name: row[name] for name in ("watch", "source", "data", "map", "facts")}
    rows = {"listed": _joint_hash(listed), "kept": _joint_hash(kept)}
    # `number` is the number of the line.
    return {"run": row["id"], "run_number": row["number"], **said, **rows}


def _joint_hash(hashes: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def row_hash(row: Listed, salt: str) -> str:
    """Return the hash of a listed row."""
    numbers = [int(row.place), float(row.score) + 0.0, float(row.p_value) + 0.0]  # no -0.0
    return hidden(json.dumps([row.key, *numbers, row.news, row.reasons]), salt)


def kept_hash(key: str, cells: str, salt: str) -> str:
    """Return the salted hash of a row that a run keeps for comparison with the next run."""
    return OF_KEPT + hidden(f"{json.dumps(key)}\n{cells}", salt)  # JSON escapes line breaks


def hashes_of_listed(
    read: Transaction, where: str, values: Sequence[str]
) -> list[tuple[str, str | None]]:
    """Return the run and the hash of listed rows. The hash of a row without a salt is None.

    `where` chooses among the rows `t` of the runs `r`.
    """
    columns = "t.key, t.place, t.score, t.p_value, t.news, t.reasons"
    rows = _salted(read, "listed", columns, where, values)
    return [(run, salt and row_hash(Listed(**row), salt)) for run, salt, row in rows]


def hashes_of_kept(
    read: Transaction, where: str, values: Sequence[str]
) -> list[tuple[str, str | None]]:
    """Return the run and the hash of rows that runs keep. See `hashes_of_listed`."""
    rows = _salted(read, "kept", "t.key, t.cells", where, values)
    return [(run, salt and kept_hash(**row, salt=salt)) for run, salt, row in rows]


def _salted(
    read: Transaction, table: str, columns: str, where: str, values: Sequence[str]
) -> Iterator[tuple[str, str | None, Row]]:
    sql = (
        f"SELECT {columns}, t.run, s.salt FROM {table} t JOIN runs r ON r.id = t.run"
        f" LEFT JOIN salts s ON s.watch = r.watch AND s.key = t.key WHERE {where}"
    )
    return ((row.pop("run"), row.pop("salt"), row) for row in read.rows(sql, values))
