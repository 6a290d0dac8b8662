"""What turns a map into a detector of unusual rows: score, threshold, calibration."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, check_number, check_whole
from somscape.maps._decorrelation import Decorrelation

if TYPE_CHECKING:
    from somscape.maps._map import Map

SCORES = (
    "k_prototype",
    "quantization_error",
    "mass",
    "density",
    "local_scale",
    "u_height",
    "hit_density",
)
MAX_PROTOTYPES = 16


@dataclass(frozen=True, eq=False)
class DetectorSettings:
    """What turns a map into a detector of unusual rows.

    Attributes
    ----------
    score : str
        Name of the score, such as ``"k_prototype"``.
    n_prototypes : int
        Nearest prototypes that the score averages over.
    threshold : float
        Rows with a score above it are flagged.
    calibration : ndarray of shape (n_rows,)
        Ascending scores of rows that did not train the map they were scored on.
    calibration_weights : ndarray of shape (n_rows,) or None, default=None
        What each of them counts; None: 1 each.
    usual : ndarray of shape (n_units,), bool, or None, default=None
        Units whose prototypes stand for usual rows; None: those that won a row.
    spread : ndarray of shape (n_units,) or None, default=None
        Root mean squared distance of a unit's rows to it, pooled with its neighbors'.
    lift : ndarray of shape (n_units,) or None, default=None
        What the scores of a unit's rows are multiplied by, from known labels; None: nothing.
    mean_contributions : ndarray of shape (n_columns,) or None, default=None
        What each original column adds to the score of a training row, on average.
    regions : ndarray of shape (n_units,), int, or None, default=None
        Region of each unit, from 0, where rows are calibrated by region; None: one for all.
    calibration_units : ndarray of shape (n_rows,), int, or None, default=None
        Unit of each calibration row; goes with `regions`.
    decorrelation : Decorrelation or None, default=None
        How rows and prototypes are made comparable; None: they are compared as they are.
    members : tuple of Map, default=()
        Maps of the same lattice and columns, with a score each, which are taken together; none:
        the map scores by itself.
    """

    score: str
    n_prototypes: int
    threshold: float
    calibration: Float64s
    calibration_weights: Float64s | None = None
    usual: NDArray[np.bool_] | None = None
    spread: Float64s | None = None
    lift: Float64s | None = None
    mean_contributions: Float64s | None = None
    regions: Ints | None = None
    calibration_units: Ints | None = None
    decorrelation: Decorrelation | None = None
    members: "tuple[Map, ...]" = ()

    def __post_init__(self) -> None:
        check_choice("score", self.score, SCORES)
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES)
        check_number("threshold", self.threshold, 0, low_is_allowed=True)
        calibration = self.calibration
        if calibration.ndim != 1 or not (
            np.isfinite(calibration).all() and (np.diff(calibration) >= 0).all()
        ):
            raise ValueError("`calibration` must be finite scores in ascending order.")
        weights = self.calibration_weights
        if weights is not None and (
            weights.shape != calibration.shape or not (np.isfinite(weights) & (weights > 0)).all()
        ):
            raise ValueError("`calibration_weights` must be one finite weight above 0 per score.")
        if self.usual is not None and not (self.usual.dtype == bool and self.usual.any()):
            raise ValueError("`usual` must be truth values by unit, at least one of them true.")
        spread = self.spread
        if spread is not None and not (np.isfinite(spread).all() and (spread >= 0).all()):
            raise ValueError("`spread` must be finite and not negative.")
        if self.lift is not None and not (np.isfinite(self.lift) & (self.lift > 0)).all():
            raise ValueError("`lift` must be finite and above 0.")
        means = self.mean_contributions
        if means is not None and not (np.isfinite(means).all() and (means >= 0).all()):
            raise ValueError("`mean_contributions` must be finite and not negative.")
        if not self._has_regions_that_fit():
            raise ValueError(
                "`regions` must be whole numbers from 0 by unit, and `calibration_units` a "
                "unit per score."
            )

    def _has_regions_that_fit(self) -> bool:
        regions, units = self.regions, self.calibration_units
        if regions is None or units is None:
            return regions is None and units is None
        are_whole = regions.dtype.kind == "i" and units.dtype.kind == "i"
        return (
            are_whole
            and units.shape == self.calibration.shape
            and bool((regions >= 0).all())
            and bool(((units >= 0) & (units < len(regions))).all())
        )
