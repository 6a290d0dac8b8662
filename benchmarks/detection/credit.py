"""690 credit applications, and the rankings that are compared on them.

A ranking is a function ``scores(train, test, seed)`` of two tables: it learns from the first and
returns a score for each row of the second, higher for more unusual. Ours and the peers see the
numbers that somscape makes of a table. The article sees its columns as they are, categories as
numbers, scaled to [0, 1]; without its ``CustomerID``, which a planted case does not have.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import recipes
from numpy.typing import NDArray
from sklearn.covariance import EmpiricalCovariance
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from somscape import SOM, SOMDetector, TableEncoder
from somscape.datasets import load_credit_applications
from somscape.tables import Table

Scores = NDArray[np.float64]
Ranking = Callable[[Table, Table, int], Scores]

FEATURES = [f"A{i}" for i in range(1, 15)]
N_NEIGHBORS = 5


def applications() -> Table:
    """Return the 690 applications, A1 to A14; the file lies beside the checkout.

    Raises
    ------
    FileNotFoundError
        Where it does not.
    """
    if not recipes.CREDIT_CSV.exists():
        raise FileNotFoundError(f"{recipes.CREDIT_CSV.name} is not beside the checkout")
    return load_credit_applications(recipes.CREDIT_CSV).without(["CustomerID", "Class"])


def encoded(train: Table, test: Table) -> tuple[Scores, Scores]:
    """Return both tables as numbers, by the encoding of the first."""
    encoder = TableEncoder(max_levels=None).fit(train)
    return encoder.transform(train), encoder.transform(test)


def somscape(train: Table, test: Table, seed: int) -> Scores:
    """Return the scores of our detector at its defaults."""
    return -SOMDetector(random_state=seed).fit(train).score_samples(test)


def neighbors(train: Table, test: Table, seed: int) -> Scores:
    """Return the mean distance to the five nearest rows; a training row is not its own neighbor."""
    rows, others = encoded(train, test)
    found = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(rows)
    distances, _ = found.kneighbors(None if train is test else others)
    return distances.mean(axis=1)


def mahalanobis(train: Table, test: Table, seed: int) -> Scores:
    """Return the distance to the mean in the metric of the covariance's pseudo-inverse."""
    rows, others = encoded(train, test)
    return EmpiricalCovariance().fit(rows).mahalanobis(others)


def forest(train: Table, test: Table, seed: int) -> Scores:
    """Return the scores of scikit-learn's isolation forest at its defaults."""
    rows, others = encoded(train, test)
    return -IsolationForest(random_state=seed).fit(rows).score_samples(others)


def article(train: Table, test: Table, seed: int) -> Scores:
    """Return how bright each row's cell is on the article's map: MiniSom, 10 x 10, 100 steps.

    A cell is the brighter, the farther its unit lies from the units around it.
    """
    from minisom import MiniSom

    rows, others = train.to_numpy(FEATURES), test.to_numpy(FEATURES)
    low, span = rows.min(axis=0), np.ptp(rows, axis=0)
    rows, others = ((values - low) / np.where(span > 0, span, 1.0) for values in (rows, others))
    som = MiniSom(10, 10, len(FEATURES), sigma=1.0, learning_rate=0.5, random_seed=seed)
    som.random_weights_init(rows)
    som.train_random(rows, 100)
    brightness = som.distance_map()
    return np.array([brightness[som.winner(row)] for row in others])


def trained_article(train: Table, test: Table, seed: int) -> Scores:
    """Return the same from a map of that size trained to the end, on somscape's numbers."""
    rows, others = encoded(train, test)
    som = SOM(n_rows=10, n_cols=10, lattice="rectangular", init="sample", random_state=seed)
    brightness = som.fit(rows).map_.u_heights
    return brightness[som.predict(others)]


RANKINGS: dict[str, Ranking] = {
    "somscape": somscape,
    "nearest neighbors": neighbors,
    "Mahalanobis": mahalanobis,
    "IForest": forest,
    "article": article,
    "article, trained map": trained_article,
}
"""By name."""


def first_rows(scores: Scores, n_first: int, seed: int) -> NDArray[np.intp]:
    """Return the rows of the highest scores; rows that share a score come in random order.

    On the article's map all rows of a cell share one.
    """
    order = np.random.default_rng(seed).permutation(len(scores))
    return order[np.argsort(-scores[order], kind="stable")[:n_first]]
