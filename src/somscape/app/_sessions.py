"""Who is logged in: in memory alone, so that the app's end logs everyone out."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_IDLE, MAX_AGE = 8 * 3600.0, 24 * 3600.0
"""Seconds after which a session ends: without a request, and in any case."""

MAX_SESSIONS = 20
"""Of one user; with another one, that which was used longest ago ends."""


@dataclass
class Session:
    """One log-in of a user, in one browser.

    Attributes
    ----------
    name, password : str
        Of the user, with the hash as it was at the log-in.
    made, used : float
        Times, on the clock of the sessions.
    csrf : str
        In the pages of this session.
    is_over : bool
        Whether it has ended.
    """

    name: str
    password: str
    made: float
    used: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    is_over: bool = False


class Sessions:
    """All sessions, by what the browser shows for them.

    Parameters
    ----------
    clock : callable, default=time.monotonic
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By the cookie's hash: what is looked up tells nothing by the time that it takes.
        self._sessions: dict[str, Session] = {}

    def begin(self, name: str, password: str) -> str:
        """Log a user in; return the cookie's value."""
        now = self._clock()
        for session in [*self._sessions.values()]:
            self._end_if_late(session, now)
        self._forget_ended()
        own = sorted(self._of(name), key=lambda session: session.used)
        for session in own[: max(0, len(own) - MAX_SESSIONS + 1)]:
            session.is_over = True
        self._forget_ended()
        cookie = secrets.token_urlsafe(32)
        self._sessions[_hashed(cookie)] = Session(name, password, now, now)
        return cookie

    def of(self, cookie: str) -> Session | None:
        """Return the session of a cookie, which counts as used now; None if there is none."""
        session = self._sessions.get(_hashed(cookie))
        if session is None:
            return None
        now = self._clock()
        self._end_if_late(session, now)
        if session.is_over:
            self._forget_ended()
            return None
        session.used = now
        return session

    def is_late(self, session: Session) -> bool:
        """Return whether a session is too old to go on, also where nobody asks for anything."""
        return self._clock() - session.made >= MAX_AGE

    def end(self, session: Session) -> None:
        """Log a browser out."""
        session.is_over = True
        self._forget_ended()

    def end_all(self, name: str) -> None:
        """Log a user out of all browsers."""
        for session in self._of(name):
            session.is_over = True
        self._forget_ended()

    def _of(self, name: str) -> list[Session]:
        return [session for session in self._sessions.values() if session.name == name]

    def _end_if_late(self, session: Session, now: float) -> None:
        if now - session.used >= MAX_IDLE or now - session.made >= MAX_AGE:
            session.is_over = True

    def _forget_ended(self) -> None:
        self._sessions = {key: one for key, one in self._sessions.items() if not one.is_over}


def _hashed(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
