"""Two people mark the rows of one table: each sees what the other one said, and no mark is lost."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from texts import rejected

from somscape.desk.app._results import MarkStore, decisions_csv
from somscape.desk.app._settings import PageDecision, RunSettings
from somscape.desk.app._store import RESULTS, Run, Store
from somscape.desk.cases.records import DecidedMeanwhileError
from somscape.desk.store import _app_runs
from somscape.desk.web._gate import Refusal

ROWS = {"numbers": [4], "ids": ["k4"], "scores": [1.5], "p_values": [0.25], "cells": []}


@pytest.fixture
def store(state: Path) -> Iterator[Store]:
    with closing(Store(state)) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> Run:
    """A ranked run whose page knows the row 4."""
    made = store.keep_upload(store.new_upload(".csv")[0], "january.csv", ".csv")
    store.say_read(made, {"columns": [{"name": "id"}]}, RunSettings())
    store.say_run(made.id, "done", task="rank", facts={})
    folder = store.folder_of(made.id) / RESULTS
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({"rows": ROWS}))
    found = store.run(made.id)
    assert found
    return found


def mark(
    marks: MarkStore, run: Run, author: str, decision: str | None, **more: Any
) -> dict[str, Any]:
    said = PageDecision(row=4, decision=decision, **more)
    return asyncio.run(marks.mark(run, [said], author))[0]


def test_the_second_person_sees_what_the_first_one_said(store: Store, run: Run) -> None:
    marks = MarkStore(store)
    said = {"comment": "a theft", "token": "t1"}
    first = mark(marks, run, "anna", "confirmed", seen=0, **said)
    assert (first["author"], first["seen"]) == ("anna", 2)  # line 1 is that of the upload
    # Its answer was lost, and the page sends it again.
    assert mark(marks, run, "anna", "confirmed", seen=0, **said) == first
    with rejected(DecidedMeanwhileError, value="confirmed") as caught:
        mark(marks, run, "bo", "cleared", seen=0)
    assert (caught.value.last.author, caught.value.last.number) == ("anna", 2)
    back = mark(marks, run, "bo", None, seen=2)
    assert (back["decision"], back["author"], back["seen"]) == ("open", "bo", 3)
    with rejected(DecidedMeanwhileError, value="open"):
        mark(marks, run, "anna", "later", seen=2)
    assert b"anna" not in decisions_csv(asyncio.run(marks.of(run)))
    mark(marks, run, "anna", "later", seen=3)
    assert b",anna," in decisions_csv(asyncio.run(marks.of(run)))


def test_a_row_that_is_no_case_of_the_watch_is_not_marked(store: Store, run: Run) -> None:
    with store.cases.together() as change:
        _app_runs.say_upload(change, run.upload, {"watch": "w"})
    with pytest.raises(Refusal, match="are not cases of its watch"):
        mark(MarkStore(store), run, "anna", "cleared")
