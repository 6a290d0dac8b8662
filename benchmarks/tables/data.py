"""The tables that are read: each is made by a recipe with a fixed seed.

    python benchmarks/tables/data.py FOLDER ROWS

In a process of its own, so that the one that measures others stays small.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from recipes import DATA_SEED, clusters  # noqa: E402

N_NUMBERS = 20
MIXED_SHARE = 5
"""The mixed table has a fifth of the rows."""
N_TINY = 100
"""Rows of the tables that bear the imports and the first calls."""

START = datetime(2020, 1, 1)
DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y")
WORDS = (
    *("rent", "shoes", "food", "travel", "hotel", "payment", "refund", "order", "invoice"),
    *("monthly", "for", "the", "caf\u00e9", "nr,", 'the "blue" one'),
)


def numbers(n_rows: int) -> pa.Table:
    """Return columns of numbers in clusters, every other one with four digits, or three."""
    values = 100 * clusters(n_rows, N_NUMBERS).astype(np.float64)
    return pa.table({f"c{i}": values[:, i].round(4 - i % 2) for i in range(N_NUMBERS)})


def mixed(n_rows: int) -> pa.Table:
    """Return an id, ten numbers, ten categories, five dates as they are written, five texts."""
    rng = np.random.default_rng(DATA_SEED)
    columns: dict[str, object] = {"id": [f"T{row:07d}" for row in range(n_rows)]}
    for i in range(10):
        columns[f"n{i}"] = rng.lognormal(3, 1, n_rows).round(2)
    for i in range(10):
        levels = np.array([f"level {level}" for level in range(3 + 2 * i)])
        columns[f"k{i}"] = levels[rng.integers(len(levels), size=n_rows)]
    for i, form in enumerate(DATE_FORMATS):
        seconds = rng.integers(5 * 365 * 86_400, size=n_rows).tolist()
        columns[f"d{i}"] = [(START + timedelta(seconds=s)).strftime(form) for s in seconds]
    for i in range(5):
        words = np.array(WORDS)[rng.integers(len(WORDS), size=(n_rows, 4))].tolist()
        columns[f"t{i}"] = [f"{' '.join(some)} {row}" for row, some in enumerate(words)]
    return pa.table(columns)


def make(folder: Path, n_rows: int) -> None:
    """Write all tables to a folder, each with a tiny one of the same columns."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (("big", numbers(n_rows)), ("mixed", mixed(n_rows // MIXED_SHARE))):
        for prefix, rows in (("", table), ("tiny_", table.slice(0, N_TINY))):
            csv.write_csv(rows, folder / f"{prefix}{name}.csv")
            if name == "big":
                parquet.write_table(rows, folder / f"{prefix}{name}.parquet")


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
