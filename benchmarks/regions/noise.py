"""Tables of one group, in which no regions should be found."""

from collections.abc import Callable

import numpy as np

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def _bent(rng: np.random.Generator, n: int, d: int, plane: np.ndarray) -> np.ndarray:
    """Return rows of a bent group in the plane, with noise in all dimensions beyond it."""
    return np.hstack([plane, rng.normal(0, 0.05, (n, max(d - 2, 0)))])


def correlated(rng, n, d):
    """Three hidden causes of all columns, and some noise."""
    k = min(d, 3)
    return rng.normal(size=(n, k)) @ rng.normal(size=(k, d)) + rng.normal(0, 0.3, (n, d))


def half_ring(rng, n, d):
    """Half a ring."""
    angle, radius = rng.uniform(0, np.pi, n), rng.uniform(0.85, 1.15, n)
    return _bent(rng, n, d, np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))


def letter_s(rng, n, d):
    """Two bows, one after the other."""
    angle, radius = rng.uniform(0, 1.5 * np.pi, n), rng.uniform(0.88, 1.12, n)
    side = np.where(rng.random(n) < 0.5, 1, -1)
    plane = np.column_stack([side * radius * np.sin(angle), side * (radius * np.cos(angle) - 1)])
    return _bent(rng, n, d, plane)


NOISE: dict[str, Draw] = {
    "normal": lambda rng, n, d: rng.normal(size=(n, d)),
    "uniform": lambda rng, n, d: rng.random((n, d)),
    "lognormal": lambda rng, n, d: rng.lognormal(size=(n, d)),
    "t with 3 degrees": lambda rng, n, d: rng.standard_t(3, (n, d)),
    "correlated": correlated,
    "half a ring": half_ring,
    "S": letter_s,
}

REPORTED: dict[str, Draw] = {
    "long normal": lambda rng, n, d: rng.normal(size=(n, d)) * np.geomspace(10, 1, d),
    "triangular": lambda rng, n, d: rng.triangular(0, 0.3, 1, (n, d)),
    "exponential": lambda rng, n, d: rng.exponential(size=(n, d)),
    "Laplace": lambda rng, n, d: rng.laplace(size=(n, d)),
    "sums of uniform": lambda rng, n, d: (
        rng.random((n, 2)) @ rng.random((2, d)) + rng.random((n, d))
    ),
    "quarter of a ring": lambda rng, n, d: _bent(
        rng, n, d, (lambda a: np.column_stack([np.cos(a), np.sin(a)]))(rng.uniform(0, 1.6, n))
        * rng.uniform(0.9, 1.1, (n, 1)),
    ),
}  # fmt: skip
"""One more of each kind, at which nobody looked before methods were chosen."""

CELLS = (
    ("normal", 300, 10), ("normal", 300, 300), ("normal", 2000, 20), ("uniform", 100, 2),
    ("uniform", 1000, 5), ("uniform", 2500, 3), ("lognormal", 300, 10), ("lognormal", 2000, 5),
    ("t with 3 degrees", 1000, 5), ("correlated", 1000, 5), ("half a ring", 500, 2), ("S", 1000, 2),
)  # fmt: skip
"""Shape, rows and columns of the named cells."""

REPORTED_CELLS = tuple((name, n, d) for name in REPORTED for n, d in ((200, 5), (1500, 3)))
