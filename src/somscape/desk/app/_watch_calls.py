"""Requests about watches and their cases."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from somscape.desk.app._context import Context, author_of, json_of
from somscape.desk.app._results import asked_of, own_rows, said_of
from somscape.desk.app._settings import PageCategories, PageDecision, PageWatch
from somscape.desk.app._store import RANK
from somscape.desk.app._users import DECIDE, LOOK, RUN
from somscape.desk.app._work import one_line
from somscape.desk.cases._compare import NEWS
from somscape.desk.cases._drift import drift_words
from somscape.desk.cases._watch import check_name, columns_of_cells, detector_of
from somscape.desk.cases.decide import amounts_of, by_run
from somscape.desk.cases.records import (
    LATER,
    OPEN,
    Case,
    WatchRun,
    counting,
    is_check,
    is_waiting,
    news_now,
)
from somscape.desk.cases.state import State
from somscape.desk.web._gate import Call, Refusal
from somscape.errors import InputError
from somscape.report._build import lattice_of
from somscape.tables.table import table_from_columns

# Most cases on the page of a watch, usual rows on the page of a case, characters of a name, runs of
# a watch on the home page.
MAX_CASES, N_USUAL, MAX_SHOWN_NAME, MAX_MONTHS = 5000, 3, 100, 3


def summary_of(state: State, name: str) -> dict[str, Any]:
    """Return the last run of a watch and its number of undecided cases, for the home page."""
    with state.database.snapshot():
        runs, cases = state.runs(name), state.cases(name)
        last = runs[0] if runs else None
        waiting = [case for case in cases if is_waiting(case, last)]
        column, amounts = amounts_of(state, state.watch(name), waiting)
        months = by_run(state, name, counting(runs)[:MAX_MONTHS])
        at_stake = {"amount_column": column, "amount": sum(amounts.values())}
        return {**_summary(name, runs, cases), "months": months, **at_stake}


def watch_of(state: State, name: str) -> dict[str, Any]:
    """Return the runs and cases of a watch, for the page of the watch."""
    with state.database.snapshot():
        watch, runs, cases = state.watch(name), state.runs(name), state.cases(name)
        decided = state.precision(name)
        column, amounts = amounts_of(state, watch, cases[:MAX_CASES])
    last = runs[0] if runs else None
    replaced = {id_: run.number for run in runs for id_ in run.replaced}
    return {
        **_summary(name, runs, cases),
        "key": list(watch.key),
        **{name: getattr(watch, name) for name in ("source", "made", "clear_for")},
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
        return {
            "watch": name,
            "key": key,
            "key_columns": list(watch.key),
            "categories": watch.clear_as,
            "is_check": is_check(key),
            "state": history[-1].state if history else OPEN,
            "waits": any(is_waiting(case, runs[0] if runs else None) for case in cases),
            "seen": history[-1].number if history else 0,
            "history": [said_of(decision) for decision in history],
            "listed": lines,
            "n_runs": len(runs),
            **_row(state, runs, key),
        }


def _summary(name: str, runs: Sequence[WatchRun], cases: Sequence[Case]) -> dict[str, Any]:
    last = runs[0] if runs else None
    waiting = [case for case in cases if is_waiting(case, last)]
    news = [case.listed.news for case in waiting if case.listed is not None]
    return {
        "name": name,
        "n_runs": len(runs),
        "last": None if last is None else _run_data(last),
        "n_open": len(waiting),
        **{f"n_{word}": news.count(word) for word in NEWS},
        "n_later": sum(case.state == LATER for case in cases),
        "n_decided": sum(case.state not in (OPEN, LATER) for case in cases),
    }


def _run_data(run: WatchRun) -> dict[str, Any]:
    own = {name: getattr(run, name) for name in ("number", "made", "author", "source")}
    counts = {name: run.facts.get(name) for name in ("n_rows", "n_alerts")}
    return {"run": run.id, **own, **counts, "drift": drift_words(run.facts.get("drift") or {})}


def _line(case: Case, last: WatchRun | None) -> dict[str, Any]:
    row, decision = case.listed, case.decision
    return {
        "key": case.key,
        "state": case.state,
        "run": case.run,
        "waits": is_waiting(case, last),
        "is_last": last is not None and case.run == last.id,
        "news": None if row is None else news_now(case, None if last is None else last.id),
        "is_check": is_check(case.key),
        **{name: getattr(row, name, None) for name in ("place", "score")},
        "reasons": getattr(row, "reasons", ""),
        **{name: getattr(decision, name, "") for name in ("comment", "author", "made")},
        "seen": 0 if decision is None else decision.number,
    }


def _row(state: State, runs: Sequence[WatchRun], key: str) -> dict[str, Any]:
    """Return the values of a case's row, its unit, and the values of similar usual rows."""
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


_loaded = lru_cache(maxsize=8)(detector_of)


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
        own = await asyncio.to_thread(own_rows, reports[-1:], found["key"])
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
