"""From prepared rows to a map that can score: training, what is usual, threshold, calibration."""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_choice, check_number, check_whole
from somscape.encode import Encoding
from somscape.fit import Settings, train_map
from somscape.grid import Lattice
from somscape.maps import MAX_PROTOTYPES, SCORES, DetectorSettings, Map
from somscape.outliers._calibration import threshold_for
from somscape.outliers._labels import ANOMALY, UNKNOWN, lift_of
from somscape.outliers._score import score_rows
from somscape.outliers._usual import spread_of, usual_units

TRIM, CLEAN_TRIM = 0.2, 0.0
N_PROTOTYPES, CLEAN_N_PROTOTYPES = 5, 2
UNITS_PER_ROOT = 8.0
"""Units of a detector's automatic map for the square root of its rows; a map to look at has 5."""

CLEAN_RADIUS_END = 0.4
"""Where all rows are usual, prototypes may follow them closely."""

MOST_TRAINED = 20_000
"""Rows that train a map; of more, so many are drawn, and the others calibrate."""


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

    def __post_init__(self) -> None:
        check_choice("score", self.score, SCORES)
        check_number("contamination", self.contamination, 0, 0.5)
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES, or_auto=True)
        check_number("trim", self.trim, 0, 0.5, low_is_allowed=True, or_auto=True)
        if not isinstance(self.training_is_clean, bool | np.bool_):
            raise TypeError(
                f"`training_is_clean` must be True or False; got {self.training_is_clean!r}."
            )
        check_whole("n_folds", self.n_folds, 2)

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

    def of_map(self, settings: Settings) -> Settings:
        """Return settings of a map, with what is automatic as it suits detection."""
        is_free = settings.radius_end == settings.radius_start == "auto"
        follows = self.training_is_clean and is_free
        radius_end = CLEAN_RADIUS_END if follows else settings.radius_end
        n_init = 1 if settings.n_init == "auto" else settings.n_init
        return replace(
            settings, units_per_root=UNITS_PER_ROOT, radius_end=radius_end, n_init=n_init
        )


def train_detector(
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    detection: Detection,
    labels: Ints | None = None,
) -> tuple[Map, Ints]:
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
    map_ : Map
        With detector settings.  Costs ``1 + n_folds`` trainings on up to 20,000 rows; beyond
        that, one on so many of them.
    units : ndarray of shape (n_samples,)
        Best matching unit of each row.
    """
    trainer = _Trainer(encoding, detection.of_map(settings), detection)
    rng = np.random.default_rng(settings.seed)
    order = rng.permutation(len(rows))
    drawn = np.sort(order[:MOST_TRAINED])
    is_drawn = len(drawn) < len(rows)
    map_, units = trainer.train(rows, weights, labels, drawn if is_drawn else None)
    scores = score_rows(map_, rows)
    if is_drawn:
        held, calibration = np.setdiff1d(order, drawn, assume_unique=True), scores
    else:
        folds = np.array_split(order, min(detection.n_folds, len(rows)))
        held = np.arange(len(rows))
        calibration = trainer.cross_fitted(map_.lattice, rows, weights, labels, folds)
    if labels is not None and not (labels[held] == ANOMALY).all():
        held = held[labels[held] != ANOMALY]  # p-values compare with usual rows
    ascending = held[np.argsort(calibration[held], kind="stable")]
    assert map_.detector is not None
    settled = replace(
        map_.detector,
        threshold=threshold_for(scores, detection.contamination, weights),
        calibration=calibration[ascending],
        calibration_weights=None if weights is None else weights[ascending],
    )
    return replace(map_, detector=settled), units


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
    ) -> tuple[Map, Ints]:
        """Return a map trained on the rows drawn, which knows what is usual among all, and units.

        `drawn` None: all rows train.
        """
        if drawn is None:
            map_, _, units = train_map(rows, weights, self.encoding, self.settings, lattice)
        else:
            part = None if weights is None else weights[drawn]
            chosen = np.ascontiguousarray(rows[drawn])
            map_, _, _ = train_map(chosen, part, self.encoding, self.settings, lattice)
            units = np.asarray(map_.winners(rows))
            hits = np.bincount(units, weights, minlength=map_.n_units).astype(np.float64)
            map_ = replace(map_, hits=hits)
        detector = DetectorSettings(
            self.detection.score,
            self.detection.k,
            0.0,
            np.empty(0),
            usual=usual_units(map_, self.detection.trimmed),
            spread=spread_of(map_, rows, units, weights),
        )
        map_ = replace(map_, detector=detector)
        if labels is not None and (labels != UNKNOWN).any():
            lift = lift_of(map_, score_rows(map_, rows), units, labels, weights)
            map_ = replace(map_, detector=replace(detector, lift=lift))
        return map_, units

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
            without, _ = self.train(rows[others], part, known, lattice=lattice)
            scores[fold] = score_rows(without, rows[fold])
        return scores
