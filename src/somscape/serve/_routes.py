"""What can be asked for: scores, predictions, and how the service is."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from somscape._files import shown
from somscape._version import __version__
from somscape.serve._answers import EXPLAINED, FLAGGED, Answers
from somscape.serve._bodies import (
    ARROW,
    CSV,
    JSON,
    TYPES,
    WIRES,
    media_type,
    rows_of_json,
    table_of_wire,
)
from somscape.serve._gate import answer_of
from somscape.serve._json import to_json
from somscape.serve._keeper import Keeper
from somscape.serve._limits import Limits
from somscape.serve._metrics import TYPE, Metrics
from somscape.serve._openapi import description_of
from somscape.serve._refused import Refused
from somscape.serve._served import Served
from somscape.serve._together import Together
from somscape.tables import Table, bytes_for_wire

MAX_TOGETHER, MAX_BYTES_TOGETHER = 16, 1 << 16
"""Rows of a request, and bytes of its body, up to which it is answered in the event loop, with
others; more go to a thread, so that they keep nobody waiting."""

N_THREADS = 2

NOT_THIS = re.compile(r";\s*q\s*=\s*0(\.0*)?\s*(;|$)", re.IGNORECASE)
"""How a header says that a media type is not to be sent."""


class Service:
    """The service's answers.

    Parameters
    ----------
    keeper : Keeper
    limits : Limits
    metrics : Metrics
    say : callable
        Told when another map is taken over, or refused.
    """

    ROUTES = frozenset({"/score", "/predict", "/health", "/live", "/metrics", "/openapi.json"})

    def __init__(
        self, keeper: Keeper, limits: Limits, metrics: Metrics, say: Callable[[str], None]
    ) -> None:
        self._keeper, self._limits, self._metrics, self._say = keeper, limits, metrics, say
        self._together = Together()
        self._threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="rows")

    def app(self, started: Callable[[], None]) -> Starlette:
        """Return the ASGI app, which calls `started` once it answers."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            watch = asyncio.create_task(self._keeper.watch(self._tell))
            started()
            yield
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            self._threads.shutdown()

        routes = [
            Route("/score", self.score, methods=["POST"]),
            Route("/predict", self.predict, methods=["POST"]),
            Route("/health", self.health),
            Route("/live", self.live),
            Route("/metrics", self.metrics),
            Route("/openapi.json", self.openapi),
        ]
        handlers: dict[Any, Any] = {
            Refused: _say_refused,
            HTTPException: _say_problem,
            Exception: _say_fault,
        }
        return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)

    async def score(self, request: Request) -> Response:
        """Score rows, with reasons."""
        served, body = self._keeper.current, await request.body()
        kind, wanted = media_type(request.headers.get("content-type")), _wanted(request)
        explained = request.query_params.get("reasons", FLAGGED)
        if explained not in EXPLAINED:
            raise Refused(400, f"reasons must be one of {', '.join(EXPLAINED)}.")
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
        """Predict the column that a model has learned."""
        served, body = self._keeper.current, await request.body()
        kind, wanted = media_type(request.headers.get("content-type")), _wanted(request)

        def answer() -> tuple[Table, bytes]:
            found = served.predict(self._whole_table_of(body, kind, served))
            if wanted != JSON:
                return found, bytes_for_wire(WIRES[wanted], found)
            return found, to_json({"map": served.sha256, "rows": list(found)})

        found, content = await self._in_thread(answer)
        self._metrics.rows("/predict", found.n_rows)
        return Response(content, media_type=wanted)

    async def health(self, request: Request) -> Response:
        """Say which map answers, and why the last file was not taken over."""
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
        return Response(to_json(answer), media_type=JSON)

    async def live(self, request: Request) -> Response:
        """Say nothing, but say it."""
        return Response(status_code=204)

    async def metrics(self, request: Request) -> Response:
        """Give what was counted."""
        return Response(self._metrics.text(), headers={"content-type": TYPE})

    async def openapi(self, request: Request) -> Response:
        """Describe all this, with the columns of the map."""
        described = description_of(self._keeper.current, self._limits)
        return Response(to_json(described), media_type=JSON)

    def _scored(self, content: bytes, found: Answers, wanted: str) -> Response:
        self._metrics.rows("/score", len(found.scores), int(found.is_flagged.sum()))
        return Response(content, media_type=wanted)

    async def _in_thread(self, answer: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, answer)

    def _table_of(self, body: bytes, kind: str, served: Served) -> tuple[Table, list[Any] | None]:
        """Return the rows of a body as a table, and their ids."""
        if kind == JSON:
            rows = rows_of_json(body, self._limits)
            return served.columns.table(served.columns.cells(rows)), _ids_of(rows, served)
        table = self._wire_table(body, kind, served)
        name = served.columns.id
        ids = None if name not in table.names or name is None else table.column(name).cells.tolist()
        return table, ids

    def _whole_table_of(self, body: bytes, kind: str, served: Served) -> Table:
        """Return the rows of a body as a table that has their ids."""
        if kind != JSON:
            return self._wire_table(body, kind, served)
        rows = rows_of_json(body, self._limits)
        table, ids = served.columns.table(served.columns.cells(rows)), _ids_of(rows, served)
        return served.columns.with_ids(table, ids)

    def _wire_table(self, body: bytes, kind: str, served: Served) -> Table:
        if kind not in WIRES:
            raise Refused(415, f"Content-Type must be {TYPES}.")
        words = served.encoding.roles.missing_values
        table = table_of_wire(WIRES[kind], body, self._limits, words)
        served.columns.check_table(table)
        return table

    def _tell(self, is_taken: bool) -> None:
        self._metrics.reload(is_taken)
        refused = self._keeper.refused
        if is_taken or refused is None:
            self._say(f"Took over {self._keeper.path}, sha256 {self._keeper.current.sha256}.")
        else:
            self._say(f"Did not take over {self._keeper.path}: {refused['why']}")


def _wanted(request: Request) -> str:
    """Return the media type of the answer: the first that is asked for and can be given."""
    asked = request.headers.get("accept", "*/*").split(",")
    refused = {media_type(each) for each in asked if NOT_THIS.search(each)}
    for each in map(media_type, asked):
        for kind in (JSON, CSV, ARROW):
            some = f"{kind.partition('/')[0]}/*"
            if each in {kind, some, "*/*"} - refused and kind not in refused:
                return kind
    raise Refused(406, f"Accept must be {TYPES}.")


def _written(found: Answers, ids: list[Any] | None, served: Served, wanted: str) -> bytes:
    if wanted != JSON:
        return bytes_for_wire(WIRES[wanted], found.to_table(ids, served.columns.id))
    threshold = getattr(served.thing, "threshold", None)
    return to_json({"map": served.sha256, "threshold": threshold, "rows": found.to_json(ids)})


def _ids_of(rows: list[Any], served: Served) -> list[Any] | None:
    """Return the ids of rows of JSON as they came, None for a row without one."""
    name = served.columns.id
    return None if name is None else [row.get(name) for row in rows]


async def _say_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return answer_of(error)


async def _say_fault(request: Request, error: Exception) -> Response:
    return answer_of(Refused(500, "A fault of the service; its log says where."))


async def _say_problem(request: Request, error: Exception) -> Response:
    """Say what Starlette refuses: routes and methods that are not there."""
    assert isinstance(error, HTTPException)
    said = {404: f"There is no such route; there are {', '.join(sorted(Service.ROUTES))}."}
    problem = said.get(error.status_code, f"{error.detail}.")
    answer = answer_of(Refused(error.status_code, problem))
    answer.headers.update(error.headers or {})
    return answer
