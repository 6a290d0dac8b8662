"""Tests of whether new rows still resemble the training rows.  They are valid after each row."""

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_number, check_whole
from somscape._weights import ones_or
from somscape.errors import InputError
from somscape.maps.map import Map
from somscape.outliers.detector import Detector, as_detector
from somscape.regions.find import merge_small_regions

FINE, COARSE = 10, 1.1
"""Number of highest scores that are all edges of gaps, and growth of the gaps below them."""

EXPONENTS = np.array([0.2, 0.4, 0.6, 0.8])
"""Exponents e of the gambler's bets, from the boldest to the most cautious bet.  For a p-value p,
the stake of a bet is multiplied by ``e * p^(e - 1)``."""

ALLOWANCE = 0.25
"""Half of the change of the mean normal score that should be detected.  It is subtracted from each
normal score."""

FIRST_ROWS = 30
"""Number added to the number of rows in the formula for the limit of the sum.  This makes an alarm
in the first rows unlikely."""

OVERSHOOT = 1.166
"""Correction that is subtracted from the limit, because sums overshoot it (Siegmund 1985)."""


@dataclass(eq=False)
class Ranks:
    """Computes the p-value of each new score from its rank among earlier scores.

    A new score is equally likely to be in each gap between earlier scores.  After each row, the
    count of the gap that contains its score increases by 1 (a Polya urn).  The p-value of a score
    is the share of the counts in higher gaps.  A random part of the share of the score's own gap is
    added.  P-values are exactly uniform and independent of earlier p-values if rows are
    exchangeable and scores do not tie (Vovk, Gammerman and Shafer 2005, section 2.3).

    Parameters
    ----------
    edges : ndarray of shape (n_gaps - 1,)
        Scores that are the borders between gaps, in ascending order.
    counts : ndarray of shape (n_gaps,)
        Number of scores below the first edge, between neighboring edges, and from the last edge
        upwards.
    rng : numpy.random.Generator
    """

    edges: Float64s
    counts: Float64s
    rng: np.random.Generator

    @classmethod
    def among(cls, scores: Float64s, weights: Float64s | None, rng: np.random.Generator) -> "Ranks":
        """Create the object from earlier scores in ascending order and optional weights."""
        n = len(scores)
        weights = ones_or(weights, n)
        n_coarse = int(np.log(max(n, FINE) / FINE) / np.log(COARSE))
        coarse = FINE * COARSE ** np.arange(n_coarse + 1)
        from_top = np.append(np.arange(1, FINE), coarse.astype(int))
        places = np.unique(n - from_top[from_top <= n])
        edges = np.unique(scores[places])
        begin = np.searchsorted(scores, edges, side="left")
        cumulative = np.concatenate([[0.0], np.cumsum(weights)])
        counts = np.diff(cumulative[np.concatenate([[0], begin, [n]])])
        counts[0] += 1.0  # n scores leave n + 1 gaps
        return cls(edges, counts, rng)

    def p_values(self, scores: Float64s) -> Float64s:
        """Return each score's p-value (small for high scores), and count the score in its gap."""
        gaps = np.searchsorted(self.edges, scores, side="right")
        came = np.zeros((len(scores) + 1, len(self.counts)))
        came[np.arange(1, len(scores) + 1), gaps] = 1.0
        counts = self.counts + came.cumsum(axis=0)
        self.counts = counts[-1]
        above = counts[:-1, ::-1].cumsum(axis=1)[:, ::-1]  # from each gap to the highest
        rows = np.arange(len(scores))
        own = counts[rows, gaps]
        drawn = 1.0 - self.rng.random(len(scores))  # in (0, 1]
        return np.asarray((above[rows, gaps] - own * (1.0 - drawn)) / above[:, 0])


@dataclass(eq=False)
class Martingale:
    """Capital of a gambler who bets that the next p-values are small.

    At row t, the gambler bets a part ``1 / (t * (t + 1))`` of the initial capital of 1.  Each bet
    gets an equal amount.  Stakes and gains stay in the bets.  If p-values are independent and
    uniform, the capital is a martingale.  The probability that the capital ever rises to 1 / a is
    then at most a (Ville 1939).

    Parameters
    ----------
    n_rows : int, default=0
        Number of rows since the first row or the last restart.
    log_stakes : ndarray of shape (n_bets,)
        Logarithms of the current values of the bets.
    """

    n_rows: int = 0
    log_stakes: Float64s = field(default_factory=lambda: np.full(len(EXPONENTS), -np.inf))

    def update(self, p: Float64s) -> Float64s:
        """Return the logarithm of the capital after each p-value."""
        t = self.n_rows + np.arange(1.0, len(p) + 1)
        gains = np.log(EXPONENTS) + np.log(p)[:, None] * (EXPONENTS - 1)
        grown = gains.cumsum(axis=0)
        # Stakes are converted to their value before the first of these rows.
        staked = -np.log(t * (t + 1) * len(EXPONENTS))[:, None] - (grown - gains)
        staked[0] = np.logaddexp(staked[0], self.log_stakes)
        stakes = grown + np.logaddexp.accumulate(staked, axis=0)
        self.n_rows += len(p)
        self.log_stakes = stakes[-1]
        kept = -np.log(t + 1)
        return np.asarray(np.logaddexp(np.logaddexp.reduce(stakes, axis=1), kept))


@dataclass(eq=False)
class Cusum:
    """Cumulative sum of normal scores.  The sum restarts whenever it falls to 0.

    The limit rises with the logarithm of the number of rows.  If p-values are independent and
    uniform, the probability that the sum ever passes the limit is about `false_alarm` (Siegmund
    1985, chapter 2).

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
        """Return two values: the cumulative sum after each p-value, and the limit at that row."""
        normal = NormalDist()
        steps = np.array([-normal.inv_cdf(min(max(v, 1e-12), 1 - 1e-12)) for v in p]) - ALLOWANCE
        path = np.cumsum(steps)
        low = np.minimum.accumulate(np.append(-self.total, path))[1:]
        sums = path - np.minimum(low, -self.total)
        t = self.n_rows + np.arange(1.0, len(p) + 1)
        self.n_rows += len(p)
        self.total = float(sums[-1])
        late = t + FIRST_ROWS
        allowed = self.false_alarm * (FIRST_ROWS + 1) / (late * (late + 1))  # sums to false_alarm
        limits = np.log(2 * ALLOWANCE**2 / allowed) / (2 * ALLOWANCE) - OVERSHOOT
        return sums, limits


def chi_square_quantile(level: float, n: int) -> float:
    """Return a chi-square quantile by the approximation of Wilson and Hilferty (1931)."""
    variance = 2 / (9 * n)
    return float(n * (1 - variance + NormalDist().inv_cdf(level) * variance**0.5) ** 3)


MIN_EXPECTED = 20.0
"""Minimum expected number of rows of one window in each region."""

SMALL_INDEX = 0.1
"""Highest population stability index that does not count as a change (rule of thumb)."""

N_FIRST = 100
"""Number of first rows of a stream whose quantization errors are compared with later errors."""

N_NAMED = 200
"""Number of rows before an alarm that are examined to find the changed columns."""

MAX_ALARM_COLUMNS = 3
"""Maximum number of columns that an alarm names."""

MIN_PART = 0.25
"""Minimum change of a column that an alarm names, as a share of the largest change."""

TAKEN_ROWS = 2048
"""Number of rows that are processed at the same time."""


@dataclass(frozen=True)
class DriftAlarm:
    """An alarm of a drift monitor, printed as one line.

    Attributes
    ----------
    kind : {"hits", "new_cells", "quantization_error", "martingale"}
    row : int
        Number of rows that the monitor had processed when the alarm was raised.
    value, limit : float
        Value of the signal that raised the alarm, and the limit that the value exceeded.
    columns : tuple of str
        Names of the columns that changed most.

    See Also
    --------
    DriftMonitor : Raises alarms.

    Examples
    --------
    >>> from somscape.outliers import DriftAlarm
    >>> alarm = DriftAlarm("hits", 1500, 0.4, 0.2, ("income up",))
    >>> print(alarm)
    row 1500: rows fall elsewhere on the map (stability index 0.40, limit 0.20); most: income up
    """

    kind: str
    row: int
    value: float
    limit: float
    columns: tuple[str, ...]

    def __str__(self) -> str:
        what = {
            "hits": "rows fall elsewhere on the map (stability index {:.2f}, limit {:.2f})",
            "new_cells": "rows fall in units without training rows ({:.0f} in this window, limit "
            "{:.0f})",
            "quantization_error": "rows are farther from the map than before (CUSUM {:.0f}, limit "
            "{:.0f})",
            "martingale": "rows are more unusual than the calibration rows (odds {:.3g} to 1, "
            "limit {:.0f})",
        }[self.kind].format(self.value, self.limit)
        named = f"; most: {', '.join(self.columns)}" if self.columns else ""
        return f"row {self.row}: {what}{named}"


class DriftMonitor:
    """Monitor a stream of rows for drift (lasting changes), in constant memory.

    Parameters
    ----------
    detector : Detector or SOMDetector
        Fitted detector, which is not changed.
    window : int, default=1000
        Number of rows in a window, at least 50.  The signals ``hits`` and ``new_cells`` are
        checked at the end of each window.
    false_alarm : float, default=0.01
        Probability that each signal ever raises an alarm in an endless stream without drift.
    random_state : int, default=0
        Seed for random numbers that break ties between p-values.

    Attributes
    ----------
    n_rows : int
        Number of rows seen.
    stability_index : float
        Population stability index of the last complete window.  NaN before the first window ends.
    odds : float
        Current capital of the martingale.  It starts at 1, also after each of its alarms.

    See Also
    --------
    DriftAlarm : Describes an alarm.

    Notes
    -----
    The signals are:

    - ``hits`` compares the shares of regions among a window's rows with the shares among the
      training rows.  Without drift, the population stability index has a chi-square distribution
      with (regions - 1) degrees of freedom, times ``1 / n + 1 / N``.  Here, n is the number of rows
      in the window, and N the number of training rows (Yurdakul and Naranjo 2020).  Indices up to
      0.1 do not raise an alarm.
    - ``new_cells`` counts the rows of a window in units without training rows.  The expected
      share of these rows is at most the share of training rows that are alone in their unit (Good
      1953), plus two standard errors.  The limit is Chernoff's bound.
    - ``quantization_error`` is a CUSUM (cumulative sum) of normal scores.  The scores are
      computed from the ranks of the quantization errors among the rows of this stream.
    - ``martingale`` bets that p-values become small (Vovk, Nouretdinov and Gammerman 2003).  The
      conformal p-values compare each row with the calibration rows and the earlier rows of this
      stream.

    By Ville's inequality, the probability of a false alarm by the martingale is at most
    `false_alarm`.  This requires that cross-fitting makes the calibration rows exchangeable with
    new rows.  For all other signals, the probability is approximate.  This probability is divided
    among the windows or rows.  The k-th window or row gets the share ``1 / (k * (k + 1))`` of the
    probability.  Alarms repeat as long as their cause lasts.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, section 7.1.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> from somscape.outliers import DriftMonitor
    >>> rng = np.random.default_rng(0)
    >>> detector = SOMDetector(random_state=0).fit(rng.normal(size=(2000, 3)))
    >>> monitor = DriftMonitor(detector, window=500)
    >>> monitor.update(rng.normal(size=(1000, 3)))
    []
    >>> [alarm.columns for alarm in monitor.update(rng.normal([0, 1.5, 0], size=(500, 3)))][-1]
    ('x1 up',)
    """

    def __init__(
        self, detector: Any, window: int = 1000, *, false_alarm: float = 0.01, random_state: int = 0
    ) -> None:
        check_whole("window", window, 50)
        check_number("false_alarm", false_alarm, 0, 0.5)
        check_whole("random_state", random_state, 0)
        self.detector = as_detector(detector)
        calibration = self.detector.calibration
        if not len(calibration.scores):
            raise InputError(
                "`detector` does not contain calibration scores, so rows cannot be compared. Pass "
                "a fitted SOMDetector."
            )
        self.window, self.false_alarm = window, false_alarm
        self.n_rows = 0
        self.stability_index = float("nan")
        # Each has its own, so that random numbers do not depend on the size of the pieces.
        rng, self._rng = (np.random.default_rng((random_state, i)) for i in range(2))
        self._calibrated = Ranks.among(calibration.scores, calibration.weights, rng)
        self._martingale, self.odds = Martingale(), 1.0
        self._begin_trend()
        self._regions = _Regions.of(self.detector.map_, window)
        self._units = np.empty(0, dtype=np.intp)
        self._recent = np.empty((0, self.detector.map_.codebook.shape[1]))

    def update(self, X: Any) -> list[DriftAlarm]:
        """Process the next rows of the stream and return the alarms that they raise.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
            Any number of further rows, in the order in which they arrived.

        Returns
        -------
        list of DriftAlarm
            Alarms in the order of the rows that raised them.
        """
        rows = np.asarray(self.detector.map_.rows_of(X), dtype=np.float64)
        alarms: list[DriftAlarm] = []
        start = 0
        while start < len(rows):
            stop = start + min(self.window - len(self._units), TAKEN_ROWS)
            alarms += self._process(rows[start:stop])
            start = stop
        return alarms

    def _process(self, rows: Float64s) -> list[DriftAlarm]:
        """Process rows that belong to one window, and return the alarms that they raise."""
        units, distances = self.detector.map_.nearest(rows)
        before = self._recent
        self._recent = np.concatenate([before, rows])[-self.window :]
        self._units = np.concatenate([self._units, units[:, 0]])

        def alarm(kind: str, place: int, value: float, limit: float) -> DriftAlarm:
            recent = np.concatenate([before, rows[: place + 1]])[-N_NAMED:]
            columns = _columns_that_add(self.detector, recent)
            return DriftAlarm(kind, self.n_rows + place + 1, value, limit, columns)

        bets = self._bet(self.detector._scores_of_rows(rows))
        alarms = [alarm("martingale", *found) for found in bets]
        alarms += [alarm("quantization_error", *found) for found in self._trend(distances[:, 0])]
        self.n_rows += len(rows)
        if len(self._units) == self.window:
            alarms += self._end_of_window()
        return sorted(alarms, key=lambda one: one.row)

    def _bet(self, scores: Float64s) -> list[tuple[int, float, float]]:
        """Return rows at which the martingale passes its limit, its values, and the limit."""
        p = self._calibrated.p_values(scores)
        limit = 1.0 / self.false_alarm
        found = []
        start = 0
        while start < len(p):
            logs = self._martingale.update(p[start:])
            passed = np.flatnonzero(logs >= np.log(limit))
            if not len(passed):
                self.odds = float(np.exp(logs[-1]))
                break
            start += int(passed[0]) + 1
            found.append((start - 1, float(np.exp(min(logs[passed[0]], 700.0))), limit))
            self._martingale, self.odds = Martingale(), 1.0
        return found

    def _begin_trend(self) -> None:
        self._first = np.empty(0)
        self._ranks: Ranks | None = None
        self._cusum = Cusum(self.false_alarm)

    def _trend(self, distances: Float64s) -> list[tuple[int, float, float]]:
        """Return rows at which the CUSUM passes its limit, its values, and the limits."""
        found = []
        start = 0
        while start < len(distances):
            if self._ranks is None:
                stop = start + N_FIRST - len(self._first)
                self._first = np.concatenate([self._first, distances[start:stop]])
                if len(self._first) == N_FIRST:
                    self._ranks = Ranks.among(np.sort(self._first), None, self._rng)
                start = stop
                continue
            sums, limits = self._cusum.update(self._ranks.p_values(distances[start:]))
            passed = np.flatnonzero(sums > limits)
            if not len(passed):
                break
            place = int(passed[0])
            found.append((start + place, float(sums[place]), float(limits[place])))
            start += place + 1
            self._begin_trend()
        return found

    def _end_of_window(self) -> list[DriftAlarm]:
        number = self.n_rows // self.window
        level = self.false_alarm / (number * (number + 1))
        won = np.bincount(self._units, minlength=self.detector.map_.n_units)
        alarms = []
        self.stability_index, limit = self._regions.index(won, level)
        if self.stability_index > limit:
            columns = _columns_that_moved(self.detector, self._recent)
            alarms.append(DriftAlarm("hits", self.n_rows, self.stability_index, limit, columns))
        is_new = self._regions.is_empty[self._units]
        most = self._regions.most_new(self.window, level)
        if is_new.sum() > most:
            columns = _columns_that_add(self.detector, self._recent[is_new])
            alarms.append(DriftAlarm("new_cells", self.n_rows, float(is_new.sum()), most, columns))
        self._units = self._units[:0]
        return alarms


@dataclass(frozen=True, eq=False)
class _Regions:
    """Two values: number of training rows in each region, and units without training rows."""

    of_unit: Ints
    hits: Float64s
    is_empty: Any
    n_alone: float

    @classmethod
    def of(cls, map_: Map, window: int) -> "_Regions":
        hits = map_.hits
        min_rows = max(MIN_EXPECTED * hits.sum() / window, MIN_EXPECTED)
        regions = merge_small_regions(map_, hits, min_rows=min_rows)
        # Hits may have faded, so less than half a row counts as 0 rows.
        is_alone = (hits >= 0.5) & (hits < 1.5)
        by_region = np.bincount(regions, hits).astype(np.float64)
        return cls(regions, by_region, hits < 0.5, float(is_alone.sum()))

    def index(self, won: Ints, level: float) -> tuple[float, float]:
        """Return two values: the population stability index of rows, and its limit."""
        found = np.bincount(self.of_unit, won).astype(np.float64)
        n_regions, n, n_trained = len(self.hits), found.sum(), self.hits.sum()
        # Half a row is added to each region, so that the logarithm exists for empty regions.
        share = (found + 0.5) / (n + 0.5 * n_regions)
        expected = (self.hits + 0.5) / (n_trained + 0.5 * n_regions)
        index = float(((share - expected) * np.log(share / expected)).sum())
        if n_regions == 1:
            return index, np.inf
        chi_square = chi_square_quantile(1 - level, n_regions - 1)
        return index, max(SMALL_INDEX, chi_square * (1 / n + 1 / n_trained))

    def most_new(self, n: int, level: float) -> float:
        """Return how many of n rows can be in units without training rows before an alarm."""
        alone = self.n_alone + 1.0
        expected = min((alone + 2 * np.sqrt(alone)) / self.hits.sum(), 1.0)
        counts = np.arange(np.ceil(n * expected), n)
        share = counts / n
        with np.errstate(divide="ignore", invalid="ignore"):
            divergence = share * np.log(share / expected)
            divergence += (1 - share) * np.log((1 - share) / (1 - expected))
        is_unlikely = n * divergence > -np.log(level)
        return float(counts[is_unlikely][0] - 1) if is_unlikely.any() else float(n)


def _columns_that_add(detector: Detector, rows: Float64s) -> tuple[str, ...]:
    """Return the columns that contribute more to the scores of these rows than in training."""
    usual = detector.mean_contributions
    more = detector._contributions_of_rows(rows).mean(axis=0) - (0.0 if usual is None else usual)
    return _largest_names(more, [code.name for code in detector.map_.encoding.features])


def _columns_that_moved(detector: Detector, rows: Float64s) -> tuple[str, ...]:
    """Return the columns whose means changed most, in standard deviations of training rows."""
    map_, far = detector.map_, detector.of_all_rows.rms_distances
    weights = map_.hits
    mean = np.average(map_.codebook, axis=0, weights=weights)
    variance = np.average((map_.codebook - mean) ** 2, axis=0, weights=weights)
    if far is not None:  # the spread of rows around units is assumed equal in all features
        variance += np.average(far**2, weights=weights) / len(mean)
    shift = rows.mean(axis=0) - mean
    tiny = np.finfo(np.float64).tiny
    by_column = map_.encoding.sum_by_column((shift**2 / np.maximum(variance, tiny))[None])[0]
    names = []
    for code, place in zip(map_.encoding.features, map_.encoding.slices, strict=True):
        way = " up" if shift[place][0] > 0 else " down"
        names.append(code.name + (way if code.n_features == 1 else ""))
    return _largest_names(np.sqrt(by_column), names)


def _largest_names(values: Float64s, names: list[str]) -> tuple[str, ...]:
    """Return the names of the columns with the largest values, at most three."""
    order = np.argsort(-values, kind="stable")[:MAX_ALARM_COLUMNS]
    least = MIN_PART * values[order[0]]
    return tuple(names[j] for j in order if values[j] > max(least, 0.0))
