"""Commands `run`, `watches` and `cases`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from rich.markup import escape

from somscape.desk.cases._run import run_watch
from somscape.desk.cases.decide import (
    cases_bytes,
    cases_table,
    check_has_name,
    decide,
    import_decisions,
)
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cases.records import Case, Watch, is_waiting
from somscape.desk.cases.state import State
from somscape.desk.cli._console import (
    columns_line,
    make_console,
    make_grid,
    print_csv,
    print_json,
    say,
    stage,
)
from somscape.desk.cli._detect import say_page
from somscape.desk.cli._options import Access
from somscape.desk.cli._out import (
    MAP_FILE,
    ResultFiles,
    check_folder,
    check_result,
    format_of,
    results_in,
    writing,
)
from somscape.desk.cli._watch import author_of, files_of, open_state
from somscape.desk.jobs._detect import check_sink_of
from somscape.desk.jobs._roles import read_as
from somscape.desk.jobs.job import RULES, Job
from somscape.errors import InputError
from somscape.tables._messages import counted
from somscape.tables.kinds import Roles

NOTHING_NEW, NEW_ALERTS = 0, 3
"""Exit codes. Errors have exit code 2."""

MAX_SHOWN = 10
"""Maximum number of printed changes."""


def run_named(
    name: str,
    path: str | None,
    out: Path | None,
    job: Job,
    access: Access,
    instead_of: int | None = None,
    *,
    force: bool,
    as_json: bool = False,
) -> int:
    """Run a watch, print how its list has changed since the last run, and return the exit code."""
    format_of("alerts", job.format, bom=job.bom)
    check_sink_of(job)
    sent = None
    with open_state(access) as state:
        run = partial(
            run_watch,
            state,
            name,
            author=author_of(access),
            source=path,
            reading=job,
            instead_of=instead_of,
        )
        if out is None:
            with stage(f"running {name}"):
                outcome = run()
        else:
            read = path or state.watch(name).source or None
            check_folder(out, read, job.to, *files_of(access), force=force)
            words = ["run", name, *([path] if path else [])]
            results = ResultFiles(job, job.command(words, "DIR"))
            with results_in(out) as (folder, recorded):
                # The files come first. If writing them fails, no run is recorded.
                draft = partial(_draft, results, folder)
                with stage(f"running {name}"):
                    outcome = run(draft=draft)
                recorded.append(outcome)
                with stage("writing"):
                    results.write_lists(folder, outcome.found, outcome)
                    sent = results.send(outcome.found)
    _say(outcome, out, sent, as_json=as_json)
    return NEW_ALERTS if outcome.has_news else NOTHING_NEW


def _draft(results: ResultFiles, folder: Path, outcome: RunOutcome) -> None:
    """Write all files into `folder`. An earlier draft is replaced."""
    if folder.exists():
        rmtree(folder)
    results.write(folder, outcome.found, outcome)


NOT_AT_A_RUN = (*RULES, "per", "date_format", "columns", "sort")
"""Options that the command `score --watch` does not accept."""


def score_watch(
    first: str | None, second: str | None, out: str, job: Job, access: Access, *, force: bool
) -> int:
    """Run a watch on a table, for the command `score --watch`."""
    if first is None or second is not None:
        raise InputError(
            "`watch` uses the map of the watch, so MAP must be left out. Give only TABLE."
        )
    given = [name for name in NOT_AT_A_RUN if name in job.given()]
    if given:
        raise InputError(
            f"`{given[0]}` cannot be changed in a run of a watch. Leave `{given[0]}` out, or start "
            "another watch."
        )
    folder = None if out == "-" else Path(out)
    return run_named(str(job.watch), first, folder, job.without("watch"), access, force=force)


def _say(outcome: RunOutcome, out: Path | None, sent: str | None, *, as_json: bool) -> None:
    console = make_console(to_stderr=as_json)
    news = outcome.news
    say(console, *outcome.lines())
    say(console, *(f"  {row.news} {row.key}: {row.reasons}" for row in news[:MAX_SHOWN]))
    if len(news) > MAX_SHOWN:
        say(console, f"  ... and {len(news) - MAX_SHOWN} more")
    say(console, *(f"  gone {case.key}: {case.why}" for case in outcome.gone[:MAX_SHOWN]))
    map_file = None if out is None else out / MAP_FILE
    say(console, columns_line(outcome.found.detector.map_.encoding, map_file))
    say(console, f"Head of the audit: {outcome.audit_head}")
    if sent is not None:
        say(console, f"Wrote {sent}")
    if out is not None:
        say(console, f"Wrote {out}")
        say_page(console, out)
    if as_json:
        print_json(outcome.to_json())


SHOWN = ("key", "decision", "news", "score", "author", "comment", "reasons")
"""Columns of the printed list of cases."""


def list_watches(access: Access, *, as_json: bool) -> None:
    """Print a line for each watch."""
    with open_state(access) as state:
        told = [_watch_facts(state, watch) for watch in state.watches()]
        where = state.database.name
    if as_json:
        print_json(told)
    elif told:
        _show(("watch", "open", "runs", "last_run", "source"), told)
    else:
        advice = "Start a watch with `somscape detect TABLE --out DIR --watch NAME`."
        say(make_console(), f"{where} does not contain a watch. {advice}")


def _watch_facts(state: State, watch: Watch) -> dict[str, Any]:
    runs, found = state.runs(watch.name), state.cases(watch.name)
    return {
        "watch": watch.name,
        "key": list(watch.key),
        "source": watch.source,
        "runs": len(runs),
        "last_run": runs[0].made if runs else None,
        "open": sum(is_waiting(case, runs[0] if runs else None) for case in found),
        "cases": len(found),
    }


def list_cases(name: str, state_of: str | None, kind: str, access: Access) -> None:
    """Print the cases of a watch."""
    with open_state(access) as state:
        columns = cases_table(_cases_of(state, name, state_of), last=state.last_run(name))
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if kind == "json":
        print_json(rows)
    elif kind == "csv":
        print_csv(columns)
    elif rows:
        _show(SHOWN, rows)
    else:
        kind = f"{state_of} case" if state_of else "case"
        say(make_console(), f"The watch {name} does not have a{'n' * (state_of == 'open')} {kind}.")


def _cases_of(state: State, name: str, state_of: str | None) -> list[Case]:
    found = state.cases(state.watch(name).name)
    return [case for case in found if state_of in (None, case.state)]


def mark_case(
    name: str, key: str, said: str, access: Access, comment: str, run: str | None, seen: int | None
) -> None:
    """Record a decision on a case."""
    check_has_name(name)
    with open_state(access) as state:
        before = state.last_decisions(name, key=key).get(key)
        asked = (state, name, key, said)
        author = author_of(access)
        kept = decide(*asked, comment=comment, author=author, run=run, seen=seen)
    say(
        make_console(),
        f"{kept.author} marked {key} of {name} as {kept.state} (line {kept.number} of the audit).",
    )
    if before:
        say(make_console(), f"The previous decision, by {before.author}, was {before.state}.")


def export_cases(
    name: str, out: Path, state_of: str | None, access: Access, *, force: bool
) -> None:
    """Write a file that lists the cases of a watch."""
    check_result("list", out, *files_of(access), force=force)
    kind = format_of(str(out), None, bom=False)
    with open_state(access) as state:
        found, last = _cases_of(state, name, state_of), state.last_run(name)
    with writing(out, force=force) as making:
        making.write_bytes(cases_bytes(found, kind, last=last))
    say(make_console(out), f"Wrote {counted(len(found), 'case')} to {out}.")


def import_cases(name: str, path: str, job: Job, access: Access, *, skip_unknown: bool) -> None:
    """Record the decisions that a file contains."""
    table = read_as(path, job, Roles())
    with open_state(access) as state:
        author = author_of(access)
        done = import_decisions(state, name, table, author=author, skip_unknown=skip_unknown)
    console = make_console()
    counts = Counter(decision.state for decision in done.decisions)
    words = ", ".join(f"{n} {word}" for word, n in counts.items()) or "none"
    say(console, f"New decisions: {words}. Unchanged: {done.n_same}. Empty: {done.n_empty}.")
    if done.unknown:
        say(console, f"Ignored, because no run has listed these keys: {', '.join(done.unknown)}.")


def _show(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    grid = make_grid(*(name.replace("_", " ") for name in names))
    for row in rows:
        grid.add_row(*(escape(_cell(row[name])) for name in names))
    make_console().print(grid)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)
