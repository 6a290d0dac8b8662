"""sparse-som's batch map (float32, OpenMP) on a problem with sparse rows."""

from typing import Any

from numpy.typing import NDArray
from problems import Problem
from sparse_som import BSom, cooling

NAME = "sparse-som"
DISTRIBUTION = "sparse-som"
NOTE = "batch"
PROBLEMS = {"sparse": 1.0}


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    som = BSom(problem.n_rows, problem.n_cols, problem.n_features)
    som.codebook = problem.start_on_map
    som.train(
        problem.data,
        epochs=problem.n_steps,
        r0=problem.radius_first,
        rN=problem.radius_last,
        std=1.0,  # its gaussian is exp(-r^2 / (2 (std radius)^2)) and 0.3 the default
        cool=cooling.EXPONENTIAL,
    )
    # The codebook is a view into the map, and dangles once the map is gone.
    return som.codebook.reshape(-1, problem.n_features).copy()
