"""Whatever ends a job for a watch: a recorded run has its files, and a next try ends them."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from command_line import customers, customers_csv, run, write
from texts import rejected

from somscape.desk.app import _results as _watched
from somscape.desk.app._queue import Queue
from somscape.desk.app._results import MarkStore
from somscape.desk.app._settings import JobRequest, RunSettings
from somscape.desk.app._store import CANCELLED, DONE, FAILED, INTERRUPTED, RUNNING, WAITING, Store
from somscape.desk.cases import State
from somscape.desk.cases.decide import Seen
from somscape.desk.cases.records import CLEARED

pytestmark = pytest.mark.nightly

NAMES = {"alerts.csv", "alerts.xlsx", "map.som", "ranking.parquet", "report.json"}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the state of a watch and its next table."""
    folder = tmp_path_factory.mktemp("begun")
    (folder / "january.csv").write_bytes(customers_csv())
    (folder / "february.csv").write_bytes(customers_csv(50))
    words = ("--id", "cust_id", "--drop", "answer", "--alerts", 6, "--state", folder / "state")
    table, out = folder / "january.csv", folder / "out"
    made = run("detect", table, "--watch", "cards", *words, "--out", out)
    assert made.code == 0, made.err
    return folder


@dataclass(frozen=True)
class Job:
    """A job that runs the watch."""

    state: State
    request: JobRequest
    folder: Path

    def do(self) -> dict[str, Any]:
        return _watched.watched(self.state, replace(self.request, folder=str(self.folder)))

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def said_number(self) -> int:
        """The number of the run in its report."""
        data = json.loads((self.results / "report.json").read_text(encoding="utf-8"))
        return int(data["changed"]["number"])


@pytest.fixture
def job(begun: Path, tmp_path: Path) -> Iterator[Job]:
    shutil.copytree(begun / "state", tmp_path / "state")
    (tmp_path / "run").mkdir()
    said = {"watch": "cards", "name": "february.csv", "task": "watch"}
    places = {"file": str(begun / "february.csv"), "folder": str(tmp_path / "run"), "state": ""}
    request = JobRequest(**said, **places, settings=RunSettings(author="ann"))
    with State(tmp_path / "state") as state:
        yield Job(state, request, tmp_path / "run")


KILLED = """
import os, signal, sys
import msgspec
from somscape.desk.app import _results as _watched
from somscape.desk.app._settings import JobRequest, RunSettings
from somscape.desk.cases import State
from somscape.desk.cases.decide import Seen
from somscape.desk.cases.records import CLEARED
write = _watched._write
def written(results, outcome):
    if results.exists():  # the second time, when the run is recorded
        os.kill(os.getpid(), signal.SIGKILL)
    write(results, outcome)
_watched._write = written
_, place, request = sys.argv
with State(place) as state:
    _watched.watched(state, msgspec.json.decode(request, type=JobRequest))
"""


def test_a_job_that_ends_before_the_run_is_recorded_leaves_no_run(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(State, "add_run", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            job.do()
    assert len(job.state.runs("cards")) == 1
    assert {path.name for path in job.results.iterdir()} == NAMES
    job.do()
    assert len(job.state.runs("cards")) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_job_killed_once_the_run_is_recorded_leaves_it_with_its_files(job: Job) -> None:
    place = str(job.folder.parent / "state")
    words = [sys.executable, "-c", KILLED, place, json.dumps(asdict(job.request))]
    done = subprocess.run(words, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    with State(job.folder.parent / "state") as state:
        assert [each.number for each in state.runs("cards")] == [2, 1]
        assert {path.name for path in job.results.iterdir()} == NAMES
        assert job.said_number == 0  # as nobody knew it yet
        facts = Job(state, job.request, job.folder).do()
        assert facts["watch_run"] == state.last_run("cards")
        assert len(state.runs("cards")) == 2
        assert job.said_number == 2


def test_where_the_disk_is_full_in_the_end_the_message_says_that_the_run_stands(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = _watched._write
    full = [lambda *given: write(*given), Mock(side_effect=OSError(28, "No space left on device"))]
    monkeypatch.setattr(_watched, "_write", lambda *given: full.pop(0)(*given))
    with rejected():
        job.do()
    assert {path.name for path in job.results.iterdir()} == NAMES


@pytest.mark.parametrize("instead_of", [None, 2])
def test_a_recorded_run_is_completed_whatever_was_decided_since(
    job: Job, tmp_path: Path, instead_of: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if instead_of:  # the table of run 2 was wrong
        wrong = replace(job.request, file=str(write(tmp_path / "wrong.csv", *customers(45))))
        (tmp_path / "other").mkdir()
        Job(job.state, wrong, tmp_path / "other").do()
        settings = RunSettings(author="ann", instead_of=instead_of)
        job = replace(job, request=replace(job.request, settings=settings))
    twice = [_watched._write, Mock(side_effect=OSError(28, "No space left on device"))]
    with monkeypatch.context() as patch:
        patch.setattr(_watched, "_write", lambda *given: twice.pop(0)(*given))
        with rejected():
            job.do()
    runs = job.state.runs("cards")
    draft = (job.results / "alerts.csv").read_bytes()
    key = job.state.listed(runs[0].id)[0].key
    job.state.decide(Seen.of(job.state, "cards").decision(key, CLEARED, comment="", author="bob"))

    facts = job.do()
    assert facts["watch_run"] == runs[0].id
    assert [each.id for each in job.state.runs("cards")] == [each.id for each in runs]
    assert job.said_number == runs[0].number
    assert (job.results / "alerts.csv").read_bytes() == draft
    assert facts["counts"] == runs[0].facts["counts"]
    report = json.loads((job.results / "report.json").read_text(encoding="utf-8"))
    assert report["changed"]["source"] == "february.csv"
    assert report["changed"]["audit_head"] == job.state.head()


@pytest.mark.parametrize(("has_files", "at_start"), [(True, WAITING), (False, INTERRUPTED)])
def test_the_next_server_completes_a_run_that_may_be_recorded(
    tmp_path: Path, has_files: bool, at_start: str
) -> None:
    with closing(Store(tmp_path)) as store:
        run = store.keep_upload(store.new_upload(".csv")[0], "a.csv", ".csv", watch="cards")
        store.say_run(run.id, RUNNING)
        if has_files:
            (store.folder_of(run.id) / "results").mkdir()
    with closing(Store(tmp_path)) as store:
        waiting = [each.id for each in store.after_start()]
        assert waiting == ([run.id] if has_files else [])
        (found,) = store.runs()
        assert found.state == at_start
        # A job that ends badly there can be tried again from its page.
        Queue(store, 1, None, MarkStore(store))._settle(found, {"code": -9})
        assert store.runs()[0].state == (INTERRUPTED if has_files else FAILED)
        Queue(store, 1, None, MarkStore(store))._settle(found, {"result": {"watch_run": "r"}})
        assert store.runs()[0].state == DONE


def test_a_run_that_ends_its_server_is_taken_up_once(tmp_path: Path) -> None:
    for at_start in (WAITING, INTERRUPTED, INTERRUPTED):
        with closing(Store(tmp_path)) as store:
            if not store.runs():
                run = store.keep_upload(store.new_upload(".csv")[0], "a.csv", ".csv", watch="cards")
                (store.folder_of(run.id) / "results").mkdir()
            (run,) = store.runs()
            store.say_run(run.id, RUNNING)  # and the server ends
        with closing(Store(tmp_path)) as store:
            store.after_start()
            (run,) = store.runs()
            assert run.state == at_start


@pytest.mark.parametrize("is_in_line", [True, False])
def test_a_run_cancelled_once_it_may_be_recorded_says_so(tmp_path: Path, is_in_line: bool) -> None:
    with closing(Store(tmp_path)) as store:
        run = store.keep_upload(store.new_upload(".csv")[0], "a.csv", ".csv", watch="cards")
        queue = Queue(store, 1, None, MarkStore(store))
        for has_files, state in ((False, CANCELLED), (True, INTERRUPTED)):
            if has_files:
                (store.folder_of(run.id) / "results").mkdir()
            if is_in_line:
                queue._waiting = [run.id]
                asyncio.run(queue.cancel(run.id))
            else:
                queue._cancelled = {run.id}
                queue._settle(run, {"code": -9})
            (found,) = store.runs()
            assert (found.state, "may be recorded in the watch" in found.problem) == (
                state,
                has_files,
            )
