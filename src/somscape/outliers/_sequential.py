"""Tests of a stream that remain valid when checked after every row, in constant memory.

`Ranks` turns the scores of a stream into p-values that are independent and uniform as long as the
rows come in random order.  `Martingale` bets that they are small; `Cusum` adds up how small they
are.  Both say how sure an alarm is.
"""

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from somscape._types import Float64s
from somscape._weights import ones_or

FINE, COARSE = 10, 1.1
"""The ten highest scores to compare with are told apart; below, ranks in steps of a tenth."""

EXPONENTS = np.array([0.2, 0.4, 0.6, 0.8])
"""Bets, from bold to cautious: a p-value multiplies the stake by ``e * p^(e - 1)``."""

ALLOWANCE = 0.25
"""What a normal score must exceed on average to add up: half of the shift to detect."""

FIRST_ROWS = 30
"""First rows, in which a sum can hardly pass its limit: the limit holds only for larger sums."""

OVERSHOOT = 1.166
"""Steps by which a sum of normal steps overshoots a limit on crossing it (Siegmund 1985)."""


@dataclass(eq=False)
class Ranks:
    """Ranks of a stream's scores among earlier ones, as p-values.

    The scores to compare with leave gaps between them, all equally likely.  Each row of the stream
    adds to the count of its gap once it has arrived (a Polya urn).  The p-value of a row is the
    share of the counts above it, plus a random part of the count of its own gap.  If all rows are
    exchangeable and no scores tie, it is exactly uniform and independent of earlier ones (Vovk,
    Gammerman and Shafer 2005, section 2.3).

    Parameters
    ----------
    edges : ndarray of shape (n_gaps - 1,)
        Ascending.
    counts : ndarray of shape (n_gaps,)
        Rows below the first edge, from each edge to the next, and from the last edge on.
    rng : numpy.random.Generator
    """

    edges: Float64s
    counts: Float64s
    rng: np.random.Generator

    @classmethod
    def among(cls, scores: Float64s, weights: Float64s | None, rng: np.random.Generator) -> "Ranks":
        """Return ranks among scores in ascending order, with any weights."""
        n = len(scores)
        weights = ones_or(weights, n)
        n_coarse = int(np.log(max(n, FINE) / FINE) / np.log(COARSE))
        from_top = np.append(np.arange(1, FINE), FINE * COARSE ** np.arange(n_coarse + 1)).astype(
            int
        )
        places = np.unique(n - from_top[from_top <= n])
        edges = np.unique(scores[places])
        begin = np.searchsorted(scores, edges, side="left")
        cumulative = np.concatenate([[0.0], np.cumsum(weights)])
        counts = np.diff(cumulative[np.concatenate([[0], begin, [n]])])
        counts[0] += 1.0  # n scores leave n + 1 gaps
        return cls(edges, counts, rng)

    def p_values(self, scores: Float64s) -> Float64s:
        """Return the p-value of each score, small for high ones, and count them."""
        gaps = np.searchsorted(self.edges, scores, side="right")
        came = np.zeros((len(scores) + 1, len(self.counts)))
        came[np.arange(1, len(scores) + 1), gaps] = 1.0
        counts = self.counts + came.cumsum(axis=0)
        self.counts = counts[-1]
        above = counts[:-1, ::-1].cumsum(axis=1)[:, ::-1]  # of each gap on
        rows = np.arange(len(scores))
        own = counts[rows, gaps]
        drawn = 1.0 - self.rng.random(len(scores))  # in (0, 1]
        return np.asarray((above[rows, gaps] - own * (1.0 - drawn)) / above[:, 0])


@dataclass(eq=False)
class Martingale:
    """Capital of a gambler who bets that p-values are small from some row on.

    At row t a part ``1 / (t * (t + 1))`` of the initial capital of 1 is staked, divided equally
    among the bets, and stays there.  As long as p-values are independent and uniform, the capital
    is a martingale: the chance that it ever rises to 1 / a is at most a (Ville 1939).

    Parameters
    ----------
    n_rows : int, default=0
        Number of rows since the start.
    log_stakes : ndarray of shape (n_bets,)
        Logs of what the bets have grown to.
    """

    n_rows: int = 0
    log_stakes: Float64s = field(default_factory=lambda: np.full(len(EXPONENTS), -np.inf))

    def update(self, p: Float64s) -> Float64s:
        """Return the log of the capital after each p-value."""
        t = self.n_rows + np.arange(1.0, len(p) + 1)
        gains = np.log(EXPONENTS) + np.log(p)[:, None] * (EXPONENTS - 1)
        grown = gains.cumsum(axis=0)
        # Stakes by what they would have been worth before the first of these rows.
        staked = -np.log(t * (t + 1) * len(EXPONENTS))[:, None] - (grown - gains)
        staked[0] = np.logaddexp(staked[0], self.log_stakes)
        stakes = grown + np.logaddexp.accumulate(staked, axis=0)
        self.n_rows += len(p)
        self.log_stakes = stakes[-1]
        kept = -np.log(t + 1)
        return np.asarray(np.logaddexp(np.logaddexp.reduce(stakes, axis=1), kept))


@dataclass(eq=False)
class Cusum:
    """The cumulative sum of normal scores, which restarts whenever it falls to 0.

    The limit rises with the log of the number of rows.  The chance that the sum ever passes it is
    about `false_alarm` as long as p-values are independent and uniform (Siegmund 1985, chapter 2).

    Parameters
    ----------
    false_alarm : float
    n_rows : int, default=0
    total : float, default=0
    """

    false_alarm: float
    n_rows: int = 0
    total: float = 0.0

    def update(self, p: Float64s) -> tuple[Float64s, Float64s]:
        """Return the sum and its limit after each p-value."""
        normal = NormalDist()
        steps = np.array([-normal.inv_cdf(min(max(v, 1e-12), 1 - 1e-12)) for v in p]) - ALLOWANCE
        path = np.cumsum(steps)
        low = np.minimum.accumulate(np.append(-self.total, path))[1:]
        sums = path - np.minimum(low, -self.total)
        t = self.n_rows + np.arange(1.0, len(p) + 1)
        self.n_rows += len(p)
        self.total = float(sums[-1])
        late = t + FIRST_ROWS
        allowed = self.false_alarm * (FIRST_ROWS + 1) / (late * (late + 1))  # adds up to all
        limits = np.log(2 * ALLOWANCE**2 / allowed) / (2 * ALLOWANCE) - OVERSHOOT
        return sums, limits


def chi_square_quantile(level: float, n: int) -> float:
    """Return a chi-square quantile by the approximation of Wilson and Hilferty (1931)."""
    variance = 2 / (9 * n)
    return float(n * (1 - variance + NormalDist().inv_cdf(level) * variance**0.5) ** 3)
