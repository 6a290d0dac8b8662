"""Command `fit`, which trains a map or a model and saves it."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from rich.console import Console

from somscape import measures
from somscape.callbacks import Checkpoint
from somscape.desk.cli._console import (
    kernels_line,
    make_console,
    map_facts,
    progress_bar,
    say,
    say_table,
    show_facts,
)
from somscape.desk.cli._options import Training
from somscape.desk.cli._out import (
    Input,
    check_differ,
    check_result,
    check_save_roles,
    write_roles,
    writing,
)
from somscape.desk.jobs._notes import notes_on_table
from somscape.desk.jobs._roles import PerOptions, ready, told_table
from somscape.desk.jobs._target import leaks_of, notes_on, quality_words, target_of, train_target
from somscape.desk.jobs.job import FLAGS, Job
from somscape.errors import InputError
from somscape.fit._checkpoint import read_checkpoint
from somscape.fit._map import VERSIONS, have_values, train_map
from somscape.fit.settings import Callback, Settings
from somscape.kernels._select import select_kernels
from somscape.save._load import Saved
from somscape.tables._messages import counted
from somscape.tables._roles import overridden
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import Roles
from somscape.tables.table import Table

Lasting: TypeAlias = tuple[Roles, dict[str, str]]
"""Roles with which later tables are read, and a comment on each column."""

NOT_WITH_TARGET = {
    "checkpoint": "saves the training of one map, but a target needs several maps",
    "resume": "continues the training of one map, but a target needs several maps",
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
            if getattr(job if name in FLAGS else self.training, name):
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
        out, run, resumes = self.out, self.training.checkpoint, self.training.resume
        inputs: list[Input] = [path, *self.job.files]
        check_differ({"--out": out, "--checkpoint": run, "--save-roles": self.save_roles})
        check_result("map", out, *inputs, force=self.force)
        if resumes and run is None:
            raise InputError(
                "`resume` needs the file of a saved training. Give the file with `checkpoint`."
            )
        if run is not None:
            # With --resume, the file is read before it is replaced.
            check_result("map", run, *inputs, force=True, name="--checkpoint")
            if run.exists() and not resumes:
                raise InputError(
                    f"The file of --checkpoint, {run}, already exists and would be lost. Add "
                    "--resume to continue its training, or delete the file.",
                    parameter="checkpoint",
                    file=run,
                )
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
    say(console, f"Quality: {quality_words(model)}.")
    for leak, words in zip(model.leaks, model.leaks_in_words(), strict=True):
        say(console, f"Warning: {words.removesuffix('.')} (--drop {shlex.quote(leak)}).")
    say(console, *notes_on(target))
    if n_left_out:
        say(console, f"Left out: {counted(n_left_out, 'row')} with unknown '{name}'.")
    show_facts(console, map_facts(model.map_))
    _say_saved(console, subject, encoding, notes, asked)


def _fit_map(subject: PerOptions, notes: list[str], asked: Asked) -> None:
    run, table, encoding = asked.training.checkpoint, subject.table, subject.encoding()
    rows = encoding.encode(table)
    has_any = have_values(rows)
    rows = rows if has_any is None else rows[has_any]
    with progress_bar(1) as bar:
        settings = asked.settings(bar, *([] if run is None else [Checkpoint(run)]))
        past = None
        if asked.training.resume and run is not None:
            past = read_checkpoint(run, VERSIONS, settings.callbacks)
        map_, _, _ = train_map(rows, None, encoding, settings, resume=past)
    _save(map_, asked, partial(subject.lasting, encoding), subject.as_read)
    error, n = measures.topographic_error(map_, table), 6 if map_.lattice.is_hexagonal else 8
    console = make_console(asked.out, asked.save_roles)
    facts = [
        *map_facts(map_),
        ("quantization error", f"{measures.quantization_error(map_, table):.4g}"),
        ("topographic error", f"{error:.3f} ({n} neighbors)"),
    ]
    show_facts(console, facts)
    _say_saved(console, subject, encoding, notes, asked)


def _save(thing: Saved, asked: Asked, lasting: Callable[[], Lasting], table: Table) -> None:
    """Save a map or a model to its file. If a roles file is requested, write it too."""
    with writing(asked.out, force=asked.force) as making:
        thing.save(making)
    if asked.save_roles is not None:
        write_roles(asked.save_roles, *lasting(), table, force=asked.force)


def _say_saved(
    console: Console, subject: PerOptions, encoding: Encoding, notes: list[str], asked: Asked
) -> None:
    also = "" if asked.save_roles is None else f" and {asked.save_roles}"
    console.print()
    notes = [*notes, *notes_on_table(encoding, subject.table)]
    say_table(console, subject, encoding, notes, verbose=asked.verbose, map_file=asked.out)
    say(console, kernels_line(select_kernels().name), f"Wrote {asked.out}{also}")
