"""The result files of a finished run, and the marks that users set on its rows."""

import asyncio
import io
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from somscape import regions, report
from somscape._files import whole
from somscape.desk.app._safety import template
from somscape.desk.app._settings import FILE as ROLES
from somscape.desk.app._store import RANK, REPORT, RESULTS, Run, Store
from somscape.desk.cases.decide import Seen
from somscape.desk.cases.records import CLEARED, CONFIRMED, OPEN, STATES, Decision
from somscape.desk.jobs._detect import now
from somscape.desk.jobs._roles import ready, roles_from
from somscape.desk.web._connections import Refusal
from somscape.outliers.detector import Detector
from somscape.save._load import load
from somscape.tables._write import write_csv
from somscape.tables.table import Table

KEYS = "keys.json"
"""Name of the file that contains the key of the case of each row in the report."""

FILES = {
    "alerts.csv": "text/csv; charset=utf-8",
    "map.som": "application/octet-stream",
    ROLES: "application/toml",
    REPORT: "application/json",
    "report.html": "text/html; charset=utf-8",
    "decisions.csv": "text/csv; charset=utf-8",
}
"""Files for download, with their media types."""


def read_report(folder: Path) -> dict[str, Any]:
    """Return the data of a run's report."""
    return dict(json.loads((folder / RESULTS / REPORT).read_text(encoding="utf-8")))


def plain_page(folder: Path) -> bytes:
    """Return the HTML report without the marks of rows. This page does not need the server."""
    return report.render(read_report(folder), made_at=now()).encode()


def marked_page(folder: Path, run: Run, visitor: Mapping[str, str]) -> str:
    """Return the HTML report in which users can mark rows."""
    # A name with <!--<script> would hide the end of the script.
    known = {
        "run": run.id,
        "name": run.title,
        "watch": run.watch,
        "task": run.task,
        **visitor,
        "facts": run.facts,
        "keys": {} if run.watch is None else keys_of(folder),
        "has_roles": run.task == RANK and not (run.settings or {}).get("per"),
    }
    host = json.dumps(known).replace("<", "\\u003c")
    names = ("calls.js", "decisions.js", "marks.js", "fold.js", "keys.js", "bar.js", "regions.js")
    script = "\n".join([f"const host = {host};", *(template(name).template for name in names)])
    style = template("marks.css").template
    return report.render(read_report(folder), script=script, style=style)


@lru_cache(maxsize=4)
def listed_rows(folder: Path) -> Mapping[int, Mapping[str, Any]]:
    """Return the listed rows of a run's report, by their row numbers in the table."""
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
    """Return the key of the case of each row, by row number in the table."""
    try:
        text = (folder / RESULTS / KEYS).read_text(encoding="utf-8")
    except FileNotFoundError:  # the run is older than the watch
        return {}
    return {int(number): key for number, key in json.loads(text).items()}


def keys_text(data: Mapping[str, Any], keys: list[str]) -> str:
    """Return the content of the file `KEYS`."""
    return json.dumps({number: keys[number] for number in data["rows"]["numbers"]})


def decisions_csv(decisions: list[dict[str, Any]]) -> bytes:
    """Return marks as CSV, with the score and p-value that each row had when it was marked."""
    marked = [d for d in decisions if d["decision"] != OPEN]
    rows = [{**d, "record": d["number"] + 1, "time": d["made"]} for d in marked]
    names = ("id", "record", "decision", "comment", "author", "time", "score", "p_value")
    text = io.StringIO()
    write_csv(text, {name: [row[name] for row in rows] for name in names})
    return text.getvalue().encode()


MAP = "map.som"


def keep_regions(
    table: Table, options: Mapping[str, Any], given: Any, folder: Path
) -> dict[str, Any]:
    """Save the regions that a user has edited, in the map file and in the report of a run."""
    results = folder / RESULTS
    detector = detector_of(results)
    if options.get("per"):
        table = ready(table, roles_from(table, options)).table
    found = regions.from_json(given, detector.map_)
    data = report.with_regions(read_report(folder), found, som=detector, table=table)
    with whole(results) as making:
        shutil.copytree(results, making)
        regions.keep(detector, found).save(making / MAP)
        (making / REPORT).write_text(data.to_json(), encoding="utf-8")
    return {"n_regions": found.n_regions}


def carry_regions(detector: Detector, table: Table, before: Path | None) -> tuple[Detector, str]:
    """Return two values: a detector with regions edited in an earlier run, and a note on them."""
    if before is None or not (before / RESULTS / MAP).exists():
        return detector, ""
    then = detector_of(before / RESULTS)
    own = regions.kept(then.map_)
    if own is None:
        return detector, ""
    one, other = detector.map_, then.map_
    has_same_names = one.encoding.feature_names == other.encoding.feature_names
    if has_same_names and np.array_equal(one.codebook, other.codebook):
        return regions.keep(detector, regions.from_json(own.to_json(), detector.map_)), (
            "The regions are the edited regions of the run before."
        )
    found = regions.carry_names(own, regions.find_regions(detector.map_), X=table)
    return regions.keep(detector, found), (
        "The map differs from the map of the run before, so the regions were found again. A region "
        "keeps the name and color of an earlier region if they share at least half of their rows."
    )


def detector_of(results: Path) -> Detector:
    """Load the detector from the folder with the results of a run."""
    found = load(results / MAP)
    assert isinstance(found, Detector)
    return found


MAX_COMMENT = 2000
"""Maximum number of characters of a comment."""

BECOMES_WATCH = "A watch is being made of this table. Mark the row again in a moment."

KNOWN = {CONFIRMED: 1, CLEARED: 0}
"""Decisions for training, and their values."""


class MarkStore:
    """Reads and saves the marks of rows.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept_still: set[str] = set()

    @contextmanager
    def kept_still(self, upload: str) -> Iterator[None]:
        """Within the block, refuse new marks of an upload whose marks a new watch uses."""
        if upload in self._kept_still:
            raise Refusal(409, "A watch is already being made of this table. Load the page again.")
        self._kept_still.add(upload)
        try:
            yield
        finally:
            self._kept_still.discard(upload)

    async def of(self, run: Run) -> list[dict[str, Any]]:
        """Return the marks of the rows of a run, in the order of the rows in the table."""
        if run.watch is None or not run.is_ranked:
            return self._store.decisions(run.upload)
        folder = self._store.folder_of(run.id)
        decided = await asyncio.to_thread(self._store.cases.last_decisions, run.watch)
        keys = await asyncio.to_thread(keys_of, folder)
        rows = await asyncio.to_thread(listed_rows, folder)
        found = ((number, decided.get(keys.get(number, ""))) for number in sorted(rows))
        return [
            _mark_data(number, said, rows[number]) for number, said in found if said is not None
        ]

    async def known(self, run: Run) -> dict[int, int]:
        """Return the marks that a training uses, by row number: 1 for confirmed, 0 for cleared."""
        if run.watch is not None and not run.is_ranked:  # the earlier run has the case of each row
            run = self._store.run((run.settings or {}).get("regions_of") or "") or run
        marks = await self.of(run)
        return {m["number"]: KNOWN[m["decision"]] for m in marks if m["decision"] in KNOWN}

    async def key(self, run: Run) -> list[str]:
        """Return the columns that identify the cases of a run's watch, or [] without a watch."""
        if run.watch is None:
            return []
        return [*(await asyncio.to_thread(self._store.cases.watch, run.watch)).key]

    async def decide(self, run: Run, given: dict[str, Any], author: str) -> dict[str, Any]:
        """Save the mark that a user set on a row, and return the saved mark."""
        decision, comment = checked(given)
        token, seen = token_of(given)
        number = given.get("row")
        if not run.is_ranked:
            raise Refusal(409, "This run does not have a ranking, so rows cannot be marked.")
        folder = self._store.folder_of(run.id)
        rows = await asyncio.to_thread(listed_rows, folder)
        if type(number) is not int or number not in rows:
            raise Refusal(422, "The page of this run does not show this row.")
        run, row = self._current(run), rows[number]
        if run.watch is None:

            def mark() -> dict[str, Any]:
                now = self._current(run)
                if now.watch is not None:
                    raise Refusal(409, BECOMES_WATCH)
                said = decision, comment
                return self._store.decide(now, number, row, *said, author=author, seen=seen)

            return await self._store.change(mark)
        keys = await asyncio.to_thread(keys_of, folder)
        if number not in keys:  # the run combined rows in another way than the watch
            raise Refusal(
                409,
                "The rows of this run are not cases of its watch. Mark cases on the page of the "
                "watch.",
            )
        key = keys[number]
        of_run = (run.facts or {}).get("watch_run")  # the run on the page, not a later one
        seen_as = await asyncio.to_thread(
            Seen.of, self._store.cases, run.watch, key=key, run=of_run
        )
        if seen_as.knows(key):
            new = seen_as.decision(key, decision, comment=comment, author=author)
        else:  # too far down the list to be saved in the run
            new = Decision(run.watch, key, decision, comment, author, seen_as.run, row["score"])
        said = await self._store.decide_case(new, token=token, seen=seen)
        return _mark_data(number, said, row)

    def _current(self, run: Run) -> Run:
        """Return the current state of a run. Refuse the request if it cannot change now."""
        found = self._store.run(run.id)
        if found is None:
            raise Refusal(404, "This run does not exist. It was deleted in the meantime.")
        if found.upload in self._kept_still:
            raise Refusal(409, BECOMES_WATCH)
        return found


def checked(given: dict[str, Any]) -> tuple[str, str]:
    """Return the decision and the comment that a page sent. Refuse invalid values."""
    decision, comment = given.get("decision") or OPEN, given.get("comment") or ""
    if not isinstance(decision, str) or decision not in STATES:
        raise Refusal(422, "The decision must be 'confirmed', 'cleared', 'later' or null.")
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT:
        raise Refusal(422, f"A comment must be a text of at most {MAX_COMMENT:,} characters.")
    return decision, comment.strip()


def token_of(given: dict[str, Any]) -> tuple[str | None, int | None]:
    """Return the token of a decision from a page, and the last decision that the page shows."""
    token, seen = given.get("token"), given.get("seen")
    is_token = token is None or (isinstance(token, str) and 0 < len(token) <= 64)
    is_number = seen is None or type(seen) is int  # True is not an int here
    if not (is_token and is_number):
        raise Refusal(
            422,
            "'token' must be a text of at most 64 characters, and 'seen' the number of a decision.",
        )
    return token, seen


def said_of(decision: Decision) -> dict[str, Any]:
    """Return a decision on a case as JSON data for the pages of the app."""
    return {
        "decision": decision.state,
        "comment": decision.comment,
        "author": decision.author,
        "made": decision.made,
        "seen": decision.number,
    }


def _mark_data(number: int, said: Decision, row: Any) -> dict[str, Any]:
    return {
        "number": number,
        "id": row["id"],
        **said_of(said),
        "score": said.score if said.score is not None else row["score"],
        "p_value": row["p_value"],
        "run": said.run,
    }
