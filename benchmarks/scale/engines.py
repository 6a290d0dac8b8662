"""An epoch on Dask's workers of one thread each, beside one thread without an engine.

    OMP_NUM_THREADS=1 python benchmarks/scale/engines.py [--rows 2e6] [--pieces 8]

Rows lie in the workers' memory.  Each line is the median time of the epochs of one training.
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np
from simulate import rows_of

from somscape import SOM

FEATURES, SIDE, EPOCHS = 50, 32, 10


class Clock:
    """A callback that keeps when epochs end."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __call__(self, _: Any) -> None:
        self.ends.append(time.perf_counter())

    @property
    def epoch(self) -> float:
        """Median seconds of an epoch."""
        return statistics.median(np.diff(self.ends))


def trained(X: Any) -> tuple[float, Any]:
    """Return the seconds of an epoch and the codebook."""
    clock = Clock()
    som = SOM(SIDE, SIDE, n_epochs=EPOCHS, tol=0, callbacks=[clock]).fit(X)
    return clock.epoch, som.codebook_


def on_dask(rows: Any, n_workers: int, n_pieces: int) -> tuple[float, Any]:
    """Return the same for rows that lie in the memory of workers."""
    import dask.array as da
    from distributed import Client, LocalCluster, wait

    with (
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        chunks = (-(-len(rows) // n_pieces), FEATURES)
        collection = client.persist(da.from_array(rows, chunks=chunks))
        wait(collection)
        return trained(collection)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=2e6)
    parser.add_argument("--pieces", type=int, default=8)
    given = parser.parse_args()
    rows = rows_of(int(given.rows), FEATURES)
    plain, codebook = trained(rows)
    print(f"{len(rows):,} x {FEATURES}, {SIDE} x {SIDE} units, {given.pieces} pieces\n")
    print("| where | epoch, s | against one thread | same bits |\n|---|---|---|---|")
    print(f"| one thread, no engine | {plain:.3f} | | |")
    for n in (1, 2):
        spent, found = on_dask(rows, n, given.pieces)
        same = "yes" if np.array_equal(found, codebook) else "NO"
        print(f"| Dask, {n} of one thread | {spent:.3f} | {plain / spent:.2f} x | {same} |")


if __name__ == "__main__":
    main()
