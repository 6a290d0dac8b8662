"""How unlikely so few rows at the border of two parts are, if both are one group."""

import numpy as np

from somscape._types import Float64s

WIDTHS = np.array([0.125, 0.175, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8])
"""Half widths of the windows that are tried, in distances of two units at the border."""

PLACES = np.arange(1, 24)
"""Where windows on either side begin, in half widths."""

FEW = 3.0
"""Rows up to which a part shows nothing."""

SHALLOW = 0.8
"""Rows at the border, as a share of those beside it, that are no valley yet."""

NOTHING = 1e-9
"""Rows that stand for none where a number above 0 is needed."""


def valley(
    a: Float64s,
    a_weights: Float64s,
    b: Float64s,
    b_weights: Float64s,
    unit: float,
    *,
    narrowest: float = 0.0,
) -> float:
    """Return how unlikely so few rows at the border of two parts are, if they are one group."""
    from scipy.special import betainc

    if min(a_weights.sum(), b_weights.sum()) <= FEW or not unit > 0:
        return 1.0
    widths = WIDTHS * unit
    widths = widths[widths >= min(narrowest, widths[-1])]
    low = np.multiply.outer(widths, PLACES)
    high = low + 2 * widths[:, None]
    border, fullest = np.zeros(len(widths)), []
    for values, weights in ((a, a_weights), (b, b_weights)):
        order = np.argsort(values, kind="stable")
        ordered, total = values[order], np.concatenate([[0.0], np.cumsum(weights[order])])
        border += total[np.searchsorted(ordered, widths)]
        inside = total[np.searchsorted(ordered, high)] - total[np.searchsorted(ordered, low)]
        fullest.append(inside.max(axis=1))
    side = np.minimum(*fullest)
    tails = betainc(np.maximum(side, NOTHING), border + 1, 1 / (1 + SHALLOW))
    return float(np.where(side > 0, tails, 1.0).min())
