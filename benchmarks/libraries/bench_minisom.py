"""MiniSom's ``train_random`` on a problem.

Its ``train_batch_offline`` is left out: it moves the units only a learning rate of the way to the
batch mean, which is another rule than that of the batch peers.
"""

from typing import Any

from minisom import MiniSom
from numpy.typing import NDArray
from problems import Problem

NAME = "MiniSom"
DISTRIBUTION = "minisom"
NOTE = "online, one pass in batch problems, radius to a third"
PROBLEMS = {
    "article-online": 1.0,
    "digits": 1.0,
    "clusters": 0.1,
    "pixels": 0.005,
    "many-rows": 0.02,
    "large-map": 0.02,
}


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    som = MiniSom(
        problem.n_rows,
        problem.n_cols,
        problem.n_features,
        sigma=problem.radius_first,
        learning_rate=problem.rate_first,
        decay_function="asymptotic_decay",
        sigma_decay_function="asymptotic_decay",
        random_seed=problem.seed,
    )
    # MiniSom takes no starting codebook through its public interface.
    som._weights = problem.start_on_map
    som.train_random(problem.data, problem.n_updates)
    return som.get_weights().reshape(-1, problem.n_features)
