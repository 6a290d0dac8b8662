"""An epoch on one and on two workers of one thread each, with an engine and without.

    OMP_NUM_THREADS=1 python benchmarks/scale/engines.py [--engine spark] [--rows 1e7] [--pieces 8]

Rows lie in the workers' memory, once for each line of the table.  Each line trains by itself, and
lines take turns, epoch by epoch; the processes of all others are stopped meanwhile, for an idle
cluster takes some of the processors, too.  So a ratio is of two epochs that are measured soon after
each other; the table has their median and quartiles, and the ratio of the sums of all epochs.
"quiet dask" is Dask with settings that leave its workers less to do by themselves.  The last column
is a pass that has nothing to do, over as many pieces and, in brackets, over four times as many.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from simulate import rows_of

from somscape import SOM
from somscape.engines._which import pieces_of
from somscape.fit import Pieces

FEATURES, SIDE, EPOCHS, PASSES = 50, 32, 10, 15

SETTLE = 0.3
"""Seconds before a turn, in which what was stopped does what it is late with."""

PATIENT = {"distributed.scheduler.worker-ttl": None}
"""Settings of Dask: a worker may be silent for as long as it is stopped."""

QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
}
"""Settings of Dask: no look at what tasks do, and seldom one at the event loop."""

Held = Callable[[int, int], Any]
"""Makes so many rows in so many pieces, in the memory of workers."""


def piece_of(n_rows: int, n_pieces: int, number: int) -> Any:
    """Return the rows of a piece."""
    return rows_of(n_rows // n_pieces, FEATURES, number)


class Apart(Pieces):
    """Pieces in processes of their own, without an engine: what the machine gives."""

    def __init__(self, n_workers: int, n_rows: int, n_pieces: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes = []
        for numbers in np.array_split(range(n_pieces), n_workers):
            here, there = context.Pipe()
            make = partial(piece_of, n_rows, n_pieces)
            context.Process(target=answer, args=(there, make, numbers), daemon=True).start()
            self.pipes.append(here)

    def each(self, function: Callable[[int, Any], Any]) -> Iterator[Any]:
        """Apply a function to each piece."""
        for found in self._asked(function, None):
            yield from found

    def total(self, function: Callable[[int, Any], Any], merge: Callable[[Any, Any], Any]) -> Any:
        """Apply a function to each piece and merge the results in the processes."""
        return reduce(merge, self._asked(function, merge))

    def _asked(self, *what: Any) -> list[Any]:
        for pipe in self.pipes:
            pipe.send(what)
        return [pipe.recv() for pipe in self.pipes]


def answer(pipe: Any, make: Callable[[int], Any], numbers: Any) -> None:
    """Keep pieces, and apply to them what comes."""
    pieces = [(int(number), make(number)) for number in numbers]
    with suppress(EOFError):  # nobody asks any more
        while True:
            function, merge = pipe.recv()
            found = [function(*piece) for piece in pieces]
            pipe.send(found if merge is None else reduce(merge, found))


@contextmanager
def processes(n_workers: int) -> Iterator[Held]:
    """Give processes without an engine."""
    yield partial(Apart, n_workers)


@contextmanager
def dask(n_workers: int) -> Iterator[Held]:
    """Give a cluster of Dask."""
    import dask.array as da
    from dask import config
    from dask.delayed import delayed
    from distributed import Client, LocalCluster, wait

    def held(n_rows: int, n_pieces: int) -> Any:
        # By itself Dask may lay three pieces with one worker and five with the other.
        make, workers = partial(piece_of, n_rows, n_pieces), sorted(client.nthreads())
        places = [workers[number * n_workers // n_pieces] for number in range(n_pieces)]
        pieces = [
            client.submit(make, number, workers=place, pure=False)
            for number, place in enumerate(places)
        ]
        shape = (n_rows // n_pieces, FEATURES)
        lazy = [da.from_delayed(delayed(piece), shape, "float32") for piece in pieces]
        collection = client.persist(da.concatenate(lazy))
        wait(collection)
        return collection

    with (
        config.set(PATIENT),
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield held


@contextmanager
def quiet_dask(n_workers: int) -> Iterator[Held]:
    """Give a cluster of Dask whose processes do little by themselves."""
    from dask import config

    with config.set(QUIET), dask(n_workers) as held:
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
        .config("spark.network.timeout", "1h")  # it is stopped for long
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )

    def held(n_rows: int, n_pieces: int) -> Any:
        place = Path(tempfile.mkdtemp(dir=folder))  # Spark knows what it keeps by its path
        for number in range(n_pieces):
            columns = piece_of(n_rows, n_pieces, number).T
            table = pa.table({f"v{j}": column for j, column in enumerate(columns)})
            parquet.write_table(table, place / f"{number:03}.parquet")
        frames = [
            session.read.parquet(str(path)).coalesce(1) for path in sorted(place.glob("*.parquet"))
        ]
        collection = reduce(lambda a, b: a.union(b), frames).cache()
        collection.count()
        return collection

    with tempfile.TemporaryDirectory() as folder:
        try:
            yield held
        finally:
            session.stop()


PLACES = {
    "processes": processes,
    "dask": dask,
    "quiet dask": quiet_dask,
    "spark": spark,
}

ENGINES = {"dask": ["dask", "quiet dask"], "spark": ["spark"]}


def idle_pass(X: Any) -> float:
    """Return the milliseconds of a pass that gives sums as large as those of an epoch."""
    pieces, idle = pieces_of(X), partial(nothing, np.zeros((SIDE * SIDE, FEATURES)))
    for _ in range(3):  # workers import what they need
        pieces.total(idle, np.add)
    spent = []
    for _ in range(PASSES):
        begin = time.perf_counter()
        pieces.total(idle, np.add)
        spent.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(spent)


def nothing(codebook: Any, _: int, rows: Any) -> Any:
    """Return sums of nothing."""
    return np.zeros(codebook.shape, dtype=np.int64)


class Turns:
    """A callback that says how long an epoch took, and waits for the next turn.

    The first epoch of a training is no turn: rows are looked at before it.
    """

    def __init__(self, say: Callable[[Any], None]) -> None:
        self.say = say
        self.begin: float | None = None

    def __call__(self, _: Any) -> None:
        if self.begin is not None:
            self.say(time.perf_counter() - self.begin)
            wait_for_turn()
        self.begin = time.perf_counter()


def wait_for_turn() -> None:
    """Wait until it is this process's turn, and end where nobody is left to say so."""
    if not sys.stdin.readline():
        sys.exit()


def train(place: str, n_workers: int, n_rows: int, n_pieces: int) -> None:
    """Say what idle passes take; then train again and again, an epoch a turn."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # for what an engine prints

    def say(what: Any) -> None:
        print(json.dumps(what), file=answers, flush=True)

    with PLACES[place](n_workers) as held:
        few, many = n_pieces, 4 * n_pieces
        idle = [idle_pass(held(many, n)) for n in (few, many)]
        X = held(n_rows, n_pieces)
        say(idle)
        wait_for_turn()
        while True:
            som = SOM(SIDE, SIDE, n_epochs=EPOCHS, tol=0, callbacks=[Turns(say)]).fit(X)
            say(hashlib.sha256(som.codebook_.tobytes()).hexdigest())


class Line:
    """A line of the table: processes that train in turns, and are stopped meanwhile."""

    def __init__(self, place: str, n_workers: int, *size: int) -> None:
        command = [sys.executable, __file__, "--train", place, *map(str, (n_workers, *size))]
        self.place, self.n_workers = place, n_workers
        self.epochs: list[float] = []
        self.codebooks: set[str] = set()
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.stopped: list[psutil.Process] = []

    def begin(self) -> None:
        """Wait until its rows lie in memory."""
        self.idle = self._heard()
        self._stop()

    def turn(self) -> float:
        """Let it train for one epoch, and return the seconds."""
        self._signal(signal.SIGCONT)
        time.sleep(SETTLE)
        print(file=self.process.stdin, flush=True)
        found = self._heard()
        self._stop()
        return found

    def end(self) -> None:
        """End all its processes."""
        self._signal(signal.SIGCONT)
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.kill()

    def _heard(self) -> Any:
        while line := self.process.stdout.readline():
            if not isinstance(heard := json.loads(line), str):
                return heard
            self.codebooks.add(heard)
        sys.exit(f"{self.place} with {self.n_workers} ended early")

    def _stop(self) -> None:
        above = psutil.Process(self.process.pid)
        self.stopped = []
        while new := {above, *above.children(recursive=True)} - {*self.stopped}:
            self.stopped += new  # what is not stopped yet may start more
            self._signal(signal.SIGSTOP)

    def _signal(self, number: int) -> None:
        for process in self.stopped:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--engine", choices=ENGINES, default="dask")
    parser.add_argument("--rows", type=float, default=2e6, help="no more than 80,000 are fetched")
    parser.add_argument("--pieces", type=int, default=8)
    parser.add_argument("--trainings", type=int, default=1, help=f"of {EPOCHS - 1} turns each")
    parser.add_argument("--train", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train:
        place, *numbers = given.train
        train(place, *map(int, numbers))
    if os.environ.get("OMP_NUM_THREADS") != "1":
        sys.exit("One thread each is what the table says: set OMP_NUM_THREADS=1.")
    size = int(given.rows), given.pieces
    print(f"{size[0]:,} x {FEATURES}, {SIDE} x {SIDE} units, {size[1]} pieces\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lines: list[Line] = []
    with ExitStack() as stack:
        for place in ("processes", *ENGINES[given.engine]):
            for n_workers in (1, 2):
                tell(f"{place}: making rows for workers: {n_workers}")
                lines.append(Line(place, n_workers, *size))
                stack.callback(lines[-1].end)
                lines[-1].begin()
        n_turns = given.trainings * (EPOCHS - 1)
        for turn in range(n_turns):
            tell(f"turn {turn + 1} of {n_turns}")
            for line in lines[:: 1 if turn % 2 else -1]:
                line.epochs.append(line.turn())
        for line in lines:
            line.turn()  # in which the last training ends, so that its codebook is known
    show(lines)


def tell(what: str) -> None:
    """Say what is being done, beside the table."""
    print(what, file=sys.stderr, flush=True)


def show(lines: list[Line]) -> None:
    """Print a line each."""
    print("| where | epoch, s | two against one: median (quartiles) | sums | nothing to do, ms |")
    print("|---|---|---|---|---|")
    for one, two in zip(lines[::2], lines[1::2], strict=True):
        low, middle, high = np.percentile(np.divide(one.epochs, two.epochs), [25, 50, 75])
        sums = sum(one.epochs) / sum(two.epochs)
        ratios = f"{middle:.2f} x ({low:.2f} to {high:.2f}) | {sums:.2f} x"
        for line, shown in ((one, " | "), (two, ratios)):
            where = f"{line.place}, {line.n_workers} of one thread"
            few, many = line.idle
            epoch = statistics.median(line.epochs)
            print(f"| {where} | {epoch:.3f} | {shown} | {few:.0f} ({many:.0f}) |")
    if len(set().union(*(line.codebooks for line in lines))) > 1:
        sys.exit("\nCodebooks are NOT the same.")
    print(f"\n{len(lines[0].epochs)} turns; all codebooks are the same, bit for bit")


if __name__ == "__main__":
    main()
