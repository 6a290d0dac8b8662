"""Print lines and tables, and write output files without replacing files of other programs."""

import csv
import filecmp
import json
import os
import re
import shlex
import shutil
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, TypeAlias

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid

from somscape import report
from somscape._files import check_room, is_output, is_stream, shown, whole
from somscape.checks.check import Check
from somscape.desk.cases.outcome import RunOutcome, recording
from somscape.desk.cases.records import FOLDED, OPEN
from somscape.desk.cli._options import as_typed
from somscape.desk.jobs._detect import (
    FORMATS,
    MISSING_ARE,
    Found,
    MapCount,
    check_format,
    now,
    send_alerts,
    short_list,
)
from somscape.desk.jobs._roles import ROWS_FILE, Label, PerOptions
from somscape.desk.jobs.job import Job, roles_heading
from somscape.errors import InputError
from somscape.fit.settings import Callback
from somscape.fit.settings import Progress as Step
from somscape.kernels._select import select_kernels
from somscape.maps.map import Map
from somscape.measures.labels import Agreement
from somscape.outliers import Alerts
from somscape.outliers._listing import MAX_FIRST
from somscape.outliers.alerts import LINE, RECORD
from somscape.plots._planes import planes, umatrix
from somscape.tables._messages import Note, counted
from somscape.tables._roles import roles_text
from somscape.tables._write import table_bytes
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import Roles
from somscape.tables.sources import paths_of
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


class Terminal(Console):
    """Console that prints lines, tables and summaries of a command."""

    def say(self, *lines: str) -> None:
        """Print lines without line breaks inside paths."""
        for line in lines:
            self.print(shown(line), markup=False, soft_wrap=True)

    def say_page(self, out: Path) -> None:
        """Print the address of the page. Terminals show it as a link."""
        self.say(f"Open {(out / 'report.html').resolve().as_uri()}")

    def show_columns(self, encoding: Encoding, table: Table | None = None) -> None:
        """Print a table that lists each column with its kind and the reason for this kind."""
        missing = encoding.n_missing(table) if table is not None else {}
        grid = make_grid("column", "taken as", "because")
        for code in (*encoding.columns, *encoding.parts):
            n = missing.get(code.name)
            made = f"; {n} missing {MISSING_ARE[encoding.missing]}" if n else ""
            grid.add_row(escape(code.name), code.kind, escape(code.why + made))
        self.print(grid)

    def say_table(
        self, subject: PerOptions, encoding: Encoding, notes: Sequence[str], **about: Any
    ) -> None:
        """Print the size of a table, the kinds of its columns, and notes.

        With `verbose`, the columns are printed as a table, otherwise in one line.
        """
        table, grouped = subject.table, subject.grouped
        found = "; ".join(as_typed(note, None) for note in table.notes)
        found = f" ({found})" if found else ""
        source, noun = table.source, "row"
        if grouped is not None:
            source, noun = grouped.rows.source, grouped.noun
        self.say(f"Table: {counted(table.n_rows, noun)} of {source}{found}.")
        if about["verbose"]:
            self.show_columns(encoding, table)
            self.print()
        else:
            self.say(columns_line(encoding, about["map_file"], and_verbose=True))
        self.say(*(f"Note: {as_typed(n, None)}." if isinstance(n, Note) else n for n in notes))

    def show_alerts(self, alerts: Alerts, file: str) -> None:
        """Print a summary of the list of alerts, and its first findings."""
        self.say(f"{alerts.headline}.")
        if alerts.n_alerts == 0:
            least = alerts.p_values.min(initial=1.0)
            why = f"because no row meets the rule. The smallest p-value is {least:.2g}."
            if n_hidden := sum(each.n_changed for each in alerts.effects):
                why = f"because your rules hide {counted(n_hidden, alerts.noun)} of the list."
            self.say(f"No {alerts.noun} is listed, {why}")
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
        self.print(grid)
        shown = alerts.shown
        n_more = sum(len(finding.places) for finding in shown.findings[n_lines:])
        n_filled = alerts.n_alerts - shown.n_alerts
        if n_more:
            self.say(f"... and {n_more} more in {file}")
        if alerts.n_left_out:
            self.say(alerts._left_out("--alerts {} lists all of them"))
        if n_filled:
            rows = "1 row that does" if n_filled == 1 else f"{n_filled} rows that do"
            self.say(f"{file} also has {rows} not stand out (give --fill to show these).")
        if alerts.id_name == RECORD:
            self.say(
                "record: number of the row in the table, counted from 1 (for ids, give --id COL)",
            )

    def show_checks(self, checks: Sequence[Check], outcome: RunOutcome | None = None) -> None:
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
            self.print(grid)
        if outcome is not None and (n := len(outcome.checks) - len(cases)):
            self.say(f"{counted(n, 'cleared check')} {'is' if n == 1 else 'are'} not shown.")
        if checks:
            self.print()

    def show_facts(self, facts: Sequence[tuple[str, Any]]) -> None:
        """Print names and values in two columns."""
        grid = make_grid(has_header=False)
        for name, value in facts:
            grid.add_row(name, escape(str(value)))
        self.print(grid)

    def say_kernels(self) -> None:
        """Print which kernels were used. If they are slow, recommend a compiler."""
        kernels = select_kernels().name
        if kernels == "numpy":
            kernels = "NumPy. Training would be about 10 times faster if somscape were installed "
            kernels += "with a C++ compiler"
        self.say(f"Kernels: {kernels}.")

    def say_agreement(self, label: Label, agreement: Agreement) -> None:
        """Print how well the ranking agrees with the known outcomes."""
        rarer = ", the rarer value" if label.is_rarer else ""
        line = (
            f"Unusual against {label.column} = {label.value} ({agreement.n_labelled:,} of "
            f"{counted(agreement.n_rows, 'row')}{rarer}): AUROC {agreement.auroc:.3f}"
            " (0.5 is random, 1 is perfect)"
        )
        if agreement.n_alerts:
            share = f"{100 * agreement.precision:.0f} % of {counted(agreement.n_alerts, 'alert')}"
            line += (
                f". {share} have this value, {agreement.lift:.2f} times the share among all rows"
            )
        self.say(f"{line}.")


def make_console(*results: Path | None, to_stderr: bool = False) -> Terminal:
    """Return a console as wide as the terminal. Without a terminal, its width is 100 characters.

    If any result is written to standard output, the console writes to standard error.
    """
    to_stderr = to_stderr or any(each is not None and is_output(each) for each in results)
    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
    return Terminal(stderr=to_stderr, width=width, highlight=False, emoji=False)


def make_grid(*names: str, has_header: bool = True) -> Grid:
    """Return an empty table without vertical lines."""
    return Grid(*names, box=None, show_header=has_header, padding=(0, 2, 0, 0))


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


def map_facts(map_: Map) -> list[tuple[str, Any]]:
    """Return the size of a map, and the number of epochs of its training."""
    lattice, plan = map_.lattice, map_.parameters
    facts = [("map", f"{lattice.size_text}, {lattice.kind}, {lattice.boundary}")]
    if "n_iter" in plan and "stop_reason" in plan:
        facts.append(("epochs", f"{plan['n_iter']} ({plan['stop_reason']})"))
    return facts


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


MAP_FILE = "map.som"
OTHER_FILES = ("report.html", "report.json", MAP_FILE, "umatrix.png", "planes.png")
RESULT_FILES = (*(f"alerts.{kind}" for kind in FORMATS), ROWS_FILE, *OTHER_FILES)
ENDINGS = {
    "map": (".som",),
    "page": (".html", ".htm"),
    "list": tuple(f".{kind}" for kind in FORMATS),
    "roles file": (".toml",),
}
"""Allowed file extensions of a result, by the kind of its content."""

MARKS = {
    "map": rb'.{8}\{"__metadata__":\{"somscape":"',
    "page": rb'<!DOCTYPE html>.{1,2000}<meta name="generator" content="somscape">',
    "roles file": rb"# What the columns of [^\n]* were taken for, by somscape ",
    "model": rb"\x08.\x12\x08somscape",
}
"""Patterns that match the first bytes of files from somscape, by the kind of content."""

TABLE_MARK = re.compile(rb"somscape-table [0-9a-f]{16}")
"""Pattern of the mark in workbooks and Parquet files of somscape, with a hash of the columns."""

MARKED = {
    **{ending: kind for kind in ("map", "page", "roles file") for ending in ENDINGS[kind]},
    ".onnx": "model",
    ".xlsx": "list",
    ".parquet": "list",
}
"""Kind of content of files that contain a mark of somscape, by file extension."""

Input: TypeAlias = str | Path | None
"""An input of a command: a table or a database as a text, or another file as a path."""

BEGIN, END = 1 << 12, 1 << 16
"""Number of bytes at the beginning and at the end of a file in which a mark is searched for."""

BOM = b"\xef\xbb\xbf"


def check_result(
    kind: str | None, target: Path, *inputs: Input, force: bool, name: str = "--out"
) -> None:
    """Raise InputError if `target` must not be written, or has a wrong extension for the kind.

    `kind` is one of `ENDINGS`, or None if the extension decides.  A result never replaces a file of
    `inputs`.  `name` is the name of the result in error messages.
    """
    _check_target(target, inputs, name)
    ending = target.suffix.lower()
    endings = (ending,) if kind is None else ENDINGS[kind]
    if ending not in (*endings, ""):
        why = f"but the name of a {kind} must end in {' or '.join(endings)}"
        advice = f"Give {name} a name such as {target.stem or kind}{endings[0]}."
        raise _refused(name, target, why, advice, allowed=endings)
    marked = MARKED.get(ending)
    if marked or kind not in ("list", None):
        _check_mark(target, kind or str(marked), force=force, name=name)


def format_of(target: str, asked: str | None, *, bom: bool) -> str:
    """Return the format of a list: the requested format, else that of the file extension, else CSV.

    Raise InputError if the requested format is not that of the file extension or cannot be written.
    """
    ending = Path(target).suffix.lower().removeprefix(".")
    ending = ending if ending in FORMATS else ""
    if asked and ending and asked != ending:
        raise InputError(
            f"--format {asked} and --out {target} are different formats. Leave --format out, or "
            f"give --out the name {Path(target).with_suffix(f'.{asked}')}.",
            parameter="format",
            value=asked,
            file=target,
        )
    kind = asked or ending or "csv"
    check_format(kind, bom=bom)
    return kind


def _check_target(target: Path, inputs: Sequence[Input], name: str) -> None:
    """Raise InputError if `target` must not be written, for example because it is an input."""
    _check_place(target, name)
    if target.is_dir():
        raise InputError(
            f"{name} is the folder {target}. Give {name} the name of a file.",
            parameter=name,
            file=target,
        )
    if not target.exists():
        return
    found = target.stat()
    if is_stream(target):
        _check_stream(found, f"{name} {target}", inputs)
    elif not target.is_file():
        raise _refused(name, target, "which is not a regular file and cannot be replaced")
    elif _is_read(found, inputs):
        raise _refused(name, target, "which the command also reads. The file would be lost")


def check_output(*inputs: Input) -> None:
    """Raise InputError if standard output is redirected to an input file of the command."""
    _check_stream(os.fstat(1), "standard output", inputs)


def _check_stream(found: os.stat_result, name: str, inputs: Sequence[Input]) -> None:
    if stat.S_ISREG(found.st_mode) and _is_read(found, inputs):
        raise InputError(
            f"{name} writes to a file that the command also reads. The file would be changed. "
            "Write to another file.",
            parameter=name,
        )


def _is_read(found: os.stat_result, inputs: Sequence[Input]) -> bool:
    read = [path.stat() for path in _files(inputs) if path.exists()]
    if "-" in inputs:
        read.append(os.fstat(0))
    return any(os.path.samestat(found, each) for each in read)


def _check_mark(target: Path, kind: str, *, force: bool, name: str) -> None:
    """Raise InputError if a result would replace a file of another kind or of another program."""
    if force or not _may_be_lost(target) or (_mark(target) or "").startswith(kind):
        return
    raise _foreign(target, f"is not a {kind} of somscape", name)


def check_replaceable(target: Path, making: Path, *, force: bool, name: str = "--out") -> None:
    """Without --force, raise InputError if a new file would replace a file of another kind.

    Two files are of the same kind if they have the same mark. Two .csv files are of the same kind
    if they have the same header. A file with the same content as the new file may always be
    replaced.
    """
    if force or not _may_be_lost(target) or filecmp.cmp(target, making, shallow=False):
        return
    mark = _mark(making)
    if mark is not None and mark == _mark(target):
        return
    if mark is None and making.suffix.lower() in (".csv", ""):
        header = _header(making)
        with target.open("rb") as file:
            if file.read(len(BOM) + len(header)).removeprefix(BOM).startswith(header):
                return
        raise _foreign(target, "does not begin with the header of the new file", name)
    if mark is not None and not mark.startswith("list"):
        raise _foreign(target, f"is not a {mark} of somscape", name)
    why = "has other columns than the new file" if mark else "differs from the new file"
    raise _foreign(target, why, name)


@contextmanager
def writing(target: Path, *, force: bool, name: str = "--out") -> Iterator[Path]:
    """Yield a path for a new file. At the end, it replaces `target`."""
    with whole(target) as making:
        yield making
        check_replaceable(target, making, force=force, name=name)


def _refused(name: str, target: Path, why: str, advice: str = "", **facts: Any) -> InputError:
    advice, parameter = advice or f"Give {name} another name.", name.lstrip("-").replace("-", "_")
    message = f"{name} is {target}, {why}. {advice}"
    return InputError(message, **{"parameter": parameter, "file": target, **facts})


def _foreign(target: Path, why: str, name: str) -> InputError:
    why = f"which already exists and {why}, so the file is not replaced"
    advice = f"Give {name} another name, or give --force to replace the file."
    return _refused(name, target, why, advice)


def _may_be_lost(target: Path) -> bool:
    """Return whether replacing a path would lose a file. Replacing a link keeps its target."""
    return target.is_file() and not target.is_symlink() and target.stat().st_size > 0


def _mark(path: Path) -> str | None:
    """Return the kind of a file from the mark that somscape wrote to it, or None without a mark."""
    with path.open("rb") as file:
        begin = file.read(BEGIN)
        file.seek(max(0, path.stat().st_size - END))
        end = file.read(END)
    for kind, pattern in MARKS.items():
        if re.match(pattern, begin, re.DOTALL):
            return kind
    found = TABLE_MARK.search(end) if begin.startswith((b"PK", b"PAR1")) else None
    return None if found is None else f"list {found[0].decode()}"


def _header(path: Path) -> bytes:
    """Return the bytes of the header of a .csv file that somscape wrote."""
    with path.open(encoding="utf-8-sig", newline="\n") as text:
        record = csv.reader(text)
        next(record, None)
    with path.open("rb") as file:
        return b"".join(islice(file, record.line_num)).removeprefix(BOM)


def check_folder(target: Path, *inputs: Input, force: bool) -> None:
    """Raise InputError if results must not be written to the folder `target`.

    A folder is replaced only if it is empty or contains only results, one of them a map.
    """
    _check_place(target, "--out")
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir() or target.is_symlink():
        raise _refused("--out", target, "which is not a folder")
    if target.resolve().is_mount():
        advice = f"Give --out the name of a folder in it, such as {target / 'found'}."
        raise _refused("--out", target, "a mount point, which cannot be replaced", advice)
    if Path.cwd().is_relative_to(target.resolve()):
        why = "which contains the working folder and cannot be replaced"
        raise _refused("--out", target, why)
    for path in _files(inputs):
        if path.resolve().is_relative_to(target.resolve()):
            why = f"which contains {path}, an input of the command. The input would be lost"
            raise _refused("--out", target, why, file=path)
    names = {p.name for p in target.iterdir()}
    # Other programs may write a report.html. Only a map proves that somscape wrote the folder.
    foreign = sorted(names - set(RESULT_FILES) if MAP_FILE in names else names)
    if foreign and not force:
        why = f"which contains other files ({', '.join(foreign[:3])})"
        advice = "Give --out another name, or give --force to replace the whole folder."
        raise _refused("--out", target, why, advice)


def _files(inputs: Sequence[Input]) -> list[Path]:
    """Return the paths of all files that the given inputs and results consist of."""
    tables = [path for path in inputs if isinstance(path, str)]
    others = [path for path in inputs if isinstance(path, Path)]
    return [*(file for path in tables for file in paths_of(path)), *others]


def _check_place(target: Path, name: str) -> None:
    if not target.parent.is_dir():
        why = f"but the folder {target.parent} does not exist"
        raise _refused(name, target, why, "Create the folder first.")
    check_room(target, name)


MAX_CLASSES = 5
"""Maximum number of label values that the page shows. With more, all but one are "other"."""


@dataclass(frozen=True, eq=False)
class ResultFiles:
    """Writes the result files of a detection, and sends the listed rows to a database.

    Attributes
    ----------
    job : Job
    command : str
        Command line that makes the same result files again.
    notes : sequence of str or None, default=None
        Notes for the page. If None, the notes of the watch's run are shown.
    """

    job: Job
    command: str
    notes: Sequence[str] | None = None

    def write(self, folder: Path, found: Found, outcome: RunOutcome | None = None) -> None:
        """Write all files into a new folder."""
        folder.mkdir()
        planes(found.detector.map_).save(folder / "planes.png")  # while rows are put in order
        rows = classes = None
        if found.label is not None:
            rows, classes = found.table, np.array(_classes(found.table, found.label), dtype=object)
        top = found.alerts.units[: found.alerts.shown.n_alerts]
        picture = umatrix(found.detector.map_, rows, classes, highlight=top)
        picture.ax_.set_title("U-matrix: dark if neighbors differ, outlined units have alerts")
        picture.save(folder / "umatrix.png")
        self.write_lists(folder, found, outcome)

    def write_lists(self, folder: Path, found: Found, outcome: RunOutcome | None) -> None:
        """Write the files of the list, the map and the page to a folder. With the `outcome` of a
        watch, the list marks new rows and the page begins with this outcome."""
        kind, bom = self.job.format or "csv", self.job.bom
        results = (outcome or found).result_list(command=self.command)
        found.write(folder, results, kind, bom=bom)
        notes = outcome.notes if self.notes is None and outcome else self.notes or ()
        changed = None if outcome is None else outcome.to_json()
        data = found.report(self.command, notes, changed, has_options=True)
        pages = {"report.html": report.render(data, made_at=now()), "report.json": data.to_json()}
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")

    def send(self, found: Found) -> str | None:
        """Send the listed rows to the database that the options name, if any."""
        return send_alerts(found.alerts, found.detector, found.table, found.rule, self.job)


@contextmanager
def results_in(out: Path) -> Iterator[tuple[Path, list[RunOutcome]]]:
    """Yield a new folder for results that replaces `out` at the end, and a list for the run."""
    with recording(out) as recorded, whole(out) as folder:
        yield folder, recorded


def _classes(table: Table, label: Label) -> list[str]:
    cells = table.column(label.column).cells
    named = [f"{label.column} {'missing' if cell is None else cell}" for cell in cells]
    if len(set(named)) <= MAX_CLASSES:
        return named
    return [f"{label.column} {label.value}" if has else "other" for has in label.has_value]


NAME = "--save-roles"


def check_save_roles(target: Path | None, out: Path | None, *inputs: Input, force: bool) -> None:
    """Raise InputError if the roles file must not be written to `target`."""
    if target is None:
        return
    if out is not None and target.resolve().is_relative_to(out.resolve()):
        why = f"which is inside the folder of --out, {out}"
        raise _refused(NAME, target, why, f"Give {NAME} a name outside this folder.")
    check_result("roles file", target, *inputs, force=force, name=NAME)


def write_roles(
    target: Path,
    roles: Roles,
    comments: Mapping[str, str],
    table: Table | None = None,
    *,
    force: bool,
) -> None:
    """Write a roles file for a table, or for a saved map if `table` is None."""
    source = "a saved map" if table is None else table.source
    found = () if table is None else (counted(table.n_rows, "row"), *table.notes)
    heading = roles_heading(source, target.name, found)
    with writing(target, force=force, name=NAME) as making:
        making.write_bytes(roles_text(roles, comments, heading).encode())
