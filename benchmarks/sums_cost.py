"""What order-free sums cost beside plain float sums, as a share of an epoch.

    python benchmarks/sums_cost.py

Both add every row to its unit on all cores: the one in fixed point, with the rows' distances, the
other in float64, compiled by Numba, each thread into totals of its own. An epoch is the search that
goes before (on the start, where skipping helps least, and on a trained map) and the plain sums.
"""

from __future__ import annotations

from functools import partial
from timeit import repeat
from typing import Any

import numba
import numpy as np
from libraries.bench_somscape import fit
from problems import PROBLEMS

from somscape.fit import prepare
from somscape.grid import Lattice
from somscape.kernels._select import select_kernels

NAMES = ("clusters", "pixels", "many-rows", "large-map")
REPEATS = 11


@numba.njit(parallel=True, fastmath=True)
def plain_sums(rows: Any, units: Any, totals: Any, counts: Any) -> None:
    """Add rows to the totals of their units; the first axis of the totals is the thread's."""
    n_threads = len(totals)
    for thread in numba.prange(n_threads):
        totals[thread] = 0.0
        counts[thread] = 0.0
        for i in range(len(rows) * thread // n_threads, len(rows) * (thread + 1) // n_threads):
            unit = units[i]
            counts[thread, unit] += 1.0
            for f in range(rows.shape[1]):
                totals[thread, unit, f] += rows[i, f]
    for thread in range(1, n_threads):
        totals[0] += totals[thread]
        counts[0] += counts[thread]


def milliseconds(call: Any) -> float:
    """Return the shortest of some calls after an untimed one."""
    call()
    return 1e3 * min(repeat(call, number=1, repeat=REPEATS))


def main() -> None:
    """Print a line per problem and codebook."""
    kernels = select_kernels()
    cases = []
    for name in NAMES:
        problem = PROBLEMS[name](0)
        rows, start = problem.data, problem.start.astype(np.float64)
        lattice = Lattice(problem.n_rows, problem.n_cols, "rectangular")
        frame = prepare(rows, kernels=kernels)
        whole = np.zeros(start.shape, dtype=np.int64)
        for label, codebook in (("start", start), ("trained", fit(problem).codebook_)):
            search = partial(kernels.search, rows, codebook, order=lattice.walk)
            units, distances = (np.ascontiguousarray(found[:, 0]) for found in search())
            scales = (frame.center, frame.scale, frame.weight_scale)
            counts = np.zeros(len(start), dtype=np.int64)
            ours = partial(kernels.sums, rows, units, None, *scales, counts, whole, distances)
            times = milliseconds(search), milliseconds(ours)
            cases.append((f"{name}, {label}", rows, units, start.shape, times))
    # Numba comes last: its threads, once there, keep the processors busy.
    print("problem, codebook: search, fixed-point sums, plain sums (ms); overhead of an epoch")
    for label, rows, units, shape, (epoch, ours) in cases:
        totals = np.zeros((numba.get_num_threads(), *shape))
        plain = milliseconds(partial(plain_sums, rows, units, totals, np.zeros(totals.shape[:2])))
        overhead = 100 * (ours - plain) / (epoch + plain)
        print(f"{label}: {epoch:.1f}, {ours:.2f}, {plain:.2f}; {overhead:.1f} %")


if __name__ == "__main__":
    main()
