"""What the machine can do, and how near somscape's search comes to it; in one process.

    python benchmarks/anchors.py

Prints as JSON: the peak of NumPy's single-precision matrix multiply on all cores, the speed of
``search`` on gaussian noise, on which nothing can be skipped, and the latency of one row.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from timeit import repeat
from typing import Any

import numpy as np
import recipes

from somscape import SOM
from somscape.kernels._select import select_kernels

FEATURES = (10, 20, 32, 33, 50, 100, 784)
UNITS = (400, 900, 1600)
MATMUL_SIDE = 2048
SEARCH_FLOP, MIN_ROWS = 4e9, 20_000
MIN_CALLS, MIN_SECONDS = 3, 0.3
LATENCY_SIDE, LATENCY_FEATURES, LATENCY_CALLS, LATENCY_REPEATS = 20, 20, 200, 25


def seconds_of(call: Callable[[], Any]) -> list[float]:
    """Return the durations of some calls after an untimed one."""
    call()
    seconds: list[float] = []
    while len(seconds) < MIN_CALLS or sum(seconds) < MIN_SECONDS:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return seconds


def matmul_gflops() -> float:
    """Return the best speed of a square single-precision product."""
    left, right, out = np.ones((3, MATMUL_SIDE, MATMUL_SIDE), np.float32)
    fastest = min(seconds_of(lambda: np.matmul(left, right, out=out)))
    return 2 * MATMUL_SIDE**3 / fastest / 1e9


def search_gflops(n_features: int, n_units: int) -> float:
    """Return the median speed of the search, counting 2 operations per row, unit and feature."""
    n_rows = max(MIN_ROWS, round(SEARCH_FLOP / (2 * n_units * n_features)))
    rows = recipes.noise(n_rows, n_features)
    codebook = rows[:n_units].copy()
    search = select_kernels().search
    typical = median(seconds_of(lambda: search(rows, codebook)))
    return 2 * n_rows * n_units * n_features / typical / 1e9


def latencies() -> dict[str, float]:
    """Return the microseconds that one row takes."""
    rows = recipes.clusters(5_000, LATENCY_FEATURES)
    som = SOM(LATENCY_SIDE, LATENCY_SIDE, n_epochs=5).fit(rows)
    row = rows[:1]
    calls = {"map.winners": som.map_.winners, "SOM.predict": som.predict}
    seconds = {
        name: median(repeat(partial(call, row), number=LATENCY_CALLS, repeat=LATENCY_REPEATS))
        for name, call in calls.items()
    }
    return {name: 1e6 * total / LATENCY_CALLS for name, total in seconds.items()}


def main() -> None:
    """Print all of it."""
    peaks, search = [], {}
    for n_features in FEATURES:  # the peak again and again: a processor's clock moves
        peaks.append(matmul_gflops())
        for n_units in UNITS:
            search[f"{n_features} x {n_units}"] = search_gflops(n_features, n_units)
    print(json.dumps({"matmul": max(peaks), "search": search, "latency": latencies()}))


if __name__ == "__main__":
    main()
