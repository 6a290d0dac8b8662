"""Calls about watches: what waits, the cases, decisions, and how a run becomes a watch."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from somscape.app._columns import one_line
from somscape.app._context import Context, author_of, json_of
from somscape.app._marks import checked, token_of
from somscape.app._safety import Refused
from somscape.app._store import RANK, RESULTS, Run
from somscape.app._watches import case_of, summary_of, watch_of
from somscape.cases import OPEN, Seen, Watch, check_name
from somscape.errors import InputError

MAX_LETTERS = 100
"""Characters that a message shows of a watch's name."""


class WatchCalls:
    """The answers.

    Parameters
    ----------
    at : Context
    """

    def __init__(self, at: Context) -> None:
        self._at = at

    def routes(self) -> list[Route]:
        """Return what can be called for."""
        return [
            Route("/watches/{watch}", self.watch_page),
            Route("/watches/{watch}/cases/{key:path}", self.case_page),
            Route("/api/watches", self.list_watches),
            Route("/api/watches/{watch}", self.show),
            Route("/api/watches/{watch}/cases/{key:path}", self.case),
            Route("/api/watches/{watch}/decide", self.decide, methods=["POST"]),
            Route("/api/runs/{run}/watch", self.keep, methods=["POST"]),
        ]

    async def watch_page(self, request: Request) -> Response:
        """One watch: what waits, its cases, its runs."""
        await self._watch(request)
        return self._at.page(request, "watch.html")

    async def case_page(self, request: Request) -> Response:
        """One case, to look at and to print."""
        await self._case(request)
        return self._at.page(request, "case.html")

    async def list_watches(self, request: Request) -> Response:
        """All watches, with what waits."""

        def summaries() -> list[dict[str, Any]]:
            state = self._at.cases
            return [summary_of(state, watch.name) for watch in state.watches()]

        ranked = self._ranked()
        found = await asyncio.to_thread(summaries)
        return JSONResponse([{**watch, **self._report_of(watch, ranked)} for watch in found])

    async def show(self, request: Request) -> Response:
        """One watch with its runs and cases."""
        name = await self._watch(request)
        ranked = self._ranked()
        found = await asyncio.to_thread(watch_of, self._at.cases, name)
        runs = [{**run, "report": ranked.get(run["run"])} for run in found["runs"]]
        return JSONResponse({**found, "runs": runs, **self._report_of(found, ranked)})

    async def case(self, request: Request) -> Response:
        """All that is known of a case."""
        found, ranked = await self._case(request), self._ranked()
        listed = [{**run, "report": ranked.get(run["run"])} for run in found["listed"]]
        return JSONResponse({**found, "listed": listed})

    async def decide(self, request: Request) -> Response:
        """Keep a decision on a case; answered once it is saved."""
        given = await json_of(request)
        name, key = await self._watch(request), given.get("key")
        decision, comment = checked(given)
        token, seen = token_of(given)
        if not isinstance(key, str):
            raise Refused(422, "'key' must be the key of a case.")
        run = given.get("run")
        if run is not None and not isinstance(run, str):
            raise Refused(422, "'run' must be the run in which the case was seen.")
        seen_as = await asyncio.to_thread(Seen.of, self._at.cases, name, key=key, run=run)
        new = seen_as.decision(key, decision, comment=comment, author=author_of(request))
        said = await self._at.store.decide_case(new, token=token, seen=seen)
        return JSONResponse(
            {
                "decision": said.state,
                "comment": said.comment,
                "author": said.author,
                "made": said.made,
                "seen": said.number,
            }
        )

    async def keep(self, request: Request) -> Response:
        """Keep a finished run as a watch; answered once it is one."""
        given = await json_of(request)
        run = self._at.run(request)
        if not run.is_ranked or run.task != RANK:
            raise Refused(409, "Only a run that was ranked can be kept as a watch.")
        if run.watch is not None:
            raise Refused(409, f"This table belongs to the watch '{run.watch}' already.")
        name, key = _asked(given, self._at.store.table(run.upload))
        with self._at.marks.kept_still(run.upload):
            problem = await self._keep(run, name, key, author_of(request))
        run = self._at.run(request)  # it may have been deleted in the meantime
        if problem:
            raise Refused(422, problem)
        return JSONResponse({"watch": run.watch})

    async def _keep(self, run: Run, name: str, key: list[str], author: str) -> str:
        """Have a run become a watch, with the marks of its rows; return what is wrong."""
        watches = await asyncio.to_thread(self._at.cases.watches)
        taken = [watch for watch in watches if watch.name == name]
        if taken and not await self._is_begun(run, taken[0]):
            raise Refused(409, f"There is a watch '{name}' already; give this one another name.")
        marks = await self._at.marks.of(run)
        asked = {
            "watch": name,
            "key": key,
            "author": author,
            "decided": [
                {n: mark[n] for n in ("number", "decision", "comment", "score", "author")}
                for mark in marks
                if mark["decision"] != OPEN or mark["comment"]
            ],
        }
        return await self._at.queue.keep_watch(run, asked)

    async def _is_begun(self, run: Run, watch: Watch) -> bool:
        """Return whether a watch was made of a run by a job that was then killed."""
        if any(other.watch == watch.name for other in self._at.store.runs()):
            return False
        file = self._at.store.folder_of(run.id) / RESULTS / "map.som"
        return await asyncio.to_thread(_hash_of, file) == watch.map

    async def _watch(self, request: Request) -> str:
        name = str(request.path_params["watch"])
        watches = await asyncio.to_thread(self._at.cases.watches)
        if name not in {watch.name for watch in watches}:
            raise Refused(404, f"There is no watch '{name[:MAX_LETTERS]}'.")
        return name

    async def _case(self, request: Request) -> dict[str, Any]:
        name, key = await self._watch(request), request.path_params["key"]
        try:
            return await asyncio.to_thread(case_of, self._at.cases, name, key)
        except InputError as error:
            raise Refused(404, one_line(str(error))) from error

    def _ranked(self) -> dict[str, str]:
        """Return which run here shows the report of which run of a watch."""
        return {
            run.facts["watch_run"]: run.id
            for run in self._at.store.runs()
            if run.is_ranked and run.facts and run.facts.get("watch_run")
        }

    def _report_of(self, watch: dict[str, Any], ranked: dict[str, str]) -> dict[str, Any]:
        last = watch["last"]
        return {"report": None if last is None else ranked.get(last["run"])}


def _hash_of(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:  # the run was deleted in the meantime
        return ""


def _asked(given: dict[str, Any], table: dict[str, Any] | None) -> tuple[str, list[str]]:
    """Return the name of a new watch and the columns of its key, or refuse them."""
    name, key = given.get("name"), given.get("key")
    if not isinstance(name, str):
        raise Refused(422, "'name' must be the name of a watch.")
    check_name(name)
    columns = [] if table is None else table["columns"]
    is_key = isinstance(key, list) and all(
        isinstance(i, int) and not isinstance(i, bool) and 0 <= i < len(columns) for i in key
    )
    if not is_key:
        raise Refused(422, "'key' must be the numbers of some columns.")
    return name, [columns[i]["name"] for i in key or ()]
