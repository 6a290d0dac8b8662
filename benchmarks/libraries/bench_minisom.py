"""MiniSom's ``train_random`` on a problem.

Its ``train_batch_offline`` is left out: it moves the units only a learning rate of the way to the
batch mean, which is another rule than that of the batch peers.
"""

from minisom import MiniSom
from problems import FloatArray, Problem

NAME = "MiniSom"
DISTRIBUTION = "minisom"
ALGORITHMS = ("online",)


def train(problem: Problem) -> FloatArray:
    """Return the trained codebook of shape (n_units, n_features)."""
    n_features = problem.data.shape[1]
    som = MiniSom(
        problem.n_rows,
        problem.n_cols,
        n_features,
        sigma=problem.radius_first,
        learning_rate=problem.rate_first,
        decay_function="asymptotic_decay",
        sigma_decay_function="asymptotic_decay",
        random_seed=problem.seed,
    )
    # MiniSom takes no starting codebook through its public interface.
    som._weights = problem.start.reshape(problem.n_rows, problem.n_cols, n_features).copy()
    som.train_random(problem.data, problem.n_steps)
    return som.get_weights().reshape(-1, n_features)
