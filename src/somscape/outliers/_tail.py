"""A smooth tail of the calibration scores, fitted to the few highest.

With n calibration rows no share is smaller than 1 / (n + 1), although one row may score just above
the highest calibration score and another ten times as high.  Beyond a high enough score the scores
of nearly every population follow a generalized Pareto distribution (Pickands 1975), which tells
the two apart.
"""

from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s

MIN_ROWS = 100
"""Calibration rows that a tail needs; the highest of fewer rows tell too little."""

TAIL_SHARE = 0.05
"""Share of the rows, those with the highest scores, that the tail is fitted to."""

MIN_TAIL_ROWS = 20.0
"""Fewest rows that the tail is fitted to."""

MIN_SHAPE = -0.5
"""Shape of a tail that ends soon."""

MAX_SHAPE = 0.9
"""Shape of a tail that hardly has a mean."""


@dataclass(frozen=True)
class Tail:
    """A tail that was fitted.

    Attributes
    ----------
    start : float
        The score beyond which it begins.
    shape, scale : float
    weight : float
        Of the rows beyond.
    total : float
        Of all rows.
    """

    start: float
    shape: float
    scale: float
    weight: float
    total: float

    def shares(self, scores: Float64s) -> Float64s:
        """Return the share of rows that score at least as high."""
        shares, is_far = np.ones(len(scores)), scores > self.start
        with np.errstate(over="ignore", divide="ignore"):  # so far out that nothing is left
            steps = (scores[is_far] - self.start) / self.scale
        if abs(self.shape) < 1e-9:
            left = np.exp(-steps)
        else:
            left = np.maximum(1.0 + self.shape * steps, 0.0) ** (-1.0 / self.shape)
        shares[is_far] = left * (1.0 + self.weight) / (1.0 + self.total)
        return shares


def tail_of(calibration: Float64s, weights: Float64s) -> Tail | None:
    """Return the tail of some scores."""
    weight_from = np.append(np.cumsum(weights[::-1])[::-1], 0.0)
    total = weight_from[0]
    if total < MIN_ROWS:
        return None
    above = weight_from[np.searchsorted(calibration, calibration, side="right")]
    starts = np.flatnonzero(above >= max(MIN_TAIL_ROWS, TAIL_SHARE * total))
    if not len(starts):
        return None
    start = calibration[starts[-1]]
    first = int(np.searchsorted(calibration, start, side="right"))
    shape, scale = _fitted(calibration[first:] - start, weights[first:])
    return Tail(start, shape, scale, weight_from[first], total)


def _fitted(excesses: Float64s, weights: Float64s) -> tuple[float, float]:
    """Return shape and scale by probability-weighted moments (Hosking and Wallis 1987, section
    4).
    """
    total = weights.sum()
    after = total - np.cumsum(weights)
    mean = (weights * excesses).sum() / total
    # A row of weight w is w rows in succession: the average number of rows after them.
    moment = (weights * excesses * (after + (weights - 1) / 2)).sum() / (total * (total - 1))
    difference = mean - 2.0 * moment
    shape = 2.0 - mean / difference if difference > 0 else MIN_SHAPE
    shape = float(np.clip(shape, MIN_SHAPE, MAX_SHAPE))
    return shape, float(mean * (1.0 - shape))
