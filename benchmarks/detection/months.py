"""False alarms and power of the judgment of drift in simulated months of a watch.

usage: months.py N_ROWS [N_SEQUENCES N_MONTHS [CASE ...]]

Each sequence trains a map on a first month and then judges later months, each compared with all
months before it. In the false-alarm cases, the law of the rows does not change, but means can vary
from month to month. In the power cases, only the last month is judged and it contains a change.
For comparison, a Kolmogorov-Smirnov test per number column, with Bonferroni correction at 5 %,
compares the month with all earlier months together.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from somscape.desk.cases._drift import drift_of
from somscape.desk.jobs._detect import detect, rule_of
from somscape.desk.jobs._roles import encoding_from, ready, ready_for
from somscape.desk.jobs.job import Job
from somscape.tables import Table, table_from_columns
from somscape.tables.kinds import Roles

NUMBERS = ("income", "age", "balance", "visits", "rate", "height")
JOBS, TOWNS = np.array(["clerk", "cook", "nurse", "smith", "pilot"]), np.arange(20).astype(str)
Columns = dict[str, Any]
Change = Callable[[np.random.Generator, Columns], None]


def people(rng: np.random.Generator, n: int) -> Columns:
    """Return latent numbers and levels of n customers."""
    numbers = rng.normal(size=(n, 6)) @ (np.eye(6) + 0.3 * rng.permutation(np.eye(6)))
    job = rng.choice(JOBS, n, p=[0.4, 0.3, 0.2, 0.07, 0.03])
    town = rng.choice(TOWNS, n, p=np.arange(20, 0, -1) / 210)
    return {"numbers": numbers / numbers.std(axis=0), "job": job, "town": town}


def month(rng: np.random.Generator, base: Columns, effect: Any, *, is_same: bool) -> Columns:
    """Return a month of customers whose latent numbers are higher by `effect`."""
    n = len(base["job"])
    base = base if is_same else people(rng, n)
    z = base["numbers"] + (0.3 * rng.normal(size=(n, 6)) if is_same else 0.0) + effect
    return {
        "id": [f"c{i}" for i in range(n)],
        "income": np.exp(8 + 0.5 * z[:, 0]).round(2),
        "age": (45 + 12 * z[:, 1]).round(),
        "balance": (1000 * z[:, 2]).round(2),
        "visits": rng.poisson(np.exp(1 + 0.3 * z[:, 3])).astype(float),
        "rate": z[:, 4].round(4),
        "height": (170 + 8 * z[:, 5]).round(1),
        "job": base["job"].astype(object),
        "town": base["town"].astype(object),
    }


def lose(rng: np.random.Generator, columns: Columns, share: float, spread: float) -> None:
    """Remove a share, which varies from month to month, of the cells of two columns."""
    names = ("amount", "way") if "amount" in columns else ("rate", "job")
    for name, empty in zip(names, (np.nan, None), strict=True):
        part = np.clip(share + spread * rng.normal(), 0, 1)
        columns[name] = np.where(rng.random(len(columns[name])) < part, empty, columns[name])


def payments(rng: np.random.Generator, found: Columns) -> Columns:
    """Return payments of the customers of a month, for `--per`."""
    counts = 5 + rng.poisson(found["visits"])
    who = np.repeat(np.arange(len(counts)), counts)
    amount = (found["income"][who] * rng.lognormal(-4, 0.6, len(who))).round(2)
    way = rng.choice(["chip", "touch", "web"], len(who), p=[0.3, 0.5, 0.2]).astype(object)
    return {"id": np.array(found["id"], dtype=object)[who], "amount": amount, "way": way}


class Watch:
    """A map of a first month, and the months since then."""

    def __init__(self, columns: Columns, *, per: bool) -> None:
        self.job = Job(seed=0, per=("id",)) if per else Job(seed=0)
        roles = Roles(per=("id",)) if per else Roles("id", categories=("job", "town"))
        found = ready(table_from_columns(columns), roles)
        encoding = encoding_from(found.table, found.roles)
        self.detector = detect(
            found.table, encoding, rule_of(self.job, found.table), self.job
        ).detector
        self.months: list[Any] = []
        self.judge(columns)

    def judge(self, columns: Columns) -> bool:
        """Return whether a month is judged as drift, and add the month."""
        table = ready_for(self.detector.map_, table_from_columns(columns), self.job).table
        return judged(self, table)


def judged(watch: Watch, table: Table) -> bool:
    """Judge a table with `drift_of`."""
    rows = np.asarray(watch.detector.map_.rows_of(table), dtype=np.float64)
    scores = watch.detector._scores_of_rows(rows)
    earlier = [{**each.facts(), "month": each.month.to_json()} for each in watch.months[::-1]]
    drift = drift_of(watch.detector, table, rows, scores, earlier)
    watch.months.append(drift)
    return bool(drift.is_found)


def effect_of(rng: np.random.Generator, spread: Any) -> Any:
    """Return the effects of a month on the numbers."""
    return rng.normal(size=6) * np.asarray(spread)


ONE = np.array([0.2, 0, 0, 0, 0, 0])
NONE = (0.0, 0.0)
FALSE = {
    "new customers": (False, 0.0, False, NONE),
    "same customers": (True, 0.0, False, NONE),
    "one mean varies by .2 sd": (False, ONE, False, NONE),
    "all means vary by .1 sd": (False, 0.1, False, NONE),
    "--per, new customers": (False, 0.0, True, NONE),
    "--per, same customers": (True, 0.0, True, NONE),
    "--per, means vary by .1 sd": (False, 0.1, True, NONE),
    "--per, 10 % of cells missing": (False, 0.0, True, (0.1, 0.0)),
    "--per, 10 % missing, sd 3 %": (False, 0.0, True, (0.1, 0.03)),
    ".1 % of cells missing": (False, 0.0, False, (0.001, 0.0)),
    "10 % of cells missing": (False, 0.0, False, (0.1, 0.0)),
    "10 % missing, sd 3 %": (False, 0.0, False, (0.1, 0.03)),
}


def false_alarms(n: int, n_sequences: int, n_months: int, cases: list[str]) -> None:
    """Print how many months of an unchanged law are judged as drift."""
    for name in cases:
        is_same, spread, per, lacks = FALSE[name]
        found = np.zeros(n_months, dtype=int)
        for seed in range(n_sequences):
            rng = np.random.default_rng((seed, n, len(name)))
            base = people(rng, n)
            watch = None
            for k in range(n_months + 1):
                columns = month(rng, base, effect_of(rng, spread), is_same=is_same)
                columns = payments(rng, columns) if per else columns
                if lacks != NONE:
                    lose(rng, columns, *lacks)
                if watch is None:
                    watch = Watch(columns, per=per)
                else:
                    found[k - 1] += watch.judge(columns)
        of = n_sequences * n_months
        first = ", ".join(str(v) for v in found[:4])
        print(f"| {n:,} | {name} | {found.sum()} of {of} | {first} | {n_sequences} |", flush=True)


def shifted(rng: np.random.Generator, columns: Columns) -> None:
    """Raise the heights by a quarter of their standard deviation."""
    columns["height"] = columns["height"] + 0.25 * np.std(columns["height"])


def new_level(rng: np.random.Generator, columns: Columns) -> None:
    """Let 10 % of the rows have a job that no earlier month has."""
    columns["job"] = np.where(rng.random(len(columns["job"])) < 0.1, "spy", columns["job"])


def cents(rng: np.random.Generator, columns: Columns) -> None:
    """Write incomes in cents."""
    columns["income"] = 100 * columns["income"]


def half(rng: np.random.Generator, columns: Columns) -> None:
    """Remove half of the heights."""
    columns["height"] = np.where(
        rng.random(len(columns["height"])) < 0.5, np.nan, columns["height"]
    )


def some(rng: np.random.Generator, columns: Columns) -> None:
    """Remove 5 % of the heights."""
    columns["height"] = np.where(
        rng.random(len(columns["height"])) < 0.05, np.nan, columns["height"]
    )


CHANGES: dict[str, Change] = {
    "shift of .25 sd": shifted,
    "new level": new_level,
    "cents": cents,
    "half of a column missing": half,
    "5 % of a column missing": some,
}


def numbers_of(columns: Columns) -> Columns:
    """Return the columns as numbers. Levels are numbered by the alphabet."""
    codes = {name: np.unique(columns[name], return_inverse=True)[1] for name in ("town",)}
    jobs = {job: i for i, job in enumerate([*JOBS, "spy"])}
    codes["job"] = np.array([jobs[str(job)] for job in columns["job"]])
    return {**{name: columns[name] for name in NUMBERS}, **codes}


def power(n: int, n_sequences: int, cases: list[str]) -> None:
    """Print in how many sequences a change is found after 1, 2, ... earlier months."""
    earlier = (1, 2, 3, 6, 12)
    for name in cases:
        change = CHANGES[name]
        ours, ks = dict.fromkeys(earlier, 0), dict.fromkeys(earlier, 0)
        for seed in range(n_sequences):
            rng = np.random.default_rng((seed, n, 99))
            base = people(rng, n)
            watch, before = None, []
            for k in range(max(earlier) + 1):
                if watch is not None and k in earlier:
                    columns = month(rng, base, 0.0, is_same=False)
                    change(rng, columns)
                    ours[k] += watch.judge(columns)
                    watch.months.pop()
                    now = numbers_of(columns)
                    together = {c: np.concatenate([each[c] for each in before]) for c in now}
                    p = min(
                        ks_2samp(now[c], together[c], method="asymp", nan_policy="omit").pvalue
                        for c in now
                    )
                    ks[k] += p * len(now) < 0.05
                columns = month(rng, base, 0.0, is_same=False)
                before.append(numbers_of(columns))
                if watch is None:
                    watch = Watch(columns, per=False)
                else:
                    watch.judge(columns)
        both = ", ".join(f"{ours[k]}/{ks[k]}" for k in earlier)
        print(f"| {n:,} | {name} | {n_sequences} | {both} |", flush=True)


if __name__ == "__main__":
    numbers, cases = sys.argv[1:4], sys.argv[4:]
    n_rows, n_sequences, n_months = (int(arg) for arg in [*numbers, "20", "20"][:3])
    print("| rows | case | drift in unchanged months | by month 1, 2, 3, 4 | sequences |")
    false_alarms(n_rows, n_sequences, n_months, [c for c in FALSE if not cases or c in cases])
    print("| rows | change | sequences | found by somscape/KS after 1, 2, 3, 6, 12 months |")
    power(n_rows, n_sequences, [c for c in CHANGES if not cases or c in cases])
