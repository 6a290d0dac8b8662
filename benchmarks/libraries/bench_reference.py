"""The plain float64 batch map of ``reference.py`` on a problem: the quality to reach."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from problems import Problem
from reference import train_batch

NAME = "float64 reference"
DISTRIBUTION = "numpy"
NOTE = "batch, plain NumPy; for its quality, not its speed"
PROBLEMS = dict.fromkeys(("article-batch", "digits", "clusters", "pixels"), 1.0)
HAS_TORUS = True


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    radii = np.geomspace(problem.radius_first, problem.radius_last, problem.n_steps)
    shape = (problem.n_rows, problem.n_cols)
    return train_batch(problem.data, problem.start, shape, radii, problem.is_torus)
