"""The margin rule: move prototypes, and turn the axes, until rows lie nearest to their own class.

Generalized matrix learning vector quantization.  For a row, ``own`` is its squared distance to the
nearest prototype of its class and ``other`` that to the nearest prototype of any other class.  The
cost is the mean of ``sigmoid(8 (own - other) / (own + other))`` (Sato and Yamada 1996; Schneider,
Biehl and Hammer 2009, Adaptive relevance matrices in learning vector quantization).  A kernel takes
the steps; here is how many there are, how long they are, and in which order rows come.
"""

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Floats, Ints
from somscape.kernels import ClassedRows, MarginSteps, select_kernels

BATCH = 64
"""Rows of a step."""

MIN_EPOCHS, MAX_EPOCHS = 5, 60
PRESENTED = 400_000
"""Rows presented in all, if that lies between `MIN_EPOCHS` and `MAX_EPOCHS` of them."""

RATE_OF_PROTOTYPES, RATE_OF_AXES = 0.02, 0.01
"""First step, as a share of the prototypes' standard deviation and of the largest entry of axes."""

CALL_WORK = 1e8
"""Multiply-adds of one call of the kernel, some 10 ms: between calls, Ctrl-C has its turn."""


def sharpened(
    rows: Floats,
    y: Ints,
    weights: Floats,
    prototypes: Floats,
    classes: Ints,
    *,
    seed: int,
) -> tuple[Float64s, Float64s]:
    """Return prototypes and axes after the margin rule."""
    n_axes, by_class = rows.shape[1], np.argsort(classes, kind="stable")
    first_units = np.searchsorted(classes[by_class], np.arange(max(y.max(), classes.max()) + 2))
    n_own = np.diff(first_units)[y]
    is_used = (n_own > 0) & (n_own < len(classes))
    known = ClassedRows(
        rows[is_used].astype(np.float32),
        y[is_used],
        weights[is_used].astype(np.float64),
        first_units,
    )
    moving, turning = np.zeros((3, *prototypes.shape), np.float32), np.zeros((3, n_axes, n_axes))
    moving[0], turning[0] = prototypes[by_class], np.eye(n_axes)
    turning = turning.astype(np.float32)
    if is_used.any():
        _take_steps(known, moving, turning, np.random.default_rng(seed))
    length = np.sqrt((turning[0].astype(np.float64) ** 2).sum() / n_axes)
    moved = np.empty(prototypes.shape)
    moved[by_class] = moving[0]
    return moved / length, turning[0] / length


def _take_steps(
    known: ClassedRows, moving: Floats, turning: Floats, rng: np.random.Generator
) -> None:
    """Let all rows pull as often as they should, in ever shorter steps."""
    n = len(known.rows)
    n_epochs = int(np.clip(PRESENTED // n, MIN_EPOCHS, MAX_EPOCHS))
    steps_each = -(-n // BATCH)
    spread = np.sqrt(moving[0].var(axis=0, dtype=np.float64).mean())
    first = np.array([RATE_OF_PROTOTYPES * spread, RATE_OF_AXES])
    left = 1 - np.arange(n_epochs * steps_each) / (n_epochs * steps_each)
    at_once = max(1, int(CALL_WORK / (BATCH * (moving[0].size + 2 * turning[0].size))))
    kernels = select_kernels()
    for epoch in range(n_epochs):
        order = rng.permutation(n)
        for part in blocks(steps_each, at_once):
            done = epoch * steps_each + part.start
            lengths = left[done : done + part.stop - part.start, None] * first
            some = order[part.start * BATCH : part.stop * BATCH]
            kernels.margin_steps(known, MarginSteps(some, BATCH, lengths, done), moving, turning)
