"""The classifier and the regressor as scikit-learn estimators."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from somscape._types import Float64s, Ints
from somscape._validate import check_number, checked_weights, is_missing
from somscape._weights import ones_or
from somscape.errors import InputError
from somscape.estimators._intake import Prepared, answered_by, brought_here, data_for, prepare
from somscape.estimators._saved import Saves
from somscape.estimators._settings import settings_of
from somscape.estimators.som import SOM, own_som
from somscape.estimators.table_encoder import TableEncoder
from somscape.kernels._select import select_kernels
from somscape.maps.map import Map
from somscape.outliers.similar import SimilarRows, nearest_rows
from somscape.recognize._answering import Answering
from somscape.recognize._train import Prediction, Recognition, train_predictor, train_recognizer
from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import Recognizer


class Learner(Saves):
    """Base class of `SOMClassifier` and `SOMRegressor`."""

    _SPARSE = "dense"

    @property
    def map_(self) -> Map:
        """The map."""
        return getattr(self, self._MODEL).map_

    p_values = answered_by("_current_model", Answering.p_values, data_for)

    def _explain(self, prepared: Prepared, **chosen: str) -> None:
        """Set `explain_defaults_` and `kernels_used_`."""
        lattice = self.map_.lattice
        size = f"{lattice.n_rows} x {lattice.n_cols}: {lattice.size_text}."
        encoder = {} if prepared.why is None else {"encoder": prepared.why}
        self.explain_defaults_: dict[str, str] = {"n_rows": size, **encoder, **chosen}
        self.kernels_used_ = select_kernels().name


def check_is_given(y: Any, learner: str, what: str) -> None:
    """Raise InputError if `y` is None."""
    if y is None:
        raise InputError(
            f"{learner} requires y to be passed, but the target y is None. Pass the {what} of "
            "each row.",
            parameter="y",
        )


def check_one_per_row(n: int, n_rows: int, what: str) -> None:
    """Raise InputError if an array such as `y` does not contain one value for each row of X."""
    if n != n_rows:
        raise InputError(
            f"`y` must have one {what} for each of the {n_rows} rows of X, but has {n}. Pass "
            f"None or NaN for a row of unknown {what}.",
            value=n,
            allowed=n_rows,
        )


def scoring_weights(sample_weight: Any, is_known: NDArray[np.bool_]) -> Float64s:
    """Return the row weights for `score`, scaled so that the largest weight is 1."""
    weights = ones_or(checked_weights(sample_weight, len(is_known)), len(is_known))
    weights = weights / weights.max()
    if not is_known[weights > 0].any(axis=0).all():
        raise InputError(
            "`sample_weight` is 0 for every row with a known `y`. Pass a weight above 0 for at "
            "least one of these rows.",
            value=0,
        )
    return weights


@dataclass(eq=False, repr=False, match_args=False)
class SOMClassifier(ClassifierMixin, Learner):
    """Predict the class of each row, with probabilities, by means of a map.

    First, a map is trained on rows with known classes.  Then, a margin rule moves prototypes so
    that the nearest prototype of a row usually belongs to the row's class.  The class probabilities
    of a row are computed from the units near the row.

    Parameters
    ----------
    som : SOM or None, default=None
        The map to train, unfitted.  None means ``SOM()``.  The automatic number of units is a tenth
        of the number of rows, but at least two units for each class and at most 1,500 units, and
        the automatic number of starts is smaller than for a SOM.  ``missing`` and ``encoder`` of
        `som` are ignored, because the classifier has parameters with these names.
    sharpen : bool, default=True
        Whether a margin rule (GMLVQ) changes the prototypes and the metric so that the nearest
        prototype of a row usually belongs to the row's class.  ``map_`` has the changed metric.
    smooth : bool, default=True
        Whether the prediction for a row is computed from the 16 nearest units, with more weight for
        nearer units.  The weights are chosen so that predictions are good for rows that are left
        out of training.  If False, the prediction is computed only from the best matching unit.
    reject : float or None, default=None
        Share, up to 0.5, of rows similar to the training rows that `predict` rejects because they
        are far from the map.  For a rejected row, `predict` returns None.  The share must be at
        least 1 / (n + 1), where n is the number of rows that are left out of training.  If there
        are at most 1,000 rows, each row with a known class is left out once.  If there are more
        rows, a fifth of the rows (at most 3,000 rows) is left out.
    missing : {"error", "fill"}, default="error"
        Treatment of missing values, as for `SOM`.  A `TableEncoder` uses its own `missing` instead.
    encoder : "auto", TableEncoder or None, default="auto"
        Conversion of columns to features, as for `SOM`, but not with ``missing="mask"``.
    random_state : int, RandomState or None, default=None
        Seed for the choice of the rows that are left out of training, for the order of the rows in
        the margin rule, and for the training of the map.
    verbose : int, default=0
        As for `SOM`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes in ascending order.
    map_ : Map
        The map, with the prototypes after the margin rule, on the scale of the features.
    shares_ : ndarray of shape (n_units, n_classes)
        For each unit, the share of each class among the training rows around the unit.
    recognizer_ : Recognizer
        The fitted recognizer, which computes the predictions.
    explain_defaults_ : dict of str to str
        Values that `fit` chose, and the reasons.
    kernels_used_, n_features_in_, feature_names_in_
        As for `SOM`.

    See Also
    --------
    SOMRegressor : Predicts numbers.
    somscape.recognize.Recognizer : The class of `recognizer_`.

    Notes
    -----
    Columns of arrays should be on the same scale, as for `SOM`.  `fit` trains one map on all rows
    and another map without a fifth of the rows (at most 3,000 rows).  The smoothing of the
    probabilities is chosen so that predictions are good for the rows left out.  With at most 1,000
    different rows, `fit` splits the rows into five folds, and trains one map on all rows and one
    map without each fold.  Equal rows of a class are divided among the folds.  If the class of some
    rows is unknown, `fit` trains twice as many maps.  If the data have more than 100 features, rows
    are compared along the 100 main axes of the data.  The same data, parameters and seed give the
    same results, except for the last bits on a machine with another linear algebra library.

    References
    ----------
    P. Schneider, M. Biehl and B. Hammer (2009), Adaptive relevance matrices in learning vector
    quantization, Neural Computation 21 (`sharpen`).

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMClassifier
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> classifier = SOMClassifier(random_state=0).fit(X[:200], y[:200])
    >>> classifier.predict([[1.0, 1.0], [1.0, -1.0]]).tolist()
    ['same', 'other']
    >>> classifier.score(X[200:], y[200:]) > 0.9
    True
    """

    _MODEL = "recognizer_"

    som: SOM | None = None
    _: KW_ONLY
    sharpen: bool = True
    smooth: bool = True
    reject: float | None = None
    missing: str = "error"
    encoder: TableEncoder | str | None = "auto"
    random_state: Any = None
    verbose: int = 0

    @property
    def shares_(self) -> Float64s:
        """For each unit, the share of each class among the training rows around the unit."""
        return self.recognizer_.shares

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SOMClassifier":
        """Train the map on rows with known classes.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            A ``scipy.sparse`` array is converted to a dense array.
        y : array-like of shape (n_samples,)
            Class of each row, as a number or text.  None or NaN means that the class is unknown.
            The number -1 is a class.  Rows of unknown class are used for training if this improves
            the predictions for rows that are left out of training.
        sample_weight : array-like of shape (n_samples,), optional
            Row weights.  A row of weight 2 counts as two rows, and rows of weight 0 are ignored.

        Returns
        -------
        SOMClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or a value of the data is not allowed.  The message names it.
        """
        if self.reject is not None:
            check_number("reject", self.reject, 0, 0.5)
        recognition, settings = settings_of(self, Recognition, own_som(self.som))
        prepared = prepare(self, X, sample_weight)
        given = prepared.of_kept(_checked_classes(y, len(prepared.all_rows)))
        self.classes_, codes = _encode_classes(given)
        known = np.asarray(prepared.rows, np.float64), codes, prepared.weights
        self.recognizer_: Recognizer = train_recognizer(
            known, self.classes_, prepared.encoding, settings, recognition
        )
        model, chosen = self._current_model, {}  # an error if `reject` is too small for the rows
        if self.smooth:
            chosen["smooth"] = (
                f"power {model.power:g} of distances and {model.prior:g} prior rows per unit, "
                "which were best for rows that were left out of training."
            )
        self._explain(prepared, **chosen)
        return self

    predict = answered_by("_current_model", Recognizer.predict, data_for)

    def predict_proba(self, X: Any) -> Float64s:
        """Return the probability of each class for each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities in the order of `classes_`.  The probabilities of a row add up to 1.
        """
        return self.recognizer_.probabilities(data_for(self, X))

    contributions = answered_by("recognizer_", Recognizer.contributions, data_for)
    reasons = answered_by("recognizer_", Recognizer.reasons)
    counterfactuals = answered_by("_current_model", Recognizer.counterfactuals)

    def similar_rows(self, X: Any, *, among: Any, n_similar: int = 5) -> SimilarRows:
        """Return the rows of `among` that are nearest to each row of X.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
        among : Table, data frame or array-like of shape (n_others, n_features)
            Rows among which similar rows are searched, such as the training rows.  The classifier
            does not store rows.
        n_similar : int, default=5
            Number of similar rows to return for each row of X, at least 1.

        Returns
        -------
        SimilarRows
            Similar rows of each row of X, with the nearest first, in the metric that the classifier
            learned.  If `among` contains a row of X, this row is its own first similar row.

        Examples
        --------
        >>> from somscape import SOMClassifier
        >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 20, ["a", "b"] * 20
        >>> classifier = SOMClassifier(random_state=0).fit(X, y)
        >>> classifier.similar_rows([[0.9, 0.2]], among=X[:4], n_similar=2).rows
        array([[1, 3]])
        """
        map_ = self.map_
        return nearest_rows(map_, brought_here(self, X), brought_here(self, among), n_similar)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose class is predicted correctly.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : array-like of shape (n_samples,)
            True class of each row.  Rows whose class is unknown (None or NaN) are ignored.  Rows
            that `predict` rejects count as wrong.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        found = self.predict(X)
        given = _checked_classes(y, len(found))
        is_known = ~_is_unknown(given)
        if not is_known.any():
            raise InputError(
                f"`y` must contain the class of some rows, but all {len(y)} classes are unknown."
            )
        weights = scoring_weights(sample_weight, is_known)[is_known]
        return float(np.average(found[is_known] == given[is_known], weights=weights))

    @property
    def _current_model(self) -> Recognizer:
        """The fitted recognizer with the current value of `reject`."""
        return replace(self.recognizer_, reject=self.reject)

    def _take_model(self, model: Recognizer) -> None:
        self.recognizer_, self.classes_ = replace(model, reject=None), model.classes


def _checked_classes(y: Any, n_rows: int) -> NDArray[Any]:
    """Return the classes as a 1-D array."""
    check_is_given(y, "SOMClassifier", "class")
    values = column_or_1d(y if hasattr(y, "dtype") else np.array(y, dtype=object), warn=True)
    values = np.asarray(values)
    check_one_per_row(len(values), n_rows, "class")
    return values


def _is_unknown(y: NDArray[Any]) -> NDArray[np.bool_]:
    return np.fromiter((is_missing(value) for value in y.tolist()), np.bool_, len(y))


def _encode_classes(y: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    """Return the distinct classes in order, and the class number of each row (-1 if unknown)."""
    is_known = ~_is_unknown(y)
    if not is_known.any():
        raise InputError(
            f"`y` must contain the class of some rows, but all {len(y)} classes are unknown "
            "(None or NaN). Pass rows of at least two classes."
        )
    known = y[is_known]
    if known.dtype == object:
        kinds = sorted({type(value).__name__ for value in known})
        if len({kind in ("str", "str_") for kind in kinds}) > 1:
            raise InputError(
                f"`y` must contain classes of one kind, but has values of type "
                f"{' and '.join(kinds)}. Pass only text, or only numbers.",
                value=" and ".join(kinds),
            )
        known = np.array(known.tolist())
    if known.dtype.kind == "f":
        assert_all_finite(known, input_name="y")
    if known.dtype.kind not in "biufU":
        kind = type(y[is_known][0]).__name__ if known.dtype == object else known.dtype
        raise InputError(
            f"`y` must contain text, numbers or booleans, but has values of type {kind}. "
            "Pass text, such as y.astype(str).",
            value=kind,
        )
    check_classification_targets(known)
    classes, codes = np.unique(known, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            "`y` must have at least two classes, but has only one class, "
            f"{classes.tolist()[0]!r}. To find rows that do not belong to this class, use "
            "SOMDetector.",
            value=classes.tolist()[0],
        )
    numbers = np.full(len(y), -1, dtype=np.intp)
    numbers[is_known] = codes
    return classes, numbers


LARGEST = 1e145
"""Maximum absolute value of a target that is allowed, so that sums of squares do not overflow."""


@dataclass(eq=False, repr=False, match_args=False)
class SOMRegressor(RegressorMixin, Learner):
    """Predict numeric targets of rows with a map, with calibrated intervals.

    The prediction for a row is computed from the units near the row.  Each unit stores the mean
    target of the training rows near the unit on the map.  If slopes improve the predictions, each
    unit also stores how steeply the target changes along each column.

    Parameters
    ----------
    som : SOM or None, default=None
        The map to train, unfitted.  None means ``SOM()``.  The automatic number of units is a fifth
        of the number of rows, but at most 1,500 units, and the automatic number of starts is
        smaller than for a SOM.  ``missing`` and ``encoder`` of `som` are ignored, because the
        regressor has parameters with these names.
    relevance : bool, default=True
        Whether `fit` may weight columns by their effect on the targets.  Weights are used in the
        metric of ``map_`` only if they improve the predictions for rows that are left out of
        training.
    linear : bool, default=True
        Whether a unit's prediction may have slopes along the columns.  `fit` chooses between no
        slopes, the same slopes for all units, and separate slopes for each unit, by predictions for
        rows that are left out of training.
    missing : {"error", "fill"}, default="error"
        Treatment of missing values, as for `SOM`.  A `TableEncoder` uses its own `missing` instead.
    encoder : "auto", TableEncoder or None, default="auto"
        Conversion of columns to features, as for `SOM`, but not with ``missing="mask"``.
    random_state : int, RandomState or None, default=None
        Seed for the choice of the rows that are left out of training, and for the training of maps.
    verbose : int, default=0
        As for `SOM`.

    Attributes
    ----------
    map_ : Map
        The map, with prototypes on the scale of the features.
    predictor_ : Predictor
        The fitted predictor, which computes the predictions.
    explain_defaults_ : dict of str to str
        Values that `fit` chose, and the reasons.
    kernels_used_, n_features_in_, feature_names_in_
        As for `SOM`.

    See Also
    --------
    SOMClassifier : Predicts classes.
    somscape.recognize.Predictor : The class of `predictor_`.

    Notes
    -----
    Columns of arrays should be on the same scale, as for `SOM`.  With at most 1,000 different rows,
    `fit` trains eighteen maps, because each of five folds is left out once, with and without
    `relevance`.  For more rows, `fit` trains six maps.  If the targets of some rows are unknown,
    `fit` trains twice as many maps.  Units have separate slopes only if rows are compared along at
    most 30 axes (usually one for each feature).  A prediction is limited to the
    range of the known targets, extended by a tenth of the range at both ends.  Intervals are
    computed from the prediction errors for rows that were left out of training, divided by the
    typical error around each row (cross-conformal intervals).

    References
    ----------
    W. S. Cleveland (1979), Robust locally weighted regression and smoothing scatterplots, Journal
    of the American Statistical Association 74.
    S. Trivedi, J. Wang, S. Kpotufe and G. Shakhnarovich (2014), A consistent estimator of the
    expected gradient outerproduct, Uncertainty in Artificial Intelligence (`relevance`).
    V. Vovk (2015), Cross-conformal predictors, Annals of Mathematics and Artificial Intelligence
    74 (`predict_interval`).

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMRegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = X[:, 0] ** 2 + X[:, 1]
    >>> regressor = SOMRegressor(random_state=0).fit(X[:200], y[:200])
    >>> regressor.score(X[200:], y[200:]) > 0.9
    True
    >>> low, high = regressor.predict_interval(X[200:], coverage=0.9).T
    >>> bool(np.mean((low <= y[200:]) & (y[200:] <= high)) > 0.8)
    True
    """

    _MODEL = "predictor_"

    som: SOM | None = None
    _: KW_ONLY
    relevance: bool = True
    linear: bool = True
    missing: str = "error"
    encoder: TableEncoder | str | None = "auto"
    random_state: Any = None
    verbose: int = 0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SOMRegressor":
        """Train the map on rows with known targets.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            A ``scipy.sparse`` array is converted to a dense array.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets, which are numbers with an absolute value of at most 1e145.  None or NaN means
            that the target is unknown.  Rows with unknown targets are used for training if this
            improves the predictions for rows that are left out of training.
        sample_weight : array-like of shape (n_samples,), optional
            Row weights.  A row of weight 2 counts as two rows, and rows of weight 0 are ignored.

        Returns
        -------
        SOMRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or a value of the data is not allowed.  The message names it.
        """
        prediction, settings = settings_of(self, Prediction, own_som(self.som))
        prepared = prepare(self, X, sample_weight)
        given = prepared.of_kept(_checked_numbers(y, len(prepared.all_rows)))
        targets = given.reshape(len(given), -1)
        for j in np.flatnonzero(np.isnan(targets).all(axis=0)):
            which = "the target" if given.ndim == 1 else f"target {j}"
            raise InputError(
                f"`y` must contain {which} for some rows, but all {len(given)} are unknown (None "
                "or NaN). Pass at least one known target."
            )
        known = np.asarray(prepared.rows, np.float64), targets, prepared.weights
        self.predictor_: Predictor = train_predictor(
            known, prepared.encoding, settings, prediction, is_single=given.ndim == 1
        )
        slopes = "no slopes" if self.predictor_.slopes is None else "slopes"
        power = f"power {self.predictor_.power:g} of distances"
        chosen = f"{slopes}, {power}, which was best for rows that were left out of training."
        self._explain(prepared, linear=chosen)
        return self

    predict = answered_by("predictor_", Predictor.predict, data_for)
    predict_interval = answered_by("predictor_", Predictor.predict_interval, data_for)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R2, the share of the variance of targets that predictions explain.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            True targets.  Unknown targets (None or NaN) are ignored.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            Mean R2 of all targets.  The best R2 is 1.  R2 is 0 if every prediction is the mean of
            `y`.
        """
        found = self.predict(X)
        given = _checked_numbers(y, len(found))
        if given.shape != found.shape:
            raise InputError(
                f"`y` must have the shape {found.shape}, but has the shape {given.shape}.",
                value=given.shape,
                allowed=found.shape,
            )
        if np.isnan(given).all(axis=0).any():
            raise InputError(
                "`y` must contain each target for some rows, but all values of a target are "
                "unknown."
            )
        weights = scoring_weights(sample_weight, ~np.isnan(given))
        columns = zip(given.reshape(len(given), -1).T, found.reshape(len(found), -1).T, strict=True)
        return float(np.mean([_r2(y, p, weights) for y, p in columns]))


def _r2(y: Float64s, found: Float64s, weights: Float64s) -> float:
    """Return R2 of the known targets (1 or 0 if they are all equal, as in scikit-learn)."""
    weights = weights * ~np.isnan(y)
    y = np.nan_to_num(y)
    left = float(weights @ (y - np.where(weights > 0, found, y)) ** 2)
    of_all = float(weights @ (y - weights @ y / weights.sum()) ** 2)
    return 1 - left / of_all if of_all > 0 else float(left == 0)


def _checked_numbers(y: Any, n_rows: int) -> NDArray[np.float64]:
    """Check the targets, and return them as float64, with NaN for unknown targets."""
    check_is_given(y, "SOMRegressor", "target")
    values = np.asarray(y if hasattr(y, "dtype") else np.array(y, dtype=object))
    if values.dtype.kind not in "biufO" or values.ndim not in (1, 2):
        raise InputError(
            "`y` must contain numbers, in one column or in one column per target, but has "
            f"values of {values.dtype} in {values.ndim} dimensions. To predict names of classes, "
            "use SOMClassifier.",
            value=values.dtype,
        )
    if values.shape[1:] == (0,):
        raise InputError(
            "`y` must have one column, or one column for each target, but does not have any "
            "columns."
        )
    if values.dtype == object:
        flat = [np.nan if is_missing(value) else value for value in values.ravel().tolist()]
        try:
            values = np.array(flat, dtype=np.float64).reshape(values.shape)
        except (TypeError, ValueError, OverflowError) as error:
            wrong = next((value for value in flat if not _is_number(value)), flat[0])
            raise InputError(
                f"`y` must contain numbers, but has {wrong!r:.40}. To predict names of classes, "
                "use SOMClassifier.",
                value=wrong,
            ) from error
    values = values.astype(np.float64)
    assert_all_finite(values, input_name="y", allow_nan=True)
    check_one_per_row(len(values), n_rows, "target")
    too_large = np.argwhere(np.abs(values) > LARGEST)
    if len(too_large):
        raise InputError(
            f"`y` must be at most {LARGEST:g} in absolute value, but is "
            f"{values[tuple(too_large[0])]:g} in row {too_large[0, 0]}. Rescale the targets.",
            row=too_large[0, 0],
            value=values[tuple(too_large[0])],
            allowed=LARGEST,
        )
    return values


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True
