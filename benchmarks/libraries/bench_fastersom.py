"""fastersom's batch map (float32, torch on the CPU) on a problem."""

import numpy as np
from fastersom import SOM
from problems import FloatArray, Problem

NAME = "fastersom"
DISTRIBUTION = "fastersom"
ALGORITHMS = ("batch",)


def train(problem: Problem) -> FloatArray:
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
    return np.asarray(som.fit(problem.data).weights_, dtype=np.float64)
