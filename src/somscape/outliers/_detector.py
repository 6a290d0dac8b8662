"""From prepared rows to a map that can score: training, what is usual, threshold, calibration."""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_choice, check_number, check_whole
from somscape.encode import Encoding
from somscape.fit import RunningSums, Settings, train_map
from somscape.grid import Lattice
from somscape.maps import MAX_PROTOTYPES, SCORES, DetectorSettings, Map
from somscape.outliers._calibration import calibrated
from somscape.outliers._decorrelated import decorrelation_of
from somscape.outliers._labels import ANOMALY, UNKNOWN, lift_of
from somscape.outliers._score import contributions, score_rows
from somscape.outliers._usual import spread_of, squares_of, usual_units
from somscape.regions import regions_of_least

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
"""Calibration rows that each region of the map has: p-values there go down to 1 / 201."""

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
class TrainedDetector:
    """What training a detector leaves.

    Attributes
    ----------
    map_ : Map
        With detector settings.
    units : ndarray of shape (n_samples,)
        Best matching unit of each row.
    sums : RunningSums or None
        Of all rows, for more to come.
    squares : ndarray of shape (n_units,)
        Squared distances of the rows to their units, added up.
    scores : ndarray of shape (n_samples,)
        Of the rows on their own map.
    calibration : ndarray of shape (n_samples,)
        By maps that did not see them; NaN for rows that do not calibrate.
    """

    map_: Map
    units: Ints
    sums: RunningSums | None
    squares: Float64s
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
        Costs ``1 + n_folds`` trainings on up to 20,000 rows; beyond that, one on so many of them.
    """
    trainer = _Trainer(encoding, detection.of_map(settings), detection)
    rng = np.random.default_rng(settings.seed)
    order = rng.permutation(len(rows))
    drawn = np.sort(order[:MOST_TRAINED])
    is_drawn = len(drawn) < len(rows)
    map_, units, sums, squares = trainer.train(rows, weights, labels, drawn if is_drawn else None)
    scores = score_rows(map_, rows)
    if is_drawn:
        calibration = scores.copy()
        calibration[drawn] = np.nan
    else:
        folds = np.array_split(order, min(detection.n_folds, len(rows)))
        calibration = trainer.cross_fitted(map_.lattice, rows, weights, labels, folds)
    if labels is not None:
        is_anomaly = (labels == ANOMALY) | np.isnan(calibration)
        if not is_anomaly.all():
            calibration[is_anomaly] = np.nan  # p-values compare with usual rows
    assert map_.detector is not None
    regions = None
    if detection.calibration == "regional":
        counted = np.where(np.isnan(calibration), 0.0, 1.0 if weights is None else weights)
        by_unit = np.bincount(units, counted, minlength=map_.n_units)
        regions = regions_of_least(map_, by_unit, least=REGION_ROWS)
    settled = calibrated(
        replace(map_.detector, mean_contributions=mean_contributions(map_, rows, weights)),
        scores,
        calibration,
        weights,
        detection.contamination,
        units=units,
        regions=regions,
    )
    map_ = replace(map_, detector=settled)
    return TrainedDetector(map_, units, sums, squares, scores, calibration)


def n_trainings(n_rows: int, detection: Detection) -> int:
    """Return how many maps are trained, one after the other.

    Parameters
    ----------
    n_rows : int
    detection : Detection

    Returns
    -------
    int
        One for each fold besides the map itself; of more than 20,000 rows, the map alone.
    """
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
        labels: Ints | None,
        drawn: Ints | None = None,
        lattice: Lattice | None = None,
    ) -> tuple[Map, Ints, RunningSums | None, Float64s]:
        """Return a map trained on the rows drawn, which knows what is usual among all.

        And the units of all rows, their sums and squares.  `drawn` None: all rows train.
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
            decorrelation = decorrelation_of(rows, weights, usual[units], share)
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
        map_ = replace(map_, detector=detector)
        if labels is not None and (labels != UNKNOWN).any():
            lift = lift_of(map_, score_rows(map_, rows), units, labels, weights)
            map_ = replace(map_, detector=replace(detector, lift=lift))
        return map_, units, sums, squares

    def cross_fitted(
        self,
        lattice: Lattice,
        rows: Floats,
        weights: Float64s | None,
        labels: Ints | None,
        folds: list[Ints],
    ) -> Float64s:
        """Score every row by a map of the same shape that was trained without its fold."""
        everything = np.arange(len(rows))
        scores = np.empty(len(rows))
        for fold in folds:
            others = np.setdiff1d(everything, fold, assume_unique=True)
            part = None if weights is None else weights[others]
            known = None if labels is None else labels[others]
            without, *_ = self.train(rows[others], part, known, lattice=lattice)
            scores[fold] = score_rows(without, rows[fold])
        return scores
