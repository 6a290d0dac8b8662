"""Somoclu's dense kernel (float32, OpenMP) on a problem."""

from typing import Any

import numpy as np
import somoclu.train
from numpy.typing import NDArray
from problems import Problem

NAME = "Somoclu"
DISTRIBUTION = "somoclu"
NOTE = "batch"
PROBLEMS = {
    "article-batch": 1.0,
    "digits": 1.0,
    "clusters": 0.1,
    "pixels": 0.01,
    "many-rows": 0.02,
    "large-map": 0.05,
}
HAS_TORUS = True

if not hasattr(somoclu.train, "wrap_train"):  # it imports without its engine, and cannot train
    raise ImportError("Somoclu was installed without its compiled engine")


def train(problem: Problem) -> NDArray[Any]:
    """Return the trained codebook of shape (n_units, n_features)."""
    som = somoclu.Somoclu(
        problem.n_cols,
        problem.n_rows,
        initialcodebook=problem.start.astype(np.float32),
        maptype="toroid" if problem.is_torus else "planar",
        compactsupport=False,
        std_coeff=1.0,  # its gaussian is exp(-r^2 / (2 (std_coeff radius)^2)) and 0.5 the default
    )
    som.train(
        problem.data.astype(np.float32, copy=False),
        epochs=problem.n_steps,
        radius0=problem.radius_first,
        radiusN=problem.radius_aim,
        radiuscooling="exponential",
        scalecooling="exponential",  # the scale cancels, but the linear one is 0 / 0 for one epoch
    )
    return som.codebook.reshape(-1, problem.n_features)
