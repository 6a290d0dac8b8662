"""How close `SOMImputer` comes to cells that were removed, beside scikit-learn's imputers.

    python benchmarks/imputer.py [--half choice report] [--tables ...] [--seeds 5] [--out FILE]
    python benchmarks/imputer.py --time 10000 100000

The ten tables, both mechanisms, the shares and the grading were fixed before the first run.
Parameters of `SOMImputer` are chosen on the half "choice" and reported on the half "report".
Constant columns are left out.  Each column is standardized by the complete table, and then cells
are removed: "at random" means that each cell is missing with the same probability, and "not at
random" that the probability grows in proportion to the rank of the value in its column, from 0 to
twice the share.  The grade is the root mean square error of the removed cells, and the mean of the
seeds.  Classical tables are read from the folder of `SOMSCAPE_CLASSIC`.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

from somscape import SOMImputer

CLASSIC = Path(
    os.environ.get("SOMSCAPE_CLASSIC", Path(__file__).parents[2] / "shared/data/classic")
)
MOST_ROWS = 2_000
SHARES = (0.1, 0.2, 0.4)
MECHANISMS = ("at random", "not at random")
METHODS: dict[str, Callable[[int], Any]] = {
    "SOM": lambda seed: SOMImputer(random_state=seed),
    "KNN": lambda seed: KNNImputer(),
    "Iterative": lambda seed: IterativeImputer(random_state=seed),
}


def classic(name: str) -> Any:
    """Return a classical table, or `MOST_ROWS` rows of a larger one."""
    X = np.load(CLASSIC / f"{name}.npz", allow_pickle=False)["X"].astype(np.float64)
    if len(X) <= MOST_ROWS:
        return X
    return X[np.sort(np.random.default_rng(0).choice(len(X), MOST_ROWS, replace=False))]


def clusters(n: int = 1_000, d: int = 8) -> Any:
    """Return rows of six Gaussian clusters, each with its own full covariance."""
    rng = np.random.default_rng(0)
    parts = [
        rng.normal(0, 4, d)
        + rng.normal(size=(n // 6 + 1, d)) @ rng.normal(size=(d, d)) / np.sqrt(d)
        for _ in range(6)
    ]
    return np.concatenate(parts)[:n]


def roll(n: int = 1_500) -> Any:
    """Return rows of a rolled sheet with three functions of the place on the sheet, and noise."""
    X, turn = datasets.make_swiss_roll(n, noise=0.3, random_state=0)
    more = np.c_[np.sin(turn), np.cos(X[:, 1] / 4), turn * X[:, 1] / 50]
    return np.c_[X, more + np.random.default_rng(0).normal(0, 0.1, more.shape)]


TABLES: dict[str, dict[str, Callable[[], Any]]] = {
    "choice": {
        "diabetes": lambda: datasets.load_diabetes(return_X_y=True)[0],
        "satellite": lambda: classic("satellite"),
        "Cardiotocography": lambda: classic("Cardiotocography"),
        "letter": lambda: classic("letter"),
        "clusters": clusters,
    },
    "report": {
        "wine": lambda: datasets.load_wine(return_X_y=True)[0],
        "breast cancer": lambda: datasets.load_breast_cancer(return_X_y=True)[0],
        "digits": lambda: datasets.load_digits(return_X_y=True)[0],
        "fault": lambda: classic("fault"),
        "roll": roll,
    },
}


def standardized(X: Any) -> Any:
    """Return a table without constant columns, with means 0 and standard deviations 1."""
    X = X[:, X.std(axis=0) > 0]
    return (X - X.mean(axis=0)) / X.std(axis=0)


def gaps(X: Any, share: float, mechanism: str, seed: int) -> Any:
    """Return which cells are removed."""
    rng = np.random.default_rng(seed)
    if mechanism == "at random":
        return rng.random(X.shape) < share
    ranks = X.argsort(axis=0, kind="stable").argsort(axis=0)
    return rng.random(X.shape) < 2 * share * (ranks + 0.5) / len(X)


def errors(X: Any, share: float, mechanism: str, n_seeds: int, methods: list[str]) -> Any:
    """Return the error and the seconds of each method, means of the seeds."""
    found = np.zeros((len(methods), 2))
    for seed in range(n_seeds):
        is_gap = gaps(X, share, mechanism, seed)
        gappy = np.where(is_gap, np.nan, X)
        for number, method in enumerate(methods):
            start = time.perf_counter()
            filled = METHODS[method](seed).fit_transform(gappy)
            seconds = time.perf_counter() - start
            found[number] += np.sqrt(np.mean((filled - X)[is_gap] ** 2)), seconds
    return found / n_seeds


def compare(arguments: argparse.Namespace) -> list[str]:
    """Return the lines of a table with one line for each table, mechanism and share."""
    methods, lines, better = arguments.methods, [], dict[str, int]()
    names = [*(f"{method} error" for method in methods), *(f"{method} s" for method in methods)]
    lines += [f"| half | table | size | missing | {' | '.join(names)} | SOM / KNN |"]
    lines += ["|" + " --- |" * 4 + " ---: |" * (len(names) + 1)]
    for half in arguments.half:
        for name, table in TABLES[half].items():
            if arguments.tables and name not in arguments.tables:
                continue
            X = standardized(table())
            for mechanism in MECHANISMS:
                for share in SHARES:
                    found = errors(X, share, mechanism, arguments.seeds, methods)
                    ratio = found[0, 0] / found[1, 0] if len(methods) > 1 else np.nan
                    case = f"{100 * share:.0f} % {mechanism}"
                    better[case] = better.get(case, 0) + int(ratio < 1)
                    cells = [half, name, f"{len(X)} x {X.shape[1]}", case]
                    cells += [f"{error:.4f}" for error in found[:, 0]]
                    cells += [f"{seconds:.2f}" for seconds in found[:, 1]]
                    lines.append(f"| {' | '.join(cells)} | {ratio:.3f} |")
                    print(lines[-1], flush=True)
    lines += ["", *(f"- {case}: lower than KNN in {n} tables" for case, n in better.items())]
    return lines


def timed(sizes: list[int], methods: list[str], d: int = 20) -> list[str]:
    """Return the seconds, the error and the memory for tables of many rows."""
    lines = [
        "| rows | method | seconds | error | peak MiB |",
        "| ---: | --- | ---: | ---: | ---: |",
    ]
    rng = np.random.default_rng(0)
    for n in sizes:
        hidden = rng.normal(size=(n, 4))
        X = standardized(np.tanh(hidden @ rng.normal(size=(4, d))) + rng.normal(0, 0.1, (n, d)))
        is_gap = gaps(X, 0.2, "at random", 0)
        for method in methods:
            start = time.perf_counter()
            filled = METHODS[method](0).fit_transform(np.where(is_gap, np.nan, X))
            seconds = time.perf_counter() - start
            error = np.sqrt(np.mean((filled - X)[is_gap] ** 2))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            lines.append(f"| {n} | {method} | {seconds:.1f} | {error:.4f} | {peak:.0f} |")
            print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Measure, and print or write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--time", nargs="*", type=int)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    lines = timed(arguments.time, arguments.methods) if arguments.time else compare(arguments)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")
    else:
        sys.stdout.write("\n".join(lines[-6:]) + "\n")


if __name__ == "__main__":
    main()
