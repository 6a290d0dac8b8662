"""XPySom's batch map (float32, NumPy) on a problem."""

import numpy as np
from problems import FloatArray, Problem
from xpysom import XPySom

NAME = "XPySom"
DISTRIBUTION = "xpysom"
ALGORITHMS = ("batch",)


def train(problem: Problem) -> FloatArray:
    """Return the trained codebook of shape (n_units, n_features)."""
    n_features = problem.data.shape[1]
    som = XPySom(
        problem.n_rows,
        problem.n_cols,
        n_features,
        sigma=problem.radius_first,
        sigmaN=problem.radius_aim,
        decay_function="exponential",
        std_coeff=1.0,  # its gaussian is exp(-r^2 / (2 (std_coeff sigma)^2)) and 0.5 the default
        xp=np,
    )
    # XPySom takes no starting codebook through its public interface. A learning rate has no effect
    # in its update, where it cancels.
    som._weights = problem.start.reshape(problem.n_rows, problem.n_cols, n_features).copy()
    som.train(problem.data, problem.n_steps)
    return np.asarray(som.get_weights(), dtype=np.float64).reshape(-1, n_features)
