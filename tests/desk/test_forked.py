"""Forks of `tests/forked.py` behave like processes that were started."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from forked import start

TELL = """
import os, resource, signal, sys, threading
print(sys.argv[1:], sys.stdin.read(), os.getcwd(), os.environ["WORD"], os.environ.get("OTHER"))
print(resource.getrlimit(resource.RLIMIT_NOFILE), sys.flags.optimize, __name__, sys.path[0])
print(sorted(os.listdir("/proc/self/fd"))[:3], len(os.listdir("/proc/self/fd")))
print([signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)])
print([s.encoding for s in (sys.stdin, sys.stdout, sys.stderr)], sys.stderr.line_buffering)
print(threading.active_count(), "ä", file=sys.stderr)
sys.exit(7)
"""
PIPES: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="forks, as on Linux")


def test_a_fork_is_as_a_process_that_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # A program that ignores Ctrl-C may have started the tests, and processes would ignore it too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    told = []
    try:
        for is_fork in (False, True):
            given: dict[str, Any] = {"code": TELL, "n_files": 99, "variables": {"WORD": "ö"}}
            with start("ü", 1, is_fork=is_fork, **given, **PIPES) as process:
                told.append((*process.communicate("ß".encode(), timeout=60), process.returncode))
    finally:
        signal.signal(signal.SIGINT, before)
    assert told[0][2] == 7
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("", 0),
        ("raise SystemExit('words')", 1),
        ("1 / 0", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("import atexit, os; atexit.register(os._exit, 5)", 5),
    ],
)
def test_a_fork_ends_as_a_process_that_was_started(code: str, number: int) -> None:
    said = []
    for is_fork in (False, True):
        with start(code=code, is_fork=is_fork, **PIPES) as process:
            _, err = process.communicate(timeout=60)
        assert process.returncode == process.poll() == number
        said.append(err.decode().splitlines()[-1:])
    assert said[0] == said[1]


def test_a_fork_is_waited_for_and_killed() -> None:
    with start(code="import time; print(1, flush=True); time.sleep(60)", **PIPES) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
