"""How many of 18 planted errors do the first 50 alerts or the checks of columns find?

A credit table of 30,000 rows and 24 columns is generated: customers who do not use their card, who
pay everything, who revolve, or who are late, with six months of delays, bills and payments that
depend on each other. Into ordinary rows go 18 errors, one of each kind. A row counts as found by a
check only if its id is one of the at most five ids of the check.

    python benchmarks/detection/checks.py [--seeds 10 11 12] [--alerts N] [--lines]

``--alerts N`` also ranks the rows for the first N seeds, which takes a minute each. ``--lines``
prints all lines of the checks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray

from somscape import SOMDetector, TableEncoder
from somscape.checks import check
from somscape.tables import Table, table_from_columns

Columns = dict[str, NDArray[np.float64]]

N_ROWS, N_MONTHS, FIRST = 30_000, 6, 50
MONTHS = range(1, N_MONTHS + 1)
NAMES = (
    *("ID", "LIMIT", "SEX", "EDUCATION", "MARRIAGE", "AGE"),
    *(f"{part}_{i}" for part in ("PAY", "BILL", "PAYAMT") for i in MONTHS),
    "DEFAULT",
)
IDLE, FULL, REVOLVE, LATE = range(4)


def credit_table(seed: int) -> Columns:
    """Return the columns of a table without planted errors."""
    rng = np.random.default_rng(seed)
    n = N_ROWS
    age = np.clip(21 + rng.gamma(1.8, 8.0, n), 21, 79).round()
    wealth = rng.normal(0, 1, n) + 0.02 * (age - 35) - 0.01 * np.maximum(age - 55, 0)
    limit = np.maximum(np.exp(11.6 + 0.85 * wealth), 10_000)
    limit = np.where(limit > 400_000, 400_000 * (limit / 400_000) ** 0.4, limit)
    limit = np.maximum(np.round(limit / 10_000), 1) * 10_000
    education = np.clip(np.round(2.3 - 0.5 * wealth + rng.normal(0, 0.6, n)), 1, 3)
    is_odd = rng.random(n) < 0.015
    education[is_odd] = rng.choice([0, 4, 5, 6], is_odd.sum(), p=[0.03, 0.27, 0.6, 0.1])
    single = rng.random(n) < 1 / (1 + np.exp((age - 33) / 5))
    marriage = np.where(single, 2.0, 1.0)
    is_odd = rng.random(n) < 0.012
    marriage[is_odd] = rng.choice([0, 3], is_odd.sum(), p=[0.15, 0.85])
    shares = np.array([0.12, 0.2, 0.55, 0.13])
    kind = (rng.random(n)[:, None] > np.cumsum(shares)[None, :]).sum(axis=1)
    used = np.clip(rng.beta(1.1, 1.6, n), 0.005, 1.0)
    used[kind == FULL] *= 0.25
    fixed = np.where(rng.random(n) < 0.03, rng.choice([1000.0, 2000, 3000, 5000], n), 0)
    bills, pays, states = np.zeros((3, n, N_MONTHS))
    bill = limit * used * (kind != IDLE) * np.exp(rng.normal(0, 0.15, n))
    bill = np.where((kind == IDLE) & (rng.random(n) < 0.3), rng.exponential(1500, n), bill)
    late, has_small = np.zeros(n), rng.random(n) < 0.4
    for month in reversed(range(N_MONTHS)):
        is_late = (kind == LATE) & (rng.random(n) < 0.55)
        late = np.where(is_late, np.minimum(np.where(late > 0, late + 1, 2), 8), 0)
        rest = np.maximum(0.03 * bill, np.minimum(bill, 1000)) * np.exp(rng.normal(0.3, 0.5, n))
        rest = np.where(rng.random(n) < 0.06, bill * rng.uniform(0.3, 1.0, n), rest)
        rest = np.where(fixed > 0, np.minimum(fixed, np.maximum(bill, 0)), rest)
        paid = np.select(
            [kind == IDLE, kind == FULL, late > 0],
            [
                np.maximum(bill, 0),
                np.maximum(bill, 0),
                np.where(rng.random(n) < 0.3, 0.4 * rest, 0),
            ],
            np.minimum(rest, np.maximum(bill, 0)),
        )
        over = rng.random(n) < 0.006
        paid = np.where(
            over & (kind != IDLE), paid + rng.exponential(0.03, n) ** 1.5 * 3 * limit, paid
        )
        paid = np.maximum(paid, 0)
        target = limit * used * np.exp(rng.normal(0, np.where(kind == FULL, 0.8, 0.12), n))
        bought = np.where(kind == FULL, target, np.maximum(target - (bill - paid), 0) * 0.6)
        bought = np.where(kind == IDLE, 0, bought)
        trip = (rng.random(n) < 0.015) & (kind != IDLE)
        bought += trip * limit * rng.beta(1, 4, n)
        bill = bill - paid + bought + 0.014 * np.maximum(bill - paid, 0)
        bill = np.minimum(bill, limit * (1.02 + rng.exponential(0.1, n)))
        small = (kind == IDLE) & has_small & (rng.random(n) < 0.7)
        bill = np.where(small, np.minimum(np.exp(rng.normal(6.8, 1.2, n)), limit), bill)
        pause, refund = ((rng.random(n) < p) & (kind == FULL) for p in (0.02, 0.09))
        bill = np.where(pause, 0, np.where(refund, -np.exp(rng.normal(6, 1.8, n)), bill))
        bills[:, month], pays[:, month] = bill.round(), paid.round()
        is_full = (kind == FULL) | ((kind == REVOLVE) & (rng.random(n) < 0.03))
        states[:, month] = np.select([kind == IDLE, late > 0, is_full], [-2, late, -1], 0)
    risk = -2.0 + 0.8 * (states[:, 0] > 0) + 0.5 * (states[:, 1] > 0) - 0.2 * wealth
    return {
        "ID": np.arange(1.0, n + 1),
        "LIMIT": limit,
        "SEX": rng.choice([1.0, 2.0], n, p=[0.4, 0.6]),
        "EDUCATION": education,
        "MARRIAGE": marriage,
        "AGE": age,
        **{f"PAY_{i}": states[:, i - 1] for i in MONTHS},
        **{f"BILL_{i}": bills[:, i - 1] for i in MONTHS},
        **{f"PAYAMT_{i}": pays[:, i - 1] for i in MONTHS},
        "DEFAULT": (rng.random(n) < 1 / (1 + np.exp(-risk))).astype(float),
    }


Change = Callable[[Columns, int], None]


def _times(name: str, factor: float) -> Change:
    def change(columns: Columns, row: int) -> None:
        columns[name][row] = round(columns[name][row] * factor)

    return change


def _to(value: float, *names: str) -> Change:
    def change(columns: Columns, row: int) -> None:
        for name in names:
            columns[name][row] = value

    return change


def _swapped(first: str, second: str) -> Change:
    def change(columns: Columns, row: int) -> None:
        a, b = columns[first], columns[second]
        a[row], b[row] = b[row], a[row]

    return change


def _young(columns: Columns, row: int) -> None:
    columns["AGE"][row], columns["EDUCATION"][row], columns["LIMIT"][row] = 21, 3, 600_000


def _bust_out(columns: Columns, row: int) -> None:
    for i in MONTHS:
        columns[f"BILL_{i}"][row] = columns["LIMIT"][row] if i == 1 else 0
        columns[f"PAYAMT_{i}"][row] = 0


def _same(columns: Columns, row: int) -> None:
    """Copy the row to the end with another id."""
    for name, values in columns.items():
        columns[name] = np.append(values, len(values) + 1 if name == "ID" else values[row])


PAYMENTS = [f"PAYAMT_{i}" for i in MONTHS]
ERRORS: dict[str, Change] = {
    "AGE and LIMIT swapped": _swapped("AGE", "LIMIT"),
    "BILL_3 x 100": _times("BILL_3", 100),
    "LIMIT x 10": _times("LIMIT", 10),
    "BILL_4 sign": _times("BILL_4", -1),
    "BILL_1 x 10": _times("BILL_1", 10),
    "PAYAMT_2 x 100": _times("PAYAMT_2", 100),
    "age 21, high school, limit 600,000": _young,
    "BILL_1 and PAYAMT_1 swapped": _swapped("BILL_1", "PAYAMT_1"),
    "PAYAMT_2 x 10": _times("PAYAMT_2", 10),
    "PAY_1..6 = -2 with bills": _to(-2, *(f"PAY_{i}" for i in MONTHS)),
    "AGE 127": _to(127, "AGE"),
    "six payments of 9,999": _to(9999, *PAYMENTS),
    "bust-out": _bust_out,
    "equal row, other ID": _same,
    "PAYAMT_3 sign": _times("PAYAMT_3", -1),
    "AGE 5": _to(5, "AGE"),
    "BILL_2 x 0.1": _times("BILL_2", 0.1),
    "LIMIT x 0.1": _times("LIMIT", 0.1),
}


def planted(columns: Columns, seed: int) -> tuple[Table, dict[str, set[str]]]:
    """Return the table with the errors, and the ids that count as found for each error."""
    rng = np.random.default_rng([seed, 48])
    columns = {name: values.copy() for name, values in columns.items()}
    bills = np.stack([columns[f"BILL_{i}"] for i in MONTHS])
    pays = np.stack([columns[name] for name in PAYMENTS])
    is_ordinary = (bills.min(axis=0) >= 25_000) & (bills.max(axis=0) <= 70_000)
    is_ordinary &= (pays.min(axis=0) >= 1000) & (columns["LIMIT"] >= 80_000)
    is_ordinary &= columns["LIMIT"] <= 150_000
    chosen = rng.choice(np.flatnonzero(is_ordinary), len(ERRORS), replace=False)
    ids = {}
    for (name, change), row in zip(ERRORS.items(), chosen.tolist(), strict=True):
        change(columns, row)
        ids[name] = {f"{columns['ID'][row]:.0f}"}
        if change is _same:
            ids[name].add(f"{columns['ID'][-1]:.0f}")
    return as_table(columns), ids


def as_table(columns: Columns) -> Table:
    """Return the columns as a table of whole numbers."""
    return table_from_columns({name: values.astype(int) for name, values in columns.items()})


def first_alerts(table: Table) -> set[str]:
    """Return the ids of the first rows of the ranking."""
    encoder = TableEncoder(id="ID", label="DEFAULT")
    alerts = SOMDetector(encoder=encoder, random_state=0).fit(table).alerts(table, FIRST)
    return {str(name) for name in alerts.ids[:FIRST]}


def main() -> None:
    """Measure, and print the tables."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--seeds", type=int, nargs="+", default=range(10, 20))
    asked.add_argument("--alerts", type=int, default=0)
    asked.add_argument("--lines", action="store_true")
    options = asked.parse_args()
    found: dict[str, list[str]] = {name: [] for name in ERRORS}
    totals, lengths = [], []
    for i, seed in enumerate(options.seeds):
        columns = credit_table(seed)
        table, ids = planted(columns, seed)
        lines, clean = check(table, id="ID"), check(as_table(columns), id="ID")
        lengths.append((len(lines), len(clean)))
        named = {name for line in lines for name in line.ids}
        first = first_alerts(table) if i < options.alerts else set()
        for name, rows in ids.items():
            found[name].append("check" if rows & named else "alert" if rows & first else "")
        totals.append(sum(bool(each[-1]) for each in found.values()))
        if options.lines:
            print(
                seed, *(f"{line.strength:5.1f} {line.kind}: {line}" for line in lines), sep="\n  "
            )
            print("clean", *(f"{line.kind}: {line}" for line in clean), sep="\n  ")
    print(f"{'seed':36}", *(f"{seed:>6}" for seed in options.seeds))
    for name, each in found.items():
        print(f"{name:36}", *(f"{how or '-':>6}" for how in each))
    print(f"{'found':36}", *(f"{n:>6}" for n in totals), f"median {median(totals)}")
    for part, name in enumerate(("lines", "lines without planted errors")):
        print(f"{name:36}", *(f"{pair[part]:>6}" for pair in lengths))


if __name__ == "__main__":
    main()
