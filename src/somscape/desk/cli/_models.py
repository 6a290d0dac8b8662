"""Commands `fit`, `score` and `predict`, which train a map or a model and apply it to rows."""

import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from somscape import measures
from somscape.desk.cli._options import Training
from somscape.desk.cli._out import (
    Input,
    Terminal,
    check_output,
    check_result,
    check_save_roles,
    columns_line,
    format_of,
    make_console,
    map_facts,
    print_bytes,
    progress_bar,
    write_roles,
    writing,
)
from somscape.desk.jobs._detect import (
    ResultList,
    alerts_of,
    check_sink_of,
    gaps_of,
    notes_on_table,
    rule_of,
    send_alerts,
)
from somscape.desk.jobs._roles import PerOptions, read_as, ready, ready_for, told_table
from somscape.desk.jobs._target import (
    agreement_words,
    leaks_of,
    notes_on,
    predictions_of,
    quality_words,
    summary_words,
    target_of,
    train_target,
)
from somscape.desk.jobs.job import Job
from somscape.errors import InputError
from somscape.fit._map import have_values, train_map
from somscape.fit.settings import Callback, Settings
from somscape.outliers import AlertRule, Alerts, Detector
from somscape.outliers.alert_rule import STANDING_OUT
from somscape.outliers.alerts import RECORD, RESULT_NAMES, ids_column
from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import Recognizer
from somscape.save._load import Saved, load_model
from somscape.tables._messages import counted, free_name
from somscape.tables._roles import overridden
from somscape.tables._write import check_sheet, table_bytes
from somscape.tables.column import Column
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import Roles
from somscape.tables.table import Table, table_from_columns

Lasting: TypeAlias = tuple[Roles, dict[str, str]]
"""Roles with which later tables are read, and a comment on each column."""

NOT_WITH_TARGET = {
    "label": "is an outcome to compare with, but the target is already an outcome",
    "per": "combines rows, but a target needs the original rows",
}

NOT_OF_TARGET = ("id_column", "drop", "protect", "date")
"""Names of options that must not be given the target column."""


@dataclass(frozen=True)
class Asked:
    """What a user asked for with the command `fit`."""

    job: Job
    training: Training
    out: Path
    save_roles: Path | None
    force: bool
    verbose: bool

    def settings(self, *callbacks: Callback) -> Settings:
        """Return the settings of the training."""
        return Settings(
            self.training.n_rows or "auto",
            self.training.n_cols or "auto",
            n_epochs=self.training.epochs or "auto",
            seed=self.job.seed or 0,
            callbacks=callbacks,
        )

    def check_target(self, target: str) -> None:
        """Raise InputError if an option cannot be combined with the option `target`."""
        job = self.job
        for name, why in NOT_WITH_TARGET.items():
            if getattr(job, name):
                raise InputError(f"`{name}` {why}. Leave `{name}` or `target` out.")
        for name, columns in job.only(*NOT_OF_TARGET).given().items():
            if target in ((columns,) if isinstance(columns, str) else columns):
                raise InputError(
                    f"Column '{target}' is given for both `target` and `{name}`. Give the column "
                    "for only one of them.",
                    column=target,
                    parameter=name,
                )
        _check_missing(job.missing)

    def check_files(self, path: str) -> None:
        """Raise InputError if the files of the results must not be written."""
        out = self.out
        inputs: list[Input] = [path, *self.job.files]
        if self.save_roles is not None and self.save_roles.resolve() == out.resolve():
            raise InputError(
                f"--out and --save-roles are both {out}. Give --save-roles another name.",
                parameter="--save-roles",
                file=out,
            )
        check_result("map", out, *inputs, force=self.force)
        check_save_roles(self.save_roles, out, *inputs, force=self.force)


def _check_missing(missing: str | None) -> None:
    if missing == "mask":
        raise InputError(
            "`missing` mask leaves missing values out, but a prediction needs complete rows. Give "
            "--missing fill.",
            value="mask",
            allowed="fill, error",
        )


def _roles_of(roles: Roles, target: str, file: str | None) -> Roles:
    """Return roles in which the column `target` is the column to predict."""
    _check_missing(roles.missing)
    if roles.per:
        raise InputError(
            f"{file} gives column '{roles.per[0]}' the kind per, which {NOT_WITH_TARGET['per']}. "
            "With `target`, give the column the kind drop.",
            column=roles.per[0],
            file=file,
        )
    return overridden(roles, Roles(label=target))


def _lasting(subject: PerOptions, encoding: Encoding, given: Roles) -> Lasting:
    """Return the roles of the columns for a roles file, with a comment on each column."""
    (roles, comments), target = subject.lasting(encoding), str(subject.roles.label)
    role = given.by_column().get(target)
    if role not in ("categories", "ordinals", "numbers"):
        return roles, comments
    levels = {name: found for name, found in given.ordinals.items() if name == target}
    roles = overridden(roles, Roles.of({target: role}, levels))
    return roles, {**comments, target: "the target; a feature for commands without --target"}


def fit_file(
    path: str,
    out: Path,
    job: Job,
    training: Training,
    save_roles: Path | None,
    *,
    force: bool,
    verbose: bool,
) -> None:
    """Train and save a map of the rows in a file, or a model that predicts a column of the file."""
    asked, target = Asked(job, training, out, save_roles, force, verbose), training.target
    asked.check_files(path)
    if target is not None:
        asked.check_target(target)
    table, roles, notes = told_table(path, job)
    if target is None:
        _fit_map(ready(table, roles), notes, asked)
    else:
        _fit_target(table, roles, notes, asked, target)


def _fit_target(table: Table, roles: Roles, notes: list[str], asked: Asked, name: str) -> None:
    """Train and save a model that predicts a column of a table. Print its quality."""
    target = target_of(table, name, roles.by_column().get(name))
    given, roles = roles, _roles_of(roles, name, asked.job.roles)
    subject = PerOptions(table, roles, given=roles)
    known = np.flatnonzero(target.is_known)
    target = target.part(known)
    encoding = subject.encoding()
    rows = encoding.encode(table.take(known))
    with progress_bar(1) as bar:
        model = train_target(target, rows, encoding, asked.settings(bar))
    model = replace(model, leaks=leaks_of(encoding, rows, target))
    _save(model, asked, partial(_lasting, subject, encoding, given), table)
    console, n_left_out = make_console(asked.out, asked.save_roles), table.n_rows - len(known)
    console.say(f"Quality: {quality_words(model)}.")
    for leak, words in zip(model.leaks, model.leaks_in_words(), strict=True):
        console.say(f"Warning: {words.removesuffix('.')} (--drop {shlex.quote(leak)}).")
    console.say(*notes_on(target))
    if n_left_out:
        console.say(f"Left out: {counted(n_left_out, 'row')} with unknown '{name}'.")
    console.show_facts(map_facts(model.map_))
    _say_saved(console, subject, encoding, notes, asked)


def _fit_map(subject: PerOptions, notes: list[str], asked: Asked) -> None:
    table, encoding = subject.table, subject.encoding()
    rows = encoding.encode(table)
    has_any = have_values(rows)
    rows = rows if has_any is None else rows[has_any]
    with progress_bar(1) as bar:
        map_, _, _ = train_map(rows, None, encoding, asked.settings(bar))
    _save(map_, asked, partial(subject.lasting, encoding), subject.as_read)
    error, n = measures.topographic_error(map_, table), 6 if map_.lattice.is_hexagonal else 8
    console = make_console(asked.out, asked.save_roles)
    facts = [
        *map_facts(map_),
        ("quantization error", f"{measures.quantization_error(map_, table):.4g}"),
        ("topographic error", f"{error:.3f} ({n} neighbors)"),
    ]
    console.show_facts(facts)
    _say_saved(console, subject, encoding, notes, asked)


def _save(thing: Saved, asked: Asked, lasting: Callable[[], Lasting], table: Table) -> None:
    """Save a map or a model to its file. If a roles file is requested, write it too."""
    with writing(asked.out, force=asked.force) as making:
        thing.save(making)
    if asked.save_roles is not None:
        write_roles(asked.save_roles, *lasting(), table, force=asked.force)


def _say_saved(
    console: Terminal, subject: PerOptions, encoding: Encoding, notes: list[str], asked: Asked
) -> None:
    also = "" if asked.save_roles is None else f" and {asked.save_roles}"
    console.print()
    notes = [*notes, *notes_on_table(encoding, subject.table)]
    console.say_table(subject, encoding, notes, verbose=asked.verbose, map_file=asked.out)
    console.say_kernels()
    console.say(f"Wrote {asked.out}{also}")


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
    map_file: str,
    path: str,
    out: str,
    job: Job,
    *,
    force: bool,
) -> None:
    """Score the rows of a file, and write the scores."""
    kind = _kind_of(out, map_file, path, job.to, job=job, force=force)
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
    command = job.command(["score", map_file, path], f"scores.{kind}")
    results = ResultList("scores", scores, detector, rule, table, command)
    send = partial(send_alerts, alerts, detector, table, rule, job)
    sent = _write(out, results.content(kind, bom=job.bom), force=force, then=send)
    console = make_console(to_stderr=True)
    flagged = f"{counted(table.n_rows, 'row')} scored, {alerts.n_alerts} flagged"
    console.say(f"{flagged}: {rule.words(detector)}.", f"{alerts.headline}.")
    console.say(*map(str, alerts.effects))
    _say_written(console, map_file, detector.map_.encoding, table, [sent, out])


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
    console: Terminal, map_file: str, encoding: Encoding, table: Table, written: list[str | None]
) -> None:
    """Print the kinds of columns, the numbers of missing and new values, and the written files."""
    console.say(columns_line(encoding, map_file), *gaps_of(encoding, table))
    console.say(*(f"Wrote {each}" for each in written if each not in (None, "-")))


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
    console.say(f"{counted(table.n_rows, 'row')}: {summary_words(model, predictions)}.")
    agreement = agreement_words(model, table, predictions)
    if agreement is not None:
        console.say(agreement)
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
