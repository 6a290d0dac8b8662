"""Measure the twelve cases of torchsom's paper, and write torchsom_cases.md.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    python benchmarks/torchsom_cases.py [--cases N ...] [--torchsom ROWS]

`CASES` has what torchsom publishes.  Rows are blobs of our own recipe, of the same shape:
theirs lie in files.  Both libraries get the same rows and one thread, and are timed in processor
time, so that a busy machine changes little.  `--torchsom 4000` leaves torchsom out where there are
more rows, and `--cases 1 2` measures the first two.  All else in the table stays as it was, and
each run adds a line with its machine and its cases.  "QE at its TE" is our lowest QE with a TE no
higher than torchsom's, over `ENDS`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from markdown_tables import markdown
from readme import machine, write_between_markers
from reference import squared_distances
from sklearn.datasets import make_blobs

from somscape import SOM

OUT = Path(__file__).with_name("torchsom_cases.md")
EPOCHS, RADIUS, RATE = 100, 1.45, 0.95  # of benchmark/configs/benchmark.yaml
ENDS = (RADIUS / 3, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4)  # final radii; the first is torchsom's
BLOCK = 2000
MEASURED = ("somscape, s", "QE", "TE, %", "torchsom, s", "its QE", "its TE, %", "our QE at its TE")
PUBLISHED = ("published: MiniSom, s", "torchsom, 8 cores, s", "torchsom, T4, s")


class Case(NamedTuple):
    """A case; seconds of MiniSom, torchsom, and torchsom on a T4, as its page says."""

    n_rows: int
    n_features: int
    shape: tuple[int, int]
    minisom: str
    torchsom: str
    gpu: str


SMALL, LARGE = (25, 15), (90, 70)
CASES = (
    Case(240, 4, SMALL, "1.82", "0.41", "0.24"),
    Case(240, 50, SMALL, "3.84", "0.50", "0.25"),
    Case(240, 300, SMALL, "15.4", "0.72", "0.28"),
    Case(4000, 4, SMALL, "54.6", "4.87", "2.61"),
    Case(4000, 50, SMALL, "89.2", "5.33", "2.62"),
    Case(4000, 300, SMALL, "261", "8.32", "2.77"),
    Case(16000, 4, SMALL, "1,054", "20.2", "10.9"),
    Case(16000, 50, SMALL, "1,220", "21.9", "10.8"),
    Case(16000, 300, SMALL, "1,939", "30.4", "11.6"),
    Case(240, 300, LARGE, "364", "7.07", "0.40"),
    Case(4000, 300, LARGE, "6,149", "77.8", "4.57"),
    Case(16000, 300, LARGE, "", "321", "19.5"),
)


def rows_of(case: Case) -> np.ndarray:
    """Return standardized blobs."""
    rows, _ = make_blobs(case.n_rows, case.n_features, centers=5, cluster_std=1.8, random_state=42)
    return ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)


def by_somscape(
    rows: np.ndarray, shape: tuple[int, int], *, radius_end: float = ENDS[0]
) -> np.ndarray:
    """Train with torchsom's epochs and radii, to the last epoch."""
    som = SOM(
        *shape,
        lattice="rectangular",
        algorithm="batch",
        n_init=1,
        n_epochs=EPOCHS,
        radius_start=RADIUS,
        radius_end=radius_end,
        radius_decay="asymptotic",
        tol=0,
        random_state=0,
    )
    return som.fit(rows).codebook_


def by_torchsom(rows: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Train as torchsom's own benchmark does."""
    import torch
    import torchsom

    torch.set_num_threads(1)
    tensor = torch.from_numpy(rows)
    som = torchsom.SOM(
        *shape,
        num_features=rows.shape[1],
        sigma=RADIUS,
        learning_rate=RATE,
        epochs=EPOCHS,
        batch_size=len(rows),
        initialization_mode="pca",
        search_backend="torch",
        random_seed=42,
        device="cpu",
    )
    som.initialize_weights(data=tensor, mode="pca")
    som.fit(tensor, verbose=False)
    return som.weights.detach().numpy().reshape(-1, rows.shape[1])


def errors(rows: np.ndarray, codebook: np.ndarray, shape: tuple[int, int]) -> tuple[float, float]:
    """Return QE, and TE with 8 neighbors."""
    total, n_apart = 0.0, 0
    for start in range(0, len(rows), BLOCK):
        squared = squared_distances(rows[start : start + BLOCK], codebook.astype(np.float64))
        every = np.arange(len(squared))
        first = squared.argmin(axis=1)
        total += float(np.sqrt(squared[every, first]).sum())
        squared[every, first] = np.inf
        one, other = (
            np.array(np.unravel_index(units, shape)) for units in (first, squared.argmin(axis=1))
        )
        n_apart += int((np.abs(one - other).max(axis=0) > 1).sum())
    return total / len(rows), n_apart / len(rows)


def measured(train: Callable[..., np.ndarray], rows: np.ndarray, case: Case) -> list[str]:
    """Return seconds of processor time, QE and TE, as the table has them."""
    start = time.process_time()
    codebook = train(rows, case.shape)
    seconds = time.process_time() - start
    qe, te = errors(rows, codebook, case.shape)
    return [f"{seconds:.3g}", f"{qe:.2f}", f"{100 * te:.1f}"]


def at_its_te(rows: np.ndarray, case: Case, te: float) -> str:
    """Return our lowest QE with a TE no higher than torchsom's."""
    found = []
    for end in ENDS:
        ours = errors(rows, by_somscape(rows, case.shape, radius_end=end), case.shape)
        if ours[1] <= te:
            found.append(ours[0])
    return f"{min(found):.2f}" if found else "none"


def cells(line: str) -> list[str]:
    """Return the cells of a line of a table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def earlier() -> tuple[list[str], dict[Case, list[str]]]:
    """Return the lines of earlier runs, and what they measured by case, from the record."""
    lines = OUT.read_text(encoding="utf-8").splitlines() if OUT.exists() else []
    header, _, *rows = [cells(line) for line in lines if line.startswith("|")] or [[], []]
    known = {}
    for case in CASES:
        for row in rows:
            if row[:2] == names(case):
                of_column = dict(zip(header, row, strict=True))
                known[case] = [of_column.get(column, "") for column in MEASURED]
    return [line for line in lines if line.startswith("- ")], known


def names(case: Case) -> list[str]:
    """Return the first cells of a case: its rows and its map."""
    return [f"{case.n_rows:,} x {case.n_features}", f"{case.shape[0]} x {case.shape[1]}"]


def write(runs: list[str], known: dict[Case, list[str]]) -> None:
    """Write the runs and the table; cases without measurements have the published figures alone."""
    header = ["rows", "map", *MEASURED, *PUBLISHED]
    empty = [""] * len(MEASURED)
    table = [[*names(case), *known.get(case, empty), *case[3:]] for case in CASES]
    lines = "\n".join(runs)
    write_between_markers(OUT, f"{lines}\n\n{markdown(header, table, n_left=2)}")


def measure(chosen: Sequence[int], most: int) -> None:
    """Measure cases by their numbers, torchsom up to so many rows; write after each."""
    (runs, known), here = earlier(), machine(("numpy", "torch", "torchsom"))
    beside = f"torchsom up to {most:,} rows" if most else "without torchsom"
    for i, number in enumerate(chosen):
        case = CASES[number - 1]
        rows = rows_of(case)
        found = [*measured(by_somscape, rows, case), *known.get(case, [""] * 7)[3:]]
        if len(rows) <= most and (case.shape == SMALL or len(rows) < BLOCK):
            theirs = measured(by_torchsom, rows, case)
            found[3:] = [*theirs, at_its_te(rows, case, float(theirs[2]) / 100)]
        known[case] = found
        print(case[:3], found, flush=True)
        done = ", ".join(map(str, chosen[: i + 1]))
        write([*runs, f"- Cases {done}, {beside}: {here}."], known)


def main() -> None:
    """Measure case by case; a run that is cut off keeps what it has, and what was there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torchsom", type=int, default=0, metavar="ROWS")
    every = range(1, len(CASES) + 1)
    parser.add_argument("--cases", type=int, nargs="+", default=every, choices=every, metavar="N")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # maps of more units than rows are torchsom's choice
    for train in (by_somscape, by_torchsom) if arguments.torchsom else (by_somscape,):
        train(rows_of(CASES[0]), SMALL)  # what loads only once
    measure(arguments.cases, arguments.torchsom)


if __name__ == "__main__":
    main()
