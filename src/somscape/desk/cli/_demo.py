"""Command `demo`: find planted cases, and show which are found and which are missed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape

from somscape._types import Ints
from somscape.checks.check import Check
from somscape.datasets._planted import Columns, Planted, card_transactions, flawed_applications
from somscape.desk.cli._console import kernels_line, make_console, make_grid, say, say_page, stage
from somscape.desk.cli._detect import found_in
from somscape.desk.cli._out import ResultFiles, check_folder, results_in, writing
from somscape.desk.jobs._detect import Found, of_customers
from somscape.desk.jobs._roles import ready, told_table
from somscape.desk.jobs.job import Job
from somscape.kernels._select import select_kernels
from somscape.outliers._train import Outermost
from somscape.outliers.detector import NONE_STANDS_OUT
from somscape.tables._messages import counted
from somscape.tables._write import write_csv
from somscape.tables.customers import Grouped


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
    say(console, kernels_line(select_kernels().name))
    tables = [f"{part.name}.csv, {part.name}/" for part in PARTS]
    say(console, f"Wrote {out}/: {', '.join(tables)}")
    for part in PARTS:
        say_page(console, out / part.name)
    own = "somscape detect TABLE --out found (with --per COLUMN, it ranks customers)"
    say(console, f"Next, for a table of your own: {own}")


def _found_in(path: Path, out: Path, job: Job) -> Found:
    """Rank the rows of a file as `somscape detect` does, and write the result files."""
    with stage(f"reading {path}"):
        table, roles, notes = told_table(str(path), job)
    subject, outermost = ready(table, roles), Outermost()
    found = found_in(subject, subject.encoding(outermost.look), job, outermost)
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

    @property
    def order(self) -> tuple[bool, bool, int]:
        """Key that sorts listed cases before cases of checks and missed cases."""
        return not self.is_found, not self.is_listed, self.rank

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


def _say_cases(console: Console, part: Part, found: Found, cases: Sequence[PlantedCase]) -> None:
    """Print where each case was found or why it was missed, and how much else was found."""
    alerts, grouped = found.alerts, found.grouped
    n_found = sum(case.is_found for case in cases)
    n_filled = sum(case.is_listed and not case.is_found for case in cases)
    rows = found.table if grouped is None else grouped.rows
    fill = "fills" if n_filled == 1 else "fill"
    more = f" ({n_filled} more only {fill} the list)" if n_filled else ""
    n_cases = f"{n_found} of {len(cases)} {part.cases}{more}"
    say(console, f"Found {n_cases} in {rows.n_rows:,} {part.about}")
    grid = make_grid("found by", escape(alerts.id_name), "planted case, and the reason")
    for case in sorted(cases, key=lambda case: case.order):
        grid.add_row(*map(escape, case.line()))
    console.print(grid)
    n_stand_out = sum(case.is_listed and case.stands_out for case in cases)
    n_checks = len({check.key for case in cases for check in case.checks})
    listed = f"{n_stand_out} of the {counted(alerts.n_stand_out, alerts.noun)} that stand out"
    checks = f"{n_checks} of {counted(len(found.checks), 'check')}"
    say(console, f"{listed} and {checks} show planted {part.cases}.", "")
