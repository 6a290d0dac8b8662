"""faiss on the CPU: k-means with a centroid per unit, and the flat index for the winners."""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from problems import Problem

NAME = "faiss"
DISTRIBUTION = "faiss-cpu"
NOTE = "k-means, no map; or the flat index"
PROBLEMS = dict.fromkeys(
    (
        "article-batch",
        "digits",
        "clusters",
        "pixels",
        "many-rows",
        "large-map",
        "winners-clusters",
        "winners-noise",
    ),
    1.0,
)
IS_MAP = False


def train(problem: Problem) -> NDArray[Any]:
    """Return the centroids of shape (n_units, n_features)."""
    k_means = faiss.Kmeans(
        problem.n_features,
        len(problem.start),
        niter=problem.n_steps,
        seed=problem.seed,
        min_points_per_centroid=1,
        max_points_per_centroid=len(problem.data),  # else it trains on a sample
    )
    rows = problem.data.astype(np.float32, copy=False)
    k_means.train(rows, init_centroids=problem.start.astype(np.float32))
    return k_means.centroids


def winners(problem: Problem) -> NDArray[Any]:
    """Return the nearest unit of each row."""
    index = faiss.IndexFlatL2(problem.n_features)
    index.add(problem.start)
    _, units = index.search(problem.data, 1)
    return units[:, 0]
