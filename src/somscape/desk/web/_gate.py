"""The gate of the app and of the service.  It decides which requests are answered."""

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.authentication import AuthenticationBackend, AuthenticationError, BaseUser
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

ANYBODY = "anybody"
"""Role of routes that need neither a log-in nor a token."""

SAFE = ("GET", "HEAD")
"""Methods that do not change anything."""

CSRF_HEADER = "x-somscape-csrf"
OLD_PAGE = (
    "The page was loaded before the last start of the app or before your log-in. Load it again."
)


class Refusal(HTTPException):
    """An error that is sent as the response to a request. Its text does not contain row values."""


class UnknownError(AuthenticationError):
    """The sender of a request is not known, and receives a page that leads to the log-in.

    Parameters
    ----------
    page : Response
    """

    def __init__(self, page: Response) -> None:
        self.page = page


def are_same(a: str, b: str) -> bool:
    """Return whether two secrets are equal. The time for this does not depend on the secrets."""
    return hmac.compare_digest(*(text.encode("utf-8", "surrogatepass") for text in (a, b)))


def problem_of(request: Request, refused: HTTPException) -> Response:
    """Return the response to a refused request as JSON."""
    body = json.dumps({"problem": refused.detail}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, refused.status_code, refused.headers, "application/json")


class Limit(NamedTuple):
    """Maximum size in bytes of the body of a request, and the message if the body is larger."""

    n_bytes: int
    problem: str


class Call(Route):
    """A route and the role that it needs.

    Parameters
    ----------
    path : str
    endpoint : callable
    needs : str
        Role that the sender of a request needs, or `ANYBODY`.
    *methods : str
        Methods of HTTP; none means GET.
    limit : Limit or None, default=None
        Limit on the body of a request.  If None, the gate's own limit applies.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        needs: str,
        *methods: str,
        limit: Limit | None = None,
    ) -> None:
        super().__init__(path, endpoint, methods=methods or ("GET",))
        self.needs, self.limit = needs, limit


@dataclass(frozen=True)
class Visitor(BaseUser):
    """The user or program that sent a request.

    Attributes
    ----------
    name, role : str
    csrf : str
        Token that the pages of the user send with each request that changes data.
    has_account : bool
        Whether the user has logged in on a page of the app, and can therefore log out there.
    is_gone : callable
        Function that returns whether the user has been logged out since the request arrived.
    """

    name: str
    role: str
    csrf: str = ""
    has_account: bool = False
    is_gone: Callable[[], bool] = lambda: False


class Access(AuthenticationBackend):
    """Decides who may send requests. Subclasses define `authenticate`.

    Attributes
    ----------
    has_pages : bool
        Whether browsers send the requests.  Then the origin and the token of the page are checked.
    wrong_host : str
        Message to a request for another host.
    """

    has_pages = True
    wrong_host = "This address does not belong to this server."

    def calls(self) -> list[Call]:
        """Return routes for log-in."""
        return []

    def forbidden(self, visitor: Visitor, needs: str) -> str:
        """Return the message to a visitor whose role does not include the needed role."""
        return f"This needs the role {needs}, but your role is {visitor.role}."


MAX_LEFT = 64 << 10
"""Maximum size in bytes of a request body that is read to its end before a refusal is sent."""

PATIENCE = 1.0
"""Maximum number of seconds for reading the rest of a request body before a refusal is sent."""

REFUSED = 400
"""Smallest status code of a refusal."""


class Exchange:
    """Receives the body of one request and sends the response.

    Parameters
    ----------
    scope : mapping
    receive, send : callable
        Functions of ASGI.
    headers : mapping, default={}
        Headers of each response that does not have them itself.

    Attributes
    ----------
    is_last : bool
        Whether the connection is closed after the response.
    is_gone : callable
        Function that returns whether the response must stop.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str] = {}
    ) -> None:
        given = Headers(scope=scope)
        length = given.get("content-length", "0")
        self._n_announced = int(length) if length.isdigit() else None
        self._is_left = self._n_announced != 0 or "transfer-encoding" in given
        self._receive, self._send, self._headers = receive, send, headers
        self._n_bytes = 0
        self._limit: Limit | None = None
        self.is_last = False
        self.is_gone: Callable[[], bool] = lambda: False

    def set_limit(self, limit: Limit) -> None:
        """Refuse a body that is too large, at once or as soon as too many bytes arrive."""
        self._limit = limit
        if self._n_announced is None or self._n_announced > limit.n_bytes:
            raise Refusal(413, limit.problem)

    async def receive(self) -> Message:
        """Return the next message."""
        message = await self._receive()
        self._is_left = bool(message.get("more_body"))
        self._n_bytes += len(message.get("body", b""))
        if self._limit is not None and self._n_bytes > self._limit.n_bytes:
            raise Refusal(413, self._limit.problem)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response. Before a refusal, read the rest of a short body."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if message["status"] >= REFUSED and self._is_left:
                await self._read_rest()
                self.is_last = self.is_last or self._is_left
            if self.is_last:
                headers["connection"] = "close"
        elif self.is_gone():
            raise ConnectionAbortedError("the user has logged out")  # the server closes it
        await self._send(message)

    async def _read_rest(self) -> None:
        if 0 < (self._n_announced or 0) <= MAX_LEFT:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while self._is_left:
                        self._is_left = bool((await self._receive()).get("more_body"))


PORTS = {"http": 80, "https": 443}
"""Default port of each scheme. Addresses do not contain this port."""


@dataclass(frozen=True)
class Origins:
    """The origins at which clients may reach a server.

    Attributes
    ----------
    scheme : "http" or "https"
    port : int
    names : frozenset of str
        Host names and IP addresses in lower case.  ``*.bank.example`` allows any single label
        before ``.bank.example``.
    has_loopback : bool, default=False
        Whether all IP addresses of the loopback are also valid as host names.
    """

    scheme: str
    port: int
    names: frozenset[str]
    has_loopback: bool = False

    @classmethod
    def of_loopback(cls, host: str, port: int) -> "Origins":
        """Return the origins of a server that listens only on the loopback of this machine."""
        return cls("http", port, frozenset({"localhost", host.lower()}), has_loopback=True)

    def has(self, host: str) -> bool:
        """Return whether a ``Host`` is valid. Attackers can let other names lead here."""
        name, _, port = host.rpartition(":")
        if not name or host.endswith("]"):
            name, port = host, str(PORTS[self.scheme])
        name = name.removeprefix("[").removesuffix("]").lower()
        is_loopback_address = False
        with suppress(ValueError):
            address = ipaddress.ip_address(name)
            name, is_loopback_address = str(address), address.is_loopback
        return port == str(self.port) and (
            name in self.names
            or f"*.{name.partition('.')[2]}" in self.names
            or (self.has_loopback and is_loopback_address)
        )

    def origin(self, host: str) -> str:
        """Return the ``Origin`` of pages that were requested with a ``Host``."""
        given = host.removesuffix(f":{PORTS[self.scheme]}")
        return f"{self.scheme}://{given}".lower()

    @property
    def cookie(self) -> str:
        """The name of the session cookie, with the port. Browsers share cookies between ports."""
        return f"{'__Host-' if self.is_secure else ''}somscape-{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers connect with TLS."""
        return self.scheme == "https"


class Gate:
    """ASGI layer that refuses each request that is not allowed.

    Allowed requests contain the `Visitor` as ``request.user``, except for routes for `ANYBODY`.

    Parameters
    ----------
    app : Starlette
        The app.  Each of its routes must be a `Call`.
    access : Access
    origins : Origins or None
        Origins at which clients may reach the app.  If None, every host is allowed.
    limit : Limit
        Limit on the body of a request.
    answer : callable, default=`problem_of`
        Function that returns the response to a request and its refusal.
    headers : mapping, default={}
        Headers of each response that does not have them itself.
    """

    def __init__(
        self,
        app: Starlette,
        access: Access,
        origins: Origins | None,
        limit: Limit,
        *,
        answer: Callable[[Request, Refusal], Response] = problem_of,
        headers: Mapping[str, str] = {},
    ) -> None:
        self._app, self._access, self._origins, self._limit = app, access, origins, limit
        self._answer, self._headers = answer, headers
        self._calls = [route for route in app.routes if isinstance(route, Call)]
        if len(self._calls) != len(app.routes):
            raise LookupError("Each route must be a Call, which contains the role of the route.")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or pass on a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return  # there are no web sockets, and the server closes the connection
        exchange = Exchange(scope, receive, send, self._headers)
        request = Request(scope, exchange.receive)
        try:
            call = self._call(scope)
            is_open = call is not None and call.needs == ANYBODY
            if self._access.has_pages or not is_open:
                self._check_origin(request)
            if is_open:
                await self._pass_on(call, exchange, scope)
                return
            admitted = AuthenticationMiddleware(
                partial(self._admit, call, exchange), self._access, _lead_to_login
            )
            await admitted(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            pass  # the client does not wait for the answer
        except Refusal as refused:
            exchange.is_last = True
            await self._answer(request, refused)(scope, exchange.receive, exchange.send)

    def _check_origin(self, request: Request) -> None:
        """Refuse requests for other hosts, and changes by pages of other websites."""
        if self._origins is None:
            return
        host, origin = (request.headers.get(name, "") for name in ("host", "origin"))
        if not self._origins.has(host):
            raise Refusal(421, self._access.wrong_host)
        is_change = self._access.has_pages and request.method not in SAFE
        if is_change and origin != self._origins.origin(host):
            raise Refusal(403, "Only pages of this server may send this request.")

    def _call(self, scope: Scope) -> Call | None:
        """Return the call to which Starlette gives a request, which is the first best match."""
        found = ((call.matches(scope)[0].value, call) for call in self._calls)
        match, call = max(found, key=itemgetter(0))
        return call if match else None

    async def _admit(
        self, call: Call | None, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass on the request of a known visitor if the visitor's role includes the needed role."""
        request = Request(scope)
        visitor: Visitor = request.user
        exchange.is_gone = visitor.is_gone
        is_change = self._access.has_pages and request.method not in SAFE
        is_key = are_same(request.headers.get(CSRF_HEADER, ""), visitor.csrf)
        if is_change and not (is_key and visitor.csrf):
            raise Refusal(403, OLD_PAGE)
        if call is not None and call.needs not in request.auth.scopes:
            raise Refusal(403, self._access.forbidden(visitor, call.needs))
        await self._pass_on(call, exchange, scope)

    async def _pass_on(self, call: Call | None, exchange: Exchange, scope: Scope) -> None:
        exchange.set_limit((call and call.limit) or self._limit)
        await self._app(scope, exchange.receive, exchange.send)


def _lead_to_login(_: Any, unknown: Exception) -> Response:
    assert isinstance(unknown, UnknownError)
    return unknown.page
