"""Thresholds and p-values, computed from scores by maps that were not trained on the rows."""

from dataclasses import dataclass
from functools import cached_property
from math import erfc
from statistics import NormalDist

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_number, check_that, is_array
from somscape._weights import blocks, in_order, ones_or
from somscape.errors import ParameterError
from somscape.kernels._select import in_threads, stable_order
from somscape.outliers.relation import share_with_amounts

MIN_BULK_ROWS = 50
"""Minimum number of calibration rows for estimating p-values from the bulk of the scores."""

MIN_SPREAD = 1e-6
"""Minimum spread of the scores in the bulk, relative to their size.  If the spread is smaller, the
scores are considered equal except for rounding."""

END = 0.8
"""Share of all scores, from the lowest score on, that form the bulk.  Up to a fifth of the rows can
therefore be unusual.  With larger shares, fewer unusual rows were found."""


@dataclass(frozen=True)
class Bulk:
    """Distribution of the square roots of the scores of usual rows, estimated from the bulk.

    Attributes
    ----------
    middle, end : float
        Median of the square roots of all scores, and the largest square root in the bulk.
    spread : float
        Standard deviation of the square roots of the scores of usual rows.
    """

    middle: float
    end: float
    spread: float

    def shares(self, scores: Float64s) -> Float64s:
        """Return, for each score, the share of usual rows that score at least as high."""
        shares = np.ones(len(scores))
        roots = np.sqrt(np.maximum(scores, 0.0))
        is_beyond = roots > self.end
        with np.errstate(over="ignore"):  # scores so far out that the share is 0
            steps = (roots[is_beyond] - self.middle) / self.spread
        tails = map(erfc, (steps / np.sqrt(2.0)).tolist())  # exact far out, where 1 - erf is 0
        shares[is_beyond] = 0.5 * np.fromiter(tails, np.float64, len(steps))
        return shares


def bulk_of(calibration: Float64s, weights: Float64s | None) -> Bulk | None:
    """Return the distribution of usual scores, or None if the scores are too few or too similar."""
    n_rows = len(calibration) if weights is None else float(weights.sum())
    if n_rows < MIN_BULK_ROWS:
        return None
    ordered = in_order(calibration, weights)
    middle, end = (np.sqrt(max(0.0, ordered.quantile(share))) for share in (0.5, END))
    if end - middle <= MIN_SPREAD * end:
        return None
    spread = (end - middle) / NormalDist().inv_cdf(END) * (1.0 + 1.0 / np.sqrt(n_rows))
    return Bulk(middle, end, spread)


MIN_ROWS = 100
"""Minimum number of calibration rows at which a tail is fitted to the highest scores."""

TAIL_SHARE = 0.05
"""Share of the rows, those with the highest scores, to which the tail is fitted."""

MIN_TAIL_ROWS = 20.0
"""Minimum number of rows with the highest scores to which the tail is fitted."""

MIN_SHAPE = -0.5
"""Minimum shape parameter of a tail.  A tail with a negative shape has a maximum."""

MAX_SHAPE = 0.9
"""Maximum shape parameter of a tail.  The mean of a tail is finite if the shape is below 1."""


@dataclass(frozen=True)
class Tail:
    """A generalized Pareto distribution that was fitted to the highest scores (the tail).

    Attributes
    ----------
    start : float
        Score above which the tail begins.
    shape, scale : float
    weight : float
        Sum of the weights of the rows with a score above `start`.
    total : float
        Total weight of all rows.
    """

    start: float
    shape: float
    scale: float
    weight: float
    total: float

    def shares(self, scores: Float64s) -> Float64s:
        """Return, for each score, the share of rows that score at least as high."""
        shares, is_far = np.ones(len(scores)), scores > self.start
        with np.errstate(over="ignore", divide="ignore"):  # scores so far out that the share is 0
            steps = (scores[is_far] - self.start) / self.scale
        if abs(self.shape) < 1e-9:
            left = np.exp(-steps)
        else:
            left = np.maximum(1.0 + self.shape * steps, 0.0) ** (-1.0 / self.shape)
        shares[is_far] = left * (1.0 + self.weight) / (1.0 + self.total)
        return shares


def tail_of(calibration: Float64s, weights: Float64s) -> Tail | None:
    """Return the tail fitted to the highest scores, or None if there are too few scores."""
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
    shape, scale = _fit_moments(calibration[first:] - start, weights[first:])
    return Tail(start, shape, scale, weight_from[first], total)


def _fit_moments(excesses: Float64s, weights: Float64s) -> tuple[float, float]:
    """Return the shape and the scale of the Pareto distribution of a tail.  They are estimated by
    probability-weighted moments (Hosking and Wallis 1987, section 4).
    """
    total = weights.sum()
    after = total - np.cumsum(weights)
    mean = (weights * excesses).sum() / total
    # A row of weight w counts as w successive rows with an average number of rows after them.
    moment = (weights * excesses * (after + (weights - 1) / 2)).sum() / (total * (total - 1))
    difference = mean - 2.0 * moment
    shape = 2.0 - mean / difference if difference > 0 else MIN_SHAPE
    shape = float(np.clip(shape, MIN_SHAPE, MAX_SHAPE))
    return shape, float(mean * (1.0 - shape))


EXACT_SHARE = 0.25
"""Weight of the conformal p-value.  The p-value from the tail has the remaining weight.  Even with
a wrong tail, the weighted mean is at least a quarter of the conformal p-value.  With a weight of
one half, small p-values were too high."""

MIN_OF_CONFORMAL = 0.01
"""Minimum of an estimated p-value, as a share of the smallest possible conformal p-value.  Without
a minimum, small estimates would depend only on the assumed distribution."""

SHARED_SCORES = 1 << 17
"""Number of scores that a thread processes in one block."""

RANK_ROUNDING = 1e-12
"""Sums of the same weights in another order can differ by this share."""

EXCESS = 1 + 1e-12
"""Factor for the number of rows to flag.  With the factor, 0.29 * 100 gives 29 rows despite
rounding."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores with which new scores are compared.

    Attributes
    ----------
    scores : ndarray of shape (n_rows,)
        Scores in ascending order.  Each row was scored by maps that were not trained on the row.
    weights : ndarray of shape (n_rows,) or None, default=None
        Weight of each score.  None means 1 each.
    units : ndarray of shape (n_rows,), int, or None, default=None
        Best matching unit of each row.  Required with `regions`.
    regions : ndarray of shape (n_units,), int, or None, default=None
        Region of each unit, from 0.  A row is then compared only with rows of the same region.  If
        None, a row is compared with all rows.
    by_bulk : bool, default=False
        Whether p-values of high scores are estimated from the bulk (most scores).  This helps if
        some rows with the highest scores are unusual.  If False, all rows are considered usual.
    relations : float, default=0.0
        Share of usual rows to which relations add an amount.  The bulk does not contain such
        amounts, so that they are considered apart.  Only used with `by_bulk`.
    lowered : ndarray of shape (n_rows,) or None, default=None
        Score of each row if marks could only lower scores.  The bulk of these scores then gives the
        estimate for the same rank among `scores`.  None without marks.

    Raises
    ------
    ValueError
        If the attributes do not fit together.  The message names the attribute.

    See Also
    --------
    Scorer : Computes the scores.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> calibration = SOMDetector(random_state=0).fit(X).detector_.calibration
    >>> calibration.scores.shape
    (100,)
    """

    scores: Float64s
    weights: Float64s | None = None
    units: Ints | None = None
    regions: Ints | None = None
    by_bulk: bool = False
    relations: float = 0.0
    lowered: Float64s | None = None

    def __post_init__(self) -> None:
        scores, weights = self.scores, self.weights
        if not (is_array(scores, (-1,)) and (np.diff(scores) >= 0).all()):
            raise ParameterError("`scores` must be an array of finite scores in ascending order.")
        if weights is not None and not (is_array(weights, scores.shape) and (weights > 0).all()):
            raise ParameterError("`weights` must contain one finite weight above 0 for each score.")
        check_number("relations", self.relations, 0, 1, low_is_allowed=True)
        check_that(
            self.lowered is None or is_array(self.lowered, scores.shape),
            "`lowered` must contain one finite score for each score.",
        )
        check_that(
            self._has_regions_that_fit(),
            "`regions` must contain a whole number of at least 0 for each unit, and `units` must "
            "contain a unit for each score. Pass both or leave out both.",
        )

    def _has_regions_that_fit(self) -> bool:
        regions, units = self.regions, self.units
        if regions is None or units is None:
            return regions is None and units is None
        return (
            is_array(regions, (-1,), "i")
            and is_array(units, self.scores.shape, "i")
            and bool((regions >= 0).all())
            and bool(((units >= 0) & (units < len(regions))).all())
        )

    @classmethod
    def of(
        cls,
        scores: Float64s,
        weights: Float64s | None,
        *,
        units: Ints,
        regions: Ints | None,
        by_bulk: bool = False,
        relations: float = 0.0,
        lowered: Float64s | None = None,
    ) -> "Calibration":
        """Create a calibration from the scores of rows in any order.

        Parameters
        ----------
        scores : ndarray of shape (n_rows,)
            Score of each row, or NaN if the row is not used for calibration.
        weights : ndarray of shape (n_rows,) or None
        units : ndarray of shape (n_rows,)
            Best matching unit of each row.
        regions : ndarray of shape (n_units,) or None
        by_bulk : bool, default=False
        relations : float, default=0.0
        lowered : ndarray of shape (n_rows,) or None, default=None

        Returns
        -------
        Calibration
        """
        if weights is None and regions is None and lowered is None:
            rest = by_bulk, relations
            return cls(np.sort(scores[~np.isnan(scores)]), None, None, None, *rest)
        held = np.flatnonzero(~np.isnan(scores))
        ascending = held[stable_order(scores[held])]
        own, low = (None if v is None else v[ascending] for v in (weights, lowered))
        of_rows = None if regions is None else units[ascending]
        return cls(scores[ascending], own, of_rows, regions, by_bulk, relations, low)

    def p_values(self, scores: Float64s, units: Ints | None = None) -> Float64s:
        """Return the p-value of each score, as `SOMDetector.p_values` defines it.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,)
        units : ndarray of shape (n_samples,) or None, default=None
            Best matching unit of each row.  Required if the calibration has `regions`.

        Returns
        -------
        ndarray of shape (n_samples,)
            The smaller of ``c = (1 + #{calibration >= score}) / (n + 1)`` and an estimate.  With
            `by_bulk`, the estimate is the share of usual rows that score at least as high.  It is
            at least ``0.01 / (n + 1)``.  Otherwise, the estimate is ``c / 4 + 3 t / 4``.  Here, t
            is the share of rows that score at least as high by the fitted tail.  Each calibration
            row counts with its weight.  With `regions`, only rows of the same region count.
        """
        if self.regions is None or self.units is None:
            return self._rows_in_region(None).p_values(scores)
        assert units is not None
        found = np.empty(len(scores))
        of_rows = self.regions[units]
        for region in np.unique(of_rows).tolist():
            here = of_rows == region
            found[here] = self._rows_in_region(region).p_values(scores[here])
        return found

    def _rows_in_region(self, region: int | None) -> "_ComparedRows":
        """Return the calibration rows in a region, or all calibration rows if `region` is None."""
        if region not in self._cache:  # computed once, because a service scores single rows
            there, weights = slice(None), self.weights
            if region is not None and self.regions is not None and self.units is not None:
                there = self.regions[self.units] == region
            own, low = (None if v is None else v[there] for v in (weights, self.lowered))
            of_region = self.scores[there], own, self.by_bulk, self.relations, low
            self._cache[region] = _ComparedRows(*of_region)
        return self._cache[region]

    @cached_property
    def _cache(self) -> "dict[int | None, _ComparedRows]":
        return {}

    def share_above(self, threshold: float) -> float:
        """Return the share of the rows with a score above the threshold."""
        above = self.scores > threshold
        return float(np.average(above, weights=self.weights)) if len(above) else 0.0

    @property
    def smallest_p_value(self) -> float:
        """The smallest p-value that a row can have.

        It is ``1 / (n + 1)``, where n is the weight of all calibration rows.  With `regions`, only
        the largest region counts.  The value is smaller if rows suffice for an estimate.
        """
        weights = ones_or(self.weights, len(self.scores))
        most = float(weights.sum())
        if self.regions is not None and self.units is not None:
            most = float(np.bincount(self.regions[self.units], weights).max())
        part, least = (MIN_OF_CONFORMAL, MIN_BULK_ROWS) if self.by_bulk else (EXACT_SHARE, MIN_ROWS)
        return (part if most >= least else 1.0) / (most + 1)


@dataclass(frozen=True, eq=False)
class _ComparedRows:
    """The calibration rows with which a row is compared, and values computed from their scores."""

    scores: Float64s
    weights: Float64s | None
    by_bulk: bool
    relations: float = 0.0
    lowered: Float64s | None = None

    @cached_property
    def _weight_from(self) -> Float64s | None:
        """For each position, the total weight of the rows from there on.  The last entry is 0."""
        weights = self.weights
        return None if weights is None else np.append(np.cumsum(weights[::-1])[::-1], 0.0)

    @cached_property
    def _law(self) -> Bulk | Tail | None:
        if self.by_bulk:
            return bulk_of(self.scores if self.lowered is None else self.lowered, self.weights)
        return tail_of(self.scores, ones_or(self.weights, len(self.scores)))

    @cached_property
    def _ranked(self) -> tuple[Float64s, Float64s]:
        """Descending scores of `lowered`, and the total weight up to each of them."""
        assert self.lowered is not None
        order = np.argsort(-self.lowered, kind="stable")
        return self.lowered[order], np.cumsum(ones_or(self.weights, len(order))[order])

    def _of_same_rank(self, scores: Float64s, at_least: Float64s) -> Float64s:
        """Return the scores of `lowered` with the same ranks.  See `Calibration.lowered`."""
        descending, up_to = self._ranked
        rank = np.searchsorted(up_to, at_least * (1 - RANK_ROUNDING))
        highest = self.scores[-1]
        far = np.maximum(scores, highest) / highest if highest > 0 else 1.0
        return np.asarray(descending[np.minimum(rank, len(descending) - 1)] * far)

    def p_values(self, scores: Float64s) -> Float64s:
        if len(scores) <= SHARED_SCORES:
            return self._p_values_of(scores)
        # These values are cached before threads use them.
        _ = self._law, self._weight_from, None if self.lowered is None else self._ranked
        found = np.empty(len(scores))

        def fill(part: slice) -> None:
            found[part] = self._p_values_of(scores[part])

        in_threads(fill, blocks(len(scores), SHARED_SCORES))
        return found

    def _p_values_of(self, scores: Float64s) -> Float64s:
        # With sorted scores, the search passes through the memory only once.
        is_in_order = bool((scores[1:] <= scores[:-1]).all())
        order = slice(None) if is_in_order else np.argsort(scores)
        places = np.searchsorted(self.scores, scores[order], side="left")
        at_least, total = np.empty(len(scores)), float(len(self.scores))
        if self._weight_from is None:
            at_least[order] = total - places
        else:
            at_least[order], total = self._weight_from[places], float(self._weight_from[0])
        conformal = (1.0 + at_least) / (1.0 + total)
        if self.lowered is not None and len(self.scores):
            scores = self._of_same_rank(scores, at_least)
        shares = np.ones(len(scores)) if self._law is None else self._law.shares(scores)
        if self.by_bulk:
            if self.relations > 0 and isinstance(self._law, Bulk):
                of_law = self._law.middle, self._law.spread, self.relations
                shares = shares + share_with_amounts(scores, *of_law)
            least = MIN_OF_CONFORMAL / (1.0 + total)
            return np.asarray(np.minimum(conformal, np.maximum(shares, least)), dtype=np.float64)
        smooth = np.minimum(conformal, shares)
        return np.asarray(EXACT_SHARE * conformal + (1 - EXACT_SHARE) * smooth, dtype=np.float64)


def threshold_for(scores: Float64s, contamination: float, weights: Float64s | None) -> float:
    """Return the score that this share of the rows exceeds."""
    n = len(scores)
    if weights is None:
        place = n - 1 - min(int(contamination * n * EXCESS), n - 1)
        return float(np.partition(scores, place)[place])
    order = stable_order(-scores)
    cumulative = np.cumsum(weights[order])
    n_flagged = int(np.searchsorted(cumulative, contamination * cumulative[-1] * EXCESS, "right"))
    return float(scores[order[min(n_flagged, n - 1)]])


# Rates of usual rows among rows with small p-values.

MIDDLE = 0.5
"""The share of usual rows is estimated from those p-values that are above this value."""


def adjusted(p: Float64s) -> Float64s:
    """Return p-values after the adjustment of Benjamini and Hochberg (1995)."""
    order = np.argsort(p, kind="stable")
    out = np.empty(len(p))
    out[order] = _adjust_ascending(p[order])
    return out


def _adjust_ascending(ascending: Float64s) -> Float64s:
    """Return ascending p-values after the adjustment.  The result is also ascending."""
    rates = ascending * len(ascending) / np.arange(1, len(ascending) + 1)
    return np.minimum(np.minimum.accumulate(rates[::-1])[::-1], 1.0)


def count_within(rate: float, ascending: Float64s) -> int:
    """Return how many of the ascending p-values are at most `rate` after their adjustment."""
    if rate >= 1.0:
        return len(ascending)
    # Adjustment does not lower any p-value, so the first p-values are sufficient.
    first = ascending[: int(np.searchsorted(ascending, rate, "right"))]
    is_within = first * len(ascending) / np.arange(1, len(first) + 1) <= rate
    return len(first) - int(is_within[::-1].argmax()) if is_within.any() else 0


def usual_share(p: Float64s, counts: Float64s | None = None) -> float:
    """Estimate the share of usual rows from p-values.  The estimate tends to be too high.

    Each p-value is that of as many rows as `counts` contains, by default of one row.
    """
    counts = np.ones(len(p)) if counts is None else counts
    highest, n_rows = float(p.max(initial=0.0)), float(counts.sum())
    if highest > MIDDLE or not len(p):
        return min(1.0, (1 + float(counts[p > MIDDLE].sum())) / ((1 - MIDDLE) * max(1.0, n_rows)))
    return min(1.0, (1 + float(counts[p == highest].sum())) / ((1 - highest) * n_rows))
