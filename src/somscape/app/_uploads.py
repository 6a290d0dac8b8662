"""A table comes in: streamed to a file of our own name, whatever the user's is called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request

from somscape._files import naming
from somscape.app._safety import Refused
from somscape.app._store import Run, Store
from somscape.datasets import load_german_credit, load_german_credit_words
from somscape.tables import (
    ARROW_FILES,
    WORKBOOKS,
    Table,
    table_from_columns,
    write_csv,
    write_table,
)

ENDINGS = (
    *(".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"),
    *ARROW_FILES,
    *WORKBOOKS,
)
TABLE_ENDING = ".parquet"
"""Of the file in which a table is kept that came from elsewhere than the browser."""

MAX_NAME = 200


def shown_name(given: str) -> str:
    """Return a file's name as text to show: its last part, in one line, without control
    characters.
    """
    last = given.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c if c.isprintable() else " " for c in last).strip()
    return plain if len(plain) <= MAX_NAME else f"…{plain[1 - MAX_NAME :]}"


def ending_of(name: str) -> str:
    """Return which of our endings a name has, or refuse it."""
    found = [ending for ending in ENDINGS if name.lower().endswith(ending)]
    if not found:
        raise Refused(
            415,
            "This is no kind of table that can be read here. Give a .csv, .tsv, .csv.gz, .parquet, "
            ".feather, .xlsx, .xls or .ods file.",
        )
    return max(found, key=len)


async def take(
    request: Request,
    store: Store,
    watch: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Run:
    """Write the body of a request to an upload, and keep it once it is whole."""
    name = shown_name(request.query_params.get("name", ""))
    ending = ending_of(name)
    upload, path = store.new_upload(ending)
    try:
        if not await _write(request, path):
            raise Refused(422, f"{name} is empty.")
        await store.when_free()
        return store.keep_upload(upload, name, ending, settings, watch)
    except BaseException:
        store.drop_upload(upload)
        raise


def take_sample(store: Store) -> Run:
    """Keep the bundled credit applications in words, with the outcome that the demo compares."""
    table, words = load_german_credit(), load_german_credit_words()
    cells = {
        column.name: [words.get(column.name, {}).get(cell, cell) for cell in column.cells]
        for column in table.columns
    }
    upload, path = store.new_upload(".csv")
    write_csv(path, table_from_columns(cells))
    outcome = {"label": table.names.index("class"), "value": words["class"]["2"]}
    return store.keep_upload(upload, "german_credit.csv", ".csv", outcome)


def keep_table(store: Store, table: Table) -> Run:
    """Keep a table that the command line gave, such as the answer to a query."""
    upload, path = store.new_upload(TABLE_ENDING)
    try:
        write_table(path, table)
        return store.keep_upload(upload, shown_name(table.source), TABLE_ENDING)
    except BaseException:
        store.drop_upload(upload)
        raise


async def _write(request: Request, path: Path) -> int:
    n_bytes = 0
    with naming(path), path.open("xb") as file:
        async for piece in request.stream():
            n_bytes += file.write(piece)
    return n_bytes
