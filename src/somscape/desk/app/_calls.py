"""Requests about runs, watches and cases."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from somscape.desk.app._context import (
    MAX_NAME,
    Context,
    author_of,
    json_of,
    limit_of,
    shown_name,
    take,
    take_sample,
)
from somscape.desk.app._results import (
    FILES,
    WORKBOOK,
    asked_of,
    decisions_csv,
    find_rows,
    marked_page,
    own_rows,
    plain_page,
    said_of,
)
from somscape.desk.app._settings import FILE as ROLES
from somscape.desk.app._settings import (
    PageCategories,
    PageDecision,
    PageWatch,
    RunSettings,
    checked_settings,
    features_of,
    reading_of,
    settings_of,
    text_of,
)
from somscape.desk.app._store import DONE, GOES_ON, RANK, READ, RESULTS, WAITING, Run
from somscape.desk.app._users import DECIDE, LOOK, RUN
from somscape.desk.app._work import one_line
from somscape.desk.cases._compare import NEWS
from somscape.desk.cases._drift import drift_words
from somscape.desk.cases._watch import check_name, columns_of_cells, detector_of
from somscape.desk.cases.decide import amounts_of
from somscape.desk.cases.records import (
    CATEGORIES,
    LATER,
    OPEN,
    Case,
    WatchRun,
    counting,
    is_check,
    is_waiting,
    news_now,
    runs_to_replace,
)
from somscape.desk.cases.state import State
from somscape.desk.jobs._roles import reading_in
from somscape.desk.web._gate import Call, Refusal, Visitor
from somscape.errors import InputError
from somscape.report._build import lattice_of
from somscape.tables._features import unit_of
from somscape.tables._roles import roles_from_text
from somscape.tables.codes import ANY_DECIMALS, decimals_of
from somscape.tables.table import table_from_columns

REPORT_POLICY = "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content policy for the report, in addition to the policy in the page that allows its scripts."""


class RunCalls:
    """Handlers of the requests about runs and their results.

    Parameters
    ----------
    at : Context
    """

    def __init__(self, at: Context) -> None:
        self._at = at

    def calls(self) -> list[Call]:
        """Return the routes."""
        runs, change = "/api/runs/{run}", self._at.change
        return [
            Call("/api/runs", self.list_runs, LOOK),
            change("/api/uploads", self.upload, RUN, limit=limit_of(self._at.max_upload)),
            change("/api/sample", self.sample, RUN),
            Call(runs, self.show, LOOK),
            Call(f"{runs}/events", self.events, LOOK),
            Call(f"{runs}/marks", self.marks, LOOK),
            Call(f"{runs}/find", self.find, LOOK),
            Call("/runs/{run}/report", self.report_page, LOOK),
            Call("/runs/{run}/files/{name}", self.file, LOOK),
            change(f"{runs}/mark", self.mark, DECIDE),
            change(f"{runs}/regions", self.keep_regions, RUN),
            change(f"{runs}/start", self.start, RUN),
            change(f"{runs}/settings", self.keep_settings, RUN),
            change(f"{runs}/features", self.features, RUN),
            change(f"{runs}/roles", self.take_roles, RUN),
            change(f"{runs}/retry", self.retry, RUN),
            change(f"{runs}/read", self.read, RUN),
            change(f"{runs}/cancel", self.cancel, RUN),
            change(f"{runs}/again", self.again, RUN),
            change(f"{runs}/name", self.rename, RUN),
            change(f"{runs}/delete", self.delete, RUN),
        ]

    async def list_runs(self, request: Request) -> Response:
        """Answer with all runs, the newest first."""
        n_decided = await self._at.n_decided(*self._at.store.runs())
        return JSONResponse([self._at.summary(run, n_decided) for run in self._at.store.runs()])

    async def show(self, request: Request) -> Response:
        """Respond with a run, the columns of its table, and its settings."""
        n_decided = await self._at.n_decided(self._at.run(request))
        run = self._at.run(request)
        found = {
            **self._at.summary(run, n_decided),
            "settings": run.settings.to_json(),
            "table": self._at.store.table(run.upload),
            "reading": run.settings.reading,
            "top": await asyncio.to_thread(self._at.store.top, run.id),
        }
        return JSONResponse(found)

    async def upload(self, request: Request) -> Response:
        """Save an uploaded table. It can replace the wrong table of an earlier run of a watch."""
        watch, wrong = map(request.query_params.get, ("watch", "instead_of"))
        settings = None
        if watch is not None:
            watches = await asyncio.to_thread(self._at.cases.watches)
            if watch not in {each.name for each in watches}:
                raise Refusal(422, f"The watch '{watch[:MAX_NAME]}' does not exist.")
            again, new_ids = (request.query_params.get(n) == "true" for n in ("again", "new_ids"))
            settings = RunSettings(author=author_of(request), again=again, new_ids=new_ids)
        if wrong is not None:
            is_number = wrong.isdecimal() and len(wrong) < 10
            if watch is None or settings is None or not is_number:
                raise Refusal(422, "'instead_of' must be the number of a run of the given watch.")
            first = int(wrong)
            runs_to_replace(await asyncio.to_thread(self._at.cases.runs, watch), first)
            settings = replace(settings, instead_of=first)
        return self._at.added(await take(request, self._at.store, watch, settings))

    async def sample(self, request: Request) -> Response:
        """Add the bundled table."""
        return self._at.added(await take_sample(self._at.store))

    async def start(self, request: Request) -> Response:
        """Start a ranking with the given settings."""
        await self._save_settings(request, state=WAITING, task=RANK)
        return self._at.added(self._at.run(request))

    async def keep_settings(self, request: Request) -> Response:
        """Save settings."""
        await self._save_settings(request)
        return JSONResponse({})

    async def features(self, request: Request) -> Response:
        """Respond with the names of the features that customers can have with given settings."""
        given = await json_of(request, dict[str, Any])
        run, table = self._run_to_set_up(request)
        return JSONResponse(features_of(checked_settings(given, table, run.settings), table))

    async def _save_settings(self, request: Request, **more: Any) -> None:
        """Save the settings of a run, and `more` about the run. Refuse changes that are late."""
        given = await json_of(request, dict[str, Any])
        is_decided = await self._is_decided(request)

        def save() -> None:
            run, table = self._run_to_set_up(request)
            settings = checked_settings({**given, **run.settings.reading}, table, run.settings)
            if is_decided and settings.per != run.settings.per:
                raise Refusal(
                    409,
                    "This table has marks for rows that were combined in another way. Upload the "
                    "file again.",
                )
            said = more or {"state": run.state, "problem": run.problem}
            self._at.store.say_run(run.id, **said, settings=settings)

        await self._at.store.change(save)

    def _run_to_set_up(self, request: Request) -> tuple[Run, dict[str, Any]]:
        run = self._at.run(request)
        table = self._at.store.table(run.upload)
        if run.state in GOES_ON or run.is_ranked or table is None:
            raise Refusal(409, "The settings of this run cannot change now. Load the page again.")
        return run, table

    async def take_roles(self, request: Request) -> Response:
        """Apply a roles file to a run. Read the table again if needed."""
        name = shown_name(request.query_params.get("name", ""))
        text = await request.body()
        roles = await asyncio.to_thread(roles_from_text, text, name)
        run, table = self._run_to_set_up(request)
        own, said = run.settings.reading, reading_in(run.ending, roles)
        content = text.decode("utf-8-sig")
        if any(own.get(part) != value for part, value in said.items()):
            settings = replace(reading_of({**own, **said}), roles=(content, name))
            return await self._read_again(request, settings)
        settings = await asyncio.to_thread(settings_of, content, name, run.settings, table)

        def keep() -> None:
            run, _ = self._run_to_set_up(request)  # another tab may have started it in the meantime
            self._at.store.say_run(run.id, run.state, problem=run.problem, settings=settings)

        await self._at.store.change(keep)
        return JSONResponse({"run": run.id})

    async def _read_again(self, request: Request, reading: RunSettings) -> Response:
        """Read a table again with other settings. After an error, keep the earlier table."""
        is_decided = await self._is_decided(request)

        def read() -> None:
            run = self._at.run(request)
            self._check_unused(run, is_decided=is_decided)
            is_read = self._at.store.table(run.upload) is not None
            settings = replace(reading, before=run.settings if is_read else None)
            self._at.store.say_run(run.id, WAITING, task=READ, settings=settings)

        await self._at.store.change(read)
        return self._at.added(self._at.run(request))

    async def _is_decided(self, request: Request) -> bool:
        """Return whether a row of the table was ever marked. An undone mark also counts."""
        cases_of = self._at.run(request).cases_of
        return await asyncio.to_thread(self._at.cases.is_decided, cases_of)

    def _check_unused(self, run: Run, *, is_decided: bool) -> None:
        is_new = self._at.store.n_runs(run.upload) == 1 and not is_decided
        is_used = run.task != READ or not is_new
        if run.state in GOES_ON or is_used:
            raise Refusal(
                409,
                "This table already has runs or marks, so it cannot be read in another way. Upload "
                "the file again.",
            )

    async def retry(self, request: Request) -> Response:
        """Start an unfinished run again. `again` permits the table of an earlier run of a watch."""
        again = (await json_of(request, dict[str, Any])).get("again") is True

        def retry() -> None:
            run = self._at.run(request)
            if run.state in GOES_ON or run.state == DONE:
                raise Refusal(
                    409,
                    "This run did not end early, so it cannot be repeated. Load the page again.",
                )
            settings = replace(run.settings, again=True) if again else None
            self._at.store.say_run(run.id, WAITING, settings=settings)

        await self._at.store.change(retry)
        return self._at.added(self._at.run(request))

    async def read(self, request: Request) -> Response:
        """Read the table again with other settings."""
        return await self._read_again(request, reading_of(await json_of(request, dict[str, Any])))

    async def cancel(self, request: Request) -> Response:
        """Cancel a run. Respond after the process of the run has ended."""
        run = self._at.run(request)
        await self._at.queue.cancel(run.id)
        n_decided = await self._at.n_decided(run)
        return JSONResponse(self._at.summary(self._at.run(request), n_decided))

    async def again(self, request: Request) -> Response:
        """Add a run of the same table. If `with_marks` is true, the run uses the marks."""
        with_marks = (await json_of(request, dict[str, Any])).get("with_marks") is True
        run = self._at.run(request)
        if self._at.store.table(run.upload) is None:
            raise Refusal(
                409, "The table of this run was never read. Try again on the page of the run."
            )
        if with_marks and not await self._at.marks.known(run):
            raise Refusal(409, "No row is confirmed or cleared yet.")
        settings = replace(run.settings, uses_marks=with_marks)
        if run.is_ranked:
            settings = replace(settings, regions_of=run.id)
        how = (RANK, settings) if with_marks else (READ, settings, DONE)

        def add() -> Run:
            return self._at.store.new_run(self._at.run(request).upload, *how)

        made = await self._at.store.change(add)
        return self._at.added(made) if with_marks else JSONResponse({"run": made.id})

    async def rename(self, request: Request) -> Response:
        """Rename a run. If the new name is empty, the run is named after its file."""
        name = (await json_of(request, dict[str, Any])).get("name")
        if not isinstance(name, str) or not name.isprintable() or len(name) > MAX_NAME:
            raise Refusal(422, f"A name must be one line of at most {MAX_NAME} characters.")
        run = self._at.run(request)
        await self._at.store.change(lambda: self._at.store.say_title(run.id, name.strip()))
        return JSONResponse({"name": self._at.run(request).title})

    async def delete(self, request: Request) -> Response:
        """Delete a run and its files."""
        run = self._at.run(request)
        await self._at.queue.cancel(run.id)
        await self._at.store.drop_run(run, author_of(request))
        return JSONResponse({})

    async def events(self, request: Request) -> Response:
        """Send a page the state of a run after each change, as server-sent events."""
        run = self._at.run(request)

        async def lines() -> AsyncIterator[str]:
            async for state in self._at.queue.listen(run.id):
                yield ": still here\n\n" if state is None else f"data: {json.dumps(state)}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def report_page(self, request: Request) -> Response:
        """Respond with the HTML report in which users can mark rows."""
        run = self._at.run(request)
        if not run.is_ranked:
            return RedirectResponse(f"/runs/{run.id}", 303)
        visitor: Visitor = request.user
        shown: dict[str, Any] = {
            "csrf": visitor.csrf,
            "role": visitor.role,
            "user": visitor.name if visitor.has_account else "",
            "categories": CATEGORIES,
        }
        if run.watch is not None:
            watch = await asyncio.to_thread(self._at.cases.watch, run.watch)
            shown["categories"] = watch.clear_as
        folder = self._at.store.folder_of(run.id)
        page = await asyncio.to_thread(marked_page, folder, run, shown)
        return HTMLResponse(page, headers={"Content-Security-Policy": REPORT_POLICY})

    async def marks(self, request: Request) -> Response:
        """Respond with the marks of the rows of a run."""
        run = self._at.run(request)
        return JSONResponse({mark["number"]: mark for mark in await self._at.marks.of(run)})

    async def find(self, request: Request) -> Response:
        """Respond with the rows of the whole table whose id contains a text."""
        run, words = self._at.run(request), request.query_params.get("id", "")[:MAX_NAME]
        folder = self._at.store.folder_of(run.id)
        return JSONResponse(await asyncio.to_thread(find_rows, folder, words))

    async def mark(self, request: Request) -> Response:
        """Save or remove the mark of a row, or the marks of several rows together."""
        given = await json_of(request, PageDecision)
        run = self._at.run(request)
        said = await self._at.marks.mark(run, given.each, author_of(request))
        return JSONResponse(said if given.several else said[0])

    async def keep_regions(self, request: Request) -> Response:
        """Save edited regions of a run."""
        given = await json_of(request, dict[str, Any])
        run = self._at.run(request)
        if not run.is_ranked:
            raise Refusal(409, "This run does not have a ranking, so regions cannot be saved.")
        problem = await self._at.queue.keep_regions(run, given)
        self._at.run(request)  # it may have been deleted in the meantime
        if problem:
            raise Refusal(422, problem)
        return JSONResponse({})

    async def file(self, request: Request) -> Response:
        """Answer with a result file to download."""
        run, name = self._at.run(request), request.path_params["name"]
        table = self._at.store.table(run.upload)
        is_there = run.is_ranked or (name == ROLES and table is not None)
        folder = self._at.store.folder_of(run.id)
        is_there &= name != WORKBOOK or (folder / RESULTS / name).exists()  # an older run has none
        if name not in FILES or not is_there:
            raise Refusal(404, "This file does not exist.")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if name == ROLES:
            body = text_of(run.settings, table or {}, run.name).encode()
        elif name == "decisions.csv":
            body = decisions_csv(await self._at.marks.of(run))
        elif name == "report.html":
            body = await asyncio.to_thread(plain_page, folder)
        else:
            return FileResponse(folder / RESULTS / name, media_type=FILES[name], headers=headers)
        return Response(body, media_type=FILES[name], headers=headers)


_loaded = lru_cache(maxsize=8)(detector_of)

YEARS = {None, *range(1000, 3000)}  # a column with only these values contains years

# Most cases on the page of a watch, usual rows on the page of a case, characters of a name, runs of
# a watch on the home page.
MAX_CASES, N_USUAL, MAX_SHOWN_NAME, MAX_MONTHS = 5000, 3, 100, 3


def summary_of(state: State, name: str) -> dict[str, Any]:
    """Return the last run of a watch and its number of undecided cases, for the home page."""
    with state.database.snapshot():
        runs, cases = state.runs(name), state.cases(name)
        watch, decided = state.watch(name), state.precision(name)
        summary, waiting = _summary(state, name, runs, cases)
        column, amounts = amounts_of(state, watch, waiting)
        months = [_run_data(run) | decided[run.id] for run in counting(runs)[:MAX_MONTHS]]
        at_stake = {"amount_column": column, "amount": sum(amounts.values())}
        noun = "customer" if watch.job.per else "row"
        return {**summary, "noun": noun, "months": months, **at_stake}


def numbers_of(state: State, runs: Sequence[WatchRun]) -> dict[str, int]:
    """Return the number of decimals for each column whose numbers have separators on the pages.
    Years stay as in the file."""
    if not runs:
        return {}
    rows, roles = [*state.kept(runs[0].id).values()], runs[0].facts.get("roles", {})
    values = {name: {row.get(name) for row in rows} for name in roles.get("number", ())}
    return {
        # A run keeps large numbers as texts.
        name: ANY_DECIMALS
        if any(isinstance(value, str) for value in found)
        else decimals_of(np.array([*found - {None}], dtype=np.float64))
        for name, found in values.items()
        if not found <= YEARS
    }


def watch_of(state: State, name: str) -> dict[str, Any]:
    """Return the runs and cases of a watch, for the page of the watch."""
    with state.database.snapshot():
        watch, runs, cases = state.watch(name), state.runs(name), state.cases(name)
        decided = state.precision(name)
        column, amounts = amounts_of(state, watch, cases[:MAX_CASES])
        summary, _ = _summary(state, name, runs, cases)
    last = runs[0] if runs else None
    replaced = {id_: run.number for run in runs for id_ in run.replaced}
    return {
        **summary,
        "key": list(watch.key),
        "source": watch.source,
        "clear_for": watch.clear_for,
        "categories": watch.clear_as,
        "runs": [
            {**_run_data(run), **decided[run.id], "replaced_by": replaced.get(run.id)}
            for run in runs
        ],
        "n_cases": len(cases),
        "amount_column": column,
        "cases": [
            {**_line(case, last), "amount": amounts.get(case.key)} for case in cases[:MAX_CASES]
        ],
    }


def case_of(state: State, name: str, key: str) -> dict[str, Any]:
    """Return the decisions, runs and values of a case, for the page of the case."""
    with state.database.snapshot():
        watch, runs = state.watch(name), state.runs(name)
        history, cases = state.history(name, key), state.cases(name, key=key)
        lines = [
            {**asdict(row), **_run_data(run)}
            for run in reversed(runs)
            for row in state.listed(run.id, key=key)
        ]
        if not history and not lines:
            raise InputError(
                f"The watch '{name}' does not have the case {key!r}. The page of the watch lists "
                "all cases.",
                value=key,
            )
        counts = {run.id for run in counting(runs)}
        return {
            "key_columns": list(watch.key),
            "numbers": numbers_of(state, runs),
            "categories": watch.clear_as,
            "is_check": is_check(key),
            "state": history[-1].state if history else OPEN,
            "waits": any(is_waiting(case, runs[0] if runs else None) for case in cases),
            "seen": history[-1].number if history else 0,
            "history": [said_of(decision) for decision in history],
            # A case that only replaced runs listed shows these runs.
            "listed": [line for line in lines if line["run"] in counts] or lines,
            **_row(state, [*counting(runs), *runs], key, is_per=bool(watch.job.per)),
        }


def _summary(
    state: State, name: str, runs: Sequence[WatchRun], cases: Sequence[Case]
) -> tuple[dict[str, Any], list[Case]]:
    """Return two values: the counts of a watch with its last run, and the waiting cases."""
    last = runs[0] if runs else None
    waiting = [case for case in cases if is_waiting(case, last)]
    counts = last.facts.get("counts", {}) if last else {}
    checks = [news_now(case, last.id) for case in cases if is_check(case.key)] if last else []
    return {
        "name": name,
        "n_runs": len(runs),
        "numbers": numbers_of(state, runs),
        "last": None if last is None else _run_data(last),
        "n_open": len(waiting),
        "n_open_checks": sum(is_check(case.key) for case in waiting),
        **{f"n_{word}": counts.get(word, 0) for word in NEWS},
        "n_new_checks": sum(news in NEWS for news in checks),
        "n_later": sum(case.state == LATER for case in cases),
        "n_decided": sum(case.state not in (OPEN, LATER) for case in cases),
    }, waiting


def _run_data(run: WatchRun) -> dict[str, Any]:
    drift = run.facts.get("drift") or {}
    return {
        "run": run.id,
        **{part: getattr(run, part) for part in ("number", "made", "author", "source")},
        "n_rows": run.facts.get("n_rows"),
        "drift": drift_words(drift),
        "is_drift": bool(drift.get("is_found")),
    }


def _line(case: Case, last: WatchRun | None) -> dict[str, Any]:
    row, decision = case.listed, case.decision
    return {
        "key": case.key,
        "state": case.state,
        "run": case.run,
        "waits": is_waiting(case, last),
        "is_last": last is not None and case.run == last.id,
        "news": news_now(case, last.id if last else None) if row else None,
        "is_check": is_check(case.key),
        "place": row.place if row else None,
        "reasons": row.reasons if row else "",
        **(said_of(decision) if decision else {"comment": "", "seen": 0}),
    }


def _row(state: State, runs: Sequence[WatchRun], key: str, *, is_per: bool) -> dict[str, Any]:
    """Return the values of a case's row and of similar usual rows, their units, and its cell."""
    for run in runs:
        kept = state.kept(run.id)
        if key in kept:
            break
    else:
        return {"cells": None, "usual": [], "map": None}
    unusual = {row.key for row in state.listed(run.id)}
    others = [other for other in kept if other not in unusual and other != key]
    names = list(kept[key])
    shown: dict[str, Any] = {"cells": dict(kept[key]), "of_run": _run_data(run)}
    shown["units"] = {name: unit_of(name) for name in names} if is_per else None
    try:
        map_ = _loaded(state.map(run.map)).map_
        cells = columns_of_cells([kept[k] for k in (key, *others)], names)
        rows = map_.rows_of(table_from_columns(cells))
    except InputError:  # a map of another version: the saved values are still shown
        return {**shown, "usual": [], "map": None}
    rows = np.asarray(rows, dtype=np.float64)
    in_table = [code.name for code in map_.encoding.columns if code.name in kept[key]]
    shown["cells"] = {name: kept[key][name] for name in in_table}
    distances = np.nansum((rows[1:] - rows[0]) ** 2, axis=1)
    nearest = np.argsort(distances, kind="stable")[:N_USUAL]
    return {
        **shown,
        "usual": [{"key": others[i], "cells": kept[others[i]]} for i in nearest],
        "map": {**lattice_of(map_), "unit": int(map_._winners_of_rows(rows[:1])[0])},
    }


class WatchCalls:
    """Handlers of the requests about watches and their cases.

    Parameters
    ----------
    at : Context
    """

    def __init__(self, at: Context) -> None:
        self._at = at

    def calls(self) -> list[Call]:
        """Return the routes."""
        return [
            Call("/watches/{watch}", self.watch_page, LOOK),
            Call("/watches/{watch}/cases/{key:path}", self.case_page, LOOK),
            Call("/api/watches", self.list_watches, LOOK),
            Call("/api/watches/{watch}", self.show, LOOK),
            Call("/api/watches/{watch}/cases/{key:path}", self.case, LOOK),
            self._at.change("/api/watches/{watch}/decide", self.decide, DECIDE),
            self._at.change("/api/watches/{watch}/categories", self.categories, RUN),
            self._at.change("/api/runs/{run}/watch", self.begin, RUN),
        ]

    async def watch_page(self, request: Request) -> Response:
        """Answer with the page of a watch."""
        await self._watch(request)
        return self._at.page(request, "watch.html")

    async def case_page(self, request: Request) -> Response:
        """Answer with the page of a case."""
        await self._case(request)
        return self._at.page(request, "case.html")

    async def list_watches(self, request: Request) -> Response:
        """Respond with all watches and the number of undecided cases of each watch."""

        def summaries() -> list[dict[str, Any]]:
            state = self._at.cases
            return [summary_of(state, watch.name) for watch in state.watches()]

        ranked = self._ranked()
        found = await asyncio.to_thread(summaries)
        return JSONResponse([{**watch, **self._report_of(watch, ranked)} for watch in found])

    async def show(self, request: Request) -> Response:
        """Respond with a watch, its runs and its cases."""
        name = await self._watch(request)
        ranked = self._ranked()
        found = await asyncio.to_thread(watch_of, self._at.cases, name)
        runs = [{**run, "report": ranked.get(run["run"])} for run in found["runs"]]
        return JSONResponse({**found, "runs": runs, **self._report_of(found, ranked)})

    async def case(self, request: Request) -> Response:
        """Answer with all data about a case."""
        found, ranked = await self._case(request), self._ranked()
        listed = [{**run, "report": ranked.get(run["run"])} for run in found["listed"]]
        reports = [self._at.store.folder_of(run["report"]) for run in listed if run["report"]]
        own = await asyncio.to_thread(own_rows, reports[-1:], request.path_params["key"])
        return JSONResponse({**found, "listed": listed, "own_rows": own})

    async def decide(self, request: Request) -> Response:
        """Save a decision on a case, or decisions on several cases together."""
        given = await json_of(request, PageDecision)
        name, author, asked = await self._watch(request), author_of(request), []
        for one in given.each:
            if one.key is None:
                raise Refusal(422, "'key' must be the key of a case, as a text.")
            asked.append(asked_of(one.key, one, run=one.run))
        said = [*map(said_of, await self._at.store.decide(name, asked, author))]
        return JSONResponse(said if given.several else said[0])

    async def categories(self, request: Request) -> Response:
        """Save the categories for clearing cases of a watch."""
        given = await json_of(request, PageCategories)
        name, author = await self._watch(request), author_of(request)
        keep = self._at.cases.keep_categories
        watch = await asyncio.to_thread(keep, name, given.categories, author=author)
        return JSONResponse({"categories": watch.clear_as})

    async def begin(self, request: Request) -> Response:
        """Begin a watch with a finished run. The decisions on its upload belong to the watch."""
        given = await json_of(request, PageWatch)
        check_name(given.name)
        watches = await asyncio.to_thread(self._at.cases.watches)
        run = self._at.run(request)
        if not run.is_ranked or run.task != RANK:
            raise Refusal(409, "Only a run with a ranking can become a watch.")
        if run.watch is not None:
            raise Refusal(409, f"This table already belongs to the watch '{run.watch}'.")
        name, table = given.name, self._at.store.table(run.upload) or {"columns": []}
        if max(given.key, default=0) >= len(table["columns"]):
            raise Refusal(422, "'key' must be a list of column numbers.")
        key = tuple(table["columns"][i]["name"] for i in given.key)
        if name in {watch.name for watch in watches}:
            raise Refusal(409, f"The watch '{name}' already exists. Give this watch another name.")
        problem = await self._at.queue.begin_watch(run, name, key, author_of(request))
        run = self._at.run(request)  # it may have been deleted in the meantime
        if problem:
            raise Refusal(422, problem)
        return JSONResponse({"watch": run.watch})

    async def _watch(self, request: Request) -> str:
        name = str(request.path_params["watch"])
        watches = await asyncio.to_thread(self._at.cases.watches)
        if name not in {watch.name for watch in watches}:
            raise Refusal(404, f"The watch '{name[:MAX_SHOWN_NAME]}' does not exist.")
        return name

    async def _case(self, request: Request) -> dict[str, Any]:
        name, key = await self._watch(request), request.path_params["key"]
        try:
            return await asyncio.to_thread(case_of, self._at.cases, name, key)
        except InputError as error:
            raise Refusal(404, one_line(str(error))) from error

    def _ranked(self) -> dict[str, str]:
        """Return the ids of finished app runs, by the id of the run that the watch recorded."""
        return {
            run.facts["watch_run"]: run.id
            for run in self._at.store.runs()
            if run.is_ranked and run.facts and run.facts.get("watch_run")
        }

    def _report_of(self, watch: dict[str, Any], ranked: dict[str, str]) -> dict[str, Any]:
        last = watch["last"]
        return {"report": None if last is None else ranked.get(last["run"])}
