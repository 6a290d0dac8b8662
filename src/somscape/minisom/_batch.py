"""MiniSom's offline batch training: all rows are summed before the units move."""

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Ints
from somscape.kernels import select_kernels
from somscape.minisom._progress import Progress
from somscape.minisom._rule import Rule
from somscape.minisom._samples import Samples
from somscape.minisom._winners import nearest_units, units_of

BLOCK_VALUES = 1 << 20
"""Weights between units in memory at once: 8 MiB."""

TERM_BITS = 50
"""Bits of one term of the kernels' fixed-point sums."""

SUM_BITS = 61
"""Bits of the kernels' fixed-point sums."""


def train_batch(som: Rule, samples: Samples, num_iteration: int, progress: Progress) -> None:
    """Move the units a share of the way, the learning rate, to their neighborhoods' means."""
    scale = _scale(samples.rows)
    for t in range(num_iteration):
        rate = som._learning_rate_decay_function(som._learning_rate, t, num_iteration)
        sigma = som._sigma_decay_function(som._sigma, t, num_iteration)
        units = units_of(som, samples) if t == 0 else _later_units(som, samples)
        counts, totals = _sums(samples.rows, units, scale, som._activation_map.size)
        total, weight = _neighborhood_sums(som, counts, totals, sigma)
        _move(som._weights, total, weight, rate)
        progress.show(t + 1)


def _later_units(som: Rule, samples: Samples) -> Ints:
    """Return the unit of each row once the units have moved."""
    if som._core_distance == "euclidean" and not som._has_own_step:
        return nearest_units(som, samples)
    return units_of(som, samples)


def _move(weights: Float64s, total: Float64s, weight: Float64s, rate: float) -> None:
    """Move units towards the means of their neighborhoods, if these won rows."""
    has_weight = weight > 0
    if has_weight.all():
        target = (total / weight[:, None]).reshape(weights.shape)
        weights *= 1 - rate
        weights += rate * target
        return
    there = has_weight.reshape(weights.shape[:2])
    mean = total[has_weight] / weight[has_weight, None]
    weights[there] = (1 - rate) * weights[there] + rate * mean


def _scale(rows: Float64s) -> Float64s:
    """Return powers of two that turn values into integers whose sums fit 64 bits."""
    _, size = np.frexp(np.abs(rows).max(axis=0))  # values are below 2^size
    room = min(TERM_BITS, SUM_BITS - len(rows).bit_length())
    return np.ldexp(1.0, np.minimum(room - size, 1000))


def _sums(rows: Float64s, units: Ints, scale: Float64s, n_units: int) -> tuple[Ints, Float64s]:
    """Count the rows of each unit and add them up, around 0 so that zeros stay exact."""
    counts = np.zeros(n_units, dtype=np.int64)
    totals = np.zeros((n_units, rows.shape[1]), dtype=np.int64)
    center = np.zeros(rows.shape[1])
    units = np.ascontiguousarray(units)
    select_kernels().sums(rows, units, None, center, scale, 1.0, counts, totals)
    return counts, totals / scale


def _neighborhood_sums(
    som: Rule, counts: Ints, totals: Float64s, sigma: float
) -> tuple[Float64s, Float64s]:
    """Sum totals and counts over the neighborhood of each unit."""
    sums = np.column_stack([totals, counts])
    by_axis = som._axis_weights(sigma)
    if by_axis is not None:
        n_x, n_y = som._activation_map.shape
        along_x, along_y = by_axis
        by_x = (along_x.T @ sums.reshape(n_x, -1)).reshape(n_x, n_y, -1)
        around = (along_y.T @ by_x).reshape(sums.shape)
    else:
        around = _summed_by_unit(som, sums, np.flatnonzero(counts), sigma)
    return around[:, :-1], around[:, -1]


def _summed_by_unit(som: Rule, sums: Float64s, won: Ints, sigma: float) -> Float64s:
    around = np.zeros_like(sums)
    step = max(1, BLOCK_VALUES // len(sums))
    for part in blocks(len(won), step):
        units = won[part]
        around += som._neighborhoods(units, sigma).T @ sums[units]
    return around
