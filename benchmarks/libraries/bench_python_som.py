"""python-som's batch mode, with its Numba search, on a problem."""

from typing import Any

import python_som
from numpy.typing import NDArray
from problems import Problem

NAME = "python-som"
DISTRIBUTION = "python-som"
NOTE = "batch"
PROBLEMS = {
    "article-batch": 1.0,
    "digits": 1.0,
    "clusters": 0.1,
    "many-rows": 0.1,
    "large-map": 0.4,
}
HAS_TORUS = True


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""

    def radius(first: float, step: int, n_steps: int) -> float:
        return first * (problem.radius_aim / first) ** (step / n_steps)

    som = python_som.SOM(
        problem.n_rows,
        problem.n_cols,
        problem.n_features,
        neighborhood_radius=problem.radius_first,
        neighborhood_radius_decay=radius,
        min_neighborhood_radius=problem.radius_last,
        cyclic_x=problem.is_torus,
        cyclic_y=problem.is_torus,
        random_seed=problem.seed,
    )
    # python-som takes no starting codebook through its public interface.
    som._weights = problem.start_on_map
    som.train(problem.data, n_iteration=problem.n_steps, mode="batch")
    return som.get_weights().reshape(-1, problem.n_features)
