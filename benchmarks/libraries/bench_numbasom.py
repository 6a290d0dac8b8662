"""numbasom's online map, compiled by Numba, on a problem.

It takes size, rows and number of updates; start, radius and rate are its own.
"""

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from numbasom import SOM
from numpy.typing import NDArray
from problems import Problem

NAME = "numbasom"
DISTRIBUTION = "numbasom"
NOTE = "online, one pass in batch problems, own start and schedule"
PROBLEMS = {
    "article-online": 1.0,
    "digits": 1.0,
    "clusters": 1.0,
    "pixels": 0.03,
    "many-rows": 0.2,
    "large-map": 0.1,
}
HAS_TORUS = True


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    som = SOM(som_size=(problem.n_rows, problem.n_cols), is_torus=problem.is_torus)
    with redirect_stdout(StringIO()):  # it prints its own timing
        lattice = som.train(problem.data, num_iterations=problem.n_updates)
    return lattice.reshape(-1, problem.n_features)
