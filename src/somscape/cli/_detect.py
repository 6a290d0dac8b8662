"""`detect` and `demo`: from a table to a ranked list, a report, a map and two pictures."""

from pathlib import Path
from typing import Any

import numpy as np

from somscape import report
from somscape.cli._again import command_line, now
from somscape.cli._agreement import agreement_line, agreement_of, page_agreement
from somscape.cli._console import (
    kernels_line,
    make_console,
    progress_bar,
    say,
    show_alerts,
    show_columns,
    stage,
)
from somscape.cli._folder import RESULT_FILES, check_folder, whole_folder
from somscape.cli._roles import KINDS, READING, Label, find_label, roles_from
from somscape.cli._rule import rule_of
from somscape.datasets import load_german_credit
from somscape.encode import fit_encoding
from somscape.fit import Settings
from somscape.kernels import select_kernels
from somscape.maps import Map
from somscape.measures import Agreement
from somscape.outliers import Alerts, Detection, rank_alerts, train_detector
from somscape.plots import planes, umatrix
from somscape.tables import Table, read_table, write_csv

MAX_CLASSES = 5
"""Label values that the map marks apart; of more, the one compared with and the others."""


def detect_file(path: str, out: Path, **options: Any) -> None:
    """Run the main job on a file."""
    check_folder(out, force=options["force"])
    with stage(f"reading {path}"):
        table = read_table(path, **{name: options[name] for name in READING})
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
    encoding = fit_encoding(table, roles_from(table, options), options["missing"])
    notes = f" ({'; '.join(table.notes)})" if table.notes else ""
    say(console, f"{table.n_rows} rows of {table.source}{notes}")
    show_columns(console, encoding, encoding.n_missing(table))

    detection = Detection(contamination=options["contamination"])
    with progress_bar(1 + detection.n_folds) as bar:
        settings = Settings(seed=options["seed"], callbacks=(bar,))
        trained = train_detector(encoding.encode(table), None, encoding, settings, detection)
    map_ = trained.map_
    with stage("ranking, drawing, writing"):
        alerts = rank_alerts(map_, table, rule=rule)
        agreement = None if label is None else agreement_of(alerts, label)
        _write(out, map_, table, alerts, label, agreement, command)

    console.print()
    show_alerts(console, alerts)
    console.print()
    if label is not None and agreement is not None:
        say(console, agreement_line(label, agreement))
    say(console, kernels_line(select_kernels().name))
    names = ", ".join(RESULT_FILES)
    say(console, f"Wrote {out}{'' if str(out).endswith('/') else '/'}: {names}")


def _write(
    out: Path,
    map_: Map,
    table: Table,
    alerts: Alerts,
    label: Label | None,
    agreement: Agreement | None,
    command: str,
) -> None:
    classes = None if label is None else np.array(_classes(table, label), dtype=object)
    top = alerts.units[: alerts.n_alerts]
    shown = None if label is None else page_agreement(label, agreement)
    with whole_folder(out) as folder:
        write_csv(folder / "alerts.csv", alerts.to_table(map_, table))
        map_.save(folder / "map.som")
        picture = umatrix(map_, None if classes is None else table, classes, highlight=top)
        picture.ax_.set_title("U-matrix: dark where neighbors differ, outlined where alerts lie")
        picture.save(folder / "umatrix.png")
        planes(map_).save(folder / "planes.png")
        data = report.build(
            map_, table, alerts, agreement=shown, command=command, notes=table.notes
        )
        pages = {"report.html": report.render(data, made_at=now()), "report.json": data.to_json()}
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _classes(table: Table, label: Label) -> list[str]:
    cells = table.column(label.column).cells
    named = [f"{label.column} {'missing' if cell is None else cell}" for cell in cells]
    if len(set(named)) <= MAX_CLASSES:
        return named
    return [f"{label.column} {label.value}" if has else "other" for has in label.has_value]
