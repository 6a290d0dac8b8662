"""Processes of jobs: forked from one that has loaded what they need, or started anew."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from somscape.desk.app import _queue as _processes
from somscape.desk.app._queue import KILLED, ForkedJob, Processes
from somscape.kernels._select import is_core_built

pytestmark = pytest.mark.nightly
forks = pytest.mark.skipif(not _processes.FORKS, reason="jobs are forks on Linux alone")


def run(folder: Path, use: Callable[[Processes], Awaitable[None]]) -> None:
    async def go() -> None:
        processes = Processes()
        try:
            await use(processes)
        finally:
            await processes.close()

    (folder / "t.csv").write_text("a,b\n1,2\n3,5\n4,9\n")
    asyncio.run(go())


async def begun(processes: Processes, folder: Path) -> Any:
    """Return a job that waits for its request."""
    with (folder / "log.txt").open("wb") as log:
        return await processes.start(folder, log)


async def done(job: Any, folder: Path, **asked: Any) -> tuple[int, list[dict[str, Any]]]:
    """Return how a job ended that was asked to read a table, and what it said."""
    request = {"task": "read", "name": "t.csv", "file": "t.csv", "folder": str(folder)}
    request |= {"state": "", **asked}
    job.stdin.write(json.dumps(request).encode() + b"\n")
    said = [json.loads(line) async for line in job.stdout]
    return await job.wait(), said


def parent_of(job: Any) -> int:
    status = Path(f"/proc/{job.pid}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


async def stopped(processes: Processes, folder: Path) -> tuple[Any, asyncio.Task[Any]]:
    """Return a job, and one that waits for its start, as what forks has been stopped."""
    first = await begun(processes, folder)
    os.kill(parent_of(first), signal.SIGSTOP)
    waiting = asyncio.create_task(begun(processes, folder))
    await asyncio.sleep(0.1)
    return first, waiting


def threads_of(pid: int) -> list[str]:
    """Return the names of the threads that were started in a process."""
    tasks = [path for path in Path(f"/proc/{pid}/task").iterdir() if path.name != str(pid)]
    return [(path / "comm").read_text().strip() for path in tasks]


@forks
def test_jobs_at_once_are_forks_of_one_process_without_threads(tmp_path: Path) -> None:
    async def use(processes: Processes) -> None:
        assert (await done(await begun(processes, tmp_path), tmp_path))[0] == 0
        jobs = [await begun(processes, tmp_path) for _ in range(3)]
        (parent,) = {parent_of(job) for job in jobs}
        assert parent != os.getpid()
        assert set(threads_of(parent)) <= {"jemalloc_bg_thd"}  # which looks after forks itself
        for job in jobs[::-1]:
            assert job.returncode is None
            code, (*_, found) = await done(job, tmp_path)
            assert (code, job.returncode, found["result"]["n_rows"]) == (0, 0, 3)

    run(tmp_path, use)


@forks
def test_a_fork_has_loaded_what_trains(tmp_path: Path) -> None:
    async def use(processes: Processes) -> None:
        await done(await begun(processes, tmp_path), tmp_path)
        job = await begun(processes, tmp_path)
        libraries = Path(f"/proc/{job.pid}/maps").read_text()
        for name in ("scipy", "pyarrow", *(["somscape/kernels/_core"] if is_core_built() else [])):
            assert name in libraries
        assert (await done(job, tmp_path))[0] == 0

    run(tmp_path, use)


@pytest.mark.parametrize("is_forked", [pytest.param(True, marks=forks), False])
def test_how_a_job_ends_is_known(
    tmp_path: Path, is_forked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_processes, "FORKS", is_forked)

    async def use(processes: Processes) -> None:
        job = await begun(processes, tmp_path)
        assert isinstance(job, ForkedJob) == is_forked
        code, (*_, said) = await done(job, tmp_path, file=str(tmp_path / "none.csv"))
        assert (code, [*said]) == (0, ["problem"])
        code, _ = await done(await begun(processes, tmp_path), tmp_path, settings=1)
        assert code == 1
        log = (tmp_path / "log.txt").read_text()
        assert log.startswith("Traceback")
        assert log.rstrip().endswith("Expected `object`, got `int` - at `$.settings`")
        job = await begun(processes, tmp_path)
        job.kill()
        assert await job.stdout.read() == b""
        assert await job.wait() == KILLED

    run(tmp_path, use)


@forks
def test_a_fork_works_in_its_folder_and_ends_with_its_standard_input(tmp_path: Path) -> None:
    async def use(processes: Processes) -> None:
        job = await begun(processes, tmp_path)
        where = Path(f"/proc/{job.pid}/cwd")
        for _ in range(100):  # it has just begun
            if where.readlink() == tmp_path:
                break
            await asyncio.sleep(0.05)
        assert where.readlink() == tmp_path
        os.mkfifo(tmp_path / "none.csv")  # nobody will ever write to it
        waiting = asyncio.create_task(done(job, tmp_path, file="none.csv"))
        await asyncio.sleep(0.2)
        assert job.returncode is None
        job.stdin.close()
        await waiting
        assert job.returncode == 1

    run(tmp_path, use)


@forks
def test_a_process_that_forks_and_is_killed_takes_no_job_with_it(tmp_path: Path) -> None:
    async def use(processes: Processes) -> None:
        job, cancelled = [await begun(processes, tmp_path) for _ in range(2)]
        parent = parent_of(job)
        os.kill(parent, signal.SIGKILL)
        code, (*_, found) = await done(job, tmp_path)
        assert found["result"]["n_rows"] == 3
        assert code == job.returncode == KILLED  # nobody can tell
        cancelled.kill()
        assert await cancelled.stdout.read() == b""
        assert await cancelled.wait() == KILLED
        other = await begun(processes, tmp_path)
        assert parent_of(other) not in (parent, os.getpid())
        assert (await done(other, tmp_path))[0] == 0

    run(tmp_path, use)


NO_FORK = """if True:
    import os, time
    from somscape.desk.app._queue import fork_jobs
    def fork(): {}
    os.fork = fork
    fork_jobs()
"""


@forks
@pytest.mark.parametrize(
    "code",
    [
        "raise MemoryError",
        NO_FORK.format("raise BlockingIOError(11, 'no more')"),
        NO_FORK.format("time.sleep(99)"),
    ],
    ids=["it does not start", "it cannot fork", "it never answers"],
)
def test_where_no_fork_comes_jobs_are_started_anew(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_processes, "FORKING", (sys.executable, "-c", code))
    monkeypatch.setattr(_processes, "LONGEST_START", 2.0)

    async def use(processes: Processes) -> None:
        for _ in range(2):
            job = await begun(processes, tmp_path)
            assert parent_of(job) == os.getpid()
            code, (*_, found) = await done(job, tmp_path)
            assert (code, found["result"]["n_rows"]) == (0, 3)

    run(tmp_path, use)


@forks
def test_whoever_closes_waits_for_no_fork(tmp_path: Path) -> None:
    async def use(processes: Processes) -> None:
        first, waiting = await stopped(processes, tmp_path)
        in_line = asyncio.create_task(begun(processes, tmp_path))
        await asyncio.sleep(0.1)
        await asyncio.wait_for(processes.close(), 10)
        for task in (waiting, in_line):
            with pytest.raises(ConnectionAbortedError, match="the app is ending"):
                await task
        assert (await done(first, tmp_path))[1][-1]["result"]["n_rows"] == 3

    run(tmp_path, use)


@forks
def test_who_no_longer_waits_takes_no_answer_from_others(tmp_path: Path) -> None:
    async def use(processes: Processes) -> None:
        first, waiting = await stopped(processes, tmp_path)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        for job in (first, await begun(processes, tmp_path)):
            code, (*_, found) = await done(job, tmp_path)
            assert (code, found["result"]["n_rows"]) == (KILLED if job is first else 0, 3)

    run(tmp_path, use)


@forks
def test_a_fork_may_use_no_more_memory_than_others(tmp_path: Path) -> None:
    async def use(processes: Processes) -> None:
        lines = "".join(f"{i % 997},{i * i % 991}\n" for i in range(500_000))
        (tmp_path / "large.csv").write_text(f"a,b\n{lines}")
        for memory, n_rows in ((10**9, 500_000), (10**6, None)):
            await done(await begun(processes, tmp_path), tmp_path)
            asked = {"file": "large.csv", "memory": memory}
            code, said = await done(await begun(processes, tmp_path), tmp_path, **asked)
            assert (code == 0) == (n_rows is not None)
            assert said[-1].get("result", {}).get("n_rows") == n_rows

    run(tmp_path, use)
