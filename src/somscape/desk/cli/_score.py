"""Commands `score` and `predict`, which apply a saved model to the rows of a new file."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from somscape.desk.cli._console import columns_line, make_console, print_bytes, say
from somscape.desk.cli._options import Access
from somscape.desk.cli._out import Input, check_output, check_result, format_of, writing
from somscape.desk.cli._run import files_of, score_watch
from somscape.desk.jobs._detect import ResultList, alerts_of, check_sink_of, rule_of, send_alerts
from somscape.desk.jobs._notes import gaps_of
from somscape.desk.jobs._roles import read_as, ready_for
from somscape.desk.jobs._target import agreement_words, predictions_of, summary_words
from somscape.desk.jobs.job import Job
from somscape.errors import InputError
from somscape.outliers.detector import (
    RECORD,
    RESULT_NAMES,
    STANDING_OUT,
    AlertRule,
    Alerts,
    Detector,
    ids_column,
)
from somscape.outliers.drift import DriftAlarm, DriftMonitor
from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import Recognizer
from somscape.save._load import load_model
from somscape.tables._messages import counted, free_name
from somscape.tables._write import check_sheet, table_bytes
from somscape.tables.column import Column
from somscape.tables.encoding import Encoding
from somscape.tables.table import Table, table_from_columns

MIN_WINDOW, MAX_WINDOW = 50, 1_000
"""Minimum and maximum number of rows between two checks of drift."""


def load_detector(path: str) -> Detector:
    """Load a detector from a file."""
    thing = load_model(path)
    if not isinstance(thing, Detector):
        raise InputError(
            f"{path} is a map without a detector, so it cannot score rows. Give the map.som of "
            "`somscape detect`, or a saved SOMDetector.",
            file=path,
        )
    return thing


def score_file(
    map_file: str | None,
    path: str | None,
    out: str,
    job: Job,
    access: Access,
    *,
    drift: bool,
    force: bool,
) -> int:
    """Score the rows of a file, and write the scores. Return the exit code."""
    if job.watch is not None:
        return score_watch(map_file, path, out, job, access, force=force)
    if map_file is None or path is None:
        ctx = click.get_current_context()
        lacking = "map_file" if map_file is None else "path"
        param = next(each for each in ctx.command.params if each.name == lacking)
        raise click.MissingParameter(ctx=ctx, param=param)
    kind = _kind_of(out, map_file, path, job.to, *files_of(access), job=job, force=force)
    check_sink_of(job)
    detector = load_detector(map_file)
    table = read_as(path, job, detector.map_.encoding.roles)
    subject = ready_for(detector.map_, table, job)
    table = subject.table
    originals = _columns(table, job.columns, detector.map_.encoding.named("id"))
    if kind == "xlsx":
        check_sheet(table.n_rows, 10 + len(originals))
    is_auto = detector.is_threshold_auto
    rule = rule_of(
        job, table, otherwise=STANDING_OUT if is_auto else AlertRule(above_threshold=True)
    )
    alerts = alerts_of(detector, rule, table, subject.grouped)
    scores = _scores(detector, table, alerts, originals, is_sorted=job.sort)
    alarms: list[DriftAlarm] = []
    if drift:
        alarms = DriftMonitor(detector, min(max(table.n_rows, MIN_WINDOW), MAX_WINDOW)).update(
            table
        )
    command = job.command(["score", map_file, path], f"scores.{kind}")
    results = ResultList("scores", scores, detector, rule, table, command)
    send = partial(send_alerts, alerts, detector, table, rule, job)
    sent = _write(out, results.content(kind, bom=job.bom), force=force, then=send)
    console = make_console(to_stderr=True)
    flagged = f"{counted(table.n_rows, 'row')} scored, {alerts.n_alerts} flagged"
    say(console, f"{flagged}: {rule.words(detector)}.", f"{alerts.headline}.")
    say(console, *map(str, alerts.effects))
    if drift:
        say(
            console,
            "Drift:" if alarms else "No drift was found.",
            *(f"  {each}" for each in alarms),
        )
    _say_written(console, map_file, detector.map_.encoding, table, [sent, out])
    return 0


def _write(
    out: str,
    content: Iterable[bytes],
    *,
    force: bool,
    then: Callable[[], str | None] = lambda: None,
) -> str | None:
    """Write the content to a file or to standard output, and call `then` before it is complete."""
    if out == "-":
        print_bytes(content)
        return then()
    with writing(Path(out), force=force) as making:
        with making.open("wb") as file:
            file.writelines(content)
        return then()


def _say_written(
    console: Console, map_file: str, encoding: Encoding, table: Table, written: list[str | None]
) -> None:
    """Print the kinds of columns, the numbers of missing and new values, and the written files."""
    say(console, columns_line(encoding, map_file), *gaps_of(encoding, table))
    say(console, *(f"Wrote {each}" for each in written if each not in (None, "-")))


def _kind_of(out: str, *inputs: Input, job: Job, force: bool) -> str:
    """Return the format of the result file. Raise InputError if the file must not be written."""
    if out == "-":
        check_output(*inputs)
    else:
        check_result("list", Path(out), *inputs, force=force)
    kind = format_of(out, job.format, bom=job.bom)
    if out == "-" and kind != "csv" and sys.stdout.isatty():
        raise InputError(
            f"A .{kind} file cannot be shown on the terminal. Give --out FILE.",
            parameter="out",
            value=kind,
        )
    return kind


def _columns(table: Table, given: tuple[str, ...], id_column: str | None) -> list[Column]:
    """Return the columns in the option --columns, except the id. The id is always written."""
    if "none" in given and len(given) > 1:
        raise InputError(
            "--columns none is given together with other columns. Leave the word none out.",
            parameter="columns",
            value="none",
        )
    if "all" in given:
        return [column for column in table.columns if column.name != id_column]
    return [table.column(name) for name in dict.fromkeys(given) if name != "none"]


def _scores(
    detector: Detector, table: Table, alerts: Alerts, originals: list[Column], *, is_sorted: bool
) -> Table:
    """Return a table that contains a row with the score of each row of `table`."""
    rows = alerts.rows if is_sorted else np.arange(table.n_rows)
    place = np.empty(table.n_rows, dtype=np.intp)  # position of each row in the list
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
        **alerts.rule_names(place),
        "unit": units,
        "row": row,
        "col": col,
        "reasons": [reasons[i] if i < alerts.n_alerts else "" for i in place],
    }
    ids = ids_column(detector.map_, table, rows)
    own = ("flagged", *alerts.rule_names(slice(0)), *[RECORD] * is_repeated)
    name = free_name(alerts.id_name, (*RESULT_NAMES, *own))
    made = [ids.renamed(name), *table_from_columns(columns).columns]
    for column in originals:
        name = free_name(column.name, [c.name for c in made])
        made.append(column.take(rows).renamed(name))
    return Table(tuple(made), source="scores")


def predict_file(
    model_file: str, path: str, out: str, job: Job, reject: float | None, *, force: bool
) -> None:
    """Predict the target of each row in a file, and write the predictions."""
    kind = _kind_of(out, model_file, path, job=job, force=force)
    model = _load_model(model_file)
    if reject is not None:
        model = _rejecting(model, reject)
    table = read_as(path, job, model.map_.encoding.roles)
    predictions = predictions_of(model, table)
    if kind == "xlsx":
        check_sheet(table.n_rows, len(predictions.columns))
    _write(out, table_bytes(kind, predictions, bom=job.bom), force=force)
    console = make_console(to_stderr=True)
    say(console, f"{counted(table.n_rows, 'row')}: {summary_words(model, predictions)}.")
    agreement = agreement_words(model, table, predictions)
    if agreement is not None:
        say(console, agreement)
    _say_written(console, model_file, model.map_.encoding, table, [out])


def _rejecting(model: Recognizer | Predictor, reject: float) -> Recognizer:
    if isinstance(model, Predictor):
        raise InputError(
            "`reject` is only for classes, but this model predicts a number. Leave `reject` out. A "
            "small value in the column p_value shows that a row is far from the training rows."
        )
    return replace(model, reject=reject or None)


def _load_model(path: str) -> Recognizer | Predictor:
    thing = load_model(path)
    if not isinstance(thing, Recognizer | Predictor):
        raise InputError(
            f"{path} is a {type(thing).__name__.lower()} without a target, so it cannot predict. "
            "Give a file of `somscape fit --target`, or a saved SOMClassifier or SOMRegressor.",
            file=path,
        )
    return thing
