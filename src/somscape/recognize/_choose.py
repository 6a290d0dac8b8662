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


def held_out(y: Ints, seed: int) -> Iterator[Ints]:
    """Yield rows to leave out, with all classes in their shares; nothing of a class of one row.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Class of each row; -1 is unknown and is not left out.
    seed : int

    Yields
    ------
    ndarray of int
    """
    order = np.random.default_rng(seed).permutation(len(y))
    fold = np.full(len(y), -1)
    place = 0
    for k in range(y.max() + 1):
        mine = order[y[order] == k]
        if len(mine) > 1:
            fold[mine] = (place + np.arange(len(mine))) % N_FOLDS
            place += len(mine)
    for number in range(N_FOLDS if len(y) <= ALL_FOLDS else 1):
        found = order[fold[order] == number][:MAX_HELD_OUT]
        if len(found):
            yield np.sort(found)


def best_smoothing(held: Sequence[Held], *, is_smooth: bool) -> tuple[Smoothing, float]:
    """Return the smoothing with the least mean of ``-log(probability of a row's class)``.

    Parameters
    ----------
    held : sequence of Held
    is_smooth : bool
        Without it, only the prior is chosen.

    Returns
    -------
    smoothing : Smoothing
        The default if there is nothing to choose by.
    loss : float
        That mean; 0 without rows.
    """
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
    """Return the share of left-out rows that are named rightly; None without rows.

    Parameters
    ----------
    held : sequence of Held
    smoothing : Smoothing

    Returns
    -------
    float or None
    """
    right = total = 0.0
    for part in held:
        shares = smoothing.shares(part.counts, part.classes)
        named = smoothing.probabilities(shares, part.units, part.distances).argmax(axis=1)
        right += float(part.weights @ (named == part.y))
        total += float(part.weights.sum())
    return right / total if held else None
