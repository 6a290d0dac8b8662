"""Log-in of users with name and password, and the sessions of logged-in users."""

import asyncio
import hashlib
import html
import math
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qs, quote

from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response

from somscape.desk.app._safety import Visitor, check_origin, template
from somscape.desk.app._users import MAX_LENGTH, User, Users, is_password, plain_name
from somscape.desk.web._connections import Origins, Refusal, are_same, limited, network_of

MAX_IDLE, MAX_AGE = 8 * 3600.0, 24 * 3600.0
"""Maximum seconds between two requests of a session, and maximum age of a session in seconds."""

MAX_SESSIONS = 20
"""Maximum number of sessions of a user. Beyond it, the user's least recently used session ends."""


@dataclass
class Session:
    """The session of a user who is logged in with one browser.

    Attributes
    ----------
    name, password : str
        Name of the user, and the hash of the user's password at the time of the log-in.
    made, used : float
        Times of the log-in and of the last request, in seconds.
    csrf : str
        Token that pages send with each change.
    is_over : bool
        Whether the session has ended.
    """

    name: str
    password: str
    made: float
    used: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    is_over: bool = False


class Sessions:
    """All sessions of logged-in users. A session is found by the cookie of the browser.

    Parameters
    ----------
    clock : callable, default=time.monotonic
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By hash of the cookie, so that the time of a lookup reveals nothing about cookies.
        self._sessions: dict[str, Session] = {}

    def begin(self, name: str, password: str) -> str:
        """Begin a session for a user, and return the value of the session cookie."""
        now = self._clock()
        self.end(*(session for session in self._sessions.values() if _has_expired(session, now)))
        own = sorted(self._of(name), key=lambda session: session.used)
        self.end(*own[: max(0, len(own) - MAX_SESSIONS + 1)])
        cookie = secrets.token_urlsafe(32)
        self._sessions[_hashed(cookie)] = Session(name, password, now, now)
        return cookie

    def of(self, cookie: str) -> Session | None:
        """Return the session that belongs to a cookie, or None. Update its time of last use."""
        session = self._sessions.get(_hashed(cookie))
        if session is None:
            return None
        now = self._clock()
        if _has_expired(session, now):
            self.end(session)
            return None
        session.used = now
        return session

    def is_late(self, session: Session) -> bool:
        """Return whether a session has reached its maximum age."""
        return self._clock() - session.made >= MAX_AGE

    def end(self, *sessions: Session) -> None:
        """End sessions."""
        for session in sessions:
            session.is_over = True
        self._sessions = {key: one for key, one in self._sessions.items() if not one.is_over}

    def end_all(self, name: str) -> None:
        """End all sessions of a user."""
        self.end(*self._of(name))

    def _of(self, name: str) -> list[Session]:
        return [session for session in self._sessions.values() if session.name == name]


def _has_expired(session: Session, now: float) -> bool:
    return now - session.used >= MAX_IDLE or now - session.made >= MAX_AGE


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


FORGIVEN = 60.0
"""Number of seconds after which the count of failed log-in attempts decreases by 1."""

MAX_KNOWN = 10_000
"""Maximum number of keys with a count. Beyond it, the least recently used key is deleted."""


class Throttle:
    """Counts failed attempts by key.

    An attempt counts as failed when it begins, so that simultaneous attempts are also limited.

    Parameters
    ----------
    clock : callable, default=time.monotonic
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, keys: Mapping[str, int]) -> float:
        """Return the seconds to wait before a log-in attempt. If it is 0, count the attempt."""
        now = self._clock()
        rest = max((self._rest(key, free, now) for key, free in keys.items()), default=0.0)
        if rest > 0:
            return rest
        for key in keys:
            self._known[key] = (self._count(key, now) + 1, now)
            self._known.move_to_end(key)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return 0.0

    def succeeded(self, keys: Mapping[str, int]) -> None:
        """Remove a successful attempt from the counts."""
        now = self._clock()
        for key in keys:
            if key in self._known:
                self._known[key] = (max(0.0, self._count(key, now) - 1), self._known[key][1])

    def _count(self, key: str, now: float) -> float:
        count, last = self._known.get(key, (0.0, now))
        return max(0.0, count - (now - last) / FORGIVEN)

    def _rest(self, key: str, free: int, now: float) -> float:
        count, last = self._known.get(key, (0.0, now))
        return 0.0 if count < free else last + 2.0 ** min(count - free, 30) - now


AT_A_TIME, MAX_WAITING = 2, 20
"""Maximum number of simultaneous password checks, which need much memory, and of checks that run or
wait."""


class Checks:
    """Runs password checks, of which only a limited number run simultaneously."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._n = 0

    @property
    def is_full(self) -> bool:
        """Whether so many password checks run or wait that a further log-in is refused."""
        return self._n >= MAX_WAITING

    async def user(self, users: Mapping[str, User], name: str, password: str) -> User | None:
        """Return the user, or None if the name or password is wrong, after the same time."""
        found = users.get(name)
        number = int(_hashed(name), 16)
        asked = found or [*users.values()][number % len(users)]
        self._n += 1
        try:
            async with self._places:
                is_right = await asyncio.to_thread(is_password, password, asked.password)
        finally:
            self._n -= 1
        return found if is_right else None


MAX_FORM = 16 << 10
"""Maximum size in bytes of a log-in form."""

FREE_BY_NAME, FREE_BY_ADDRESS = 5, 20
"""Number of failed log-in attempts without a waiting time, for a user name and for a network. Many
users can share a network."""

PATH = re.compile(r"/(?![/\\])[\x21-\x7e]{0,500}")
"""Pattern for the paths of the app to which a browser can be sent after a log-in."""

OF_FORMS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with "no-referrer", browsers omit the origin of a form
}
WRONG = "The name or the password is wrong."
LOG_IN = "You are not logged in, or the session has ended. Load the page again to log in."
NO_USERS = "The file of users has become invalid. The person who runs the app can see the reason."


class LoggedIn(NamedTuple):
    """A session and its user."""

    session: Session
    user: User


class LoginDoor:
    """Admits users who have logged in with their password.

    Parameters
    ----------
    users : Users
    origins : Origins
        Origins (scheme, port and host names) at which browsers may reach the app.
    is_behind_proxy : bool, default=False
        Whether visitors connect through a proxy, which sends their addresses in a header.
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
        """Return a page or redirect for log-in or log-out, or None if none is needed."""
        path, method = request.scope["path"], request.scope["method"]
        if path not in ("/login", "/logout"):
            if is_open(path) or path.startswith("/api/") or method != "GET":
                return None
            return None if self._known(request) else _way_to_login(request)
        if method == "POST":
            check_origin(request, origin)
            form = await _form(request)
            if path == "/logout":
                return self._log_out(request, form)
            return await self._log_in(request, form)
        if method not in ("GET", "HEAD"):
            raise Refusal(405, "Use the forms of this page to log in or out.")
        known = self._known(request)
        if path == "/logout":
            return _account_page(known) if known else RedirectResponse("/login", 303)
        goes_on = _next_page(request.query_params.get("next", ""))
        return RedirectResponse(goes_on, 303) if known else _login_page(goes_on)

    def visitor(self, request: Request) -> Visitor:
        """Return the logged-in user who sent a request. Refuse the request without log-in."""
        known = self._known(request)
        if known is None:
            if is_open(request.scope["path"]):
                return Visitor("", None, "")
            raise Refusal(403, LOG_IN)
        session, user = known
        is_gone = partial(self._is_gone, session)
        return Visitor(user.name, user.role, session.csrf, has_account=True, is_gone=is_gone)

    async def _log_in(self, request: Request, form: dict[str, str]) -> Response:
        goes_on = _next_page(form.get("next", ""))
        name, password = plain_name(form.get("name", "")), form.get("password", "")
        keys = self._keys(request, name)
        wait = self._throttle.wait(keys)
        if wait > 0:
            said = f"Too many attempts. Wait {math.ceil(wait)} s, then try again."
            return _login_page(goes_on, said, 429, {"Retry-After": str(math.ceil(wait))})
        if self._checks.is_full:
            self._throttle.succeeded(keys)  # no password was checked
            said = "Too many people are logging in at the moment. Wait a moment, then try again."
            return _login_page(goes_on, said, 503, {"Retry-After": "5"})
        users = self._users.now()
        if users is None:
            raise Refusal(503, NO_USERS)
        user = None
        if name and 0 < len(password) <= MAX_LENGTH:
            user = await self._checks.user(users, name, password)
        if user is None:
            return _login_page(goes_on, WRONG, 403)
        self._throttle.succeeded(keys)
        known = self._known(request)
        if known:  # the earlier session of this browser
            self._sessions.end(known.session)
        cookie = self._set_cookie(self._sessions.begin(user.name, user.password), int(MAX_AGE))
        return RedirectResponse(goes_on, 303, {"Set-Cookie": cookie})

    def _log_out(self, request: Request, form: dict[str, str]) -> Response:
        known = self._known(request)
        if known:
            if not are_same(form.get("csrf", ""), known.session.csrf):
                raise Refusal(403, "The page was loaded in another session. Load it again.")
            if "everywhere" in form:
                self._sessions.end_all(known.user.name)
            self._sessions.end(known.session)
        return RedirectResponse("/login", 303, {"Set-Cookie": self._set_cookie("", 0)})

    def _known(self, request: Request) -> LoggedIn | None:
        cookie = cookie_parser(request.headers.get("cookie", "")).get(self._cookie, "")
        session = self._sessions.of(cookie)
        users = self._users.now()
        if users is None:
            raise Refusal(503, NO_USERS)
        if session is None:
            return None
        user = users.get(session.name)
        if user is None or user.password != session.password:  # removed, or new password
            self._sessions.end_all(session.name)
            return None
        return LoggedIn(session, user)

    def _is_gone(self, session: Session) -> bool:
        user = (self._users.now() or {}).get(session.name)
        is_user = user is not None and user.password == session.password
        return session.is_over or self._sessions.is_late(session) or not is_user

    def _set_cookie(self, value: str, age: int) -> str:
        secure = "; Secure" if self._is_secure else ""
        return f"{self._cookie}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"

    def _keys(self, request: Request, name: str) -> dict[str, int]:
        """Return the keys by which an attempt is counted, and the free attempts of each key."""
        address = request.client.host if request.client else ""
        if self._is_behind_proxy:  # the last address is from the proxy
            lines = request.headers.getlist("x-forwarded-for")  # earlier ones may be forged
            address = ",".join(lines).rpartition(",")[2].strip()
        keys = {f"name {_hashed(name)}": FREE_BY_NAME}
        network = network_of(address)
        if network:
            keys[f"address {network}"] = FREE_BY_ADDRESS
        return keys


def is_open(path: str) -> bool:
    """Return whether everyone may open a path (of a style sheet, for example) without log-in."""
    return path.startswith("/static/") or path == "/favicon.ico"


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a submitted log-in form. Refuse the request if the form is invalid."""
    too_long = Refusal(413, "The request is too long for a log-in.")
    receive = limited(request.scope, request.receive, MAX_FORM, too_long)
    body = await Request(request.scope, receive).body()
    try:
        found = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=10)
    except ValueError as error:
        raise Refusal(422, "The request is not a log-in form.") from error
    return {name: values[0] for name, values in found.items()}


def _next_page(given: str) -> str:
    return given if PATH.fullmatch(given) else "/"


def _way_to_login(request: Request) -> Response:
    # A page, not a redirect: after a link from another site, only the next request has the cookie.
    query = request.scope["query_string"].decode("latin-1")
    path = quote(request.scope["path"], safe="/") + (f"?{query}" if query else "")
    place = "/login?next=" + quote(_next_page(path), safe="")
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


def _account_page(known: LoggedIn) -> Response:
    page = template("logout.html").substitute(
        name=html.escape(known.user.name),
        role=known.user.role,
        csrf=html.escape(known.session.csrf),
    )
    return HTMLResponse(page, headers=OF_FORMS)
