"""Tables larger than memory: peak anonymous memory and time, beside the same rows in memory.

    python benchmarks/scale/run.py --folder DIR [--rows 1e7] [--out benchmarks/scale/README.md]

Each stage is a process of its own, which samples its anonymous memory every 10 ms.  The files are
read once before, so that the system's cache is warm.  Ratios are those of processor time.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

MIB = 1 << 20
N_GROUPS, GROUP_ROWS, N_FILES = 12, 250_000, 10
IN_MEMORY = 1 << 62
"""Size from which arrays would be in files, if nothing is."""


def make(folder: Path, n: int, d: int) -> None:
    """Write rows of float32 in groups, to several files of several row groups."""
    import pyarrow as pa
    from pyarrow import parquet

    if folder.is_dir():
        return
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(N_GROUPS, d)).astype(np.float32) * 3
    for number in range(N_FILES):
        left, writer = n // N_FILES, None
        while left:
            m = min(GROUP_ROWS, left)
            left -= m
            rows = centers[rng.integers(N_GROUPS, size=m)]
            rows += rng.standard_normal((m, d), dtype=np.float32)
            table = pa.table({f"v{j}": column for j, column in enumerate(rows.T)})
            writer = writer or parquet.ParquetWriter(
                folder / f"{number}.parquet", table.schema, use_dictionary=False
            )
            writer.write_table(table)
        assert writer is not None
        writer.close()


def anonymous() -> int:
    """Return the process's anonymous memory, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) << 10


class Watch:
    """Time, processor time and the highest anonymous memory of what is done with it."""

    def __enter__(self) -> "Watch":
        self.peak, self._is_on = 0, True
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def _look(self) -> None:
        while self._is_on:
            self.peak = max(self.peak, anonymous())
            time.sleep(0.01)

    def __exit__(self, *_: Any) -> None:
        self.found = {
            "wall": time.perf_counter() - self._wall,
            "cpu": time.process_time() - self._cpu,
        }
        self._is_on = False
        self._thread.join()
        self.found["peak"] = self.peak


def read_arrays(folder: Path) -> Any:
    """Return the rows as one array in memory, as a script would read them."""
    from pyarrow import parquet

    parts = [parquet.read_table(path, use_threads=False) for path in sorted(folder.iterdir())]
    n, d = sum(part.num_rows for part in parts), parts[0].num_columns
    rows, begin = np.empty((n, d), np.float32), 0
    for part in parts:
        for j, column in enumerate(part.columns):
            rows[begin : begin + part.num_rows, j] = column.to_numpy()
        begin += part.num_rows
    return rows


def fit(X: Any, encoder: str | None) -> str:
    """Train a map of all rows; return a digest of its codebook."""
    from somscape import SOM

    som = SOM(32, 32, n_epochs=10, tol=0.0, encoder=encoder, random_state=0).fit(X)
    return hashlib.sha256(som.codebook_.tobytes()).hexdigest()[:12]


def of_source(folder: Path, encoder: str | None) -> str:
    from somscape.tables import source

    return fit(source(folder), encoder)


def arrays(folder: Path) -> Iterator[Any]:
    """Yield the rows of files as arrays of a row group each."""
    from pyarrow import parquet

    for path in sorted(folder.iterdir()):
        file = parquet.ParquetFile(path)
        for number in range(file.num_row_groups):
            columns = file.read_row_group(number, use_threads=False).columns
            yield np.column_stack([column.to_numpy() for column in columns])


def of_batches(folder: Path) -> str:
    from somscape.tables import source

    return fit(source(partial(arrays, folder)), None)


def detect(folder: Path) -> str:
    from somscape.desk.cli._commands import main

    out = f"{folder}-found"
    sys.argv = ["somscape", "detect", f"{folder}/*.parquet", "--out", out, "--force"]
    with suppress(SystemExit):
        main()
    return hashlib.sha256(Path(out, "alerts.csv").read_bytes()).hexdigest()[:12]


def read_twice_and_score(folder: Path) -> str:
    """What the command does at least: two readings by pyarrow, and scores of the rows in memory."""
    from somscape import load

    detector = load(f"{folder}-found/map.som")
    read_arrays(folder)
    rows = detector.map_.rows_of(read_table_in_memory(folder))
    detector._scores_and_p_values_of_rows(rows)
    return ""


def read_table_in_memory(folder: Path) -> Any:
    from somscape.tables import read_table

    return read_table(folder)


STAGES: dict[str, tuple[str, Callable[[Path], str], bool]] = {
    "fit": ("fit of the files", lambda folder: of_source(folder, "auto"), False),
    "fit in memory": ("the same, all in memory", lambda folder: of_source(folder, "auto"), True),
    "fit as they are": (
        "fit of the files, numbers as they are",
        lambda folder: of_source(folder, None),
        False,
    ),
    "fit of batches": ("fit of arrays that come in batches", of_batches, False),
    "array": (
        "pyarrow to an array in memory, then fit",
        lambda folder: fit(read_arrays(folder), None),
        True,
    ),
    "detect": ("somscape detect", detect, False),
    "detect in memory": ("the same, all in memory", detect, True),
    "score": ("two readings, scores in memory", read_twice_and_score, True),
}
"""By name: in words, what is done, and whether no array may be in a file."""

SHAPES = {50: ("fit", "fit in memory", "fit as they are", "fit of batches", "array")}
SHAPES[20] = ("detect", "detect in memory", "score")


def stage(name: str, folder: Path) -> None:
    """Do a stage here and print what it took."""
    import pandas  # noqa: F401 - loaded before, as in a session at work
    import pyarrow.parquet  # noqa: F401

    import somscape.desk.cli._detect  # noqa: F401
    from somscape import _stored

    _, work, in_memory = STAGES[name]
    if in_memory:
        _stored.LARGE = IN_MEMORY
    with Watch() as watch:
        digest = work(folder)
    print("\n" + json.dumps({**watch.found, "digest": digest}))


def measured(name: str, folder: Path) -> dict[str, Any]:
    words = [sys.executable, __file__, "--stage", name, "--folder", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["ended"])[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def table_of(found: dict[str, list[dict[str, Any]]], d: int, n: int) -> list[str]:
    """Return the lines of a table of one shape."""
    lines = [f"{n:,} x {d} float32 in {N_FILES} Parquet files:", ""]
    lines += ["| what | peak anonymous MiB | s | processor s | result |", "|---|---|---|---|---|"]
    for name in SHAPES[d]:
        runs = [run for run in found[name] if "failed" not in run]
        if not runs:
            lines.append(f"| {STAGES[name][0]} | {found[name][0]['failed']} | | | |")
            continue
        peak = max(run["peak"] for run in runs) / MIB
        wall, cpu = (statistics.median(run[what] for run in runs) for what in ("wall", "cpu"))
        digest = f"`{runs[0]['digest']}`" if runs[0]["digest"] else ""
        lines.append(f"| {STAGES[name][0]} | {peak:,.0f} | {wall:.1f} | {cpu:.1f} | {digest} |")
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=float, default=1e7)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[*STAGES])
    parser.add_argument("--stage")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.stage:
        stage(asked.stage, asked.folder)
        return
    n, lines = int(asked.rows), list[str]()
    for d, names in SHAPES.items():
        if not {*names} & {*asked.only}:
            continue
        folder = asked.folder / f"{n}x{d}"
        make(folder, n, d)
        for path in folder.iterdir():
            path.read_bytes()
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for _ in range(asked.rounds):
            for name in names:
                found[name].append(
                    measured(name, folder) if name in asked.only else {"failed": "-"}
                )
                print(d, name, found[name][-1], flush=True)
        lines += table_of(found, d, n)
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    lines.append(
        f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} processors, load"
        f" {os.getloadavg()[1]:.1f}, Python {platform.python_version()}, NumPy {np.__version__}."
    )
    text = "\n".join(lines)
    print(text)
    if asked.out:
        before = asked.out.read_text() if asked.out.exists() else "# Scale\n\n## Numbers\n"
        asked.out.write_text(before.partition("## Numbers\n")[0] + f"## Numbers\n\n{text}\n")


if __name__ == "__main__":
    main()
