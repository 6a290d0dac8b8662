"""A process with two threads: its processor time, its wall time and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from comparisons import Side

N_THREADS = 2
THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"),
    *("POLARS_MAX_THREADS", "ARROW_IO_THREADS"),
)
"""Variables that say how many threads a library starts; Arrow counts by the first one, too."""


@dataclass(frozen=True)
class Usage:
    """Seconds of all processors and on the clock, and the largest resident size in MiB."""

    processor: float
    wall: float
    peak: float


def usage_of(side: Side) -> Usage:
    """Run a process and return what it took.

    Raises
    ------
    RuntimeError
        When it fails; with its last line of error.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= dict.fromkeys(THREADS, str(N_THREADS))
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(side.command, env=environment, stdout=output, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (output, errors):
            file.seek(0)
        if process.returncode:
            lines = errors.read().split("\n")
            said = [line for line in lines if line.strip()]
            raise RuntimeError(said[-1] if said else f"exit status {process.returncode}")
        peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        if not side.is_stage:
            return Usage(used.ru_utime + used.ru_stime, wall, peak)
        seconds = json.loads(output.read().splitlines()[-1])
        return Usage(seconds["processor"], seconds["wall"], peak)
