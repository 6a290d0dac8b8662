"""Training on tables of few different rows, beside three normal columns.

    OMP_NUM_THREADS=1 python benchmarks/flags.py

Fits SOM() to 20,000 rows of each table and prints processor seconds, the median of three, and the
ratio to the three normal columns. Wanted is a ratio of at most 2 for tables of flags and codes;
"nearly" rows differ by so little that float32 cannot tell units apart.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from markdown_tables import markdown
from numpy.typing import NDArray
from scipy.sparse import csr_array

from somscape import SOM

N_ROWS, REPEATS = 20_000, 3
Rows = NDArray[Any]


def flags(rng: np.random.Generator, n_columns: int, share: float) -> Rows:
    """Return columns that are 1 in a share of the rows, else 0."""
    return (rng.random((N_ROWS, n_columns)) < share).astype(np.float64)


def five_rows(rng: np.random.Generator) -> Rows:
    """Return five rows of ten numbers, again and again."""
    return rng.normal(size=(5, 10))[rng.integers(0, 5, N_ROWS)]


def codes(rng: np.random.Generator) -> Rows:
    """Return three flags, a code of five levels and a count up to 20."""
    levels = np.eye(5)[rng.integers(0, 5, N_ROWS)]
    return np.c_[flags(rng, 3, 0.3), levels, rng.integers(0, 21, N_ROWS) / 20]


def normal(rng: np.random.Generator, n_columns: int) -> Rows:
    """Return independent normal columns."""
    return rng.normal(size=(N_ROWS, n_columns))


TABLES: dict[str, Callable[[np.random.Generator], Any]] = {
    "three normal columns": lambda rng: normal(rng, 3),
    "one flag": lambda rng: flags(rng, 1, 0.5),
    "three flags": lambda rng: flags(rng, 3, 0.5),
    "three rare flags": lambda rng: flags(rng, 3, 0.005),
    "three rare flags, sparse": lambda rng: csr_array(flags(rng, 3, 0.005)),
    "five rows of ten numbers": five_rows,
    "flags, a code, a count": codes,
    "a normal column, rare flags": lambda rng: np.c_[normal(rng, 1), flags(rng, 3, 0.005)],
    "nearly one flag": lambda rng: flags(rng, 1, 0.5) + 1e-9 * normal(rng, 1),
    "rare flags, a tiny column": lambda rng: np.c_[flags(rng, 3, 0.005), 1e-6 * normal(rng, 1)],
}


def seconds(rows: Any) -> float:
    """Return the processor seconds of a fit, all threads together."""
    taken = []
    for _ in range(REPEATS):
        start = process_time()
        SOM(random_state=0).fit(rows)
        taken.append(process_time() - start)
    return median(taken)


def main() -> None:
    """Print the table."""
    found = {name: seconds(make(np.random.default_rng(0))) for name, make in TABLES.items()}
    base = found["three normal columns"]
    rows = [[name, f"{value:.2f}", f"{value / base:.2f}"] for name, value in found.items()]
    print(markdown([f"{N_ROWS:,} rows", "seconds", "ratio"], rows))


if __name__ == "__main__":
    main()
