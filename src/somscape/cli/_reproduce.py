"""`reproduce`: a run once more."""

from typing import Any

import click

from somscape.cases import reproduce
from somscape.cli._console import make_console, say, stage
from somscape.cli._state import open_state


def repeat_run(run: str, **options: Any) -> None:
    """Say whether a run gives the same bytes, and end with 2 where it does not."""
    with open_state(options) as state, stage(f"repeating {run}"):
        found = reproduce(state, run)
    old, console = found.run, make_console()
    say(console, f"Run {old.id}, number {old.number} of {old.watch}, {old.made}: {old.source}")
    for line in found.said:
        say(console, line)
    if not found.is_same:
        click.get_current_context().exit(2)
