"""A bounded sample of a stream, in which older rows may count less.

Priority sampling (Duffield, Lund and Thorup 2007): a row of weight w gets the priority w / u, with
u uniform, and the rows of highest priority are kept.  A row then counts as the larger of its weight
and the highest priority dropped, which makes every weighted sum unbiased.  All weights fade alike,
so priorities never change their order; their logarithms are kept, relative to a clock.
"""

from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s, Floats

SIZE = 10_000
"""Number of rows to keep."""

LONG_GONE = 40.0
"""Rows that have faded by a factor of exp(-40) do not count in float64 beside others."""


@dataclass(frozen=True, eq=False)
class Reservoir:
    """A weighted sample of a stream of rows.

    Attributes
    ----------
    values : ndarray of shape (n, n_values)
        Values kept for each row.
    log_weights, log_priorities : ndarray of shape (n,)
        Relative to a clock that advances by the log of the factor by which older rows fade.
    log_left : float
        The highest priority dropped; minus infinity as long as all rows are kept.
    clock : float
    n_seen : int
        Number of rows so far.
    seed : int
    size : int
    """

    values: Float64s
    log_weights: Float64s
    log_priorities: Float64s
    log_left: float
    clock: float
    n_seen: int
    seed: int
    size: int = SIZE

    @classmethod
    def empty(cls, n_values: int, seed: int, size: int = SIZE) -> "Reservoir":
        """Return a reservoir without rows."""
        nothing = np.empty(0)
        return cls(np.empty((0, n_values)), nothing, nothing, -np.inf, 0.0, 0, seed, size)

    def plus(self, values: Floats, weights: Float64s | None, share: float = 1.0) -> "Reservoir":
        """Return the reservoir with more rows, after the older ones fade to a share."""
        clock = self.clock - float(np.log(max(share, np.finfo(np.float64).tiny)))
        n = len(values)
        log_weights = np.full(n, clock) if weights is None else np.log(weights) + clock
        drawn = 1.0 - np.random.default_rng((self.seed, self.n_seen)).random(n)  # in (0, 1]
        stays = self.log_weights > clock - LONG_GONE
        older = self.values[stays]
        priorities = np.concatenate([self.log_priorities[stays], log_weights - np.log(drawn)])
        log_weights = np.concatenate([self.log_weights[stays], log_weights])
        left = self.log_left
        if len(priorities) > self.size:
            order = np.argpartition(-priorities, self.size)
            left = max(left, float(priorities[order[self.size]]))
            kept = np.sort(order[: self.size])
            log_weights, priorities = log_weights[kept], priorities[kept]
            is_new = kept >= len(older)
            values = values[kept[is_new] - len(older)]  # few of many rows, before any is copied
            older = older[kept[~is_new]]
        held: Float64s = np.concatenate([older, values], dtype=np.float64)
        return Reservoir(
            held, log_weights, priorities, left, clock, self.n_seen + n, self.seed, self.size
        )

    @property
    def weights(self) -> Float64s | None:
        """What each row counts, at most its own weight; None means 1 each."""
        left = self.log_left - self.clock
        logs = np.maximum(self.log_weights - self.clock, left) - max(left, 0.0)
        return None if (logs == 0).all() else np.exp(logs)
