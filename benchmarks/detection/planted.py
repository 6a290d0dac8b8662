"""Cases planted among the credit applications: who finds them, and why numbers are scaled so.

Into 690 real rows go 20 made ones: 6 with two extreme numbers, 6 with four rare categories, and
8 whose columns are drawn independently of each other. Two figures count: how many of the first 12
come among the first 40 of the list, and the AUROC of the other 8 against the real rows. Real rows
may be unusual as well, so that not even a perfect ranking has all.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

import numpy as np
from credit import FEATURES, RANKINGS, Ranking, applications, first_rows, somscape
from numpy.typing import NDArray

from somscape import TableEncoder
from somscape.measures import label_agreement
from somscape.tables import Table, table_from_columns
from somscape.tables import codes as _codes
from somscape.tables.codes import CategoryCode

Result = dict[str, Any]

N_FIRST = 40
REAL, EXTREME, RARE, SHUFFLED = range(-1, 3)
N_EXTREME, N_RARE, N_SHUFFLED = 6, 6, 8

SCALES: dict[str, dict[str, float]] = {
    "usual range, tails tamed (default)": {},
    "range of all values, tails tamed": {"TAIL_PERCENT": 0.0},
    "usual range, tails as they are": {"TAIL_LIMIT": np.inf},
    "range of all values, tails as they are": {"TAIL_PERCENT": 0.0, "TAIL_LIMIT": np.inf},
}
"""Constants of the encoding, by what they do to numbers."""


def plant(table: Table, seed: int) -> tuple[Table, NDArray[np.int64]]:
    """Return the table with 20 made rows, and the kind of each row."""
    rng = np.random.default_rng(seed)
    encoding = TableEncoder(max_levels=None).fit(table).encoding_
    codes = {code.name: code for code in encoding.features}
    categories = [name for name in FEATURES if isinstance(codes[name], CategoryCode)]
    numbers = [name for name in FEATURES if name not in categories]
    real = {name: table.column(name).numbers for name in FEATURES}
    made = []
    for kind in [EXTREME] * N_EXTREME + [RARE] * N_RARE:
        base = rng.integers(table.n_rows)
        row = {name: real[name][base] for name in FEATURES}
        if kind == EXTREME:
            for name in rng.choice(numbers, 2, replace=False):
                row[name] = real[name].max() * rng.uniform(1, 2)
        else:
            for name in rng.choice(categories, 4, replace=False):
                values, counts = np.unique(real[name], return_counts=True)
                row[name] = rng.choice(values, p=(1 / counts) / (1 / counts).sum())
        made.append(row)
    made += [{name: rng.choice(real[name]) for name in FEATURES} for _ in range(N_SHUFFLED)]
    columns = {name: [*real[name], *(row[name] for row in made)] for name in FEATURES}
    repeats = [table.n_rows, N_EXTREME, N_RARE, N_SHUFFLED]
    return table_from_columns(columns), np.repeat([REAL, EXTREME, RARE, SHUFFLED], repeats)


def found_by(ranking: Ranking, table: Table, n_plantings: int) -> Result:
    """Return the two figures of the module's docstring, one of each per planting."""
    found, aurocs = [], []
    for seed in range(n_plantings):
        planted, kind = plant(table, seed)
        scores = ranking(planted, planted, seed)
        first = first_rows(scores, N_FIRST, seed)
        found.append(int(np.isin(kind[first], (EXTREME, RARE)).sum()))
        part = np.isin(kind, (REAL, SHUFFLED))
        agreement = label_agreement(scores[part], kind[part] == SHUFFLED, N_FIRST)
        aurocs.append(float(agreement.auroc))
    return {"found": found, "auroc": aurocs}


def measured(n_plantings: int) -> Result:
    """Return the figures by ranking, and of ours by how numbers are scaled."""
    table = applications()
    result: Result = {"rankings": {}, "scales": {}}
    for name, ranking in RANKINGS.items():
        result["rankings"][name] = found_by(ranking, table, n_plantings)
        told(name, result["rankings"][name])
    for name, constants in SCALES.items():
        with patch.multiple(_codes, **constants) if constants else nullcontext():
            result["scales"][name] = found_by(somscape, table, n_plantings)
        told(name, result["scales"][name])
    return result


def told(name: str, figures: Result) -> None:
    """Print a line of progress."""
    found, auroc = np.mean(figures["found"]), np.mean(figures["auroc"])
    print(f"planted: {name}: {found:.2f} of 12 found, AUROC {auroc:.3f}", flush=True)
