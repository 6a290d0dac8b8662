"""How long each picture takes, on a map of 3 x 3 and on one of 200 x 200 units.

    python benchmarks/pictures.py [FOLDER]

30,000 rows of 16 columns.  Processor time in seconds, the median of three: to draw and to save as
PNG.  With a folder, the pictures are left there, to look at.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np

from somscape import SOM, Map, plots
from somscape.regions import Regions

N_ROWS, N_COLUMNS, REPEATS = 30_000, 16, 3


def rows() -> np.ndarray:
    """Return rows on a bent sheet with a gap, and noise in every column."""
    rng = np.random.default_rng(0)
    along, across = rng.random((2, N_ROWS))
    bent = np.column_stack([np.sin(3 * along), np.cos(4 * across), along + across])
    bent[:, 0] += 2 * (along > 0.5)
    more = rng.normal(size=(N_ROWS, N_COLUMNS - 3)) * 0.1 + across[:, None]
    return np.hstack([bent, more])


def pictures(m: Map, X: np.ndarray) -> dict[str, Callable[[], plots.Display]]:
    """Return what to draw, by name."""
    y = np.round(4 * X[:, 0]).astype(int)
    places = m.lattice.positions / m.lattice.positions.max(axis=0)
    quarters = Regions(m, ((places[:, 0] > 0.5) * 2 + (places[:, 1] > 0.5)).astype(np.intp))
    return {
        "values": lambda: plots.values(m, 0, regions=quarters),
        "umatrix": lambda: plots.umatrix(m),
        "umatrix with classes": lambda: plots.umatrix(m, X, y),
        "hits": lambda: plots.hits(m),
        "hits, pies": lambda: plots.hits(m, X, y),
        "majority": lambda: plots.majority(m, X, y),
        "labels": lambda: plots.labels(m, X, names=[f"row {i}" for i in range(len(X))]),
        "regions": lambda: plots.regions(m, quarters),
        "planes, 4": lambda: plots.planes(m, range(4)),
    }


def seconds(draw: Callable[[], plots.Display], file: Path) -> float:
    """Return the time to draw and save once."""
    start = process_time()
    draw().save(file)
    return process_time() - start


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    X = rows()
    print("| picture | 3 x 3 | 200 x 200 |\n|---|---|---|")
    found: dict[str, list[float]] = {}
    for side in (3, 200):
        som = SOM(side, side, random_state=0, n_epochs=3).fit(X)
        for name, draw in pictures(som.map_, X).items():
            file = folder / f"{name.replace(', ', '_').replace(' ', '_')}_{side}.png"
            found.setdefault(name, []).append(median(seconds(draw, file) for _ in range(REPEATS)))
    for name, (small, large) in found.items():
        print(f"| {name} | {small:.2f} | {large:.2f} |")


if __name__ == "__main__":
    main()
