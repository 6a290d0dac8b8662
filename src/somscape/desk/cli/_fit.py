"""Command `fit`, which trains a map or a model and saves it."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

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
from somscape.desk.cli._out import (
    check_differ,
    check_result,
    check_save_roles,
    write_roles,
    writing,
)
from somscape.desk.jobs._roles import PerOptions, ready, told_table
from somscape.desk.jobs._target import leaks_of, notes_on, quality_words, target_of, train_target
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


def settings_from(options: dict[str, Any], callbacks: tuple[Callback, ...]) -> Settings:
    """Return the training settings that the command-line options contain."""
    return Settings(
        options["n_rows"] or "auto",
        options["n_cols"] or "auto",
        n_epochs=options["epochs"] or "auto",
        seed=options["seed"],
        callbacks=callbacks,
    )


def check_target_options(options: dict[str, Any]) -> None:
    """Raise InputError if an option is given that cannot be combined with the option `target`."""
    target = options["target"]
    for name, why in NOT_WITH_TARGET.items():
        if options[name]:
            raise InputError(f"`{name}` {why}. Leave `{name}` or `target` out.", parameter=name)
    for name in NOT_OF_TARGET:
        if target == options[name] or target in (options[name] or ()):
            raise InputError(
                f"Column '{target}' is given for both `target` and `{name}`. Give the column for "
                "only one of them.",
                column=target,
                parameter=name,
            )
    _check_missing(options["missing"])


def _check_missing(missing: str | None) -> None:
    if missing == "mask":
        raise InputError(
            "`missing` mask leaves missing values out, but a prediction needs complete rows. Give "
            "--missing fill.",
            parameter="missing",
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


def fit_target(
    table: Table, roles: Roles, notes: list[str], out: Path, options: dict[str, Any]
) -> None:
    """Train and save a model that predicts a column of a table. Print its quality."""
    name = options["target"]
    target = target_of(table, name, roles.by_column().get(name))
    given, roles = roles, _roles_of(roles, name, options["roles"])
    subject = PerOptions(table, roles, given=roles)
    known = np.flatnonzero(target.is_known)
    target = target.part(known)
    encoding = subject.encoding()
    rows = encoding.encode(table.take(known))
    with progress_bar(1) as bar:
        model = train_target(target, rows, encoding, settings_from(options, (bar,)))
    model = replace(model, leaks=leaks_of(encoding, rows, target))
    _save(model, out, partial(_lasting, subject, encoding, given), table, options)
    console, n_left_out = make_console(out, options["save_roles"]), table.n_rows - len(known)
    say(console, f"Quality: {quality_words(model)}.")
    for leak, words in zip(model.leaks, model.leaks_in_words(), strict=True):
        say(console, f"Warning: {words.removesuffix('.')} (--drop {shlex.quote(leak)}).")
    say(console, *notes_on(target))
    if n_left_out:
        say(console, f"Left out: {counted(n_left_out, 'row')} with unknown '{name}'.")
    show_facts(console, map_facts(model.map_))
    _say_saved(console, subject, encoding, notes, out, options)


def fit_file(path: str, out: Path, **options: Any) -> None:
    """Train and save a map of the rows in a file, or a model that predicts a column of the file."""
    run, save_roles = options["checkpoint"], options["save_roles"]
    check_differ({"--out": out, "--checkpoint": run, "--save-roles": save_roles})
    check_result("map", out, path, options=options)
    if options["resume"] and run is None:
        raise InputError(
            "`resume` needs the file of a saved training. Give the file with `checkpoint`.",
            parameter="resume",
        )
    if run is not None:
        _check_checkpoint(run, path, options)
    check_save_roles(save_roles, out, path, options=options)
    if options["target"] is not None:
        check_target_options(options)
    table, roles, notes = told_table(path, options)
    if options["target"] is None:
        _fit_map(ready(table, roles), notes, out, options)
    else:
        fit_target(table, roles, notes, out, options)


def _fit_map(subject: PerOptions, notes: list[str], out: Path, options: dict[str, Any]) -> None:
    run = options["checkpoint"]
    table, encoding = subject.table, subject.encoding()
    rows = encoding.encode(table)
    has_any = have_values(rows)
    rows = rows if has_any is None else rows[has_any]
    with progress_bar(1) as bar:
        settings = settings_from(options, (bar,) if run is None else (bar, Checkpoint(run)))
        past = read_checkpoint(run, VERSIONS, settings.callbacks) if options["resume"] else None
        map_, _, _ = train_map(rows, None, encoding, settings, resume=past)
    _save(map_, out, partial(subject.lasting, encoding), subject.as_read, options)
    error, n = measures.topographic_error(map_, table), 6 if map_.lattice.is_hexagonal else 8
    console = make_console(out, options["save_roles"])
    facts = [
        *map_facts(map_),
        ("quantization error", f"{measures.quantization_error(map_, table):.4g}"),
        ("topographic error", f"{error:.3f} ({n} neighbors)"),
    ]
    show_facts(console, facts)
    _say_saved(console, subject, encoding, notes, out, options)


def _save(
    thing: Saved, out: Path, lasting: Callable[[], Lasting], table: Table, options: dict[str, Any]
) -> None:
    """Save a map or a model to its file. If a roles file is requested, write it too."""
    with writing(out, force=options["force"]) as making:
        thing.save(making)
    if options["save_roles"] is not None:
        write_roles(options["save_roles"], *lasting(), table, force=options["force"])


def _say_saved(
    console: Console,
    subject: PerOptions,
    encoding: Encoding,
    notes: list[str],
    out: Path,
    options: dict[str, Any],
) -> None:
    also = "" if options["save_roles"] is None else f" and {options['save_roles']}"
    console.print()
    say_table(console, subject, encoding, notes, verbose=options["verbose"], map_file=out)
    say(console, kernels_line(select_kernels().name), f"Wrote {out}{also}")


def _check_checkpoint(run: Path, path: str, options: dict[str, Any]) -> None:
    """Raise InputError if the checkpoints of the training must not be written to the file `run`."""
    # With --resume, the file is read before it is replaced.
    check_result("map", run, path, options={**options, "force": True}, name="--checkpoint")
    if run.exists() and not options["resume"]:
        raise InputError(
            f"The file of --checkpoint, {run}, already exists and would be lost. Add --resume to "
            "continue its training, or delete the file.",
            parameter="checkpoint",
            file=run,
        )
