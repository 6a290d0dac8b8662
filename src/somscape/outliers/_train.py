"""From prepared rows to a detector: training, usual prototypes, threshold, calibration."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape._weights import counts_of, in_order
from somscape.encode import Encoding
from somscape.fit import Axes, RunningSums, Settings, train_map
from somscape.kernels import meanwhile
from somscape.outliers._beyond import Beyond, with_beyond
from somscape.outliers._calibration import Calibration, threshold_for
from somscape.outliers._counts import value_counts
from somscape.outliers._decorrelation import MAX_OWN, Decorrelation, decorrelation_of
from somscape.outliers._detection import Detection
from somscape.outliers._detector import Detector
from somscape.outliers._labels import ANOMALY, UNKNOWN
from somscape.outliers._outermost import OfColumn, Outermost, ends_of_numbers
from somscape.outliers._rarity import Rarity, rarity_of
from somscape.outliers._reach import reach_of, within_reach
from somscape.outliers._score import joint, scores_by, scores_of_each
from somscape.outliers._scorer import SCORES, Scorer
from somscape.outliers._several import halves, left_out_scores
from somscape.outliers._teach import marks_of
from somscape.outliers._usual import rms_distances_of, squares_of, usual_units
from somscape.regions import merge_small_regions

SPREAD_ENDS = (0.9, 1.0)
"""Spreads are measured from the median to this share of the rows; where most rows score alike, to
the highest score."""

N_FOLDS = 5
"""Folds for a detector of one map: each is scored by a map trained on the other folds."""

MAX_TRAINED = 20_000
"""Rows that train a map.  If there are more, this many are drawn and the others calibrate."""

MAX_TOLD = 200_000
"""Rows that tell how scores spread.  If there are more, this many are drawn."""

REGION_ROWS = 200
"""Calibration rows of each region of the map, at least: p-values go down to some 1 / 800."""

MAX_AVERAGED, MAX_AVERAGED_VALUES = 2000, 1 << 19
"""Most rows whose contributions are averaged, and most values of theirs."""

MAX_MOVED = 1e-6
"""How far rounding to float32 may move prototypes, as a share of their standard deviation; both are
root mean squares over all features.  Far from 0 it would move them farther."""


@dataclass(frozen=True, eq=False)
class TrainedScorer:
    """A map that scores, and what is kept of its rows for later updates.

    Attributes
    ----------
    scorer : Scorer
    units : ndarray of shape (n_samples,)
        Best matching unit of each row.
    sums : RunningSums or None
        Sums over all rows.
    squares : ndarray of shape (n_units,)
        Sum of the squared distances of each unit's rows to it.  If there are more than 20,000 and
        the score does not need it, the rows that trained stand for all.
    axes : Axes or None
        Main axes of the rows.
    """

    scorer: Scorer
    units: Ints
    sums: RunningSums | None
    squares: Float64s
    axes: Axes | None = None


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """The result of training a detector.

    Attributes
    ----------
    detector : Detector
    of_all_rows : TrainedScorer
        The map of all rows.
    members : tuple of TrainedScorer
        Maps of halves of the rows, if several maps score together.
    scores : ndarray of shape (n_samples,)
        Scores of the training rows by the maps that they trained; marked rows hold no place.
    calibration : ndarray of shape (n_samples,)
        Scores by maps that did not see the rows; NaN for rows that do not calibrate.
    rarity_factor : float, default=0.0
        How many times ``-log`` of a value's share of the rows counts in a score.
    beyond : Beyond or None, default=None
        What tells numbers beyond all others.  None where they add no more than others.
    """

    detector: Detector
    of_all_rows: TrainedScorer
    members: tuple[TrainedScorer, ...]
    scores: Float64s
    calibration: Float64s
    rarity_factor: float = 0.0
    beyond: Beyond | None = None


def train_detector(
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    detection: Detection,
    labels: Ints | None = None,
    *,
    outermost: Outermost | None = None,
) -> TrainedDetector:
    """Train a map, find its usual prototypes, set its threshold and calibrate it."""
    detection = detection.of_rows(encoding)
    encoding = encoding.having_seen(rows)
    given, rows = rows, encoding.to_learn(rows)
    seen = {} if outermost is None or weights is not None else outermost.of(encoding, len(rows))
    knots = {j: of_column.knots for j, of_column in seen.items()}
    counting = partial(value_counts, given, weights, encoding, knots)
    counts = meanwhile(counting, is_long=len(rows) > MAX_TRAINED)
    trainer = _Trainer(encoding, detection.of_map(settings), detection)
    order = _order_of_rows(len(rows), settings.seed)
    drawn = np.sort(order[:MAX_TRAINED])
    is_drawn = len(drawn) < len(rows)
    whole = trainer.train(rows, weights, drawn if is_drawn else None)
    parts, members = trainer.members(rows, weights, drawn, whole)
    scorers = tuple(member.scorer for member in members or (whole,))
    each = scores_of_each(scorers, rows)
    by_maps = joint(each)
    rarity, factor, beyond = trainer.rarity_of(rows, weights, order, by_maps, seen)
    added = 0.0 if rarity is None else rarity.scores(rows)
    scores = by_maps + added
    if is_drawn:
        calibration = scores.copy()
        calibration[drawn] = np.nan
    elif members:
        calibration = left_out_scores(each, parts) + added
    else:
        folds = np.array_split(order, min(N_FOLDS, len(rows)))
        calibration = trainer.cross_fitted(whole, rows, weights, folds) + added
    if given is not rows:  # slips count in the scores, and teach nothing
        scores = scores_by(scorers, given, rarity)
    marks = None
    if labels is not None and (labels != UNKNOWN).any():
        marks = marks_of(given, weights, encoding, labels, scores)
        factors = marks.factors(given)
        scores = scores * factors
        calibration = _marked_left_out(calibration * factors, labels)
    # After marks, usual rows like confirmed ones score far beyond what the bulk tells.
    by_bulk = detection.has_bulk and (marks is None or not marks.teach)
    detector = Detector(
        whole.scorer,
        threshold_for(scores, detection.contamination, weights),
        _calibrated(whole, calibration, weights, detection.calibration, by_bulk=by_bulk),
        tuple(member.scorer for member in members),
        rarity=rarity,
        counts=counts(),
        marks=marks,
    )
    detector = replace(detector, mean_contributions=mean_contributions(detector, rows, weights))
    return TrainedDetector(detector, whole, members, scores, calibration, factor, beyond)


def _order_of_rows(n: int, seed: int) -> Ints:
    """Return the numbers of the rows in any order, of many rows those of some."""
    rng = np.random.default_rng(seed)
    return rng.permutation(n) if n <= MAX_TOLD else rng.choice(n, MAX_TOLD, replace=False)


def _marked_left_out(calibration: Float64s, labels: Ints) -> Float64s:
    """Return calibration scores without those of marked rows."""
    is_marked = labels != UNKNOWN
    left_out = is_marked if 2 * is_marked.sum() <= len(labels) else labels == ANOMALY
    left = np.where(left_out, np.nan, calibration)
    return calibration if np.isnan(left).all() else left


def _calibrated(
    whole: TrainedScorer, scores: Float64s, weights: Float64s | None, kind: str, *, by_bulk: bool
) -> Calibration:
    regions = _regions_of(whole, scores, weights) if kind == "regional" else None
    return Calibration.of(scores, weights, units=whole.units, regions=regions, by_bulk=by_bulk)


def _regions_of(whole: TrainedScorer, calibration: Float64s, weights: Float64s | None) -> Ints:
    """Return regions of the map that have enough calibration rows each."""
    map_ = whole.scorer.map_
    counted = np.where(np.isnan(calibration), 0.0, 1.0 if weights is None else weights)
    by_unit = np.bincount(whole.units, counted, minlength=map_.n_units)
    return merge_small_regions(map_, by_unit, min_rows=REGION_ROWS)


def n_trainings(n_rows: int, detection: Detection, weights: Float64s | None = None) -> int:
    """Return how many maps are trained, one after the other."""
    n_maps = detection.maps_for(weights, n_rows)
    if n_maps > 1:
        return 1 + n_maps
    return 1 if n_rows > MAX_TRAINED else 1 + min(N_FOLDS, n_rows)


def mean_contributions(detector: Detector, rows: Floats, weights: Float64s | None) -> Float64s:
    """Return what each column adds to the score of a row, on average."""
    most = min(MAX_AVERAGED, max(1, MAX_AVERAGED_VALUES // rows.shape[1]))
    some = slice(None, None, -(-len(rows) // most))
    part = None if weights is None else weights[some]
    found = detector.contributions_by_columns(np.ascontiguousarray(rows[some]))
    return np.asarray(np.average(found, axis=0, weights=part))


def _as_float32(codebook: Float64s) -> Float64s:
    """Return prototypes rounded to float32, unless that moves them too far."""
    with np.errstate(over="ignore"):
        short = codebook.astype(np.float32).astype(np.float64)
    if not np.isfinite(short).all():
        return codebook
    moved = np.square(short - codebook).mean()
    spread = np.square(codebook - codebook.mean(axis=0)).mean()
    return short if moved < MAX_MOVED**2 * spread else codebook


@dataclass(frozen=True, eq=False)
class _Trainer:
    encoding: Encoding
    settings: Settings
    detection: Detection

    def train(
        self,
        rows: Floats,
        weights: Float64s | None,
        drawn: Ints | None = None,
        of_more: TrainedScorer | None = None,
        is_member: bool = False,
    ) -> TrainedScorer:
        """Return a map trained on the rows drawn, with hits and usual units by all rows."""
        whole = None if of_more is None else of_more.scorer
        lattice = None if whole is None else whole.map_.lattice
        axes = None if of_more is None or rows.shape[1] <= MAX_OWN else of_more.axes
        chosen = rows if drawn is None else rows[drawn]
        own = weights if drawn is None or weights is None else weights[drawn]
        reach = self._reach(chosen, own) if whole is None else whole.reach
        learned = np.ascontiguousarray(within_reach(chosen, reach))
        map_, trained, units = train_map(learned, own, self.encoding, self.settings, lattice, axes)
        sums, times = trained.sums, 1.0
        if learned is not rows:
            units = np.asarray(map_.winners_of_rows(rows))
            hits = np.bincount(units, weights, minlength=map_.n_units).astype(np.float64)
            # The rows drawn stand for all.
            times = hits.sum() / map_.hits.sum()
            sums = None if sums is None else sums.faded(times)
            map_ = replace(map_, hits=hits)
        if is_member and rows.shape[1] > MAX_OWN:
            # Fewer bytes in a file.
            map_ = replace(map_, codebook=_as_float32(map_.codebook))
        if is_member:
            map_ = replace(map_, told=None)  # nobody asks for its regions
        usual = usual_units(map_, self.detection.trimmed)
        of_whole = whole.decorrelation if whole is not None and is_member else None
        of_drawn = units if drawn is None else units[drawn]
        decorrelation = self._decorrelation(learned, own, usual[of_drawn], of_whole)
        squares = squares_of(map_, chosen, of_drawn, own, decorrelation, reach)
        if drawn is not None:
            squares *= times
        scorer = Scorer(
            map_,
            self.detection.score,
            self.detection.k,
            usual,
            rms_distances_of(map_, squares),
            decorrelation,
            reach,
        )
        return TrainedScorer(scorer, units, sums, squares, trained.axes)

    def rarity_of(
        self,
        rows: Floats,
        weights: Float64s | None,
        order: Ints,
        by_maps: Float64s,
        seen: Mapping[int, OfColumn],
    ) -> tuple[Rarity | None, float, Beyond | None]:
        """Return how rare values are, on the scale of the maps' scores, and what it is made of."""
        if not SCORES[self.detection.score].adds_rarity:
            return None, 0.0, None
        drawn = np.sort(order[:MAX_TRAINED])
        told: Ints | slice = np.sort(order) if len(order) < len(rows) else slice(None)
        some, of_some = rows[drawn], None if weights is None else weights[drawn]
        rarity = rarity_of(some, of_some, self.encoding)
        if rarity is None:
            return None, 0.0, None
        counts, by_values = counts_of(weights), rarity.scores(rows[told])
        of_told = None if counts is None else counts[told]
        by_maps = by_maps[told]
        ordered = [in_order(each, of_told) for each in (by_maps, by_values)]
        factor = 1.0
        for end in SPREAD_ENDS:
            wanted, found = (each.quantile(end) - each.quantile(0.5) for each in ordered)
            if wanted > 0 and found > 0:
                factor = self.detection.defaults.rarity * wanted / found
                break
        rarity = rarity.times(factor)
        if not self.detection.is_encoded:  # rarity has weight enough there
            return rarity, factor, None
        ends = ends_of_numbers(rows, weights, self.encoding, seen)
        beyond = Beyond.of(by_maps + factor * by_values, of_told, ends)
        n_rows = float(len(rows)) if counts is None else float(counts.sum())
        rarity = with_beyond(rarity, some, of_some, self.encoding, beyond, n_rows=n_rows)
        return rarity, factor, beyond

    def _reach(self, rows: Floats, weights: Float64s | None) -> Float64s | None:
        deviations = self.detection.defaults.reach
        if np.isinf(deviations):
            return None
        return reach_of(rows, weights, self.encoding, deviations)

    def _decorrelation(
        self,
        rows: Floats,
        weights: Float64s | None,
        is_usual: NDArray[np.bool_],
        whole: Decorrelation | None,
    ) -> Decorrelation | None:
        share = self.detection.decorrelated
        if share == 0:
            return None
        return decorrelation_of(rows, weights, is_usual, share, whole=whole)

    def on(
        self,
        part: Ints,
        rows: Floats,
        weights: Float64s | None,
        whole: TrainedScorer,
        is_member: bool = True,
    ) -> TrainedScorer:
        """Return a map of the same shape, trained on some of the rows only."""
        own = None if weights is None else weights[part]
        chosen = np.ascontiguousarray(rows[part])
        return self.train(chosen, own, of_more=whole, is_member=is_member)

    def members(
        self, rows: Floats, weights: Float64s | None, drawn: Ints, whole: TrainedScorer
    ) -> tuple[list[Ints], tuple[TrainedScorer, ...]]:
        """Return the halves of the rows drawn whose maps score together, and these; or none."""
        n_maps = self.detection.maps_for(weights, len(rows))
        if n_maps <= 1:
            return [], ()
        own = None if weights is None else weights[drawn]
        parts = [drawn[half] for half in halves(rows[drawn], own, n_maps, self.settings.seed)]
        return parts, tuple(self.on(part, rows, weights, whole) for part in parts)

    def cross_fitted(
        self, whole: TrainedScorer, rows: Floats, weights: Float64s | None, folds: list[Ints]
    ) -> Float64s:
        """Score every row by a map of the same shape, trained without the row's fold."""
        everything = np.arange(len(rows))
        scores = np.empty(len(rows))
        for fold in folds:
            others = np.setdiff1d(everything, fold, assume_unique=True)
            without = self.on(others, rows, weights, whole, is_member=False)
            scores[fold] = scores_by([without.scorer], rows[fold])
        return scores
