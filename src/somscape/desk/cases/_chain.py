"""The lines of the audit. Each head follows from all lines before it."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from somscape.desk.cases._database import Row, Transaction
from somscape.desk.cases.records import UNREADABLE, Listed, damaged

NOTHING = "0" * 64
"""The head of no lines."""

SEALED = "sealed"
"""Whether a line got a seal when it was written; lines of earlier versions do not contain it."""


def next_head(head: str, said: str) -> str:
    """Return the head after one more line."""
    return hashlib.sha256(f"{head}\n{said}".encode()).hexdigest()


def seal_of(head: str, key: bytes | None) -> str | None:
    """Return what only who has the key can write under a head; None without a key."""
    return None if key is None else hmac.new(key, head.encode(), "sha256").hexdigest()


def hidden(text: str, salt: str) -> str:
    """Return the hash of a text that says nothing without its salt."""
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def add_line(
    change: Transaction, kind: str, said: Mapping[str, Any], *, author: str, key: bytes | None
) -> tuple[int, str]:
    """Add a line to the audit, and return its number and time."""
    number, made, head = 1, now(), NOTHING
    for last in change.rows("SELECT number, said, head FROM audit ORDER BY number DESC LIMIT 1"):
        number, head, before = last["number"] + 1, last["head"], said_by_line(last).get("made")
        if not isinstance(before, str):
            raise damaged(f"the audit is damaged at line {last['number']}")
        made = max(made, before)
    line = {"number": number, "made": made, "author": author, "kind": kind, **said}
    line[SEALED] = key is not None  # who removes the seal has to rewrite the line
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    head = next_head(head, text)
    values = (number, text, head, seal_of(head, key))
    change.rows("INSERT INTO audit VALUES (?, ?, ?, ?)", values)
    return number, made


def said_by_line(line: Row) -> dict[str, Any]:
    """Return what a line says, by name; nothing where somebody has made it unreadable."""
    try:
        said = json.loads(line["said"])
    except UNREADABLE:
        return {}
    return said if isinstance(said, dict) else {}


def now() -> str:
    """Return the time."""
    return datetime.now(UTC).isoformat(timespec="seconds")


FORGOTTEN = "forgotten"
"""Kind of the line that says that cases were forgotten."""

OF_KEPT = "kept:"
"""How hashes of kept rows begin, unlike hashes of listed rows, in the table of forgotten rows."""


MAX_NAMED = 10
"""Lines that a sentence names."""


def lines_of(numbers: Sequence[int]) -> str:
    """Name lines of the audit in a sentence."""
    some = ", ".join(map(str, numbers[:MAX_NAMED]))
    more = f" and {len(numbers) - MAX_NAMED} more" if len(numbers) > MAX_NAMED else ""
    return f"line {some}" if len(numbers) == 1 else f"lines {some}{more}"


def as_text(value: Mapping[str, Any] | None) -> str:
    """Return values of JSON as the text that the database holds."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def decision_line(row: Row, salt: str) -> dict[str, Any]:
    """Return what the audit says of a decision."""
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
    """Return what the audit says of a run."""
    said = {name: row[name] for name in ("watch", "source", "data", "map", "facts")}
    rows = {"listed": _joined(listed), "kept": _joined(kept)}
    # The line has a number of its own.
    return {"run": row["id"], "run_number": row["number"], **said, **rows}


def _joined(hashes: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def row_hash(row: Listed, salt: str) -> str:
    """Return the hash of a row of a list."""
    numbers = [int(row.place), float(row.score) + 0.0, float(row.p_value) + 0.0]  # no -0.0
    return hidden(json.dumps([row.key, *numbers, row.news, row.reasons]), salt)


def kept_hash(key: str, cells: str, salt: str) -> str:
    """Return the hash of a row whose cells a run keeps."""
    return OF_KEPT + hidden(f"{json.dumps(key)}\n{cells}", salt)  # no key has a line break there
