"""`score`: new rows against a saved detector."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import whole
from somscape.cli._console import gaps_of, make_console, say
from somscape.cli._load import load_detector
from somscape.cli._out import check_replaceable, check_result, format_of
from somscape.errors import InputError
from somscape.jobs import (
    Results,
    check_sink_of,
    command_line,
    reading_of,
    ready_for,
    rule_of,
    send_alerts,
)
from somscape.outliers import (
    RECORD,
    RESULT_NAMES,
    Alerts,
    Detector,
    DriftAlarm,
    DriftMonitor,
    ids_column,
)
from somscape.tables import (
    Column,
    Table,
    check_sheet,
    counted,
    free_name,
    read_table,
    table_from_columns,
)

MIN_WINDOW = 50
MAX_WINDOW = 1000
"""Rows after which drift is looked for: those of the file, within these bounds."""


def score_file(map_file: str, path: str, out: str, **options: Any) -> None:
    """Score the rows of a file and write one line each."""
    if out != "-":
        check_result("list", Path(out), map_file, path, options["to"], options=options)
    kind = format_of(out, options["format"], bom=options["bom"])
    if out == "-" and kind != "csv" and sys.stdout.isatty():
        raise InputError(f"a .{kind} file is nothing to show in a terminal; give --out FILE.")
    check_sink_of(options)
    detector = load_detector(map_file)
    table = read_table(path, **reading_of(path, options, detector.map_.encoding.roles))
    table = ready_for(detector.map_, table, options).table
    originals = _columns(table, options["columns"], detector.map_.encoding.named("id"))
    if kind == "xlsx":
        check_sheet(table.n_rows, 10 + len(originals))
    rule = rule_of(options, table, above_threshold=True)
    alerts = detector.alerts_by(rule, table)
    scores = _scores(detector, table, alerts, originals, is_sorted=options["sort"])
    alarms = _alarms(detector, table) if options["drift"] else None
    command = command_line(["score", map_file, path], options, f"scores.{kind}")
    results = Results("scores", scores, detector, rule, table, command)
    content = results.content(kind, bom=options["bom"])
    if out != "-":
        with whole(out) as making:
            with making.open("wb") as file:
                file.writelines(content)
            check_replaceable(Path(out), making, force=options["force"])
            sent = send_alerts(alerts, detector, table, rule, options)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(content)
        sys.stdout.flush()
        sent = send_alerts(alerts, detector, table, rule, options)
    console = make_console(to_stderr=True)
    flagged = f"{counted(table.n_rows, 'row')} scored, {alerts.n_alerts} flagged"
    say(console, f"{flagged}: {rule.words(detector)}.")
    say(console, f"{alerts.headline}.")
    if sent is not None:
        say(console, f"Wrote {sent}")
    for line in gaps_of(detector.map_.encoding, table):
        say(console, line)
    if alarms is not None:
        say(console, "Drift:" if alarms else "No drift found.")
        for alarm in alarms:
            say(console, f"  {alarm}")


def _columns(table: Table, given: tuple[str, ...], id_column: str | None) -> list[Column]:
    """Return the columns of the table that --columns asks for; an id stands there anyway."""
    if "none" in given and len(given) > 1:
        raise InputError("--columns none and other columns are asked for; leave one of them out.")
    if "all" in given:
        return [column for column in table.columns if column.name != id_column]
    return [table.column(name) for name in dict.fromkeys(given) if name != "none"]


def _alarms(detector: Detector, table: Table) -> list[DriftAlarm]:
    """Return the alarms of the rows as a stream, in the order of the file."""
    window = min(max(table.n_rows, MIN_WINDOW), MAX_WINDOW)
    return DriftMonitor(detector, window).update(table)


def _scores(
    detector: Detector, table: Table, alerts: Alerts, originals: list[Column], *, is_sorted: bool
) -> Table:
    """Return a line for each row, in the order of the table or of the list."""
    rows = alerts.rows if is_sorted else np.arange(table.n_rows)
    place = np.empty(table.n_rows, dtype=np.intp)  # of each row in the list
    place[alerts.rows] = np.arange(table.n_rows)
    place = place[rows]
    is_flagged = place < alerts.n_alerts
    units = alerts.units[place]
    row, col = detector.map_.lattice.rows_and_cols(units)
    reasons = list(map(str, alerts.reasons))
    is_repeated = not alerts.ids.are_unique
    columns: dict[str, Any] = {
        **({RECORD: rows + 1} if is_repeated else {}),
        "score": alerts.scores[place],
        "p_value": alerts.p_values[place],
        "flagged": np.where(is_flagged, "yes", "no").tolist(),
        "stands_out": np.where(alerts.stands_out[place], "yes", "no").tolist(),
        "unit": units,
        "row": row,
        "col": col,
        "reasons": [reasons[i] if i < alerts.n_alerts else "" for i in place],
    }
    ids = ids_column(detector.map_, table, rows)
    name = free_name(alerts.id_name, (*RESULT_NAMES, "flagged", *[RECORD] * is_repeated))
    made = [ids.renamed(name), *table_from_columns(columns).columns]
    for column in originals:
        name = free_name(column.name, [c.name for c in made])
        made.append(column.take(rows).renamed(name))
    return Table(tuple(made), source="scores")
