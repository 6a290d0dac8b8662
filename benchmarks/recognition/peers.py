"""The classifiers that are compared: all see the same z-scored rows and at most as many prototypes.

Each is a function ``made(n_units, n_classes, seed)`` that returns a classifier with scikit-learn's
``fit``, ``predict`` and, where it has one, ``predict_proba``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.neighbors import KNeighborsClassifier

from somscape import SOMClassifier


def ours(**parameters: Any) -> Callable[..., Any]:
    """Return the maker of our classifier with these parameters."""
    return lambda n_units, n_classes, seed: SOMClassifier(random_state=seed, **parameters)


class Votes:
    """Classes of winners by the majority of their rows; the largest class where there is none."""

    def __init__(self, winners: Callable[[Any], Any]) -> None:
        self.winners = winners

    def vote(self, X: Any, y: Any) -> Votes:
        """Count the rows' classes."""
        counts: dict[int, Any] = {}
        for unit, label in zip(self.winners(X), y, strict=True):
            counts.setdefault(int(unit), []).append(label)
        self.of_unit = {u: np.bincount(labels).argmax() for u, labels in counts.items()}
        self.largest = np.bincount(y).argmax()
        return self

    def predict(self, X: Any) -> Any:
        """Return the class of each row's unit."""
        return np.array([self.of_unit.get(int(u), self.largest) for u in self.winners(X)])


class KMeansVotes:
    """k-means, then votes."""

    def __init__(self, n_units: int, n_classes: int, seed: int) -> None:
        self.means = KMeans(n_units, n_init=4, random_state=seed)

    def fit(self, X: Any, y: Any) -> KMeansVotes:
        """Cluster, and count."""
        self.votes = Votes(self.means.fit(X).predict).vote(X, y)
        self.predict = self.votes.predict
        return self


class MiniSomVotes:
    """MiniSom with `labels_map`, as in its example of classification; 10 epochs."""

    def __init__(self, n_units: int, n_classes: int, seed: int) -> None:
        self.side, self.seed = max(1, math.isqrt(n_units)), seed

    def fit(self, X: Any, y: Any) -> MiniSomVotes:
        """Train, and count."""
        from minisom import MiniSom

        som = MiniSom(
            *(self.side, self.side, X.shape[1]),
            sigma=1.5,  # which ends at 0.5; a third of the side costs it up to ten points
            learning_rate=0.5,
            random_seed=self.seed,
        )
        som.pca_weights_init(X)
        som.train_random(X, 10 * len(X))
        found = som.labels_map(X, y)
        largest = np.bincount(y).argmax()
        best = {place: count.most_common(1)[0][0] for place, count in found.items()}
        self.predict = lambda rows: np.array([best.get(som.winner(r), largest) for r in rows])
        return self


def calibrated(method: str) -> Any:
    """Return 5-NN whose probabilities are calibrated by five folds of the training rows."""
    return CalibratedClassifierCV(KNeighborsClassifier(5), method=method)


def susi(n_units: int, n_classes: int, seed: int) -> Any:
    """Return SuSi's classifier with 5,000 steps of each kind."""
    from susi import SOMClassifier as Susi

    side = max(1, math.isqrt(n_units))
    steps = {"n_iter_unsupervised": 5000, "n_iter_supervised": 5000}
    return Susi(n_rows=side, n_columns=side, random_state=seed, **steps)


def gmlvq(n_units: int, n_classes: int, seed: int) -> Any:
    """Return sklvq's GMLVQ, whose calls of older libraries are put into today's words."""
    import sklvq.models._base as base
    from sklearn.utils.validation import check_array, validate_data
    from sklvq import GMLVQ

    def todays(parameters: dict[str, Any]) -> dict[str, Any]:
        words = {"force_all_finite": "ensure_all_finite"}
        return {words.get(name, name): value for name, value in parameters.items()}

    def validated(self: Any, X: Any, y: Any = None, **parameters: Any) -> Any:
        given = (X,) if y is None else (X, y)
        return validate_data(self, *given, **todays(parameters))

    setattr(np, "int", int)  # noqa: B010  a name that NumPy 1.24 dropped
    GMLVQ._validate_data = validated
    base.check_array = lambda X, **parameters: check_array(X, **todays(parameters))
    return GMLVQ(prototype_n_per_class=max(1, min(n_units // n_classes, 5)), random_state=seed)


METHODS: dict[str, Callable[..., Any]] = {
    "somscape": ours(),
    "5-NN": lambda n_units, n_classes, seed: KNeighborsClassifier(5),
    "5-NN, sigmoid": lambda n_units, n_classes, seed: calibrated("sigmoid"),
    "5-NN, isotonic": lambda n_units, n_classes, seed: calibrated("isotonic"),
    "1-NN": lambda n_units, n_classes, seed: KNeighborsClassifier(1),
    "GMLVQ": gmlvq,
    "SuSi": susi,
    "MiniSom": MiniSomVotes,
    "k-means": KMeansVotes,
    "votes": ours(sharpen=False, smooth=False),
    "smooth": ours(sharpen=False),
    "margin": ours(smooth=False),
}
