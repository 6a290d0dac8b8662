"""`watches` and `cases`: what is kept, and what people decide."""

import json
from collections import Counter
from typing import Any

import click
from rich.markup import escape
from rich.table import Table as Grid

from somscape.cases import OPEN
from somscape.cli._console import make_console, say
from somscape.cli._state import open_state


def list_watches(**options: Any) -> None:
    """Print a line for each watch."""
    with open_state(options) as state:
        told = []
        for watch in state.watches():
            runs = state.runs(watch.name)
            states = Counter(case.state for case in state.cases(watch.name))
            told.append(
                {
                    "watch": watch.name,
                    "key": list(watch.key),
                    "source": watch.source,
                    "runs": len(runs),
                    "last_run": runs[0].made if runs else None,
                    "open": states[OPEN],
                    "cases": states.total(),
                }
            )
        where = state.database.name
    if options["json"]:
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    console = make_console()
    if not told:
        say(console, f"No watch in {where}; `somscape detect TABLE --watch NAME` begins one.")
        return
    grid = Grid("watch", "open cases", "runs", "last run", "source", box=None, padding=(0, 2, 0, 0))
    for each in told:
        cells = (each["watch"], each["open"], each["runs"], each["last_run"] or "", each["source"])
        grid.add_row(*(escape(str(cell)) for cell in cells))
    console.print(grid)
