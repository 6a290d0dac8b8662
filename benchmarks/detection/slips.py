"""Slips in tables: how far up the list they come, and whether people's flags lose by it.

Into tables of usual rows go up to six slips each, one a column: a number ten or a hundred times as
large or as small, with another sign, or *far above*: beyond the largest one by nine tenths of its
distance to the median. Numbers of at most 20 values are categories, so that tables are mixed.
*Before* is the same detector without what is added to numbers beyond all others. ``python
benchmarks/detection/slips.py`` prints the tables of the README.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from somscape import SOMDetector, TableEncoder
from somscape.outliers import Rarity, _train
from somscape.outliers.rarity import with_beyond
from somscape.tables import Table, table_from_columns

sys.path.append(str(Path(__file__).resolve().parents[1]))

from credit import FEATURES, applications
from markdown_tables import markdown
from unusual import FOLDER, is_choosing

Values = NDArray[np.float64]
Columns = dict[str, Values]

KINDS = ("x 10", "x 100", "/ 10", "/ 100", "sign", "far above")
MAX_ROWS, MAX_COLUMNS, MAX_LEVELS, N_PLANTINGS = 600, 60, 20, 2
FIRST = 0.01
BEYOND = "beyond all others"


def slip(value: float, kind: str, column: Values) -> float:
    """Return what a slip makes of a value."""
    if kind == "far above":
        return float(column.max() + 0.9 * (column.max() - np.median(column)))
    if kind == "sign":
        return -value
    factor = float(kind[2:])
    return value * factor if kind[0] == "x" else value / factor


def planted(columns: Columns, seed: int) -> tuple[Columns, list[tuple[int, str, bool]]]:
    """Return columns with slips; of each its row, its kind and whether it is beyond all others."""
    rng = np.random.default_rng(seed)
    found, slips = dict(columns), []
    numbers = rng.permutation([name for name in columns if is_number(columns[name])])
    rows = rng.permutation(len(next(iter(columns.values()))))
    for i, (name, kind) in enumerate(zip(numbers, rng.permutation(KINDS), strict=False)):
        column, row = columns[name].copy(), rows[i]
        column[row] = slip(column[row], kind, columns[name])
        others = np.delete(column, row)
        slips.append((int(row), str(kind), not others.min() <= column[row] <= others.max()))
        found[name] = column
    return found, slips


def is_number(column: Values) -> bool:
    """Say whether a column has too many values for a category."""
    return len(np.unique(column)) > MAX_LEVELS


def as_table(columns: Columns, like: Columns) -> Table:
    """Return a mixed table; what is a category in `like` is one here."""
    return table_from_columns(
        {
            name: values.tolist() if is_number(like[name]) else [f"v{v:g}" for v in values]
            for name, values in columns.items()
        }
    )


def scores(train: Table, test: Table, **parameters: Any) -> tuple[Values, Values]:
    """Return the scores before and now."""
    before = []

    def keep(rarity: Rarity, *others: Any, **drawn: Any) -> Rarity:
        before.append(rarity)
        return with_beyond(rarity, *others, **drawn)

    encoder = TableEncoder(max_levels=None, missing="fill")
    with patch.object(_train, "with_beyond", keep):
        now = SOMDetector(encoder=encoder, random_state=0, **parameters).fit(train).detector_
    earlier = replace(now, rarity=before[0]) if before else now
    return earlier.scores(test), now.scores(test)


def labelled() -> Iterator[tuple[str, Columns, Columns, NDArray[Any]]]:
    """Yield the name, usual rows, other rows and labels of each table."""
    for file in sorted(FOLDER.glob("*.npz")):
        with np.load(file, allow_pickle=False) as parts:
            train, test, y = (parts[part] for part in ("train", "test", "y"))
        rng = np.random.default_rng(seed_of(file.stem))
        if train.shape[1] <= MAX_COLUMNS:
            own, other = (np.sort(rng.permutation(len(x))[:MAX_ROWS]) for x in (train, test))
            yield file.stem, named(train[own]), named(test[other]), y[other]


def named(rows: NDArray[Any]) -> Columns:
    """Return columns with names."""
    return {f"c{j}": column for j, column in enumerate(rows.T.astype(np.float64))}


def seed_of(name: str) -> int:
    """Return a seed for a table."""
    return int(sha256(name.encode()).hexdigest()[:8], 16)


def places(columns: Columns, seed: int) -> list[tuple[str, bool, float, float]]:
    """Return kind of each slip, whether it is beyond, and its share of the list, before and now."""
    found, slips = planted(columns, seed)
    table = as_table(found, columns)
    before, now = (rankdata(-of) / table.n_rows for of in scores(table, table))
    return [(kind, beyond, before[row], now[row]) for row, kind, beyond in slips]


def gains(train: Columns, test: Columns, y: NDArray[Any]) -> dict[str, list[float]]:
    """Return by how much AUROC and average precision rise, by training."""
    both = {name: np.append(train[name], test[name]) for name in train}
    usual, other = as_table(train, both), as_table(test, both)
    found = {}
    for setting, learned in (("unsupervised", other), ("clean", usual)):
        before, now = scores(learned, other, training_is_clean=setting == "clean")
        found[setting] = [
            float(graded(y, now) - graded(y, before))
            for graded in (roc_auc_score, average_precision_score)
        ]
    return found


def main() -> None:
    """Measure, and print the tables."""
    slips: dict[str, list[Any]] = {"choosing": [], "reporting": []}
    risen: dict[str, list[Any]] = {"choosing": [], "reporting": []}
    for name, train, test, y in labelled():
        half = "choosing" if is_choosing(name) else "reporting"
        for i in range(N_PLANTINGS):
            if any(map(is_number, train.values())):
                slips[half] += places(train, seed_of(name) + i)
        if 0 < y.sum() < len(y):
            risen[half].append(gains(train, test, y))
    table = applications()
    columns = {name: np.asarray(table.column(name).numbers) for name in FEATURES}
    slips["credit applications"] = [place for seed in range(16) for place in places(columns, seed)]
    heads = ["half", "training", "tables", "AUROC", "average precision"]
    print(markdown(["slips", "kind", "number", "median", "first 1 %"], list(told(slips)), 2))
    print(markdown(heads, list(lost(risen)), 2))


def told(slips: dict[str, list[Any]]) -> Iterator[list[str]]:
    """Yield a line for each group of slips: medians and shares in the first hundredth."""
    for half, found in slips.items():
        for kind in ("all", BEYOND, *KINDS):
            of = [s for s in found if kind in ("all", s[0]) or (s[1] and kind == BEYOND)]
            before, now = np.array([s[2:] for s in of]).T
            medians = f"{100 * np.median(before):.1f} %, now {100 * np.median(now):.1f} %"
            firsts = [100 * np.mean(shares <= FIRST + 1e-9) for shares in (before, now)]
            shown = f"{firsts[0]:.0f} %, now {firsts[1]:.0f} %"
            yield [half, kind, str(len(of)), medians, shown]


def lost(risen: dict[str, list[Any]]) -> Iterator[list[str]]:
    """Yield a line for each half and training: mean rises in points, and their standard errors."""
    for half, found in risen.items():
        for setting in ("unsupervised", "clean"):
            values = 100 * np.array([of[setting] for of in found])
            errors = values.std(axis=0, ddof=1) / np.sqrt(len(values))
            shown = [
                f"{mean:+.2f} ({error:.2f})"
                for mean, error in zip(values.mean(axis=0), errors, strict=True)
            ]
            yield [half, setting, str(len(values)), *shown]


if __name__ == "__main__":
    main()
