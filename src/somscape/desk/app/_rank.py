"""Jobs of the app that rank the rows of a table, run a watch, or start a new watch."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import whole, write_whole
from somscape._types import Ints
from somscape.desk.app._results import add_keys, carry_regions, detector_of, read_report, write_rows
from somscape.desk.app._settings import JobRequest
from somscape.desk.app._store import REPORT, RESULTS
from somscape.desk.cases._run import begin_watch, run_watch
from somscape.desk.cases._watch import key_columns, keys_of
from somscape.desk.cases.outcome import RunOutcome, recording
from somscape.desk.cases.records import Upload
from somscape.desk.cases.repeat import recorded_again
from somscape.desk.cases.state import State
from somscape.desk.jobs._detect import Found, MapCount, alerts_of, detect, detection_of, rule_of
from somscape.desk.jobs._roles import ready, roles_from
from somscape.fit.settings import Progress
from somscape.outliers._train import Outermost, n_trainings
from somscape.outliers.marks import UNKNOWN
from somscape.report.page import Report
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
    outermost = Outermost()
    encoding = subject.encoding(outermost.look)
    found = detect(
        table,
        encoding,
        rule,
        job,
        label=subject.label,
        callbacks=(_StepReporter(n_trainings(table.n_rows, detection_of(job)), tell),),
        known=_known(request.marks, table.n_rows),
        grouped=subject.grouped,
        outermost=outermost,
    )
    tell({"stage": "writing"})
    detector, said = carry_regions(found.detector, table, request.before)
    found = replace(found, detector=detector)
    notes = [*request.settings.told, *([said] if said else []), *warned()]
    if request.marks:
        notes.append(f"{found.detector.effect_of_marks} The command below ranks without marks.")
    data = found.report(job.command(["detect", table.source], "DIR"), notes)
    keys = keys_of(table, request.key) if request.key else None
    _write_results(Path(request.folder, RESULTS), found, data, keys)
    return {
        "n_rows": table.n_rows,
        "n_alerts": found.alerts.shown.n_alerts,
        "headline": found.alerts.headline,
        "n_known": len(request.marks),
        "effect": found.detector.effect_of_marks,
    }


def _write_results(
    results: Path, found: Found, data: Any, keys: list[str] | None, *listed: Any
) -> None:
    """Write all result files of a run, or no file after an error. Existing files are replaced."""
    with whole(results) as making:
        making.mkdir()
        found.write(making, found.result_list(*listed))
        write_rows(making, found, *listed)
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
        outcome = _recorded_before(state, request) or run_watch(
            state,
            request.watch,
            author=request.settings.author or "",
            source=request.file,
            shown_as=request.name,
            **{n: getattr(request.settings, n) for n in ("instead_of", "again", "new_ids")},
            draft=write,  # files come first, so that each recorded run has files
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
    _write_results(results, outcome.found, data, keys, outcome.table(), "", outcome.watch.key)


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
    outcome = begin_watch(
        state,
        request.watch,
        found,
        key=key,
        source="",  # a file with the name of the upload may be another file
        job=job,
        author=request.settings.author or "",
        shown_as=request.name,
        of_upload=Upload(request.cases_of, keys, folder.name),
    )
    return _facts(outcome)


def _facts(outcome: RunOutcome) -> dict[str, Any]:
    return {
        "watch_run": outcome.run.id,
        "n_rows": outcome.found.table.n_rows,
        "counts": outcome.counts,
    }
