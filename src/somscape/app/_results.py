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
from somscape.app._store import REPORT, RESULTS, Run
from somscape.jobs import now
from somscape.tables import write_csv

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


def marked_page(folder: Path, run: Run, csrf: str) -> str:
    """Return the page in which rows are marked."""
    # A name with <!--<script> in it would swallow the end of the script.
    host = json.dumps({"run": run.id, "name": run.name, "csrf": csrf}).replace("<", "\\u003c")
    scripts = "\n".join(_text(name) for name in ("calls.js", "marks.js", "regions.js"))
    script = f"const host = {host};\n{scripts}"
    return report.render(read_report(folder), script=script, style=_text("marks.css"))


@lru_cache(maxsize=4)
def listed_rows(folder: Path) -> Mapping[int, Mapping[str, Any]]:
    """Return the rows that a run's page knows: by number in the table, id, score and p-value."""
    rows = read_report(folder)["rows"]
    return {
        number: {"id": rows["ids"][i], "score": rows["scores"][i], "p_value": rows["p_values"][i]}
        for i, number in enumerate(rows["numbers"])
    }


def decisions_csv(decisions: list[dict[str, Any]]) -> bytes:
    """Return marks as a table; score and p-value are of the run in which a row was marked."""
    columns = {
        "id": [d["id"] for d in decisions],
        "record": [d["number"] + 1 for d in decisions],
        "decision": [d["decision"] for d in decisions],
        "time": [d["made"] for d in decisions],
        "score": [d["score"] for d in decisions],
        "p_value": [d["p_value"] for d in decisions],
    }
    text = io.StringIO()
    write_csv(text, columns)
    return text.getvalue().encode()


def _text(name: str) -> str:
    return (files("somscape.app") / "templates" / name).read_text(encoding="utf-8")
