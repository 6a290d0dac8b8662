"""Which smoothing answers best for rows that did not train."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from somscape._types import Float64s, Ints
from somscape.recognize._shares import Smoothing

N_FOLDS = 5
ALL_FOLDS = 1_000
"""Rows up to which each fold is left out once; of more rows, one fold tells enough."""

MAX_HELD_OUT = 3_000

MAX_TOLD = 10_000
"""Distances and errors of left-out rows that are kept, at most."""

ROUNDING = 1e-9
"""Share by which sums of weights may be off."""

POWERS = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 48.0)
PRIORS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

SURE = 1e-9
"""Least probability that counts, so that one row cannot decide alone."""


class Held(NamedTuple):
    """Rows that were left out, as a map that did not see them finds them."""

    counts: Float64s
    classes: Ints
    units: Ints
    distances: Float64s
    y: Ints
    weights: Float64s


def held_out(y: Ints, weights: Float64s, seed: int) -> Iterator[Float64s]:
    """Yield what to leave out of the weight of rows, with all classes in their shares."""
    order = np.random.default_rng(seed).permutation(len(y))
    n_parts = np.ceil(weights * (1 - ROUNDING)).astype(np.int64)
    start = np.full(len(y), -1)
    place = 0
    for k in range(y.max() + 1):
        mine = order[y[order] == k]
        ends = place + np.cumsum(n_parts[mine])
        if len(mine) and ends[-1] - place > 1:
            start[mine] = ends - n_parts[mine]
            place = ends[-1]
    for number in range(N_FOLDS if len(y) <= ALL_FOLDS else 1):
        n_left_out = (n_parts + N_FOLDS - 1 - (number - start) % N_FOLDS) // N_FOLDS
        n_left_out[start < 0] = 0
        found = order[n_left_out[order] > 0][:MAX_HELD_OUT]
        if len(found):
            left_out = np.zeros(len(y))
            left_out[found] = (n_left_out * (weights / n_parts))[found]
            yield left_out


def spread_evenly(parts: Sequence[Float64s], weights_of_parts: Sequence[Float64s]) -> Float64s:
    """Return values in ascending order, each about as often as its weight says."""
    values = np.concatenate([np.empty(0), *parts])
    weights = np.concatenate([np.empty(0), *weights_of_parts])
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
    if not len(order):
        return np.empty(0)
    ends = np.cumsum(weights[order])
    n = min(max(round(float(ends[-1])), 1), MAX_TOLD)
    places = (np.arange(n) + 0.5) * (ends[-1] / n)
    return np.asarray(values[order][np.searchsorted(ends, places, side="right")])


def best_smoothing(held: Sequence[Held], *, is_smooth: bool) -> tuple[Smoothing, float]:
    """Return the smoothing with the least mean of ``-log(probability of a row's class)``."""
    powers = POWERS if is_smooth else (8.0,)
    losses = dict.fromkeys((Smoothing(*each) for each in product(powers, PRIORS)), 0.0)
    for part in held:
        for smoothing in losses:
            shares = smoothing.shares(part.counts, part.classes)
            p = smoothing.probabilities(shares, part.units, part.distances)
            of_own = np.maximum(p[np.arange(len(p)), part.y], SURE)
            losses[smoothing] -= float(part.weights @ np.log(of_own))
    if not held:
        return Smoothing(), 0.0
    best = min(losses, key=losses.__getitem__)
    return best, losses[best] / sum(float(part.weights.sum()) for part in held)


def accuracy_of(held: Sequence[Held], smoothing: Smoothing) -> float | None:
    """Return the share of left-out rows that are named rightly; None without rows."""
    right = total = 0.0
    for part in held:
        shares = smoothing.shares(part.counts, part.classes)
        named = smoothing.probabilities(shares, part.units, part.distances).argmax(axis=1)
        right += float(part.weights @ (named == part.y))
        total += float(part.weights.sum())
    return right / total if held else None
