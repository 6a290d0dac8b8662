"""What is kept survives: a killed server, a second one, and many uploads at once."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
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
from web_client import Answer, Client, Server
from web_client import serving as serving_by_either

from somscape.desk.app import _store
from somscape.desk.app._queue import COMMAND, FORKS
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
counts_forks = pytest.mark.skipif(not FORKS, reason="counts forks, which jobs are on Linux alone")

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


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def jobs_of(server: Server) -> list[int]:
    """Return the processes of a server's jobs, which its one child forks."""
    (parent,) = children(server.process.pid)
    return children(parent)


@counts_forks
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
        jobs = jobs_of(server)
        assert len(jobs) == 1
        jobs += children(server.process.pid)
        server.process.kill()
        server.process.wait(30)
    # The job of a dead server ends by itself, and so does what forked it.
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


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_ended_server_says_where_things_are(state: Path, number: str) -> None:
    with serving(state) as server:
        os.kill(server.process.pid, getattr(signal, number))
        assert server.process.wait(30) == 0
        assert server.process.stdout is not None
        assert str(state) in server.process.stdout.read()


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


# Fifty at once

GOOD = [(f"good{i}.csv", SMALL, 200, "done") for i in range(8)]
BAD = [
    ("ragged.csv", b"a,b\n1,2,3\n", 200, "failed"),
    ("noise.csv", bytes(range(256)) * 40, 200, "failed"),
    ("cut.csv.gz", b"\x1f\x8b\x08\0\0\0\0", 200, "failed"),
    ("workbook.xlsx", b"PK\x03\x04" + b"x" * 100, 200, "failed"),
    *[("empty.csv", b"", 422, None)] * 10,
    *[("map.pkl", b"\x80\x04.", 415, None)] * 14,
    *[("large.csv", b"1," * 600_000, 413, None)] * 14,
]


@counts_forks
def test_fifty_uploads_at_once_are_all_answered_and_none_is_lost(state: Path) -> None:
    with serving(state, "--jobs", "2", "--max-upload", "1") as server:
        client = server.client.enter()
        before = _peak(server.process.pid)
        files = [*GOOD, *BAD]
        assert len(files) == 50
        answers: list[Answer | None] = [None] * len(files)

        def send(i: int) -> None:
            answers[i] = _send_as_it_goes(client, files[i][0], files[i][1])

        threads = [threading.Thread(target=send, args=(i,)) for i in range(len(files))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [a and a.status for a in answers] == [status for *_, status, _ in files]
        runs = [a.json["run"] for a in answers if a and a.status == 200]
        assert len(set(runs)) == 12
        assert {run["run"] for run in client.get("/api/runs")} == set(runs)
        assert len(jobs_of(server)) <= 2
        states = [client.wait(run)["state"] for run in runs]
        assert states == [outcome for *_, outcome in files if outcome]
        # Nothing of what was refused is left on the disk.
        assert len([*(state / "uploads").iterdir()]) == 12
        assert _peak(server.process.pid) < before + 60e6


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


@counts_forks
def test_a_run_that_two_tabs_start_runs_once(state: Path) -> None:
    with serving(state, "--jobs", "2") as server:
        client = server.client.enter()
        run = client.upload("large.csv", large(3000))
        client.wait(run)
        head = (
            f"POST /api/runs/{run}/start HTTP/1.1\r\nHost: {client.host}\r\n"
            f"Cookie: {client.cookie}\r\nOrigin: http://{client.host}\r\n"
            f"X-Somscape-CSRF: {client.csrf}\r\nContent-Length: 2\r\n"
            "Connection: close\r\n\r\n"
        ).encode()
        tabs = [socket.create_connection(("127.0.0.1", client.port), 60) for _ in range(2)]
        for tab in tabs:
            tab.sendall(head)
        client.get("/api/runs")  # both requests have begun
        time.sleep(0.2)
        answers = []
        for tab in tabs:
            tab.sendall(b"{}")
            answers.append(tab.recv(12))
            tab.close()
        assert sorted(answers) == [b"HTTP/1.1 200", b"HTTP/1.1 409"]
        next(s for s in client.events(run) if "progress" in s)
        assert len(jobs_of(server)) == 1
        client.post(f"/api/runs/{run}/cancel")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_job_ends_with_its_server_whatever_it_waits_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "table.csv")  # nobody will ever write to it
    request = {
        **{"task": "read", "name": "table.csv", "file": str(tmp_path / "table.csv")},
        **{"state": "", "folder": str(tmp_path)},
    }
    job = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert job.stdin is not None
    assert job.stdout is not None
    job.stdin.write(json.dumps(request).encode() + b"\n")
    job.stdin.flush()
    assert json.loads(job.stdout.readline()) == {"progress": {"stage": "reading"}}
    time.sleep(0.1)
    assert job.poll() is None
    job.stdin.close()
    try:
        assert job.wait(20) == 1
    finally:
        job.kill()
        job.stdout.close()


def _peak(pid: int) -> float:
    """Most bytes of memory that a process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return 1024.0 * int(line.split()[1])
    raise AssertionError("no VmHWM")


def test_a_job_that_needs_more_memory_than_it_may_have_says_so(state: Path) -> None:
    # A tenth of a gigabyte for text that takes more as a table.
    content = b"a,b,c\n" + b"".join(b"k%d,m%d,n%d\n" % (i, 3 * i, 7 * i) for i in range(500_000))
    with serving(state, "--memory", "0.1") as server:
        client = server.client.enter()
        run = client.upload("much.csv", content)
        found = client.wait(run)
    assert found["state"] == "failed"
    assert "not enough memory" in found["problem"]
    assert "0.1 GB" in found["problem"]


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
