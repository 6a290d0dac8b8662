"""The jobs that rank rows and run watches, their result files, and the marks on rows."""

import asyncio
import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from somscape import regions, report
from somscape._files import whole, write_whole
from somscape._types import Ints
from somscape.desk.app._pages import template
from somscape.desk.app._settings import FILE as ROLES
from somscape.desk.app._settings import JobRequest, PageDecision
from somscape.desk.app._store import RANK, REPORT, RESULTS, SHOWN, Run, Store
from somscape.desk.cases._run import begin_watch, run_watch
from somscape.desk.cases._watch import key_columns, keys_of
from somscape.desk.cases.decide import NewDecision
from somscape.desk.cases.outcome import RunOutcome, recording
from somscape.desk.cases.records import (
    CLEARED,
    CONFIRMED,
    OPEN,
    DecidedMeanwhileError,
    Decision,
    Upload,
)
from somscape.desk.cases.repeat import recorded_again
from somscape.desk.cases.state import State
from somscape.desk.jobs._detect import (
    Found,
    MapCount,
    ResultList,
    alerts_of,
    detect,
    detection_of,
    now,
    rule_of,
)
from somscape.desk.jobs._roles import ready, roles_from
from somscape.desk.web._gate import Refusal
from somscape.fit.settings import Progress
from somscape.outliers._train import n_trainings
from somscape.outliers.detector import Detector
from somscape.outliers.marks import UNKNOWN
from somscape.report._parts import number
from somscape.report.page import Report
from somscape.save._load import load_model
from somscape.tables._write import table_bytes, write_csv
from somscape.tables.sources import read_table
from somscape.tables.table import Table


def rank(
    table: Table,
    request: JobRequest,
    tell: Callable[[dict[str, Any]], None],
    warned: Callable[[], list[str]],
) -> dict[str, Any]:
    """Rank a table and write the results."""
    job = request.job
    subject = ready(table, roles_from(table, job))
    table = subject.table
    rule = rule_of(job, table)
    found = detect(
        table,
        subject.encoding(),
        rule,
        job,
        label=subject.label,
        callbacks=(_StepReporter(n_trainings(table.n_rows, detection_of(job)), tell),),
        known=_known(request.marks, table.n_rows),
        grouped=subject.grouped,
    )
    tell({"stage": "writing"})
    detector, said = carry_regions(found.detector, table, request.before)
    found = replace(found, detector=detector)
    notes = [*request.settings.told, *([said] if said else []), *warned()]
    if request.marks:
        notes.append(f"{found.detector.effect_of_marks} The command below ranks without marks.")
    data = found.report(job.command(["detect", table.source], "DIR"), notes)
    keys = keys_of(table, request.key) if request.key else None
    _write_results(Path(request.folder, RESULTS), found, data, keys, found.result_list())
    return {
        "n_rows": table.n_rows,
        "n_alerts": found.alerts.shown.n_alerts,
        "headline": found.alerts.headline,
        "n_known": len(request.marks),
        "effect": found.detector.effect_of_marks,
    }


def _write_results(
    results: Path, found: Found, data: Any, keys: list[str] | None, listed: ResultList
) -> None:
    """Write all result files of a run, or no file after an error. Existing files are replaced."""
    with whole(results) as making:
        making.mkdir()
        found.write(making, listed)
        write_rows(making, found, listed)
        if keys is not None:
            add_keys(data, keys)
        (making / REPORT).write_text(data.to_json(), encoding="utf-8")


def _known(marks: Mapping[int, int], n_rows: int) -> Ints | None:
    if not marks:
        return None
    known = np.full(n_rows, UNKNOWN)
    known[[*marks]] = [*marks.values()]
    return known


class _StepReporter:
    """Callback that reports the progress of a training after each epoch."""

    def __init__(self, n_maps: int, tell: Callable[[dict[str, Any]], None]) -> None:
        self._n_maps = n_maps
        self._tell = tell
        self._count = MapCount()

    def __call__(self, step: Progress) -> None:
        self._count.note(step)
        error = step.quantization_error
        self._tell(
            {
                "stage": "training",
                "map": self._count.n_done + 1,
                "n_maps": self._n_maps,
                "step": step.step,
                "n_steps": step.n_steps,
                "error": error if isfinite(error) else None,
            }
        )


def watched(state: State, request: JobRequest) -> dict[str, Any]:
    """Run a watch on an uploaded table, and write the result files."""
    write = partial(_write, Path(request.folder, RESULTS))
    with recording("its report") as recorded:
        names = ("instead_of", "again", "new_ids")
        how: dict[str, Any] = {name: getattr(request.settings, name) for name in names}
        how |= {"author": request.settings.author or "", "shown_as": request.name}
        # Files come first, so that each recorded run has files.
        outcome = _recorded_before(state, request) or run_watch(
            state, request.watch, source=request.file, draft=write, **how
        )
        recorded.append(outcome)
        write(outcome)  # again, with the number of the run and the head of the audit
    return {
        **_facts(outcome),
        "n_alerts": outcome.found.alerts.shown.n_alerts,
        "headline": outcome.found.alerts.headline,
        "n_known": 0,
    }


def _recorded_before(state: State, request: JobRequest) -> RunOutcome | None:
    """Return the run that an interrupted earlier process of this job has recorded, or None."""
    folder = Path(request.folder)
    if not (folder / RESULTS).is_dir():
        return None
    drafted = read_report(folder)["changed"]["run"]
    run = next((run for run in state.runs(request.watch) if run.id == drafted), None)
    return None if run is None else recorded_again(state, run, request.file)


def _write(results: Path, outcome: RunOutcome) -> None:
    """Write the result files of one run of a watch."""
    data = outcome.found.report("", outcome.notes, changed=outcome.to_json())
    keys = keys_of(outcome.found.table, outcome.watch.key)
    _write_results(results, outcome.found, data, keys, outcome.result_list())


def begun(state: State, table: Table, request: JobRequest) -> dict[str, Any]:
    """Begin a watch with the map, the rule and the decisions of a finished run."""
    job, folder = request.job, Path(request.folder)
    state.check_unnamed(request.cases_of)  # before the reports get other keys
    subject = ready(table, roles_from(table, job))
    detector = detector_of(folder / RESULTS)
    key = key_columns(
        subject.as_read,
        () if subject.given.per else request.key,
        per=subject.given.per,
        id_column=detector.map_.encoding.named("id"),
    )
    keys = keys_of(subject.table, key)
    rule = rule_of(job, subject.table)
    alerts = alerts_of(detector, rule, subject.table, subject.grouped)
    found = Found(
        subject.table, detector, lambda: alerts, rule, subject.label, None, subject.grouped
    )
    for each in (folder, *map(Path, request.others)):  # first, as the watch needs the keys
        data = Report(read_report(each))
        add_keys(data, keys)
        write_whole(each / RESULTS / REPORT, data.to_json().encode())
    upload = Upload(request.cases_of, keys, folder.name)
    how: Any = {"author": request.settings.author or "", "shown_as": request.name, "job": job}
    # The source is "", because a file with the name of the upload may be another file.
    how |= {"key": key, "source": "", "of_upload": upload}
    return _facts(begin_watch(state, request.watch, found, **how))


def _facts(outcome: RunOutcome) -> dict[str, Any]:
    return {
        "watch_run": outcome.run.id,
        "n_rows": outcome.found.table.n_rows,
        "counts": outcome.counts,
    }


RANKING, MAX_FOUND = "ranking.parquet", 50
"""Name of the file with the ids of all rows, and most rows that a search by id returns."""

# Name of the list as a workbook, which needs the extra `excel`.
WORKBOOK = "alerts.xlsx"

FILES = {
    "alerts.csv": "text/csv; charset=utf-8",
    WORKBOOK: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "map.som": "application/octet-stream",
    ROLES: "application/toml",
    REPORT: "application/json",
    "report.html": "text/html; charset=utf-8",
    "decisions.csv": "text/csv; charset=utf-8",
}
"""Files for download, with their media types."""


def read_report(folder: Path) -> dict[str, Any]:
    """Return the data of a run's report. The report of a watch has the key of each row."""
    return dict(json.loads((folder / RESULTS / REPORT).read_text(encoding="utf-8")))


def add_keys(data: dict[str, Any], keys: Mapping[int, str] | Sequence[str]) -> None:
    """Add the keys of the listed rows to the data of a report."""
    data["rows"]["keys"] = [keys[number] for number in data["rows"]["numbers"]]


def own_rows(folders: Sequence[Path], key: str) -> dict[str, Any] | None:
    """Return the original rows of a case, such as its transactions, from the report of a run."""
    for data in map(read_report, folders):
        for each, case in zip(data["rows"].get("keys", ()), data["cases"], strict=False):
            if each == key:
                return case.get("rows")
    return None


def write_rows(results: Path, found: Found, listed: ResultList) -> None:
    """Write the ids of all rows for `find_rows`, and the list as a workbook if possible."""
    alerts = found.alerts
    columns: dict[str, Any] = {"score": alerts.scores, "p": alerts.p_values, "unit": alerts.units}
    pieces = table_bytes("parquet", {"id": alerts.ids[:], **columns})
    write_whole(results / RANKING, pieces)
    if find_spec("xlsxwriter"):
        write_whole(results / WORKBOOK, listed.content("xlsx"))


@lru_cache(maxsize=1)
def _ranking(path: Path, changed_at: int) -> tuple[Table, list[str]]:
    table = read_table(path)
    return table, [(cell or "").lower() for cell in table.column("id").each_cell()]


def find_rows(folder: Path, words: str) -> dict[str, Any]:
    """Return how many ids of all rows contain `words`, and the first of these rows."""
    path = folder / RESULTS / RANKING
    table, ids = _ranking(path, path.stat().st_mtime_ns)
    places = [place for place, id_ in enumerate(ids) if words.lower() in id_]
    found = table.take(places[:MAX_FOUND])
    columns = (
        map(number, np.asarray(found.column(name).numbers).tolist())
        for name in ("score", "p", "unit")
    )
    rows = zip(places[:MAX_FOUND], found.column("id").cells.tolist(), *columns, strict=True)
    return {"n": len(places), "rows": [*rows]}


def plain_page(folder: Path) -> bytes:
    """Return the HTML report without the marks of rows. This page does not need the server."""
    return report.render(read_report(folder), made_at=now()).encode()


def marked_page(folder: Path, run: Run, visitor: Mapping[str, Any]) -> str:
    """Return the HTML report in which users can mark rows."""
    # A name with <!--<script> would hide the end of the script.
    known = {
        "run": run.id,
        "name": run.title,
        "watch": run.watch,
        "task": run.task,
        **visitor,
        "facts": run.facts,
        "has_roles": run.task == RANK and not run.settings.per,
        "has_ranking": (folder / RESULTS / RANKING).exists(),
        "has_workbook": (folder / RESULTS / WORKBOOK).exists(),
    }
    host = json.dumps(known).replace("<", "\\u003c")
    names = ("calls.js", "decisions.js", "marks.js", "fold.js", "keys.js", "bar.js", "regions.js")
    script = "\n".join([f"const host = {host};", *(template(name).template for name in names)])
    style = template("marks.css").template
    return report.render(read_report(folder), script=script, style=style)


def listed_rows(folder: Path) -> Mapping[int, Mapping[str, Any]]:
    """Return the listed rows of a run's report by row number, or nothing without a report."""
    try:
        return _listed_rows(folder, (folder / RESULTS / REPORT).stat().st_mtime_ns)
    except FileNotFoundError:
        return {}


@lru_cache(maxsize=4)
def _listed_rows(folder: Path, changed_at: int) -> Mapping[int, Mapping[str, Any]]:
    rows = read_report(folder)["rows"]
    names = {"ids": "id", "scores": "score", "p_values": "p_value", "keys": "key"}
    return {
        number: {name: rows[each][i] for each, name in names.items() if each in rows}
        for i, number in enumerate(rows["numbers"])
    }


def decisions_csv(decisions: list[dict[str, Any]]) -> bytes:
    """Return marks as CSV, with the score and p-value that each row had when it was marked."""
    marked = [d for d in decisions if d["decision"] != OPEN]
    rows = [{**d, "record": d["number"] + 1, "time": d["made"]} for d in marked]
    names = ("id", "record", "decision", "comment", "author", "time", "score", "p_value")
    text = io.StringIO()
    write_csv(text, {name: [row[name] for row in rows] for name in names})
    return text.getvalue().encode()


MAP = "map.som"


def keep_regions(table: Table, request: JobRequest) -> dict[str, Any]:
    """Save the regions that a user has edited, in the map file and in the report of a run."""
    folder = Path(request.folder)
    results = folder / RESULTS
    detector = detector_of(results)
    if request.job.per:
        table = ready(table, roles_from(table, request.job)).table
    found = regions.from_json(request.regions, detector.map_)
    data = report.with_regions(read_report(folder), found, som=detector, table=table)
    with whole(results) as making:
        shutil.copytree(results, making)
        regions.keep(detector, found).save(making / MAP)
        (making / REPORT).write_text(data.to_json(), encoding="utf-8")
    return {"n_regions": found.n_regions}


def carry_regions(detector: Detector, table: Table, before: str | None) -> tuple[Detector, str]:
    """Return two values: a detector with regions edited in an earlier run, and a note on them."""
    if before is None or not Path(before, RESULTS, MAP).exists():
        return detector, ""
    then = detector_of(Path(before, RESULTS))
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
    found = load_model(results / MAP)
    assert isinstance(found, Detector)
    return found


# Decisions for training, and their values.
KNOWN = {CONFIRMED: 1, CLEARED: 0}

# Facts about a row that the page of a run does not show.
NOT_LISTED = {"id": "", "score": None, "p_value": None}


class MarkStore:
    """Reads and saves the decisions on the rows of runs, which the pages of runs call marks.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, run: Run) -> list[dict[str, Any]]:
        """Return the marks of the rows of a run, in the order of the rows in the table."""
        return await asyncio.to_thread(self._of, run)

    def _of(self, run: Run) -> list[dict[str, Any]]:
        shown = self._rows(run.id)
        found = self._decisions(run, shown)
        own = {n: said.cells for n, said in found.items() if run.watch is None and said.cells}
        rows = {n: own.get(n) or shown.get(n, NOT_LISTED) for n in found}
        return [_mark_data(number, found[number], rows[number]) for number in sorted(found)]

    def _rows(self, run: str) -> Mapping[int, Mapping[str, Any]]:
        return listed_rows(self._store.folder_of(run))

    def _decisions(self, run: Run, rows: Mapping[int, Mapping[str, Any]]) -> dict[int, Decision]:
        """Return the last decisions by row number. `rows` are the listed rows of a watch."""
        decided = self._store.cases.last_decisions(run.cases_of)
        if run.watch is None:
            return {int(key): said for key, said in decided.items()}
        keys = {number: row.get("key", "") for number, row in rows.items()}
        return {number: decided[key] for number, key in keys.items() if key in decided}

    async def known(self, run: Run) -> dict[int, int]:
        """Return the marks that a training uses, by row number: 1 for confirmed, 0 for cleared."""
        # A run of a watch without a ranking has the cases of the earlier run.
        before = None if run.is_ranked else run.settings.regions_of
        of_cases = self._store.run(before or "") or run
        rows = await asyncio.to_thread(self._rows, of_cases.id)
        found = await asyncio.to_thread(self._decisions, run, rows)
        return {n: KNOWN[said.state] for n, said in found.items() if said.state in KNOWN}

    async def key(self, run: Run) -> tuple[str, ...]:
        """Return the columns that identify the cases of a run's watch, or () without a watch."""
        if run.watch is None:
            return ()
        return (await asyncio.to_thread(self._store.cases.watch, run.watch)).key

    async def mark(
        self, run: Run, given: Sequence[PageDecision], author: str
    ) -> list[dict[str, Any]]:
        """Save the decisions on rows that the page of a run sent, and return them."""
        if not run.is_ranked:
            raise Refusal(409, "This run does not have a ranking, so rows cannot be marked.")
        rows = await asyncio.to_thread(self._rows, run.id)
        now = self._store.run(run.id)
        if now is None:
            raise Refusal(404, "This run does not exist. It was deleted in the meantime.")
        # The run on the page, not a later one.
        of_run = (now.facts or {}).get("watch_run") if now.watch else now.id
        asked, marked = [], []
        for one in given:
            if one.row is None or one.row not in rows:
                raise Refusal(422, "The page of this run does not show this row.")
            row = rows[one.row]
            key = str(one.row) if now.watch is None else row.get("key")
            if key is None:  # the run combined rows in another way than the watch
                raise Refusal(
                    409,
                    "The rows of this run are not cases of its watch. Mark cases on the page of "
                    "the watch.",
                )
            of = {"score": row["score"], "cells": {name: row[name] for name in SHOWN}}
            asked.append(asked_of(key, one, run=of_run, **of))
            marked.append((one.row, row))
        try:
            said = await self._store.decide(now.cases_of, asked, author)
        except DecidedMeanwhileError as error:  # people know the row by its id
            names = {each.key: row["id"] for each, (_, row) in zip(asked, marked, strict=True)}
            key = names.get(error.last.key, error.last.key)
            raise DecidedMeanwhileError(replace(error.last, key=key)) from error
        return [
            _mark_data(number, each, row) for each, (number, row) in zip(said, marked, strict=True)
        ]


def asked_of(key: str, given: PageDecision, **of: Any) -> NewDecision:
    """Return a decision on a case that a page sent. `of` has the run and score of its row."""
    word, comment = given.decision or OPEN, (given.comment or "").strip()
    return NewDecision(key, word, comment, token=given.token, seen=given.seen, **of)


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
        "score": said.score if said.score is not None else row.get("score"),
        "p_value": row["p_value"],
        "run": said.run,
    }
