"""How well a ranking finds the anomalies of a labelled set.

Unsupervised: learn from all rows, anomalies among them, and rank the same rows. Semi-supervised:
learn from half of the normal rows, rank the other half and all anomalies. Rows are standardized by
the mean and standard deviation of the rows that are learned from.
"""

from __future__ import annotations

import time
from math import log2
from typing import Any

import numpy as np
from peers import OURS, Ranking, Rows, somscape
from scipy.stats import rankdata
from sets import Labels
from sklearn.metrics import average_precision_score, roc_auc_score

Result = dict[str, Any]

MODES = ("unsupervised", "semi-supervised")
CLEAN: dict[str, Any] = {"training_is_clean": True}
"""What our detector is told where all rows it learns from are normal."""
PILOT_ROWS, WARM_UP_ROWS = 4_000, 200
"""Sets of more rows are timed on half as many and on so many, after a fit that bears imports."""


def standardized(train: Rows, rows: Rows) -> Rows:
    """Return rows in standard deviations of the training rows; columns constant there are 0."""
    spread = train.std(axis=0)
    varies = spread > 1e-12 * np.abs(train).max(axis=0)
    scaled = (rows - train.mean(axis=0)) / np.where(varies, spread, 1.0)
    return np.ascontiguousarray(np.where(varies, scaled, 0.0))


def measured(name: str, ranking: Ranking, rows: Rows, y: Labels, seed: int, cap: float) -> Result:
    """Return quality and seconds of a ranking in both modes."""
    unsupervised = graded(ranking, standardized(rows, rows), None, y, seed, cap)
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    train = np.sort(normal[: len(normal) // 2])
    others = np.setdiff1d(np.arange(len(y)), train)
    of_train, of_others = (standardized(rows[train], rows[part]) for part in (train, others))
    if name == OURS:
        ranking = told_clean
    semi = graded(ranking, of_train, of_others, y[others], seed, cap)
    return dict(zip(MODES, (unsupervised, semi), strict=True))


def told_clean(train: Rows, test: Rows | None, seed: int) -> Rows:
    """Return the scores of our detector, told that the training rows are clean."""
    return somscape(train, test, seed, **CLEAN)


def graded(
    ranking: Ranking, train: Rows, test: Rows | None, y: Labels, seed: int, cap: float
) -> Result:
    """Return AUROC, average precision, seconds, and from how many of the rows the ranking learned.

    Where all rows would take longer than `cap` seconds fewer are drawn to learn from; all are
    ranked. Infinite scores count as the largest. A ranking that fails, or returns the same score
    for all or what is no number, ranks at random; its error is kept.
    """
    n_all = n_kept = len(train)
    chance = {"auroc": 0.5, "ap": float(y.mean())}
    started = time.perf_counter()
    try:
        n_kept = affordable(ranking, train, seed, cap)
        if n_kept < n_all:
            test = train if test is None else test
            drawn = np.random.default_rng(seed).choice(n_all, n_kept, replace=False)
            train = train[np.sort(drawn)]
        started = time.perf_counter()
        places = rankdata(ranking(train, test, seed), nan_policy="raise")
        if np.ptp(places) == 0:
            raise ValueError("all rows have the same score")
        quality = {"auroc": float(roc_auc_score(y, places))}
        quality["ap"] = float(average_precision_score(y, places))
    except ValueError as error:
        quality = {**chance, "error": str(error).splitlines()[0]}
    seconds = time.perf_counter() - started
    return {**quality, "seconds": seconds, "n_train": n_kept, "n_all": n_all}


def affordable(ranking: Ranking, train: Rows, seed: int, cap: float) -> int:
    """Return from how many rows a ranking can learn in the time, judged by two pilots.

    They tell with which power of the rows its time grows: between the first, as that of trees and
    histograms, and the second, as that of neighbors and kernels.
    """
    n_rows = len(train)
    if n_rows <= PILOT_ROWS:
        return n_rows
    pilot = train[np.random.default_rng(seed).choice(n_rows, PILOT_ROWS, replace=False)]
    ranking(pilot[:WARM_UP_ROWS], None, seed)
    half, whole = (seconds_of(ranking, part, seed) for part in (pilot[::2], pilot))
    power = min(max(log2(whole / half), 1.0), 2.0)
    return min(n_rows, max(PILOT_ROWS, int(PILOT_ROWS * (cap / whole) ** (1 / power))))


def seconds_of(ranking: Ranking, rows: Rows, seed: int) -> float:
    """Return how long a ranking learns from rows and ranks them."""
    started = time.perf_counter()
    ranking(rows, None, seed)
    return time.perf_counter() - started
