"""Commands `detect` and `example`."""

import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib.resources import files
from pathlib import Path

from rich.console import Console

from somscape.datasets._credit import CREDIT_APPLICATIONS
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cli._console import (
    agreement_line,
    kernels_line,
    make_console,
    progress_bar,
    say,
    say_page,
    say_table,
    show_alerts,
    show_checks,
    stage,
)
from somscape.desk.cli._options import Access
from somscape.desk.cli._out import (
    MAP_FILE,
    OTHER_FILES,
    Input,
    ResultFiles,
    check_folder,
    check_save_roles,
    format_of,
    results_in,
    write_roles,
    writing,
)
from somscape.desk.cli._run import NewWatch, check_watch, files_of, watch_of
from somscape.desk.jobs._detect import Found, check_sink_of, detect, detection_of, rule_of
from somscape.desk.jobs._roles import ROWS_FILE, PerOptions, ready, told_table
from somscape.desk.jobs.job import Job
from somscape.errors import InputError
from somscape.kernels._select import select_kernels
from somscape.outliers._train import Outermost, n_trainings
from somscape.tables.encoding import Encoding

WIDE, COLUMN_SECONDS, CELL_SECONDS = 2000, 0.003, 4e-6
"""Minimum number of columns for which an estimate is printed, and its terms, which were measured on
one core."""


def detect_file(
    path: str,
    out: Path,
    job: Job,
    access: Access,
    save_roles: Path | None,
    *,
    force: bool,
    verbose: bool,
    replace: bool,
) -> None:
    """Rank the rows of a file, and write the result files to a folder."""
    inputs: list[Input] = [path, *job.files, *files_of(access)]
    check_folder(out, *inputs, job.to, force=force)
    check_save_roles(save_roles, out, *inputs, force=force)
    format_of("alerts", job.format, bom=job.bom)
    check_sink_of(job)
    check_watch(job, path, replace=replace)
    with stage(f"reading {path}"):
        table, roles, notes = told_table(path, job)
    if roles.missing == "mask":
        raise InputError(
            f'{job.roles} leaves missing values out (missing = "mask"), but a detector '
            "needs complete rows. Fill the missing values.",
            options="--missing fill",
            file=job.roles,
            parameter="missing",
            value="mask",
        )
    job = job.then(Job(missing=roles.missing or "fill"))
    results = ResultFiles(job, job.command(["detect", path], "DIR"), notes)
    watch = partial(watch_of, job, access, path, replace=replace)
    _detect(ready(table, roles), out, results, watch, save_roles, force=force, verbose=verbose)


def write_example(out: Path, *, force: bool) -> None:
    """Write the bundled credit-card applications as a CSV file."""
    content = (files("somscape.datasets") / CREDIT_APPLICATIONS).read_bytes()
    with writing(out, force=force) as making:
        making.write_bytes(content)
    n_rows, place = content.count(b"\n") - 1, shlex.quote(str(out))
    next_step = f"somscape detect {place} --id customer --label class --out found"
    say(make_console(), f"Wrote {out}: {n_rows} credit-card applications.", f"Next: {next_step}")


def _detect(
    subject: PerOptions,
    out: Path,
    results: ResultFiles,
    watch_of: Callable[[PerOptions, Encoding], AbstractContextManager[NewWatch | None]]
    | None = None,
    save_roles: Path | None = None,
    *,
    verbose: bool,
    force: bool = False,
) -> None:
    console, job, notes = make_console(save_roles), results.job, results.notes or ()
    outermost = Outermost()
    encoding = subject.encoding(outermost.look)
    n_columns, n_rows = len(encoding.used), subject.table.n_rows
    if n_columns >= WIDE:
        seconds = n_columns * (COLUMN_SECONDS + CELL_SECONDS * n_rows)
        about = (
            f"about {seconds:.0f} seconds" if seconds < 120 else f"about {seconds / 60:.0f} minutes"
        )
        wide = f"The table has {n_columns:,} columns, so ranking and writing take {about}."
        say(make_console(to_stderr=True), wide)
    with watch_of(subject, encoding) if watch_of else nullcontext() as watch:
        found = found_in(subject, encoding, job, outermost, watch)
        outcome = None
        with stage("drawing, writing"), results_in(out) as (folder, recorded):
            results.write(folder, found)
            if watch is not None:  # only once there are files
                recorded.append(outcome := watch.begun(found))
                found = found.with_checks(outcome.found.checks)
                results.write_lists(folder, found, outcome)
            sent = results.send(found)
    if save_roles is not None:
        write_roles(save_roles, *subject.lasting(encoding), subject.as_read, force=force)

    file = f"alerts.{job.format or 'csv'}"
    _say_found(console, found, outcome, file)
    show_checks(console, found.checks, outcome)
    say_table(
        *(console, subject, encoding, [*notes, *found.notes]),
        verbose=verbose,
        map_file=out / MAP_FILE,
    )
    own = () if found.grouped is None else (ROWS_FILE,)
    place = f"{out}{'' if str(out).endswith('/') else '/'}"
    wrote = [sent, f"{place}: {', '.join((file, *own, *OTHER_FILES))}", save_roles]
    say(console, kernels_line(select_kernels().name))
    say(console, *(f"Wrote {what}" for what in wrote if what is not None))
    say_page(console, out)


def found_in(
    subject: PerOptions,
    encoding: Encoding,
    job: Job,
    outermost: Outermost,
    watch: NewWatch | None = None,
) -> Found:
    """Train a detector, rank the rows and check the columns, with progress on the terminal."""
    with progress_bar(n_trainings(subject.table.n_rows, detection_of(job))) as bar:
        found = detect(
            *(subject.table, encoding, rule_of(job, subject.table), job),
            label=subject.label,
            callbacks=(bar,),
            known=watch.known if watch else None,
            grouped=subject.grouped,
            outermost=outermost,
            after=watch.before.map_ if watch and watch.before else None,
        )
    with stage("checking columns"):
        _ = found.checks  # computed now, and kept
    return found


def _say_found(console: Console, found: Found, outcome: RunOutcome | None, file: str) -> None:
    """Print the list of alerts, its quality, and a summary of the first run of a new watch."""
    show_alerts(console, found.alerts, file)
    console.print()
    if found.alerts.effects and outcome is None:
        say(console, *map(str, found.alerts.effects))
        console.print()
    if found.label is not None and found.agreement is not None:
        say(console, agreement_line(found.label, found.agreement))
    if outcome is not None:
        again = f"somscape run {shlex.quote(outcome.watch.name)} TABLE"
        say(console, *outcome.lines(), f"Saved as a watch. Next time, run `{again}`.")
    if found.label is not None or outcome is not None:
        console.print()
