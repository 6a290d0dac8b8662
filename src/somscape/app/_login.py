"""The door of an app for a team: a name and a password, a session, and the way out."""

import hashlib
import html
import math
import re
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qs, quote

from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response

from somscape.app._passwords import MAX_LENGTH, Checks
from somscape.app._safety import (
    Refused,
    Visitor,
    check_origin,
    template,
)
from somscape.app._sessions import MAX_AGE, Session, Sessions
from somscape.app._throttle import Throttle
from somscape.app._users import User, Users, plain_name
from somscape.web import Origins, are_same, limited, network_of

MAX_FORM = 16 << 10
"""Bytes of what the log-in page sends."""

FREE_BY_NAME, FREE_BY_ADDRESS = 5, 20
"""Failures that make nobody wait; many people may share an address."""

PATH = re.compile(r"/(?![/\\])[\x21-\x7e]{0,500}")
"""Of a page of ours to go on to."""

OF_FORMS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # without one, browsers leave out the origin of a form
}
WRONG = "This name and password do not belong together."
LOG_IN = "You are not logged in, or not any more. Load the page again to log in."
NO_USERS = "The list of users cannot be used just now. Whoever runs the app sees why."


class Known(NamedTuple):
    """Who is logged in."""

    session: Session
    user: User


class LoginDoor:
    """Lets in users who log in.

    Parameters
    ----------
    users : Users
    origins : Origins
        Where browsers find the app.
    is_behind_proxy : bool, default=False
        Whether a proxy says from which address a request comes.
    clock : callable, default=time.monotonic
    """

    def __init__(
        self,
        users: Users,
        origins: Origins,
        *,
        is_behind_proxy: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users = users
        self._cookie, self._is_secure = origins.cookie, origins.is_secure
        self._is_behind_proxy = is_behind_proxy
        self._sessions, self._throttle = Sessions(clock), Throttle(clock)
        self._checks = Checks()

    async def answer(self, request: Request, origin: str) -> Response | None:
        """Answer the pages to log in and out, and send who asks for another one to the first."""
        path, method = request.scope["path"], request.scope["method"]
        if path not in ("/login", "/logout"):
            if is_open(path) or path.startswith("/api/") or method != "GET":
                return None
            return None if self._known(request) else _way_to_login(request)
        if method == "POST":
            check_origin(request, origin)
            form = await _form(request)
            if path == "/logout":
                return self._out(request, form)
            return await self._log_in(request, form)
        if method not in ("GET", "HEAD"):
            raise Refused(405, "This page is to look at, or to send its form.")
        known = self._known(request)
        if path == "/logout":
            return _account_page(known) if known else RedirectResponse("/login", 303)
        goes_on = _place_of(request.query_params.get("next", ""))
        return RedirectResponse(goes_on, 303) if known else _login_page(goes_on)

    def visitor(self, request: Request) -> Visitor:
        """Return who is logged in, or refuse; nobody is needed for style and script."""
        known = self._known(request)
        if known is None:
            if is_open(request.scope["path"]):
                return Visitor("", None, "")
            raise Refused(403, LOG_IN)
        session, user = known
        is_gone = partial(self._is_gone, session)
        return Visitor(user.name, user.role, session.csrf, has_account=True, is_gone=is_gone)

    async def _log_in(self, request: Request, form: dict[str, str]) -> Response:
        goes_on = _place_of(form.get("next", ""))
        name, password = plain_name(form.get("name", "")), form.get("password", "")
        keys = self._keys(request, name)
        wait = self._throttle.wait(keys)
        if wait > 0:
            said = f"Too many attempts. Wait {math.ceil(wait)} s, then try again."
            return _login_page(goes_on, said, 429, {"Retry-After": str(math.ceil(wait))})
        if self._checks.is_full:
            self._throttle.succeeded(keys)  # nothing was tried
            said = "Too many people log in just now. Wait a moment, then try again."
            return _login_page(goes_on, said, 503, {"Retry-After": "5"})
        users = self._users.now()
        if users is None:
            raise Refused(503, NO_USERS)
        user = None
        if name and 0 < len(password) <= MAX_LENGTH:
            user = await self._checks.user(users, name, password)
        if user is None:
            return _login_page(goes_on, WRONG, 403)
        self._throttle.succeeded(keys)
        known = self._known(request)
        if known:  # this browser's session before
            self._sessions.end(known.session)
        cookie = self._sessions.begin(user.name, user.password)
        return RedirectResponse(
            goes_on, 303, {"Set-Cookie": self._set_cookie(cookie, int(MAX_AGE))}
        )

    def _out(self, request: Request, form: dict[str, str]) -> Response:
        known = self._known(request)
        if known:
            if not are_same(form.get("csrf", ""), known.session.csrf):
                raise Refused(403, "The page is of another session; load it again.")
            if "everywhere" in form:
                self._sessions.end_all(known.user.name)
            self._sessions.end(known.session)
        return RedirectResponse("/login", 303, {"Set-Cookie": self._set_cookie("", 0)})

    def _known(self, request: Request) -> Known | None:
        cookie = cookie_parser(request.headers.get("cookie", "")).get(self._cookie, "")
        session = self._sessions.of(cookie)
        users = self._users.now()
        if users is None:
            raise Refused(503, NO_USERS)
        if session is None:
            return None
        user = users.get(session.name)
        if user is None or user.password != session.password:  # removed, or changed
            self._sessions.end_all(session.name)
            return None
        return Known(session, user)

    def _is_gone(self, session: Session) -> bool:
        user = (self._users.now() or {}).get(session.name)
        is_user = user is not None and user.password == session.password
        return session.is_over or self._sessions.is_late(session) or not is_user

    def _set_cookie(self, value: str, age: int) -> str:
        secure = "; Secure" if self._is_secure else ""
        return f"{self._cookie}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"

    def _keys(self, request: Request, name: str) -> dict[str, int]:
        """Return what attempts are counted by, with how many failures each forgives."""
        hashed = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        address = request.client.host if request.client else ""
        if self._is_behind_proxy:  # the last one is the proxy's own word
            lines = request.headers.getlist("x-forwarded-for")  # the first may be the visitor's
            address = ",".join(lines).rpartition(",")[2].strip()
        keys = {f"name {hashed}": FREE_BY_NAME}
        network = network_of(address)
        if network:
            keys[f"address {network}"] = FREE_BY_ADDRESS
        return keys


def is_open(path: str) -> bool:
    """Return whether a path is of what is the same everywhere: style, script, icon."""
    return path.startswith("/static/") or path == "/favicon.ico"


async def _form(request: Request) -> dict[str, str]:
    """Return what a form says, in whose place a program may have sent anything."""
    receive = limited(
        request.receive,
        request.headers.get("content-length"),
        MAX_FORM,
        Refused(413, "This is too long for a log-in."),
    )
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    try:
        found = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=10)
    except ValueError as error:
        raise Refused(422, "This is no form of ours.") from error
    return {name: values[0] for name, values in found.items()}


def _place_of(given: str) -> str:
    return given if PATH.fullmatch(given) else "/"


def _way_to_login(request: Request) -> Response:
    # A page, not a redirect: after a link from elsewhere the cookie comes with the next request.
    query = request.scope["query_string"].decode("latin-1")
    path = quote(request.scope["path"], safe="/") + (f"?{query}" if query else "")
    place = "/login?next=" + quote(_place_of(path), safe="")
    page = template("to_login.html").substitute(place=html.escape(place))
    return HTMLResponse(page, 403)


def _login_page(
    goes_on: str, problem: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    page = template("login.html").substitute(
        goes_on=html.escape(goes_on),
        problem=html.escape(problem),
        is_hidden="" if problem else "hidden",
    )
    return HTMLResponse(page, status, {**OF_FORMS, **(headers or {})})


def _account_page(known: Known) -> Response:
    page = template("logout.html").substitute(
        name=html.escape(known.user.name),
        role=known.user.role,
        csrf=html.escape(known.session.csrf),
    )
    return HTMLResponse(page, headers=OF_FORMS)
