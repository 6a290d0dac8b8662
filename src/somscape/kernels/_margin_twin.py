"""The margin rule in NumPy: what `core/margin.cpp` does, to the bit.

Libraries multiply matrices in an order that goes by the processor, so products are added here one
after the other, as the core adds them.
"""

import numpy as np

from somscape._elementary import exp
from somscape._types import Float64s, Floats, Ints
from somscape.kernels._kernels import ClassedRows, MarginSteps

STEEPNESS = 8.0
TINY = 1e-12
KEPT_OF_MEAN, KEPT_OF_SQUARE = 0.9, 0.99
VANISHED = np.float32(1e-30)
"""Means that go on shrinking become numbers with which processors compute slowly."""


def margin_steps(known: ClassedRows, steps: MarginSteps, prototypes: Floats, axes: Floats) -> None:
    """Apply the margin rule; see ``Kernels.margin_steps``."""
    of_mean, of_square = 1.0, 1.0
    for _ in range(steps.n_before):
        of_mean, of_square = of_mean * KEPT_OF_MEAN, of_square * KEPT_OF_SQUARE
    units = np.arange(prototypes.shape[1])
    starts, ends = known.first_units[:-1, None], known.first_units[1:, None]
    is_own = (starts <= units) & (units < ends)
    for t, (length, turn) in enumerate(steps.lengths):
        of_mean, of_square = of_mean * KEPT_OF_MEAN, of_square * KEPT_OF_SQUARE
        some = steps.order[t * steps.batch : (t + 1) * steps.batch]
        slopes = _slopes(known, some, is_own, prototypes[0], axes[0])
        growth = np.float32(1 / (1 - of_square))
        turn = np.float32(turn / (1 - of_mean)) * np.abs(axes[0]).max()
        _step(prototypes, slopes[0], np.float32(length / (1 - of_mean)), growth)
        _step(axes, slopes[1], turn, growth)


def _slopes(
    known: ClassedRows, some: Ints, is_own: np.ndarray, prototypes: Floats, axes: Floats
) -> tuple[Floats, Floats]:
    """Return the slopes of prototypes and axes."""
    rows, is_near = known.rows[some], is_own[known.classes[some]]
    turned = _product(rows, axes, np.float32(0))
    start = np.float32(-0.5) * _in_order(np.square(prototypes))
    scores = _product(turned, np.ascontiguousarray(prototypes.T), start)
    own = np.where(is_near, scores, -np.inf).argmax(axis=1)
    other = np.where(is_near, -np.inf, scores).argmax(axis=1)
    from_own, from_other = turned - prototypes[own], turned - prototypes[other]
    d_own: Float64s = _in_order(np.square(from_own)).astype(np.float64)
    d_other: Float64s = _in_order(np.square(from_other)).astype(np.float64)
    both = d_own + d_other + TINY
    value = 1 / (1 + exp(-STEEPNESS * (d_own - d_other) / both))
    shares = known.weights[some] / np.cumsum(known.weights[some])[-1]
    slope = STEEPNESS * value * (1 - value) * shares * 2 / (both * both)
    by_own = (2 * slope * d_other).astype(np.float32)[:, None] * from_own
    by_other = (-2 * slope * d_own).astype(np.float32)[:, None] * from_other
    moved = np.zeros_like(prototypes)
    in_turns = np.stack([by_own, by_other], axis=1).reshape(-1, rows.shape[1])
    np.subtract.at(moved, np.stack([own, other], axis=1).ravel(), in_turns)
    return moved, _product(rows.T, by_own + by_other, np.float32(0))


def _step(changing: Floats, slope: Floats, length: np.float32, growth: np.float32) -> None:
    """Take a step of values against their slope (Adam: Kingma and Ba 2015)."""
    value, mean, square = changing
    for kept, share, new in ((mean, KEPT_OF_MEAN, slope), (square, KEPT_OF_SQUARE, slope * slope)):
        kept *= np.float32(share)
        kept += np.float32(1 - share) * new
        kept[np.abs(kept) < VANISHED] = 0
    value -= length * mean / (np.sqrt(square * growth) + np.float32(TINY))


def _product(a: Floats, b: Floats, start: Floats | np.float32) -> Floats:
    """Return ``start + a @ b``, added in the order of a's columns."""
    total = np.empty((len(a), b.shape[1]), np.float32)
    total[:] = start
    for column, row in zip(np.ascontiguousarray(a.T), b, strict=True):
        total += column[:, None] * row
    return total


def _in_order(terms: Floats) -> Floats:
    """Add columns one after the other."""
    total = np.zeros(len(terms), np.float32)
    for column in terms.T:
        total += column
    return total
