"""The server of `somscape serve`, with its routes, access control, metrics and OpenAPI document."""

import asyncio
import json
import time
import traceback
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from somscape._files import read_secret, shown
from somscape._version import __version__
from somscape.desk.serve._served import (
    ARROW,
    CSV,
    EXPLAINED,
    FLAGGED,
    JSON,
    ROUTES,
    TYPES,
    WIRES,
    Answers,
    Keeper,
    RequestLimits,
    Served,
    Together,
    media_type,
    rows_of_json,
    table_of_wire,
)
from somscape.desk.web._addresses import is_loopback
from somscape.desk.web._gate import (
    ANYBODY,
    Access,
    Call,
    Gate,
    Origins,
    Refusal,
    Visitor,
    are_same,
    problem_of,
)
from somscape.desk.web._servers import answer_requests, listening, server_context
from somscape.errors import InputError
from somscape.tables._write import bytes_for_wire
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.ordered import OrdinalCode
from somscape.tables.table import Table

GRACE = 30
"""Seconds that requests in progress have to finish after the server received the signal to end."""

MIN_TOKEN = 16
"""Smallest number of characters in a token. A shorter token could be guessed."""


def serve_map(
    path: Path,
    *,
    host: str,
    port: int,
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    allow_readable_secrets: bool,
    limits: RequestLimits,
    say: Callable[[str], None],
) -> None:
    """Answer HTTP requests with the results of a saved map until SIGTERM or Ctrl-C."""
    _check_others(host, token_file, tls_cert, tls_key)
    may_be_readable, tls = allow_readable_secrets, None
    token = None if token_file is None else _token_in(token_file, may_be_readable)
    if tls_cert and tls_key:
        tls = server_context(tls_cert, tls_key, may_be_readable=may_be_readable)
    with suppress(KeyboardInterrupt), listening(host, port) as listener:  # Ctrl-C ends it
        port = listener.getsockname()[1]
        keeper, metrics = Keeper(path), Metrics()
        service = Service(keeper, limits, metrics, say)

        def started() -> None:
            name = f"[{host}]" if ":" in host else host
            say(f"Serving {path} at {'https' if tls else 'http'}://{name}:{port}")

        origins = Origins.of_loopback(host, port) if token is None else None
        app = Gate(service.app(started), TokenAccess(token), origins, limits.of_body)
        answer_requests(metrics.counting(app), listener, grace=GRACE, tls=tls)


def _check_others(host: str, token: Path | None, cert: Path | None, key: Path | None) -> None:
    """Raise InputError if other computers can reach the server and it has no token or no TLS."""
    if (cert is None) != (key is None):
        raise InputError(
            "`tls_cert` and `tls_key` can only be given together. Give both or neither.",
            parameter="tls_cert" if cert is None else "tls_key",
        )
    needed = {"`token_file`": token, "`tls_cert` with `tls_key`": cert}
    lacking = [words for words, given in needed.items() if given is None]
    if lacking and not is_loopback(host):
        raise InputError(
            f"`host` {host} gives access to other computers, which requires "
            f"{' and '.join(lacking)}. Add these, or leave `host` out for access only from this "
            "computer.",
            value=host,
        )


def _token_in(path: Path, may_be_readable: bool) -> str:
    try:
        data = read_secret(path, "`token_file`", may_be_readable=may_be_readable)
        token = data.decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"`token_file` {path} cannot be read as a line of ASCII characters.", file=path
        ) from error
    if len(token) < MIN_TOKEN or not token.isprintable() or " " in token:
        raise InputError(
            f"`token_file` {path} must contain one word of at least {MIN_TOKEN} characters. Make a "
            "token with `openssl rand -hex 32`.",
            file=path,
        )
    return token


def description_of(served: Served, limits: RequestLimits) -> dict[str, Any]:
    """Return the OpenAPI document that describes the routes of the service."""
    found: dict[str, Any] = json.loads((files(__package__) / "openapi.json").read_bytes())
    words = f"A request can have at most {limits.in_words}."
    found["info"] |= {"version": __version__, "description": words}
    paths, schemas = found["paths"], found["components"]["schemas"]
    schemas["Row"] = _row_of(served)
    if ROUTES[served.kind] == "/predict":
        changes = {"summary": "Predict a column.", "parameters": []}
        paths["/predict"] = {"post": paths.pop("/score")["post"] | changes}
        schemas["Answer"]["properties"] = {}
    return found


def _row_of(served: Served) -> dict[str, Any]:
    encoding = served.encoding
    may_miss = encoding.missing != "error"
    names = served.columns.names

    def use_of(name: str) -> str:
        return "Used only by rules" if name in names else "Not used"

    used = {code.name: _kind_of(code, may_miss=may_miss) for code in encoding.used}
    others = {
        code.name: {"description": f"{use_of(code.name)} ({code.kind})."}
        for code in encoding.columns
        if code.name not in used
    }
    return {
        "type": "object",
        "properties": {**used, **others},
        "required": names,
        "additionalProperties": False,
    }


def _kind_of(code: Any, *, may_miss: bool) -> dict[str, Any]:
    """Return the JSON schema of a column."""
    null = ["null"] * may_miss
    if isinstance(code, NumberCode):
        return {"type": ["number", *null]}
    said = "A date, for example 2026-01-31."
    if isinstance(code, CategoryCode):
        said = f"A category. Its levels in training are {', '.join(code.levels)}."
    elif isinstance(code, OrdinalCode):
        said = f"A category with the order {' < '.join(code.levels)}."
    return {"type": ["string", "number", "boolean", *null], "description": said}


ALL_ROUTES = ("/health", "/live", "/metrics", "/openapi.json", "/predict", "/score")
"""All routes of the service.  The metrics count requests to other routes together."""


class Metrics:
    """Counters of one service, in a separate Prometheus registry.

    Attributes
    ----------
    requests, seconds, under_way, maps
        Counters of finished requests, response times, requests in progress, and changed maps.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        counter = partial(Counter, registry=self._registry)
        self.requests = counter(
            "somscape_requests", "Requests by route and status code.", ("route", "code")
        )
        self.seconds = Histogram(
            "somscape_request_seconds",
            "Seconds from the header of a request to the end of its response.",
            ("route",),
            registry=self._registry,
        )
        self.under_way = Gauge(
            "somscape_requests_under_way",
            "Requests that are still in progress.",
            registry=self._registry,
        )
        self._rows = counter("somscape_rows", "Rows in responses.", ("route",))
        self._flagged = counter("somscape_rows_flagged", "Flagged rows in responses.")
        self.maps = counter(
            "somscape_map_reloads", "New map files that were accepted or refused.", ("outcome",)
        )
        for outcome in ("taken", "refused"):
            self.maps.labels(outcome)

    def rows(self, route: str, n_rows: int, n_flagged: int = 0) -> None:
        """Count answered rows."""
        self._rows.labels(route).inc(n_rows)
        self._flagged.inc(n_flagged)

    def counting(self, app: ASGIApp) -> ASGIApp:
        """Return an ASGI app that counts the requests to an app, and their time."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            status, begin = GONE, time.perf_counter()

            async def send_some(message: Message) -> None:
                nonlocal status
                status = message.get("status", status)
                await send(message)

            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            self.under_way.inc()
            try:
                await app(scope, receive, send_some)
            finally:
                route = scope["path"] if scope["path"] in ALL_ROUTES else "other"
                self.under_way.dec()
                self.requests.labels(route, str(status)).inc()
                self.seconds.labels(route).observe(time.perf_counter() - begin)

        return counted

    def text(self) -> bytes:
        """Return the values of all counters in the text format of Prometheus."""
        return generate_latest(self._registry)


CLIENT = "client"
"""Role of every program that has the token, or that is on this computer if there is no token."""

GONE = 499
"""Status code by which the metrics count a client that has disconnected."""


class TokenAccess(Access):
    """Admits programs that send the token.

    Parameters
    ----------
    token : str or None
        The token.  If None, every client that can reach the address has access.
    """

    has_pages = False
    wrong_host = (
        "The header Host is not the address of this service. Behind a proxy, start the service "
        "with a token."
    )

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Visitor]:
        """Refuse a request without the token."""
        kind, _, given = conn.headers.get("authorization", "").partition(" ")
        is_token = kind.lower() == "bearer" and are_same(given.strip(), self._token or "")
        if self._token is not None and not is_token:
            said = "Send the service's token: Authorization: Bearer TOKEN."
            raise Refusal(401, said, {"WWW-Authenticate": "Bearer"})
        if conn.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "Send the body as it is, without Content-Encoding.")
        return AuthCredentials([CLIENT]), Visitor("", CLIENT)


MAX_TOGETHER, MAX_BYTES_TOGETHER = 16, 1 << 16
"""Maximum number of rows and of body bytes of a request that is scored in the event loop. Larger
requests are scored in a thread, so that they do not delay other requests."""

N_THREADS = 2


class Service:
    """The responses of the service.

    Parameters
    ----------
    keeper : Keeper
    limits : RequestLimits
    metrics : Metrics
    say : callable
        Function that receives a message when a changed map file is accepted or refused.
    """

    def __init__(
        self, keeper: Keeper, limits: RequestLimits, metrics: Metrics, say: Callable[[str], None]
    ) -> None:
        self._keeper, self._limits, self._metrics, self._say = keeper, limits, metrics, say
        self._together = Together()
        self._threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="rows")

    def app(self, started: Callable[[], None]) -> Starlette:
        """Return the ASGI app. The app calls `started` as soon as it can receive requests."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            watch = asyncio.create_task(self._keeper.watch(self._tell))
            started()
            yield
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            self._threads.shutdown()

        calls = [
            Call("/score", self.score, CLIENT, "POST"),
            Call("/predict", self.predict, CLIENT, "POST"),
            Call("/health", self.health, CLIENT),
            Call("/live", self.live, ANYBODY),
            Call("/metrics", self.metrics, CLIENT),
            Call("/openapi.json", self.openapi, CLIENT),
        ]
        handlers: dict[Any, Any] = {
            HTTPException: _answer_problem,
            ClientDisconnect: _answer_nobody,
            Exception: self._answer_fault,
        }
        return Starlette(routes=calls, exception_handlers=handlers, lifespan=lifespan)

    async def score(self, request: Request) -> Response:
        """Score rows and explain them."""
        served, body = self._keeper.current, await request.body()
        kind, wanted = media_type(request.headers.get("content-type")), _wanted(request)
        explained = request.query_params.get("reasons", FLAGGED)
        if explained not in EXPLAINED:
            raise Refusal(400, f"reasons must be one of {', '.join(EXPLAINED)}.")
        if kind == JSON and len(body) <= MAX_BYTES_TOGETHER:
            rows = rows_of_json(body, self._limits)
            if len(rows) <= MAX_TOGETHER:
                found = await self._together.score(
                    served, served.columns.cells(rows), [explained] * len(rows)
                )
                ids = _ids_of(rows, served)
                return self._scored(_written(found, ids, served, wanted), found, wanted)

        def answer() -> tuple[Answers, bytes]:
            table, ids = self._table_of(body, kind, served)
            found = served.score(table, [explained] * table.n_rows)
            return found, _written(found, ids, served, wanted)

        found, content = await self._in_thread(answer)
        return self._scored(content, found, wanted)

    async def predict(self, request: Request) -> Response:
        """Predict the target column of a model."""
        served, body = self._keeper.current, await request.body()
        kind, wanted = media_type(request.headers.get("content-type")), _wanted(request)

        def answer() -> tuple[Table, bytes]:
            table, ids = self._table_of(body, kind, served)
            found = served.predict(served.columns.with_ids(table, ids))
            if wanted != JSON:
                return found, bytes_for_wire(WIRES[wanted], found)
            return found, msgspec.json.encode({"map": served.sha256, "rows": list(found)})

        found, content = await self._in_thread(answer)
        self._metrics.rows("/predict", found.n_rows)
        return Response(content, media_type=wanted)

    async def health(self, request: Request) -> Response:
        """Respond with facts about the served map and about the last refused file."""
        served, path = self._keeper.current, shown(self._keeper.path.name)
        answer = {
            "ok": True,
            "version": __version__,
            "map": {
                "file": path,
                "sha256": served.sha256,
                "holds": served.kind,
                "loaded": served.loaded,
            },
            "refused": self._keeper.refused,
        }
        return Response(msgspec.json.encode(answer), media_type=JSON)

    async def live(self, request: Request) -> Response:
        """Return an empty response. This shows that the process is alive."""
        return Response(status_code=204)

    async def metrics(self, request: Request) -> Response:
        """Return the metrics."""
        return Response(self._metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})

    async def openapi(self, request: Request) -> Response:
        """Respond with the OpenAPI document, which describes the columns of the map."""
        described = description_of(self._keeper.current, self._limits)
        return Response(msgspec.json.encode(described), media_type=JSON)

    def _scored(self, content: bytes, found: Answers, wanted: str) -> Response:
        self._metrics.rows("/score", len(found.scores), int(found.is_flagged.sum()))
        return Response(content, media_type=wanted)

    async def _answer_fault(self, request: Request, error: Exception) -> Response:
        last = traceback.extract_tb(error.__traceback__)[-1]  # the message may contain values
        place = f"{Path(last.filename).name}:{last.lineno}"
        self._say(f"A request failed: {type(error).__name__} in {place}.")
        said = "The service has failed. The log of the service names the place."
        return problem_of(request, Refusal(500, said))

    async def _in_thread(self, answer: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, answer)

    def _table_of(self, body: bytes, kind: str, served: Served) -> tuple[Table, list[Any] | None]:
        """Return two values: a table of the rows in a body, and the ids of the rows (or None)."""
        if kind == JSON:
            rows = rows_of_json(body, self._limits)
            return served.columns.table(served.columns.cells(rows)), _ids_of(rows, served)
        if kind not in WIRES:
            raise Refusal(415, f"Content-Type must be {TYPES}.")
        words = served.encoding.roles.missing_values
        table = table_of_wire(WIRES[kind], body, self._limits, words)
        served.columns.check_table(table)
        name = served.columns.id
        ids = None if name not in table.names or name is None else table.column(name).cells.tolist()
        return table, ids

    def _tell(self, is_taken: bool) -> None:
        self._metrics.maps.labels("taken" if is_taken else "refused").inc()
        refused = self._keeper.refused
        if is_taken or refused is None:
            self._say(f"Took over {self._keeper.path}, sha256 {self._keeper.current.sha256}.")
        else:
            self._say(f"Did not take over {self._keeper.path}: {refused['why']}")


def _wanted(request: Request) -> str:
    """Return the first media type in the header Accept in which the service can respond."""
    for each in map(media_type, request.headers.get("accept", "*/*").split(",")):
        for kind in (JSON, CSV, ARROW):
            if each in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
                return kind
    raise Refusal(406, f"Accept must be {TYPES}.")


def _written(found: Answers, ids: list[Any] | None, served: Served, wanted: str) -> bytes:
    if wanted != JSON:
        return bytes_for_wire(WIRES[wanted], found.to_table(ids, served.columns.id))
    threshold = getattr(served.thing, "threshold", None)
    return msgspec.json.encode(
        {"map": served.sha256, "threshold": threshold, "rows": found.to_json(ids)}
    )


def _ids_of(rows: list[Any], served: Served) -> list[Any] | None:
    """Return the id of each JSON row as the client sent it, or None for a row without an id."""
    name = served.columns.id
    return None if name is None else [row.get(name) for row in rows]


async def _answer_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=GONE)  # for the metrics


async def _answer_problem(request: Request, error: HTTPException) -> Response:
    """Return the response to a refused request. Starlette refuses unknown routes and methods."""
    if not isinstance(error, Refusal):
        methods = " or ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        error.detail = f"The route does not exist. The routes are {', '.join(ALL_ROUTES)}."
        if methods:
            error.detail = f"This route does not support {request.method}. Use {methods}."
    return problem_of(request, error)
