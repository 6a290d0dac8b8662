"""The server of `somscape app`."""

import os
import sqlite3
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from somscape._files import shown
from somscape.desk.app._context import ONLY_SHOWN, Context, keep_table, limit_of
from somscape.desk.app._entrance import Front, listening, open_entrance
from somscape.desk.app._pages import HEADERS, POLICY, answer_of, template
from somscape.desk.app._queue import Queue
from somscape.desk.app._results import MarkStore, said_of
from somscape.desk.app._run_calls import RunCalls
from somscape.desk.app._store import Run, Store
from somscape.desk.app._users import LOOK
from somscape.desk.app._watch_calls import WatchCalls
from somscape.desk.app._work import one_line
from somscape.desk.cases._database import state_folder
from somscape.desk.cases._sqlite import FULL, LOCKED, READ_ONLY, TroubleError
from somscape.desk.cases.records import DecidedMeanwhileError
from somscape.desk.web._gate import ANYBODY, Access, Call, Gate, Origins, Refusal
from somscape.desk.web._servers import answer_requests
from somscape.errors import InputError
from somscape.report.page import page_part
from somscape.tables.table import Table

MIN_MEMORY = 2 << 30
"""Memory in bytes of a job for computing the default number of simultaneous jobs."""

SHARE = 0.8
"""Share of the machine's memory that all simultaneous jobs may use together."""

GRACE = 2
"""Seconds that requests in progress have to finish when the app shuts down."""


@dataclass(frozen=True)
class AppLimits:
    """Limits of the app.

    Parameters
    ----------
    max_upload : int
        Maximum number of bytes of an uploaded file.
    n_jobs : int
        Maximum number of jobs at a time.
    memory : int
        Bytes of memory that each job may use. Some systems cannot enforce this limit.
    """

    max_upload: int
    n_jobs: int
    memory: int

    @classmethod
    def of_machine(
        cls, max_upload: int, n_jobs: int | None = None, memory: int | None = None
    ) -> "AppLimits":
        """Return limits with the given values. None: chosen for this machine."""
        # Late, because the process of a job does not need it.
        from somscape.fit._plan import machine_memory

        all_jobs = int(SHARE * machine_memory())
        if n_jobs is None:
            n_jobs = max(1, min(_n_cores(), all_jobs // (memory or MIN_MEMORY)))
        return cls(max_upload, n_jobs, memory or all_jobs // n_jobs)


def serve(
    state: Path | str | None = None,
    *,
    front: Front,
    limits: AppLimits,
    opens_browser: bool = True,
    tables: Sequence[Table] = (),
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Run the app until it is interrupted."""
    # Ctrl-C ends the app.  An address in use must not leave a new folder behind.
    with suppress(KeyboardInterrupt), listening(front) as listener:
        entrance = open_entrance(front, listener, say)
        with closing(Store(state or state_folder())) as store:
            if store.is_read_only:
                say(f"{store.folder} {ONLY_SHOWN}")
            for table in tables:
                keep_table(store, table)  # jobs read them later
            marks = MarkStore(store)
            queue = Queue(store, limits.n_jobs, limits.memory, marks)
            at = Context(store, queue, marks, limits.max_upload)

            def started() -> None:
                say(entrance.greeting)
                if opens_browser and entrance.to_open:
                    # In a thread, because a browser in the terminal would block the server.
                    threading.Thread(
                        target=webbrowser.open, args=(entrance.to_open,), daemon=True
                    ).start()

            site = Site(at).app(started, entrance.door.calls(), store.after_start())
            app = gate_of(site, entrance.door, entrance.origins)
            answer_requests(app, listener, grace=GRACE, tls=entrance.tls, say=say)


MAX_BODY = 4 << 20
"""Maximum size in bytes of the body of a request that does not upload a file."""


def gate_of(site: Starlette, door: Access, origins: Origins) -> Gate:
    """Return the gate in front of the app."""
    headers = {**HEADERS, "Content-Security-Policy": POLICY}
    return Gate(site, door, origins, limit_of(MAX_BODY), answer=answer_of, headers=headers)


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


STATUS = {LOCKED: 503, READ_ONLY: 403, FULL: 507}
"""HTTP status of the response if a database cannot be changed, by the reason."""

SHARED = ("report.css", "elements.js")
"""Files that the pages of the app and the HTML report both use."""

SCRIPTS = (
    *("host", "calls", "send", "decisions", "start", "runs", "run", "columns", "watch", "case"),
)
STATIC = {
    **dict.fromkeys(("report.css", "app.css"), "text/css"),
    **dict.fromkeys(("elements.js", *(f"{name}.js" for name in SCRIPTS)), "text/javascript"),
    "icon.svg": "image/svg+xml",
}


class Site:
    """The pages and routes of the app.

    The body of a request is read before the run that it names is looked up. Another browser tab may
    start or delete this run while the body arrives.

    Parameters
    ----------
    at : Context
    """

    def __init__(self, at: Context) -> None:
        self._at = at

    def app(
        self, started: Callable[[], None], more: Sequence[Call] = (), waiting: Sequence[Run] = ()
    ) -> Starlette:
        """Return the ASGI app with more calls. When it is ready, it calls `started`."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            for run in waiting:
                self._at.queue.add(run)
            started()
            yield
            await self._at.queue.close()

        calls = [
            Call("/", self.start_page, LOOK),
            Call("/runs/{run}", self.run_page, LOOK),
            Call("/static/{name}", self.static, ANYBODY),
            Call("/favicon.ico", self.icon, ANYBODY),
            *RunCalls(self._at).calls(),
            *WatchCalls(self._at).calls(),
            *more,
        ]
        handlers: dict[Any, Any] = {
            HTTPException: answer_of,
            DecidedMeanwhileError: _say_meanwhile,
            TroubleError: _say_trouble,
            InputError: self._say_input,
            OSError: self._say_disk,
            sqlite3.Error: self._say_disk,
        }
        return Starlette(routes=calls, exception_handlers=handlers, lifespan=lifespan)

    async def start_page(self, request: Request) -> Response:
        """Respond with the home page, which shows watches, an upload form, and other runs."""
        return self._at.page(request, "start.html")

    async def run_page(self, request: Request) -> Response:
        """Respond with the page of a run, which shows its columns, settings and progress."""
        self._at.run(request)
        return self._at.page(request, "run.html")

    async def static(self, request: Request) -> Response:
        """Respond with a script, a style sheet or the icon."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise Refusal(404, "This page does not exist.")
        text = page_part(name) if name in SHARED else template(name).template
        return Response(text, media_type=STATIC[name])

    async def icon(self, request: Request) -> Response:
        """Respond with the icon at the path that all browsers request."""
        return Response(template("icon.svg").template, media_type=STATIC["icon.svg"])

    def _say_input(self, request: Request, error: InputError) -> Response:
        if isinstance(error.__cause__, sqlite3.Error):  # the state cannot be written
            return self._say_disk(request, error.__cause__)
        return answer_of(request, Refusal(422, one_line(str(error))))

    def _say_disk(self, request: Request, error: OSError | sqlite3.Error) -> Response:
        trouble = self._at.store.trouble(error)
        if trouble is not None:
            return _say_trouble(request, trouble)
        words = getattr(error, "strerror", None) or error
        place = shown(getattr(error, "filename", None) or self._at.store.folder)
        said = (
            f"The app cannot use {place} ({words}). If the disk is full, free some space, and try "
            "again."
        )
        return answer_of(request, Refusal(STATUS[FULL], said))


def _say_trouble(request: Request, error: TroubleError) -> Response:
    return answer_of(request, Refusal(STATUS[error.why], shown(one_line(str(error)))))


def _say_meanwhile(request: Request, error: DecidedMeanwhileError) -> Response:
    return JSONResponse({"problem": one_line(str(error)), "last": said_of(error.last)}, 409)
