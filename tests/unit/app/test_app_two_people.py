"""Two people mark the rows of one table: each sees what the other one said, and no mark is lost."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from somscape.app._context import Context
from somscape.app._marks import Marks
from somscape.app._safety import Refused
from somscape.app._store import RESULTS, Run, Store
from somscape.app._watch_calls import WatchCalls

ROWS = {"numbers": [4], "ids": ["k4"], "scores": [1.5], "p_values": [0.25], "cells": []}


@pytest.fixture
def store(state: Path) -> Iterator[Store]:
    with closing(Store(state)) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> Run:
    """A ranked run whose page knows the row 4."""
    made = store.keep_upload(store.new_upload(".csv")[0], "january.csv", ".csv")
    store.say_table(made.upload, {"columns": [{"name": "id"}]})
    store.say_run(made.id, "done", task="rank", settings={}, facts={})
    folder = store.folder_of(made.id) / RESULTS
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({"rows": ROWS}))
    found = store.run(made.id)
    assert found
    return found


def mark(marks: Marks, run: Run, author: str, decision: str | None, **more: Any) -> dict[str, Any]:
    return asyncio.run(marks.decide(run, {"row": 4, "decision": decision, **more}, author))


def test_no_mark_is_taken_while_a_run_becomes_a_watch(store: Store, run: Run) -> None:
    marks = Marks(store)

    async def keep_watch(run: Run, asked: dict[str, Any]) -> str:
        with pytest.raises(Refused, match="becomes a watch just now"):
            await marks.decide(run, {"row": 4, "decision": "cleared"}, "anna")
        with pytest.raises(Refused, match="becomes a watch already"):
            await calls.keep(request)
        return "it went wrong"

    async def body() -> bytes:
        return b'{"name": "w", "key": [0]}'

    request: Any = SimpleNamespace(
        body=body, path_params={"run": run.id}, state=SimpleNamespace(user="kim")
    )
    queue: Any = SimpleNamespace(keep_watch=keep_watch)
    calls = WatchCalls(Context(store, queue, marks, 1))
    with pytest.raises(Refused, match="it went wrong"):
        asyncio.run(calls.keep(request))
    assert store.decisions(run.upload) == []
    assert mark(marks, run, "anna", "cleared")["decision"] == "cleared"  # again it can be marked
