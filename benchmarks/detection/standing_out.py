"""Do as many rows stand out as the rate allows, where the rows that train may be unusual?

*Simulated*: columns are independent draws from one law; in some of the planted rows a third of the
columns is moved by six standard deviations, in the others all values lie four times as far from the
mean. *Labelled*: the tables and sets with 1 to 10 % of anomalies as they are, and the 140 tables
with so many anomalies left that they are 2, 6 or 10 %. A labelled table counts where an oracle,
which knows the labels and draws the best line on the same scores, finds a tenth of the anomalies
within the rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from calibration import at_most, oracle_recall
from markdown_tables import markdown
from measure import standardized
from numpy.typing import NDArray
from sets import SETS, Labels, Rows, load
from unusual import FOLDER, is_choosing

from somscape import SOMDetector

Result = dict[str, Any]

NOMINAL = (0.10, 0.20)
LAWS = ("normal", "t with 5 degrees of freedom", "lognormal")
SIZES = ((300, 4), (500, 2), (1000, 10))
PLANTED = (0.0, 0.01, 0.05, 0.10)
LEFT = (0.02, 0.06, 0.10)
KINDS = ("as they are", "anomalies cut")
HALVES = {"choosing": True, "reporting": False}
N_SEEDS = 2
FEWEST, MOST, LEAST_RECALL = 0.01, 0.10, 0.10


def measured(n_runs: int) -> Result:
    """Return, for each run, how many rows stand out, how many wrongly, and the oracle's share."""
    simulated = []
    for run in range(n_runs):
        for law in LAWS:
            for size in SIZES:
                for share in PLANTED:
                    rows, y = _simulated(law, size, share, run)
                    simulated.append({"law": law, "planted": share, **_rates(rows, y, run)})
        print(f"standing out: run {run + 1} of {n_runs}", flush=True)
    labelled = [
        {"kind": kind, "choosing": chooses, **_rates(rows, y, seed)}
        for kind, chooses, rows, y, seed in _labelled()
    ]
    return {"simulated": simulated, "labelled": labelled}


def _simulated(law: str, size: tuple[int, int], share: float, run: int) -> tuple[Rows, Labels]:
    rng = np.random.default_rng([run, LAWS.index(law), *size, round(1000 * share)])
    draw = {
        "normal": lambda: rng.normal(size=size),
        "lognormal": lambda: rng.lognormal(size=size),
    }.get(law, lambda: rng.standard_t(5, size=size))
    rows = draw()
    n_planted, n_columns = round(share * size[0]), size[1]
    deviations, means = rows.std(axis=0), rows.mean(axis=0)
    for row in range(0, n_planted, 2):
        moved = rng.choice(n_columns, max(1, n_columns // 3), replace=False)
        rows[row, moved] += 6 * rng.choice([-1, 1], len(moved)) * deviations[moved]
    rows[1:n_planted:2] = means + 4 * (rows[1:n_planted:2] - means)
    return rows, (np.arange(size[0]) < n_planted).astype(np.int64)


def _labelled() -> Iterator[tuple[str, bool, Rows, Labels, int]]:
    """Yield the kind, whether it is of the choosing half, rows, labels and the seed."""
    names = sorted(SETS)
    for name in names:
        for seed in range(N_SEEDS):
            try:
                rows, y = at_most(*load(name, seed), seed)
            except ImportError as error:
                print(f"standing out: {name}: left out, {error}", flush=True)
                continue
            yield "as they are", names.index(name) < len(names) // 2, rows, y, seed
    for file in sorted(FOLDER.glob("*.npz")):
        with np.load(file, allow_pickle=False) as parts:
            train, test, y = (parts[part] for part in ("train", "test", "y"))
        chooses = is_choosing(file.stem)
        yield "as they are", chooses, test.astype(np.float64), y.astype(np.int64), 0
        rows = np.concatenate([train, test]).astype(np.float64)
        y = np.append(np.zeros(len(train), np.int64), y)
        for seed, share in enumerate(LEFT):
            anomalies = np.flatnonzero(y == 1)
            n_left = min(len(anomalies), round(share * (y == 0).sum() / (1 - share)))
            drawn = np.random.default_rng(seed).choice(anomalies, n_left, replace=False)
            kept = np.sort(np.append(np.flatnonzero(y == 0), drawn))
            yield "anomalies cut", chooses, rows[kept], y[kept], seed


def _rates(rows: Rows, y: Labels, seed: int) -> Result:
    scaled = standardized(rows, rows)
    detector = SOMDetector(random_state=seed).fit(scaled)
    found: Result = {"share": float(y.mean())}
    scores, is_anomaly = -detector.score_samples(scaled), y == 1
    for q in NOMINAL:
        alerts = detector.alerts(scaled, fdr=q)
        named = is_anomaly[alerts.rows[alerts.stands_out]]
        found[f"{q:.2f}"] = {
            "n": len(named),
            "false": int((~named).sum()),
            "recall": float(named.sum() / max(1, is_anomaly.sum())),
            "oracle": oracle_recall(scores, is_anomaly, q),
        }
    return found


def tables(result: Result) -> str:
    """Return the tables of both kinds."""
    head, simulated = ["law"], [[law] for law in LAWS]
    for q in NOMINAL:
        head += [f"none planted: lists, {q:.0%}", f"planted: false, {q:.0%}", f"recall, {q:.0%}"]
        for row in simulated:
            row += [f"{rate:.1%}" for rate in simulated_rates(result["simulated"], row[0], q)]
    labelled = []
    for kind in KINDS:
        for half, chooses in HALVES.items():
            for q in NOMINAL:
                n, *rates = labelled_rates(result["labelled"], kind, chooses, q)
                shown = [f"{rate:.1%}" for rate in rates]
                labelled.append([kind, half, f"{q:.0%}", str(n), *shown])
    of_labelled = ["tables", "half", "rate", "number", "false", "90th percentile"]
    of_labelled += ["recall, of the oracle's", "empty"]
    return f"{markdown(head, simulated)}\n\n{markdown(of_labelled, labelled)}"


def simulated_rates(runs: list[Result], law: str, q: float) -> tuple[float, float, float]:
    """Return the share of lists with none planted, the false share with some, and recall."""
    runs = [run for run in runs if run["law"] == law]
    lists = [run[f"{q:.2f}"]["n"] > 0 for run in runs if run["planted"] == 0]
    some = [run[f"{q:.2f}"] for run in runs if run["planted"] > 0]
    false = np.mean([of["false"] / max(1, of["n"]) for of in some])
    return float(np.mean(lists)), float(false), float(np.mean([of["recall"] for of in some]))


def labelled_rates(
    runs: list[Result], kind: str, chooses: bool | None, q: float
) -> tuple[int, float, float, float, float]:
    """Return the number of tables, false share, its 90th percentile, recall and share of none.

    `chooses` is the half; None means both. False shares are of lists that are not empty; recall is
    a share of the oracle's.
    """
    rates = [
        run[f"{q:.2f}"]
        for run in runs
        if run["kind"] == kind
        and chooses in (None, run["choosing"])
        and FEWEST <= run["share"] <= MOST
        and run[f"{q:.2f}"]["oracle"] >= LEAST_RECALL
    ]
    false: NDArray[Any] = np.array([of["false"] / of["n"] for of in rates if of["n"]] or [0.0])
    recall = sum(of["recall"] for of in rates) / max(1e-9, sum(of["oracle"] for of in rates))
    empty = float(np.mean([of["n"] == 0 for of in rates]))
    return len(rates), float(false.mean()), float(np.quantile(false, 0.9)), recall, empty
