"""Who may use the app: visitors with a key, users that a proxy names, and users who log in."""

import asyncio
import hashlib
import hmac
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

from starlette.authentication import AuthCredentials
from starlette.requests import HTTPConnection, Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response

from somscape.desk.app._pages import template
from somscape.desk.app._users import (
    MAX_LENGTH,
    MAY,
    RUN,
    User,
    Users,
    is_password,
    plain_name,
    roles_in,
)
from somscape.desk.store._places import user_of_computer
from somscape.desk.web._addresses import network_of
from somscape.desk.web._gate import (
    ANYBODY,
    Access,
    Call,
    Limit,
    Origins,
    Refusal,
    UnknownError,
    Visitor,
    are_same,
)


def _admit(visitor: Visitor) -> tuple[AuthCredentials, Visitor]:
    return AuthCredentials(roles_in(visitor.role)), visitor


def _cookie_of(conn: HTTPConnection, name: str) -> str:
    """Return the value of a cookie. Other servers on this machine may set cookies in any form."""
    return cookie_parser(conn.headers.get("cookie", "")).get(name, "")


class KeyDoor(Access):
    """Admits visitors whose browser has opened the address of the app with a secret key.

    Parameters
    ----------
    cookie : str
        Name of the cookie.

    Attributes
    ----------
    token : str
        Key in the printed address.
    once : str
        Key in the address with which the app starts the browser. This key works only once.  Other
        users of the machine can see it in the list of processes.
    """

    def __init__(self, cookie: str) -> None:
        self.token, self.once, self._session, csrf = (secrets.token_urlsafe(32) for _ in range(4))
        self._cookie = cookie
        self._visitor = Visitor(user_of_computer(), RUN, csrf)

    def opens(self, given: str) -> bool:
        """Return whether a token is valid. The token `once` is accepted only the first time."""
        if self.once and are_same(given, self.once):
            self.once = ""
            return True
        return are_same(given, self.token)

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Visitor]:
        """Return the visitor. A request with the key receives a page that sets the cookie."""
        token = conn.query_params.get("token")
        if conn.scope["path"] == "/" and token and self.opens(token):
            # A page, not a redirect: after a link from another site, a browser follows a redirect
            # without the cookie, because the cookie is SameSite=Strict.
            cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
            page = template("welcome.html").substitute()
            raise UnknownError(HTMLResponse(page, headers={"Set-Cookie": cookie}))
        if not are_same(_cookie_of(conn, self._cookie), self._session):
            raise Refusal(403, "Open the address that `somscape app` printed. It contains the key.")
        return _admit(self._visitor)


class _TeamDoor(Access):
    def __init__(self, users: Users) -> None:
        self._users = users

    def users(self) -> Mapping[str, User]:
        """Return the users by name. If the file is invalid, refuse the request."""
        users = self._users.now()
        if users is None:
            raise Refusal(
                503,
                "The file of users has become invalid. The person who runs the app can see the "
                "reason.",
            )
        return users

    def forbidden(self, visitor: Visitor, needs: str) -> str:
        """Return the message to a user whose role does not include the needed role."""
        return (
            f"{visitor.name} may not {MAY[needs]} here, because this needs the role {needs}, but "
            f"your role is {visitor.role}. The person who manages the users can change the role."
        )


class NamedDoor(_TeamDoor):
    """Admits the user that the proxy names in a header. Only the proxy can reach the app.

    Parameters
    ----------
    users : Users
        Users and their roles.
    header : str
        Name of the HTTP header in which the proxy sends the name of the user.
    """

    def __init__(self, users: Users, header: str) -> None:
        super().__init__(users)
        self._header = header
        self._key = secrets.token_bytes(32)

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Visitor]:
        """Return the user that the proxy names in the header. Refuse unknown users."""
        users, given = self.users(), conn.headers.getlist(self._header)
        if len(given) != 1:  # a second header could be forged by the visitor
            raise Refusal(403, "The proxy must name the user in exactly one header.")
        try:
            name = plain_name(given[0].encode("latin-1").decode())
        except UnicodeDecodeError:
            name = ""
        user = users.get(name)
        if user is None:
            raise Refusal(
                403, "You are not a user of this app. Ask the person who manages its users."
            )
        csrf = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
        return _admit(Visitor(name, user.role, csrf))


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


FORM = Limit(16 << 10, "The request is too long for a log-in.")
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


class LoggedIn(NamedTuple):
    """A session and its user."""

    session: Session
    user: User


class LoginDoor(_TeamDoor):
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
        super().__init__(users)
        self._cookie, self._is_secure = origins.cookie, origins.is_secure
        self._is_behind_proxy = is_behind_proxy
        self._sessions, self._throttle = Sessions(clock), Throttle(clock)
        self._checks = Checks()

    def calls(self) -> list[Call]:
        """Return the routes of the pages for log-in and log-out."""
        return [
            Call("/login", self.login_page, ANYBODY),
            Call("/login", self.log_in, ANYBODY, "POST", limit=FORM),
            Call("/logout", self.account_page, ANYBODY),
            Call("/logout", self.log_out, ANYBODY, "POST", limit=FORM),
        ]

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Visitor]:
        """Return the logged-in user who sent a request. Other visitors are led to the log-in."""
        known = self._known(conn)
        if known is None:
            if conn.scope["path"].startswith("/api/") or conn.scope["method"] != "GET":
                raise Refusal(403, LOG_IN)
            raise UnknownError(_way_to_login(conn))
        session, user = known
        is_gone = partial(self._is_gone, session)
        return _admit(
            Visitor(user.name, user.role, session.csrf, has_account=True, is_gone=is_gone)
        )

    async def login_page(self, request: Request) -> Response:
        """Return the page for log-in, or lead a logged-in user on."""
        goes_on = _next_page(request.query_params.get("next", ""))
        return RedirectResponse(goes_on, 303) if self._known(request) else _login_page(goes_on)

    async def account_page(self, request: Request) -> Response:
        """Return the page for log-out."""
        known = self._known(request)
        if known is None:
            return RedirectResponse("/login", 303)
        page = template("logout.html").substitute(
            name=html.escape(known.user.name),
            role=known.user.role,
            csrf=html.escape(known.session.csrf),
        )
        return HTMLResponse(page, headers=OF_FORMS)

    async def log_in(self, request: Request) -> Response:
        """Begin a session if the name and the password are right."""
        form = await _form(request)
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
        users, user = self.users(), None
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

    async def log_out(self, request: Request) -> Response:
        """End the session of the browser, or all sessions of the user."""
        form, known = await _form(request), self._known(request)
        if known:
            if not are_same(form.get("csrf", ""), known.session.csrf):
                raise Refusal(403, "The page was loaded in another session. Load it again.")
            if "everywhere" in form:
                self._sessions.end_all(known.user.name)
            self._sessions.end(known.session)
        return RedirectResponse("/login", 303, {"Set-Cookie": self._set_cookie("", 0)})

    def _known(self, conn: HTTPConnection) -> LoggedIn | None:
        session, users = self._sessions.of(_cookie_of(conn, self._cookie)), self.users()
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


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a submitted log-in form. Refuse the request if the form is invalid."""
    body = await request.body()
    try:
        found = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=10)
    except ValueError as error:
        raise Refusal(422, "The request is not a log-in form.") from error
    return {name: values[0] for name, values in found.items()}


def _next_page(given: str) -> str:
    return given if PATH.fullmatch(given) else "/"


def _way_to_login(request: HTTPConnection) -> Response:
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
