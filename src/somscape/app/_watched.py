"""What a job does for a watch: run it on an upload, or make one of a finished run."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from somscape._files import whole, write_whole
from somscape.app._results import KEYS, keys_text, read_report
from somscape.app._store import REPORT, RESULTS
from somscape.cases import (
    Decision,
    RunOutcome,
    Seen,
    State,
    WatchRun,
    begin_watch,
    key_columns,
    keys_of,
    recorded_again,
    recording,
    run_watch,
)
from somscape.jobs import Found, ready, roles_from, rule_of
from somscape.outliers import detector_in
from somscape.save import load
from somscape.tables import Table


def watched(state: State, request: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Run a watch on an upload and write the results."""
    write = partial(_write, folder / RESULTS)
    with recording("its report") as recorded:
        outcome = _recorded_before(state, request, folder) or run_watch(
            state,
            request["watch"],
            author=request["author"],
            source=request["file"],
            shown_as=request["name"],
            instead_of=request["instead_of"],
            draft=write,  # files first: whatever ends the job, no recorded run is without
        )
        recorded.append(outcome)
        write(outcome)  # once more, with the run's number and the audit's head
    return {
        **_facts(outcome),
        "n_alerts": outcome.found.alerts.n_alerts,
        "headline": outcome.found.alerts.headline,
        "n_known": 0,
    }


def _recorded_before(state: State, request: Mapping[str, Any], folder: Path) -> RunOutcome | None:
    """Return the run that a job recorded before it was ended; its draft has its id."""
    if not (folder / RESULTS).is_dir():
        return None
    drafted = read_report(folder)["changed"]["run"]
    run = next((run for run in state.runs(request["watch"]) if run.id == drafted), None)
    return None if run is None else recorded_again(state, run, request["file"])


def _write(results: Path, outcome: RunOutcome) -> None:
    """Write the files of a run, whole or not at all, in the place of those of a draft before."""
    data = outcome.found.report("", outcome.notes, changed=outcome.to_json())
    keys = keys_of(outcome.found.table, outcome.watch.key)
    with whole(results) as making:
        making.mkdir()
        outcome.found.write(making, alerts=outcome.table())
        (making / REPORT).write_text(data.to_json(), encoding="utf-8")
        (making / KEYS).write_text(keys_text(data, keys), encoding="utf-8")


def kept(
    state: State,
    table: Table,
    options: Mapping[str, Any],
    request: Mapping[str, Any],
    folder: Path,
) -> dict[str, Any]:
    """Make a watch of a finished run: its map and rule are kept, and its marks are decisions."""
    subject = ready(table, roles_from(table, options))
    detector = detector_in(load(folder / RESULTS / "map.som"))
    assert detector is not None
    key = key_columns(
        subject.as_read,
        () if subject.given.per else request["key"],
        per=subject.given.per,
        id_column=detector.map_.encoding.named("id"),
    )
    keys = keys_of(subject.table, key)
    rule = rule_of(options, subject.table)
    alerts = detector.alerts_by(rule, subject.table)
    found = Found(
        subject.table, detector, lambda: alerts, rule, subject.label, None, subject.grouped
    )
    name, author = request["watch"], request["author"]

    def take_over(run: WatchRun) -> None:
        seen = Seen.of(state, name)
        decisions = [_decision(seen, keys, mark, author) for mark in request["decided"]]
        # Sent again, they are known by these names.
        tokens = [f"{run.id} {mark['number']}" for mark in request["decided"]]
        state.decide_all(decisions, tokens=tokens)

    if name in {watch.name for watch in state.watches()}:  # a job began it, and was then killed
        run = state.runs(name)[-1]
        facts = {"watch_run": run.id, **{n: run.facts[n] for n in ("n_rows", "counts")}}
    else:
        outcome = begin_watch(
            state,
            name,
            found,
            key=key,
            source="",  # a file of the upload's name, wherever somebody runs the watch, is another
            options=options,
            author=author,
            shown_as=request["name"],
            then=take_over,
        )
        facts = _facts(outcome)
    for each in (folder, *map(Path, request["others"])):
        text = keys_text(read_report(each), keys)
        write_whole(each / RESULTS / KEYS, [text.encode()])
    return facts


def _decision(seen: Seen, keys: list[str], mark: Mapping[str, Any], author: str) -> Decision:
    key, comment = keys[mark["number"]], mark["comment"]
    author = mark["author"] or author  # marks of an earlier version have none
    if seen.knows(key):
        return seen.decision(key, mark["decision"], comment=comment, author=author)
    return Decision(seen.watch, key, mark["decision"], comment, author, seen.run, mark["score"])


def _facts(outcome: RunOutcome) -> dict[str, Any]:
    return {
        "watch_run": outcome.run.id,
        "n_rows": outcome.found.table.n_rows,
        "counts": outcome.counts,
    }
