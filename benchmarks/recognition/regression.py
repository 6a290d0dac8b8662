"""How well `SOMRegressor` predicts numbers, beside nearest neighbors and a linear model.

    python benchmarks/recognition/regression.py --out benchmarks/recognition/regression.md

All methods see the same rows, z-scored within the fold.  Nearest neighbors get the best of 1 to 50
neighbors, uniform or by distance, as the test rows themselves say.  Made sets are Friedman's three
and waves over a plane; diabetes is scikit-learn's.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import RepeatedKFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from somscape import SOMRegressor

sys.path.append(str(Path(__file__).resolve().parents[1]))

from readme import machine

COVERAGE = 0.9
OURS = {
    "somscape": {},
    "no relevance": {"relevance": False},
    "no slopes": {"linear": False},
    "means alone": {"relevance": False, "linear": False},
}


def waves(n: int = 600) -> tuple[Any, Any]:
    """Return rows of a plane, and a wavy target with little noise."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (n, 2))
    return X, np.sin(2 * X[:, 0]) * np.cos(X[:, 1]) + rng.normal(0, 0.1, n)


SETS = {
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "Friedman 1": lambda: datasets.make_friedman1(500, noise=1.0, random_state=0),
    "Friedman 2": lambda: datasets.make_friedman2(500, noise=50.0, random_state=0),
    "Friedman 3": lambda: datasets.make_friedman3(500, noise=0.1, random_state=0),
    "waves": waves,
}


def neighbors() -> dict[str, Any]:
    """Return nearest neighbors of all numbers and weights."""
    kinds = [(k, how) for k in range(1, 51) for how in ("uniform", "distance")]
    return {f"{k} neighbors, {how}": KNeighborsRegressor(k, weights=how) for k, how in kinds}


def measured(name: str, n_repeats: int) -> dict[str, str]:
    """Return a line of the table."""
    X, y = SETS[name]()
    scores: dict[str, list[float]] = {}
    covered, widths, seconds = [], [], []
    folds = RepeatedKFold(n_splits=5, n_repeats=n_repeats, random_state=0)
    for number, (train, test) in enumerate(folds.split(X)):
        scaler = StandardScaler().fit(X[train])
        rows, new = scaler.transform(X[train]), scaler.transform(X[test])
        for called, model in {**neighbors(), "linear": LinearRegression()}.items():
            found = model.fit(rows, y[train]).predict(new)
            scores.setdefault(called, []).append(r2_score(y[test], found))
        for called, parameters in OURS.items():
            start = time.process_time()
            mine = SOMRegressor(random_state=number, **parameters).fit(rows, y[train])
            scores.setdefault(called, []).append(mine.score(new, y[test]))
            if called == "somscape":
                seconds.append(time.process_time() - start)
                low, high = mine.predict_interval(new, COVERAGE).T
                covered.append(np.mean((low <= y[test]) & (y[test] <= high)))
                widths.append(np.mean(high - low) / y.std())
    means = {called: float(np.mean(found)) for called, found in scores.items()}
    best = max(neighbors(), key=means.__getitem__)
    return {
        "set": name,
        **{called: f"{means[called]:.3f}" for called in OURS},
        "best neighbors": f"{means[best]:.3f} ({best})",
        "linear": f"{means['linear']:.3f}",
        "90 % intervals cover": f"{100 * np.mean(covered):.1f} %",
        "width": f"{np.mean(widths):.2f} sd",
        "seconds to fit": f"{np.median(seconds):.1f}",
    }


def main() -> None:
    """Measure the sets, and write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    _, command, method = (__doc__ or "").strip().split("\n\n")
    lines = ["# Regression: R2 of rows that did not train", "", command, "", method, ""]
    lines += [machine(), ""]
    for name in arguments.sets:
        found = measured(name, arguments.repeats if name == "diabetes" else 1)
        if name == arguments.sets[0]:
            lines += [f"| {' | '.join(found)} |", "|" + " --- |" * len(found)]
        lines.append(f"| {' | '.join(found.values())} |")
        print(lines[-1], flush=True)
    lines += ["", f"Diabetes: {arguments.repeats} x 5 folds; other sets: 5 folds."]
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
