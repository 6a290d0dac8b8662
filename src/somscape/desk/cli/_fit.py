"""`fit`: from a table to a saved map, or to a model that predicts a column."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from somscape import measures
from somscape.callbacks import Checkpoint
from somscape.desk.cli._console import (
    kernels_line,
    make_console,
    map_facts,
    progress_bar,
    say,
    show_columns,
    show_facts,
)
from somscape.desk.cli._out import check_result, check_save_roles, write_roles, writing
from somscape.desk.jobs._roles import PerOptions, ready, told_table
from somscape.desk.jobs._target import leaks_of, notes_on, quality_words, target_of, train_target
from somscape.errors import InputError
from somscape.fit._checkpoint import read_checkpoint
from somscape.fit._map import VERSIONS, have_values, train_map
from somscape.fit.settings import Callback, Settings
from somscape.kernels._select import select_kernels
from somscape.tables._messages import counted
from somscape.tables._roles import overridden
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import Roles
from somscape.tables.table import Table

NOT_HERE = {
    "checkpoint": "saves the training of one map, but for a target several are trained",
    "resume": "continues the training of one map, but for a target several are trained",
    "label": "is an outcome to compare with; the target is one already",
    "per": "puts rows together, and a target is of rows as they are",
}

NOT_OF_TARGET = ("id_column", "drop", "protect", "date")
"""Options that cannot name the target, too."""


def settings_from(options: dict[str, Any], callbacks: tuple[Callback, ...]) -> Settings:
    """Return how a map is trained, as options say."""
    return Settings(
        options["n_rows"] or "auto",
        options["n_cols"] or "auto",
        n_epochs=options["epochs"] or "auto",
        seed=options["seed"],
        callbacks=callbacks,
    )


def check_target_options(options: dict[str, Any]) -> None:
    """Raise InputError for options that do not go with a target, before any work."""
    target = options["target"]
    for name, why in NOT_HERE.items():
        if options[name]:
            raise InputError(f"`{name}` {why}, so it does not go with `target`. Leave it out.")
    for name in NOT_OF_TARGET:
        if target == options[name] or target in (options[name] or ()):
            raise InputError(
                f"column '{target}' cannot be of both `target` and `{name}`; keep one."
            )
    _check_missing(options["missing"])


def _check_missing(missing: str | None) -> None:
    if missing == "mask":
        raise InputError(
            "`missing` mask leaves cells out, and a prediction needs complete rows. Give "
            "--missing fill."
        )


def _roles_of(roles: Roles, target: str, file: str | None) -> Roles:
    """Return roles in which a column is the target, and no other outcome a feature."""
    _check_missing(roles.missing)
    if roles.per:
        raise InputError(
            f"{file} says that column '{roles.per[0]}' is of kind per, which {NOT_HERE['per']}, so "
            "it does not go with `target`. Make it of kind drop."
        )
    return overridden(roles, Roles(label=target))


def _lasting(subject: PerOptions, encoding: Encoding, given: Roles) -> tuple[Roles, dict[str, str]]:
    """Return roles and comments for a file that keep what the target was said to be, if it was."""
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
    """Train what predicts a column of a table, save it, and say how good it is."""
    name = options["target"]
    target = target_of(table, name, roles.by_column().get(name))
    given, roles = roles, _roles_of(roles, name, options["roles"])
    subject = PerOptions(table, roles, given=roles)
    known = np.flatnonzero(target.is_known)
    target = target.part(known)
    table, encoding = subject.table.take(known), subject.encoding()
    console = make_console()
    say(console, f"{counted(subject.table.n_rows, 'row')} of {table.source}")
    for note in notes:
        say(console, note)
    show_columns(console, encoding, subject.table, subject.roles.drop)
    for note in notes_on(target):
        say(console, note)
    rows = encoding.encode(table)
    with progress_bar(1) as bar:
        model = train_target(target, rows, encoding, settings_from(options, (bar,)))
    model = replace(model, leaks=leaks_of(encoding, rows, target))
    with writing(out, force=options["force"]) as making:
        model.save(making)
    save_roles = options["save_roles"]
    if save_roles is not None:
        lasting = _lasting(subject, encoding, given)
        write_roles(save_roles, *lasting, subject.as_read, force=options["force"])
    show_facts(console, map_facts(model.map_))
    say(console, kernels_line(select_kernels().name))
    say(console, f"Wrote {out}{'' if save_roles is None else f' and {save_roles}'}")
    for leak, words in zip(model.leaks, model.leaks_in_words(), strict=True):
        say(console, f"Warning: {words.removesuffix('.')} (--drop {shlex.quote(leak)}).")
    n_left_out = subject.table.n_rows - len(known)
    left_out = f"{counted(n_left_out, 'row')} left out with unknown '{name}'"
    say(console, f"{quality_words(model)}; {left_out}.")


def fit_file(path: str, out: Path, **options: Any) -> None:
    """Train a map of a file and save it."""
    check_result("map", out, path, options=options)
    save_roles, run, resumes = options["save_roles"], options["checkpoint"], options["resume"]
    if resumes and run is None:
        raise InputError("`resume` needs a file to go on from: give `checkpoint`.")
    if run is not None:
        _check_checkpoint(run, out, path, options)
    check_save_roles(save_roles, out, path, options=options)
    if options["target"] is not None:
        check_target_options(options)
    table, roles, notes = told_table(path, options)
    if options["target"] is None:
        _fit_map(ready(table, roles), notes, out, options)
    else:
        fit_target(table, roles, notes, out, options)


def _fit_map(subject: PerOptions, notes: list[str], out: Path, options: dict[str, Any]) -> None:
    save_roles, run = options["save_roles"], options["checkpoint"]
    table, encoding = subject.table, subject.encoding()
    console = make_console()
    say(console, f"{counted(table.n_rows, 'row')} of {table.source}")
    for note in notes:
        say(console, note)
    show_columns(console, encoding, table, subject.roles.drop)
    rows = encoding.encode(table)
    has_any = have_values(rows)
    rows = rows if has_any is None else rows[has_any]
    with progress_bar(1) as bar:
        settings = settings_from(options, (bar,) if run is None else (bar, Checkpoint(run)))
        past = read_checkpoint(run, VERSIONS, settings.callbacks) if options["resume"] else None
        map_, _, _ = train_map(rows, None, encoding, settings, resume=past)
    with writing(out, force=options["force"]) as making:
        map_.save(making)
    if save_roles is not None:
        lasting = subject.lasting(encoding)
        write_roles(save_roles, *lasting, subject.as_read, force=options["force"])
    lattice = map_.lattice
    error = measures.topographic_error(map_, table)
    show_facts(
        console,
        [
            *map_facts(map_),
            ("quantization error", f"{measures.quantization_error(map_, table):.4g}"),
            ("topographic error", f"{error:.3f} ({6 if lattice.is_hexagonal else 8} neighbors)"),
        ],
    )
    say(console, kernels_line(select_kernels().name))
    say(console, f"Wrote {out}{'' if save_roles is None else f' and {save_roles}'}")


def _check_checkpoint(run: Path, out: Path, path: str, options: dict[str, Any]) -> None:
    """Raise InputError where a checkpoint must not go."""
    if run.resolve() == out.resolve():
        raise InputError(
            f"--out and --checkpoint are both {out}. Give --checkpoint another name, as run.som."
        )
    # A file that --resume goes on from is read before it is replaced.
    check_result("map", run, path, options={**options, "force": True}, name="--checkpoint")
    if run.exists() and not options["resume"]:
        raise InputError(
            f"--checkpoint {run} is there, and would be lost. Add --resume to go on from it, or "
            "delete it."
        )
