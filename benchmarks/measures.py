"""How long all measures of a map take, and how much faster than plain loops each is.

    python benchmarks/measures.py

All measures: a report on 5,000 rows of 20 features and 400 units, then
trustworthiness of 100,000 rows. Loops: those of ``tests/naive.py``, on the same rows as ours, on
fewer rows the more they would take. The shortest of five of ours, and one of the loops.
"""

from __future__ import annotations

import platform
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from timeit import repeat
from typing import Any

import numpy as np

from somscape import SOM, measures

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import naive

REPEATS = 5
SINGLE = (
    "explained_variance",
    "combined_error",
    "trustworthiness",
)


def seconds(call: Callable[[], Any], times: int = REPEATS) -> float:
    """Return the shortest of some calls."""
    return min(repeat(call, number=1, repeat=times))


def drawn(n_rows: int) -> np.ndarray:
    """Return rows of 20 features that go together in part."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_rows, 20)) @ rng.normal(size=(20, 20)) * np.linspace(1, 0.1, 20)


def all_at_once() -> None:
    """Print the time of a report and of some of its measures alone."""
    X = drawn(5000)
    som = SOM(20, 20, lattice="rectangular", random_state=0).fit(X)
    n = len(measures.report(som, X))
    print(f"all {n} with intervals | {seconds(lambda: measures.report(som, X)):.2f} s")
    for name in SINGLE:
        alone = getattr(measures, name)
        print(f"{name} | {seconds(partial(alone, som, X)):.3f} s")
    print(f"topographic_product | {seconds(lambda: measures.topographic_product(som)):.3f} s")


def many_rows() -> None:
    """Print time and memory of trustworthiness on 100,000 rows."""
    X = drawn(100_000)
    som = SOM(20, 20, random_state=0).fit(X[:5000])
    taken = seconds(lambda: measures.trustworthiness(som, X), 1)
    print(f"trustworthiness, 100,000 rows | {taken:.1f} s")
    tracemalloc.start()
    measures.trustworthiness(som, X, max_rows=200)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()  # it slows down what follows
    print(f"its memory beside the rows | {peak / 1e6:.0f} MB")


def loops() -> None:
    """Print how much longer plain loops take, on the same rows."""
    for name, n_rows, side, slow in cases():
        X = drawn(n_rows)
        som = SOM(side, side, lattice="rectangular", random_state=0).fit(X)
        W, on_map = som.codebook_, naive.map_distances(side, side, "rectangular", "plane")
        neighbors = naive.neighbors(side, side, "rectangular", "plane")
        alone = getattr(measures, name)
        rows = () if name == "topographic_product" else (X,)
        ours = seconds(partial(alone, som, *rows))
        theirs = seconds(partial(slow, X, W, on_map, neighbors), 1)
        size = f"{n_rows} rows, {side * side} units"
        print(f"{name} | {size} | {theirs:.2f} s | {1e3 * ours:.1f} ms | {theirs / ours:,.0f}")


def cases() -> list[tuple[str, int, int, Callable[..., Any]]]:
    """Return measures, sizes and loops."""

    def of_pairs(measure: Callable[..., Any], *more: int) -> Callable[..., Any]:
        return lambda X, W, on_map, neighbors: measure(
            naive.row_distances(X), naive.placed_distances(X, W, on_map), *more
        )

    return [
        ("explained_variance", 5000, 20, lambda X, W, *_: naive.explained_variance(X, W)),
        ("combined_error", 5000, 20, lambda X, W, m, n: naive.combined_error(X, W, n)),
        ("topographic_product", 5000, 20, lambda X, W, m, *_: naive.topographic_product(W, m)),
        ("trustworthiness", 300, 8, of_pairs(naive.neighbor_measures, 10)),
    ]


if __name__ == "__main__":
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    all_at_once()
    many_rows()
    loops()
