"""Commands `detect` and `demo`."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console

from somscape.datasets._credit import (
    CREDIT_APPLICATIONS,
    load_german_credit,
    load_german_credit_words,
)
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cli._console import (
    agreement_line,
    answer_line,
    kernels_line,
    make_console,
    progress_bar,
    say,
    say_table,
    show_alerts,
    stage,
)
from somscape.desk.cli._out import (
    MAP_FILE,
    OTHER_FILES,
    ResultFiles,
    check_folder,
    check_save_roles,
    format_of,
    results_in,
    write_roles,
    writing,
)
from somscape.desk.cli._watch import check_watch, watch_of
from somscape.desk.jobs._detect import Found, command_line, detect, detection_of, rule_of
from somscape.desk.jobs._roles import KIND_OPTIONS, ROWS_FILE, ready, roles_from, told_table
from somscape.desk.jobs._sink import check_sink_of
from somscape.errors import InputError
from somscape.kernels._select import select_kernels
from somscape.outliers._train import Outermost, n_trainings
from somscape.tables.kinds import Roles
from somscape.tables.table import Table


def detect_file(path: str, out: Path, **options: Any) -> None:
    """Rank the rows of a file, and write the result files to a folder."""
    check_folder(out, path, options["to"], options=options)
    check_save_roles(options["save_roles"], out, path, options=options)
    format_of("alerts", options["format"], bom=options["bom"])
    check_sink_of(options)
    check_watch(options, path)
    with stage(f"reading {path}"):
        table, roles, notes = told_table(path, options)
    if roles.missing == "mask":
        raise InputError(
            f'{options["roles"]} leaves missing values out (missing = "mask"), but a detector '
            "needs complete rows. Fill the missing values.",
            options="--missing fill",
            file=options["roles"],
            parameter="missing",
            value="mask",
        )
    options["missing"] = roles.missing or "fill"
    command = command_line(["detect", path], options, "DIR")
    _detect(table, roles, out, options, command, notes)


def detect_demo(out: Path, **options: Any) -> None:
    """Rank the rows of the bundled credit applications, and write the result files to a folder."""
    check_folder(out, options=options)
    format_of("alerts", options["format"], bom=options["bom"])
    command = command_line(["demo"], options, "DIR")
    table = load_german_credit()
    options |= {"id_column": None, "label": "class=2", **dict.fromkeys(KIND_OPTIONS, ())}
    options |= {"missing": "fill", "save_roles": None, "watch": None}
    roles = replace(roles_from(table, options), dictionary=load_german_credit_words())
    _detect(table, roles, out, options, command, labelled="bad risks")


def write_example(out: Path, *, force: bool) -> None:
    """Write the bundled credit-card applications as a CSV file."""
    content = (files("somscape.datasets") / CREDIT_APPLICATIONS).read_bytes()
    with writing(out, force=force) as making:
        making.write_bytes(content)
    n_rows, place = content.count(b"\n") - 1, shlex.quote(str(out))
    next_step = f"somscape detect {place} --id customer --label class --out found"
    say(make_console(), f"Wrote {out}: {n_rows} credit-card applications.", f"Next: {next_step}")


def _detect(
    table: Table,
    roles: Roles,
    out: Path,
    options: dict[str, Any],
    command: str,
    notes: Sequence[str] = (),
    labelled: str = "",
) -> None:
    console, verbose = make_console(options["save_roles"]), options.pop("verbose")
    subject = ready(table, roles)
    table, rule, outermost = subject.table, rule_of(options, subject.table), Outermost()
    encoding = subject.encoding(outermost.look)
    with watch_of(options, subject, encoding) as watch:
        with progress_bar(n_trainings(table.n_rows, detection_of(options))) as bar:
            found = detect(
                *(table, encoding, rule, options),
                label=subject.label,
                callbacks=(bar,),
                known=watch.known if watch else None,
                grouped=subject.grouped,
                outermost=outermost,
                after=watch.map_before if watch else None,
            )
        results, outcome = ResultFiles(options, command, notes), None
        with stage("drawing, writing"), results_in(out) as (folder, recorded):
            results.write(folder, found)
            if watch is not None:  # only once there are files
                recorded.append(outcome := watch.begun(found, options))
                results.write_lists(folder, found, outcome)
            sent = results.send(found)
    if options["save_roles"] is not None:
        lasting, force = subject.lasting(encoding), options["force"]
        write_roles(options["save_roles"], *lasting, subject.as_read, force=force)

    file = f"alerts.{options['format'] or 'csv'}"
    _say_found(console, found, outcome, file, labelled)
    say_table(console, subject, encoding, notes, verbose=verbose, map_file=out / MAP_FILE)
    own = () if found.grouped is None else (ROWS_FILE,)
    place = f"{out}{'' if str(out).endswith('/') else '/'}"
    wrote = [sent, f"{place}: {', '.join((file, *own, *OTHER_FILES))}", options["save_roles"]]
    say(console, kernels_line(select_kernels().name))
    say(console, *(f"Wrote {what}" for what in wrote if what is not None))
    say_page(console, out)


def _say_found(
    console: Console, found: Found, outcome: RunOutcome | None, file: str, labelled: str
) -> None:
    """Print the list of alerts, its quality, and a summary of the first run of a new watch."""
    show_alerts(console, found.alerts, file)
    console.print()
    if found.label is not None and found.agreement is not None:
        say(console, agreement_line(found.label, found.agreement))
        if labelled and found.agreement.n_alerts:
            say(console, answer_line(found.agreement, labelled))
    if outcome is not None:
        again = f"somscape run {shlex.quote(outcome.watch.name)} TABLE"
        say(console, *outcome.lines(), f"Saved as a watch. Next time, run `{again}`.")
    if found.label is not None or outcome is not None:
        console.print()


def say_page(console: Console, out: Path) -> None:
    """Print the address of the page. Terminals show it as a link."""
    say(console, f"Open {(out / 'report.html').resolve().as_uri()}")
