"""What is kept survives: a killed server, a second one, and many uploads at once."""

import asyncio
import contextlib
import json
import socket
import sqlite3
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from disks import locked
from some_cases import new_database
from texts import rejected
from web_client import Answer, Client
from web_client import serving as serving_by_either

from somscape.desk.app import _store
from somscape.desk.app._results import MarkStore
from somscape.desk.app._settings import RunSettings
from somscape.desk.app._store import Run, Store
from somscape.desk.cases import verify
from somscape.desk.cases.decide import NewDecision
from somscape.desk.store import _app_runs
from somscape.desk.store._places import FILE as CASES
from somscape.desk.store._sqlite import TroubleError
from somscape.desk.web._gate import Refusal

pytestmark = pytest.mark.nightly
finds_jobs = pytest.mark.skipif(sys.platform != "linux", reason="finds processes as on Linux")

# Here, the start and the end of processes are looked at.
serving = partial(serving_by_either, is_fork=False)
SMALL = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i % 17) for i in range(30))


def large(n: int = 40_000) -> bytes:
    return b"a,b,c,d\n" + b"".join(
        b"%d,%d,%d,%d\n" % (i * 7919 % 997, i * i % 911, i % 89, i * 31 % 499) for i in range(n)
    )


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@finds_jobs
def test_a_killed_server_loses_nothing_that_was_marked(state: Path) -> None:
    with serving(state, "--jobs", "1") as server:
        client = server.client.enter()
        done = client.upload("small.csv", SMALL)
        client.wait(done)
        client.post(f"/api/runs/{done}/start")
        client.wait(done)
        running = client.upload("large.csv", large())
        client.wait(running)
        waiting = client.post(f"/api/runs/{done}/again")["run"]
        for run in (running, waiting):
            client.post(f"/api/runs/{run}/start")
        next(s for s in client.events(running) if "progress" in s)
        number = client.get(f"/runs/{done}/files/report.json")["rows"]["numbers"][0]
        client.post(f"/api/runs/{done}/mark", {"row": number, "decision": "confirmed"})
        jobs = server.jobs
        assert len(jobs) == 1
        server.process.kill()
        server.process.wait(30)
    # The job of a dead server ends by itself.
    deadline = time.monotonic() + 20
    while any(map(is_running, jobs)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, jobs))

    with serving(state, "--jobs", "1") as server:
        client = server.client.enter()
        found = client.get(f"/api/runs/{done}/marks")
        assert {n: mark["decision"] for n, mark in found.items()} == {str(number): "confirmed"}
        assert client.ask("GET", f"/runs/{done}/report").status == 200
        found = client.get(f"/api/runs/{running}")
        assert (found["state"], found["task"]) == ("interrupted", "rank")
        assert "Start the run again" in found["problem"]
        assert client.wait(waiting)["state"] == "done"  # it was in line, and is done now
        client.post(f"/api/runs/{running}/retry")
        assert client.get(f"/api/runs/{running}")["state"] in ("waiting", "running")


def test_a_folder_has_one_server_at_a_time(state: Path) -> None:
    first = Store(state)
    with rejected():
        Store(state)
    first.close()
    Store(state).close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits a process as Linux does")
def test_a_full_disk_is_not_taken_for_another_server(state: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with rejected() as caught:
            Store(state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "another somscape app" not in str(caught.value)


def test_only_the_user_may_look_into_the_folder(state: Path) -> None:
    Store(state).close()
    assert state.stat().st_mode & 0o077 == 0
    assert (state / CASES).stat().st_mode & 0o077 == 0


def marks_of(store: Store) -> list[dict[str, Any]]:
    """Return the decisions on the rows of the newest run."""
    return asyncio.run(MarkStore(store).of(store.runs()[0]))


def test_an_upload_that_could_not_be_read_is_gone_at_the_next_start(state: Path) -> None:
    store = Store(state)
    bad = store.keep_upload(store.new_upload(".csv")[0], "ragged.csv", ".csv")
    good = store.keep_upload(store.new_upload(".csv")[0], "good.csv", ".csv")
    store.say_run(bad.id, "failed", problem="line 2 has 3 cells")
    store.say_read(good, {"n_rows": 1}, RunSettings())
    store.say_run(good.id, "failed", problem="said by a ranking")
    store.close()
    store = Store(state)
    store.after_start()
    assert [run.id for run in store.runs()] == [good.id]
    assert [folder.name for folder in (state / "uploads").iterdir()] == [good.upload]
    assert not store.folder_of(bad.id).exists()
    store.close()


def test_facts_of_a_table_are_saved_only_with_the_settings_of_its_run(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(Store(state)) as store:
        run = store.keep_upload(store.new_upload(".csv")[0], "good.csv", ".csv")
        with monkeypatch.context() as patch:
            patch.setattr(store, "say_run", Mock(side_effect=sqlite3.OperationalError("locked")))
            with pytest.raises(sqlite3.OperationalError):
                store.say_read(run, {"n_rows": 1}, RunSettings())
        assert store.table(run.upload) is None
        store.say_read(run, {"n_rows": 1}, RunSettings(seed=3))
        (found,) = store.runs()
        assert (store.table(run.upload), found.settings.seed) == ({"n_rows": 1}, 3)


@pytest.mark.nightly
def test_folders_that_share_a_server_have_their_own_runs(
    postgresql: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = new_database(postgresql)
    for name in ("one", "other", "one"):
        monkeypatch.setattr(_store, "state_folder", lambda name=name: tmp_path / name)
        with contextlib.closing(Store(place)) as store:
            waiting = [run.name for run in store.after_start()]
            assert waiting == [run.name for run in store.runs()]
            assert set(waiting) <= {name}
            run = store.keep_upload(store.new_upload(".csv")[0], name, ".csv")
            store.say_read(run, {"n_rows": 1}, RunSettings(seed=3))
            store.say_run(run.id, "waiting", facts={"n": 1})
            asyncio.run(store.change(partial(store.say_title, run.id, "a title")))
            found = store.run(run.id)
            assert (found.title, found.facts, found.settings.seed) == ("a title", {"n": 1}, 3)
            asyncio.run(store.decide(run.cases_of, [NewDecision("6", "cleared")], "ann"))
    with contextlib.closing(Store(place)) as store:
        first, last = store.runs()
        asyncio.run(store.drop_run(first))
        assert [run.id for run in store.runs()] == [last.id]
        assert store.cases.history(first.cases_of, "6") == []


@pytest.mark.parametrize(
    "damaged",
    [
        '{"seed": "x"}',
        "[]",
        '{"told": null}',
        '{"contamination": 0.7}',
        '{"sheet": ""}',
        "not JSON",
    ],
)
def test_damaged_settings_end_one_run_and_not_the_app(state: Path, damaged: str) -> None:
    with contextlib.closing(Store(state)) as store:
        files = [store.new_upload(".csv")[0] for _ in range(2)]
        runs = [store.keep_upload(file, "a.csv", ".csv") for file in files]
        for run in runs:
            store.say_read(run, {"n_rows": 1}, RunSettings(seed=3))
    with contextlib.closing(sqlite3.connect(state / CASES)) as db, db:
        db.execute("UPDATE app_runs SET settings = ? WHERE id = ?", (damaged, runs[0].id))
    with contextlib.closing(Store(state)) as store:
        assert runs[0].id not in {run.id for run in store.after_start()}
        found = {run.id: run for run in store.runs()}
    bad, good = (found[run.id] for run in runs)
    assert (bad.state, bad.settings) == ("failed", RunSettings())
    assert bad.problem.startswith("Its settings are damaged (")
    assert (good.state, good.settings) == ("done", RunSettings(seed=3))


def test_a_table_that_is_read_again_in_a_wrong_way_stays_as_it_was(state: Path) -> None:
    def start() -> Store:
        store = Store(state)
        store.after_start()
        return store

    with contextlib.closing(start()) as store:
        run = store.keep_upload(store.new_upload(".csv")[0], "good.xlsx", ".xlsx")
        before = RunSettings(kinds={"1": "drop"})
        store.say_read(run, {"n_rows": 1}, before)
        wrong = RunSettings(sheet="Januray", before=before)
        store.say_run(run.id, "running", settings=wrong)
    with contextlib.closing(start()) as store:  # it ended while it read
        (found,) = store.runs()
        assert (found.state, found.settings) == ("done", before)
        assert found.problem
        store.say_run(run.id, "waiting", settings=wrong)
        store.say_ended(run.id, "failed", problem="no sheet 'Januray'")
    with contextlib.closing(start()) as store:
        (found,) = store.runs()
        assert (found.state, found.problem) == ("done", "no sheet 'Januray'")
        assert store.table(run.upload) == {"n_rows": 1}


def test_a_state_that_is_no_folder_or_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with rejected():
        Store(tmp_path / "file")
    (tmp_path / CASES).write_bytes(b"no database" * 100)
    with rejected():
        Store(tmp_path)


def test_a_run_goes_with_its_files_and_the_last_one_with_its_upload(state: Path) -> None:
    store = Store(state)
    upload, path = store.new_upload(".csv")
    path.write_bytes(SMALL)
    first = store.keep_upload(upload, "a.csv", ".csv")
    second = store.new_run(upload, "rank", RunSettings(seed=1))
    for run, word in ((first, "cleared"), (second, "confirmed")):
        asyncio.run(store.decide(run.cases_of, [NewDecision("6", word, "of Meier", run.id)], ""))
    assert [mark["decision"] for mark in marks_of(store)] == ["confirmed"]
    assert (store.upload_file(second), second.settings) == (path, RunSettings(seed=1))
    asyncio.run(store.drop_run(first))
    assert path.exists()
    assert [run.id for run in store.runs()] == [second.id]
    assert store.cases.n_decided([second.cases_of]) == {second.cases_of: 1}
    asyncio.run(store.drop_run(second, "kim"))
    assert not path.parent.exists()
    assert not store.folder_of(second.id).exists()
    assert (store.runs(), store.cases.history(second.cases_of, "6")) == ([], [])
    verdict = verify(store.cases)
    assert (verdict.faults, verdict.n_forgotten) == ((), 1)
    assert "kim forgot 1 case" in verdict.forgotten[0]
    store.close()


def marked(state: Path, *, n_runs: int) -> tuple[Store, list[Run]]:
    """Return a store with runs on one upload, which has a mark."""
    store = Store(state)
    store.after_start()
    runs = [store.keep_upload(store.new_upload(".csv")[0], "a.csv", ".csv")]
    runs += [store.new_run(runs[0].upload, "rank", None) for _ in range(n_runs - 1)]
    asyncio.run(store.decide(runs[0].cases_of, [NewDecision("6", "cleared", "of Meier")], ""))
    return store, runs


def test_two_tabs_that_delete_the_last_two_runs_also_delete_the_marks(state: Path) -> None:
    store, runs = marked(state, n_runs=2)

    locking = contextlib.ExitStack()

    async def delete() -> None:
        locking.enter_context(locked(state / CASES))
        asyncio.get_running_loop().call_later(0.2, locking.close)
        await asyncio.gather(*map(store.drop_run, runs))

    with closing(store):
        asyncio.run(delete())
        assert store.runs() == []
        assert store.cases.history(runs[0].cases_of, "6") == []


def test_a_mark_that_waited_for_a_deletion_is_refused(state: Path) -> None:
    store, (run,) = marked(state, n_runs=1)
    with closing(store):
        asyncio.run(store.drop_run(run))
        with pytest.raises(Refusal) as refused:
            asyncio.run(store.decide(run.cases_of, [NewDecision("7", "later", "of Meier")], ""))
        assert "It was deleted in the meantime." in str(refused.value)
        assert store.cases.history(run.cases_of, "7") == []


def test_a_run_that_cannot_be_deleted_keeps_its_marks(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_store, "SECONDS_TO_WAIT", 0.1)
    store, (run,) = marked(state, n_runs=1)
    with closing(store):
        with locked(state / CASES), pytest.raises(TroubleError):
            asyncio.run(store.drop_run(run))
        assert [each.id for each in store.runs()] == [run.id]
        assert [mark["decision"] for mark in marks_of(store)] == ["cleared"]


def _send_as_it_goes(
    client: Client, name: str, content: bytes, announced: int | None = None
) -> Answer:
    """Upload a file, of which too much may be announced, and read what is answered."""
    head = (
        f"POST /api/uploads?name={name} HTTP/1.1\r\nHost: {client.host}\r\n"
        f"Cookie: {client.cookie}\r\nOrigin: http://{client.host}\r\n"
        f"X-Somscape-CSRF: {client.csrf}\r\nContent-Length: {announced or len(content)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", client.port), 60) as connection:
        connection.sendall(head)
        if len(content) <= 1_000_000:
            connection.sendall(content)
        if announced:
            return Answer(0, {}, b"")
        said = b""
        while piece := connection.recv(65536):
            said += piece
    head, _, body = said.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]), {}, body)


def test_nothing_of_an_upload_stays_that_did_not_arrive(state: Path) -> None:
    with serving(state, "--max-upload", "1") as server:
        client = server.client.enter()
        pieces = (b"1,2\n" * 10_000 for _ in range(60))  # 2.4 MB, which nobody announced
        with contextlib.suppress(ConnectionError):
            client.ask("POST", "/api/uploads?name=a.csv", pieces)
        _send_as_it_goes(client, "b.csv", SMALL, announced=2 * len(SMALL))
        deadline = time.monotonic() + 20
        while [*(state / "uploads").glob("*")] and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [*(state / "uploads").glob("*")] == []
        assert client.get("/api/runs") == []


def test_what_a_killed_server_left_is_deleted_and_nothing_else(state: Path) -> None:
    store = Store(state)
    kept = store.keep_upload(store.new_upload(".csv")[0], "kept.csv", ".csv")
    _, path = store.new_upload(".csv")  # it never arrives
    path.write_bytes(SMALL)
    values = {"id": "0", "folder": "", "name": "no run of it", "ending": ".csv"}
    with store.cases.together() as change:
        change.insert("app_uploads", [values])
    theirs = state / "runs" / "notes of my own"
    theirs.mkdir()
    store.close()
    store = Store(state)
    assert [run.id for run in store.after_start()] == [kept.id]
    assert not path.exists()
    assert [folder.name for folder in (state / "uploads").iterdir()] == [kept.upload]
    assert [*_app_runs.uploads_of_app(store.cases.database, "")] == [kept.upload]
    assert store.folder_of(kept.id).is_dir()
    assert theirs.is_dir()
    store.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits another process")
def test_a_full_disk_is_said_and_what_ran_is_saved_when_there_is_room(state: Path) -> None:
    import resource

    with serving(state, "--jobs", "1") as server:
        client = server.client.enter()

        def limit_files(n_bytes: int) -> None:
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (n_bytes, most))

        _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        done = client.upload("small.csv", SMALL)
        client.wait(done)
        client.post(f"/api/runs/{done}/start")
        client.wait(done)
        number = client.get(f"/runs/{done}/files/report.json")["rows"]["numbers"][0]
        running = client.upload("large.csv", large(3000))
        client.wait(running)
        client.post(f"/api/runs/{running}/start")
        next(s for s in client.events(running) if "progress" in s)
        limit_files(0)
        mark = json.dumps({"row": number, "decision": "confirmed"})
        for path, body in (
            (f"/api/runs/{done}/mark", mark),
            (f"/api/runs/{done}/again", "{}"),
            ("/api/sample", "{}"),
            ("/api/uploads?name=a.csv", SMALL),
        ):
            answer = client.ask("POST", path, body)
            assert answer.status == 507, (path, answer.body)
            assert "If the disk is full, free some space" in answer.problem
            assert str(state) in answer.problem  # the file, or the folder of the database
        assert client.get(f"/api/runs/{done}/marks") == {}
        stages = (s["progress"]["stage"] for s in client.events(running) if "progress" in s)
        assert "saving" in stages
        limit_files(most)
        assert client.wait(running)["state"] == "done"
        assert client.ask("POST", f"/api/runs/{done}/mark", mark).status == 200
        assert len(client.get("/api/runs")) == 2


def test_a_table_of_a_database_is_there_from_the_start(state: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    with contextlib.closing(sqlite3.connect(tmp_path / "bank.db")) as db, db:
        db.execute("CREATE TABLE loans (amount REAL, job TEXT)")
        db.executemany(
            "INSERT INTO loans VALUES (?, ?)", [(i * 1.5, "ab"[i % 2]) for i in range(40)]
        )
    with serving(state, url, "--query", "SELECT * FROM loans WHERE amount > 3") as server:
        client = server.client.enter()
        (run,) = client.get("/api/runs")
        client.wait(run["run"])
        found = client.get(f"/api/runs/{run['run']}")
    assert found["table"]["n_rows"] == 37
    assert [column["kind"] for column in found["table"]["columns"]] == ["number", "category"]
    assert "bank.db" in run["name"]
