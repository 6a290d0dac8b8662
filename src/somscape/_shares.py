"""Intervals of shares."""

from statistics import NormalDist

import numpy as np

from somscape._types import Float64s, Ints


def wilson(n_hits: Ints, n: Ints, level: float) -> tuple[Float64s, Float64s]:
    """Return the ends of Wilson intervals for shares."""
    z_sq = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (n_hits + z_sq / 2) / (n + z_sq)
    trials = np.maximum(n, 1)
    half = np.sqrt(z_sq * (n_hits * (n - n_hits) / trials + z_sq / 4)) / (n + z_sq)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
