"""Three made-up months of card applications, from the bundled German credit table.

    python docs/months.py FOLDER    writes january.csv, february.csv and march.csv there

Each month has most customers of the month before, with slightly different amounts, and new
customers.  One applicant comes back with three times the amount, some applicants ask for something
new, and the amounts of March are cents.  Codes are replaced by words.
"""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

from somscape import datasets

N_FIRST, N_LEAVE, N_COME = 700, 60, 100
BUILDER, TYPING_ERROR = 10, 200
"""Rows of January with unusual numbers, by their place."""

KEPT = {
    "amount": "amount",
    "duration_months": "months",
    "installment_rate": "rate",
    "age": "age",
    "purpose": "purpose",
    "housing": "housing",
    "job": "job",
}
"""Columns of the table, and what they are called here."""

Row = dict[str, Any]


def applicants() -> list[Row]:
    """Return the rows of the bundled table, shuffled, in words, with made-up numbers."""
    table = datasets.load_german_credit()
    words = datasets.load_german_credit_words()
    columns = {new: (old, table.column(old).cells) for old, new in KEPT.items()}
    order = np.random.default_rng(3).permutation(table.n_rows)
    return [
        {"customer": f"K{1000 + number}"}
        | {new: words.get(old, {}).get(cells[i], cells[i]) for new, (old, cells) in columns.items()}
        for number, i in enumerate(order)
    ]


def next_month(rows: list[Row], come: list[Row], rng: np.random.Generator) -> list[Row]:
    """Return those who stay, with amounts that moved a little, and those who come."""
    stay = np.sort(rng.permutation(len(rows))[N_LEAVE:])
    moved = rng.normal(1, 0.02, len(stay))
    return [
        rows[i] | {"amount": round(float(rows[i]["amount"]) * by)}
        for i, by in zip(stay, moved, strict=True)
    ] + come


def make() -> dict[str, list[Row]]:
    """Return the rows of each month, with what happens in it."""
    everybody, rng = applicants(), np.random.default_rng(1)
    january = everybody[:N_FIRST]
    january[BUILDER] |= {"purpose": "business", "amount": 61_000, "months": 120}
    january[TYPING_ERROR] |= {"age": 127}

    february = next_month(january, everybody[N_FIRST : N_FIRST + N_COME], rng)
    builder = next(row for row in february if row["customer"] == january[BUILDER]["customer"])
    builder["amount"] = 182_000
    for row in february[-3:]:
        row["purpose"] = "heat pump"  # which nobody had before

    march = next_month(february, everybody[N_FIRST + N_COME :], rng)
    in_cents = [row | {"amount": 100 * int(row["amount"])} for row in march]
    return {"january": january, "february": february, "march": in_cents}


def write(folder: Path) -> list[Path]:
    """Write the months as .csv; return where."""
    paths = []
    for month, rows in make().items():
        paths.append(folder / f"{month}.csv")
        with paths[-1].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return paths


if __name__ == "__main__":
    write(Path(sys.argv[1]))
