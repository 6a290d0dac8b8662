"""`score`: new rows against a saved detector."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import write_whole
from somscape.cli._console import gaps_of, make_console, say
from somscape.cli._load import load_detector
from somscape.cli._out import check_result
from somscape.jobs import FROM_DATABASE, READING, check_sink_of, rule_of, send_alerts
from somscape.outliers import (
    RESULT_NAMES,
    Alerts,
    Detector,
    DriftAlarm,
    DriftMonitor,
)
from somscape.tables import Table, counted, free_name, read_table, table_from_columns, write_csv

MIN_WINDOW = 50
MAX_WINDOW = 1000
"""Rows after which drift is looked for: those of the file, within these bounds."""


def score_file(map_file: str, path: str, out: str, **options: Any) -> None:
    """Score the rows of a file and write one line each, in the order of the file."""
    if out != "-":
        check_result("list", Path(out), map_file, path, options["to"])
    check_sink_of(options)
    detector = load_detector(map_file)
    table = read_table(path, **{name: options[name] for name in (*READING, *FROM_DATABASE)})
    rule = rule_of(options, table)
    alerts = detector.alerts_by(rule, table)
    result = _scores(detector, table, alerts)
    alarms = _alarms(detector, table) if options["drift"] else None
    sent = send_alerts(alerts, detector, table, rule, options)
    if out == "-":
        write_csv(sys.stdout, result)
    else:
        text = io.StringIO()
        write_csv(text, result)
        write_whole(out, text.getvalue().encode())
    console = make_console(to_stderr=True)
    say(console, f"{counted(table.n_rows, 'row')} scored, {alerts.n_alerts} flagged.")
    if sent is not None:
        say(console, f"Wrote {sent}")
    for line in gaps_of(detector.map_.encoding, table):
        say(console, line)
    if alarms is not None:
        say(console, "Drift:" if alarms else "No drift found.")
        for alarm in alarms:
            say(console, f"  {alarm}")


def _alarms(detector: Detector, table: Table) -> list[DriftAlarm]:
    """Return the alarms of the rows as a stream, in the order of the file."""
    window = min(max(table.n_rows, MIN_WINDOW), MAX_WINDOW)
    return DriftMonitor(detector, window).update(table)


def _scores(detector: Detector, table: Table, alerts: Alerts) -> Table:
    """Return a line for each row, in the order of the table."""
    place = np.empty(table.n_rows, dtype=np.intp)  # of each row in the list
    place[alerts.rows] = np.arange(table.n_rows)
    is_flagged = place < alerts.n_alerts
    units = alerts.units[place]
    row, col = detector.map_.lattice.rows_and_cols(units)
    reasons = ["; ".join(map(str, found)) for found in alerts.reasons]
    columns = {
        free_name(alerts.id_name, (*RESULT_NAMES, "flagged")): [alerts.ids[i] for i in place],
        "score": alerts.scores[place],
        "p_value": alerts.p_values[place],
        "flagged": np.where(is_flagged, "yes", "no").tolist(),
        "unit": units,
        "row": row,
        "col": col,
        "reasons": [reasons[i] if i < alerts.n_alerts else "" for i in place],
    }
    return table_from_columns(columns, source="scores")
