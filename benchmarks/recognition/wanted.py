"""What was wanted of recognition, and what the record of a run says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

N_FOLDS = 5
LARGE = 2000
"""Rows above which a set should be calibrated."""

OURS, NEIGHBORS = "somscape", "5-NN"


def middle(values: dict[str, float]) -> float | None:
    """Return the median of the means of five folds, by the number of the fold; None of none."""
    repeats: dict[int, list[float]] = {}
    for fold, value in values.items():
        repeats.setdefault(int(fold) // N_FOLDS, []).append(value)
    return float(np.median([np.mean(each) for each in repeats.values()])) if repeats else None


def values_of(record: dict[str, Any], name: str, method: str, what: str) -> dict[str, float]:
    """Return what a method reached on a set, by the number of the fold."""
    folds = record.get(name, {}).get(method, {})
    return {fold: found[what] for fold, found in folds.items() if what in found}


class Compared:
    """Our method beside another on the same folds: what it has more, by set, in percent."""

    def __init__(self, record: dict[str, Any], names: Iterable[str], peer: str, what: str) -> None:
        self.more = {}
        for name in names:
            mine, theirs = (values_of(record, name, method, what) for method in (OURS, peer))
            gap = middle({fold: mine[fold] - theirs[fold] for fold in mine.keys() & theirs.keys()})
            if gap is not None:
                self.more[name] = 100 * gap

    def words(self, choose: Callable[..., Any]) -> tuple[str, float]:
        """Say how much more there is at worst, and return it."""
        worst = choose(self.more, key=self.more.__getitem__)
        return f"{self.more[worst]:+.2f} at worst, on {worst}", self.more[worst]


def wanted(record: dict[str, Any], names: list[str], peers: Iterable[str]) -> list[str]:
    """Return lines of a table of what was wanted and what was reached."""
    lines = ["| wanted | measured | reached |", "| --- | --- | --- |"]

    def add(what: str, measured: str, is_reached: bool) -> None:
        lines.append(f"| {what} | {measured} | {'yes' if is_reached else 'no'} |")

    for peer in peers:
        more = Compared(record, names, peer, "accuracy").more
        if more:
            mean, least = float(np.mean(list(more.values()))), 0.5 * (peer == NEIGHBORS)
            what = f"mean accuracy {f'at least {least:g} points ' if least else ''}above {peer}"
            add(what, f"{mean:+.2f} on {len(more)} sets", mean >= least)
    said, gap = Compared(record, names, NEIGHBORS, "accuracy").words(min)
    add(f"accuracy never more than 2 points below {NEIGHBORS}", said, gap >= -2)
    large = [n for n in names if (middle(values_of(record, n, OURS, "rows")) or 0) > LARGE]
    if large:
        errors = {n: middle(values_of(record, n, OURS, "calibration")) or 0.0 for n in large}
        worst = max(errors, key=errors.__getitem__)
        what = f"calibration error at most 3 % on sets above {LARGE:,} rows"
        add(what, f"{100 * errors[worst]:.2f} at worst, on {worst}", errors[worst] <= 0.03)
    for peer in ("5-NN, sigmoid", "5-NN, isotonic"):
        compared = Compared(record, [n for n in names if n not in large], peer, "brier")
        if compared.more:
            said, gap = compared.words(max)
            add(f"Brier score (x 100) on other sets no worse than {peer}", said, gap <= 0)
    if "speed" in record:
        times = record["speed"][NEIGHBORS] / record["speed"][OURS]
        what = f"predict at least 20 times as fast as {NEIGHBORS}, {record['speed']['rows']:,} rows"
        add(what, f"{times:.0f} times", times >= 20)
    seconds = middle(values_of(record, "shuttle", OURS, "seconds"))
    if seconds is not None:
        rows = 0.8 * (middle(values_of(record, "shuttle", OURS, "rows")) or 0)
        what = f"training of Shuttle ({rows:,.0f} rows) in less than 5 s"
        add(what, f"{seconds:.1f} s of processor time", seconds < 5)
    return lines
