"""scikit-learn's k-means, Lloyd's algorithm, with a centroid per unit: no map, but the same search.

It labels all rows once more at the end.
"""

from typing import Any

from numpy.typing import NDArray
from problems import Problem
from sklearn.cluster import KMeans

NAME = "scikit-learn k-means"
DISTRIBUTION = "scikit-learn"
NOTE = "k-means, no map"
PROBLEMS = {
    "article-batch": 1.0,
    "digits": 1.0,
    "clusters": 1.0,
    "pixels": 1.0,
    "many-rows": 1.0,
    "large-map": 1.0,
    "sparse": 0.3,
    "winners-clusters": 1.0,
    "winners-noise": 1.0,
}
IS_MAP = False


def _k_means(problem: Problem, rows: Any) -> KMeans:
    """Return k-means trained on rows from the problem's start."""
    start = problem.start.astype(problem.data.dtype, copy=False)
    n_steps = problem.n_steps
    k_means = KMeans(len(start), init=start, n_init=1, max_iter=n_steps, tol=0, algorithm="lloyd")
    return k_means.fit(rows)


def train(problem: Problem) -> NDArray[Any]:
    """Return the centroids of shape (n_units, n_features)."""
    return _k_means(problem, problem.data).cluster_centers_


def winners(problem: Problem) -> NDArray[Any]:
    """Return the nearest centroid of each row; trained on the centroids, they stay as they are."""
    return _k_means(problem, problem.start).predict(problem.data)
