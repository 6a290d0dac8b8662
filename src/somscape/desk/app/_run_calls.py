"""Calls about runs: set up, rank, name, delete, and take results along."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from somscape.desk.app._context import (
    MAX_NAME,
    Context,
    author_of,
    json_of,
    shown_name,
    take,
    take_sample,
)
from somscape.desk.app._results import FILES, decisions_csv, marked_page, plain_page
from somscape.desk.app._safety import AppRefusal
from somscape.desk.app._settings import FILE as ROLES
from somscape.desk.app._settings import checked_settings, reading_of, settings_of, text_of
from somscape.desk.app._store import BEFORE, DONE, GOES_ON, RANK, READ, RESULTS, WAITING, Run
from somscape.desk.cases._run import counting
from somscape.desk.jobs._roles import reading_of as how_to_read
from somscape.tables._roles import roles_from_text


class RunCalls:
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
        posted = {
            "start": self.start,
            "settings": self.keep_settings,
            "roles": self.take_roles,
            "retry": self.retry,
            "read": self.read,
            "cancel": self.cancel,
            "again": self.again,
            "name": self.rename,
            "delete": self.delete,
        }
        return [
            Route("/api/runs", self.list_runs),
            Route("/api/uploads", self.upload, methods=["POST"]),
            Route("/api/sample", self.sample, methods=["POST"]),
            Route(runs, self.show),
            Route(f"{runs}/events", self.events),
            *(Route(f"{runs}/{name}", call, methods=["POST"]) for name, call in posted.items()),
        ]

    async def list_runs(self, request: Request) -> Response:
        """All runs, the newest first."""
        return JSONResponse([self._at.summary(run) for run in self._at.store.runs()])

    async def show(self, request: Request) -> Response:
        """One run with its columns and settings."""
        run = self._at.run(request)
        more = {
            "settings": run.settings,
            "table": self._at.store.table(run.upload),
            "reading": reading_of(run.settings),
        }
        return JSONResponse(self._at.summary(run) | more)

    async def upload(self, request: Request) -> Response:
        """Take a table in, for a watch if one is named, in place of a run of it if one is."""
        watch, wrong = map(request.query_params.get, ("watch", "instead_of"))
        settings: dict[str, Any] | None = None
        if watch is not None:
            watches = await asyncio.to_thread(self._at.cases.watches)
            if watch not in {each.name for each in watches}:
                raise AppRefusal(422, f"There is no watch '{watch[:MAX_NAME]}'.")
            settings = {"author": author_of(request), "instead_of": None}
        if wrong is not None:
            runs = [] if watch is None else await asyncio.to_thread(self._at.cases.runs, watch)
            numbers = {str(run.number): run.number for run in reversed(counting(runs))}
            if settings is None or wrong not in numbers:
                raise AppRefusal(
                    422,
                    "'instead_of' must be the number of a run of the watch that still counts: "
                    f"{', '.join(numbers) or 'none'}.",
                )
            settings["instead_of"] = numbers[wrong]
        return self._at.added(await take(request, self._at.store, watch, settings))

    async def sample(self, request: Request) -> Response:
        """Take the bundled table in."""
        return self._at.added(take_sample(self._at.store))

    async def start(self, request: Request) -> Response:
        """Rank with the settings given."""
        given = await json_of(request)
        run, settings = self._with_settings(request, given)
        self._at.store.say_run(run.id, WAITING, task=RANK, settings=settings)
        return self._at.added(self._at.run(request))

    async def keep_settings(self, request: Request) -> Response:
        """Keep settings, to go on later or to take the roles along."""
        given = await json_of(request)
        run, settings = self._with_settings(request, given)
        self._at.store.say_run(run.id, run.state, problem=run.problem, settings=settings)
        return JSONResponse({})

    def _with_settings(self, request: Request, given: dict[str, Any]) -> tuple[Run, dict[str, Any]]:
        """Return a run that can be set up, with the settings given."""
        run, table = self._set_up(request)
        before = run.settings or {}
        settings = checked_settings({**before, **given, **reading_of(run.settings)}, table)
        if run.n_decisions and settings["per"] != before.get("per", []):
            raise AppRefusal(
                409, "Marks are of rows as they were put together. Drop the file in once more."
            )
        return run, settings

    def _set_up(self, request: Request) -> tuple[Run, dict[str, Any]]:
        run = self._at.run(request)
        table = self._at.store.table(run.upload)
        if run.state in GOES_ON or run.is_ranked or table is None:
            raise AppRefusal(409, "This run cannot be set up now. Load the page again.")
        return run, table

    async def take_roles(self, request: Request) -> Response:
        """Set up a run by a roles file; the table is read again where it says how."""
        name = shown_name(request.query_params.get("name", ""))
        text = await request.body()
        roles = await asyncio.to_thread(roles_from_text, text, name)
        run, table = self._set_up(request)
        own, said = reading_of(run.settings), how_to_read(run.ending, {}, roles)
        content = text.decode("utf-8-sig")
        if any(own.get(part) != value for part, value in said.items()):
            self._check_unused(run)
            settings = {**reading_of({**own, **said}), "roles": [content, name]}
            self._read_again(run, settings)
            return self._at.added(self._at.run(request))
        settings = await asyncio.to_thread(settings_of, content, name, run.settings or {}, table)
        run, _ = self._set_up(request)  # in the meantime another tab may have started it
        self._at.store.say_run(run.id, run.state, problem=run.problem, settings=settings)
        return JSONResponse({"run": run.id})

    def _read_again(self, run: Run, settings: dict[str, Any]) -> None:
        """Have a table read in another way; until that succeeds, it stays as it was read."""
        if self._at.store.table(run.upload) is not None:
            settings = {**settings, BEFORE: run.settings}
        self._at.store.say_run(run.id, WAITING, task=READ, settings=settings)

    def _check_unused(self, run: Run) -> None:
        is_used = run.task != READ or run.n_decisions or self._at.store.n_runs(run.upload) > 1
        if run.state in GOES_ON or is_used:
            raise AppRefusal(
                409,
                "Runs or marks are of this table as it was read. Drop the file in once more.",
            )

    async def retry(self, request: Request) -> Response:
        """Do again what was not finished."""
        run = self._at.run(request)
        if run.state in GOES_ON or run.state == DONE:
            raise AppRefusal(409, "This run is not one that ended early. Load the page again.")
        self._at.store.say_run(run.id, WAITING)
        return self._at.added(self._at.run(request))

    async def read(self, request: Request) -> Response:
        """Read the table again, in the way that is said."""
        reading = reading_of(await json_of(request))
        run = self._at.run(request)
        self._check_unused(run)
        self._read_again(run, reading)
        return self._at.added(self._at.run(request))

    async def cancel(self, request: Request) -> Response:
        """End a run's job; answers when it has ended."""
        run = self._at.run(request)
        await self._at.queue.cancel(run.id)
        return JSONResponse(self._at.summary(self._at.run(request)))

    async def again(self, request: Request) -> Response:
        """Add a run of the same table: to be set up, or at once with the marks of its rows."""
        with_marks = (await json_of(request)).get("with_marks") is True
        run = self._at.run(request)
        if run.settings is None or self._at.store.table(run.upload) is None:
            raise AppRefusal(409, "The table of this run was never read; try again there.")
        if with_marks and not await self._at.marks.known(run):
            raise AppRefusal(409, "No row is confirmed or cleared yet.")
        settings = {**run.settings, "uses_marks": with_marks}
        if run.is_ranked:
            settings["regions_of"] = run.id
        if with_marks:
            return self._at.added(self._at.store.new_run(run.upload, RANK, settings))
        return JSONResponse({"run": self._at.store.new_run(run.upload, READ, settings, DONE).id})

    async def rename(self, request: Request) -> Response:
        """Call a run something; nothing calls it after its file again."""
        name = (await json_of(request)).get("name")
        if not isinstance(name, str) or not name.isprintable() or len(name) > MAX_NAME:
            raise AppRefusal(422, f"A name is one line of up to {MAX_NAME} characters.")
        run = self._at.run(request)
        self._at.store.say_title(run.id, name.strip())
        return JSONResponse({"name": self._at.run(request).title})

    async def delete(self, request: Request) -> Response:
        """Delete a run and its files."""
        run = self._at.run(request)
        await self._at.queue.cancel(run.id)
        self._at.store.drop_run(run)
        return JSONResponse({})

    async def events(self, request: Request) -> Response:
        """Server-sent events: how a run stands, whenever that changes."""
        run = self._at.run(request)

        async def lines() -> AsyncIterator[str]:
            async for state in self._at.queue.listen(run.id):
                yield ": still here\n\n" if state is None else f"data: {json.dumps(state)}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")


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
            raise AppRefusal(409, "This run has no ranking whose regions could be kept.")
        problem = await self._at.queue.keep_regions(run, given)
        self._at.run(request)  # it may have been deleted in the meantime
        if problem:
            raise AppRefusal(422, problem)
        return JSONResponse({})

    async def file(self, request: Request) -> Response:
        """A result to take along."""
        run, name = self._at.run(request), request.path_params["name"]
        table = self._at.store.table(run.upload)
        is_there = run.is_ranked or (name == ROLES and table is not None)
        if name not in FILES or not is_there:
            raise AppRefusal(404, "There is no such file.")
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
