"""The audit: a line for each change, whose head holds all lines before it."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from somscape.cases._database import Change, Row
from somscape.cases._rows import UNREADABLE, damaged

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
    change: Change, kind: str, said: Mapping[str, Any], *, author: str, key: bytes | None
) -> tuple[int, str]:
    """Add a line to the audit, and return its number and time."""
    last = change.rows("SELECT number, said, head FROM audit ORDER BY number DESC LIMIT 1")
    number, before, head = 1, "", NOTHING
    if last:
        number, head = last[0]["number"] + 1, last[0]["head"]
        said_before = said_by_line(last[0]).get("made")
        if not isinstance(said_before, str):
            raise damaged(f"the audit is damaged at line {last[0]['number']}")
        before = said_before
    made = max(now(), before)
    line = {"number": number, "made": made, "author": author, "kind": kind, **said}
    line[SEALED] = key is not None  # who removes the seal has to rewrite the line
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    head = next_head(head, text)
    seal = seal_of(head, key)
    change.rows("INSERT INTO audit VALUES (?, ?, ?, ?)", (number, text, head, seal))
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
