"""XPySom's batch map (float32, NumPy) on a problem."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from problems import Problem
from xpysom import XPySom

NAME = "XPySom"
DISTRIBUTION = "xpysom"
NOTE = "batch"
PROBLEMS = {
    "article-batch": 1.0,
    "digits": 1.0,
    "clusters": 0.3,
    "pixels": 0.2,
    "many-rows": 0.1,
    "large-map": 0.2,
}


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    som = XPySom(
        problem.n_rows,
        problem.n_cols,
        problem.n_features,
        sigma=problem.radius_first,
        sigmaN=problem.radius_aim,
        decay_function="exponential",
        std_coeff=1.0,  # its gaussian is exp(-r^2 / (2 (std_coeff sigma)^2)) and 0.5 the default
        xp=np,
    )
    # XPySom takes no starting codebook through its public interface. A learning rate has no effect
    # in its update, where it cancels.
    som._weights = problem.start_on_map
    som.train(problem.data, problem.n_steps)
    return np.asarray(som.get_weights()).reshape(-1, problem.n_features)
