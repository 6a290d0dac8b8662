"""From prepared rows to a map that can score: training, what is usual, threshold, calibration."""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_choice, check_number, check_whole
from somscape.encode import Encoding
from somscape.fit import RunningSums, Settings, train_map
from somscape.grid import Lattice
from somscape.maps import MAX_PROTOTYPES, MOST_MAPS, SCORES, DetectorSettings, Map
from somscape.outliers._calibration import calibrated
from somscape.outliers._decorrelated import decorrelation_of
from somscape.outliers._labels import ANOMALY, UNKNOWN, lift_of
from somscape.outliers._score import contributions, score_rows, settings_of
from somscape.outliers._several import halves, left_out_scores, n_maps_for
from somscape.outliers._usual import spread_of, squares_of, usual_units
from somscape.regions import merge_small_regions

TRIM, CLEAN_TRIM = 0.2, 0.0
N_PROTOTYPES, CLEAN_N_PROTOTYPES = 8, 2
DECORRELATED, CLEAN_DECORRELATED = 0.8, 0.3
"""Share of a squared distance that is measured between decorrelated rows."""

UNITS_PER_ROOT = 8.0
"""Units of a detector's automatic map for the square root of its rows; a map to look at has 5."""

CLEAN_RADIUS_END = 0.4
"""Where all rows are usual, prototypes may follow them closely."""

MOST_TRAINED = 20_000
"""Rows that train a map; of more, so many are drawn, and the others calibrate."""

CALIBRATIONS = ("global", "regional")
REGION_ROWS = 200
"""Calibration rows that each region of the map has: p-values there go down to some 1 / 800."""

MOST_AVERAGED = 2000
"""Rows whose contributions are averaged."""


@dataclass(frozen=True)
class Detection:
    """How rows are scored and flagged; `somscape.SOMDetector` says what each means.

    Raises
    ------
    ValueError, TypeError
        For a value that cannot be used; the message names it.
    """

    score: str = "k_prototype"
    contamination: float = 0.05
    n_prototypes: int | str = "auto"
    trim: float | str = "auto"
    training_is_clean: bool = False
    n_folds: int = 5
    calibration: str = "global"
    decorrelate: bool = True
    n_maps: int | str = "auto"

    def __post_init__(self) -> None:
        check_choice("score", self.score, SCORES)
        check_number("contamination", self.contamination, 0, 0.5)
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES, or_auto=True)
        check_number("trim", self.trim, 0, 0.5, low_is_allowed=True, or_auto=True)
        for name in ("training_is_clean", "decorrelate"):
            value = getattr(self, name)
            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"`{name}` must be True or False; got {value!r}.")
        check_whole("n_folds", self.n_folds, 2)
        check_whole("n_maps", self.n_maps, 1, high=MOST_MAPS, or_auto=True)
        check_choice("calibration", self.calibration, CALIBRATIONS)

    @property
    def k(self) -> int:
        """Number of nearest prototypes."""
        if isinstance(self.n_prototypes, str):
            return CLEAN_N_PROTOTYPES if self.training_is_clean else N_PROTOTYPES
        return int(self.n_prototypes)

    @property
    def trimmed(self) -> float:
        """Share of the rows whose prototypes do not count as usual."""
        if isinstance(self.trim, str):
            return CLEAN_TRIM if self.training_is_clean else TRIM
        return float(self.trim)

    @property
    def decorrelated(self) -> float:
        """Share of a squared distance that is measured between decorrelated rows."""
        if not self.decorrelate:
            return 0.0
        return CLEAN_DECORRELATED if self.training_is_clean else DECORRELATED

    def maps_for(self, weights: Float64s | None, n_rows: int) -> int:
        """Number of maps that score together, for so many rows."""
        if isinstance(self.n_maps, str):
            return 1 if self.training_is_clean else n_maps_for(weights, n_rows)
        return int(self.n_maps)

    def of_map(self, settings: Settings) -> Settings:
        """Return settings of a map, with what is automatic as it suits detection."""
        is_free = settings.radius_end == settings.radius_start == "auto"
        follows = self.training_is_clean and is_free
        radius_end = CLEAN_RADIUS_END if follows else settings.radius_end
        n_init = 1 if settings.n_init == "auto" else settings.n_init
        return replace(
            settings, units_per_root=UNITS_PER_ROOT, radius_end=radius_end, n_init=n_init
        )


@dataclass(frozen=True, eq=False)
class TrainedMap:
    """A map that scores, and what is kept of the rows for more to come.

    Attributes
    ----------
    map_ : Map
        With detector settings.
    units : ndarray of shape (n_samples,)
        Best matching unit of each row.
    sums : RunningSums or None
        Of all rows.
    squares : ndarray of shape (n_units,)
        Squared distances of the rows to their units, added up.
    """

    map_: Map
    units: Ints
    sums: RunningSums | None
    squares: Float64s


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """What training a detector leaves.

    Attributes
    ----------
    whole : TrainedMap
        Of all rows, with the detector's settings.
    members : tuple of TrainedMap
        Of halves of the rows, where several maps score together.
    scores : ndarray of shape (n_samples,)
        Of the rows on their own maps.
    calibration : ndarray of shape (n_samples,)
        By maps that did not see them; NaN for rows that do not calibrate.
    """

    whole: TrainedMap
    members: tuple[TrainedMap, ...]
    scores: Float64s
    calibration: Float64s


def train_detector(
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    detection: Detection,
    labels: Ints | None = None,
) -> TrainedDetector:
    """Train a map, find its usual prototypes, set its threshold and calibrate it.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), float32 or float64
        Finite and C-contiguous, at least two.
    weights : ndarray of shape (n_samples,), float64, or None
        All above 0; None means 1 each.
    encoding : Encoding
    settings : Settings
    detection : Detection
    labels : ndarray of shape (n_samples,) or None, default=None
        1 for known anomalies, 0 for known usual rows, -1 for the others; None: nothing is known.

    Returns
    -------
    TrainedDetector
        Costs ``1 + n_folds`` trainings, or where several maps score together one and as many on
        half the rows, on up to 20,000 rows; of more, so many train and the others calibrate.
    """
    trainer = _Trainer(encoding, detection.of_map(settings), detection)
    rng = np.random.default_rng(settings.seed)
    order = rng.permutation(len(rows))
    drawn = np.sort(order[:MOST_TRAINED])
    is_drawn = len(drawn) < len(rows)
    whole = trainer.train(rows, weights, drawn if is_drawn else None)
    map_ = whole.map_
    members: tuple[TrainedMap, ...] = ()
    n_maps = detection.maps_for(weights, len(rows))
    if n_maps > 1:
        of_drawn = None if weights is None else weights[drawn]
        parts = [drawn[half] for half in halves(rows[drawn], of_drawn, n_maps, settings.seed)]
        members = tuple(trainer.on(part, rows, weights, map_.lattice, map_) for part in parts)
        map_ = _scored_by(map_, members)
    scores = score_rows(map_, rows)
    if is_drawn:
        calibration = scores.copy()
        calibration[drawn] = np.nan
    elif members:
        calibration = left_out_scores(settings_of(map_).members, parts, rows)
    else:
        folds = np.array_split(order, min(detection.n_folds, len(rows)))
        calibration = trainer.cross_fitted(map_.lattice, rows, weights, folds)
    if labels is not None and (labels != UNKNOWN).any():
        lift, without_own = lift_of(map_, scores, whole.units, labels, weights)
        map_ = replace(map_, detector=replace(settings_of(map_), lift=lift))
        scores, calibration = scores * lift[whole.units], calibration * without_own
        is_anomaly = (labels == ANOMALY) | np.isnan(calibration)
        if not is_anomaly.all():
            calibration[is_anomaly] = np.nan  # p-values compare with usual rows
    map_ = _settled(map_, rows, whole.units, weights, scores, calibration, detection)
    return TrainedDetector(replace(whole, map_=map_), members, scores, calibration)


def _scored_by(map_: Map, members: tuple[TrainedMap, ...]) -> Map:
    """Return the map with members that score in its place."""
    maps = tuple(member.map_ for member in members)
    return replace(map_, detector=replace(settings_of(map_), members=maps))


def _settled(
    map_: Map,
    rows: Floats,
    units: Ints,
    weights: Float64s | None,
    scores: Float64s,
    calibration: Float64s,
    detection: Detection,
) -> Map:
    """Return the map with threshold, calibration and mean contributions."""
    regions = None
    if detection.calibration == "regional":
        counted = np.where(np.isnan(calibration), 0.0, 1.0 if weights is None else weights)
        by_unit = np.bincount(units, counted, minlength=map_.n_units)
        regions = merge_small_regions(map_, by_unit, min_rows=REGION_ROWS)
    settled = calibrated(
        replace(settings_of(map_), mean_contributions=mean_contributions(map_, rows, weights)),
        scores,
        calibration,
        weights,
        detection.contamination,
        units=units,
        regions=regions,
    )
    return replace(map_, detector=settled)


def n_trainings(n_rows: int, detection: Detection) -> int:
    """Return how many maps are trained, one after the other.

    Parameters
    ----------
    n_rows : int
    detection : Detection

    Returns
    -------
    int
        Besides the map itself those that score together, or one for each fold; of more than
        20,000 rows there are no folds.
    """
    n_maps = detection.maps_for(None, n_rows)
    if n_maps > 1:
        return 1 + n_maps
    return 1 if n_rows > MOST_TRAINED else 1 + min(detection.n_folds, n_rows)


def mean_contributions(map_: Map, rows: Floats, weights: Float64s | None) -> Float64s:
    """Return what each column adds to a row's score, on average.

    Parameters
    ----------
    map_ : Map
    rows : ndarray of shape (n_samples, n_features)
        Of many, every so many-th counts.
    weights : ndarray of shape (n_samples,) or None

    Returns
    -------
    ndarray of shape (n_columns,)
    """
    some = slice(None, None, -(-len(rows) // MOST_AVERAGED))
    part = None if weights is None else weights[some]
    chosen = np.ascontiguousarray(rows[some])
    return np.asarray(np.average(contributions(map_, chosen), axis=0, weights=part))


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
        lattice: Lattice | None = None,
        whole: Map | None = None,
    ) -> TrainedMap:
        """Return a map trained on the rows drawn, which knows what is usual among all.

        `drawn` None: all rows train.  `whole`: the map of more rows, of which it is a member.
        """
        if drawn is None:
            map_, trained, units = train_map(rows, weights, self.encoding, self.settings, lattice)
            sums = trained.sums
        else:
            part = None if weights is None else weights[drawn]
            chosen = np.ascontiguousarray(rows[drawn])
            map_, trained, _ = train_map(chosen, part, self.encoding, self.settings, lattice)
            units = np.asarray(map_.winners(rows))
            hits = np.bincount(units, weights, minlength=map_.n_units).astype(np.float64)
            # Those drawn stand for all.
            times = hits.sum() / map_.hits.sum()
            sums = None if trained.sums is None else trained.sums.faded(times)
            map_ = replace(map_, hits=hits)
        usual = usual_units(map_, self.detection.trimmed)
        decorrelation, share = None, self.detection.decorrelated
        if share > 0:
            of_whole = None if whole is None else settings_of(whole).decorrelation
            decorrelation = decorrelation_of(rows, weights, usual[units], share, whole=of_whole)
        detector = DetectorSettings(
            self.detection.score,
            self.detection.k,
            0.0,
            np.empty(0),
            usual=usual,
            decorrelation=decorrelation,
        )
        map_ = replace(map_, detector=detector)
        squares = squares_of(map_, rows, units, weights)
        detector = replace(detector, spread=spread_of(map_, squares))
        return TrainedMap(replace(map_, detector=detector), units, sums, squares)

    def on(
        self,
        part: Ints,
        rows: Floats,
        weights: Float64s | None,
        lattice: Lattice,
        whole: Map | None = None,
    ) -> TrainedMap:
        """Return a map of that shape which knows of some of the rows alone."""
        own = None if weights is None else weights[part]
        return self.train(np.ascontiguousarray(rows[part]), own, lattice=lattice, whole=whole)

    def cross_fitted(
        self, lattice: Lattice, rows: Floats, weights: Float64s | None, folds: list[Ints]
    ) -> Float64s:
        """Score every row by a map of the same shape that was trained without its fold."""
        everything = np.arange(len(rows))
        scores = np.empty(len(rows))
        for fold in folds:
            others = np.setdiff1d(everything, fold, assume_unique=True)
            without = self.on(others, rows, weights, lattice)
            scores[fold] = score_rows(without.map_, rows[fold])
        return scores
