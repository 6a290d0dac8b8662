"""Training on whatever device is here, beside the compiled core and the device's own limit.

    python benchmarks/scale/devices.py [--rows 1000000] [--device cuda:0] [--repeats 3]

Needs torch (`make others`).  An epoch takes 2 N K d operations.  The roofline is the time of that
many in plain products of the same block shapes, as the device's library makes them: nothing that
multiplies can be faster.  The core leaves out units and rows that it need not look at, so it may
be.  On the processor, times are processor time, as a busy machine has no other that can be
compared: OMP_NUM_THREADS=1 leaves out what threads wait for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from markdown_tables import markdown

from somscape.estimators import _elsewhere as _libraries
from somscape.estimators._intake import take
from somscape.fit import partial, prepare
from somscape.grid import Lattice
from somscape.kernels._select import MAX_VALUES, kernels_for
from somscape.kernels._sparse import DeviceArray

SHAPES = ((16, 16, 20), (32, 32, 50), (64, 64, 50))
"""Rows and columns of the map, and features."""


def seconds_of(work: Callable[[], Any], repeats: int, device: torch.device) -> float:
    """Return the median time of some work, after a first time that does not count."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    work()
    took = []
    for _ in range(repeats):
        started = clock()
        work()
        took.append(clock() - started)
    return median(took)


def epoch(rows: Any, codebook: Any, lattice: Lattice) -> Callable[[], Any]:
    """Return what sums all rows under a codebook, in chunks as training does."""
    problem = prepare(rows, kernels=kernels_for(rows)).on(lattice)
    step = 1 << 16

    def work() -> None:
        for start in range(0, len(rows), step):
            partial(problem, problem.rows[start : start + step], codebook=codebook)

    return work


def roofline(rows: Any, n_units: int, device: torch.device) -> Callable[[], Any]:
    """Return plain products of all rows with as many units, in blocks of the same shape."""
    units = torch.rand(rows.shape[1] + 1, n_units, device=device)
    step = min(1 << 16, MAX_VALUES // n_units)
    block = torch.rand(step, rows.shape[1] + 1, device=device)

    def work() -> None:
        for _ in range(-(-len(rows) // step)):
            product = _libraries._torch_product(block, units)
        product[0, 0].item()  # waits for the device

    return work


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    own = replace(_libraries.LIBRARIES["torch"], is_near=lambda X: False)  # also the processor
    _libraries.LIBRARIES["torch"] = own
    lines: list[list[str]] = []
    for n_rows, n_cols, d in SHAPES:
        lattice = Lattice(n_rows, n_cols)
        rng = np.random.default_rng(0)
        X = rng.normal(size=(options.rows, d)).astype(np.float32)
        X += rng.normal(size=(32, d)).astype(np.float32)[rng.integers(32, size=len(X))] * 3
        codebook = X[rng.choice(len(X), lattice.n_units, replace=False)].astype(np.float64)
        there = take(torch.asarray(X, device=device), "X", (DeviceArray,)).data
        core = seconds_of(epoch(X, codebook, lattice), options.repeats, device)
        away = seconds_of(epoch(there, codebook, lattice), options.repeats, device)
        limit = seconds_of(roofline(there, lattice.n_units, device), options.repeats, device)
        flops = 2 * len(X) * lattice.n_units * d
        lines.append(
            [
                f"{len(X):,} x {d}",
                f"{lattice.n_units:,}",
                f"{core:.3g}",
                f"{away:.3g}",
                f"{limit:.3g}",
                f"{flops / away / 1e9:,.0f}",
                f"{flops / limit / 1e9:,.0f}",
                f"{100 * limit / away:.0f} %",
            ]
        )
    shown = torch.cuda.get_device_name(device) if device.type == "cuda" else "the processor"
    print(
        f"torch {torch.__version__}, {device} ({shown}); {torch.get_num_threads()} threads here\n"
    )
    heads = ("rows", "units", "core, s", "device, s", "products alone, s")
    rates = ("device, Gflop/s", "products, Gflop/s", "of the roofline")
    print(markdown([*heads, *rates], lines, n_left=2))


if __name__ == "__main__":
    main()
