"""Each job has a process of its own, whose end concerns no other job."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from web_client import serving

from somscape.desk.app._queue import COMMAND

pytestmark = pytest.mark.nightly

LARGE = b"a,b,c,d\n" + b"".join(
    b"%d,%d,%d,%d\n" % (i * 7919 % 997, i * i % 911, i % 89, i * 31 % 499) for i in range(40_000)
)


def read_table(folder: Path, **asked: Any) -> tuple[int, list[dict[str, Any]], str]:
    """Return how a process that should read a table ended, what it said, and its log."""
    (folder / "t.csv").write_text("a,b\n1,2\n3,5\n4,9\n")
    request = {"task": "read", "name": "t.csv", "file": "t.csv", "folder": str(folder)}
    request |= {"state": "", **asked}
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(COMMAND, cwd=folder, **streams) as job:
        assert job.stdin is not None
        assert job.stdout is not None
        assert job.stderr is not None
        job.stdin.write(json.dumps(request).encode() + b"\n")
        job.stdin.flush()
        said = [json.loads(line) for line in job.stdout]
        return job.wait(60), said, job.stderr.read().decode()


def test_a_job_says_what_is_wrong_with_a_file_and_an_error_of_its_own_is_in_its_log(
    tmp_path: Path,
) -> None:
    code, (*_, said), log = read_table(tmp_path, file=str(tmp_path / "none.csv"))
    assert (code, [*said], log) == (0, ["problem"], "")
    code, _, log = read_table(tmp_path, settings=1)
    assert code == 1
    assert log.startswith("Traceback")
    assert log.rstrip().endswith("Expected `object`, got `int` - at `$.settings`")


def test_a_job_imports_nothing_from_its_folder(tmp_path: Path) -> None:
    for name in ("json", "numpy", "somscape"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    code, (*_, found), _ = read_table(tmp_path)
    assert (code, found["result"]["n_rows"]) == (0, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes as on Linux")
def test_a_killed_job_may_have_lacked_memory_and_others_go_on(state: Path) -> None:
    with serving(state, "--jobs", "2", "--memory", "2", is_fork=False) as server:
        client = server.client.enter()
        runs = [client.upload(name, LARGE) for name in ("one.csv", "other.csv")]
        for run in runs:
            client.wait(run)
        pids = []
        for run in runs:
            client.post(f"/api/runs/{run}/start")
            next(s for s in client.events(run) if "progress" in s)
            pids += [pid for pid in server.jobs if pid not in pids]
        assert len(pids) == 2
        # Ctrl-C in the terminal of the app reaches the app alone.
        assert {os.getpgid(pid) for pid in pids} == set(pids)
        os.kill(pids[0], signal.SIGKILL)
        killed = client.wait(runs[0])
        assert killed["state"] == "failed"
        assert "probably because memory ran out. Each job may use 2 GB" in killed["problem"]
        assert client.wait(runs[1])["state"] == "done"
        client.post(f"/api/runs/{runs[0]}/retry")
        assert client.wait(runs[0])["state"] == "done"
