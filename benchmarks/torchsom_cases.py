"""Measure the twelve cases of torchsom's paper, and write torchsom_cases.md.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    python benchmarks/torchsom_cases.py [--torchsom ROWS]

`CASES` has what torchsom publishes.  Rows are blobs of our own recipe, of the same shape:
theirs lie in files.  Both libraries get the same rows and one thread, and are timed in processor
time, so that a busy machine changes little.  `--torchsom 4000` leaves torchsom out where there are
more rows.  "QE at its TE" is our lowest QE with a TE no higher than torchsom's, over `ENDS`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
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


def write(found: list[list[str]]) -> None:
    """Write the table; cases that are not measured yet have the published figures alone."""
    header = ["rows", "map", "somscape, s", "QE", "TE, %", "torchsom, s", "its QE", "its TE, %"]
    header += ["our QE at its TE", "published: MiniSom, s", "torchsom, 8 cores, s"]
    header += ["torchsom, T4, s"]
    table = []
    for i, case in enumerate(CASES):
        here = found[i] if i < len(found) else [""] * 7
        names = [f"{case.n_rows:,} x {case.n_features}", f"{case.shape[0]} x {case.shape[1]}"]
        table.append([*names, *here, *case[3:]])
    packages = ("numpy", "torch", "torchsom")
    write_between_markers(OUT, f"{machine(packages)}.\n\n{markdown(header, table, n_left=2)}")


def main() -> None:
    """Measure case by case; a run that is cut off keeps what it has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torchsom", type=int, default=0, metavar="ROWS")
    most = parser.parse_args().torchsom
    warnings.simplefilter("ignore")  # maps of more units than rows are torchsom's choice
    for train in (by_somscape, by_torchsom) if most else (by_somscape,):
        train(rows_of(CASES[0]), SMALL)  # what loads only once
    found: list[list[str]] = []
    for case in CASES:
        rows = rows_of(case)
        ours = measured(by_somscape, rows, case)
        theirs = [""] * 4
        if len(rows) <= most and (case.shape == SMALL or len(rows) < BLOCK):
            theirs = measured(by_torchsom, rows, case)
            theirs.append(at_its_te(rows, case, float(theirs[2]) / 100))
        found.append([*ours, *theirs])
        print(case[:3], found[-1], flush=True)
        write(found)


if __name__ == "__main__":
    main()
