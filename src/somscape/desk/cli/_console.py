"""Print tables, lines and progress."""

import json
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid

from somscape._files import is_output, shown
from somscape.checks.check import Check
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cases.records import FOLDED, OPEN
from somscape.desk.cli._group import as_typed
from somscape.desk.jobs._detect import MapCount
from somscape.desk.jobs._notes import MISSING_ARE, short_list
from somscape.desk.jobs._roles import Label, PerOptions
from somscape.fit.settings import Callback
from somscape.fit.settings import Progress as Step
from somscape.maps.map import Map
from somscape.measures.labels import Agreement
from somscape.outliers._listing import MAX_FIRST
from somscape.outliers.detector import LINE, RECORD, Alerts
from somscape.tables._messages import Note, counted
from somscape.tables._write import table_bytes
from somscape.tables.encoding import Encoding
from somscape.tables.table import Table

MAX_ALERTS_SHOWN = 10
PLAIN_WIDTH = 100

KIND_WORDS = {
    "number": ("number", "numbers"),
    "category": ("category", "categories"),
    "ordinal": ("ordered category", "ordered categories"),
    "date": ("date", "dates"),
    "id": ("id", "ids"),
    "label": ("known outcome", "known outcomes"),
}
"""Words for a number of columns, in singular and plural, by the kind of the columns."""

LEFT_OUT = ("dropped", "constant")
"""Kinds of columns that are left out."""


def make_console(*results: Path | None, to_stderr: bool = False) -> Console:
    """Return a console as wide as the terminal. Without a terminal, its width is 100 characters.

    If any result is written to standard output, the console writes to standard error.
    """
    to_stderr = to_stderr or any(each is not None and is_output(each) for each in results)
    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
    return Console(stderr=to_stderr, width=width, highlight=False, emoji=False)


def make_grid(*names: str, has_header: bool = True) -> Grid:
    """Return an empty table without vertical lines."""
    return Grid(*names, box=None, show_header=has_header, padding=(0, 2, 0, 0))


def say(console: Console, *lines: str) -> None:
    """Print lines without line breaks inside paths."""
    for line in lines:
        console.print(shown(line), markup=False, soft_wrap=True)


def say_page(console: Console, out: Path) -> None:
    """Print the address of the page. Terminals show it as a link."""
    say(console, f"Open {(out / 'report.html').resolve().as_uri()}")


def print_bytes(content: Iterable[bytes]) -> None:
    """Print the content of a file, given in pieces of bytes, to standard output."""
    sys.stdout.flush()
    sys.stdout.buffer.writelines(content)
    sys.stdout.flush()


def print_json(value: object) -> None:
    """Print JSON data."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def print_csv(columns: Mapping[str, Sequence[Any]]) -> None:
    """Print columns as CSV, with values that spreadsheets do not read as formulas."""
    print_bytes(table_bytes("csv", columns))


def show_columns(console: Console, encoding: Encoding, table: Table | None = None) -> None:
    """Print a table that lists each column with its kind and the reason for this kind."""
    missing = encoding.n_missing(table) if table is not None else {}
    grid = make_grid("column", "taken as", "because")
    for code in (*encoding.columns, *encoding.parts):
        n = missing.get(code.name)
        made = f"; {n} missing {MISSING_ARE[encoding.missing]}" if n else ""
        grid.add_row(escape(code.name), code.kind, escape(code.why + made))
    console.print(grid)


def columns_line(encoding: Encoding, map_file: object = None, *, and_verbose: bool = False) -> str:
    """Return a line that gives the number of columns of each kind."""
    counts = Counter(code.kind for code in encoding.columns if code.kind not in LEFT_OUT)
    words = [
        f"{counts[kind]} {KIND_WORDS.get(kind, (kind, kind))[counts[kind] != 1]}"
        for kind in dict.fromkeys((*KIND_WORDS, *counts))
        if counts[kind]
    ]
    names = [code.name for code in encoding.columns if code.kind in LEFT_OUT]
    left_out = f"; left out: {short_list(names)}" if names else ""
    where = "" if map_file is None else f"`somscape info {shlex.quote(str(map_file))}` lists all"
    where += ", or give --verbose" if where and and_verbose else ""
    return f"Columns: {', '.join(words)}{left_out}{f' ({where})' if where else ''}."


def say_table(
    console: Console, subject: PerOptions, encoding: Encoding, notes: Sequence[str], **about: Any
) -> None:
    """Print the size of a table, the kinds of its columns, and notes.

    With `verbose`, the columns are printed as a table, otherwise in one line.
    """
    table, found = subject.table, "; ".join(as_typed(note, None) for note in subject.table.notes)
    found = f" ({found})" if found else ""
    grouped = subject.grouped
    source, noun = (table.source, "row") if grouped is None else (grouped.rows.source, grouped.noun)
    say(console, f"Table: {counted(table.n_rows, noun)} of {source}{found}.")
    if about["verbose"]:
        show_columns(console, encoding, table)
        console.print()
    else:
        say(console, columns_line(encoding, about["map_file"], and_verbose=True))
    say(console, *(f"Note: {as_typed(n, None)}." if isinstance(n, Note) else n for n in notes))


def show_alerts(console: Console, alerts: Alerts, file: str) -> None:
    """Print a summary of the list of alerts, and its first findings."""
    say(console, f"{alerts.headline}.")
    if alerts.n_alerts == 0:
        least = alerts.p_values.min(initial=1.0)
        why = f"because no row meets the rule. The smallest p-value is {least:.2g}."
        if n_hidden := sum(each.n_changed for each in alerts.effects):
            why = f"because your rules hide {counted(n_hidden, alerts.noun)} of the list."
        say(console, f"No {alerts.noun} is listed, {why}")
        return
    grid = make_grid("rank", escape(alerts.id_name), "score", "p-value", "reasons")
    first = [finding.places[0] for finding in alerts.shown.findings[:MAX_FIRST]]
    are_first = [] if alerts.by_rule is None else (alerts.by_rule[first] >= 0).tolist()
    # The lines of rules are in addition to the lines of other rows.
    n_lines = MAX_ALERTS_SHOWN + [*are_first, False].index(False)
    lines = alerts._lines(n_lines)
    n_above = alerts._n_lines_above(lines)
    for n, (i, reasons) in enumerate(lines.items()):
        if n and n == n_above:
            grid.add_row("", "", "", "", LINE)
        numbers = f"{alerts.scores[i]:.3f}", f"{alerts.p_values[i]:.2g}"
        grid.add_row(str(i + 1), escape(alerts.ids[i]), *numbers, escape(reasons))
    console.print(grid)
    shown = alerts.shown
    n_more = sum(len(finding.places) for finding in shown.findings[n_lines:])
    n_filled = alerts.n_alerts - shown.n_alerts
    if n_more:
        say(console, f"... and {n_more} more in {file}")
    if alerts.n_left_out:
        say(console, alerts._left_out("--alerts "))
    if n_filled:
        rows = "1 row that does" if n_filled == 1 else f"{n_filled} rows that do"
        say(console, f"{file} also has {rows} not stand out (give --fill to show these).")
    if alerts.id_name == RECORD:
        say(
            console,
            "record: number of the row in the table, counted from 1 (for ids, give --id COL)",
        )


def show_checks(
    console: Console, checks: Sequence[Check], outcome: RunOutcome | None = None
) -> None:
    """Print the checks of the columns, with the number of rows that obey.

    For a run of a watch, also print the case and the state of each check.
    """
    cases = [] if outcome is None else [row for row in outcome.checks if row.news != FOLDED]
    if checks:
        names = ("case", "state") if cases else ()
        grid = make_grid("checks of columns", "rows that obey", *names)
        for each, case in zip_longest(checks, cases):
            cells = [escape(str(each)), f"{each.n_obey:,} of {each.n_rows:,}"]
            if outcome is not None:
                state = outcome.state_of(case.key)
                cells += [case.key, case.news if state == OPEN else f"{case.news}, {state}"]
            grid.add_row(*cells)
        console.print(grid)
    if outcome is not None and (n := len(outcome.checks) - len(cases)):
        say(console, f"{counted(n, 'cleared check')} {'is' if n == 1 else 'are'} not shown.")
    if checks:
        console.print()


def map_facts(map_: Map) -> list[tuple[str, Any]]:
    """Return the size of a map, and the number of epochs of its training."""
    lattice, plan = map_.lattice, map_.parameters
    facts = [("map", f"{lattice.size_text}, {lattice.kind}, {lattice.boundary}")]
    if "n_iter" in plan and "stop_reason" in plan:
        facts.append(("epochs", f"{plan['n_iter']} ({plan['stop_reason']})"))
    return facts


def show_facts(console: Console, facts: Sequence[tuple[str, Any]]) -> None:
    """Print names and values in two columns."""
    grid = make_grid(has_header=False)
    for name, value in facts:
        grid.add_row(name, escape(str(value)))
    console.print(grid)


def kernels_line(kernels: str) -> str:
    """Return a line about the kernels. If they are slow, recommend a compiler."""
    if kernels == "numpy":
        return (
            "Kernels: NumPy. Training would be about 10 times faster if somscape were installed "
            "with a C++ compiler."
        )
    return f"Kernels: {kernels}."


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Show on the terminal what is being done in the block. Without a terminal, show nothing."""
    console = make_console(to_stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(escape(shown(what))):
        yield


@contextmanager
def progress_bar(n_maps: int) -> Iterator[Callback]:
    """Show the progress of a training on the terminal. Without a terminal, show nothing."""
    console = make_console(to_stderr=True)
    if not console.is_terminal:
        yield lambda step: None
        return
    place = TextColumn("{task.fields[what]}")
    columns = (TextColumn("training"), BarColumn(), place, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("training", total=n_maps, what="")
        count = MapCount()

        def update(step: Step) -> None:
            count.note(step)
            what = f"map {count.n_done + 1} of {n_maps}, error {step.quantization_error:.4g}"
            bar.update(task, completed=count.n_done + count.share, what=what)

        yield update


def agreement_line(label: Label, agreement: Agreement) -> str:
    """Return a line on how well the ranking agrees with the known outcomes."""
    rarer = ", the rarer value" if label.is_rarer else ""
    line = (
        f"Unusual against {label.column} = {label.value} ({agreement.n_labelled} of "
        f"{counted(agreement.n_rows, 'row')}{rarer}): AUROC {agreement.auroc:.3f}"
        " (0.5 is random, 1 is perfect)"
    )
    if agreement.n_alerts == 0:
        return f"{line}."
    return (
        f"{line}. {100 * agreement.precision:.0f} % of {counted(agreement.n_alerts, 'alert')} have "
        f"this value, {agreement.lift:.2f} times the share among all rows."
    )
