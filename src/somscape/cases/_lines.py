"""What lines of the audit say of runs and decisions: of people's keys and texts only hashes."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from somscape.cases._chain import hidden
from somscape.cases._database import Row
from somscape.cases._records import Listed

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
