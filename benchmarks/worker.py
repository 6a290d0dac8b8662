"""One measurement in a process of its own: a library on a problem.

    python benchmarks/worker.py LIBRARY PROBLEM SEED

The last line of its output is the result as JSON.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

from problems import PROBLEMS, Problem
from quality import agreement, quality

# Calls after the first: at least so many and until so much time has passed; but one is enough
# once a call takes long, and none where it takes very long.
MIN_CALLS, MIN_SECONDS = 3, 0.5
LONG_SECONDS, VERY_LONG_SECONDS = 1.0, 10.0

Result = dict[str, Any]


def measure(library_name: str, problem_name: str, seed: int) -> Result:
    """Time one library on one problem in this process.

    Returns
    -------
    dict
        ``import``, ``first`` and ``later`` (median of the later calls) in seconds, ``share`` of the
        work that was timed; the times are for the whole work. ``peak`` resident MiB of the
        training, and of it ``own``: beyond what was resident before it, which is the import, the
        data and the start. ``qe`` and ``te``, or ``agreement`` for winners, None where there is
        nothing to grade. ``name`` with version, ``note``, ``title`` of the problem, ``kernels``.
        Only ``skipped`` where the library does not do the problem.
    """
    started = time.perf_counter()
    library = importlib.import_module(f"libraries.bench_{library_name}")
    import_seconds = time.perf_counter() - started
    share = library.PROBLEMS.get(problem_name)
    if share is None:
        return {"skipped": True}

    problem = PROBLEMS[problem_name](seed)
    is_on_plane = problem.is_torus and not getattr(library, "HAS_TORUS", False)
    if is_on_plane:
        problem = replace(problem, is_torus=False)
    problem = problem if share == 1 else problem.shortened(share)
    task = library.winners if problem.algorithm == "winners" else library.train
    forget_peak()
    given_mib = peak_mib()
    seconds, answer = timed_calls(lambda: task(problem))
    peak = peak_mib()

    later = median(seconds[1:] or seconds)
    return {
        "name": f"{library.NAME} {version(library.DISTRIBUTION)}",
        "note": library.NOTE + (", on a plane" if is_on_plane and is_map(library) else ""),
        "title": problem.title,
        "kernels": kernels() if library_name == "somscape" else "",
        "import": import_seconds,
        "first": seconds[0] + later * (1 / share - 1),
        "later": later / share,
        "share": share,
        "peak": peak,
        "own": peak - given_mib,
        **graded(library, problem, answer, share),
    }


def timed_calls(call: Callable[[], Any]) -> tuple[list[float], Any]:
    """Return the seconds of each call, and what the last one returned."""
    seconds: list[float] = []

    def is_enough() -> bool:
        later = seconds[1:]
        if seconds and min(seconds) > LONG_SECONDS:
            return bool(later) or seconds[0] > VERY_LONG_SECONDS
        return len(later) >= MIN_CALLS and sum(later) >= MIN_SECONDS

    while not is_enough():
        started = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - started)
    return seconds, answer


def graded(library: ModuleType, problem: Problem, answer: Any, share: float) -> Result:
    """Return the quality of an answer, None for what it does not have."""
    grades: Result = {"qe": None, "te": None, "agreement": None}
    if answer is None or share < 1:
        return grades
    if problem.algorithm == "winners":
        return grades | {"agreement": agreement(problem, answer)}
    qe, te = quality(problem, answer)
    return grades | {"qe": qe, "te": te if is_map(library) else None}


def is_map(library: ModuleType) -> bool:
    """Return whether a library's units lie on a map."""
    return bool(getattr(library, "IS_MAP", True))


def kernels() -> str:
    """Return which code path somscape takes."""
    from somscape.kernels._select import select_kernels

    return str(select_kernels().name)


def forget_peak() -> None:
    """Let `peak_mib` count from now on, where the system can, with no freed memory held back.

    Elsewhere what making the problem took at most counts as resident before the training.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def peak_mib() -> float:
    """Return the largest resident size of this process so far, in MiB.

    Linux keeps it per program in ``/proc``; what ``getrusage`` reports may be that of the process
    which started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Print the result of the measurement that the arguments name."""
    library_name, problem_name, seed = sys.argv[1:]
    print("\n" + json.dumps(measure(library_name, problem_name, int(seed))))


if __name__ == "__main__":
    main()
