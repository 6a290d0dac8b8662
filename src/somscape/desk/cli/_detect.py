"""Commands `detect`, `example` and `demo`, which finds planted cases."""

import shlex
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
from rich.markup import escape

from somscape._types import Ints
from somscape.checks.check import Check
from somscape.datasets._credit import CREDIT_APPLICATIONS
from somscape.datasets._planted import Columns, Planted, card_transactions, flawed_applications
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cli._options import Access
from somscape.desk.cli._out import (
    MAP_FILE,
    OTHER_FILES,
    Input,
    ResultFiles,
    Terminal,
    check_folder,
    check_save_roles,
    format_of,
    make_console,
    make_grid,
    progress_bar,
    results_in,
    stage,
    write_roles,
    writing,
)
from somscape.desk.cli._run import NewWatch, check_watch, files_of, watch_of
from somscape.desk.jobs._detect import (
    Found,
    check_sink_of,
    detect,
    detection_of,
    of_customers,
    rule_of,
)
from somscape.desk.jobs._roles import ROWS_FILE, PerOptions, ready, told_table
from somscape.desk.jobs.job import Job
from somscape.errors import InputError
from somscape.outliers._train import n_trainings
from somscape.outliers.reasons import NONE_STANDS_OUT
from somscape.tables._messages import counted
from somscape.tables._write import write_csv
from somscape.tables.customers import Grouped
from somscape.tables.encoding import Encoding


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
    make_console().say(f"Wrote {out}: {n_rows} credit-card applications.", f"Next: {next_step}")


def _detect(
    subject: PerOptions,
    out: Path,
    results: ResultFiles,
    watch_of: Callable[[PerOptions, Encoding], AbstractContextManager[NewWatch | None]],
    save_roles: Path | None,
    *,
    verbose: bool,
    force: bool,
) -> None:
    console, job, notes = make_console(save_roles), results.job, results.notes or ()
    encoding = subject.encoding()
    with watch_of(subject, encoding) as watch:
        found = found_in(subject, encoding, job, watch)
        outcome = None
        with stage("drawing, writing"), results_in(out) as (folder, recorded):
            results.write(folder, found)
            if watch is not None:  # only once there are files
                recorded.append(outcome := watch.begun(found))
                found = replace(found, known_checks=outcome.found.checks)
                results.write_lists(folder, found, outcome)
            sent = results.send(found)
    if save_roles is not None:
        write_roles(save_roles, *subject.lasting(encoding), subject.as_read, force=force)

    file = f"alerts.{job.format or 'csv'}"
    _say_found(console, found, outcome, file)
    console.show_checks(found.checks, outcome)
    notes = [*notes, *found.notes]
    console.say_table(subject, encoding, notes, verbose=verbose, map_file=out / MAP_FILE)
    own = () if found.grouped is None else (ROWS_FILE,)
    place = f"{out}{'' if str(out).endswith('/') else '/'}"
    wrote = [sent, f"{place}: {', '.join((file, *own, *OTHER_FILES))}", save_roles]
    console.say_kernels()
    console.say(*(f"Wrote {what}" for what in wrote if what is not None))
    console.say_page(out)


def found_in(
    subject: PerOptions,
    encoding: Encoding,
    job: Job,
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
            after=watch.before.map_ if watch and watch.before else None,
        )
    with stage("checking columns"):
        _ = found.checks  # computed now, and kept
    return found


def _say_found(console: Terminal, found: Found, outcome: RunOutcome | None, file: str) -> None:
    """Print the list of alerts, its quality, and a summary of the first run of a new watch."""
    console.show_alerts(found.alerts, file)
    console.print()
    if found.alerts.effects and outcome is None:
        console.say(*map(str, found.alerts.effects))
        console.print()
    if found.label is not None and found.agreement is not None:
        console.say_agreement(found.label, found.agreement)
    if outcome is not None:
        again = f"somscape run {shlex.quote(outcome.watch.name)} TABLE"
        console.say(*outcome.lines(), f"Saved as a watch. Next time, run `{again}`.")
    if found.label is not None or outcome is not None:
        console.print()


@dataclass(frozen=True)
class Part:
    """A table with planted cases, and the options with which the cases are searched.

    Attributes
    ----------
    name : str
        Name of the table and of the folder with its results.
    about : str
        What the rows of the table are.
    cases : str
        What is planted.
    make : callable
        Function that returns the table and the planted cases for a seed.
    job : Job
    """

    name: str
    about: str
    cases: str
    make: Callable[[int], tuple[Columns, list[Planted]]]
    job: Job


PARTS = (
    Part(
        "transactions",
        "generated card payments of 400 customers",
        "frauds",
        card_transactions,
        Job(per=("customer",), fill=True),
    ),
    Part(
        "applications",
        "credit-card applications",
        "errors",
        flawed_applications,
        Job(id_column="customer", label="class", fill=True),
    ),
)


def show_demo(out: Path, seed: int, *, force: bool) -> None:
    """Search planted cases in two tables, print the outcome, and write the result files."""
    console = make_console()
    check_folder(out, force=True)  # other files in the folder stay
    for part in PARTS if out.exists() else ():
        check_folder(out / part.name, force=force)
    out.mkdir(exist_ok=True)
    for part in PARTS:
        path = out / f"{part.name}.csv"
        columns, planted = part.make(seed)
        with writing(path, force=force) as making:
            write_csv(making, columns)
        found = _found_in(path, out / part.name, replace(part.job, seed=seed))
        _say_cases(console, part, found, [PlantedCase(each, found) for each in planted])
    console.say_kernels()
    tables = [f"{part.name}.csv, {part.name}/" for part in PARTS]
    console.say(f"Wrote {out}/: {', '.join(tables)}")
    for part in PARTS:
        console.say_page(out / part.name)
    own = "somscape detect TABLE --out found (with --per COLUMN, it ranks customers)"
    console.say(f"Next, for a table of your own: {own}")


def _found_in(path: Path, out: Path, job: Job) -> Found:
    """Rank the rows of a file as `somscape detect` does, and write the result files."""
    with stage(f"reading {path}"):
        table, roles, notes = told_table(str(path), job)
    subject = ready(table, roles)
    found = found_in(subject, subject.encoding(), job)
    results = ResultFiles(job, job.command(["detect", str(path)], "DIR"), notes)
    with stage("drawing, writing"), results_in(out) as (folder, _):
        results.write(folder, found)
    return found


class PlantedCase:
    """A planted case, and its places in the results."""

    def __init__(self, planted: Planted, found: Found) -> None:
        alerts, grouped, columns = found.alerts, found.grouped, set(planted.columns)
        self.planted, self.n_listed, self.n_rows = planted, alerts.n_alerts, len(alerts.ids)
        place = list(alerts.ids).index(planted.id)
        row = alerts.rows[place]
        if place < self.n_listed:
            self.reasons = alerts.reasons[place]
        else:
            alone = found.detector.reasons(found.table.take([row]))
            self.reasons = of_customers(replace(alerts, reasons=alone), grouped).reasons[0]
        self.rank = place + 1
        is_meant = not columns or any(reason.column in columns for reason in self.reasons)
        self.is_listed = place < self.n_listed and is_meant
        self.stands_out = bool(alerts.stands_out[place])
        self.checks = [
            check
            for check in found.checks
            if columns & set(check.columns) or not (columns or check.columns)
            if row in _rows_of(check, grouped)
        ]

    @property
    def is_found(self) -> bool:
        """Whether the rows that stand out or a check show the case because of a planted column."""
        return (self.is_listed and self.stands_out) or bool(self.checks)

    def line(self) -> tuple[str, str, str]:
        """Return the place, the id, and what was planted, with the reason in a second line."""
        rank = f"rank {self.rank}{'' if self.stands_out else ' (filled)'}"
        by = [rank] * self.is_listed + ["check"] * bool(self.checks)
        why = next(map(str, self.reasons), NONE_STANDS_OUT)
        if self.checks:
            why = self.checks[0].text
        elif not self.is_listed and self.rank <= self.n_listed:
            why = f"it has rank {self.rank} because of other columns: {why}"
        elif not self.is_listed:
            why = f"its place is {self.rank} of {self.n_rows}, the list has {self.n_listed}: {why}"
        place = ", ".join(by) or "missed"
        return place, self.planted.id, f"{self.planted.text}\n{why}"


def _rows_of(check: Check, grouped: Grouped | None) -> Ints:
    """Return the rows of the ranked table that the line of a check names."""
    named = np.array(check.rows[: len(check.ids)], dtype=np.intp)
    return named if grouped is None else grouped.groups[named]


def _say_cases(console: Terminal, part: Part, found: Found, cases: Sequence[PlantedCase]) -> None:
    """Print where each case was found or why it was missed, and how much else was found."""
    alerts, grouped = found.alerts, found.grouped
    n_found = sum(case.is_found for case in cases)
    n_filled = sum(case.is_listed and not case.is_found for case in cases)
    rows = found.table if grouped is None else grouped.rows
    fill = "fills" if n_filled == 1 else "fill"
    more = f" ({n_filled} more only {fill} the list)" if n_filled else ""
    n_cases = f"{n_found} of {len(cases)} {part.cases}{more}"
    console.say(f"Found {n_cases} in {rows.n_rows:,} {part.about}")
    grid = make_grid("found by", escape(alerts.id_name), "planted case, and the reason")
    for case in sorted(cases, key=lambda each: (not each.is_found, not each.is_listed, each.rank)):
        grid.add_row(*map(escape, case.line()))
    console.print(grid)
    n_stand_out = sum(case.is_listed and case.stands_out for case in cases)
    n_checks = len({check.key for case in cases for check in case.checks})
    listed = f"{n_stand_out} of the {counted(alerts.n_stand_out, alerts.noun)} that stand out"
    checks = f"{n_checks} of {counted(len(found.checks), 'check')}"
    console.say(f"{listed} and {checks} show planted {part.cases}.", "")
