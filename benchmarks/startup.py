"""Whole processes: how long the imports and the command line take."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from recipes import credit_csv


@dataclass(frozen=True)
class Startup:
    """A process, the imports it is compared with, and how often their duration is allowed."""

    label: str
    command: list[str]
    imports: str
    at_most: float


@dataclass(frozen=True)
class Timing:
    """Medians of a process and of its imports, in seconds, and of their ratio."""

    startup: Startup
    ours: float
    theirs: float
    ratio: float


def run_process(command: list[str], timeout: float | None = None) -> tuple[float, str]:
    """Return the wall-clock seconds and the output of a whole process, with byte code cached.

    Raises
    ------
    RuntimeError
        When the process fails or takes too long; with its last line of error.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    try:
        process = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"took longer than {timeout:g} s") from error
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        lines = process.stderr.strip().splitlines() or [f"exit status {process.returncode}"]
        raise RuntimeError(lines[-1])
    return seconds, process.stdout


def startups(folder: Path) -> list[Startup]:
    """Return what to time; the command line works in ``folder``."""
    somscape = Path(sys.executable).parent / "somscape"
    if not somscape.exists():
        print(f"whole processes left out, no {somscape}")
        return []
    detect = [str(somscape), "detect", str(credit_csv(folder)), "--id", "CustomerID"]
    detect += ["--label", "Class", "--out", str(folder / "out")]
    return [
        Startup("import somscape", [sys.executable, "-c", "import somscape"], "import numpy", 1.5),
        Startup("somscape --help", [str(somscape), "--help"], "import numpy", 1.5),
        Startup("somscape detect", detect, "import sklearn, matplotlib", 2.0),
        Startup("somscape detect", detect, "import sklearn.base, matplotlib.figure", 2.0),
    ]


def time_startups(repeats: int) -> list[Timing]:
    """Time whole processes in turn with their imports.

    One untimed run of each fills the caches of disk and byte code.
    """
    timings = []
    with tempfile.TemporaryDirectory() as folder:
        for startup in startups(Path(folder)):
            base = [sys.executable, "-c", startup.imports]
            commands = (startup.command, base)
            pairs = [tuple(run_process(c)[0] for c in commands) for _ in range(repeats + 1)][1:]
            ours, theirs = (median(side) for side in zip(*pairs, strict=True))
            ratio = median(one / other for one, other in pairs)
            timings.append(Timing(startup, ours, theirs, ratio))
            print(f"{startup.label}: {ratio:.2f} times {startup.imports}", flush=True)
    return timings
