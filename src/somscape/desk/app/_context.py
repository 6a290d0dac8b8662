"""Objects that all request handlers of the app share, and functions that save uploaded tables."""

import asyncio
import html
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from somscape._files import naming
from somscape.datasets._credit import load_german_credit, load_german_credit_words
from somscape.desk.app._pages import account_line, template
from somscape.desk.app._queue import Queue
from somscape.desk.app._results import MarkStore
from somscape.desk.app._settings import RunSettings, T, from_page
from somscape.desk.app._store import Run, Store
from somscape.desk.cases.records import KNOWN_TABLE
from somscape.desk.cases.state import State
from somscape.desk.web._gate import Call, Limit, Refusal
from somscape.tables._messages import check_libraries
from somscape.tables._text import ARROW_FILES, WORKBOOKS
from somscape.tables._write import write_csv, write_table
from somscape.tables.table import Table, table_from_columns

READERS = WORKBOOKS if find_spec("python_calamine") else ()
ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", *ARROW_FILES, *READERS)
TABLE_ENDING = ".parquet"
"""File extension for the stored copy of a table that did not come from a browser."""

MAX_NAME = 200


def shown_name(given: str) -> str:
    """Return the last part of a path as a file name in one line. A long name is shortened."""
    last = given.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c if c.isprintable() else " " for c in last).strip()
    return plain if len(plain) <= MAX_NAME else f"…{plain[1 - MAX_NAME :]}"


def ending_of(name: str) -> str:
    """Return the file extension in a file name. Refuse a file that the app cannot read."""
    found = [ending for ending in ENDINGS if name.lower().endswith(ending)]
    if not found:
        if name.lower().endswith(WORKBOOKS):
            check_libraries("reading a workbook", ("excel",), "python_calamine")
        kinds = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        raise Refusal(415, f"The app cannot read this kind of file. Give a {kinds} file.")
    return max(found, key=len)


async def take(
    request: Request, store: Store, watch: str | None = None, settings: RunSettings | None = None
) -> Run:
    """Save the file in the body of a request, and create the first run on this file."""
    name = shown_name(request.query_params.get("name", ""))
    ending = ending_of(name)
    with _making(store, ending) as (upload, path):
        n_bytes = 0
        with naming(path), path.open("xb") as file:
            async for piece in request.stream():
                n_bytes += file.write(piece)
        if not n_bytes:
            raise Refusal(422, f"{name} is empty. Give a file with a table.")
        return await store.change(lambda: store.keep_upload(upload, name, ending, settings, watch))


@contextmanager
def _making(store: Store, ending: str) -> Iterator[tuple[str, Path]]:
    """Create an upload, and yield its id and file path. Delete the file after an error."""
    upload, path = store.new_upload(ending)
    try:
        yield upload, path
    except BaseException:
        store.drop_file(upload)
        raise


async def take_sample(store: Store) -> Run:
    """Save the bundled table of credit applications as an upload, and create its first run."""
    table, words = load_german_credit(), load_german_credit_words()
    cells = {
        column.name: [words.get(column.name, {}).get(cell, cell) for cell in column.cells]
        for column in table.columns
    }
    outcome = RunSettings(label=table.names.index("class"), value=words["class"]["2"])
    with _making(store, ".csv") as (upload, path):
        write_csv(path, table_from_columns(cells))
        return await store.change(
            lambda: store.keep_upload(upload, "german_credit.csv", ".csv", outcome)
        )


def keep_table(store: Store, table: Table) -> Run:
    """Save a table that was given on the command line as an upload, and create its first run."""
    with _making(store, TABLE_ENDING) as (upload, path):
        write_table(path, table)
        return store.keep_upload(upload, shown_name(table.source), TABLE_ENDING)


ONLY_SHOWN = "is read-only, so the app can only show its content."
NO_RUN = "This run does not exist. It may have been deleted."


@dataclass(frozen=True)
class Context:
    """The objects that request handlers of the app share.

    Attributes
    ----------
    store : Store
    queue : Queue
    marks : Marks
    max_upload : int
        Maximum size in bytes of an uploaded file.
    """

    store: Store
    queue: Queue
    marks: MarkStore
    max_upload: int

    @property
    def cases(self) -> State:
        """The state with watches and cases. Threads may use it."""
        return self.store.cases

    def run(self, request: Request) -> Run:
        """Return the run that a request names. Refuse the request if there is none."""
        run = self.store.run(request.path_params["run"])
        if run is None:
            raise Refusal(404, NO_RUN)
        return run

    def change(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        needs: str,
        limit: Limit | None = None,
    ) -> Call:
        """Return a call that changes data. A read-only or locked database refuses it at once."""

        async def answer(request: Request) -> Response:
            if self.store.is_read_only:
                raise Refusal(403, f"{self.store.folder} {ONLY_SHOWN} Nothing was saved.")
            await self.store.change(lambda: None)  # fails before work that could not be saved
            return await endpoint(request)

        return Call(path, answer, needs, "POST", limit=limit)

    def added(self, run: Run) -> Response:
        """Add a run to the queue, and return a response with the id of the run."""
        self.queue.add(run)
        return JSONResponse({"run": run.id})

    async def n_decided(self, *runs: Run) -> Mapping[str, int]:
        """Return the numbers of decided cases, by the name under which the state has them."""
        return await asyncio.to_thread(self.cases.n_decided, {run.cases_of for run in runs})

    def summary(self, run: Run, n_decided: Mapping[str, int]) -> dict[str, Any]:
        """Return the facts about a run that are shown in a list of runs."""
        return {
            "run": run.id,
            "name": run.title,
            "file": run.name,
            "watch": run.watch,
            "made": run.made,
            "n_decisions": n_decided.get(run.cases_of, 0),
            "facts": run.facts,
            "is_known_table": run.problem.startswith(KNOWN_TABLE),
            "uses_marks": run.settings.uses_marks,
            **(self.queue.state_of(run.id) or {}),
        }

    def page(self, request: Request, name: str) -> Response:
        """Return a page of the app."""
        page = template(name).substitute(
            csrf=html.escape(request.user.csrf),
            role=request.user.role,
            account=account_line(request),
            max_upload=self.max_upload,
            endings=",".join(ENDINGS),
        )
        return HTMLResponse(page)


def limit_of(n_bytes: int) -> Limit:
    """Return a limit on the body of a request."""
    problem = "The request is larger than the limit of {:.0f} MB (for files, see --max-upload)."
    return Limit(n_bytes, problem.format(n_bytes / 1e6))


def author_of(request: Request) -> str:
    """Return the name of the user who sent a request."""
    return str(request.user.name)


async def json_of(request: Request, type_: type[T]) -> T:
    """Return the JSON object in the body of a request. Refuse an invalid body."""
    try:
        given = json.loads(await request.body() or b"{}")
        json.dumps(given, ensure_ascii=False).encode()  # half of a surrogate pair is not text
    except (ValueError, RecursionError) as error:
        raise Refusal(422, "The request is not JSON.") from error
    if not isinstance(given, dict):
        raise Refusal(422, "The request is not a JSON object.")
    return from_page(given, type_)
