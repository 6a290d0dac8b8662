"""How long ranking takes at the size of the well-known card-fraud table, and scoring after it.

284,807 rows of 29 numbers: normal rows in 40 clusters, and 0.17 % anomalies that lie anywhere
around them. To rank is to fit and to score the same rows: for PyOD's detectors that is one call of
``fit``, for ours two calls. Scoring is timed on other rows, by the detector and, for one row, also
by the function below it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import recipes
from measure import standardized
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from somscape import SOMDetector

Result = dict[str, Any]
Rows = NDArray[np.float64]

N_ROWS, N_FEATURES, N_ANOMALIES = 284_807, 29, 492
N_SCORED, N_SCORED_FEATURES = 1_000_000, 30
TRAINED_ON = (10_000, 284_807)
N_CALLS = 2_000


def transactions(n_rows: int, n_features: int, n_anomalies: int) -> tuple[Rows, NDArray[np.int64]]:
    """Return standardized rows in clusters with anomalies among them, and labels."""
    rng = np.random.default_rng(recipes.DATA_SEED)
    rows = recipes.clusters(n_rows, n_features).astype(np.float64)
    anomalies = rng.choice(n_rows, n_anomalies, replace=False)
    rows[anomalies] = rng.normal(0, rows.std(), (n_anomalies, n_features))
    y = np.zeros(n_rows, np.int64)
    y[anomalies] = 1
    return standardized(rows, rows), y


def ranked_by_us(rows: Rows) -> Rows:
    """Return our scores of the rows that the detector is fitted to."""
    return -SOMDetector(random_state=0).fit(rows).score_samples(rows)


def ranked_by_knn(rows: Rows) -> Rows:
    """Return those of PyOD's nearest neighbors."""
    from pyod.models.knn import KNN

    return KNN().fit(rows).decision_scores_


def ranked_by_forest(rows: Rows) -> Rows:
    """Return those of PyOD's isolation forest."""
    from pyod.models.iforest import IForest

    return IForest(random_state=0).fit(rows).decision_scores_


def ranked_by_ecod(rows: Rows) -> Rows:
    """Return those of PyOD's empirical tails."""
    from pyod.models.ecod import ECOD

    return ECOD().fit(rows).decision_scores_


RANKED: dict[str, Callable[[Rows], Rows]] = {
    "somscape": ranked_by_us,
    "IForest": ranked_by_forest,
    "ECOD": ranked_by_ecod,
    "KNN": ranked_by_knn,
}
ONCE = ("KNN",)
"""Timed in the first round only, for it takes minutes."""


def measured(n_rounds: int) -> Result:
    """Return seconds of each round and AUROC by ranking, rows a second, and microseconds a row."""
    rows, y = transactions(N_ROWS, N_FEATURES, N_ANOMALIES)
    ranks: Result = {name: {"seconds": []} for name in RANKED}
    for round_number in range(n_rounds):
        for name, ranked in RANKED.items():
            if round_number and name in ONCE:
                continue
            ranked(rows[:200])  # bears the imports
            started = time.perf_counter()
            scores = ranked(rows)
            seconds = time.perf_counter() - started
            ranks[name]["seconds"].append(seconds)
            ranks[name]["auroc"] = float(roc_auc_score(y, scores))
            auroc = ranks[name]["auroc"]
            print(f"speed: {name}: {seconds:.1f} s, AUROC {auroc:.3f}", flush=True)
    return {"ranks": ranks, "scoring": [scoring(n_rows) for n_rows in TRAINED_ON]}


def scoring(n_train: int) -> Result:
    """Return how fast a detector trained on so many rows scores many rows, and one."""
    rows, _ = transactions(N_SCORED, N_SCORED_FEATURES, 0)
    detector = SOMDetector(random_state=0).fit(rows[:n_train])
    detector.score_samples(rows)
    of_calls = []
    for _ in range(3):
        started = time.perf_counter()
        detector.score_samples(rows)
        of_calls.append(time.perf_counter() - started)
    one = rows[:1]
    result = {
        "n_train": n_train,
        "n_units": len(detector.map_.codebook),
        "rows_per_second": N_SCORED / median(of_calls),
        "microseconds_inside": microseconds(lambda: detector.detector_.scores(one)),
        "microseconds_detector": microseconds(lambda: detector.score_samples(one)),
    }
    print(f"speed: {result}", flush=True)
    return result


def microseconds(call: Callable[[], object]) -> float:
    """Return the median duration of many calls."""
    durations = []
    for _ in range(N_CALLS):
        started = time.perf_counter()
        call()
        durations.append(time.perf_counter() - started)
    return 1e6 * median(durations)
