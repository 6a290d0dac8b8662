"""What the pages say of watches and their cases, from what is remembered of them."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from somscape.cases import (
    INSTEAD_OF,
    LATER,
    NEW,
    OPEN,
    RETURNED,
    RISEN,
    Case,
    State,
    WatchRun,
    is_waiting,
    news_now,
)
from somscape.errors import InputError
from somscape.outliers import Detector, detector_in
from somscape.save import load
from somscape.tables import Table, listed, table_from_columns

MAX_CASES = 5000
"""Cases that a page lists, those of the newest run first."""

N_USUAL = 3
"""Usual rows that stand beside a case."""


def summary_of(state: State, name: str) -> dict[str, Any]:
    """Return what the home page says of a watch: its last run, and what waits."""
    with state.database.snapshot():
        return _summary(state, name, state.runs(name), state.cases(name))


def watch_of(state: State, name: str) -> dict[str, Any]:
    """Return what a watch's own page shows: its runs and its cases."""
    with state.database.snapshot():
        watch, runs, cases = state.watch(name), state.runs(name), state.cases(name)
    last = runs[0] if runs else None
    replaced = {id_: run.number for run in runs for id_ in run.facts.get(INSTEAD_OF, ())}
    return {
        **_summary(state, name, runs, cases),
        "key": list(watch.key),
        "source": watch.source,
        "made": watch.made,
        "clear_for": watch.clear_for,
        "runs": [{**_said(run), "replaced_by": replaced.get(run.id)} for run in runs],
        "n_cases": len(cases),
        "cases": [_line(case, last) for case in cases[:MAX_CASES]],
    }


def case_of(state: State, name: str, key: str) -> dict[str, Any]:
    """Return all that is known of a case, for a page to print."""
    with state.database.snapshot():
        return _case_of(state, name, key)


def _case_of(state: State, name: str, key: str) -> dict[str, Any]:
    watch, runs = state.watch(name), state.runs(name)
    history = state.history(name, key)
    lines = []
    for run in reversed(runs):
        found = next((row for row in state.listed(run.id) if row.key == key), None)
        if found is not None:
            lines.append({**asdict(found), **_said(run)})
    if not history and not lines:
        raise InputError(
            f"the watch '{name}' has no case {key!r}. Its page lists the cases that there are."
        )
    return {
        "watch": name,
        "key": key,
        "key_columns": list(watch.key),
        "state": history[-1].state if history else OPEN,
        "waits": any(
            is_waiting(case, runs[0] if runs else None) for case in state.cases(name, key=key)
        ),
        "seen": history[-1].number if history else 0,
        "history": [
            {"decision": d.state, "comment": d.comment, "author": d.author, "made": d.made}
            for d in history
        ],
        "listed": lines,
        "n_runs": len(runs),
        **_row(state, runs, key),
    }


def _summary(
    state: State, name: str, runs: Sequence[WatchRun], cases: Sequence[Case]
) -> dict[str, Any]:
    last = runs[0] if runs else None
    waiting = [case for case in cases if is_waiting(case, last)]
    news = [case.listed.news for case in waiting if case.listed is not None]
    return {
        "name": name,
        "n_runs": len(runs),
        "last": None if last is None else _said(last),
        "n_open": len(waiting),
        "n_new": news.count(NEW),
        "n_returned": news.count(RETURNED),
        "n_risen": news.count(RISEN),
        "n_later": sum(case.state == LATER for case in cases),
        "n_decided": sum(case.state not in (OPEN, LATER) for case in cases),
    }


def _said(run: WatchRun) -> dict[str, Any]:
    facts = run.facts
    return {
        "run": run.id,
        "number": run.number,
        "made": run.made,
        "author": run.author,
        "source": run.source,
        "n_rows": facts.get("n_rows"),
        "n_alerts": facts.get("n_alerts"),
        "drift": _drift_words(facts.get("drift") or {}),
    }


def _drift_words(drift: Mapping[str, Any]) -> str:
    """Return what a run found of drift, in a sentence; "" in the first run by a map."""
    if not drift or drift.get("is_first"):
        return ""
    were = f"{drift['n_above']:,} flagged where {round(drift['expected']):,} were expected"
    if not drift["is_found"]:
        return f"No drift: {were}."
    changes = drift.get("changes") or [""] * len(drift["columns"])  # an older run has none
    others = [column for column, how in zip(drift["columns"], changes, strict=True) if not how]
    where = f" in {listed(others)}" if others else ""
    return f"Drift{where}: {'; '.join([were, *filter(None, changes)])}."


def _line(case: Case, last: WatchRun | None) -> dict[str, Any]:
    row, decision = case.listed, case.decision
    return {
        "key": case.key,
        "state": case.state,
        "run": case.run,
        "waits": is_waiting(case, last),
        "is_last": last is not None and case.run == last.id,
        "news": None if row is None else news_now(case, None if last is None else last.id),
        "place": None if row is None else row.place,
        "score": None if row is None else row.score,
        "reasons": "" if row is None else row.reasons,
        "comment": "" if decision is None else decision.comment,
        "author": "" if decision is None else decision.author,
        "made": "" if decision is None else decision.made,
        "seen": 0 if decision is None else decision.number,
    }


def _row(state: State, runs: Sequence[WatchRun], key: str) -> dict[str, Any]:
    """Return a case's row beside usual ones, and its place on the map, by the last run with it."""
    for run in runs:
        kept = state.kept(run.id)
        if key in kept:
            break
    else:
        return {"cells": None, "usual": [], "map": None}
    unusual = {row.key for row in state.listed(run.id)}
    others = [other for other in kept if other not in unusual and other != key]
    names = list(kept[key])
    shown: dict[str, Any] = {"cells": dict(kept[key]), "of_run": _said(run)}
    try:
        detector = _detector(state, run.map)
        rows = detector.map_.rows_of(_table([kept[k] for k in (key, *others)], names))
    except InputError:  # a map of another somscape: what was kept is shown all the same
        return {**shown, "usual": [], "map": None}
    rows = np.asarray(rows, dtype=np.float64)
    in_table = [code.name for code in detector.map_.encoding.columns if code.name in kept[key]]
    shown["cells"] = {name: kept[key][name] for name in in_table}
    distances = np.nansum((rows[1:] - rows[0]) ** 2, axis=1)
    nearest = np.argsort(distances, kind="stable")[:N_USUAL]
    return {
        **shown,
        "usual": [{"key": others[i], "cells": kept[others[i]]} for i in nearest],
        "map": _place(detector, rows[:1]),
    }


def _place(detector: Detector, row: Any) -> dict[str, Any]:
    map_ = detector.map_
    lattice = map_.lattice
    width = float(np.ptp(lattice.cell[:, 0]))
    return {
        "unit": int(map_.winners_of_rows(row)[0]),
        "n_cols": lattice.n_cols,
        "cell": (lattice.cell / width).round(4).tolist(),
        "positions": (lattice.positions / width).round(4).tolist(),
        "hits": np.asarray(map_.hits).tolist(),
    }


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    """Return kept rows as a table; a column that holds a text is all text."""
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            values = [v if v is None or isinstance(v, str) else f"{v:.15g}" for v in values]
        columns[name] = values
    return table_from_columns(columns)


def _detector(state: State, hash_: str) -> Detector:
    return _loaded(state.map(hash_))


@lru_cache(maxsize=8)
def _loaded(content: bytes) -> Detector:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.som"
        path.write_bytes(content)
        found = detector_in(load(path))
    if found is None:
        raise InputError("the map of this run does not rank rows.")
    return found
