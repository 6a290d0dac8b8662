"""`score`: new rows against a saved detector."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import write_whole
from somscape.cli._console import gaps_of, make_console, say
from somscape.cli._out import check_result
from somscape.jobs import READING, rule_of
from somscape.maps import Map, load
from somscape.outliers import (
    RESULT_NAMES,
    AlertRule,
    DriftAlarm,
    DriftMonitor,
    explain_rows,
    ids_of,
    p_values,
    score_rows,
    settings_of,
)
from somscape.tables import Table, counted, free_name, read_table, table_from_columns, write_csv

LEAST_WINDOW, MOST_WINDOW = 50, 1000
"""Rows after which drift is looked for, at the end of a shorter file."""


def score_file(map_file: str, path: str, out: str, **options: Any) -> None:
    """Score the rows of a file and write one line each, in the order of the file."""
    if out != "-":
        check_result("list", Path(out), map_file, path)
    map_ = load(map_file)
    settings_of(map_)
    table = read_table(path, **{name: options[name] for name in READING})
    result, n_flagged = _scores(map_, table, rule_of(options, table))
    alarms = _alarms(map_, table) if options["drift"] else None
    if out == "-":
        write_csv(sys.stdout, result)
    else:
        text = io.StringIO()
        write_csv(text, result)
        write_whole(out, text.getvalue().encode())
    console = make_console(to_stderr=True)
    say(console, f"{counted(table.n_rows, 'row')} scored, {n_flagged} flagged.")
    for line in gaps_of(map_.encoding, table):
        say(console, line)
    if alarms is not None:
        say(console, "Drift:" if alarms else "No drift found.")
        for alarm in alarms:
            say(console, f"  {alarm}")


def _alarms(map_: Map, table: Table) -> list[DriftAlarm]:
    """Return the alarms of the rows as a stream, in the order of the file."""
    window = min(max(table.n_rows, LEAST_WINDOW), MOST_WINDOW)
    return DriftMonitor(map_, window).update(table)


def _scores(map_: Map, table: Table, rule: AlertRule) -> tuple[Table, int]:
    rows = map_.rows_of(table)
    scores, units = score_rows(map_, rows), map_.winners(rows)
    p = p_values(map_, scores, units)
    order, n_flagged = rule.choose(map_, scores, p, table)
    is_flagged = np.isin(np.arange(table.n_rows), order[:n_flagged])
    row, col = map_.lattice.rows_and_cols(units)
    flagged = np.flatnonzero(is_flagged)
    reasons = [""] * table.n_rows
    for i, found in zip(flagged, explain_rows(map_, table, flagged.tolist()), strict=True):
        reasons[i] = "; ".join(map(str, found))
    id_name, ids = ids_of(map_, table)
    columns = {
        free_name(id_name, (*RESULT_NAMES, "flagged")): ids,
        "score": scores,
        "p_value": p,
        "flagged": np.where(is_flagged, "yes", "no").tolist(),
        "unit": units,
        "row": row,
        "col": col,
        "reasons": reasons,
    }
    return table_from_columns(columns, source="scores"), len(flagged)
