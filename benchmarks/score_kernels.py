"""What the kernels of scores take: time, and rows per second.

    python benchmarks/score_kernels.py

Processor time is of all threads together, so two free cores take half of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from somscape.kernels._kernels import MAX_BEST
from somscape.kernels._select import select_kernels

REPEATS = 7
MEANS = ((200_000, 30, 424, 24), (200_000, 21, 95, 24), (200_000, 30, 1131, 8))
N_ROWS, N_LINES, N_KNOTS = 1_000_000, 30, 40


def main() -> None:
    """Print a line for each problem."""
    kernels, rng = select_kernels(), np.random.default_rng(0)
    print(kernels.name)
    for n, d, m, k in MEANS:
        rows, codebook = rng.normal(size=(n, d)), 0.7 * rng.normal(size=(m, d))
        show(f"{n} x {d}, {m} units, k = {k}", n, kernels.mean_of_nearest, rows, codebook, k)
        most = min(k, MAX_BEST)
        show(f"  a search for {most} units", n, kernels.search, rows, codebook, most)
    x = np.cumsum(rng.random((N_LINES, N_KNOTS)), axis=1)
    rows = rng.uniform(-1, N_KNOTS / 2 + 1, size=(N_ROWS, N_LINES))
    lines = np.arange(N_LINES), x, rng.normal(size=x.shape)
    what = f"{N_ROWS} x {N_LINES}, lines of {N_KNOTS} knots"
    show(what, N_ROWS, kernels.sum_of_lines, rows, *lines)


def show(what: str, n: int, call: Callable[..., Any], *arguments: Any) -> None:
    """Print the medians of several calls."""
    walls, processors = [], []
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        call(*arguments)
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    wall, processor = median(walls), median(processors)
    print(f"{what}: {wall:.3f} s, processor {processor:.3f} s; {n / wall:,.0f} rows/s")


if __name__ == "__main__":
    main()
