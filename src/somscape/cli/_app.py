"""`app`: the local web app."""

from typing import Any

from somscape.app import Front, Limits, serve
from somscape.cases import state_folder
from somscape.cli._console import make_console, say, stage
from somscape.cli._typed import without_password
from somscape.errors import InputError
from somscape.tables import read_table


def run_app(
    path: str | None,
    *,
    table: str | None,
    query: str | None,
    browser: bool,
    state: str | None,
    max_upload: int,
    jobs: int | None,
    memory: float | None,
    **of_front: Any,
) -> None:
    """Run the app until Ctrl-C."""
    console = make_console()
    front = Front(**of_front)
    tables = []
    if path is not None:
        with stage(f"reading {without_password(path)}"):
            tables.append(read_table(path, table=table, query=query))
    elif table or query:
        raise InputError("`table` and `query` say what to read of a database; give its URL first.")
    folder = state or str(state_folder())
    most = None if memory is None else int(memory * 1e9)
    serve(
        folder,
        front=front,
        limits=Limits.of_machine(int(max_upload * 1e6), jobs, most),
        opens_browser=browser,
        tables=tables,
        say=lambda line: say(console, line),
    )
    say(console, f"Stopped. Uploads, results and decisions are kept in {folder}.")
