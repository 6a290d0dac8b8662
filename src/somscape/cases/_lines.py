"""What lines of the audit say of runs and decisions: of people's keys and texts only hashes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from somscape.cases._chain import hidden
from somscape.cases._database import Row
from somscape.cases._records import Listed

FORGOTTEN = "forgotten"
"""Kind of the line that says that cases were forgotten."""


def as_text(value: Mapping[str, Any] | None) -> str:
    """Return values of JSON as the text that the database holds.

    Parameters
    ----------
    value : mapping or None

    Returns
    -------
    str
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def decision_line(row: Row, salt: str) -> dict[str, Any]:
    """Return what the audit says of a decision.

    Parameters
    ----------
    row : dict
        By the names of columns in the database.
    salt : str
        Of its case.

    Returns
    -------
    dict
    """
    return {
        "watch": row["watch"],
        "case": hidden(row["key"], salt),
        "state": row["state"],
        "comment": hidden(row["comment"], salt),
        "run": row["run"],
        "score": row["score"],
        "cells": hidden(row["cells"], salt),
    }


def run_line(row: Row, hashes: Iterable[str]) -> dict[str, Any]:
    """Return what the audit says of a run.

    Parameters
    ----------
    row : dict
        By the names of columns in the database.
    hashes : iterable of str
        Of the rows of its list, in any order, see `row_hash`.

    Returns
    -------
    dict
    """
    said = {name: row[name] for name in ("watch", "source", "data", "map", "facts")}
    rows = hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
    # The line has a number of its own.
    return {"run": row["id"], "run_number": row["number"], **said, "listed": rows}


def row_hash(row: Listed, salt: str) -> str:
    """Return the hash of a row of a list.

    Parameters
    ----------
    row : Listed
    salt : str
        Of its case.

    Returns
    -------
    str
        Says nothing of the row once the salt is deleted.
    """
    numbers = [int(row.place), float(row.score) + 0.0, float(row.p_value) + 0.0]  # no -0.0
    return hidden(json.dumps([row.key, *numbers, row.news, row.reasons]), salt)
