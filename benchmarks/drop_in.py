"""MiniSom beside the class that takes its place, in one process and as whole processes.

    python benchmarks/drop_in.py [--rounds N] [--only JOB ...]

Both train the same rows from the same seed, one after the other in each round; printed are the
medians of the rounds, of the ratios too, and how far the maps are apart.  Whole processes import,
read the article's table, train, and ask for the distance map and the winners.  About four minutes
with the default three rounds; nearly all of it is MiniSom's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import minisom
import numpy as np
import recipes
from numpy.typing import NDArray
from startup import run_process

from somscape.minisom import MiniSom

Rows = NDArray[np.float64]

WHOLE = """
import numpy as np
from {module} import MiniSom
X = np.loadtxt({path!r}, delimiter=",", skiprows=1, usecols=range(1, 15))
X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
som = MiniSom(10, 10, 14, sigma=1.0, learning_rate=0.5, random_seed=0)
som.train_random(X, 20_000)
som.distance_map()
som.win_map(X)
"""


@dataclass(frozen=True)
class Job:
    """A training: rows, size of the map, method and its number of iterations."""

    rows: Callable[[], Rows]
    side: int
    method: str
    iterations: int
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self, cls: Any, rows: Rows) -> tuple[float, Rows]:
        """Return the seconds of the training, and the weights."""
        som = cls(self.side, self.side, rows.shape[1], random_seed=0, **self.settings)
        started = time.perf_counter()
        getattr(som, self.method)(rows, self.iterations)
        return time.perf_counter() - started, som.get_weights()


def article() -> Rows:
    """Return the article's table, scaled to [0, 1]."""
    rows, _ = recipes.credit_applications()
    return (rows - rows.min(axis=0)) / (rows.max(axis=0) - rows.min(axis=0))


def clusters(n_rows: int) -> Rows:
    """Return rows of 50 features in 40 clusters."""
    return recipes.clusters(n_rows, 50).astype(np.float64)


JOBS = {
    "article": Job(article, 10, "train_random", 20_000),
    "article, hexagons": Job(article, 10, "train_random", 20_000, {"topology": "hexagonal"}),
    "article, cosine": Job(article, 10, "train_random", 20_000, {"activation_distance": "cosine"}),
    "article, Mexican hat": Job(
        article,
        10,
        "train_random",
        20_000,
        {"neighborhood_function": "mexican_hat", "learning_rate": 0.1},
    ),
    "article, offline": Job(article, 10, "train_batch_offline", 30),
    "clusters": Job(lambda: clusters(100_000), 30, "train_random", 100_000),
    "clusters, offline": Job(lambda: clusters(10_000), 30, "train_batch_offline", 2),
}
PROCESS = "whole process"


def trained(name: str, rounds: int) -> str:
    """Return a line of the table: a job timed on both sides in turn."""
    job = JOBS[name]
    rows = job.rows()
    job.run(MiniSom, rows)  # fills caches of ours; the first round does that for MiniSom
    pairs = []
    for _ in range(rounds):
        (theirs, expected), (ours, found) = job.run(minisom.MiniSom, rows), job.run(MiniSom, rows)
        pairs.append((theirs, ours))
    apart = np.abs(found - expected).max() / np.abs(expected).max()
    what = f"{len(rows):,} x {rows.shape[1]}, {job.side} x {job.side}, {job.iterations:,}"
    return line(f"{name} ({what})", pairs, "same bits" if apart == 0 else f"{apart:.0e}")


def as_processes(rounds: int) -> str:
    """Return the line of whole processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(recipes.credit_csv(Path(folder)))
        commands = [
            [sys.executable, "-c", WHOLE.format(module=module, path=path)]
            for module in ("minisom", "somscape.minisom")
        ]
        pairs = [tuple(run_process(c)[0] for c in commands) for _ in range(3 * rounds + 1)][1:]
    return line(PROCESS, pairs, "")


def line(name: str, pairs: list[tuple[float, ...]], apart: str) -> str:
    """Return a line of the table from seconds of MiniSom's and ours by round."""
    theirs, ours = (median(side) for side in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    return f"| {name} | {theirs:.3g} s | {ours:.3g} s | {ratio:.3g} | {apart} |"


def main() -> None:
    """Run the jobs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[*JOBS, PROCESS], metavar="JOB")
    arguments = parser.parse_args()
    print("| job (rows, map, iterations) | MiniSom | somscape | times faster | weights differ by |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    rounds = arguments.rounds
    for name in arguments.only:
        print(as_processes(rounds) if name == PROCESS else trained(name, rounds), flush=True)


if __name__ == "__main__":
    main()
