"""`detect` and `demo`: from a table to a ranked list, a report, a map and two pictures."""

from pathlib import Path
from typing import Any

import numpy as np

from somscape import report
from somscape._files import whole
from somscape.cli._agreement import agreement_line
from somscape.cli._console import (
    kernels_line,
    make_console,
    progress_bar,
    say,
    show_alerts,
    show_columns,
    stage,
)
from somscape.cli._out import RESULT_FILES, check_folder
from somscape.cli._typed import as_typed
from somscape.datasets import load_german_credit
from somscape.jobs import (
    FROM_DATABASE,
    KINDS,
    READING,
    Found,
    Label,
    check_sink_of,
    command_line,
    detect,
    detection_of,
    encoding_from,
    find_label,
    now,
    rule_of,
    send_alerts,
)
from somscape.kernels import select_kernels
from somscape.outliers import n_trainings
from somscape.plots import planes, umatrix
from somscape.tables import Table, counted, read_table

MAX_CLASSES = 5
"""Label values that the map marks apart; of more, the one compared with and the others."""


def detect_file(path: str, out: Path, **options: Any) -> None:
    """Run the main job on a file."""
    check_folder(out, path, options["to"], force=options["force"])
    check_sink_of(options)
    with stage(f"reading {path}"):
        table = read_table(path, **{name: options[name] for name in (*READING, *FROM_DATABASE)})
    _detect(table, out, options, command_line(["detect", path], options, "DIR"))


def detect_demo(out: Path, **options: Any) -> None:
    """Run the main job on the bundled credit applications."""
    check_folder(out, force=options["force"])
    roles = {"id_column": None, "label": "class=2", **dict.fromkeys(KINDS, ())}
    command = command_line(["demo"], options, "DIR")
    _detect(load_german_credit(), out, {**options, **roles, "missing": "fill"}, command)


def _detect(table: Table, out: Path, options: dict[str, Any], command: str) -> None:
    console = make_console()
    rule = rule_of(options, table)
    label = find_label(table, options["label"])
    encoding = encoding_from(table, options)
    notes = "; ".join(as_typed(note, None) for note in table.notes)
    say(
        console, f"{counted(table.n_rows, 'row')} of {table.source}{f' ({notes})' if notes else ''}"
    )
    show_columns(console, encoding, table, options["drop"])

    with progress_bar(n_trainings(table.n_rows, detection_of(options))) as bar:
        found = detect(table, encoding, rule, options, label=label, callbacks=(bar,))
    with stage("drawing, writing"):
        sent = _write(out, found, command, options)

    console.print()
    show_alerts(console, found.alerts)
    console.print()
    if label is not None and found.agreement is not None:
        say(console, agreement_line(label, found.agreement))
    say(console, kernels_line(select_kernels().name))
    names = ", ".join(RESULT_FILES)
    if sent is not None:
        say(console, f"Wrote {sent}")
    say(console, f"Wrote {out}{'' if str(out).endswith('/') else '/'}: {names}")


def _write(out: Path, found: Found, command: str, options: dict[str, Any]) -> str | None:
    """Write the folder and the rows of a database, or none of them."""
    table, label, alerts = found.table, found.label, found.alerts
    classes = None if label is None else np.array(_classes(table, label), dtype=object)
    top = alerts.units[: alerts.n_alerts]
    with whole(out) as folder:
        folder.mkdir()
        found.write(folder)
        rows = None if classes is None else table
        picture = umatrix(found.detector.map_, rows, classes, highlight=top)
        picture.ax_.set_title("U-matrix: dark where neighbors differ, outlined where alerts lie")
        picture.save(folder / "umatrix.png")
        planes(found.detector.map_).save(folder / "planes.png")
        data = found.report(command)
        pages = {"report.html": report.render(data, made_at=now()), "report.json": data.to_json()}
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        return send_alerts(alerts, found.detector, table, found.rule, options)


def _classes(table: Table, label: Label) -> list[str]:
    cells = table.column(label.column).cells
    named = [f"{label.column} {'missing' if cell is None else cell}" for cell in cells]
    if len(set(named)) <= MAX_CLASSES:
        return named
    return [f"{label.column} {label.value}" if has else "other" for has in label.has_value]
