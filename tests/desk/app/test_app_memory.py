"""A job that ends for want of memory says so, with the limit, whatever it was that got none."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import customers, write

from somscape import load
from somscape._files import shown
from somscape.desk.app._queue import LOG, Queue
from somscape.desk.app._results import MarkStore
from somscape.desk.app._settings import default_settings, job_of
from somscape.desk.app._store import Store
from somscape.desk.app._work import describe
from somscape.tables import read_table, write_table

pytestmark = pytest.mark.nightly

NUMBERS = {"a": [7 * i % 31 for i in range(40)], "b": [i * i % 17 for i in range(40)]}
LATE = """
import json, sys
from somscape.desk.app import _work
before = []
def limit(n_bytes):
    before.extend(sys.modules)
_work._limit_memory = limit
_work.work()
late = [
    name
    for name, module in sys.modules.items()
    if name not in before and (getattr(module, "__file__", None) or "").endswith((".so", ".pyd"))
]
print(json.dumps({"late": late}))
"""


@pytest.fixture(params=[".csv", ".parquet", ".xlsx"])
def table_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"t{request.param}"
    if request.param == ".xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in [tuple(NUMBERS), *zip(*NUMBERS.values(), strict=True)]:
            book.active.append(row)
        book.save(path)
    else:
        write_table(path, NUMBERS)
    return path


def request_of(path: Path, task: str) -> dict[str, object]:
    facts = describe(read_table(path))
    return {
        **{"task": task, "name": path.name, "file": str(path), "folder": str(path.parent)},
        **{"memory": 10**9, "state": str(path.parent / "state")},
        "job": job_of(default_settings(facts), facts).to_json(),
    }


def run_job(
    code: str, request: dict[str, object], log: Path
) -> tuple[int, list[dict[str, object]]]:
    """Return how a job ended, and what it said; its standard input is open until then."""
    with log.open("wb") as errors:
        job = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    assert job.stdin is not None
    assert job.stdout is not None
    with job.stdin, job.stdout:
        job.stdin.write(json.dumps(request).encode() + b"\n")
        job.stdin.flush()
        said = [json.loads(line) for line in job.stdout]
        return job.wait(60), said


@pytest.mark.parametrize("task", ["read", "rank"])
def test_no_library_is_loaded_under_the_limit(table_file: Path, task: str) -> None:
    log = table_file.with_suffix(".log")
    code, (*_, result, late) = run_job(LATE, request_of(table_file, task), log)
    assert code == 0, log.read_text()
    assert "result" in result
    assert late["late"] == []


def test_no_library_is_loaded_where_regions_are_saved(tmp_path: Path) -> None:
    path, log = write(tmp_path / "t.csv", *customers(60)), tmp_path / LOG
    request = request_of(path, "rank")
    run_job(LATE, request, log)
    labels = [0] * load(tmp_path / "results" / "map.som").map_.n_units
    given = {"schema": "somscape-regions", "schema_version": 1, "labels": labels}
    code, (*_, result, late) = run_job(LATE, request | {"task": "regions", "regions": given}, log)
    assert code == 0, log.read_text()
    assert result == {"result": {"n_regions": 1}}
    assert late["late"] == []


def test_no_library_is_loaded_where_a_run_becomes_a_watch_and_the_watch_is_run(
    tmp_path: Path,
) -> None:
    path, log = write(tmp_path / "t.csv", *customers(60)), tmp_path / LOG
    request = request_of(path, "rank")
    run_job(LATE, request, log)
    begin = {"watch": "w", "settings": {"author": "a"}, "task": "begin", "cases_of": "upload/0"}
    key = {"key": ["cust_id"]}
    code, (*_, result, late) = run_job(LATE, {**request, **begin, **key}, log)
    assert code == 0, log.read_text()
    assert (result["result"]["n_rows"], late["late"]) == (60, [])
    own = tmp_path / "run of the watch"
    own.mkdir()
    asked = {**request, **begin, "task": "watch", "folder": str(own)}
    code, (*_, result, late) = run_job(LATE, asked, log)
    assert code == 0, log.read_text()
    assert (result["result"]["n_rows"], late["late"]) == (60, [])


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """A queue whose jobs may use half a gigabyte."""
    # A name that is no text, where there can be one.
    store = Store(tmp_path / os.fsdecode(b"state\xfe" if sys.platform == "linux" else b"state"))
    yield Queue(store, 1, 500_000_000, MarkStore(store))
    store.close()


def problem_of(queue: Queue, code: int, log: bytes) -> str:
    """Return what is said of a job that ended with a code and left a log."""
    store = queue._store
    run = store.keep_upload(store.new_upload(".csv")[0], "t.csv", ".csv")
    (store.folder_of(run.id) / LOG).write_bytes(log)
    queue._settle(run, {"code": code})
    found = store.run(run.id)
    assert found is not None
    assert found.state == "failed"
    return found.problem


LIMIT = "Each job may use 0.5 GB (`somscape app --memory`). Use fewer rows or columns"


@pytest.mark.parametrize(
    ("code", "log"),
    [
        (1, b"numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB"),
        (1, b"ImportError: a.so: failed to map segment from shared object"),
        (1, b"OSError: [Errno 12] Cannot allocate memory"),
        (1, b"RuntimeError: can't start new thread"),
        (1, b"libgomp: Thread creation failed: Resource temporarily unavailable"),
        (1, b"OpenBLAS error: Memory allocation still failed after 10 retries, giving up."),
        (-6, b"terminate called after throwing an instance of 'std::bad_alloc'"),
        (1, b""),  # not even for its last words
    ],
)
def test_whoever_got_no_memory_the_limit_is_said(queue: Queue, code: int, log: bytes) -> None:
    problem = problem_of(queue, code, log)
    assert problem.startswith(f"There is not enough memory for this table and its map. {LIMIT}")


def test_a_job_that_was_killed_may_have_had_too_little_memory(queue: Queue) -> None:
    assert problem_of(queue, -9, b"").startswith("The system ended this job, probably")
    problem = problem_of(queue, -11, b"Fatal Python error: Segmentation fault")
    assert problem.startswith("Signal 11 ended this job, probably because memory ran out")
    assert LIMIT in problem
    assert f"details are in {shown(queue._store.folder)}" in problem


def test_an_error_of_our_own_is_not_taken_for_want_of_memory(queue: Queue) -> None:
    problem = problem_of(queue, 1, b"Traceback\nZeroDivisionError: division by zero")
    assert problem.startswith("This is an error of somscape. Please report the error.")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits a job as Linux does")
@pytest.mark.parametrize("mb", [1, 20, 60])
def test_a_job_without_memory_ends_in_one_of_these_ways(
    queue: Queue, tmp_path: Path, mb: int
) -> None:
    path = write(tmp_path / "t.csv", *customers(3000))
    request = {**request_of(path, "rank"), "memory": mb * 10**6}
    log = tmp_path / LOG
    code, said = run_job("from somscape.desk.app._work import work; work()", request, log)
    if not any("result" in line for line in said):
        problem = problem_of(queue, code, log.read_bytes())
        assert "memory" in problem
        assert LIMIT in problem


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits a job as Linux does")
def test_a_large_parquet_file_is_not_said_to_be_damaged(queue: Queue, tmp_path: Path) -> None:
    path, log = tmp_path / "t.parquet", tmp_path / LOG
    write_table(path, {"a": [i / 2 for i in range(1_000_000)]})
    request = {**request_of(path, "read"), "memory": 10**6}
    code, said = run_job("from somscape.desk.app._work import work; work()", request, log)
    assert [*said[-1]] == ["progress"]
    assert LIMIT in problem_of(queue, code, log.read_bytes())
