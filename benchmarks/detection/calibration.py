"""Do the detector's p-values keep their promise after clean training?

A split of a labelled set trains the detector on half of the normal rows, told that training is
clean, and tests it on the other half and all anomalies. The detector's rule on the p-values of the
test rows (Benjamini-Hochberg with Storey's estimate of the share of usual rows) names discoveries
at a nominal false-discovery rate. An oracle that knows the labels draws the line on the same scores
where most anomalies are found while the false share of the discoveries is within the nominal rate:
no rule without labels can be expected to find more. The p-values of normal rows should be uniform.
`standing_out.py` looks at training with anomalies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from measure import CLEAN, standardized
from numpy.typing import NDArray
from scipy.special import kolmogorov
from sets import SETS, Labels, Rows, load

from somscape import SOMDetector
from somscape.outliers.calibration import adjusted, usual_share

Result = dict[str, Any]
Floats = NDArray[np.float64]

NOMINAL = (0.05, 0.10, 0.20)
MAX_ROWS = 6_000
"""Rows of a set at most; of larger ones so many are drawn."""


def measured(n_splits: int) -> list[Result]:
    """Return the figures of so many splits, the sets in turn."""
    results = []
    for split in range(n_splits):
        name, seed = list(SETS)[split % len(SETS)], split // len(SETS)
        try:
            rows, y = at_most(*load(name, seed), seed)
        except ImportError as error:
            print(f"calibration: {name}: left out, {error}", flush=True)
            continue
        results.append({"set": name, **figures(rows, y, seed)})
        told(results[-1])
    return results


def at_most(rows: Rows, y: Labels, seed: int) -> tuple[Rows, Labels]:
    """Return the rows, or as many as are allowed."""
    if len(rows) <= MAX_ROWS:
        return rows, y
    drawn = np.sort(np.random.default_rng(seed).choice(len(rows), MAX_ROWS, replace=False))
    return rows[drawn], y[drawn]


def figures(rows: Rows, y: Labels, seed: int) -> Result:
    """Return the rates of a split at each nominal one, and how uniform normal p-values are."""
    rng = np.random.default_rng(seed)
    normal = np.flatnonzero(y == 0)
    n_train = len(normal) // 2
    train = rng.permutation(normal)[:n_train]
    test = np.setdiff1d(np.arange(len(y)), train)
    of_train, of_test = (standardized(rows[train], rows[part]) for part in (train, test))
    detector = SOMDetector(random_state=seed, **CLEAN).fit(of_train)
    p_values, scores = detector.p_values(of_test), -detector.score_samples(of_test)
    is_anomaly = y[test] == 1
    rates = {}
    for q in NOMINAL:
        is_found = adjusted(p_values) * usual_share(p_values) <= q
        rates[f"{q:.2f}"] = {
            "fdp": float((is_found & ~is_anomaly).sum() / max(1, is_found.sum())),
            "recall": float((is_found & is_anomaly).sum() / max(1, is_anomaly.sum())),
            "oracle": oracle_recall(scores, is_anomaly, q),
        }
    normals = p_values[~is_anomaly]
    return {"rates": rates, "ks": uniformity(normals, n_train)}


def oracle_recall(scores: Floats, is_anomaly: NDArray[np.bool_], q: float) -> float:
    """Return the largest recall of a threshold whose discoveries are false to at most `q`."""
    order = np.argsort(-scores, kind="stable")
    n_found, n_true = np.arange(1, len(scores) + 1), np.cumsum(is_anomaly[order])
    is_last = np.append(np.diff(scores[order]) != 0, True)  # equal scores are found together
    is_allowed = is_last & (n_found - n_true <= q * n_found)
    return float(n_true[is_allowed].max(initial=0) / max(1, is_anomaly.sum()))


def uniformity(p_values: Floats, n_calibration: int) -> Result:
    """Return the Kolmogorov-Smirnov distance of p-values to the uniform law, and its own p-value.

    They share a calibration sample, so that the distance is that of two samples.
    """
    ordered, n = np.sort(p_values), len(p_values)
    steps = np.arange(n + 1) / n
    distance = float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))
    effective = n * n_calibration / (n + n_calibration)
    return {"distance": distance, "p_value": float(kolmogorov(distance * np.sqrt(effective)))}


def told(result: Result) -> None:
    """Print a line of progress."""
    rate = result["rates"]["0.10"]
    parts = [f"{key} {value:.2f}" for key, value in rate.items()]
    distance = result["ks"]["distance"]
    label = f"calibration: {result['set']}"
    print(f"{label}: at 10 %: {', '.join(parts)}; KS {distance:.3f}", flush=True)
