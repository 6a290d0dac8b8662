"""The regressor as a scikit-learn estimator."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import assert_all_finite

from somscape._types import Float64s
from somscape._validate import is_missing
from somscape.errors import InputError
from somscape.estimators._learner import (
    Learner,
    check_one_per_row,
    kept_of,
    rows_of,
    scoring_weights,
)
from somscape.estimators._settings import settings_of_regressor
from somscape.estimators._som import SOM
from somscape.estimators._table_encoder import TableEncoder
from somscape.recognize import Predictor, train_predictor

LARGEST = 1e145
"""Size of targets whose squares can be added up."""


class SOMRegressor(RegressorMixin, Learner):
    """Predict numbers of rows by a map, with intervals that hold what they say.

    The units near a row say together what its target is: each a mean of the rows around it on the
    map, and slopes along the columns where they help.

    Parameters
    ----------
    som : SOM or None, default=None
        The map to train, unfitted.  None means ``SOM()``.  Its automatic size is a fifth of the
        rows, at most 1,500 units.  Its ``missing`` and ``encoder`` are ignored: the regressor has
        its own.
    relevance : bool, default=True
        Whether columns may count by how steeply the targets rise along them, instead of alike.
        Rows that are left out of training decide.  ``map_`` then has a metric of its own.
    linear : bool, default=True
        Whether units may have slopes, the same for all or their own.  Rows that are left out
        decide.
    missing : {"error", "fill"}, default="error"
        As for `SOM`.  A `TableEncoder` passed as ``encoder`` has its own.
    encoder : "auto", TableEncoder or None, default="auto"
        As for `SOM`, but ``missing="mask"``, which leaves missing cells out, is not supported.
    random_state : int, RandomState or None, default=None
        Draws which rows are left out, and what the map draws.
    verbose : int, default=0
        As for `SOM`.

    Attributes
    ----------
    map_ : Map
        The map, in the units of the features.
    predictor_ : Predictor
        What answers.
    explain_defaults_ : dict of str to str
        What was chosen, and why.
    kernels_used_ : str
        Kernels that ran, such as ``"core/avx512"``.
    n_features_in_ : int
        Number of features seen by `fit`; of encoded features if columns were encoded by name.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the data had names.

    See Also
    --------
    SOMClassifier : Predicts classes.
    somscape.recognize.Predictor : What a saved file is loaded as.

    Notes
    -----
    Columns of arrays should be on one scale, as for `SOM`.  `fit` trains eighteen maps for at most
    1,000 different rows, as each fifth is left out once, with and without relevance; six for more
    rows; and as many more if targets are unknown.  Slopes of a unit's own need at most 30 axes.
    Predictions stay within the range of the known targets and a tenth of it on both sides.
    Intervals compare with rows that were left out, each in units of how far targets lie from
    predictions around it (cross-conformal).

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

    def __init__(
        self,
        som: SOM | None = None,
        *,
        relevance: bool = True,
        linear: bool = True,
        missing: str = "error",
        encoder: TableEncoder | str | None = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.som = som
        self.relevance = relevance
        self.linear = linear
        self.missing = missing
        self.encoder = encoder
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SOMRegressor":
        """Train the map on rows with known targets.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Numbers of at most 1e145 in size; None or NaN where a target is unknown.  The map learns
            from rows of unknown targets, too, if that predicts rows that are left out better.
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight 2 counts as two rows; a row of weight 0 counts as absent.

        Returns
        -------
        SOMRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or value is not allowed; the message says which.
        """
        prediction, settings = settings_of_regressor(self, self._som())
        prepared = self._prepared(X, sample_weight)
        given = kept_of(prepared, _checked_numbers(y, len(prepared.all_rows)))
        targets = given.reshape(len(given), -1)
        for j in np.flatnonzero(np.isnan(targets).all(axis=0)):
            which = "" if given.ndim == 1 else f"; target {j} is not known for any"
            raise InputError(
                f"`y` must say the target of some rows; all {len(given)} are unknown (None or "
                f"NaN){which}."
            )
        self.predictor_: Predictor = train_predictor(
            (rows_of(prepared), targets, prepared.weights),
            prepared.encoding,
            settings,
            prediction,
            is_single=given.ndim == 1,
        )
        self._explain_size()
        has_slopes = self.predictor_.slopes is not None
        self.explain_defaults_["linear"] = (
            f"{'slopes' if has_slopes else 'no slopes'}, power {self.predictor_.power:g} of "
            "distances: best for rows that were left out."
        )
        return self

    def predict(self, X: Any) -> Float64s:
        """Return the prediction for each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        rows = self._rows(X)
        return self.predictor_.predictions_of_rows(rows)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Float64s:
        """Return where the target of each row lies with a given probability.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        coverage : float, default=0.9
            Share, above 0 and below 1, of rows like those of the training whose target lies inside.

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, n_targets, 2)
            Lower and upper end; infinite where too few rows were left out to tell.
        """
        rows = self._rows(X)
        return self.predictor_.intervals_of_rows(rows, coverage)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R2, the share of the targets' variance that predictions explain.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Unknown targets, None or NaN, do not count.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            The mean of all targets; 1 is best, 0 is as good as the mean of `y`.
        """
        found = self.predict(X)
        given = _checked_numbers(y, len(found))
        if given.shape != found.shape:
            raise InputError(f"`y` must have the shape {found.shape}; got {given.shape}.")
        if np.isnan(given).all(axis=0).any():
            raise InputError("`y` must say the target of some rows; all are unknown.")
        weights = scoring_weights(sample_weight, ~np.isnan(given))
        columns = zip(given.reshape(len(given), -1).T, found.reshape(len(found), -1).T, strict=True)
        return float(np.mean([_r2(y, p, weights) for y, p in columns]))

    def _fitted(self) -> Predictor:
        return self.predictor_


def _r2(y: Float64s, found: Float64s, weights: Float64s) -> float:
    """Return R2 where targets are known; as scikit-learn, 1 or 0 where they do not vary."""
    weights = weights * ~np.isnan(y)
    y = np.nan_to_num(y)
    left = float(weights @ (y - np.where(weights > 0, found, y)) ** 2)
    of_all = float(weights @ (y - weights @ y / weights.sum()) ** 2)
    return 1 - left / of_all if of_all > 0 else float(left == 0)


def _checked_numbers(y: Any, n_rows: int) -> NDArray[np.float64]:
    """Return targets as float64, NaN where they are unknown."""
    if y is None:
        raise InputError(
            "SOMRegressor requires y to be passed, but the target y is None. Pass the target of "
            "each row."
        )
    values = np.asarray(y if hasattr(y, "dtype") else np.array(y, dtype=object))
    if values.dtype.kind not in "biufO" or values.ndim not in (1, 2):
        raise InputError(
            "`y` must hold numbers, in one column or one for each target; got "
            f"{values.dtype} in {values.ndim} dimensions. For names of classes, use SOMClassifier."
        )
    if values.shape[1:] == (0,):
        raise InputError("`y` has no column. Pass one column, or one for each target.")
    if values.dtype == object:
        flat = [np.nan if is_missing(value) else value for value in values.ravel().tolist()]
        try:
            values = np.array(flat, dtype=np.float64).reshape(values.shape)
        except (TypeError, ValueError, OverflowError) as error:
            wrong = next((value for value in flat if not _is_number(value)), flat[0])
            raise InputError(
                f"`y` must hold numbers; got {wrong!r:.40}. For names of classes, use "
                "SOMClassifier."
            ) from error
    values = values.astype(np.float64)
    assert_all_finite(values, input_name="y", allow_nan=True)
    check_one_per_row(len(values), n_rows, "target")
    too_large = np.argwhere(np.abs(values) > LARGEST)
    if len(too_large):
        raise InputError(
            f"`y` must be at most {LARGEST:g} in size; got {values[tuple(too_large[0])]:g} in row "
            f"{too_large[0, 0]}. Rescale the targets."
        )
    return values


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True
