"""What a finished run has to show and to take along."""

import io
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from somscape import report
from somscape.app._roles import FILE as ROLES
from somscape.app._store import RANK, REPORT, RESULTS, Run
from somscape.cases import OPEN
from somscape.jobs import now
from somscape.tables import write_csv

KEYS = "keys.json"
"""In a folder of results: the case of each row that the report knows."""

FILES = {
    "alerts.csv": "text/csv; charset=utf-8",
    "map.som": "application/octet-stream",
    ROLES: "application/toml",
    REPORT: "application/json",
    "report.html": "text/html; charset=utf-8",
    "decisions.csv": "text/csv; charset=utf-8",
}
"""What can be downloaded of a run, with its kind."""


def read_report(folder: Path) -> dict[str, Any]:
    """Return the report's data of the run with this folder."""
    return dict(json.loads((folder / RESULTS / REPORT).read_text(encoding="utf-8")))


def plain_page(folder: Path) -> bytes:
    """Return the page to keep: without marks, and it needs no server."""
    return report.render(read_report(folder), made_at=now()).encode()


def marked_page(folder: Path, run: Run, visitor: Mapping[str, str]) -> str:
    """Return the page in which rows are marked."""
    # A name with <!--<script> in it would swallow the end of the script.
    known: dict[str, Any] = {
        "run": run.id,
        "name": run.title,
        "watch": run.watch,
        "task": run.task,
        **visitor,
    }
    has_roles = run.task == RANK and not (run.settings or {}).get("per")
    keys = {} if run.watch is None else keys_of(folder)
    known |= {"facts": run.facts, "keys": keys, "has_roles": has_roles}
    host = json.dumps(known).replace("<", "\\u003c")
    names = ("calls.js", "decisions.js", "marks.js", "fold.js", "keys.js", "bar.js", "regions.js")
    scripts = "\n".join(map(_text, names))
    script = f"const host = {host};\n{scripts}"
    return report.render(read_report(folder), script=script, style=_text("marks.css"))


@lru_cache(maxsize=4)
def listed_rows(folder: Path) -> Mapping[int, Mapping[str, Any]]:
    """Return the rows that a run's page knows, by number in the table."""
    rows = read_report(folder)["rows"]
    return {
        number: {
            "id": rows["ids"][i],
            "score": rows["scores"][i],
            "p_value": rows["p_values"][i],
            "cells": {column["name"]: column["values"][i] for column in rows["cells"]},
        }
        for i, number in enumerate(rows["numbers"])
    }


def keys_of(folder: Path) -> dict[int, str]:
    """Return the case of each row of a run of a watch, by the row's number in the table."""
    try:
        text = (folder / RESULTS / KEYS).read_text(encoding="utf-8")
    except FileNotFoundError:  # ranked before the upload had a watch
        return {}
    return {int(number): key for number, key in json.loads(text).items()}


def keys_text(data: Mapping[str, Any], keys: list[str]) -> str:
    """Return the case of each row that a report knows, as a file keeps them; see `keys_of`."""
    return json.dumps({number: keys[number] for number in data["rows"]["numbers"]})


def decisions_csv(decisions: list[dict[str, Any]]) -> bytes:
    """Return marks as a table; score and p-value are of the run in which a row was marked."""
    decisions = [d for d in decisions if d["decision"] != OPEN]
    columns = {
        "id": [d["id"] for d in decisions],
        "record": [d["number"] + 1 for d in decisions],
        "decision": [d["decision"] for d in decisions],
        "comment": [d["comment"] for d in decisions],
        "author": [d["author"] for d in decisions],
        "time": [d["made"] for d in decisions],
        "score": [d["score"] for d in decisions],
        "p_value": [d["p_value"] for d in decisions],
    }
    text = io.StringIO()
    write_csv(text, columns)
    return text.getvalue().encode()


def _text(name: str) -> str:
    return (files("somscape.app") / "templates" / name).read_text(encoding="utf-8")
