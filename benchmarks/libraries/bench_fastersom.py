"""fastersom's batch map (float32, torch on the CPU) on a problem."""

from typing import Any

from fastersom import SOM
from numpy.typing import NDArray
from problems import Problem

NAME = "fastersom"
DISTRIBUTION = "fastersom"
NOTE = "batch"
PROBLEMS = dict.fromkeys(
    (
        "article-batch",
        "digits",
        "clusters",
        "pixels",
        "many-rows",
        "large-map",
        "large-map-half",
        "winners-clusters",
        "winners-noise",
    ),
    1.0,
)


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    som = SOM(
        problem.n_rows,
        problem.n_cols,
        n_epochs=problem.n_steps,
        sigma_initial=problem.radius_first,
        sigma_final=problem.radius_aim,
        init=problem.start,
        device="cpu",
    )
    return som.fit(problem.data).weights_


def winners(problem: Problem) -> NDArray[Any]:
    """Return the best unit of each row."""
    som = SOM.from_weights(problem.start, problem.n_rows, problem.n_cols, device="cpu")
    return som.predict(problem.data)
