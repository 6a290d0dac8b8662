"""How far out a number counts in a distance; beyond, only its rarity tells.

A few values far out would set the distances of all rows, and rows of one group would lie apart by
them.  So a number farther from its column's mean than a few standard deviations is taken as if it
lay there.
"""

import numpy as np

from somscape._types import Float64s, Floats
from somscape._weights import Counted, counts_of
from somscape.encode import CategoryCode, CycleCode, Encoding

ENDLESS = float(np.finfo(np.float64).max)

END_BITS = 20
"""Bits of an end's distance to the mean that are kept: libraries may differ in the others."""


def reach_of(
    rows: Floats, weights: Float64s | None, encoding: Encoding, deviations: float
) -> Float64s:
    """Return the lowest and the highest value of each feature that count as they are."""
    counts = counts_of(weights)
    out = np.repeat([[-ENDLESS], [ENDLESS]], rows.shape[1], axis=1)
    for code, place in zip(encoding.features, encoding.slices, strict=True):
        if isinstance(code, CategoryCode | CycleCode):
            continue
        counted = Counted.of(rows[:, place.start].astype(np.float64), counts)
        mean, n_rows = counted.mean(), np.diff(counted.ends, prepend=0.0)
        spread = float(np.sqrt(np.average((counted.values - mean) ** 2, weights=n_rows)))
        if spread > 0:
            far = deviations * spread
            step = int(np.frexp(far)[1]) - END_BITS  # as a power of 2
            ends = np.array([mean - far, mean + far])
            out[:, place.start] = np.ldexp(np.rint(np.ldexp(ends, -step)), step)
    return out


def within_reach(rows: Floats, reach: Float64s | None) -> Floats:
    """Return rows with every value as far out as it counts."""
    if reach is None:
        return rows
    with np.errstate(over="ignore"):  # to infinity, where nothing lies beyond
        low, high = reach.astype(rows.dtype)
    return np.clip(rows, low, high) if ((rows < low) | (rows > high)).any() else rows
