"""Tests of a stream that may be looked at after every row, in constant memory.

`Ranks` turns the scores of a stream into p-values that are independent and uniform as long as the
rows come in no particular order.  `Martingale` bets that they are small, `Cusum` adds up how small
they are; both say how sure an alarm is.
"""

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from somscape._types import Float64s
from somscape._weights import ones_or

FINE, COARSE = 10, 1.1
"""The ten highest scores to compare with are told apart; from there every tenth part of a rank."""

EXPONENTS = np.array([0.2, 0.4, 0.6, 0.8])
"""Bets, from bold to cautious: a p-value multiplies the stake by ``e * p^(e - 1)``."""

ALLOWANCE = 0.25
"""What a normal score must exceed on average to add up: half of the shift that is to be found."""

FIRST_ROWS = 30
"""Rows before which a sum may hardly pass its limit, which is right for larger sums only."""

OVERSHOOT = 1.166
"""Steps beyond a limit that a sum of normal ones crosses it by, to add to it (Siegmund 1985)."""


@dataclass(eq=False)
class Ranks:
    """Ranks of a stream's scores among earlier ones, as p-values.

    Between the scores to compare with lie equally likely gaps, in which each row of the stream
    counts, too, once it has come (a Polya urn).  A row's p-value is the share of those above it,
    with a random part of those in its own gap: exactly uniform and independent of earlier ones
    where all rows are exchangeable and no scores tie (Vovk, Gammerman and Shafer 2005, section
    2.3).

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
        """Return ranks among scores in ascending order, of any weights."""
        n = len(scores)
        weights = ones_or(weights, n)
        n_coarse = int(np.log(max(n, FINE) / FINE) / np.log(COARSE))
        from_top = np.append(np.arange(1, FINE), FINE * COARSE ** np.arange(n_coarse + 1)).astype(
            int
        )
        places = np.unique(n - from_top[from_top <= n])
        edges = np.unique(scores[places])
        begin = np.searchsorted(scores, edges, side="left")
        heaped = np.concatenate([[0.0], np.cumsum(weights)])
        counts = np.diff(heaped[np.concatenate([[0], begin, [n]])])
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
    """A gambler's capital who bets that p-values are small, from some row on.

    Of the capital of 1 a part ``1 / (t * (t + 1))`` is staked at row t, on equal terms on each of
    some bets, and stays there.  While p-values are independent and uniform, capital is a
    martingale: the chance that it ever reaches 1 / a is at most a (Ville 1939).

    Parameters
    ----------
    n_rows : int, default=0
        Since the start.
    log_stakes : ndarray of shape (n_bets,)
        What the bets have grown to.
    """

    n_rows: int = 0
    log_stakes: Float64s = field(default_factory=lambda: np.full(len(EXPONENTS), -np.inf))

    def update(self, p: Float64s) -> Float64s:
        """Return the log of the capital after each p-value."""
        t = self.n_rows + np.arange(1.0, len(p) + 1)
        gains = np.log(EXPONENTS) + np.log(p)[:, None] * (EXPONENTS - 1)
        grown = gains.cumsum(axis=0)
        # Stakes in what they would have been worth before the first of these rows.
        staked = -np.log(t * (t + 1) * len(EXPONENTS))[:, None] - (grown - gains)
        staked[0] = np.logaddexp(staked[0], self.log_stakes)
        stakes = grown + np.logaddexp.accumulate(staked, axis=0)
        self.n_rows += len(p)
        self.log_stakes = stakes[-1]
        kept = -np.log(t + 1)
        return np.asarray(np.logaddexp(np.logaddexp.reduce(stakes, axis=1), kept))


@dataclass(eq=False)
class Cusum:
    """The cumulative sum of normal scores, which starts anew wherever it falls to 0.

    The limit rises with the log of the rows, so that the chance that the sum ever passes it is
    about `false_alarm` while p-values are independent and uniform (Siegmund 1985, chapter 2).

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
        """Return the sum after each p-value, and its limit there."""
        normal = NormalDist()
        steps = np.array([-normal.inv_cdf(min(max(v, 1e-12), 1 - 1e-12)) for v in p]) - ALLOWANCE
        path = np.cumsum(steps)
        low = np.minimum.accumulate(np.append(-self.total, path))[1:]
        sums = path - np.minimum(low, -self.total)
        t = self.n_rows + np.arange(1.0, len(p) + 1)
        self.n_rows += len(p)
        self.total = float(sums[-1])
        late = t + FIRST_ROWS
        allowed = self.false_alarm * (FIRST_ROWS + 1) / (late * (late + 1))  # adds up to the whole
        limits = np.log(2 * ALLOWANCE**2 / allowed) / (2 * ALLOWANCE) - OVERSHOOT
        return sums, limits


def chi_square_quantile(level: float, n: int) -> float:
    """Return the quantile of a chi-square, by Wilson and Hilferty (1931).

    Parameters
    ----------
    level : float
    n : int
        Degrees of freedom, at least 1.

    Returns
    -------
    float
    """
    variance = 2 / (9 * n)
    return float(n * (1 - variance + NormalDist().inv_cdf(level) * variance**0.5) ** 3)
