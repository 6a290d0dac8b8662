"""somscape's SOM on a problem."""

from problems import FloatArray, Problem

from somscape import SOM

NAME = "somscape"
DISTRIBUTION = "somscape"
ALGORITHMS = ("online", "batch")


def _fit(problem: Problem) -> SOM:
    is_online = problem.algorithm == "online"
    decay = "asymptotic" if is_online else "geometric"
    som = SOM(
        problem.n_rows,
        problem.n_cols,
        lattice="rectangular",
        algorithm=problem.algorithm,
        init=problem.start,
        n_epochs=problem.n_steps / len(problem.data) if is_online else problem.n_steps,
        radius_start=problem.radius_first,
        radius_end=problem.radius_last,
        radius_decay=decay,
        rate_start=problem.rate_first,
        rate_end=problem.rate_first / 3,
        rate_decay=decay,
        tol=0,
        random_state=problem.seed,
    )
    return som.fit(problem.data)


def train(problem: Problem) -> FloatArray:
    """Return the trained codebook of shape (n_units, n_features)."""
    return _fit(problem).codebook_


def kernels(problem: Problem) -> str:
    """Return which code path the training takes."""
    return str(_fit(problem).kernels_used_)
