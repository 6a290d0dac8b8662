"""Around all routes: who may ask, how large a body may be, what is counted, how problems are said.

What it checks, in order: names of other servers that lead here, the token, the body's size and
coding.  docs/security.md says what is not checked.
"""

import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from somscape.serve._limits import Limits
from somscape.serve._metrics import Metrics
from somscape.serve._refused import Refused
from somscape.web import Lingering, Origins, are_same, limited

OPEN = "/live"
"""Answers everybody: for whoever watches the process and has no token."""

GONE = 499
"""Code under which requests are counted whose client left."""

UNREAD = (401, 413, 415, 421)
"""Codes of answers after which what is left of a body is not read."""


class Gate:
    """The layer.

    Parameters
    ----------
    app : ASGI app
    routes : collection of str
        By which requests are counted; others are "other".
    limits : Limits
    metrics : Metrics
    origins : Origins
        Of the loopback, asked where there is no token
    token : str or None
        None lets everybody in who can reach the address.
    say : callable
        Told of faults.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: frozenset[str],
        limits: Limits,
        metrics: Metrics,
        *,
        origins: Origins,
        token: str | None,
        say: Callable[[str], None],
    ) -> None:
        self._app, self._routes, self._limits, self._metrics = app, routes, limits, metrics
        self._origins, self._token, self._say = origins, token, say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or hand on a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, code = time.perf_counter(), 0
        lingering = Lingering(scope, receive, send)
        receive = lingering.receive

        async def send_on(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await lingering.send(message)

        headers = Headers(scope=scope)
        self._metrics.under_way.inc()
        try:
            if self._checked(scope["path"], headers):
                lingering.let_in()
            body = limited(receive, headers.get("content-length"), *self._limit())
            await self._app(scope, body, send_on)
        except Refused as refused:
            await answer_of(refused)(scope, receive, send_on)
        except ClientDisconnect:
            code = GONE
        except Exception as error:
            self._say(_place_of(error))
            raise
        finally:
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._metrics.under_way.dec()
            self._metrics.request(route, code, time.perf_counter() - begin)

    def _checked(self, path: str, headers: Headers) -> bool:
        """Refuse what is wrong; return whether somebody asks who may."""
        if path == OPEN:
            return False
        if self._token is None:
            if not self._origins.has(headers.get("host", "")):
                raise Refused(
                    421, "This is not the address of this service. Behind a proxy, use a token."
                )
        else:
            kind, _, given = headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not are_same(given.strip(), self._token):
                raise Refused(401, "Send the service's token: Authorization: Bearer TOKEN.")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(415, "Send the body as it is, without Content-Encoding.")
        return True

    def _limit(self) -> tuple[int, Refused]:
        most = self._limits.max_body
        problem = f"The body is larger than {most / 1e6:g} MB (--max-body); send it in parts."
        return most, Refused(413, problem)


def _place_of(error: Exception) -> str:
    """Return what went wrong and where, without the message, which may quote a row."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"A request failed: {type(error).__name__} in {Path(last.filename).name}:{last.lineno}."


def answer_of(refused: Refused) -> Response:
    """Return what is sent for a request that is refused."""
    headers: dict[str, str] = {}
    if refused.status in UNREAD:
        headers["connection"] = "close"
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    body = json.dumps({"problem": refused.problem}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, refused.status, headers, "application/json")
