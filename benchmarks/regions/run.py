"""Regions where there are none, and groups of every shape, beside other methods.

    python benchmarks/regions/run.py --draws 200 --out benchmarks/regions/README.md

Prints the tables of the README; `--out` replaces those in a file.
"""

import argparse
from pathlib import Path

import numpy as np
from families import FAMILIES, KEPT_BACK, SIZES, draw
from noise import CELLS, NOISE, REPORTED, REPORTED_CELLS
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score

from somscape import SOM, regions

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
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
