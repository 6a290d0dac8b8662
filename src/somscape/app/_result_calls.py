"""Calls about a finished run: its report, the marks of its rows, its regions and its files."""

import asyncio

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from somscape.app._context import Context, author_of, json_of
from somscape.app._results import FILES, decisions_csv, marked_page, plain_page
from somscape.app._roles import FILE as ROLES
from somscape.app._roles import text_of
from somscape.app._safety import Refused
from somscape.app._store import RESULTS

REPORT_POLICY = "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Besides the one that stands in the page: what may run there, by its hash."""


class ResultCalls:
    """The answers.

    Parameters
    ----------
    at : Context
    """

    def __init__(self, at: Context) -> None:
        self._at = at

    def routes(self) -> list[Route]:
        """Return what can be called for."""
        runs = "/api/runs/{run}"
        return [
            Route("/runs/{run}/report", self.report_page),
            Route("/runs/{run}/files/{name}", self.file),
            Route(f"{runs}/marks", self.marks),
            Route(f"{runs}/mark", self.mark, methods=["POST"]),
            Route(f"{runs}/regions", self.keep_regions, methods=["POST"]),
        ]

    async def report_page(self, request: Request) -> Response:
        """The report, in which rows can be marked."""
        run = self._at.run(request)
        if not run.is_ranked:
            return RedirectResponse(f"/runs/{run.id}", 303)
        folder = self._at.store.folder_of(run.id)
        visitor = {
            "csrf": request.state.csrf,
            "role": request.state.role or "",
            "user": request.state.user if request.state.has_account else "",
        }
        page = await asyncio.to_thread(marked_page, folder, run, visitor)
        return HTMLResponse(page, headers={"Content-Security-Policy": REPORT_POLICY})

    async def marks(self, request: Request) -> Response:
        """Which rows of a run's list are marked, by their number."""
        run = self._at.run(request)
        return JSONResponse({mark["number"]: mark for mark in await self._at.marks.of(run)})

    async def mark(self, request: Request) -> Response:
        """Mark a row, or take its mark back; answered once it is saved."""
        given = await json_of(request)
        run = self._at.run(request)
        return JSONResponse(await self._at.marks.decide(run, given, author_of(request)))

    async def keep_regions(self, request: Request) -> Response:
        """Keep edited regions; answered once the run's report and map have them."""
        given = await json_of(request)
        run = self._at.run(request)
        if not run.is_ranked:
            raise Refused(409, "This run has no ranking whose regions could be kept.")
        problem = await self._at.queue.keep_regions(run, given)
        self._at.run(request)  # it may have been deleted in the meantime
        if problem:
            raise Refused(422, problem)
        return JSONResponse({})

    async def file(self, request: Request) -> Response:
        """A result to take along."""
        run, name = self._at.run(request), request.path_params["name"]
        table = self._at.store.table(run.upload)
        is_there = run.is_ranked or (name == ROLES and table is not None)
        if name not in FILES or not is_there:
            raise Refused(404, "There is no such file.")
        folder = self._at.store.folder_of(run.id)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if name == ROLES:
            body = text_of(run.settings or {}, table or {}, run.name).encode()
            return Response(body, media_type=FILES[name], headers=headers)
        if name == "decisions.csv":
            body = decisions_csv(await self._at.marks.of(run))
            return Response(body, media_type=FILES[name], headers=headers)
        if name == "report.html":
            page = await asyncio.to_thread(plain_page, folder)
            return Response(page, media_type=FILES[name], headers=headers)
        return FileResponse(folder / RESULTS / name, media_type=FILES[name], headers=headers)
