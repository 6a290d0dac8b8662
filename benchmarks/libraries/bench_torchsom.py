"""torchsom's mini-batch map (torch on the CPU, faiss for the search) on a problem."""

from typing import Any

import torch
from numpy.typing import NDArray
from problems import Problem
from torchsom import SOM

NAME = "torchsom"
DISTRIBUTION = "torchsom"
NOTE = "mini-batch, radius to a third"
PROBLEMS = {
    "article-batch": 1.0,
    "digits": 1.0,
    "clusters": 0.1,
    "pixels": 0.05,
    "many-rows": 0.02,
    "large-map": 0.05,
    "winners-clusters": 1.0,
    "winners-noise": 1.0,
}
HAS_TORUS = True
SMALL_ROWS, SMALL_BATCH, LARGE_BATCH = 10_000, 32, 512


def _som(problem: Problem) -> SOM:
    """Return a map with the problem's start."""
    som = SOM(
        problem.n_rows,
        problem.n_cols,
        problem.n_features,
        epochs=problem.n_steps,
        batch_size=SMALL_BATCH if len(problem.data) < SMALL_ROWS else LARGE_BATCH,
        sigma=problem.radius_first,
        learning_rate=problem.rate_first,
        pbc=problem.is_torus,
        device="cpu",
        random_seed=problem.seed,
    )
    # torchsom takes no starting codebook through its public interface.
    som.weights.data = torch.from_numpy(problem.start_on_map).float()
    som._search_strategy.rebuild_index(som.weights)
    return som


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    som = _som(problem)
    som.fit(torch.from_numpy(problem.data).float(), verbose=False)
    return som.weights.detach().numpy().reshape(-1, problem.n_features)


def winners(problem: Problem) -> NDArray[Any]:
    """Return the best unit of each row."""
    row, col = _som(problem).identify_bmus(torch.from_numpy(problem.data)).numpy().T
    return row * problem.n_cols + col
