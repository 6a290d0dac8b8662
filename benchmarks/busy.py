"""What other work on the processors does to threads: times beside those of one thread.

    python benchmarks/busy.py [INTERPRETER ...] [--rounds N]

Each interpreter has a version of somscape; without any, this one is timed. All take turns: on an
idle machine, on one core given at the start or after the import, beside a busy process on each
core, and under a quota of one core's time (Linux, as root). A ratio is the median over the rounds,
of which the highest is shown as well.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from markdown_tables import markdown

TRAIN = {
    "690 x 14, detector": "SOMDetector(random_state=0).fit(rng.normal(size=(690, 14)))",
    "20,000 x 10, map": "SOM(random_state=0).fit(rng.normal(size=(20_000, 10)))",
}

WORK = """
import os, sys, time
import numpy as np
from somscape import SOM, SOMDetector
if "late" in sys.argv: os.sched_setaffinity(0, {{0}})
seconds = []
for _ in range(4):
    rng = np.random.default_rng(0)
    started = time.perf_counter()
    {train}
    seconds.append(time.perf_counter() - started)
print(sum(seconds[1:]) / 3)
"""

Timed = Callable[..., float]


def seconds_of(
    python: str, train: str, threads: str | None, *words: str, at_start: Callable[[], object]
) -> float:
    """Return the mean seconds of trainings after the first, in a process of their own."""
    environment = os.environ | ({"OMP_NUM_THREADS": threads} if threads else {})
    command = [python, "-c", WORK.format(train=train), *words]
    output = subprocess.run(
        command, env=environment, preexec_fn=at_start, check=True, capture_output=True, text=True
    ).stdout
    return float(output)


def to_one_core() -> None:
    """Keep this process on the first core."""
    os.sched_setaffinity(0, {0})


@contextlib.contextmanager
def neighbors() -> Iterator[None]:
    """Keep a process busy on each core."""
    spin = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    cores = [str(core) for core in sorted(os.sched_getaffinity(0))]
    busy = [subprocess.Popen([sys.executable, "-c", spin, core]) for core in cores]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@contextlib.contextmanager
def quota() -> Iterator[Callable[[], object] | None]:
    """Make a control group that may use one core's time; None where that is not allowed."""
    root = Path("/sys/fs/cgroup")
    is_old = (root / "cpu").is_dir()
    group = root / ("cpu" if is_old else "") / f"somscape-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        limit = ("cpu.cfs_quota_us", "100000") if is_old else ("cpu.max", "100000 100000")
        (group / limit[0]).write_text(limit[1])
        yield lambda: (group / "cgroup.procs").write_text("0")
    except OSError:
        yield None
    finally:
        group.rmdir()


def circumstances() -> Iterator[tuple[str, Timed]]:
    """Yield what holds and how to time training while it does."""

    def timed(*words: str, at_start: Callable[[], object] = lambda: None) -> Timed:
        return lambda *what: seconds_of(*what, *words, at_start=at_start)

    yield "idle", timed()
    yield "one core", timed(at_start=to_one_core)
    yield "one core, after import", timed("late")
    with neighbors():
        yield "busy neighbors", timed()
    with quota() as join:
        if join is None:
            print("no quota: control groups cannot be made here")
        else:
            yield "quota of one core", timed(at_start=join)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Time threads on busy processors.")
    parser.add_argument("pythons", nargs="*", default=[sys.executable], metavar="INTERPRETER")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rows = []
    for what, timed in circumstances():
        for name, train in TRAIN.items():
            rounds = [
                [
                    tuple(timed(python, train, n) for n in ("1", None))
                    for python in arguments.pythons
                ]
                for _ in range(arguments.rounds)
            ]
            for python, pairs in zip(arguments.pythons, zip(*rounds, strict=True), strict=True):
                one, all_ = (median(side) for side in zip(*pairs, strict=True))
                ratios = [threads / alone for alone, threads in pairs]
                row = [what, name, python, f"{one:.3f}", f"{all_:.3f}"]
                rows.append([*row, f"{median(ratios):.2f}", f"{max(ratios):.2f}"])
                print(*rows[-1], flush=True)
    header = ["processors", "training", "interpreter", "one thread, s", "threads, s"]
    print(markdown([*header, "ratio", "highest"], rows, n_left=3))


if __name__ == "__main__":
    main()
