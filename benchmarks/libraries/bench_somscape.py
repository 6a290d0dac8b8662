"""somscape's SOM on a problem."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from problems import PROBLEMS as ALL_PROBLEMS
from problems import Problem

from somscape import SOM, Lattice
from somscape.maps import Map
from somscape.tables import Encoding

NAME = "somscape"
DISTRIBUTION = "somscape"
NOTE = "batch or online"
PROBLEMS = dict.fromkeys(ALL_PROBLEMS, 1.0)
HAS_TORUS = True


def fit(problem: Problem) -> SOM:
    """Return the trained estimator."""
    is_online = problem.algorithm == "online"
    som = SOM(
        problem.n_rows,
        problem.n_cols,
        lattice="rectangular",
        boundary="torus" if problem.is_torus else "plane",
        algorithm=problem.algorithm,
        init=problem.start,
        n_epochs=problem.n_steps / problem.data.shape[0] if is_online else problem.n_steps,
        radius_start=problem.radius_first,
        radius_end=problem.radius_last,
        radius_decay="asymptotic" if is_online else "geometric",
        learning_rate=(problem.rate_first, problem.rate_first / 3),
        tol=0,
        random_state=problem.seed,
    )
    return som.fit(problem.data)


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    return fit(problem).codebook_


def map_of(problem: Problem) -> Map:
    """Return the problem's start as a map that answers."""
    lattice = Lattice(problem.n_rows, problem.n_cols, "rectangular")
    names = [f"x{i}" for i in range(problem.n_features)]
    start = problem.start.astype(np.float64)
    return Map(start, lattice, Encoding.plain(names), hits=np.zeros(lattice.n_units))


def winners(problem: Problem) -> NDArray[Any]:
    """Return the best unit of each row."""
    return map_of(problem).winners(problem.data)
