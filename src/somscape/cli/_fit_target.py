"""`fit --target`: from a table to what predicts one of its columns."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from somscape.cli._console import (
    kernels_line,
    make_console,
    map_facts,
    progress_bar,
    say,
    show_columns,
    show_facts,
)
from somscape.cli._out import writing
from somscape.cli._save_roles import write_roles
from somscape.encode import Encoding, Roles, overridden
from somscape.errors import InputError
from somscape.fit import Callback, Settings
from somscape.jobs import Ready, leaks_of, notes_on, quality_words, target_of, train_target
from somscape.kernels import select_kernels
from somscape.tables import Table, counted

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


def _lasting(subject: Ready, encoding: Encoding, given: Roles) -> tuple[Roles, dict[str, str]]:
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
    subject = Ready(table, roles, given=roles)
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
