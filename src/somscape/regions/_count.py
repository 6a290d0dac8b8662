"""Count the regions, by undoing joins of parts that lie apart."""

import numpy as np

from somscape._types import Float64s, Ints

FAR = 4.0
"""Standard deviations between the means of two parts that lie apart."""

FEW = 2.0
"""How much farther parts of few rows must lie: ``1 + FEW / sqrt(rows of the smaller part)``."""


def apart_regions(
    joins: list[tuple[int, int]],
    places: Float64s,
    weights: Float64s,
    within: float,
) -> Ints:
    """Return the regions that remain if parts that lie apart do not join."""
    region = np.arange(len(places))
    members = {unit: np.array([unit]) for unit in range(len(places))}
    holds_apart: set[int] = set()
    for into, other in joins:
        a, b = members[into], members.pop(other)
        needed = FAR * (1 + FEW / np.sqrt(min(weights[a].sum(), weights[b].sum())))
        is_held = into in holds_apart or other in holds_apart
        if is_held or separation(places, weights, a, b, within) > needed:
            holds_apart.add(into)
        else:
            region[b] = region[a[0]]
        members[into] = np.concatenate([a, b])
    return region


def separation(places: Float64s, weights: Float64s, a: Ints, b: Ints, within: float) -> float:
    """Return how far apart two sets of units lie, in standard deviations of their rows."""
    means = [np.average(places[units], axis=0, weights=weights[units]) for units in (a, b)]
    line = means[1] - means[0]
    square = float(line @ line)
    if square == 0:
        return 0.0
    variances = [
        np.average(((places[units] - mean) @ line) ** 2, weights=weights[units])
        for units, mean in zip((a, b), means, strict=True)
    ]
    variance = (variances[0] + variances[1]) / 2 / square + within
    return float(np.sqrt(square / variance)) if variance > 0 else np.inf
