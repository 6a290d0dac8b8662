"""What can be asked for: pages, files, and the calls that the pages make."""

import asyncio
import contextlib
import html
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from string import Template
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Route

from somscape import report
from somscape._files import shown
from somscape.app._access import account_line, guarded
from somscape.app._queue import Queue
from somscape.app._results import FILES, decisions_csv, listed_rows, marked_page, plain_page
from somscape.app._roles import FILE as ROLES
from somscape.app._roles import settings_of, text_of
from somscape.app._safety import Refused
from somscape.app._settings import checked_settings, reading_of
from somscape.app._store import (
    CLEARED,
    CONFIRMED,
    DONE,
    GOES_ON,
    RANK,
    READ,
    RESULTS,
    WAITING,
    Run,
    Store,
)
from somscape.app._uploads import ENDINGS, shown_name, take, take_sample
from somscape.encode import roles_from_text
from somscape.errors import InputError
from somscape.jobs import reading_of as how_to_read

SHARED = ("report.css", "elements.js")
"""Parts of the report."""

STATIC = {
    **dict.fromkeys(("report.css", "app.css"), "text/css"),
    **dict.fromkeys(
        ("elements.js", "host.js", "calls.js", "start.js", "run.js", "columns.js"),
        "text/javascript",
    ),
    "icon.svg": "image/svg+xml",
}
REPORT_POLICY = "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Besides the one that stands in the page: what may run there, by its hash."""

NO_RUN = "There is no such run; it may have been deleted."


class Site:
    """The app's answers.

    What is called for is read first and looked up then: while a body arrives, another tab may
    start or delete the run.

    Parameters
    ----------
    store : Store
    queue : Queue
    max_upload : int
        Bytes; the page says so before a file is sent.
    """

    def __init__(self, store: Store, queue: Queue, max_upload: int) -> None:
        self._store = store
        self._queue = queue
        self._max_upload = max_upload

    def app(self, started: Callable[[], None]) -> Starlette:
        """Return the ASGI app, which calls `started` once it answers and Ctrl-C ends it."""

        @contextlib.asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            for run in self._store.after_start():
                self._queue.add(run)
            started()
            yield
            await self._queue.close()

        runs = "/api/runs/{run}"
        routes: list[BaseRoute] = [
            Route("/", self.start_page),
            Route("/runs/{run}", self.run_page),
            Route("/runs/{run}/report", self.report_page),
            Route("/runs/{run}/files/{name}", self.file),
            Route("/static/{name}", self.static),
            Route("/favicon.ico", self.icon),
            Route("/api/runs", self.list_runs),
            Route("/api/uploads", self.upload, methods=["POST"]),
            Route("/api/sample", self.sample, methods=["POST"]),
            Route(runs, self.show),
            Route(f"{runs}/events", self.events),
            Route(f"{runs}/marks", self.marks),
            *(
                Route(f"{runs}/{name}", call, methods=["POST"])
                for name, call in (
                    ("start", self.start),
                    ("settings", self.keep_settings),
                    ("roles", self.take_roles),
                    ("retry", self.retry),
                    ("read", self.read),
                    ("cancel", self.cancel),
                    ("again", self.again),
                    ("delete", self.delete),
                    ("mark", self.mark),
                    ("regions", self.keep_regions),
                )
            ),
        ]
        handlers: dict[Any, Any] = {
            HTTPException: _say_problem,
            InputError: _say_input,
            OSError: self._say_disk,
            sqlite3.Error: self._say_disk,
        }
        routes = guarded(routes)
        return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)

    # Pages

    async def start_page(self, request: Request) -> Response:
        """Drop a table in; earlier runs."""
        return self._page(request, "start.html")

    async def run_page(self, request: Request) -> Response:
        """One run: its columns and settings, its progress, its report."""
        self._run(request)
        return self._page(request, "run.html")

    async def report_page(self, request: Request) -> Response:
        """The report, in which rows can be marked."""
        run = self._run(request)
        if not _is_ranked(run):
            return RedirectResponse(f"/runs/{run.id}", 303)
        folder = self._store.folder_of(run.id)
        page = await asyncio.to_thread(marked_page, folder, run, request.state.csrf)
        return HTMLResponse(page, headers={"Content-Security-Policy": REPORT_POLICY})

    async def static(self, request: Request) -> Response:
        """A script, a style or the icon."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise Refused(404, "There is no such page.")
        text = report.page_part(name) if name in SHARED else _text(name)
        return Response(text, media_type=STATIC[name])

    async def icon(self, request: Request) -> Response:
        """The icon, for pages that name none: browsers ask for it by this name."""
        return Response(_text("icon.svg"), media_type=STATIC["icon.svg"])

    def _page(self, request: Request, name: str) -> Response:
        page = Template(_text(name)).substitute(
            csrf=html.escape(request.state.csrf),
            account=account_line(request),
            max_upload=self._max_upload,
            endings=",".join(ENDINGS),
        )
        return HTMLResponse(page)

    # Runs

    async def list_runs(self, request: Request) -> Response:
        """All runs, the newest first."""
        return JSONResponse([self._summary(run) for run in self._store.runs()])

    async def show(self, request: Request) -> Response:
        """One run with its columns and settings."""
        run = self._run(request)
        more = {
            "settings": run.settings,
            "table": self._store.table(run.upload),
            "reading": reading_of(run.settings),
        }
        return JSONResponse(self._summary(run) | more)

    async def upload(self, request: Request) -> Response:
        """Take a table in."""
        return self._added(await take(request, self._store))

    async def sample(self, request: Request) -> Response:
        """Take the bundled table in."""
        return self._added(take_sample(self._store))

    async def start(self, request: Request) -> Response:
        """Rank with the settings given."""
        given = await _json(request)
        run, settings = self._with_settings(request, given)
        self._store.say_run(run.id, WAITING, task=RANK, settings=settings)
        return self._added(self._run(request))

    async def keep_settings(self, request: Request) -> Response:
        """Keep settings, to go on later or to take the roles along."""
        given = await _json(request)
        run, settings = self._with_settings(request, given)
        self._store.say_run(run.id, run.state, problem=run.problem, settings=settings)
        return JSONResponse({})

    def _with_settings(self, request: Request, given: dict[str, Any]) -> tuple[Run, dict[str, Any]]:
        """Return a run that can be set up, with the settings given."""
        run, table = self._set_up(request)
        given = {**(run.settings or {}), **given, **reading_of(run.settings)}
        return run, checked_settings(given, table)

    def _set_up(self, request: Request) -> tuple[Run, dict[str, Any]]:
        run = self._run(request)
        table = self._store.table(run.upload)
        if run.state in GOES_ON or _is_ranked(run) or table is None:
            raise Refused(409, "This run cannot be set up now. Load the page again.")
        return run, table

    async def take_roles(self, request: Request) -> Response:
        """Set up a run by a roles file; the table is read again where it says how."""
        name = shown_name(request.query_params.get("name", ""))
        text = await request.body()
        roles = await asyncio.to_thread(roles_from_text, text, name)
        run, table = self._set_up(request)
        own, said = reading_of(run.settings), how_to_read(run.ending, {}, roles)
        content = text.decode("utf-8-sig")
        if any(own.get(part) != value for part, value in said.items()):
            self._check_unused(run)
            settings = {**reading_of({**own, **said}), "roles": [content, name]}
            self._store.say_table(run.upload, None)
            self._store.say_run(run.id, WAITING, task=READ, settings=settings)
            return self._added(self._run(request))
        settings = await asyncio.to_thread(settings_of, content, name, run.settings or {}, table)
        self._store.say_run(run.id, run.state, problem=run.problem, settings=settings)
        return JSONResponse({"run": run.id})

    def _check_unused(self, run: Run) -> None:
        is_used = run.task != READ or run.n_decisions or self._store.n_runs(run.upload) > 1
        if run.state in GOES_ON or is_used:
            raise Refused(
                409,
                "Runs or marks are of this table as it was read. Drop the file in once more.",
            )

    async def retry(self, request: Request) -> Response:
        """Do again what was not finished."""
        run = self._run(request)
        if run.state in GOES_ON or run.state == DONE:
            raise Refused(409, "This run is not one that ended early. Load the page again.")
        self._store.say_run(run.id, WAITING)
        return self._added(self._run(request))

    async def read(self, request: Request) -> Response:
        """Read the table again, in the way that is said."""
        reading = reading_of(await _json(request))
        run = self._run(request)
        self._check_unused(run)
        self._store.say_table(run.upload, None)
        self._store.say_run(run.id, WAITING, task=READ, settings=reading)
        return self._added(self._run(request))

    async def cancel(self, request: Request) -> Response:
        """End a run's job; answers when it has ended."""
        run = self._run(request)
        await self._queue.cancel(run.id)
        return JSONResponse(self._summary(self._run(request)))

    async def again(self, request: Request) -> Response:
        """Add a run of the same table: to be set up, or at once with the marks of its rows."""
        with_marks = (await _json(request)).get("with_marks") is True
        run = self._run(request)
        if run.settings is None or self._store.table(run.upload) is None:
            raise Refused(409, "The table of this run was never read; try again there.")
        if with_marks and not run.n_decisions:
            raise Refused(409, "No row is marked yet.")
        settings = {**run.settings, "uses_marks": with_marks}
        if _is_ranked(run):
            settings["regions_of"] = run.id
        if with_marks:
            return self._added(self._store.new_run(run.upload, RANK, settings))
        return JSONResponse({"run": self._store.new_run(run.upload, READ, settings, DONE).id})

    async def delete(self, request: Request) -> Response:
        """Delete a run and its files."""
        run = self._run(request)
        await self._queue.cancel(run.id)
        self._store.drop_run(run)
        return JSONResponse({})

    async def events(self, request: Request) -> Response:
        """Server-sent events: how a run stands, whenever that changes."""
        run = self._run(request)

        async def lines() -> AsyncIterator[str]:
            async for state in self._queue.listen(run.id):
                yield ": still here\n\n" if state is None else f"data: {json.dumps(state)}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    # Marks and files

    async def marks(self, request: Request) -> Response:
        """Which rows of a run's table are marked, by their number."""
        marks = self._store.decisions(self._run(request).upload)
        return JSONResponse({mark["number"]: mark["decision"] for mark in marks})

    async def mark(self, request: Request) -> Response:
        """Mark a row, or take its mark back; answered once it is saved."""
        given = await _json(request)
        run = self._run(request)
        decision, number = given.get("decision"), given.get("row")
        if decision not in (CONFIRMED, CLEARED, None):
            raise Refused(422, "A row can be 'confirmed', 'cleared' or neither (null).")
        if not _is_ranked(run):
            raise Refused(409, "This run has no ranking to mark rows in.")
        rows = await asyncio.to_thread(listed_rows, self._store.folder_of(run.id))
        if isinstance(number, bool) or not isinstance(number, int) or number not in rows:
            raise Refused(422, "The page of this run shows no such row.")
        run = self._run(request)  # it may have been deleted in the meantime
        self._store.decide(run, number, rows[number], decision)
        return JSONResponse({"n_decisions": self._run(request).n_decisions})

    async def keep_regions(self, request: Request) -> Response:
        """Keep edited regions; answered once the run's report and map have them."""
        given = await _json(request)
        run = self._run(request)
        if not _is_ranked(run):
            raise Refused(409, "This run has no ranking whose regions could be kept.")
        if self._queue.is_busy(run.id):
            raise Refused(409, "Regions of this run are being saved. Wait, then save again.")
        problem = await self._queue.keep_regions(run, given)
        self._run(request)  # it may have been deleted in the meantime
        if problem:
            raise Refused(422, problem)
        return JSONResponse({})

    async def file(self, request: Request) -> Response:
        """A result to take along."""
        run, name = self._run(request), request.path_params["name"]
        table = self._store.table(run.upload)
        is_there = _is_ranked(run) or (name == ROLES and table is not None)
        if name not in FILES or not is_there:
            raise Refused(404, "There is no such file.")
        folder = self._store.folder_of(run.id)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if name == ROLES:
            body = text_of(run.settings or {}, table or {}, run.name).encode()
            return Response(body, media_type=FILES[name], headers=headers)
        if name == "decisions.csv":
            body = decisions_csv(self._store.decisions(run.upload))
            return Response(body, media_type=FILES[name], headers=headers)
        if name == "report.html":
            page = await asyncio.to_thread(plain_page, folder)
            return Response(page, media_type=FILES[name], headers=headers)
        return FileResponse(folder / RESULTS / name, media_type=FILES[name], headers=headers)

    def _run(self, request: Request) -> Run:
        run = self._store.run(request.path_params["run"])
        if run is None:
            raise Refused(404, NO_RUN)
        return run

    def _added(self, run: Run) -> Response:
        self._queue.add(run)
        return JSONResponse({"run": run.id})

    def _summary(self, run: Run) -> dict[str, Any]:
        return {
            "run": run.id,
            "name": run.name,
            "made": run.made,
            "n_decisions": run.n_decisions,
            "facts": run.facts,
            "uses_marks": bool((run.settings or {}).get("uses_marks")),
            **(self._queue.state_of(run.id) or {}),
        }

    def _say_disk(self, request: Request, error: OSError | sqlite3.Error) -> Response:
        place, words = getattr(error, "filename", None), getattr(error, "strerror", None)
        said = (
            f"The app cannot use {shown(place or self._store.folder)} ({words or error}). If the "
            "disk is full, make room; then try again."
        )
        return _say_problem(request, HTTPException(507, said))


def _is_ranked(run: Run) -> bool:
    return run.task == RANK and run.state == DONE


async def _json(request: Request) -> dict[str, Any]:
    try:
        given = json.loads(await request.body() or b"{}")
        json.dumps(given, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise Refused(422, "The request is not JSON.") from error
    if not isinstance(given, dict):
        raise Refused(422, "The request is not a JSON object.")
    return given


def _text(name: str) -> str:
    return (files("somscape.app") / "templates" / name).read_text(encoding="utf-8")


def _say_problem(request: Request, error: HTTPException) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"problem": error.detail}, error.status_code, error.headers)
    page = Template(_text("problem.html")).substitute(problem=html.escape(error.detail))
    return HTMLResponse(page, error.status_code, error.headers)


def _say_input(request: Request, error: InputError) -> Response:
    return JSONResponse({"problem": " ".join(str(error).split())}, 422)
