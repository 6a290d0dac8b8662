"""Others write to the databases for long, or nobody can: pages are as fast, decisions refused."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from disks import held, locked, read_only
from some_cases import KEY, fill
from starlette.requests import Request
from texts import rejected
from web_client import Client, serving

from somscape.desk.app import _store
from somscape.desk.app._context import ONLY_SHOWN, Context, take
from somscape.desk.app._server import Site
from somscape.desk.app._store import DONE, INTERRUPTED, RUNNING, Store
from somscape.desk.cases import State
from somscape.desk.cases.decide import NewDecision
from somscape.desk.store._places import FILE
from somscape.desk.store._sqlite import READ_ONLY, TroubleError
from somscape.errors import InputError

CASE, SAID = "cards", ("a", "later")
SMALL = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i % 17) for i in range(30))
QUICK = 0.5
"""Seconds in which a page is there."""


def store_with(state: Path, monkeypatch: pytest.MonkeyPatch, wait: float) -> Store:
    monkeypatch.setattr(_store, "SECONDS_TO_WAIT", wait)
    with State(state) as cases:
        fill(cases)
    store = Store(state)
    store.after_start()
    return store


def test_decisions_that_wait_leave_threads_to_read(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_with(state, monkeypatch, 1.0)

    async def go() -> float:
        deciding = [
            asyncio.create_task(store.decide(CASE, [NewDecision(*SAID, token=f"t{i}")], "ann"))
            for i in range(40)  # more than asyncio has threads
        ]
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        decided = await asyncio.to_thread(store.cases.history, "cards", "a")
        read_in = time.monotonic() - begun
        assert decided[-1].state == "confirmed"
        for said in await asyncio.gather(*deciding, return_exceptions=True):
            assert isinstance(said, InputError)
            assert " for 1 seconds. Nothing" in str(said)
            assert f"`lsof {state / FILE}`" in str(said)
        assert time.monotonic() - begun < 3
        return read_in

    try:
        with locked(state / FILE):
            assert asyncio.run(go()) < QUICK
        assert asyncio.run(store.decide(CASE, [NewDecision(*SAID)], "ann"))[0].number == 8
        assert store.cases.history("cards", "a")[-1].state == "later"
    finally:
        store.close()


def test_changes_wait_for_the_apps_own_database_without_holding_up_others(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_with(state, monkeypatch, 0.5)

    async def go() -> None:
        begun = time.monotonic()
        waiting = [asyncio.create_task(store.change(lambda: None)) for _ in range(10)]
        steps = 0
        while not all(task.done() for task in waiting):
            await asyncio.sleep(0.01)
            assert store.runs() == []
            steps += 1
        assert steps > 10
        assert 0.5 <= time.monotonic() - begun < 2
        for task in waiting:
            with rejected():
                task.result()

    try:
        with locked(state / FILE):
            asyncio.run(go())
        upload, _ = store.new_upload(".csv")
        asyncio.run(store.change(lambda: store.keep_upload(upload, "a.csv", ".csv")))
        assert len(store.runs()) == 1
    finally:
        store.close()


def test_changes_of_a_block_hold_together(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_with(state, monkeypatch, 0.2)

    def change() -> None:
        store.keep_upload(store.new_upload(".csv")[0], "a.csv", ".csv")
        raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            asyncio.run(store.change(change))
        assert store.runs() == []
    finally:
        store.close()


def test_an_upload_into_a_locked_database_leaves_no_file(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_with(state, monkeypatch, 0.2)
    with ExitStack() as locking:

        async def stream() -> AsyncIterator[bytes]:
            yield SMALL
            locking.enter_context(locked(state / FILE))

        request: Any = SimpleNamespace(query_params={"name": "a.csv"}, stream=stream)
        with rejected(TroubleError):
            asyncio.run(take(request, store))
        assert [*(state / "uploads").iterdir()] == []
    store.close()


@pytest.mark.parametrize(
    ("code", "status"),
    [("SQLITE_BUSY", 503), ("SQLITE_READONLY", 403), ("SQLITE_FULL", 507), ("SQLITE_CORRUPT", 507)],
)
def test_the_status_says_why_nothing_was_saved(code: str, status: int, state: Path) -> None:
    with closing(Store(state)) as store:
        handlers = Site(Context(store, None, None, 1)).app(lambda: None).exception_handlers
        request = Request({"type": "http", "method": "POST", "path": "/api/runs", "headers": []})
        error = sqlite3.OperationalError("x")
        error.sqlite_errorcode = getattr(sqlite3, code)
        with rejected(TroubleError) as raised, store.cases.together():
            store.cases.database._open_change()._connection.told(Mock(side_effect=error))
        assert handlers[TroubleError](request, raised.value).status_code == status


def test_a_read_only_state_that_no_app_has_opened_is_shown(state: Path) -> None:
    with State(state) as cases:
        fill(cases)
    with read_only(state):
        before = held(state)
        with closing(Store(state)) as store:
            assert [watch.name for watch in store.cases.watches()] == ["cards"]
            assert store.runs() == []
        assert held(state) == before


def test_a_locked_database_is_said_at_the_start(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_with(state, monkeypatch, 0.2).close()
    with (
        locked(state / FILE),
        rejected(),
    ):
        Store(state)
    Store(state).close()


def ranked_by(client: Client) -> tuple[str, int]:
    run = client.upload("small.csv", SMALL)
    client.wait(run)
    client.post(f"/api/runs/{run}/start")
    client.wait(run)
    return run, client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"][0]


def test_a_read_only_folder_is_shown_as_it_is(state: Path) -> None:
    store = Store(state)
    for name in ("done", "running"):
        run = store.keep_upload(store.new_upload(".csv")[0], name, ".csv")
        store.say_run(run.id, DONE if name == "done" else RUNNING)
    store.close()
    with read_only(state):
        before = held(state)
        store = Store(state)
        assert store.is_read_only
        assert store.after_start() == []
        assert {run.name: run.state for run in store.runs()} == {
            "done": DONE,
            "running": INTERRUPTED,
        }
        with rejected(TroubleError) as raised:
            store.say_title(run.id, "another")
        assert raised.value.why == READ_ONLY
        store.close()
        assert held(state) == before
    store = Store(state)
    assert [run.state for run in store.runs()].count(RUNNING) == 1
    store.close()


@pytest.mark.nightly
@pytest.mark.parametrize("has_journal", [False, True])
def test_the_app_shows_a_read_only_state_and_refuses_changes(
    has_journal: bool, state: Path
) -> None:
    with State(state) as cases:
        fill(cases)
    with serving(state, "--jobs", "1") as server:
        run, row = ranked_by(server.client.enter())
        if has_journal:  # the app and its state are killed before they write it back
            server.client.enter().post(
                "/api/watches/cards/decide", {"key": KEY, "decision": "later"}
            )
            server.process.kill()
            server.process.wait(30)
    assert (state / f"{FILE}-wal").exists() == has_journal
    with read_only(state):
        before = held(state)
        with serving(state, "--jobs", "1") as server:
            assert f"{state} {ONLY_SHOWN}\n" in server.said
            client = server.client.enter()
            assert [each["run"] for each in client.get("/api/runs")] == [run]
            for path in ("/", "/watches/cards", f"/runs/{run}/report"):
                assert client.ask("GET", path).status == 200
            assert client.get("/api/watches")[0]["n_runs"] == 2
            said = client.get(f"/api/watches/cards/cases/{KEY}")
            assert said["state"] == ("later" if has_journal else "confirmed")
            for path, body in (
                ("/api/watches/cards/decide", {"key": "a", "decision": "later"}),
                (f"/api/runs/{run}/mark", {"row": row, "decision": "later"}),
                *((f"/api/runs/{run}/{word}", {}) for word in ("again", "delete", "cancel")),
                ("/api/sample", {}),
            ):
                answer = client.ask("POST", path, json.dumps(body))
                assert (answer.status, answer.problem) == (
                    403,
                    f"{state} {ONLY_SHOWN} Nothing was saved.",
                )
            assert client.send("a.csv", SMALL).status == 403
        assert held(state) == before
