"""Ranks of customers with planted kinds of fraud among 400, and rates on tables without them.

usage: transactions.py [FIRST_SEED LAST_SEED]

Each table has three months of card transactions of 400 generated customers. Five customers have a
planted kind. The script prints their ranks, with a star if one of the three printed reasons names
the kind, and the share of customers that stand out in the same table without planted kinds.
"""

import csv
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

N_CUSTOMERS, N_DAYS = 400, 92
START = np.datetime64("2026-07-01T00:00")
HEADER = ["number", "customer", "when", "amount", "shop", "way", "land", "device"]
Row = list[Any]  # customer, minute, amount, shop, way, land, device


def usual(rng: np.random.Generator, customer: str) -> list[Row]:
    """Return the transactions of a customer without fraud."""
    own, days = rng.lognormal(3.5, 0.5), rng.integers(0, N_DAYS, rng.integers(15, 80))
    shops = rng.choice(40, 6, p=np.arange(40, 0, -1) / 820)
    devices = [f"D{rng.integers(10**6)}" for _ in range(rng.integers(1, 3))]
    rows: list[Row] = []
    for day in days.tolist():
        minute = day * 1440 + int(np.clip(rng.normal(14, 3.5), 5, 23.9) * 60)
        shop = rng.choice(shops) if rng.random() < 0.95 else rng.integers(40)
        land = "AT" if rng.random() < 0.97 else str(rng.choice(["DE", "IT", "HU"]))
        way = str(rng.choice(["chip", "touch", "web"], p=[0.3, 0.5, 0.2]))
        amount = own * rng.lognormal(0, 0.6)
        rows.append([customer, minute, amount, f"shop {shop}", way, land, rng.choice(devices)])
    return sorted(rows, key=lambda row: row[1])


def cents(rng: np.random.Generator, rows: list[Row]) -> None:
    """Add 30 payments of a few cents."""
    for minute in rng.integers(0, N_DAYS * 1440, 30).tolist():
        rows.append([*rows[0][:1], minute, rng.integers(1, 10) / 100, *rows[0][3:]])


def ping_pong(rng: np.random.Generator, rows: list[Row]) -> None:
    """Use only two rare shops, in turns."""
    for i, row in enumerate(rows):
        row[3] = f"shop {36 + i % 2}"


def weekends(rng: np.random.Generator, rows: list[Row]) -> None:
    """Move all payments to weekends."""
    for row in rows:
        week, minute = divmod(row[1], 7 * 1440)
        row[1] = week * 7 * 1440 + (3 + rng.integers(2)) * 1440 + minute % 1440


def rise(rng: np.random.Generator, rows: list[Row]) -> None:
    """Let the amounts rise to twelve times the first ones."""
    for row in rows:
        row[2] *= 12 ** (row[1] / N_DAYS / 1440)


def new_device(rng: np.random.Generator, rows: list[Row]) -> None:
    """Add three large payments with a new device on one of the last days."""
    for i in range(3):
        minute = (N_DAYS - 2) * 1440 + 700 + 45 * i
        rows.append([rows[0][0], minute, 10 * rows[0][2] + i, *rows[0][3:6], "D-new"])


KINDS: dict[str, tuple[Callable[[np.random.Generator, list[Row]], None], str]] = {
    "30 payments of a few cents": (cents, "smallest|mean|relative|median"),
    "two rare shops in turns": (ping_pong, "different shop|common shop|shop"),
    "only at weekends": (weekends, "weekend"),
    "amounts rise twelvefold": (rise, "last 7 days|relative|largest|mean"),
    "new device, large amounts": (new_device, "new device|largest|last 7 days"),
}
"""For each kind, the function that plants it and a pattern of reasons that name it."""


def table(seed: int, path: Path, *, is_clean: bool) -> dict[str, str]:
    """Write a table of transactions, and return the customer of each planted kind."""
    rng = np.random.default_rng(seed)
    names = [f"K{i:03d}" for i in range(N_CUSTOMERS)]
    rows_of = {name: usual(rng, name) for name in names}
    planted: dict[str, str] = {}
    for kind, name in zip(KINDS, rng.choice(names, len(KINDS), replace=False), strict=True):
        if not is_clean:
            KINDS[kind][0](rng, rows_of[name])
            planted[kind] = str(name)
    rows = sorted((row for own in rows_of.values() for row in own), key=lambda row: row[1])
    with path.open("w", newline="") as file:
        to = csv.writer(file)
        to.writerow(HEADER)
        for i, (name, minute, amount, *rest) in enumerate(rows):
            when = str(START + np.timedelta64(int(minute), "m")).replace("T", " ")
            to.writerow([f"N{10**6 + i}", name, when, f"{amount:.2f}", *rest])
    return planted


def listed(path: Path, *options: str) -> list[dict[str, str]]:
    """Return all customers of a table of transactions, in the order of their ranks."""
    somscape = [sys.executable, "-m", "somscape", "detect", str(path), "--per", "customer"]
    out = path.with_suffix("")
    asked = [*somscape, "--alerts", str(N_CUSTOMERS), *options, "--out", str(out)]
    subprocess.run(asked, check=True, capture_output=True)
    with (out / "alerts.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def ranks(found: list[dict[str, str]], planted: dict[str, str], words: dict[str, str]) -> list[str]:
    """Return the rank of each planted customer, with a star if a printed reason names the kind."""
    rows = {row["customer"]: row for row in found}
    answers = []
    for kind, name in planted.items():
        reasons = " | ".join(rows[name]["reasons"].split(" | ")[:3])
        answers.append(rows[name]["rank"] + "*" * bool(re.search(words[kind], reasons)))
    return answers


def main() -> None:
    """Print a table with one line per kind and one column per seed, and the clean rates."""
    first, last = map(int, sys.argv[1:3] or (0, 9))
    words = {kind: pattern for kind, (_, pattern) in KINDS.items()}
    by_seed, rates = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, last + 1):
            path = Path(folder) / f"{seed}.csv"
            planted = table(seed, path, is_clean=False)
            by_seed.append(ranks(listed(path), planted, words))
            table(seed, path, is_clean=True)
            rates.append(sum(row["stands_out"] == "yes" for row in listed(path)))
    for kind, found in zip(KINDS, zip(*by_seed, strict=True), strict=True):
        print(f"{kind:30}", *(f"{rank:>5}" for rank in found))
    print(f"{'stand out without fraud':30}", *(f"{rate:>5}" for rate in rates))


if __name__ == "__main__":
    main()
