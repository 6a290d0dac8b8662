"""The rankings that are compared: somscape's detector and eleven of PyOD's, all at their defaults.

A ranking is a function ``scores(train, test, seed)``: it learns from the first rows and returns a
score for each of the second, higher for more unusual. ``test=None`` asks for the scores of the
rows that it learned from, which detectors may compute differently: PyOD's nearest neighbors do not
count a training row as its own neighbor.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Scores = NDArray[np.float64]
Ranking = Callable[[Rows, Rows | None, int], Scores]

OURS = "somscape"


def somscape(train: Rows, test: Rows | None, seed: int, **parameters: Any) -> Scores:
    """Return the scores of our detector."""
    from somscape import SOMDetector

    detector = SOMDetector(random_state=seed, **parameters).fit(train)
    return -detector.score_samples(train if test is None else test)


def of_pyod(module: str, name: str) -> Ranking:
    """Return the ranking of one of PyOD's detectors; the seed goes to those that draw."""

    def scores(train: Rows, test: Rows | None, seed: int) -> Scores:
        detector = getattr(import_module(f"pyod.models.{module}"), name)
        draws = "random_state" in inspect.signature(detector).parameters
        fitted = detector(random_state=seed) if draws else detector()
        fitted.fit(train)
        return fitted.decision_scores_ if test is None else fitted.decision_function(test)

    return scores


RANKINGS: dict[str, Ranking] = {
    OURS: somscape,
    "IForest": of_pyod("iforest", "IForest"),
    "KNN": of_pyod("knn", "KNN"),
    "LOF": of_pyod("lof", "LOF"),
    "ECOD": of_pyod("ecod", "ECOD"),
    "COPOD": of_pyod("copod", "COPOD"),
    "HBOS": of_pyod("hbos", "HBOS"),
    "PCA": of_pyod("pca", "PCA"),
    "MCD": of_pyod("mcd", "MCD"),
    "OCSVM": of_pyod("ocsvm", "OCSVM"),
    "CBLOF": of_pyod("cblof", "CBLOF"),
    "INNE": of_pyod("inne", "INNE"),
}
"""By name."""
