"""Refuse all requests that are not allowed."""

import html
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Protocol

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from somscape.desk.app._users import DECIDE, LOOK, RUN, may
from somscape.desk.web._connections import Lingering, Origins, Refusal, are_same, limited

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content policy of pages. Pages may load only files that the app serves."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
CSRF_HEADER = "x-somscape-csrf"
UPLOAD_PATH = "/api/uploads"
OLD_PAGE = (
    "The page was loaded before the last start of the app or before your log-in. Load it again."
)
TOO_LARGE = "The request is larger than the limit of {:.0f} MB (for files, see --max-upload)."
MAX_BODY = 4 << 20
"""Maximum size in bytes of the body of a request that does not upload a file."""
HEADS = ("head_with_scripts", "head")
"""Templates for the heads of pages. The first template contains the second."""


@dataclass(frozen=True)
class Visitor:
    """The user who sent a request.

    Attributes
    ----------
    user : str
        Name of the user, or "" if the visitor is not logged in.
    role : str or None
        Role of the user. If None, the visitor may only open routes with the role `ANYBODY`.
    csrf : str
        Token that the pages of the user send with each request that changes data.
    has_account : bool
        Whether the user has logged in on a page of the app, and can therefore log out there.
    is_gone : callable
        Function that returns whether the user has been logged out since the request arrived.
    """

    user: str
    role: str | None
    csrf: str
    has_account: bool = False
    is_gone: Callable[[], bool] = lambda: False


class Door(Protocol):
    """Decides who may use the app."""

    async def answer(self, request: Request, origin: str) -> Response | None:
        """Answer requests to log in and out. Return None for other requests."""

    def visitor(self, request: Request) -> Visitor:
        """Return the user who sent a request. Refuse the request of an unknown user."""


class Safety:
    """ASGI layer around the app that refuses forbidden requests.

    The layer stores the user who sent an allowed request as ``state.visitor``.

    Parameters
    ----------
    app : ASGI app
    door : Door
    origins : Origins
        Origins (scheme, port and host names) at which browsers may reach the app.
    max_upload : int
        Maximum size in bytes of an upload.
    """

    def __init__(self, app: ASGIApp, door: Door, origins: Origins, max_upload: int) -> None:
        self._app = app
        self._door = door
        self._origins = origins
        self._max_upload = max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or pass on a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # the app has no web sockets, and the server closes the connection
        lingering = Lingering(scope, receive, send)
        receive = lingering.receive

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await lingering.send(message)

        request = Request(scope, receive)
        host = request.headers.get("host", "")
        try:
            if not self._origins.has(host):
                raise Refusal(421, "This address does not belong to this server.")
            origin = self._origins.origin(host)
            answer = await self._door.answer(request, origin)
            if answer is not None:
                await answer(scope, receive, send_safely)
                return
            visitor = self._door.visitor(request)
            if visitor.role is not None:
                lingering.let_in()
            if scope["method"] not in ("GET", "HEAD"):
                check_origin(request, origin)
                if not are_same(request.headers.get(CSRF_HEADER, ""), visitor.csrf):
                    raise Refusal(403, OLD_PAGE)
            limit = self._max_upload if scope["path"] == UPLOAD_PATH else MAX_BODY
            scope.setdefault("state", {})["visitor"] = visitor
            too_large = Refusal(413, TOO_LARGE.format(limit / 1e6))
            body = limited(scope, receive, limit, too_large)
            await self._app(scope, body, _until_gone(send_safely, visitor))
        except ClientDisconnect:
            pass  # the visitor does not wait for the answer
        except Refusal as refused:
            # The rest of the request is not read.
            refused.headers = {"Connection": "close", **(refused.headers or {})}
            await answer_of(request, refused)(scope, receive, send_safely)


def check_origin(request: Request, origin: str) -> None:
    """Refuse requests from pages of other websites."""
    if request.headers.get("origin", "") != origin:
        raise Refusal(403, "Only pages of this server may send this request.")


def _until_gone(send: Send, visitor: Visitor) -> Send:
    """Return a wrapper of `send` that aborts a response when the user is logged out."""

    async def send_some(message: Message) -> None:
        if message["type"] == "http.response.body" and visitor.is_gone():
            raise ConnectionAbortedError("the user has logged out")  # the server closes it
        await send(message)

    return send_some


def template(name: str) -> Template:
    """Return a file of the folder `templates`. HTML files get the common head."""
    folder = files("somscape.desk.app") / "templates"
    text = (folder / name).read_text("utf-8")
    if name.endswith(".html"):
        for part in HEADS:
            text = text.replace(f"${part}\n", (folder / f"{part}.html").read_text("utf-8"))
    return Template(text)


def answer_of(request: Request, refused: HTTPException) -> Response:
    """Return the response to a refused request, as JSON for the API and as a page otherwise."""
    if request.scope["path"].startswith("/api/"):
        return JSONResponse({"problem": refused.detail}, refused.status_code, refused.headers)
    page = template("problem.html").substitute(problem=html.escape(refused.detail))
    return HTMLResponse(page, refused.status_code, refused.headers)


ANYBODY = "anybody"
"""Role of the routes of style sheets, scripts and the icon. They need no log-in."""

OF_RUN, CASES_OF = "/api/runs/{run}", "/watches/{watch}/cases"
NEEDS = {
    "/static/{name}": ANYBODY,
    "/favicon.ico": ANYBODY,
    "/": LOOK,
    "/runs/{run}": LOOK,
    "/runs/{run}/report": LOOK,
    "/runs/{run}/files/{name}": LOOK,
    "/watches/{watch}": LOOK,
    f"{CASES_OF}/{{key:path}}": LOOK,
    "/api/watches": LOOK,
    "/api/watches/{watch}": LOOK,
    f"/api{CASES_OF}/{{key:path}}": LOOK,
    "/api/watches/{watch}/decide": DECIDE,
    "/api/runs": LOOK,
    OF_RUN: LOOK,
    f"{OF_RUN}/events": LOOK,
    f"{OF_RUN}/marks": LOOK,
    f"{OF_RUN}/mark": DECIDE,
    "/api/uploads": RUN,
    "/api/sample": RUN,
    f"{OF_RUN}/start": RUN,
    f"{OF_RUN}/settings": RUN,
    f"{OF_RUN}/roles": RUN,
    f"{OF_RUN}/retry": RUN,
    f"{OF_RUN}/read": RUN,
    f"{OF_RUN}/cancel": RUN,
    f"{OF_RUN}/again": RUN,
    f"{OF_RUN}/name": RUN,
    f"{OF_RUN}/delete": RUN,
    f"{OF_RUN}/regions": RUN,
    f"{OF_RUN}/watch": RUN,
}
"""Role that a user needs for each route, by the path of the route. It applies to all methods."""

MAY = {DECIDE: "mark rows", RUN: "add, run, change or delete"}


def guarded(
    routes: Sequence[BaseRoute], before_change: Callable[[], Awaitable[None]] | None = None
) -> list[BaseRoute]:
    """Return copies of routes that refuse users whose role does not allow the request."""
    return [_guarded(route, before_change) for route in routes]


def _guarded(route: BaseRoute, before_change: Callable[[], Awaitable[None]] | None) -> Route:
    if not isinstance(route, Route) or route.path not in NEEDS:
        raise LookupError(
            f"{route} is not in NEEDS of desk/app/_safety.py. Add the route with its role."
        )
    needed = NEEDS[route.path]
    answer: Callable[[Request], Awaitable[Response]] = route.endpoint

    async def answer_if_allowed(request: Request) -> Response:
        check(request, needed)
        if before_change is not None and request.method == "POST":
            await before_change()
        return await answer(request)

    methods = None if route.methods is None else [*route.methods]
    return Route(route.path, answer_if_allowed, methods=methods, name=route.name)


def account_line(request: Request) -> str:
    """Return HTML with the name of the user and a log-out link, or "" for a user without log-in."""
    visitor = request.state.visitor
    if not visitor.has_account:
        return ""
    name, role = html.escape(visitor.user), visitor.role
    return f'<p class="account"><bdi>{name}</bdi> ({role}) <a href="/logout">Log out</a></p>'


def check(request: Request, needed: str) -> None:
    """Refuse a request if the role of the user does not include the needed role."""
    if needed == ANYBODY:
        return
    visitor = getattr(request.state, "visitor", None)
    if visitor is None or visitor.role is None:
        raise Refusal(403, "Log in first.")
    if not may(visitor.role, needed):
        raise Refusal(
            403,
            f"{visitor.user} may not {MAY[needed]} here, because this needs the role {needed}, but "
            f"your role is {visitor.role}. The person who manages the users can change the role.",
        )
