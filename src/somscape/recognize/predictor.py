"""The fitted predictor, which predicts numbers for rows."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_number, check_that
from somscape.errors import ParameterError
from somscape.grid.lattice import Lattice
from somscape.maps.record import TARGETS, Record
from somscape.recognize._answering import Answering, check_numbers, pulls
from somscape.recognize.recognizer import Recognizer, mixed

MAX_LOCAL_AXES = 30
"""Maximum number of axes for which each unit can have its own slopes."""

PRIOR = 0.1
"""Weight of the overall mean in the mean of each unit, as a number of rows."""


@dataclass(frozen=True)
class Bend:
    """Settings by which the values and slopes of units are smoothed over neighboring units.

    Attributes
    ----------
    radius : float
        Radius of the Gaussian weights on the map, in grid steps.
    ridge : float or None
        Ridge parameter that shrinks the common slope of all rows towards 0 (None for no slopes).
    local_ridge : float or None
        Ridge parameter that shrinks the slope of each unit towards the common slope of all rows.
        If None, every unit has the common slope.
    """

    radius: float = 1.0
    ridge: float | None = None
    local_ridge: float | None = None


class UnitLines(NamedTuple):
    """For each unit and target, a value and slopes that give a linear prediction."""

    values: Float64s
    """Prediction of each unit for a row whose coordinates are all 0 (n_units, n_targets)."""

    slopes: Float64s | None
    """Slope of each unit's prediction along each axis (n_units, n_targets, n_axes)."""

    def of_rows(self, placed: Float64s, units: Ints) -> Float64s:
        """Return, for each row, the predictions of the given units near the row."""
        found = self.values[units]
        if self.slopes is not None:
            for j in range(units.shape[1]):
                found[:, j] += np.einsum("ntd,nd->nt", self.slopes[units[:, j]], placed)
        return found


def together(said: Float64s, counting: Float64s) -> Float64s:
    """Return, for each row, the weighted sum of the predictions of the units near the row."""
    return np.asarray((counting[:, :, None] * said).sum(axis=1))


class TargetSums(NamedTuple):
    """For each unit, sums over those of its rows whose target is known."""

    firsts: Float64s
    """Row counts, sums of coordinates, and sums of the target (n_units, 1 + n_axes + 1)."""

    seconds: Float64s | None
    """Sums of coordinate times coordinate, or times target (n_units, n_axes, n_axes + 1)."""

    total: Float64s
    """The same sums of products as `seconds`, over the rows of all units (n_axes, n_axes + 1)."""


def sums_by_unit(
    placed: Float64s, target: Float64s, weights: Float64s, units: Ints, n_units: int
) -> TargetSums:
    """Compute, for each unit, the sums over its rows from which predictions are computed."""
    some = np.flatnonzero(~np.isnan(target))
    some = some[np.argsort(units[some], kind="stable")]
    weighed = np.column_stack([placed[some], target[some]])
    all_of = np.column_stack([np.ones(len(some)), weighed]) * weights[some, None]
    ends = np.searchsorted(units[some], np.arange(n_units + 1))
    n_axes = placed.shape[1]
    firsts = np.zeros((n_units, n_axes + 2))
    seconds = np.zeros((n_units, n_axes, n_axes + 1)) if n_axes <= MAX_LOCAL_AXES else None
    for unit in range(n_units):
        part = slice(ends[unit], ends[unit + 1])
        firsts[unit] = all_of[part].sum(axis=0)
        if seconds is not None:
            seconds[unit] = all_of[part, 1:-1].T @ weighed[part]
    return TargetSums(firsts, seconds, all_of[:, 1:-1].T @ weighed)


def line_of(sums: TargetSums, pulls: Float64s, bend: Bend) -> tuple[Float64s, Float64s | None]:
    """Compute the prediction values and the slopes of all units for one target."""
    whole = sums.firsts.sum(axis=0)
    if whole[0] == 0:
        return np.zeros(len(pulls)), None
    firsts = pulls @ sums.firsts + PRIOR * whole / whole[0]
    means = firsts[:, 1:] / firsts[:, [0]]
    if bend.ridge is None:
        return means[:, -1], None
    slope = _slopes(sums.total, whole, bend.ridge)
    slopes = np.tile(slope, (len(pulls), 1))
    if bend.local_ridge is not None and sums.seconds is not None:
        seconds = np.tensordot(pulls, sums.seconds, 1) + PRIOR * sums.total / whole[0]
        slopes = _slopes(seconds, firsts, bend.local_ridge, slope)
    return means[:, -1] - np.einsum("ud,ud->u", slopes, means[:, :-1]), slopes


def _slopes(
    seconds: Float64s, firsts: Float64s, ridge: float, start: Float64s | None = None
) -> Float64s:
    """Return the ridge regression slopes of units, which are shrunk towards the slopes `start`."""
    apart = seconds - firsts[..., 1:-1, None] * (firsts[..., None, 1:] / firsts[..., :1, None])
    n_axes = apart.shape[-2]
    start = np.zeros(n_axes) if start is None else start
    left = apart[..., -1] - apart[..., :-1] @ start
    found = np.linalg.solve(apart[..., :-1] + ridge * np.eye(n_axes), left[..., None])
    return np.asarray(start + found[..., 0])


def steps_apart(lattice: Lattice) -> Float64s:
    """Return the distance of each pair of units on the map."""
    return np.stack([lattice.distances_from(unit) for unit in range(lattice.n_units)])


def pulls_on_map(apart: Float64s, radius: float) -> Float64s:
    """For each unit, return the weights of all units (a Gaussian of their distances on the map)."""
    return np.exp(-((apart / radius) ** 2) / 2)


def lines_of(sums: list[TargetSums], pulls: Float64s, bend: Bend) -> UnitLines:
    """Compute the prediction values and the slopes of all units for several targets."""
    values, slopes = zip(*(line_of(each, pulls, bend) for each in sums), strict=True)
    n_axes = sums[0].firsts.shape[1] - 2
    if all(of_one is None for of_one in slopes):
        return UnitLines(np.stack(values, axis=1), None)
    none = np.zeros((len(pulls), n_axes))
    return UnitLines(
        np.stack(values, axis=1),
        np.stack([none if of_one is None else of_one for of_one in slopes], axis=1),
    )


COVERAGE = 0.9
"""Default share of intervals that contain the true number."""


@dataclass(frozen=True, eq=False)
class Predictor(Answering):
    """A map whose units predict numbers.

    It is the attribute ``predictor_`` of a fitted `SOMRegressor`, or comes from `somscape.load`.

    Attributes
    ----------
    map_ : Map
        Map whose metric compares rows by their coordinates on axes.
    n_nearest : int
        Number of nearest units from which the prediction for a row is computed.
    power : float
        Exponent by which weights fall with distance.  Relative to the nearest unit, a unit at twice
        the distance from the row has the weight ``2 ** -power``.
    far : ndarray of shape (n_calibration,)
        Distances of rows that were left out of training to the maps trained without these rows, in
        ascending order.  A row of weight 2 counts as two rows.
    values : ndarray of shape (n_units, n_targets)
        Prediction of each unit for a row whose coordinates on all axes are 0.
    spread : ndarray of shape (n_units, n_targets)
        Mean absolute error of the predictions for the rows around each unit.
    errors : ndarray of shape (n_calibration, n_targets)
        Absolute errors of the predictions for rows that were left out of training, divided by
        `spread`, in ascending order.  Rows are counted as in `far`.  Unknown targets give NaN at
        the end.
    limits : ndarray of shape (2, n_targets)
        Lowest and highest allowed prediction.
    slopes : ndarray of shape (n_units, n_targets, n_axes) or None, default=None
        Slope of each unit's prediction along each axis.
    r2 : float or None, default=None
        Mean R2 of all targets, for rows that were left out of training (None without such rows).
    is_single : bool, default=True
        Whether there is one target and predictions are a one-dimensional array.
    leaks : dict of str to float, default={}
        Columns each of which alone explains nearly all of the target, and the share of the target's
        variance that the column explains.  `somscape fit --target` finds these columns.

    Raises
    ------
    ValueError, TypeError
        If the attributes do not fit together.  The message names the attribute.

    See Also
    --------
    somscape.SOMRegressor : Trains a Predictor, as an estimator of scikit-learn.

    Examples
    --------
    >>> from somscape import SOMRegressor
    >>> X = [[0.0], [1.0], [2.0], [3.0]] * 20
    >>> predictor = SOMRegressor(random_state=0).fit(X, [0.0, 1.0, 2.0, 3.0] * 20).predictor_
    >>> predictor.predict([[1.0]]).round(1)
    array([1.])
    """

    PART, KIND = TARGETS, "regressor"
    EXPLAINS = "explains {share:.1f} % of the variance of '{target}'"
    WITHOUT = (
        "This is a map without targets, so it cannot predict numbers. Save a fitted SOMRegressor, "
        "or use `somscape fit --target`."
    )

    values: Float64s
    spread: Float64s
    errors: Float64s
    limits: Float64s
    slopes: Float64s | None = None
    r2: float | None = None
    is_single: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        n_units = self.map_.n_units
        check_numbers("values", self.values, (n_units, -1))
        n_targets = self.values.shape[1]
        check_that(n_targets, "`values` must have at least one target.")
        check_numbers("spread", self.spread, (n_units, n_targets))
        check_that((self.spread > 0).all(), "`spread` must be above 0.")
        check_numbers("limits", self.limits, (2, n_targets))
        errors = self.errors
        is_float = isinstance(errors, np.ndarray) and errors.dtype.kind == "f"
        known = errors[~np.isnan(errors)] if is_float else errors
        check_numbers("errors", known, (-1,))
        ascending = np.sort(errors, axis=0)
        check_that(
            errors.shape[1:] == (n_targets,) and np.array_equal(ascending, errors, equal_nan=True),
            "`errors` must be in ascending order for each target.",
        )
        if self.slopes is not None:
            whitening = self.map_.metric.whitening
            if whitening is None:
                raise ParameterError("`slopes` require a map with metric='mahalanobis'.")
            check_numbers("slopes", self.slopes, (n_units, n_targets, whitening.shape[1]))
        if self.r2 is not None:
            check_number("r2", self.r2, -np.inf, 1)
        check_that(
            isinstance(self.is_single, bool) and not (self.is_single and n_targets > 1),
            "`is_single` must be True or False, and it must be False for several targets.",
        )

    def __repr__(self) -> str:
        n_targets = self.values.shape[1]
        return f"Predictor({self.map_!r}, {n_targets} target{'s' * (n_targets > 1)})"

    def predict(self, X: Any) -> Float64s:
        """Return the prediction for each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            Rows in any form that `Map.rows_of` accepts.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        return self._predictions_of_rows(self.map_.rows_of(X))

    def predict_interval(self, X: Any, coverage: float = COVERAGE) -> Float64s:
        """Return an interval for the target of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
        coverage : float, default=0.9
            Share, above 0 and below 1, of rows whose target is in their interval.  The rows must be
            similar to the training rows.

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, n_targets, 2)
            Lower and upper end of each interval.  Both are infinite if training left out too few
            rows.
        """
        return self._intervals_of_rows(self.map_.rows_of(X), coverage)

    def _predictions_of_rows(self, rows: Floats) -> Float64s:
        """Return the prediction for each encoded row, as `predict` does."""
        found = self._answers_of_rows(rows)[0]
        return found[:, 0] if self.is_single else found

    def _intervals_of_rows(self, rows: Floats, coverage: float) -> Float64s:
        """Return the interval of each encoded row, as `predict_interval` does."""
        found, spread, _ = self._answers_of_rows(rows)
        half = spread * self._factors(coverage)
        ends = np.stack([found - half, found + half], axis=2)
        return ends[:, 0] if self.is_single else ends

    def _factors(self, coverage: float) -> Float64s:
        """Return, for each target, half the interval's width divided by the spread."""
        check_number("coverage", coverage, 0, np.nextafter(1, 0))
        n = (~np.isnan(self.errors)).sum(axis=0)
        place = np.ceil((n + 1) * coverage).astype(np.intp)
        padded = np.vstack([self.errors, np.full((1, len(n)), np.inf)])
        return np.where(place <= n, padded[np.minimum(place, n + 1) - 1, np.arange(len(n))], np.inf)

    def _answers_of_rows(self, rows: Floats) -> tuple[Float64s, Float64s, Float64s]:
        """Return, for each row, the predictions, their spread, and a p-value."""
        shape = (len(rows), self.values.shape[1])
        found, spread, p_values = np.empty(shape), np.empty(shape), np.empty(len(rows))
        lines = UnitLines(self.values, self.slopes)
        for part, units, distances in self._near(rows):
            counting = pulls(distances, self.power)
            placed = np.asarray(self.map_.metric.compared(rows[part]))
            found[part] = together(lines.of_rows(placed, units), counting)
            spread[part] = mixed(self.spread, units, counting)
            p_values[part] = self._p_values_of(distances)
        return np.clip(found, *self.limits), spread, p_values

    def to_record(self) -> Record:
        """Return the contents of the file to save (JSON data and named arrays).

        Returns
        -------
        Record
        """
        names = ("values", "slopes", "spread", "errors", "limits")
        arrays = {name: getattr(self, name) for name in names}
        return self._record({"r2": self.r2, "is_single": self.is_single}, arrays)


def answering_in(thing: Any) -> Recognizer | Predictor | None:
    """Return `thing` if it is a recognizer or predictor, the one that it contains, or None."""
    if isinstance(thing, Recognizer | Predictor):
        return thing
    recognizer = getattr(thing, "recognizer_", None)
    if isinstance(recognizer, Recognizer):
        return replace(recognizer, reject=thing.reject)
    predictor = getattr(thing, "predictor_", None)
    return predictor if isinstance(predictor, Predictor) else None


def recognizer_in(thing: Any) -> Recognizer | None:
    """Return `thing` if it is a recognizer, the recognizer that it contains, or None."""
    found = answering_in(thing)
    return found if isinstance(found, Recognizer) else None
