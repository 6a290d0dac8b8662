"""What can be asked for: the app's pages, and the calls that they make, file by file."""

import contextlib
import html
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from somscape import report
from somscape._files import shown
from somscape.app._access import guarded
from somscape.app._context import Context
from somscape.app._result_calls import ResultCalls
from somscape.app._run_calls import RunCalls
from somscape.app._safety import Refused, template
from somscape.app._watch_calls import WatchCalls
from somscape.cases import DecidedMeanwhileError
from somscape.errors import InputError

SHARED = ("report.css", "elements.js")
"""Parts of the report."""

SCRIPTS = (
    *("host", "calls", "send", "decisions", "start", "runs", "run", "columns", "watch", "case"),
)
STATIC = {
    **dict.fromkeys(("report.css", "app.css"), "text/css"),
    **dict.fromkeys(("elements.js", *(f"{name}.js" for name in SCRIPTS)), "text/javascript"),
    "icon.svg": "image/svg+xml",
}


class Site:
    """The app's answers.

    What is called for is read first and looked up then: while a body arrives, another tab may
    start or delete the run.

    Parameters
    ----------
    at : Context
    """

    def __init__(self, at: Context) -> None:
        self._at = at

    def app(self, started: Callable[[], None]) -> Starlette:
        """Return the ASGI app, which calls `started` once it answers and Ctrl-C ends it."""

        @contextlib.asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            for run in self._at.store.after_start():
                self._at.queue.add(run)
            started()
            yield
            await self._at.queue.close()

        routes: list[BaseRoute] = [
            Route("/", self.start_page),
            Route("/runs/{run}", self.run_page),
            Route("/static/{name}", self.static),
            Route("/favicon.ico", self.icon),
            *RunCalls(self._at).routes(),
            *ResultCalls(self._at).routes(),
            *WatchCalls(self._at).routes(),
        ]
        handlers: dict[Any, Any] = {
            HTTPException: _say_problem,
            DecidedMeanwhileError: _say_meanwhile,
            InputError: _say_input,
            OSError: self._say_disk,
            sqlite3.Error: self._say_disk,
        }
        routes = guarded(routes, self._at.before_change)
        return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)

    async def start_page(self, request: Request) -> Response:
        """The watches and what waits; a table comes in; other runs."""
        return self._at.page(request, "start.html")

    async def run_page(self, request: Request) -> Response:
        """One run: its columns and settings, its progress, its report."""
        self._at.run(request)
        return self._at.page(request, "run.html")

    async def static(self, request: Request) -> Response:
        """A script, a style or the icon."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise Refused(404, "There is no such page.")
        text = report.page_part(name) if name in SHARED else template(name).template
        return Response(text, media_type=STATIC[name])

    async def icon(self, request: Request) -> Response:
        """The icon, for pages that name none: browsers ask for it by this name."""
        return Response(template("icon.svg").template, media_type=STATIC["icon.svg"])

    def _say_disk(self, request: Request, error: OSError | sqlite3.Error) -> Response:
        trouble = self._at.store.trouble(error)
        if trouble:
            return _say_problem(request, HTTPException(507, shown(trouble)))
        words = getattr(error, "strerror", None)
        place = getattr(error, "filename", None) or self._at.store.folder
        said = (
            f"The app cannot use {shown(place)} ({words or error}). If the "
            "disk is full, make room; then try again."
        )
        return _say_problem(request, HTTPException(507, said))


def _say_problem(request: Request, error: HTTPException) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"problem": error.detail}, error.status_code, error.headers)
    page = template("problem.html").substitute(problem=html.escape(error.detail))
    return HTMLResponse(page, error.status_code, error.headers)


def _say_input(request: Request, error: InputError) -> Response:
    return _say_problem(request, HTTPException(422, " ".join(str(error).split())))


def _say_meanwhile(request: Request, error: DecidedMeanwhileError) -> Response:
    last = error.last
    said = {
        "decision": last.state,
        "comment": last.comment,
        "author": last.author,
        "made": last.made,
        "seen": last.number,
    }
    return JSONResponse({"problem": " ".join(str(error).split()), "last": said}, 409)
