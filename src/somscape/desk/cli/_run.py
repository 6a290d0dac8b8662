"""Commands `run`, `watches` and `cases`, and the watch that `detect` begins."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

import click
from rich.markup import escape

from somscape._files import read_secret
from somscape._types import Ints
from somscape.changes import OTHER_LAYOUT, difference
from somscape.desk.cases._run import begin_watch, detector_of_watch, known_cases, run_watch
from somscape.desk.cases._watch import check_name, key_columns, source_of
from somscape.desk.cases.decide import NewDecision, amounts_of, check_has_name, decide
from somscape.desk.cases.exchange import (
    COMMENT,
    DECISION,
    KEY,
    cases_bytes,
    cases_table,
    import_decisions,
    n_entered,
    spread_over_findings,
    waiting_in,
)
from somscape.desk.cases.outcome import RunOutcome, runs_of
from somscape.desk.cases.records import (
    CLEARED,
    OPEN,
    Case,
    KnownTableError,
    Watch,
    counting,
    is_check,
    lines_of,
)
from somscape.desk.cases.state import State
from somscape.desk.cli._options import Access
from somscape.desk.cli._out import (
    MAP_FILE,
    ResultFiles,
    check_folder,
    check_result,
    columns_line,
    format_of,
    make_console,
    make_grid,
    print_csv,
    print_json,
    results_in,
    stage,
    writing,
)
from somscape.desk.jobs._detect import CHECKS, Found, check_sink_of
from somscape.desk.jobs._roles import PerOptions, read_as
from somscape.desk.jobs.job import WAITING, Job
from somscape.desk.store._places import state_folder, user_of_computer
from somscape.errors import InputError
from somscape.outliers.detector import Detector
from somscape.tables._messages import counted, listed
from somscape.tables._sql import is_url
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import Roles
from somscape.tables.sources import kind_at
from somscape.tables.table import Table

MIN_KEY = 16
"""Minimum number of bytes of a secret. Shorter secrets could be guessed."""


def open_state(access: Access, *, must_exist: bool = True) -> State:
    """Open the state with the options of a command."""
    path = access.audit_key
    key = None if path is None else _secret(path, access.allow_readable_secrets)
    given = access.state
    if must_exist and given and not is_url(str(given)) and not Path(given).exists():
        raise InputError(
            f"The folder {given} does not exist, so it does not contain watches. Start a watch "
            "with `somscape detect TABLE --out DIR --watch NAME`, or give another folder with "
            "--state.",
            parameter="state",
            file=given,
        )
    return State(given or state_folder(), key)


def files_of(access: Access) -> list[Path]:
    """Return the file of the key, and the folder of the state with its files."""
    state = Path(access.state or state_folder())
    return [*([access.audit_key] if access.audit_key else []), state, *state.glob("*")]


def author_of(access: Access) -> str:
    """Return the value of the option ``author``, or else the name of the computer's user."""
    return access.author or user_of_computer()


def _secret(path: Path, may_be_readable: bool) -> bytes:
    key = read_secret(path, "`audit_key`", may_be_readable=may_be_readable).strip()
    if len(key) < MIN_KEY:
        raise InputError(
            f"`audit_key` {path} has {len(key)} bytes, but a secret must have at least {MIN_KEY}. "
            f"Make a secret with (umask 077; openssl rand -hex 32 > {path})",
            file=path,
        )
    return key


@dataclass(frozen=True, eq=False)
class NewWatch:
    """A new watch to be saved, or an existing watch that receives a new map.

    Attributes
    ----------
    state : State
    job : Job
    path : str
        The table.
    author : str
    key : tuple of str
        Columns that identify the rows.
    known : ndarray or None
        Known decisions on the rows, for training.
    before : Detector or None
        Detector that the watch had before, or None for a new watch.
    """

    state: State
    job: Job
    path: str
    author: str
    key: tuple[str, ...]
    known: Ints | None
    before: Detector | None

    def begun(self, found: Found) -> RunOutcome:
        """Save the watch, and record the result of a detection as its first run."""
        notes = []
        if found.detector.marks is not None:
            notes.append(found.detector.effect_of_marks)
        if self.before is not None:
            notes += _change_notes(self.before, found.detector)
        how: Any = {"key": self.key, "source": source_of(self.path), "author": self.author}
        about = self.state, str(self.job.watch), found
        return begin_watch(*about, job=self.job, notes=notes, **how)


def _change_notes(before: Detector, after: Detector) -> list[str]:
    if before.map_.lattice != after.map_.lattice:
        return ["The new map has another size, so the two maps cannot be compared."]
    try:
        found = difference(before.map_, after.map_)
    except InputError:
        return ["The new map has other columns, so the two maps cannot be compared."]
    lines = [
        OTHER_PLACES if each.startswith(OTHER_LAYOUT) else each for each in str(found).splitlines()
    ]
    return [f"Comparison of the new map with the earlier map: {lines[0]}", *lines[1:]]


OTHER_PLACES = (
    "Single units cannot be compared, because prototypes moved by more than the distance between "
    "neighbors. This is usual after a new training, even on the same rows."
)


def check_watch(job: Job, path: str, *, replace: bool) -> None:
    """Raise InputError if options for a watch are given without a watch or with invalid values."""
    if job.watch is None:
        given = [*job.only("key", "clear_for").given(), *(["replace"] if replace else [])]
        if given:
            raise InputError(
                f"`{given[0]}` is only for a watch. Give the watch a name with `watch`."
            )
        return
    check_name(job.watch)
    source_of(path)


@contextmanager
def watch_of(
    job: Job, access: Access, path: str, subject: PerOptions, encoding: Encoding, *, replace: bool
) -> Iterator[NewWatch | None]:
    """Yield the watch that the options name, or None."""
    name = job.watch
    if name is None:
        yield None
        return
    per, id_column = subject.given.per, encoding.named("id")
    key = key_columns(subject.as_read, job.key, per=per, id_column=id_column)
    with open_state(access, must_exist=False) as state:
        before = detector_of_watch(state, name)
        if before is not None and state.watch(name).key != key:
            raise InputError(
                f"The watch {name} identifies rows by {listed(state.watch(name).key)}, but the key "
                f"is now {listed(key)}. The earlier decisions need the same key. Give `key` the "
                "same columns, or start another watch.",
                parameter="key",
                allowed=", ".join(state.watch(name).key),
            )
        new = partial(NewWatch, state, job, path, author_of(access), key)
        if before is None:
            yield new(None, None)
            return
        if not replace:
            _check_columns(name, before.map_.encoding, encoding)
        known = known_cases(state, name, subject.table, key, before)
        yield new(known, before)


def _check_columns(name: str, before: Encoding, now: Encoding) -> None:
    """Raise InputError if the new map of a watch would use other columns than its old map."""
    old, new = ([code.name for code in each.used] for each in (before, now))
    only = {
        "only the watch uses": [column for column in old if column not in new],
        "only this training uses": [column for column in new if column not in old],
    }
    differ = [f"{words} {listed(names, 5)}" for words, names in only.items() if names]
    if differ:
        raise InputError(
            f"The watch {name} and this training use different columns ({', and '.join(differ)}). "
            "Start another watch, or let the new map replace the map of the watch.",
            options="--replace",
            parameter="watch",
            value=name,
        )


NOTHING_NEW, NEW_ALERTS = 0, 3
"""Exit codes. Errors have exit code 2."""

MAX_SHOWN = 10
"""Maximum number of printed changes."""


def run_named(*given: Any, again: bool = False, **more: Any) -> int:
    """Run a watch, print how its list has changed since the last run, and return the exit code.

    If an earlier run had the same table, ask before the table is recorded once more.
    """
    try:
        return _run_named(*given, again=again, **more)
    except KnownTableError as error:
        asked = f"{error.said} Record it again?"
        if not sys.stdin.isatty() or not click.confirm(asked, err=True):
            raise
    return _run_named(*given, again=True, **more)


def _run_named(
    name: str,
    path: str | None,
    out: Path | None,
    job: Job,
    access: Access,
    instead_of: int | None = None,
    *,
    force: bool,
    as_json: bool = False,
    sure: bool = False,
    **how: Any,
) -> int:
    format_of("alerts", job.format, bom=job.bom)
    check_sink_of(job)
    sent = None
    with open_state(access) as state:
        if instead_of is not None and not sure:
            _ask_to_replace(state, name, instead_of)
        how |= {"author": author_of(access), "source": path, "reading": job}
        run = partial(run_watch, state, name, instead_of=instead_of, **how)
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
    is_asked = outcome.has_news or outcome.question or outcome.if_wrong
    return NEW_ALERTS if is_asked else NOTHING_NEW


def _ask_to_replace(state: State, name: str, first: int) -> None:
    """Ask before a run replaces several runs."""
    numbers = [run.number for run in counting(state.runs(name)) if run.number >= first]
    if len(numbers) > 1 and first in numbers:
        _ask(f"The new run replaces {runs_of(numbers)}.", f"Replace {runs_of(numbers)}?")


def _draft(results: ResultFiles, folder: Path, outcome: RunOutcome) -> None:
    """Write all files into `folder`. An earlier draft is replaced."""
    if folder.exists():
        rmtree(folder)
    results.write(folder, outcome.found, outcome)


def _say(outcome: RunOutcome, out: Path | None, sent: str | None, *, as_json: bool) -> None:
    console = make_console(to_stderr=as_json)
    console.say(*outcome.lines())
    news = [f"  {row.news} {row.key}: {row.reasons}" for row in outcome.news]
    for lines in (news, [f"  gone {case.key}: {case.why}" for case in outcome.gone]):
        more = len(lines) - MAX_SHOWN
        console.say(*lines[:MAX_SHOWN], *([f"  ... and {more} more"] if more > 0 else []))
    console.show_checks(outcome.found.checks, outcome)
    map_file = None if out is None else out / MAP_FILE
    console.say(columns_line(outcome.found.detector.map_.encoding, map_file))
    console.say(f"Head of the audit: {outcome.audit_head}")
    if sent is not None:
        console.say(f"Wrote {sent}")
    if out is not None:
        console.say(f"Wrote {out}")
        console.say_page(out)
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
        _show(("watch", "waiting", "cases", "runs", "last_run", "source"), told)
    else:
        advice = "Start a watch with `somscape detect TABLE --out DIR --watch NAME`."
        make_console().say(f"{where} does not contain a watch. {advice}")


def _watch_facts(state: State, watch: Watch) -> dict[str, Any]:
    runs, found = state.runs(watch.name), state.cases(watch.name)
    return {
        "watch": watch.name,
        "key": list(watch.key),
        "source": watch.source,
        "runs": len(runs),
        "last_run": runs[0].made if runs else None,
        "waiting": len(waiting_in(state, watch.name)),
        "cases": len(found),
    }


def list_cases(name: str, state_of: str | None, kind: str, access: Access) -> None:
    """Print the cases of a watch."""
    with open_state(access) as state:
        found = _cases_of(state, name, state_of)
        amounts = amounts_of(state, state.watch(name), found)[1]
        last, watch = state.last_run(name), state.watch(name)
        columns = cases_table(found, last=last, amounts=amounts, watch=watch)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if kind == "json":
        print_json(rows)
    elif kind == "csv":
        print_csv(columns)
    elif rows:
        _show([*SHOWN[:3], *(["amount"] if amounts else []), *SHOWN[3:]], rows)
    else:
        kind = f"{state_of} case" if state_of else "case"
        make_console().say(f"The watch {name} does not have a{'n' * (state_of == 'open')} {kind}.")


def _cases_of(state: State, name: str, state_of: str | None) -> list[Case]:
    found = state.cases(state.watch(name).name)
    if state_of == WAITING:
        waiting = waiting_in(state, name)
        return [case for case in found if case.key in waiting]
    return [case for case in found if state_of in (None, case.state)]


def mark_cases(
    name: str,
    keys: tuple[str, ...],
    said: str,
    access: Access,
    comment: str,
    *,
    cleared_as: str | None,
) -> None:
    """Record a decision on one or more cases. If one of them fails, record nothing."""
    check_has_name(name)
    cases = [*dict.fromkeys(keys)]
    with open_state(access) as state:
        if cleared_as is not None:
            _check_category(state.watch(name), cleared_as, said)
            comment = f"{cleared_as}: {comment}" if comment else cleared_as
        before = state.last_decisions(name)
        author = author_of(access)
        asked = [NewDecision(key, said, comment) for key in cases]
        kept = decide(state, name, asked, author=author)
        what = cases[0] if len(cases) == 1 else f"{len(cases)} cases"
        for case in state.cases(name, key=what) if is_check(what) else ():
            what = f"{what} ({case.listed.reasons if case.listed else 'a check'})"
    lines = lines_of([each.number for each in kept])
    console = make_console()
    console.say(f"{author} marked {what} of {name} as {said} ({lines} of the audit).")
    earlier = [before[key] for key in cases if key in before]
    if earlier and len(cases) == 1:
        was = earlier[0]
        console.say(f"The previous decision, by {was.author}, was {was.state}.")
    elif earlier:
        console.say(f"{len(earlier)} of these cases had a decision before.")


def _check_category(watch: Watch, category: str, said: str) -> None:
    """Raise InputError for a category that the watch does not have, or without clearing."""
    if said != CLEARED:
        raise InputError(f"A case that is {said} has no category. Leave --category out.")
    if category not in watch.clear_as:
        raise InputError(
            f"{category!r} is not a category of the watch {watch.name}. Its categories are "
            f"{listed(watch.clear_as)}. Give one of them, or change the list.",
            options=f"somscape cases categories {watch.name} CATEGORY...",
            parameter="category",
            value=category,
            allowed=watch.clear_as,
        )


def list_categories(name: str, categories: tuple[str, ...], access: Access) -> None:
    """Print the categories for clearing cases of a watch, or first replace them."""
    check_has_name(name)
    with open_state(access) as state:
        if categories:
            state.keep_categories(name, categories, author=author_of(access))
        found = state.watch(name).clear_as
    for category in found:
        make_console().say(category)


def export_cases(
    name: str, out: Path, state_of: str | None, access: Access, *, force: bool
) -> None:
    """Write a file that lists the cases of a watch."""
    check_result("list", out, *files_of(access), force=force)
    kind = format_of(str(out), None, bom=False)
    with open_state(access) as state:
        found, last = _cases_of(state, name, state_of), state.last_run(name)
        watch = state.watch(name)
        # A waiting case needs a decision, also if it is the earlier decision.
        empty = waiting_in(state, name) - {case.key for case in found if case.state == OPEN}
        amounts = amounts_of(state, watch, found)[1]
        if out.is_file() and not force:
            earlier = None
            with suppress(InputError):  # `writing` refuses a file that is not an export
                earlier = read_as(str(out), Job(), Roles())
            n = 0 if earlier is None else n_entered(state, watch, earlier)
            if n:
                raise InputError(
                    f"{out} contains {counted(n, 'decision')} that you have not imported. "
                    f"Import the file first (`somscape cases import {name} {out}`), or "
                    "replace the file.",
                    options="--force",
                )
    with writing(out, force=force) as making:
        columns = cases_table(found, last=last, amounts=amounts, watch=watch, empty=empty)
        making.write_bytes(cases_bytes(columns, kind))
    make_console(out).say(f"Wrote {counted(len(found), 'case')} to {out}.")


MAX_UNASKED = 20
"""Maximum number of rows that one decision on a finding covers without a question."""


def import_cases(
    name: str, path: str, job: Job, access: Access, *, skip_unknown: bool, findings: bool, yes: bool
) -> None:
    """Record the decisions that a file contains."""
    table, checks = read_as(path, job, Roles()), _checks_in(path, job)
    if findings:
        table, rows = spread_over_findings(table)
        if len(rows) > MAX_UNASKED and not yes:
            what = f"The decisions also cover {len(rows)} other rows of their findings."
            _ask(what, f"{what} Save them?")
    how: Any = {"author": author_of(access), "skip_unknown": skip_unknown}
    with open_state(access) as state, state.together():
        done = [import_decisions(state, name, each, **how) for each in (table, *checks)]
    console = make_console()
    counts = Counter(decision.state for each in done for decision in each.decisions)
    words = ", ".join(f"{n} {word}" for word, n in counts.items()) or "none"
    n_same, n_empty = sum(each.n_same for each in done), sum(each.n_empty for each in done)
    console.say(f"New decisions: {words}. Unchanged: {n_same}. Empty: {n_empty}.")
    if unknown := ", ".join(key for each in done for key in each.unknown):
        console.say(f"Ignored, because no run has listed these keys: {unknown}.")


def _checks_in(path: str, job: Job) -> list[Table]:
    """Return the decisions in the sheet of checks of a run's workbook, if there is such a sheet."""
    if job.sheet is not None or kind_at(path) != "workbook":
        return []
    try:
        of_sheet = replace(job, sheet=CHECKS, header=None)
        checks = read_as(path, of_sheet, Roles(), f"{path}, sheet '{CHECKS}'")
    except InputError as error:
        if error.parameter == "sheet" or "but no rows" in str(error):
            return []
        raise
    names = [name for name in (KEY, DECISION, COMMENT) if name in checks.names]
    return [checks.select(names)] if {KEY, DECISION} <= {*names} else []


def _ask(what: str, question: str) -> None:
    """Ask whether to continue. Without a terminal or with the answer no, raise InputError."""
    if not sys.stdin.isatty():
        cure = "Nothing was saved. Repeat the command, and agree with this option."
        raise InputError(f"{what} {cure}", options="--yes", parameter="yes")
    if not click.confirm(question, err=True):
        raise InputError("Nothing was saved, because the answer was no.")


def _show(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    grid = make_grid(*(name.replace("_", " ") for name in names))
    for row in rows:
        grid.add_row(*(escape(_cell(row[name])) for name in names))
    make_console().print(grid)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)
