"""Thresholds and p-values, from scores of rows by maps that did not train on them."""

from dataclasses import dataclass
from functools import cached_property
from math import erfc
from statistics import NormalDist

import numpy as np

from somscape._types import Float64s, Ints
from somscape._weights import blocks, in_order, ones_or
from somscape.errors import ParameterError
from somscape.kernels._select import in_threads, stable_order
from somscape.outliers.rarity import is_array

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


EXACT_SHARE = 0.25
"""Weight of the conformal p-value beside the tail's: even if the tail were entirely wrong, a
p-value would be at least a quarter of the conformal one.  A weight of a half was too strict at
small rates: fewer false findings than the rate allows, and fewer true ones."""

MIN_OF_CONFORMAL = 0.01
"""An estimate is at least this part of the smallest conformal p-value.  Smaller ones would rest on
the assumed law alone."""

SHARED_SCORES = 1 << 17
"""Scores that one thread looks up at a time."""

EXCESS = 1 + 1e-12
"""The share of the rows to flag is multiplied by it: 0.29 * 100 is to be 29 rows, not 28."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores that new scores are compared with.

    Attributes
    ----------
    scores : ndarray of shape (n_rows,)
        In ascending order, each from a map that was not trained on the row.
    weights : ndarray of shape (n_rows,) or None, default=None
        Weight of each score.  None means 1 each.
    units : ndarray of shape (n_rows,), int, or None, default=None
        Best matching unit of each row.  Required with `regions`.
    regions : ndarray of shape (n_units,), int, or None, default=None
        Region of each unit, from 0; a row is then compared only with the rows of its region.  None
        means that it is compared with all rows.
    by_bulk : bool, default=False
        Whether p-values of high scores are told by the bulk of the scores, since some of these rows
        may be unusual.  Otherwise they count the rows.

    Raises
    ------
    ValueError
        If the parts do not fit together; the message names one of them.

    See Also
    --------
    Scorer : Makes the scores.

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

    def __post_init__(self) -> None:
        scores, weights = self.scores, self.weights
        if not (is_array(scores, (-1,)) and (np.diff(scores) >= 0).all()):
            raise ParameterError(
                "`scores` must be an array of finite scores in ascending order.", parameter="scores"
            )
        if weights is not None and not (is_array(weights, scores.shape) and (weights > 0).all()):
            raise ParameterError(
                "`weights` must be one finite weight above 0 per score.", parameter="weights"
            )
        if not self._has_regions_that_fit():
            raise ParameterError(
                "`regions` must be whole numbers from 0, one for each unit, and `units` a unit per "
                "score; both or neither.",
                parameter="regions",
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
    ) -> "Calibration":
        """Return the calibration by scores in any order.

        Parameters
        ----------
        scores : ndarray of shape (n_rows,)
            NaN for a row that does not calibrate.
        weights : ndarray of shape (n_rows,) or None
        units : ndarray of shape (n_rows,)
            Best matching unit of each row.
        regions : ndarray of shape (n_units,) or None
        by_bulk : bool, default=False

        Returns
        -------
        Calibration
        """
        if weights is None and regions is None:
            return cls(np.sort(scores[~np.isnan(scores)]), by_bulk=by_bulk)
        held = np.flatnonzero(~np.isnan(scores))
        ascending = held[stable_order(scores[held])]
        own = None if weights is None else weights[ascending]
        of_rows = None if regions is None else units[ascending]
        return cls(scores[ascending], own, of_rows, regions, by_bulk)

    def p_values(self, scores: Float64s, units: Ints | None = None) -> Float64s:
        """Return the p-value of each score; see `SOMDetector.p_values`.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,)
        units : ndarray of shape (n_samples,) or None, default=None
            Best matching unit of each row.  Required if the calibration has `regions`.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``c = (1 + #{calibration >= score}) / (n + 1)``, or what is smaller: ``c / 4 + 3 t / 4``
            with the share t of the tail of clean calibration scores, or the share of usual rows by
            the bulk of others, at least ``0.01 / (n + 1)``.  Each calibration row counts its
            weight; with `regions`, only rows of the same region count.
        """
        if self.regions is None or self.units is None:
            return self._among(None).p_values(scores)
        assert units is not None
        found = np.empty(len(scores))
        of_rows = self.regions[units]
        for region in np.unique(of_rows).tolist():
            here = of_rows == region
            found[here] = self._among(region).p_values(scores[here])
        return found

    def _among(self, region: int | None) -> "_Among":
        """Return the calibration rows of a region, or all."""
        if region not in self._made:  # once: a service asks row by row
            there, weights = slice(None), self.weights
            if region is not None and self.regions is not None and self.units is not None:
                there = self.regions[self.units] == region
            own = None if weights is None else weights[there]
            self._made[region] = _Among(self.scores[there], own, self.by_bulk)
        return self._made[region]

    @cached_property
    def _made(self) -> "dict[int | None, _Among]":
        return {}

    @property
    def smallest_p_value(self) -> float:
        """The smallest p-value that a row can have.

        ``1 / (n + 1)``, where n is the weight of the calibration rows, or of those in the region
        with the most; less if they are enough for a tail or an estimate.
        """
        weights = ones_or(self.weights, len(self.scores))
        most = float(weights.sum())
        if self.regions is not None and self.units is not None:
            most = float(np.bincount(self.regions[self.units], weights).max())
        part, least = (MIN_OF_CONFORMAL, MIN_BULK_ROWS) if self.by_bulk else (EXACT_SHARE, MIN_ROWS)
        return (part if most >= least else 1.0) / (most + 1)


@dataclass(frozen=True, eq=False)
class _Among:
    """Calibration rows with which some rows are compared, and what follows from them alone."""

    scores: Float64s
    weights: Float64s | None
    by_bulk: bool

    @cached_property
    def _weight_from(self) -> Float64s | None:
        """Weight of the rows from each place to the end, and 0 past the end."""
        weights = self.weights
        return None if weights is None else np.append(np.cumsum(weights[::-1])[::-1], 0.0)

    @cached_property
    def _law(self) -> Bulk | Tail | None:
        if self.by_bulk:
            return bulk_of(self.scores, self.weights)
        return tail_of(self.scores, ones_or(self.weights, len(self.scores)))

    def p_values(self, scores: Float64s) -> Float64s:
        if len(scores) <= SHARED_SCORES:
            return self._p_values_of(scores)
        found, _ = np.empty(len(scores)), (self._law, self._weight_from)  # made once, not by each

        def fill(part: slice) -> None:
            found[part] = self._p_values_of(scores[part])

        in_threads(fill, blocks(len(scores), SHARED_SCORES))
        return found

    def _p_values_of(self, scores: Float64s) -> Float64s:
        # In order, in which the search goes through the memory once.
        is_in_order = bool((scores[1:] <= scores[:-1]).all())
        order = slice(None) if is_in_order else np.argsort(scores)
        places = np.searchsorted(self.scores, scores[order], side="left")
        at_least, total = np.empty(len(scores)), float(len(self.scores))
        if self._weight_from is None:
            at_least[order] = total - places
        else:
            at_least[order], total = self._weight_from[places], float(self._weight_from[0])
        conformal = (1.0 + at_least) / (1.0 + total)
        shares = np.ones(len(scores)) if self._law is None else self._law.shares(scores)
        if self.by_bulk:
            least = MIN_OF_CONFORMAL / (1.0 + total)
            return np.asarray(np.minimum(conformal, np.maximum(shares, least)), dtype=np.float64)
        smooth = np.minimum(conformal, shares)
        return np.asarray(EXACT_SHARE * conformal + (1 - EXACT_SHARE) * smooth, dtype=np.float64)


def threshold_for(scores: Float64s, contamination: float, weights: Float64s | None) -> float:
    """Return the score above which a given share of the rows lies."""
    n = len(scores)
    if weights is None:
        place = n - 1 - min(int(contamination * n * EXCESS), n - 1)
        return float(np.partition(scores, place)[place])
    order = stable_order(-scores)
    cumulative = np.cumsum(weights[order])
    n_flagged = int(np.searchsorted(cumulative, contamination * cumulative[-1] * EXCESS, "right"))
    return float(scores[order[min(n_flagged, n - 1)]])
