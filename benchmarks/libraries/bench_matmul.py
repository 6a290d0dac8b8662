"""The anchor: one single-precision matrix multiply of rows and units per epoch, and nothing else.

Any method that computes all distances by a matrix product takes at least so long. In blocks of
rows whose products stay in the processor's cache, which is faster than one large product.
"""

import numpy as np
from problems import Problem

NAME = "matrix multiply only"
DISTRIBUTION = "numpy"
NOTE = "NumPy, no result"
PROBLEMS = dict.fromkeys(
    (
        "article-batch",
        "digits",
        "clusters",
        "pixels",
        "many-rows",
        "large-map",
        "winners-clusters",
        "winners-noise",
    ),
    1.0,
)
BLOCK_VALUES = 1 << 21
"""Products held at a time, 8 MiB."""


def train(problem: Problem) -> None:
    """Multiply all rows by the start, once per step."""
    rows = problem.data.astype(np.float32, copy=False)
    units = np.ascontiguousarray(problem.start.T, np.float32)
    n_block = max(1, BLOCK_VALUES // units.shape[1])
    out = np.empty((n_block, units.shape[1]), np.float32)
    for _ in range(problem.n_steps):
        for start in range(0, len(rows), n_block):
            part = rows[start : start + n_block]
            np.matmul(part, units, out=out[: len(part)])


winners = train
