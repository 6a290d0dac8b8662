"""How usual rows score, told by the bulk of the scores: an estimate of the null (Efron 2004).

Where some of the rows that calibrate are unusual, they hide each other: several rows score as high
as any of them.  But they hardly move the median and the quantiles next to it, and these tell how
usual rows score beyond: scores are 0 or more, and the square roots of usual ones above their median
are taken to follow the upper half of a normal law.
"""

from dataclasses import dataclass
from math import erfc
from statistics import NormalDist

import numpy as np

from somscape._types import Float64s
from somscape._weights import in_order

MIN_BULK_ROWS = 50
"""Calibration rows that an estimate needs."""

MIN_SPREAD = 1e-6
"""Part of the scores by which those of the bulk differ at least, or they are equal but for
rounding."""

END = 0.8
"""Share of the rows at the end of the bulk: a fifth may be unusual.  Ends up to 0.9 find less."""


@dataclass(frozen=True)
class Bulk:
    """What the bulk tells of the roots of scores.

    Attributes
    ----------
    middle, end : float
        The median, and where the bulk ends.
    spread : float
        The deviation of usual ones.
    """

    middle: float
    end: float
    spread: float

    def shares(self, scores: Float64s) -> Float64s:
        """Return the share of usual rows that score at least as high."""
        shares = np.ones(len(scores))
        roots = np.sqrt(np.maximum(scores, 0.0))
        is_beyond = roots > self.end
        with np.errstate(over="ignore"):  # so far out that nothing is left
            steps = (roots[is_beyond] - self.middle) / self.spread
        tails = map(erfc, (steps / np.sqrt(2.0)).tolist())  # exact far out, where 1 + erf is 0
        shares[is_beyond] = 0.5 * np.fromiter(tails, np.float64, len(steps))
        return shares


def bulk_of(calibration: Float64s, weights: Float64s | None) -> Bulk | None:
    """Return what the bulk of scores tells of usual rows."""
    n_rows = len(calibration) if weights is None else float(weights.sum())
    if n_rows < MIN_BULK_ROWS:
        return None
    ordered = in_order(calibration, weights)
    middle, end = (np.sqrt(max(0.0, ordered.quantile(share))) for share in (0.5, END))
    if end - middle <= MIN_SPREAD * end:
        return None
    spread = (end - middle) / NormalDist().inv_cdf(END) * (1.0 + 1.0 / np.sqrt(n_rows))
    return Bulk(middle, end, spread)
