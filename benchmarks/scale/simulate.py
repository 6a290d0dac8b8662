"""How long a map of so many rows takes, and what it costs, from what was measured here.

    python benchmarks/scale/simulate.py measure --out benchmarks/scale/costs.json
    python benchmarks/scale/simulate.py check --costs benchmarks/scale/costs.json
    python benchmarks/scale/simulate.py plan --rows 1e9 --features 50 --side 32 --workers 64

`measure` times a pass over rows on one thread for some sizes of map, reading, and a pass of Dask
that has nothing to do.  `plan` adds up the passes that training makes.  `check` trains for real,
and compares.  Costs between the measured sizes are interpolated, on logarithmic scales.
"""

import argparse
import json
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

SIDES, FEATURES = (16, 32, 64), (20, 50)
MEASURED_ROWS, N_GROUPS, REPEATS = 100_000, 12, 3
PASSES_BESIDE = 7
"""A look at all rows; their mean; spread; axes and wide columns; hits; rows that the map keeps."""

BY_PIECE = 3
"""Passes of those beside in which each piece is a task, wherever it lies: looks, and rows taken."""

TOGETHER = 1 << 28
"""Bytes of a worker's pieces that are one task of all other passes."""

READINGS: dict[str, Callable[[int], int]] = {
    "never": lambda _: 0,
    "once": lambda _: 1,
    "each": lambda passes: passes,
}
"""How often rows are read, by the number of passes."""

SETTLING = 4
"""One of so many further epochs is done, before units settle."""


def rows_of(n: int, d: int, seed: int = 0) -> Any:
    """Return float32 rows in groups."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(N_GROUPS, d)).astype(np.float32) * 3
    rows = centers[rng.integers(N_GROUPS, size=n)]
    rows += rng.standard_normal((n, d), dtype=np.float32)
    return rows


def seconds(work: Callable[[], Any]) -> float:
    """Return the median time of some calls."""
    found = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


@dataclass(frozen=True)
class Costs:
    """Seconds on one thread of the machine that measured them.

    Attributes
    ----------
    machine : str
    epoch : dict of str to float
        Of a row in an epoch, by "side x features".
    light : float
        Of a value in a pass that only adds up.
    read : float
        Of a value in reading Parquet.
    pass_ : float
        Of a pass of Dask that has nothing to do.
    task : float
        Of each further task in it.
    """

    machine: str
    epoch: dict[str, float]
    light: float
    read: float
    pass_: float
    task: float

    def row(self, side: int, d: int) -> float:
        """Return the seconds of a row in an epoch."""
        by_features = [math.log(self._at(side, known)) for known in FEATURES]
        slope = (by_features[1] - by_features[0]) / math.log(FEATURES[1] / FEATURES[0])
        return math.exp(by_features[0] + slope * math.log(d / FEATURES[0]))

    def _at(self, side: int, d: int) -> float:
        known = [(s, self.epoch[f"{s} x {d}"]) for s in SIDES]
        pairs = list(pairwise(known))
        low, high = next((pair for pair in pairs if side <= pair[1][0]), pairs[-1])
        slope = math.log(high[1] / low[1]) / math.log(high[0] / low[0])
        return low[1] * (side / low[0]) ** slope


def measure() -> Costs:
    """Time what a plan is made of."""
    from somscape import SOM
    from somscape.fit import prepare
    from somscape.fit.problem import epoch_sums
    from somscape.grid import Lattice

    epoch = {}
    for d in FEATURES:
        rows = rows_of(MEASURED_ROWS, d)
        for side in SIDES:
            trained = SOM(side, side, n_epochs=3).fit(rows[:20_000]).codebook_
            problem = prepare(rows).on(Lattice(side, side))
            spent = seconds(lambda p=problem, w=trained: epoch_sums(p, w))
            epoch[f"{side} x {d}"] = spent / len(rows)
    light = seconds(lambda: prepare(rows)) / rows.size / 2
    pass_, task = _dask_costs()
    return Costs(platform.processor() or platform.machine(), epoch, light, _read(), pass_, task)


def _read() -> float:
    import pyarrow as pa
    from pyarrow import parquet

    rows = rows_of(1_000_000, 20)
    table = pa.table({f"v{j}": column for j, column in enumerate(rows.T)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        parquet.write_table(table, path)

        def read() -> Any:
            columns = parquet.read_table(path, use_threads=False).columns
            return np.column_stack([column.to_numpy() for column in columns])

        return seconds(read) / rows.size


def _dask_costs() -> tuple[float, float]:
    import dask.array as da
    from distributed import Client, LocalCluster

    from somscape.engines._which import pieces_of

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        few, many = (pieces_of(da.zeros((n, 1), chunks=(1, 1))) for n in (2, 34))
        for _ in range(REPEATS):  # workers import what they need
            many.total(count, int.__add__)
        spent = [seconds(lambda p=p: p.total(count, int.__add__)) for p in (few, many)]
    return spent[0], (spent[1] - spent[0]) / 32


def count(_: int, rows: Any) -> int:
    """Return the number of rows of a piece."""
    return len(rows)


@dataclass(frozen=True)
class Plan:
    """A training that somebody thinks of.

    Attributes
    ----------
    rows, features, side, workers : int
        Workers have one thread each; 1 means this machine, without an engine.
    epochs : int or None
        None: what `somscape.SOM` chooses.
    pieces : int
    read : {"never", "once", "each"}
        Whether the rows lie in memory, go to a temporary file first, or are read anew by each pass.
    speed : float
        Of a worker's thread, where 1 is that of the machine that measured.
    """

    rows: int
    features: int
    side: int
    workers: int = 1
    epochs: int | None = None
    pieces: int = 1
    read: str = "never"
    speed: float = 1.0

    def seconds(self, costs: Costs) -> dict[str, float]:
        """Return the seconds of each part of the training."""
        values = self.rows * self.features
        sampled, whole = self._epochs(costs)
        passes = PASSES_BESIDE + whole
        shared = self.workers * self.speed
        spent = {
            "epochs": self.rows * costs.row(self.side, self.features) * (whole + 1) / shared,
            "other passes": values * costs.light * PASSES_BESIDE / shared,
            "samples, here": sampled / self.speed,
            "reading": values * costs.read * READINGS[self.read](passes) / shared,
        }
        if self.workers > 1:
            kept = max(self.workers, math.ceil(4 * values / TOGETHER))
            n_tasks = self.pieces if self.read == "each" else min(self.pieces, kept)
            tasks = BY_PIECE * self.pieces + (passes - BY_PIECE) * n_tasks
            spent["engine"] = passes * costs.pass_ + tasks * costs.task
        return spent

    def _epochs(self, costs: Costs) -> tuple[float, int]:
        """Return the seconds of epochs on samples, and the number of those on all rows."""
        from somscape.fit._plan import Facts, resolve_plan
        from somscape.fit.settings import Settings
        from somscape.grid import Lattice

        lattice = Lattice(self.side, self.side)
        n_epochs = "auto" if self.epochs is None else self.epochs
        facts = Facts(lattice, self.rows, float(self.rows) * self.features * lattice.n_units)
        plan = resolve_plan(Settings(self.side, self.side, n_epochs=n_epochs), facts)
        sampled = 0.0
        for stage in plan.coarse:
            side = self.side // stage.shrink
            n = min(self.rows, (stage.rows_per_unit or self.rows) * side * side)
            sampled += stage.n_epochs * n * costs.row(side, self.features)
        return sampled, int(plan.n_epochs) + plan.extra_epochs // SETTLING


def check(costs: Costs, sizes: list[tuple[int, int, int]]) -> None:
    """Train on rows in memory, and print how long it took beside the plan."""
    for n, d, side in sizes:
        rows = rows_of(n, d)
        compare(costs, Plan(n, d, side, epochs=10), lambda rows=rows: rows)


def check_files(costs: Costs, folder: Path, side: int) -> None:
    """Train on Parquet files, whose rows go to a temporary file first, and print the same."""
    from pyarrow import parquet
    from run import arrays

    from somscape.tables import source

    files = [parquet.ParquetFile(path).metadata for path in folder.iterdir()]
    n, d = sum(file.num_rows for file in files), files[0].num_columns
    plan = Plan(n, d, side, epochs=10, read="once")
    compare(costs, plan, lambda: source(lambda: arrays(folder)))


def compare(costs: Costs, plan: Plan, rows: Callable[[], Any]) -> None:
    """Print how long a training was planned to take, and took."""
    from somscape import SOM

    begin = time.perf_counter()
    SOM(plan.side, plan.side, n_epochs=plan.epochs, tol=0).fit(rows())
    took, planned = time.perf_counter() - begin, sum(plan.seconds(costs).values())
    size = f"{plan.rows:,} x {plan.features}, {plan.side**2:,}, {plan.epochs}"
    print(f"| {size} | {planned:.2f} | {took:.2f} | {planned / took:.2f} |", flush=True)


def show(plan: Plan, costs: Costs, hourly: float) -> None:
    """Print the seconds of each part, and the money."""
    parts = plan.seconds(costs)
    total = sum(parts.values())
    for name, spent in parts.items():
        print(f"{name:15} {spent:12.1f} s  {100 * spent / total:5.1f} %")
    money = total / 3600 * plan.workers * hourly
    print(f"{'together':15} {total:12.1f} s  {money:.2f} at {hourly:g} for a worker's hour")


def main() -> None:
    """Measure, check or plan."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("measure", "check", "plan"))
    parser.add_argument("--costs", type=Path, default=Path(__file__).with_name("costs.json"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rows", type=float, default=1e9)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--pieces", type=int, default=1000)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--read", choices=[*READINGS], default="never", help="from files")
    parser.add_argument("--files", type=Path, help="check a training of these, made by run.py")
    parser.add_argument("--hourly", type=float, default=0.05, help="price of a worker's hour")
    given = parser.parse_args()
    if given.what == "measure":
        if os.environ.get("OMP_NUM_THREADS") != "1":
            parser.error("costs are those of one thread: set OMP_NUM_THREADS=1")
        costs = measure()
        (given.out or given.costs).write_text(json.dumps(asdict(costs), indent=2) + "\n")
        return
    costs = Costs(**json.loads(given.costs.read_text()))
    if given.what == "check":
        print("| rows x features, units, epochs | planned, s | took, s | ratio |")
        print("|---|---|---|---|")
        n = int(given.rows)
        if given.files:
            check_files(costs, given.files, given.side)
        else:
            check(costs, [(n // 10, 50, 32), (n // 10, 20, 16), (n, given.features, given.side)])
        return
    plan = Plan(
        int(given.rows),
        given.features,
        given.side,
        given.workers,
        given.epochs,
        given.pieces,
        given.read,
        given.speed,
    )
    show(plan, costs, given.hourly)


if __name__ == "__main__":
    main()
