"""Functions that update a fitted detector with further rows."""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.fit._train import RunningSums, go_on
from somscape.outliers._train import Detection, TrainedDetector, TrainedScorer, mean_contributions
from somscape.outliers.calibration import Calibration
from somscape.outliers.detector import Detector
from somscape.outliers.marks import ANOMALY
from somscape.outliers.rarity import Beyond, Rarity, rarity_of, with_beyond
from somscape.outliers.relation import renewed
from somscape.outliers.score import (
    Scorer,
    reach_of,
    rms_distances_of,
    squares_of,
    usual_units,
    within_reach,
)
from somscape.tables.encoding import Encoding

SIZE = 10_000
"""Number of rows that a reservoir keeps."""

LONG_GONE = 40.0
"""A row is removed from the sample if its weight is below exp(-40) times the weight of a new row.
Such a small weight would be lost in sums by rounding anyway."""


@dataclass(frozen=True, eq=False)
class Reservoir:
    """A weighted sample of a stream of rows.

    Attributes
    ----------
    values : ndarray of shape (n, n_values)
        Values of each row in the sample.
    log_weights, log_priorities : ndarray of shape (n,)
        Logarithms of weights and random priorities.  Subtracting `clock` gives the current values.
    log_left : float
        Logarithm of the highest priority for which there was no space, or minus infinity.
    clock : float
        Logarithm of the ratio of a new row's weight to the current weight of the first row.
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
        """Return a reservoir with these further rows.  Older weights are multiplied by `share`."""
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
            values = values[kept[is_new] - len(older)]  # selected before any row is copied
            older = older[kept[~is_new]]
        held: Float64s = np.concatenate([older, values], dtype=np.float64)
        return Reservoir(
            held, log_weights, priorities, left, clock, self.n_seen + n, self.seed, self.size
        )

    @property
    def weights(self) -> Float64s | None:
        """Weight of each kept row in estimates.  None means weight 1 for every row."""
        left = self.log_left - self.clock
        logs = np.maximum(self.log_weights - self.clock, left) - max(left, 0.0)
        return None if (logs == 0).all() else np.exp(logs)


KEPT_ROWS = 2_000
"""Size of the sample of rows from which the rarity of values is learned."""


@dataclass(frozen=True, eq=False)
class DetectorStream:
    """Summary of all rows so far, from which a detector is updated.  The size is constant.

    Attributes
    ----------
    sums : RunningSums or None
        Sums of the rows of each unit.  If None, the sum of a unit is its prototype times its hits.
    squares : ndarray of shape (n_units,)
        For each unit, the sum of squared distances from its rows to its prototype.
    scores : Reservoir
        Two scores of each row in the sample, and the number of its unit.  The first score is used
        for the threshold, the second for the calibration.
    of_members : tuple of (RunningSums or None, ndarray)
        For each member map, a pair of arrays like `sums` and `squares`.
    rows : Reservoir or None, default=None
        Sample of rows for learning how rare values are.  None if scores do not include rarity.
    rarity_factor : float, default=0.0
        Factor of ``-log(share of rows with the value)`` in scores.
    beyond : Beyond or None, default=None
        Data for raising the scores of rows with extreme numbers.  None without extra amounts.
    """

    sums: RunningSums | None
    squares: Float64s
    scores: Reservoir
    of_members: tuple[tuple[RunningSums | None, Float64s], ...] = ()
    rows: Reservoir | None = None
    rarity_factor: float = 0.0
    beyond: Beyond | None = None

    @classmethod
    def after(
        cls, trained: TrainedDetector, rows: Floats, weights: Float64s | None, seed: int
    ) -> "DetectorStream":
        """Return the summary of the rows on which a detector was trained."""
        whole = trained.of_all_rows
        values = np.column_stack([trained.scores, trained.calibration, whole.units])
        kept = Reservoir.empty(3, seed).plus(values, weights)
        of_members = tuple((member.sums, member.squares) for member in trained.members)
        sample = None
        if trained.detector.rarity is not None:
            sample = Reservoir.empty(rows.shape[1], seed, KEPT_ROWS).plus(rows, weights)
        lines = trained.rarity_factor, trained.beyond
        return cls(whole.sums, whole.squares, kept, of_members, sample, *lines)


def updated(
    trained: tuple[Detector, DetectorStream],
    rows: Floats,
    weights: Float64s | None,
    labels: Ints | None,
    *,
    detection: Detection,
    half_life: float | None,
) -> tuple[Detector, DetectorStream, Ints]:
    """Return the updated detector, its updated summary, and the units of the new rows."""
    detector, stream = trained
    scores = detector._scores_of_rows(rows)
    more = _FurtherRows(rows, weights, half_life, detection)
    whole, share = more.on(detector.of_all_rows, stream.sums, stream.squares)
    counted = np.ones(len(rows), dtype=bool) if weights is None else weights > 0
    calibration = scores if labels is None else np.where(labels == ANOMALY, np.nan, scores)
    values = np.column_stack([scores, calibration, whole.units])[counted]
    own = None if weights is None else weights[counted]
    kept = stream.scores.plus(values, own, share)
    members = tuple(
        more.on(member, *before)[0]
        for member, before in zip(detector.members, stream.of_members, strict=True)
    )
    scores, calibration, units = kept.values.T
    sample, rarity, beyond = stream.rows, detector.rarity, stream.beyond
    relation, reach = detector.relation, detector.of_all_rows.reach
    if sample is not None:
        seen = rows[counted].astype(np.float64, copy=False)
        sample = sample.plus(seen, own, share)
        encoding, deviations = detector.map_.encoding, detection.defaults.reach
        beyond = None if beyond is None else beyond.after(seen, own)
        rarity = _rarity_after(sample, encoding, stream.rarity_factor, beyond)
        if relation is not None:
            is_clean = detection.training_is_clean
            relation = renewed(relation, sample.values, sample.weights, is_clean=is_clean)
        if reach is not None and np.isfinite(deviations):
            reach = reach_of(sample.values, sample.weights, encoding, deviations)
    units = units.astype(np.intp)
    compared = Calibration.of(
        calibration,
        kept.weights,
        units=units,
        regions=detector.calibration.regions,
        by_bulk=detector.calibration.by_bulk and detector.calibration.lowered is None,
        relations=detector.calibration.relations,
    )
    after = replace(
        detector,
        of_all_rows=replace(whole.scorer, reach=reach),
        threshold=detection.threshold_of(compared, scores, units, kept.weights),
        calibration=compared,
        is_threshold_auto=detection.is_auto,
        members=tuple(replace(member.scorer, reach=reach) for member in members),
        mean_contributions=_average_contributions(detector, whole, rows, weights),
        rarity=rarity,
        relation=relation,
    )
    of_members = tuple((member.sums, member.squares) for member in members)
    lines = stream.rarity_factor, beyond
    stream = DetectorStream(whole.sums, whole.squares, kept, of_members, sample, *lines)
    return after, stream, whole.units


def _rarity_after(
    sample: Reservoir, encoding: Encoding, factor: float, beyond: Beyond | None
) -> Rarity | None:
    """Return the rarity of values in the sample, on the scale of scores."""
    rarity = rarity_of(sample.values, sample.weights, encoding)
    if rarity is None:
        return None
    rarity = rarity.times(factor)
    if beyond is None:
        return rarity
    return with_beyond(rarity, sample.values, sample.weights, encoding, beyond)


@dataclass(frozen=True, eq=False)
class _FurtherRows:
    """Further rows, and the settings by which a detector learns from these rows."""

    rows: Floats
    weights: Float64s | None
    half_life: float | None
    detection: Detection

    def on(
        self, scorer: Scorer, sums: RunningSums | None, squares: Float64s
    ) -> tuple[TrainedScorer, float]:
        """Return the scorer after training on these rows, and the factor for earlier weights."""
        rows = within_reach(self.rows, scorer.reach)
        step = go_on(scorer.map_, rows, self.weights, sums, self.half_life)
        squares = step.share * squares + squares_of(
            step.map_, rows, step.units, self.weights, scorer.decorrelation
        )
        renewed = replace(
            scorer,
            map_=step.map_,
            usual=usual_units(step.map_, self.detection.trimmed),
            rms_distances=rms_distances_of(step.map_, squares),
        )
        return TrainedScorer(renewed, step.units, step.sums, squares), step.share


def _average_contributions(
    before: Detector, after: TrainedScorer, rows: Floats, weights: Float64s | None
) -> Float64s | None:
    """Return, for each column, its mean contribution to the scores of all rows so far."""
    means = before.mean_contributions
    n_new = float(len(rows) if weights is None else weights.sum())
    if means is None or not n_new:
        return means
    share = n_new / after.scorer.map_.hits.sum()
    new = mean_contributions(before, rows, weights)
    return np.asarray((1 - share) * means + share * new)
