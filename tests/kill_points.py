"""A job that is ended at one step of its writing after the other, in processes of its own.

As a program it forks a process for each end.  A first one, which ends by itself, tells what the
job imports, so that it is imported once.  Python tells of a step before it is done
(`sys.addaudithook`).
"""

import contextlib
import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "fcntl.flock"}
EXCHANGE = "ctypes.dlsym"
"""The step before the call that exchanges two folders."""

IMPORTED = "import:"
"""What the name of a module that a job has imported begins with, among its steps."""

SPREAD, AROUND = 9, 4
"""Ends that are spread over all steps, and ends before and after the last change of place."""


@dataclass(frozen=True)
class Job:
    """What is ended: a command's words, or what a job of the app is asked for.

    Its target stands alone in its folder.
    """

    target: str
    words: tuple[str, ...] = ()
    request: dict[str, Any] | None = None


@dataclass(frozen=True)
class End:
    """What stood at the target after a process had ended, and after the next one had begun.

    Both by name of the file; "" is the target itself.
    """

    step: str
    state: dict[str, str]
    beside: list[str]
    next_state: dict[str, str]
    next_beside: list[str]


def ends_of(job: Job, number: int = signal.SIGKILL, *, can_exchange: bool = True) -> list[End]:
    """End a job by a signal at each of some steps; each time, the same stands there before."""
    given = json.dumps([asdict(job), int(number), can_exchange])
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, __file__, given],
        env={**os.environ, "PYTHONPATH": path, **one},  # processes with threads should not fork
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [End(**end) for end in json.loads(done.stdout)]


def state_of(target: Path) -> dict[str, str]:
    """Return the files at a target. Pages and workbooks are dated, so they are "whole" or "cut"."""
    paths = [target, *target.rglob("*")] if target.exists() else []
    return {p.relative_to(target).as_posix(): _content(p) for p in paths if p.is_file()}


def _content(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".html":
        return "whole" if data.rstrip().endswith(b"</html>") else "cut"
    if path.suffix == ".xlsx":
        return "whole" if zipfile.is_zipfile(path) else "cut"
    return hashlib.sha256(data).hexdigest()


def _beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def _run(job: Job, step: int, number: int) -> list[str]:
    """Do a job in a process that gets a signal before a step, from 1; return the steps it met."""
    reader, writer = os.pipe()
    request, requester = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(request, 0)
        os.close(requester)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _count_steps(str(Path(job.target).parent), writer, step, number)
        try:
            _do(job)
        finally:
            if not step:
                names = (f"{IMPORTED}{name}\n" for name in [*sys.modules])
                with os.fdopen(writer, "w") as tell:
                    tell.writelines(names)
            os._exit(0)
    os.close(writer)
    os.write(requester, json.dumps(job.request).encode() + b"\n")
    with os.fdopen(reader) as told:
        steps = told.read().split()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert (status == -signal.SIGKILL) == (step > 0 and number == signal.SIGKILL), (status, steps)
    for handle in (request, requester):
        os.close(handle)
    return steps


def _do(job: Job) -> None:
    if job.request is None:
        from somscape.desk.cli._commands import main

        main([*job.words])
    else:
        from somscape.desk.app._work import work

        work()


def _count_steps(folder: str, writer: int, step: int, number: int) -> None:
    n_steps = 0

    def count(event: str, args: tuple[Any, ...]) -> None:
        nonlocal n_steps
        is_opened = event == "open" and folder in str(args[0]) and args[2] & os.O_ACCMODE
        if event in STEPS or is_opened or (event == EXCHANGE and args[1] == "renameat2"):
            n_steps += 1
            os.write(writer, f"{event}\n".encode())
            if n_steps == step:
                os.kill(os.getpid(), number)

    sys.addaudithook(count)


def _points(steps: list[str]) -> list[int]:
    n = len(steps)
    last = max(i for i, step in enumerate(steps, 1) if step in ("os.rename", EXCHANGE))
    spread = {1 + i * (n - 1) // (SPREAD - 1) for i in range(SPREAD)}
    return sorted(spread | set(range(max(1, last - AROUND), min(n, last + AROUND) + 1)))


def _end_often(job: Job, number: int, can_exchange: bool) -> list[End]:
    files: Any = importlib.import_module("somscape._files")
    if not can_exchange:
        files._exchange = lambda one, other: False
    target = Path(job.target)
    kept = Path(f"{target.parent}.kept")
    shutil.copytree(target.parent, kept)

    def renew() -> None:
        shutil.rmtree(target.parent)
        shutil.copytree(kept, target.parent)

    for name in _run(job, 0, number):
        if name.startswith(IMPORTED):
            with contextlib.suppress(ImportError):  # what only looks like a module
                importlib.import_module(name.removeprefix(IMPORTED))
    renew()
    steps = [step for step in _run(job, 0, number) if not step.startswith(IMPORTED)]
    found = []
    for point in _points(steps):
        renew()
        _run(job, point, number)
        after = state_of(target), _beside(target)
        files.check_room(target, "--out")
        found.append(End(f"{point}: {steps[point - 1]}", *after, state_of(target), _beside(target)))
    renew()
    shutil.rmtree(kept)
    return found


if __name__ == "__main__":
    given, number, can_exchange = json.loads(sys.argv[1])
    ends = _end_often(Job(**given), number, can_exchange)
    sys.stdout.write(json.dumps([asdict(end) for end in ends]))
