"""The classifier as a scikit-learn estimator."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from somscape._types import Float64s, Ints
from somscape._validate import is_missing
from somscape.errors import InputError
from somscape.estimators._elsewhere import pieces_here
from somscape.estimators._explains import in_words_of
from somscape.estimators._learner import (
    Learner,
    check_one_per_row,
    kept_of,
    rows_of,
    scoring_weights,
)
from somscape.estimators._settings import settings_of_classifier
from somscape.estimators._som import SOM
from somscape.estimators._table_encoder import TableEncoder
from somscape.outliers import SimilarRows, nearest_rows
from somscape.recognize import ClassReasons, OtherClass, Recognizer, train_recognizer


class SOMClassifier(ClassifierMixin, Learner):
    """Name the class of rows by a map, with calibrated probabilities.

    A map learns rows and their classes; a margin rule moves its prototypes to where classes meet;
    the units near a row then say how probable each class is.

    Parameters
    ----------
    som : SOM or None, default=None
        The map to train, unfitted.  None means ``SOM()``.  Its automatic size is a tenth of the
        rows, at most 1,500 units, and at least two for each class.  Its ``missing`` and
        ``encoder`` are ignored: the classifier has its own.
    layer_weight : float, default=0.0
        How much classes count beside the columns while the map trains: their variance, as a share
        of that of all columns.  With 0, the map does not see them; with 0.5, most units hold rows
        of one class, which a map needs that is not sharpened.
    sharpen : bool, default=True
        Whether a margin rule moves the prototypes and turns the axes (GMLVQ), until rows lie nearer
        to a prototype of their class than to any other.  ``map_`` then has a metric of its own.
    smooth : bool, default=True
        Whether the 16 units near a row answer together, the nearer the more.  How much is chosen by
        rows that are left out of training.  Without it, the winner answers.
    reject : float or None, default=None
        Share, up to 0.5, of rows like those of the training that `predict` may refuse: it answers
        None where rows so far from the map are not more than that.  At least 1 / (n + 1) for n
        rows that are left out: all known ones up to 1,000, a fifth of more, at most 3,000.
    missing : {"error", "fill"}, default="error"
        As for `SOM`.  A `TableEncoder` passed as ``encoder`` has its own.
    encoder : "auto", TableEncoder or None, default="auto"
        As for `SOM`, but ``missing="mask"``, which leaves missing cells out, is not supported.
    random_state : int, RandomState or None, default=None
        Draws which rows are left out, the order of rows in the margin rule, and what the map draws.
    verbose : int, default=0
        As for `SOM`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, in order.
    map_ : Map
        The map.  Its prototypes are those of the margin rule, in the units of the features.
    shares_ : ndarray of shape (n_units, n_classes)
        Share of each class around each unit.
    recognizer_ : Recognizer
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
    SOMRegressor : Predicts numbers.
    somscape.recognize.Recognizer : What a saved file is loaded as.
    somscape.plots.confusion_map : Where it is wrong.

    Notes
    -----
    Columns of arrays should be on one scale, as for `SOM`.  `fit` trains two maps: of all rows, and
    without a fifth of them, by which it chooses the smoothing; for at most 1,000 different rows
    six, as each fifth is left out once; and as many more if classes are unknown.  Of equal rows of
    a class, each fifth is left out in turn.  Rows of more than 100 features are compared on their
    100 main axes.
    The same data, parameters and seed give the same answers on one machine; linear algebra
    libraries may differ in the last bits.

    References
    ----------
    W. Melssen, R. Wehrens and L. Buydens (2006), Supervised Kohonen networks for classification
    problems, Chemometrics and Intelligent Laboratory Systems 83 (`layer_weight`).
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

    def __init__(
        self,
        som: SOM | None = None,
        *,
        layer_weight: float = 0.0,
        sharpen: bool = True,
        smooth: bool = True,
        reject: float | None = None,
        missing: str = "error",
        encoder: TableEncoder | str | None = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.som = som
        self.layer_weight = layer_weight
        self.sharpen = sharpen
        self.smooth = smooth
        self.reject = reject
        self.missing = missing
        self.encoder = encoder
        self.random_state = random_state
        self.verbose = verbose

    @property
    def shares_(self) -> Float64s:
        """Share of each class around each unit."""
        return self.recognizer_.shares

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SOMClassifier":
        """Train the map on rows with known classes.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : array-like of shape (n_samples,)
            Class of each row: numbers or text.  None or NaN is a row of unknown class, from which
            the map learns, too, if that names rows that are left out better; -1 is a class.
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight 2 counts as two rows; a row of weight 0 counts as absent.

        Returns
        -------
        SOMClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or value is not allowed; the message says which.
        """
        recognition, settings = settings_of_classifier(self, self._som())
        prepared = self._prepared(X, sample_weight)
        given = _checked_classes(y, len(prepared.all_rows))
        self.classes_, codes = _coded(kept_of(prepared, given))
        self.recognizer_: Recognizer = train_recognizer(
            (rows_of(prepared), codes, prepared.weights),
            self.classes_,
            prepared.encoding,
            settings,
            recognition,
        )
        self._answering()  # refuses a `reject` that so few rows cannot tell
        self._explain_size()
        if self.smooth:
            self.explain_defaults_["smooth"] = (
                f"power {self.recognizer_.power:g} of distances, {self.recognizer_.prior:g} rows a "
                "unit in advance: best for rows that were left out."
            )
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples,)
            With `reject`, of objects: None for a row that lies too far from the map.
        """
        answers = self._answers(X)
        return self._answering().classes_of(*answers)

    def predict_proba(self, X: Any) -> Float64s:
        """Return how probable each class is for each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; each row has the sum 1.
        """
        return self._answers(X)[0]

    @in_words_of(Recognizer.contributions)
    def contributions(self, X: Any) -> Float64s:
        rows = self._rows(X)
        return self.recognizer_.contributions(rows)

    @in_words_of(Recognizer.reasons)
    def reasons(self, X: Any) -> list[ClassReasons]:
        check_is_fitted(self)
        return self.recognizer_.reasons(pieces_here(X))

    @in_words_of(Recognizer.counterfactuals)
    def counterfactuals(self, X: Any) -> list[OtherClass | None]:
        check_is_fitted(self)
        return self._answering().counterfactuals(pieces_here(X))

    def similar_rows(self, X: Any, *, among: Any, n_similar: int = 5) -> SimilarRows:
        """Return the rows nearest to each row, by the metric that the classifier learned.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
        among : Table, data frame or array-like of shape (n_others, n_features)
            Rows to search, such as the training rows, or those of one class; the classifier itself
            keeps none.
        n_similar : int, default=5
            Number of similar rows for each row, at least 1.

        Returns
        -------
        SimilarRows
            Nearest first; a row that is in both is nearest to itself.

        Examples
        --------
        >>> from somscape import SOMClassifier
        >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 20, ["a", "b"] * 20
        >>> classifier = SOMClassifier(random_state=0).fit(X, y)
        >>> classifier.similar_rows([[0.9, 0.2]], among=X[:4], n_similar=2).rows
        array([[1, 3]])
        """
        check_is_fitted(self)
        return nearest_rows(self.map_, pieces_here(X), pieces_here(among), n_similar)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose class is named rightly.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : array-like of shape (n_samples,)
            Rows of unknown class, None or NaN, do not count; rows that `predict` refuses are wrong.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        found = self.predict(X)
        given = _checked_classes(y, len(found))
        is_known = ~_is_unknown(given)
        if not is_known.any():
            raise InputError(f"`y` must name the class of some rows; all {len(y)} are unknown.")
        weights = scoring_weights(sample_weight, is_known)[is_known]
        return float(np.average(found[is_known] == given[is_known], weights=weights))

    def _fitted(self) -> Recognizer:
        return self.recognizer_

    def _answering(self) -> Recognizer:
        """Return what answers, with today's `reject`."""
        return replace(self.recognizer_, reject=self.reject)

    def _answers(self, X: Any) -> tuple[Float64s, Float64s]:
        rows = self._rows(X)
        return self.recognizer_.probabilities_of_rows(rows)


def _checked_classes(y: Any, n_rows: int) -> NDArray[Any]:
    """Return the classes of rows as an array of one dimension; a list's are objects."""
    if y is None:
        raise InputError(
            "SOMClassifier requires y to be passed, but the target y is None. Pass the class of "
            "each row."
        )
    values = column_or_1d(y if hasattr(y, "dtype") else np.array(y, dtype=object), warn=True)
    values = np.asarray(values)
    check_one_per_row(len(values), n_rows, "class")
    return values


def _is_unknown(y: NDArray[Any]) -> NDArray[np.bool_]:
    return np.fromiter((is_missing(value) for value in y.tolist()), np.bool_, len(y))


def _coded(y: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    """Return the classes, in order, and the number of each row's, -1 for unknown."""
    is_known = ~_is_unknown(y)
    if not is_known.any():
        raise InputError(
            f"`y` must name the class of some rows; all {len(y)} are unknown (None or NaN). Give "
            "rows of at least two classes."
        )
    known = y[is_known]
    if known.dtype == object:
        kinds = sorted({type(value).__name__ for value in known})
        if len({kind in ("str", "str_") for kind in kinds}) > 1:
            raise InputError(
                f"`y` must hold classes of one kind; got {' and '.join(kinds)}. Pass text for all, "
                "or numbers for all."
            )
        known = np.array(known.tolist())
    if known.dtype.kind == "f":
        assert_all_finite(known, input_name="y")
    if known.dtype.kind not in "biufU":
        kind = type(y[is_known][0]).__name__ if known.dtype == object else known.dtype
        raise InputError(
            f"`y` must hold text, numbers or truth values; got {kind}. Pass text, such as "
            "y.astype(str)."
        )
    check_classification_targets(known)
    classes, codes = np.unique(known, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            f"`y` must have at least two classes; got one class, {classes.tolist()[0]!r}. "
            "To find rows that are not like it, use SOMDetector."
        )
    numbers = np.full(len(y), -1, dtype=np.intp)
    numbers[is_known] = codes
    return classes, numbers
