"""Training of a detector on prepared rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._validate import check_choice, check_flag, check_number, check_whole
from somscape._weights import counts_of, in_order, ones_or
from somscape.fit._map import train_map
from somscape.fit._start import Axes
from somscape.fit._train import RunningSums
from somscape.fit.settings import Settings
from somscape.kernels._select import meanwhile
from somscape.maps.record import MAX_MEMBERS
from somscape.outliers._listing import directions_of, on_other_side, without_other_side
from somscape.outliers.alert_rule import auto_threshold
from somscape.outliers.calibration import Calibration, bulk_of, threshold_for
from somscape.outliers.detector import Detector
from somscape.outliers.marks import ANOMALY, UNKNOWN, marks_of
from somscape.outliers.rarity import (
    Beyond,
    Rarity,
    ends_of,
    rarity_of,
    value_counts,
    with_beyond,
)
from somscape.outliers.relation import Learned, Relation, learned_from
from somscape.outliers.score import (
    MAX_OWN,
    MAX_PROTOTYPES,
    SCORES,
    Scorer,
    decorrelation_of,
    joint,
    reach_of,
    rms_distances_of,
    scores_by,
    scores_of_each,
    squares_of,
    usual_units,
    within_reach,
)
from somscape.regions.find import merge_small_regions
from somscape.tables.encoding import Encoding

N_MAPS = 4
"""Number of maps for a small table.  On 156 labelled tables, the mean AUROC of 4 maps and of 8 maps
differed by less than 0.0005."""

MAX_ROWS = 2_000
"""Maximum number of rows of a small table.  For a larger table, the ranking by one map is stable
enough.  Several maps would take noticeable time."""

COMMON_SHARE = 0.02
"""Minimum share of a group of equal rows among all rows for training every map on the group."""

MIN_COMMON_ROWS = 5
"""Minimum number of equal rows in a group for training every map on the group."""


def n_maps_for(weights: Float64s | None, n_rows: int) -> int:
    """Return the default number of maps whose scores are combined."""
    counts = counts_of(weights)
    counted = n_rows if counts is None else math.fsum(counts)
    return N_MAPS if counted <= MAX_ROWS else 1


def halves(rows: Floats, weights: Float64s | None, n_maps: int, seed: int) -> list[Ints]:
    """Return the row numbers for each map.  Each pair of maps gets the halves of a random split."""
    _, group = np.unique(rows, axis=0, return_inverse=True)
    group = group.reshape(-1)
    counts = np.bincount(group, counts_of(weights))
    is_common = counts >= max(COMMON_SHARE * counts.sum(), MIN_COMMON_ROWS)
    if len(counts) == 1:
        is_common[:] = True
    others = np.flatnonzero(~is_common)
    rng = np.random.default_rng(seed)
    found: list[Ints] = []
    while len(found) < n_maps:
        drawn = rng.permutation(others)
        for half in (drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]):
            is_in = is_common.copy()
            is_in[half] = True
            found.append(np.flatnonzero(is_in[group]))
    return found[:n_maps]


def left_out_scores(each: Float64s, parts: list[Ints]) -> Float64s:
    """Return the score of each row, computed by maps that were not trained on the row."""
    is_out = np.ones(each.shape, dtype=bool)
    for of_map, part in zip(is_out, parts, strict=True):
        of_map[part] = False
    squares, counts = np.where(is_out, each**2, 0.0).sum(axis=0), is_out.sum(axis=0)
    is_known = counts > 0
    return np.where(is_known, np.sqrt(squares / np.where(is_known, counts, 1)), joint(each))


@dataclass(frozen=True)
class Defaults:
    """Values that replace "auto", tuned on the tables of `benchmarks/detection/README.md`.

    Attributes
    ----------
    trim : float
        Share of the training rows whose prototypes do not count as usual.
    n_prototypes : int
    decorrelated : float
        Weight of decorrelated rows in a squared distance, from 0 to 1.
    units_per_root : float
        Automatic number of units, divided by the square root of the number of rows.  For a map
        without a detector, this ratio is 5.
    reach : float
        Maximum distance of a number from the mean of its column, in standard deviations.  Numbers
        farther away are clipped before rows are compared.
    rarity : (float, float)
        Spread of the contributions by rarity, divided by the spread of the scores by maps.  The
        first number is for columns whose values are not farther out than normal values.  The second
        number is for columns with a heavy tail.  See `rarity_weight`.
    """

    trim: float
    n_prototypes: int
    decorrelated: float
    units_per_root: float
    reach: float
    rarity: tuple[float, float]


DEFAULTS = {
    # Some training rows may be unusual, so many prototypes together represent usual rows.
    "mixed": Defaults(0.2, 32, 0.8, 8.0, 2.5, (0.1, 1.5)),
    # The columns of a table are encoded on scales that already limit values far out.
    "mixed, encoded": Defaults(0.2, 32, 0.8, 8.0, np.inf, (0.1, 0.1)),
    # All training rows are usual, so many prototypes follow them and the nearest one decides.
    "clean": Defaults(0.0, 1, 0.3, 16.0, 5.0, (0.1, 1.5)),
    "clean, encoded": Defaults(0.0, 1, 0.3, 16.0, np.inf, (0.3, 0.3)),
    # Scores that only use the map.
    "alone": Defaults(0.2, 8, 0.8, 8.0, np.inf, (0.0, 0.0)),
    "alone, clean": Defaults(0.0, 2, 0.3, 8.0, np.inf, (0.0, 0.0)),
}
"""Values that replace the setting "auto", by kind of score and kind of training rows."""

CLEAN_RADIUS_END = 0.4
"""Final neighborhood radius for usual training rows.  With such a small radius, the prototypes fit
the training rows closely."""

KURTOSIS = (3.0, 6.0)
"""Kurtosis of a column with a normal distribution, and of a column with a heavy tail."""


def rarity_weight(rows: Floats, weights: Float64s | None, ends: tuple[float, float]) -> float:
    """Return the weight of rarity for the median kurtosis of the columns that vary.

    An extreme value of a column with light tails, such as a share or a brightness, is not far from
    other values, so rarity says little about the row.
    """
    low, high = ends
    if low == high:
        return high
    counts = ones_or(counts_of(weights), len(rows))
    apart = rows - np.average(rows, axis=0, weights=counts)
    largest = np.abs(apart).max(axis=0)
    if not largest.any():
        return high
    apart = apart[:, largest > 0] / largest[largest > 0]
    square = np.average(apart**2, axis=0, weights=counts)
    kurtosis = float(np.median(np.average(apart**4, axis=0, weights=counts) / square**2))
    normal, heavy = KURTOSIS
    part = math.log(max(kurtosis, 1.0) / normal) / math.log(heavy / normal)
    return low + (high - low) * min(max(part, 0.0), 1.0)


CALIBRATIONS = ("global", "regional")


@dataclass(frozen=True)
class Detection:
    """Settings by which rows are scored and flagged, as described in `somscape.SOMDetector`.

    In addition, `is_encoded` is True for the encoded columns of a table, and False for numbers
    without an encoding.

    Raises
    ------
    ValueError, TypeError
        If a value is not allowed.  The message names the parameter.
    """

    method: str = "auto"
    contamination: float | str = "auto"
    n_prototypes: int | str = "auto"
    trim: float | str = "auto"
    training_is_clean: bool = False
    calibration: str = "global"
    decorrelate: bool = True
    n_maps: int | str = "auto"
    is_encoded: bool = False

    def __post_init__(self) -> None:
        check_choice("method", self.method, ("auto", *SCORES))
        check_number("contamination", self.contamination, 0, 0.5, or_auto=True)
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES, or_auto=True)
        check_number("trim", self.trim, 0, 0.5, low_is_allowed=True, or_auto=True)
        for name in ("training_is_clean", "decorrelate", "is_encoded"):
            check_flag(name, getattr(self, name))
        check_whole("n_maps", self.n_maps, 1, high=MAX_MEMBERS, or_auto=True)
        check_choice("calibration", self.calibration, CALIBRATIONS)

    def of_rows(self, encoding: Encoding | None) -> "Detection":
        """Return the settings for rows with this encoding.  None means rows without an encoding."""
        return replace(self, is_encoded=encoding is not None and not encoding.is_plain)

    @property
    def defaults(self) -> Defaults:
        """Values that "auto" chooses."""
        if not self.adds_rarity:
            return DEFAULTS["alone, clean" if self.training_is_clean else "alone"]
        known = "clean" if self.training_is_clean else "mixed"
        return DEFAULTS[f"{known}, encoded" if self.is_encoded else known]

    @property
    def score(self) -> str:
        """Name of the score."""
        return SCORES[0] if self.method == "auto" else self.method

    @property
    def adds_rarity(self) -> bool:
        """Whether scores include rare values and broken relations, with extreme numbers clipped."""
        return self.score == "combined"

    @property
    def k(self) -> int:
        """Number of nearest prototypes."""
        is_auto = isinstance(self.n_prototypes, str)
        return self.defaults.n_prototypes if is_auto else int(self.n_prototypes)

    @property
    def trimmed(self) -> float:
        """Share of the training rows whose prototypes do not count as usual."""
        return self.defaults.trim if isinstance(self.trim, str) else float(self.trim)

    @property
    def is_auto(self) -> bool:
        """Whether the rows that stand out determine the threshold."""
        return isinstance(self.contamination, str)

    def threshold_of(
        self,
        calibration: Calibration,
        scores: Float64s,
        units: Ints,
        weights: Float64s | None,
        labels: Ints | None = None,
        hidden: Bools | None = None,
    ) -> float:
        """Return the score above which rows are flagged.

        Marked rows and rows that a rule hides do not stand out.
        """
        if not isinstance(self.contamination, str):
            return threshold_for(scores, self.contamination, weights)
        here = np.ones(len(scores), dtype=bool) if labels is None else labels == UNKNOWN
        if hidden is not None:
            here &= ~hidden
        if here.any():
            scores, units = scores[here], units[here]
            weights = None if weights is None else weights[here]
        return auto_threshold(calibration, scores, units, weights)

    def regions_of(
        self, whole: "TrainedScorer", calibration: Float64s, weights: Float64s | None
    ) -> Ints | None:
        """Return each unit's region with enough calibration rows, or None without regions."""
        if self.calibration != "regional":
            return None
        map_ = whole.scorer.map_
        counted = np.where(np.isnan(calibration), 0.0, 1.0 if weights is None else weights)
        by_unit = np.bincount(whole.units, counted, minlength=map_.n_units)
        return merge_small_regions(map_, by_unit, min_rows=REGION_ROWS)

    @property
    def decorrelated(self) -> float:
        """Weight of decorrelated rows in a squared distance, from 0 to 1."""
        return self.defaults.decorrelated if self.decorrelate else 0.0

    @property
    def has_bulk(self) -> bool:
        """Whether p-values are estimated from the scores of most rows (the bulk)."""
        # Only for "combined", because other scores have other tails.
        return self.adds_rarity and not self.training_is_clean

    def maps_for(self, weights: Float64s | None, n_rows: int) -> int:
        """Return how many maps are combined for `n_rows` training rows."""
        if isinstance(self.n_maps, str):
            return 1 if self.training_is_clean else n_maps_for(weights, n_rows)
        return int(self.n_maps)

    def reasons(self, weights: Float64s | None, n_rows: int) -> dict[str, str]:
        """Return, for each parameter that is "auto", the chosen value and the reason."""
        counts = counts_of(weights)
        total = f"{n_rows if counts is None else counts.sum():,.10g}"
        n_maps = self.maps_for(weights, n_rows)
        by_size = f"with {total} rows (more than {MAX_ROWS:,}), the ranking by one map is stable"
        if n_maps > 1:
            by_size = (
                f"with {total} rows (at most {MAX_ROWS:,}), the ranking by one map would depend on "
                "which rows the table happens to contain"
            )
        by_trust = (
            "all training rows are usual, so the map can fit these rows closely"
            if self.training_is_clean
            else "some training rows may be unusual and should not count as usual"
        )
        chosen = {
            "method": f"{self.score}: the default.",
            "n_maps": f"{n_maps}: {by_trust if self.training_is_clean else by_size}.",
            "n_prototypes": f"{self.k}: {by_trust}.",
            "trim": f"{self.trimmed:g}: {by_trust}.",
        }
        return {name: why for name, why in chosen.items() if getattr(self, name) == "auto"}

    def _units_per_root(self, n_rows: int) -> float:
        wanted = self.defaults.units_per_root
        if not self.adds_rarity or self.training_is_clean:
            return wanted
        return min(wanted, MAX_UNITS / math.sqrt(min(n_rows, MAX_TRAINED)))

    def of_map(self, settings: Settings, n_rows: int) -> Settings:
        """Return the settings for training a map, with "auto" replaced by values for detection."""
        is_free = settings.radius_end == settings.radius_start == "auto"
        radius_end = settings.radius_end
        if self.training_is_clean and is_free:
            radius_end = CLEAN_RADIUS_END
        n_init = 1 if settings.n_init == "auto" else settings.n_init
        return replace(
            settings,
            units_per_root=self._units_per_root(n_rows),
            radius_end=radius_end,
            n_init=n_init,
        )


SPREAD_ENDS = (0.9, 1.0)
"""The spread of scores is the distance from their median to the first of these two quantiles.  If
this distance is 0, the second quantile is used instead."""

N_FOLDS = 5
"""Number of folds into which the training rows are divided if a single map scores rows.  Each fold
is scored by a map trained on all other folds."""

MAX_TRAINED = 20_000
"""Maximum number of rows on which a map is trained.  From larger tables, rows are drawn at random.
The remaining rows are used for calibration."""

MAX_UNITS = 433
"""Maximum automatic number of units.  More units would make the scoring of many rows slower."""

MAX_TOLD = 200_000
"""Maximum number of rows for measuring the spread of scores.  Larger tables are sampled."""

REGION_ROWS = 200
"""Minimum number of calibration rows in each region of a map.  With a fitted tail, 200 rows allow
p-values down to about 1 / 800."""

MAX_AVERAGED, MAX_AVERAGED_VALUES = 2000, 1 << 19
"""Maximum number of rows for computing average contributions, and of values in these rows."""

MAX_MOVED = 1e-6
"""Prototypes are rounded to float32 only if the error is smaller than this.  The number is the root
mean square error over all features, divided by the standard deviation of the prototypes."""


@dataclass(frozen=True, eq=False)
class TrainedScorer:
    """A map that scores rows, and data about its training rows that later updates need.

    Attributes
    ----------
    scorer : Scorer
    units : ndarray of shape (n_samples,)
        Best matching unit of each row.
    sums : RunningSums or None
        Sums over all rows.
    squares : ndarray of shape (n_units,)
        For each unit, the sum of squared distances from its rows to its prototype.  With more than
        20,000 rows, the sum is extrapolated from those rows on which the map was trained.
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
        Maps that were each trained on one half of the rows.  Empty if only one map scores rows.
    scores : ndarray of shape (n_samples,)
        Scores of the training rows by the trained maps, before marks fix some scores.
    calibration : ndarray of shape (n_samples,)
        Score of each row by maps that were not trained on the row.  NaN if the row is not used.
    rarity_factor : float, default=0.0
        Factor of ``-log(share of rows with the value)`` in scores.
    beyond : Beyond or None, default=None
        Data for raising the scores of rows with extreme numbers.  None without extra amounts.
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
    hidden: Bools | None = None,
) -> TrainedDetector:
    """Train a map, and then compute its usual prototypes, its threshold and its calibration.

    `hidden` are the rows that a rule hides, which do not count for the threshold.
    """
    detection = detection.of_rows(encoding)
    encoding = encoding.having_seen(rows)
    given, rows = rows, encoding.to_learn(rows)
    order, is_long = _order_of_rows(len(rows), settings.seed), len(rows) > MAX_TRAINED
    counts = meanwhile(partial(value_counts, given, weights, encoding), is_long=is_long)
    trainer = _Trainer(encoding, detection.of_map(settings, len(rows)), detection)
    drawn = np.sort(order[:MAX_TRAINED])
    whole = trainer.train(rows, weights, drawn if is_long else None)
    learning = meanwhile(partial(trainer.relations, rows, weights, order, whole), is_long=is_long)
    parts, members = trainer.members(rows, weights, drawn, whole)
    scorers = tuple(member.scorer for member in members or (whole,))
    each = scores_of_each(scorers, rows)
    by_maps = joint(each)
    rarity, factor, beyond = trainer.rarity_of(rows, weights, order, by_maps)
    added = np.zeros(len(rows)) if rarity is None else rarity.scores(rows)
    scores = by_maps + added
    related, by_relation, left_out = _related(rows, scores, weights, learning())
    scores, added = scores + by_relation, added + left_out
    calibration = trainer.left_out_by_maps(rows, weights, order, whole, each, parts) + added
    relation = None if related is None else related.relation
    scores = _scored(given, rows, scores, whole.scorer, scorers, rarity, relation)
    del each, by_maps, added, by_relation, left_out  # one number per row each
    marks = lowered = None
    if labels is not None and (labels != UNKNOWN).any():
        marks = marks_of(given, weights, encoding, labels, scores)
        factors = marks.factors(given)
        scores = scores * factors
        if marks.teach and detection.has_bulk:  # raised usual rows would be far above the bulk
            lowered = calibration * np.minimum(factors, 1.0)
        calibration = _leave_out_marked(calibration * factors, labels)
    regions = detection.regions_of(whole, calibration, weights)
    share = 0.0 if related is None else related.share(weights)
    compare = partial(Calibration.of, units=whole.units, regions=regions, relations=share)
    compared = compare(calibration, weights, by_bulk=detection.has_bulk, lowered=lowered)
    detector = Detector(
        whole.scorer,
        detection.threshold_of(compared, scores, whole.units, weights, labels, hidden),
        compared,
        tuple(member.scorer for member in members),
        rarity=rarity,
        counts=counts(),
        marks=marks,
        relation=relation,
        is_threshold_auto=detection.is_auto,
    )
    detector = replace(detector, mean_contributions=mean_contributions(detector, rows, weights))
    return TrainedDetector(detector, whole, members, scores, calibration, factor, beyond)


def _scored(
    given: Floats,
    rows: Floats,
    scores: Float64s,
    whole: Scorer,
    scorers: Sequence[Scorer],
    *added: Rarity | Relation | None,
) -> Float64s:
    """Return the scores of rows without numbers on the side that does not count.

    `given` are the rows with slips, and `scores` are the scores of the rows that trained the maps.
    """
    if given is not rows:  # slips affect the scores but not the training
        scores = scores_by(scorers, given, *added)
    directions = directions_of(whole.map_.encoding)
    if not directions:
        return scores
    is_other = on_other_side(whole, directions, given)
    return without_other_side(scores, given, is_other, scorers, *added)


def _related(
    rows: Floats, scores: Float64s, weights: Float64s | None, learned: Learned | None
) -> tuple[Learned | None, Float64s, Float64s]:
    """Return three values: relations on the scale of the scores by maps and rarity, the
    contributions of broken relations, and the contributions by relations that were learned without
    the row."""
    if learned is None:
        return None, np.zeros(len(rows)), np.zeros(len(rows))
    bulk = bulk_of(scores, counts_of(weights))
    # Without a distribution, any unit that follows the scale of the scores will do.
    spread = math.sqrt(float(scores.max())) or 1.0
    learned = learned.in_scores(*((bulk.middle, bulk.spread) if bulk else (0.0, spread)))
    contributions = learned.relation.scores(rows)
    return learned, contributions, learned.without_own(contributions)


def _order_of_rows(n: int, seed: int) -> Ints:
    """Return all row numbers in random order, or a random sample of them if there are many rows."""
    rng = np.random.default_rng(seed)
    return rng.permutation(n) if n <= MAX_TOLD else rng.choice(n, MAX_TOLD, replace=False)


def _leave_out_marked(calibration: Float64s, labels: Ints) -> Float64s:
    """Return calibration scores with NaN for marked rows, or for anomalies if most are marked."""
    is_marked = labels != UNKNOWN
    left_out = is_marked if 2 * is_marked.sum() <= len(labels) else labels == ANOMALY
    left = np.where(left_out, np.nan, calibration)
    return calibration if np.isnan(left).all() else left


def n_trainings(n_rows: int, detection: Detection, weights: Float64s | None = None) -> int:
    """Return how many maps in total must be trained for a detector."""
    n_maps = detection.maps_for(weights, n_rows)
    if n_maps > 1:
        return 1 + n_maps
    return 1 if n_rows > MAX_TRAINED else 1 + min(N_FOLDS, n_rows)


def mean_contributions(detector: Detector, rows: Floats, weights: Float64s | None) -> Float64s:
    """Return the average contribution of each column to the score of a row."""
    most = min(MAX_AVERAGED, max(1, MAX_AVERAGED_VALUES // rows.shape[1]))
    some = slice(None, None, -(-len(rows) // most))
    part = None if weights is None else weights[some]
    found = detector._contributions_by_columns(np.ascontiguousarray(rows[some]))
    return np.asarray(np.average(found, axis=0, weights=part))


def _as_float32(codebook: Float64s) -> Float64s:
    """Return the prototypes, rounded to float32 if the error of rounding is small enough."""
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
        """Return a map trained on the drawn rows.  Its hits and usual units are from all rows."""
        whole = None if of_more is None else of_more.scorer
        lattice = None if whole is None else whole.map_.lattice
        axes = None if of_more is None or rows.shape[1] <= MAX_OWN else of_more.axes
        chosen = rows if drawn is None else rows[drawn]
        own = weights if drawn is None or weights is None else weights[drawn]
        reach = None if whole is None else whole.reach
        if whole is None:
            reach = reach_of(chosen, own, self.encoding, self.detection.defaults.reach)
        learned = np.ascontiguousarray(within_reach(chosen, reach))
        map_, trained, units = train_map(learned, own, self.encoding, self.settings, lattice, axes)
        sums, times = trained.sums, 1.0
        if learned is not rows:
            units = np.asarray(map_._winners_of_rows(rows))
            hits = np.bincount(units, weights, minlength=map_.n_units).astype(np.float64)
            # The drawn rows represent all rows.
            times = hits.sum() / map_.hits.sum()
            sums = None if sums is None else sums.faded(times)
            map_ = replace(map_, hits=hits)
        if is_member and rows.shape[1] > MAX_OWN:
            # This saves bytes in a file.
            map_ = replace(map_, codebook=_as_float32(map_.codebook))
        if is_member:
            map_ = replace(map_, told=None)  # regions of a member are not used
        usual = usual_units(map_, self.detection.trimmed)
        of_whole = whole.decorrelation if whole is not None and is_member else None
        of_drawn = units if drawn is None else units[drawn]
        share = self.detection.decorrelated
        decorrelation = decorrelation_of(learned, own, usual[of_drawn], share, whole=of_whole)
        squares = squares_of(map_, chosen, of_drawn, own, decorrelation, reach)
        if drawn is not None:
            squares *= times
        score, k, far = self.detection.score, self.detection.k, rms_distances_of(map_, squares)
        scorer = Scorer(map_, score, k, usual, far, decorrelation, reach)
        return TrainedScorer(scorer, units, sums, squares, trained.axes)

    def rarity_of(
        self,
        rows: Floats,
        weights: Float64s | None,
        order: Ints,
        by_maps: Float64s,
    ) -> tuple[Rarity | None, float, Beyond | None]:
        """Return three values: a rarity on the scale of scores, its factor, and a `Beyond`."""
        if not self.detection.adds_rarity:
            return None, 0.0, None
        drawn = np.sort(order[:MAX_TRAINED])
        told: Ints | slice = np.sort(order) if len(order) < len(rows) else slice(None)
        many = np.array_split(told, 16) if isinstance(told, np.ndarray) else [told]
        some, of_some = rows[drawn], None if weights is None else weights[drawn]
        rarity = rarity_of(some, of_some, self.encoding)
        if rarity is None:
            return None, 0.0, None
        counts = counts_of(weights)
        by_values = np.concatenate([rarity.scores(rows[part]) for part in many])  # small copies
        of_told = None if counts is None else counts[told]
        by_maps = by_maps[told]
        ordered = [in_order(each, of_told) for each in (by_maps, by_values)]
        factor = 1.0
        for end in SPREAD_ENDS:
            wanted, found = (each.quantile(end) - each.quantile(0.5) for each in ordered)
            if wanted > 0 and found > 0:
                weight = rarity_weight(some, of_some, self.detection.defaults.rarity)
                factor = weight * wanted / found
                break
        rarity = rarity.times(factor)
        if not self.detection.is_encoded:  # rarity has enough weight for plain numbers
            return rarity, factor, None
        beyond = Beyond.of(by_maps + factor * by_values, of_told, ends_of(rows, weights))
        n_rows = float(len(rows)) if counts is None else float(counts.sum())
        rarity = with_beyond(rarity, some, of_some, self.encoding, beyond, n_rows=n_rows)
        return rarity, factor, beyond

    def relations(
        self, rows: Floats, weights: Float64s | None, order: Ints, whole: TrainedScorer
    ) -> Learned | None:
        """Return the relations between columns, or None if scores do not use relations."""
        if not self.detection.adds_rarity:
            return None
        is_clean, map_ = self.detection.training_is_clean, whole.scorer.map_
        seed = self.settings.seed
        return learned_from(rows, weights, map_, order, is_clean=is_clean, seed=seed)

    def on(
        self,
        part: Ints,
        rows: Floats,
        weights: Float64s | None,
        whole: TrainedScorer,
        is_member: bool = True,
    ) -> TrainedScorer:
        """Return a map with the lattice of `whole`, trained only on the rows `part`."""
        own = None if weights is None else weights[part]
        chosen = np.ascontiguousarray(rows[part])
        return self.train(chosen, own, of_more=whole, is_member=is_member)

    def members(
        self, rows: Floats, weights: Float64s | None, drawn: Ints, whole: TrainedScorer
    ) -> tuple[list[Ints], tuple[TrainedScorer, ...]]:
        """Return two values: random halves of the drawn rows, and a map trained on each half.  Both
        values are empty if only one map scores rows."""
        n_maps = self.detection.maps_for(weights, len(rows))
        if n_maps <= 1:
            return [], ()
        own = None if weights is None else weights[drawn]
        parts = [drawn[half] for half in halves(rows[drawn], own, n_maps, self.settings.seed)]
        return parts, tuple(self.on(part, rows, weights, whole) for part in parts)

    def left_out_by_maps(
        self,
        rows: Floats,
        weights: Float64s | None,
        order: Ints,
        whole: TrainedScorer,
        each: Float64s,
        parts: list[Ints],
    ) -> Float64s:
        """Return the score of each row by maps that were not trained on the row.

        `each` contains the scores by each map.  If there are many rows, the score is NaN for rows
        on which the map was trained.
        """
        if len(rows) > MAX_TRAINED:
            scores = joint(each).copy()
            scores[order[:MAX_TRAINED]] = np.nan
            return scores
        if parts:
            return left_out_scores(each, parts)
        folds = np.array_split(order, min(N_FOLDS, len(rows)))
        return self.cross_fitted(whole, rows, weights, folds)

    def cross_fitted(
        self, whole: TrainedScorer, rows: Floats, weights: Float64s | None, folds: list[Ints]
    ) -> Float64s:
        """Score every row by a map that was trained on all other folds of the rows."""
        everything = np.arange(len(rows))
        scores = np.empty(len(rows))
        for fold in folds:
            others = np.setdiff1d(everything, fold, assume_unique=True)
            without = self.on(others, rows, weights, whole, is_member=False)
            scores[fold] = scores_by([without.scorer], rows[fold])
        return scores
