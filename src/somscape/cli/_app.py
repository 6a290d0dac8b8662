"""`app`: the local web app."""

import click

from somscape.app import Limits, is_loopback, serve
from somscape.cases import state_folder
from somscape.cli._console import make_console, say, stage
from somscape.cli._typed import without_password
from somscape.errors import InputError
from somscape.tables import read_table

NOT_ALONE = (
    "Warning: with --host, whoever reaches {host} can try to open the app. The address has a key, "
    "but the connection is not encrypted: on a network that others use, they can read the key and "
    "all data. To use it from afar, leave --host out and make an SSH tunnel to its port."
)


def run_app(
    path: str | None,
    *,
    table: str | None,
    query: str | None,
    host: str,
    port: int,
    browser: bool,
    state: str | None,
    max_upload: int,
    jobs: int | None,
    memory: float | None,
) -> None:
    """Run the app until Ctrl-C."""
    console = make_console()
    tables = []
    if path is not None:
        with stage(f"reading {without_password(path)}"):
            tables.append(read_table(path, table=table, query=query))
    elif table or query:
        raise InputError("`table` and `query` say what to read of a database; give its URL first.")
    if not is_loopback(host):
        click.echo(NOT_ALONE.format(host=host), err=True)
    folder = state or str(state_folder())
    most = None if memory is None else int(memory * 1e9)
    serve(
        folder,
        host=host,
        port=port,
        limits=Limits.of_machine(int(max_upload * 1e6), jobs, most),
        opens_browser=browser,
        tables=tables,
        say=lambda line: say(console, line),
    )
    say(console, f"Stopped. Uploads, results and decisions are kept in {folder}.")
