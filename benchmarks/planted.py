"""Why numbers are scaled to their usual range: planted cases among credit applications.

    python benchmarks/planted.py [Credit_Card_Applications.csv]

Into 690 real rows go 20 made ones: 6 with two extreme numbers, 6 with four rare categories, and
8 whose columns are drawn independently of each other.  The table says how many of the first 12
come among the first 40 of the list, and the AUROC of the other 8 against the real rows, as means
over some plantings.
"""

import sys
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np

from somscape import SOMDetector
from somscape.datasets import load_credit_applications
from somscape.encode import CategoryCode, _codes, fit_encoding
from somscape.measures import label_agreement
from somscape.tables import Table, table_from_columns

N_PLANTINGS = 12
FEATURES = [f"A{i}" for i in range(1, 15)]
EXTREME, RARE, SHUFFLED = range(3)

SETTINGS = {
    "usual range, tails tamed (default)": {},
    "range of all values, tails tamed": {"TAIL_PERCENT": 0.0},
    "usual range, tails as they are": {"TAIL_LIMIT": np.inf},
    "range of all values, tails as they are": {"TAIL_PERCENT": 0.0, "TAIL_LIMIT": np.inf},
}


def plant(table: Table, seed: int) -> tuple[Table, np.ndarray]:
    """Return the table with 20 made rows, and the kind of each row (-1 for a real one)."""
    rng = np.random.default_rng(seed)
    kinds = {code.name: code for code in fit_encoding(table).features}
    categories = [n for n in FEATURES if isinstance(kinds[n], CategoryCode)]
    numbers = [n for n in FEATURES if n not in categories]
    real = {name: table.column(name).numbers for name in FEATURES}
    made = []
    for kind in [EXTREME] * 6 + [RARE] * 6:
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
    made += [{name: rng.choice(real[name]) for name in FEATURES} for _ in range(8)]
    columns = {name: [*real[name], *(row[name] for row in made)] for name in FEATURES}
    kind_of = np.repeat([-1, EXTREME, RARE, SHUFFLED], [table.n_rows, 6, 6, 8])
    return table_from_columns(columns), kind_of


def measure(table: Table) -> tuple[float, float]:
    """Return the two figures of the module's docstring, under the current constants."""
    found, agreement = [], []
    for seed in range(N_PLANTINGS):
        planted, kind = plant(table, seed)
        rows = fit_encoding(planted).encode(planted)
        scores = -SOMDetector(n_folds=2, random_state=0).fit(rows).score_samples(rows)
        first = np.argsort(-scores, kind="stable")[:40]
        found.append(np.isin(kind[first], (EXTREME, RARE)).sum())
        part = np.isin(kind, (-1, SHUFFLED))
        agreement.append(label_agreement(scores[part], kind[part] == SHUFFLED, 40).auroc)
    return float(np.mean(found)), float(np.mean(agreement))


def main() -> None:
    """Print one line per setting."""
    here = Path(__file__).resolve().parent.parent.parent
    default = here / "shared" / "data" / "Credit_Card_Applications.csv"
    table = load_credit_applications(sys.argv[1] if len(sys.argv) > 1 else default)
    table = table.without(["CustomerID", "Class"])
    print(f"{'':40} first 12 in 40   AUROC of the other 8")
    for name, constants in SETTINGS.items():
        with patch.multiple(_codes, **constants) if constants else nullcontext():
            found, auroc = measure(table)
        print(f"{name:40} {found:14.2f}   {auroc:20.3f}")


if __name__ == "__main__":
    main()
