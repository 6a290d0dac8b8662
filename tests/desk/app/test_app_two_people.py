"""Two people mark the rows of one table: each sees what the other one said, and no mark is lost."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from texts import rejected

from somscape.desk.app._context import Context
from somscape.desk.app._rank import _decision
from somscape.desk.app._results import MarkStore, decisions_csv, marked_page
from somscape.desk.app._store import RESULTS, Run, Store
from somscape.desk.app._watch_calls import WatchCalls
from somscape.desk.cases.records import DecidedMeanwhileError
from somscape.desk.web._connections import Refusal

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


def mark(
    marks: MarkStore, run: Run, author: str, decision: str | None, **more: Any
) -> dict[str, Any]:
    return asyncio.run(marks.decide(run, {"row": 4, "decision": decision, **more}, author))


def test_no_mark_is_taken_while_a_run_becomes_a_watch(store: Store, run: Run) -> None:
    marks = MarkStore(store)

    async def keep_watch(run: Run, asked: dict[str, Any]) -> str:
        with pytest.raises(Refusal, match="watch is being made"):
            await marks.decide(run, {"row": 4, "decision": "cleared"}, "anna")
        with pytest.raises(Refusal, match="watch is already being made"):
            await calls.keep(request)
        return "it went wrong"

    async def body() -> bytes:
        return b'{"name": "w", "key": [0]}'

    request: Any = SimpleNamespace(
        body=body,
        path_params={"run": run.id},
        state=SimpleNamespace(visitor=SimpleNamespace(user="kim")),
    )
    queue: Any = SimpleNamespace(keep_watch=keep_watch)
    calls = WatchCalls(Context(store, queue, marks, 1))
    with pytest.raises(Refusal, match="it went wrong"):
        asyncio.run(calls.keep(request))
    assert store.decisions(run.upload) == []
    assert mark(marks, run, "anna", "cleared")["decision"] == "cleared"  # again it can be marked


def test_the_second_person_sees_what_the_first_one_said(store: Store, run: Run) -> None:
    marks = MarkStore(store)
    first = mark(marks, run, "anna", "confirmed", seen=0, comment="a theft")
    assert (first["author"], first["seen"]) == ("anna", 1)
    # Its answer was lost, and the page sends it again.
    assert mark(marks, run, "anna", "confirmed", seen=0, comment="a theft") == first
    with rejected(DecidedMeanwhileError, value="confirmed") as caught:
        mark(marks, run, "bo", "cleared", seen=0)
    assert (caught.value.last.author, caught.value.last.number) == ("anna", 1)
    back = mark(marks, run, "bo", None, seen=1)
    assert (back["decision"], back["author"], back["seen"]) == ("open", "bo", 2)
    with rejected(DecidedMeanwhileError, value="open"):
        mark(marks, run, "anna", "later", seen=1)
    assert b"anna" not in decisions_csv(asyncio.run(marks.of(run)))
    mark(marks, run, "anna", "later", seen=2)
    assert b",anna," in decisions_csv(asyncio.run(marks.of(run)))


def test_a_row_that_is_no_case_of_the_watch_is_not_marked(store: Store, run: Run) -> None:
    store.say_watch(run.upload, "w")
    with pytest.raises(Refusal, match="are not cases of its watch"):
        mark(MarkStore(store), run, "anna", "cleared")


def test_rows_that_were_put_together_have_no_roles_file(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somscape.report.render", lambda data, script, style: script)
    for per, said in (([], "true"), ([0], "false")):
        of = replace(run, settings={"per": per})
        page = marked_page(store.folder_of(run.id), of, {"role": "look", "user": "anna"})
        assert f'"has_roles": {said}' in page
        assert '"role": "look", "user": "anna"' in page


def test_a_decision_of_a_watch_keeps_the_author_of_its_mark() -> None:
    seen = SimpleNamespace(watch="w", run="r", knows=lambda key: False)
    given = {"number": 0, "comment": "", "decision": "later", "score": 1.0}
    for author, expected in (("anna", "anna"), ("", "kim")):
        said = _decision(seen, ["k"], {**given, "author": author}, "kim")
        assert said.author == expected
