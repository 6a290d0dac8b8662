"""Commands of watches and cases: run again, list, decide, take decisions in and out."""

from pathlib import Path
from typing import Any

import click

from somscape.cli._options import (
    WholeNumber,
    author_option,
    force_option,
    list_options,
    option,
    read_options,
    sink_options,
    state_options,
    text_options,
)

STATES = ("open", "confirmed", "cleared", "later")


@click.command()
@click.argument("name", metavar="NAME")
@click.argument("path", metavar="[TABLE]", required=False)
@read_options
@state_options
@author_option
@list_options
@option(
    "--instead-of",
    type=WholeNumber(1),
    metavar="N",
    help="Stand in place of run N and later ones, whose table was wrong: this run is compared with "
    "the one before N.",
)
@option("--json", is_flag=True, help="Print what came out as JSON, and all else to standard error.")
@force_option
@sink_options
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where results go; by default none are written.",
)
def run(name: str, path: str | None, out: Path | None, **options: Any) -> None:
    """Run the watch NAME on its own table, or on TABLE, by its map.

    It says what is new, returned, risen, folded and gone since the run before, and what drifted.
    The exit code is 0 where nothing is new, 3 where there are new alerts, and 2 for an error.
    Where results could not be written, run it again: it is the same run.
    """
    from somscape.cli._run import run_named

    code = run_named(name, path, out, **options)
    click.get_current_context().exit(code)


@click.command()
@state_options
@option("--json", is_flag=True, help="Print them as JSON.")
def watches(**options: Any) -> None:
    """List the watches, and what waits in each."""
    from somscape.cli._cases import list_watches

    list_watches(**options)


@click.group()
def cases() -> None:
    """List cases of a watch, decide them, and take decisions in and out."""


state_of_option = option(
    "--state-of", type=click.Choice(STATES), help="Only cases of this state; all if not given."
)


@cases.command("list")
@click.argument("name", metavar="NAME")
@state_of_option
@option(
    "--format",
    "kind",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    help="How they are printed.",
)
@state_options
def list_(name: str, state_of: str | None, kind: str, **options: Any) -> None:
    """List the cases of the watch NAME, those of its last run first."""
    from somscape.cli._cases import list_cases

    list_cases(name, state_of, kind, **options)


@cases.command()
@click.argument("name", metavar="NAME")
@click.argument("key", metavar="KEY")
@click.argument("said", metavar="STATE", type=click.Choice(STATES))
@option("--comment", default="", show_default=False, metavar="TEXT", help="Why.")
@option(
    "--seen",
    type=WholeNumber(0),
    metavar="LINE",
    help="Decide only if nobody has since the decision of this line of the audit; 0 for none.",
)
@option(
    "--run",
    metavar="RUN",
    help="The run in which you saw the case, whose row and score are kept; by default the newest.",
)
@author_option
@state_options
def mark(name: str, key: str, said: str, **options: Any) -> None:
    """Say of the case KEY of the watch NAME that it is open, confirmed, cleared or later.

    A cleared case is put away until it moves far, or until the watch's --clear-for is over.
    Nothing is overwritten: each decision is a new line.
    """
    from somscape.cli._cases import mark_case

    mark_case(name, key, said, **options)


@cases.command()
@click.argument("name", metavar="NAME")
@state_of_option
@option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="A .csv, .xlsx or .parquet file; in Excel, decisions have a menu.",
)
@force_option
@state_options
def export(name: str, out: Path, state_of: str | None, **options: Any) -> None:
    """Write the cases of the watch NAME with their decisions to a file."""
    from somscape.cli._cases import export_cases

    export_cases(name, out, state_of, **options)


@cases.command("import")
@click.argument("name", metavar="NAME")
@click.argument("path", metavar="TABLE")
@option("--skip-unknown", is_flag=True, help="Leave out keys that no run has listed.")
@text_options
@author_option
@state_options
def import_(name: str, path: str, **options: Any) -> None:
    """Take decisions on cases of the watch NAME from TABLE, all or none.

    It has the columns of the watch's key (or key, or id where that is the key), decision and, if
    you like, comment: a decisions.csv of the app, an exported file, or an alerts.xlsx that was
    filled in. Cells without a decision decide nothing, and one that is there already is kept once.
    Of an exported file only what was changed in it is taken, if nobody has decided it since.
    """
    from somscape.cli._cases import import_cases

    import_cases(name, path, **options)
