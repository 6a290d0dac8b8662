"""Commands of what is kept: the audit, what is forgotten, backups, a run again, cards."""

from pathlib import Path
from typing import Any

import click

from somscape.cli._options import (
    WholeNumber,
    author_option,
    force_option,
    option,
    read_options,
    state_options,
)


@click.group()
def audit() -> None:
    """Who decided what, and whether anybody has changed it since."""


@audit.command()
@option(
    "--head",
    metavar="H",
    help="The head that a report or a run showed earlier: has anything up to it changed since?",
)
@state_options
def verify(head: str | None, **options: Any) -> None:
    """Check all lines of the audit, and compare the tables of the state with these lines.

    The command lists the lines that record forgotten cases.  The exit code is 0 if the audit holds
    and 2 if something was changed or deleted.  It is 3 if nothing is wrong, but a line of forgotten
    cases could be checked only with the audit key, or by a person.
    """
    from somscape.cli._audit import verify_audit

    verify_audit(head, **options)


@audit.command("list")
@option(
    "--format",
    type=click.Choice(["csv", "json"]),
    default="csv",
    help="How lines are written, to standard output.",
)
@state_options
def list_lines(**options: Any) -> None:
    """Write the lines of the audit, the first one first."""
    from somscape.cli._audit import list_audit

    list_audit(**options)


@audit.command()
@state_options
def head(**options: Any) -> None:
    """Print the head of the audit, which stands for all lines up to now."""
    from somscape.cli._audit import print_head

    print_head(**options)


@click.command()
@click.argument("watch", metavar="WATCH")
@click.argument("key", metavar="[KEY]", required=False)
@option(
    "--older-than",
    type=WholeNumber(1),
    metavar="MONTHS",
    help="Instead of one KEY, forget all cases that nobody decided and no list of the last MONTHS "
    "has; for a line of cron.",
)
@option(
    "--decided",
    is_flag=True,
    help="With --older-than, forget decided cases, too, whose last decision is as old.",
)
@state_options
@author_option
def forget(watch: str, key: str | None, **options: Any) -> None:
    """Delete the case KEY of WATCH: its key, decisions, comments, cells and places on lists.

    The audit tells that a case was forgotten, not which one, and still holds.
    """
    from somscape.cli._forget import forget_cases

    forget_cases(watch, key, **options)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@state_options
def backup(file: Path, **options: Any) -> None:
    """Copy the state to FILE, such as monday.sqlite, while others go on.

    FILE is whole or not there, and its audit is checked.
    """
    from somscape.cli._backup import write_backup

    write_backup(file, **options)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@option("--force", is_flag=True, help="Replace what the state holds; it is lost.")
@state_options
def restore(file: Path, **options: Any) -> None:
    """Bring an empty state to what FILE holds, a backup of this or another kind of database."""
    from somscape.cli._backup import restore_backup

    restore_backup(file, **options)


@click.command()
@click.argument("run", metavar="RUN")
@state_options
def reproduce(run: str, **options: Any) -> None:
    """Read the table of RUN again, and score it by the map and with the rule of that run.

    It says that scores and files are the same bytes, or which file differs first and which input
    changed: table, map, rule or versions.  RUN is the id of a run, as in `audit list`.  The exit
    code is 0 for the same bytes, and 2 otherwise.
    """
    from somscape.cli._reproduce import repeat_run

    repeat_run(run, **options)


@click.command()
@click.argument("map_file", metavar="MAP")
@click.argument("path", metavar="[TABLE]", required=False)
@option(
    "--watch",
    metavar="NAME",
    help="Add what became of it in that watch: drift by run, and counts of decisions.",
)
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The card, such as card.md or card.json; by default it is printed.",
)
@force_option
@read_options
@state_options
def card(map_file: str, path: str | None, out: Path | None, **options: Any) -> None:
    """Write the model card of MAP: trained on what, for what, how good, with which limits.

    Errors are measured on the rows of TABLE; without it the last one of the training is told.
    """
    from somscape.cli._card import write_card

    del options["ask_password"]  # which is done
    write_card(map_file, path, out, **options)
