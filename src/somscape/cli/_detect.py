"""`detect` and `demo`: from a table to a ranked list, a report, a map and two pictures."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from somscape import report
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
from somscape.cli._rule import FLAGS, rule_of
from somscape.datasets import load_german_credit
from somscape.encode import fit_encoding
from somscape.fit import Settings
from somscape.kernels import select_kernels
from somscape.maps import Map
from somscape.measures import Agreement, label_agreement
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
    _detect(table, out, options, _command_line(["detect", path], options))


def detect_demo(out: Path, **options: Any) -> None:
    """Run the main job on the bundled credit applications."""
    check_folder(out, force=options["force"])
    roles = {"id_column": None, "label": "class=2", **dict.fromkeys(KINDS, ())}
    command = _command_line(["demo"], options)
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
        agreement = None if label is None else _agreement(alerts, label)
        _write(out, map_, table, alerts, label, agreement, command)

    console.print()
    show_alerts(console, alerts)
    console.print()
    if label is not None and agreement is not None:
        say(console, agreement_line(label, agreement))
    say(console, kernels_line(select_kernels().name))
    names = ", ".join(RESULT_FILES)
    say(console, f"Wrote {out}{'' if str(out).endswith('/') else '/'}: {names}")


def agreement_line(label: Label, agreement: Agreement) -> str:
    """Say how well unusual and labelled agree; what the label means is the reader's to know."""
    rarer = ", the rarer value" if label.is_rarer else ""
    line = (
        f"Unusual against {label.column} = {label.value} ({agreement.n_labelled} of "
        f"{agreement.n_rows} rows{rarer}): AUROC {agreement.auroc:.3f}"
    )
    if agreement.n_alerts == 0:
        return f"{line}."
    return (
        f"{line}; {agreement.precision:.0%} of the {agreement.n_alerts} alerts have it, "
        f"{agreement.lift:.2f} times the share among all rows."
    )


def _agreement(alerts: Alerts, label: Label) -> Agreement:
    is_known = label.is_known[alerts.rows]
    rows = alerts.rows[is_known]
    n_alerts = int(is_known[: alerts.n_alerts].sum())
    return label_agreement(alerts.scores[is_known], label.has_value[rows], n_alerts)


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
    shown = None
    if label is not None and agreement is not None and agreement.n_alerts:
        shown = {"label": label.column, "value": label.value, **vars(agreement)}
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
        made_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        page = report.render(data, made_at=made_at)
        (folder / "report.html").write_text(page, encoding="utf-8", newline="\n")


def _classes(table: Table, label: Label) -> list[str]:
    cells = table.column(label.column).cells
    named = [f"{label.column} {'missing' if cell is None else cell}" for cell in cells]
    if len(set(named)) <= MAX_CLASSES:
        return named
    return [f"{label.column} {label.value}" if has else "other" for has in label.has_value]


def _command_line(words: list[str], options: dict[str, Any]) -> str:
    """Return the command that makes the same files again, in whatever folder."""
    flags = {
        "id_column": "--id",
        **{n: f"--{n}" for n in ("label", *KINDS, "missing", *READING)},
        **FLAGS,
        **{n: f"--{n}" for n in ("contamination", "seed")},
    }
    words = ["somscape", *words]
    for name, flag in flags.items():
        given = options.get(name)
        for value in given if isinstance(given, tuple) else (given,):
            if value is not None:
                words += [flag, str(value)]
    return f"{shlex.join(words)} --out DIR"
