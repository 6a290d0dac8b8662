"""An epoch on workers of one thread each, beside one thread without an engine.

    OMP_NUM_THREADS=1 python benchmarks/scale/engines.py [--engine spark] [--rows 2e6] [--rounds 7]

Rows lie in the workers' memory.  Each line has the median time of the epochs of one training, and
of passes over few rows: one whose pieces wait for as long as one thread computes, and one that has
nothing to do, over as many pieces and, in brackets, over four times as many.  Waiting takes no
processor, so it shows what the engine would give if processors did not slow each other.  Only one
cluster is there at a time, for an idle one works, too.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
from simulate import rows_of

from somscape import SOM
from somscape.engines import pieces_of

FEATURES, SIDE, EPOCHS, PASSES = 50, 32, 10, 15


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


def idle_pass(X: Any, seconds: float = 0.0) -> float:
    """Return the time of a pass in which each piece waits some seconds, and gives sums."""
    pieces, idle = pieces_of(X), partial(waited, seconds, np.zeros((SIDE * SIDE, FEATURES)))
    for _ in range(3):  # workers import what they need
        pieces.total(idle, np.add)
    spent = []
    for _ in range(PASSES):
        begin = time.perf_counter()
        pieces.total(idle, np.add)
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


def waited(seconds: float, codebook: Any, _: int, rows: Any) -> Any:
    """Return sums as large as those of an epoch, after some seconds."""
    time.sleep(seconds)
    return np.zeros(codebook.shape, dtype=np.int64)


Held = Callable[[Any, int], Any]
"""Lays rows into the memory of workers, in so many pieces."""


@contextmanager
def dask(n_workers: int) -> Iterator[Held]:
    """Give a cluster of Dask."""
    import dask.array as da
    from distributed import Client, LocalCluster, wait

    def held(rows: Any, n_pieces: int) -> Any:
        lazy = da.from_array(rows, chunks=(-(-len(rows) // n_pieces), FEATURES))
        collection = client.persist(lazy)
        wait(collection)
        return collection

    with (
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield held


@contextmanager
def spark(n_workers: int) -> Iterator[Held]:
    """Give a session of Spark."""
    import pyarrow as pa
    from pyarrow import parquet
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master(f"local[{n_workers}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "4g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )

    def held(rows: Any, n_pieces: int) -> Any:
        place = Path(tempfile.mkdtemp(dir=folder))  # Spark knows what it keeps by its path
        for number, part in enumerate(np.array_split(rows, n_pieces)):
            table = pa.table({f"v{j}": column for j, column in enumerate(part.T)})
            parquet.write_table(table, place / f"{number:03}.parquet")
        frames = [
            session.read.parquet(str(path)).coalesce(1) for path in sorted(place.glob("*.parquet"))
        ]
        collection = reduce(lambda a, b: a.union(b), frames).cache()
        collection.count()
        return collection

    with tempfile.TemporaryDirectory() as folder:
        yield held
        session.stop()


@contextmanager
def ray(n_workers: int) -> Iterator[Held]:
    """Give a cluster of Ray."""
    import ray

    ray.init(num_cpus=n_workers, include_dashboard=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False

    def held(rows: Any, n_pieces: int) -> Any:
        return ray.data.from_numpy(np.array_split(rows, n_pieces))

    yield held
    ray.shutdown()


ENGINES = {"dask": dask, "spark": spark, "ray": ray}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--engine", choices=ENGINES, default="dask")
    parser.add_argument("--rows", type=float, default=2e6)
    parser.add_argument("--pieces", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=1, help="how often, by turns")
    given = parser.parse_args()
    rows, n = rows_of(int(given.rows), FEATURES), given.pieces
    plain, codebook = trained(rows)
    print(f"{len(rows):,} x {FEATURES}, {SIDE} x {SIDE} units, {n} pieces\n")
    print("| where | epoch, s | against one thread | same bits | waits, s | nothing to do, ms |")
    print(f"|---|---|---|---|---|---|\n| one thread, no engine | {plain:.3f} | | | | |", flush=True)
    epochs: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(given.rounds):
        for n_workers in (1, 2) if turn % 2 == 0 else (2, 1):
            with ENGINES[given.engine](n_workers) as held:
                spent, found = trained(held(rows, n))
                idle = idle_pass(held(rows[: 4 * n], n), plain / n)
                few, many = (1e3 * idle_pass(held(rows[: 4 * n], k)) for k in (n, 4 * n))
            epochs[n_workers].append(spent)
            same = "yes" if np.array_equal(found, codebook) else "NO"
            where = f"{given.engine}, {n_workers} of one thread"
            times = f"{spent:.3f} | {plain / spent:.2f} x | {same} | {idle:.3f}"
            print(f"| {where} | {times} | {few:.0f} ({many:.0f}) |", flush=True)
    ratio = statistics.median(np.divide(epochs[1], epochs[2]))
    print(f"\nTwo workers are {ratio:.2f} times as fast as one, in the middle of {given.rounds}.")


if __name__ == "__main__":
    main()
