"""Commands of watches and cases: run again, list, decide, take decisions in and out."""

from pathlib import Path
from typing import Any

import click

from somscape.cli._options import (
    author_option,
    list_options,
    option,
    read_options,
    sink_options,
    state_options,
)

STATES = ("open", "confirmed", "cleared", "later")


@click.command()
@click.argument("name", metavar="NAME")
@click.argument("path", metavar="[TABLE]", required=False)
@read_options
@state_options
@author_option
@list_options
@option("--json", is_flag=True, help="Print what came out as JSON, and all else to standard error.")
@option("--force", is_flag=True, help="Replace DIR even if it holds other files.")
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
