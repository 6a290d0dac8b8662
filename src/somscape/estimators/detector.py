"""The detector of anomalies as a scikit-learn estimator."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import OutlierMixin

from somscape._types import Float64s, Ints
from somscape._validate import check_number, checked_weights
from somscape.errors import InputError
from somscape.estimators._base import expect_maps
from somscape.estimators._elsewhere import answers_where_it_lies
from somscape.estimators._intake import Given, answered_by, data_for, dense, prepare, rows_for, take
from somscape.estimators._saved import Saves
from somscape.estimators._settings import settings_of
from somscape.estimators.som import SOM, check_goes_on, own_som
from somscape.estimators.table_encoder import TableEncoder
from somscape.fit.settings import Settings
from somscape.kernels._select import select_kernels
from somscape.maps.map import Map
from somscape.outliers._stream import DetectorStream, updated
from somscape.outliers._train import Detection, n_trainings, train_detector
from somscape.outliers.detector import Detector
from somscape.outliers.marks import known_labels
from somscape.tables._frame import Frame
from somscape.tables.table import Table, table_from_columns


class Explains:
    """Mixin with methods that explain rows, for estimators with a fitted ``detector_``."""

    detector_: Detector

    contributions = answered_by("detector_", Detector.contributions, data_for)
    reasons = answered_by("detector_", Detector.reasons)
    drift = answered_by("detector_", Detector.drift)
    counterfactuals = answered_by("detector_", Detector.counterfactuals)
    similar_rows = answered_by("detector_", Detector.similar_rows)
    label_share = answered_by("detector_", Detector.label_share)
    alerts = answered_by("detector_", Detector.alerts)


def scored_stream(detector: Any, stream: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the scores and p-values of each item, as `SOMDetector.score_stream` does."""
    for number, item in enumerate(stream):
        try:
            piece, is_row = _as_piece(item)
            scores, p = detector._scores_and_p_values(piece)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"Item {number} of the stream cannot be scored. {error}", parameter="stream"
            ) from error
        yield (float(scores[0]), float(p[0])) if is_row else (scores, p)


def _as_piece(item: Any) -> tuple[Any, bool]:
    """Convert an item of a stream to rows, and return them and whether the item is a single row."""
    if isinstance(item, Mapping):
        return table_from_columns({name: [cell] for name, cell in item.items()}), True
    item = take(item, "SOMDetector").data
    if isinstance(item, Table | Frame):
        return Given(item), False
    values = np.asarray(dense(item))
    if values.ndim not in (1, 2):
        raise InputError(
            "An item must be a row or a piece of several rows, as an array with one or two "
            f"dimensions, but is of type {type(item).__name__} with {values.ndim} dimensions.",
            parameter="stream",
            value=type(item).__name__,
        )
    return (values[None, :], True) if values.ndim == 1 else (values, False)


@dataclass(eq=False, repr=False, match_args=False)
class SOMDetector(Explains, OutlierMixin, Saves):
    """Detect anomalies, with calibrated p-values and exact reasons.

    A map is trained on the rows.  A row is unusual if the row is far from the prototypes of the
    map.

    Parameters
    ----------
    method : str, default="auto"
        Name of the score.  A score compares a row with the prototypes that count as usual (see
        `trim`):

        - ``"auto"`` is the same as ``"combined"``.
        - ``"combined"`` is the mean distance to the ``n_prototypes`` nearest prototypes, plus a
          term for rare values, plus a term for values that do not fit the other columns.  Distances
          use numbers that are clipped to 2.5 standard deviations from the mean (5 with clean
          training).  Encoded columns of a table are not clipped, and a value beyond all training
          values raises the score more.
        - ``"k_prototype"`` is the mean distance to the ``n_prototypes`` nearest prototypes.
        - ``"quantization_error"`` is the distance to the nearest prototype.
    contamination : float or "auto", default="auto"
        Share of the training rows that `predict` flags as anomalies, in (0, 0.5].  ``"auto"`` flags
        the training rows that stand out, as in the headline of `Detector.alerts`.  If no row stands
        out, `predict` flags the row with the highest score, because scikit-learn requires at least
        one flagged row.
    training_is_clean : bool, default=False
        Whether all training rows are known to be usual.  If so, the map fits the rows more closely.
    som : SOM or None, default=None
        The map to train, unfitted.  None means ``SOM()``.  The automatic number of units is the
        square root of the number of rows, multiplied by 8.  For ``"combined"``, the number is at
        most 433, or it is multiplied by 16 with clean training.  ``missing`` and ``encoder`` of
        `som` are ignored.
    n_maps : int or "auto", default="auto"
        Number of maps from which scores are computed, from 1 to 256.  With several maps, each map
        is trained on half of the rows.  The score of a row is the root mean square of its scores
        from all maps.  Several maps reduce the effect of the choice of training rows on scores, but
        scoring takes ``n_maps`` times as long.  ``map_`` is then trained on all rows, and is used
        only for display and explanation.  ``"auto"`` means 4 maps for at most 2,000 rows, and one
        map for more rows or clean training.
    n_prototypes : int or "auto", default="auto"
        Number of nearest prototypes that a score uses, from 1 (the quantization error) to 64.  With
        several prototypes, an outlier has a high score even if it attracted one prototype in
        training.  For ``"combined"``, ``"auto"`` means 32, or 1 with clean training.  For other
        scores, ``"auto"`` means 8, or 2 with clean training.
    trim : float or "auto", default="auto"
        Share of the training rows, up to 0.5, whose prototypes do not count as usual.  These are
        the prototypes with the fewest rows nearby, such as the prototypes of a group of outliers.
        No more of the rows of a category's level are left out if 4 % of all rows have the level.
        ``"auto"`` means 0.2, or 0 with clean training.
    decorrelate : bool, default=True
        Whether to decorrelate columns before rows are compared with prototypes.  If True,
        information that several columns share counts only about once in a score, and a row with an
        unusual combination of usual values gets a high score.  The correlations are computed from
        the usual training rows.  The map itself does not change.
    calibration : {"global", "regional"}, default="global"
        Which calibration rows determine the p-value of a row.  ``"global"`` means all calibration
        rows.  ``"regional"`` means only the calibration rows that are in the row's region of the
        map.  A region is a group of neighboring units with at least 200 calibration rows.  With
        ``"regional"``, false alarms are as frequent in sparse parts of the data as in dense parts.
    missing : {"error", "fill"}, default="error"
        Treatment of missing values, as for `SOM`.  A `TableEncoder` uses its own `missing` instead.
    encoder : "auto", TableEncoder or None, default="auto"
        Conversion of columns to features, as for `SOM`, but not with ``missing="mask"``.  Alerts
        contain the ids from the encoder's id column.
    random_state : int, RandomState or None, default=None
        Seed for the choice of the rows on which each map is trained, and for training.
    verbose : int, default=0
        If 1, the progress of training is shown for each map, as for `SOM`.

    Attributes
    ----------
    detector_ : Detector
        The fitted detector, which computes the same results without scikit-learn and can be saved.
    map_ : Map
        The map of all rows.
    offset_ : float
        ``decision_function(X) = score_samples(X) - offset_``.
    effect_of_marks_ : str
        Effect on scores of the marks passed to `fit` as `known`, or why there is none ("" without
        marks).
    units_ : ndarray of shape (n_samples,)
        Best matching unit of each training row.
    explain_defaults_ : dict of str to str
        Values chosen for parameters that are "auto", and column encodings, with the reasons.
    kernels_used_, n_features_in_, feature_names_in_
        As for `SOM`.

    See Also
    --------
    SOMClassifier : For rows with known labels.

    Notes
    -----
    With several maps, `fit` trains one map on all rows, and each of ``n_maps`` maps on half of the
    rows.  With ``n_maps=1``, `fit` trains one map for the scores and five maps for the p-values.
    For the p-values, the rows are split into five folds, and each fold is scored by a map that was
    trained on the other folds.  For more than 20,000 rows, maps are trained on 20,000 of them, and
    with ``n_maps=1``, only one map is trained and the other rows calibrate the p-values.  A
    `somscape.callbacks.TimeLimit` of `som` limits the training time of each map separately.  The
    threshold of `predict` is computed from scores of the training rows by maps that were trained on
    the same rows, so `predict` flags the requested share of the training rows, or those training
    rows that stand out.  With p-values by region, `predict` flags as many rows as stand out.  The
    p-values are computed from scores by maps that were not trained on the scored rows, because a
    row that attracted a prototype has too low a score.

    References
    ----------
    Kessy, Lewin and Strimmer (2018), Optimal whitening and decorrelation, American Statistician
    72, section 3 (`decorrelate`).
    Bates, Candes, Lei, Romano and Sesia (2023), Testing for outliers with conformal p-values,
    Annals of Statistics 51, section 2.
    Efron (2004), Large-scale simultaneous hypothesis testing, Journal of the American Statistical
    Association 99, 96-104 (`p_values`).
    Shah and Samworth (2013), Variable selection with error control: another look at stability
    selection, Journal of the Royal Statistical Society B 75, section 2 (`n_maps`).

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> X[7] = [9, -9, 9]
    >>> detector = SOMDetector(random_state=0).fit(X)
    >>> int(detector.score_samples(X).argmin())
    7
    >>> bool(np.allclose(detector.contributions(X).sum(axis=1), -detector.score_samples(X)))
    True
    """

    _MODEL = "detector_"
    _SPARSE = "dense"

    method: str = "auto"
    contamination: float | str = "auto"
    _: KW_ONLY
    training_is_clean: bool = False
    som: SOM | None = None
    n_maps: int | str = "auto"
    n_prototypes: int | str = "auto"
    trim: float | str = "auto"
    decorrelate: bool = True
    calibration: str = "global"
    missing: str = "error"
    encoder: TableEncoder | str | None = "auto"
    random_state: Any = None
    verbose: int = 0

    @property
    def map_(self) -> Map:
        """The map of all rows."""
        return self.detector_.map_

    @property
    def effect_of_marks_(self) -> str:
        """Effect of the marks in `known` on scores, or the reason for no effect."""
        return self.detector_.effect_of_marks

    @property
    def offset_(self) -> float:
        """Negative threshold, which `decision_function` subtracts from each score."""
        return -self.detector_.threshold

    def fit(
        self, X: Any, y: Any = None, *, known: Any = None, sample_weight: Any = None
    ) -> "SOMDetector":
        """Train the maps, set the threshold and calibrate the p-values.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            At least two rows.  A ``scipy.sparse`` array is converted to a dense array.
        y : ignored
            Not used.
        known : array-like of shape (n_samples,), optional
            Mark of each row, which is 1 for a confirmed anomaly, 0 for a cleared row (checked and
            found to be usual), and -1 or NaN for an unknown row.  If at most 1,000 rows are marked,
            the list of alerts begins with the confirmed rows and ends with the cleared rows.  The
            scores of rows similar to confirmed rows are increased, and the scores of rows similar
            to cleared rows are reduced.  The change is larger if each mark can be predicted well
            from the other marks.  `effect_of_marks_` describes the change.
        sample_weight : array-like of shape (n_samples,), optional
            Row weights.  A row of weight 2 counts as two rows, and rows of weight 0 are ignored.

        Returns
        -------
        SOMDetector
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or a value of the data is not allowed.  The message names it.
        """
        return self._fit_with(X, known, sample_weight, self.n_maps)

    def _settings(self) -> tuple[Detection, Settings]:
        """Return two values: the settings of the detector and the settings of its map."""
        return settings_of(self, Detection, own_som(self.som))

    def _fit_with(self, X: Any, known: Any, sample_weight: Any, n_maps: int | str) -> "SOMDetector":
        detection, settings = self._settings()
        start = settings.init
        prepared = prepare(self, X, sample_weight, start=start, min_rows=2)
        rows, weights, all_rows = prepared.rows, prepared.weights, prepared.all_rows
        assert isinstance(rows, np.ndarray)  # `prepare` rejects or copies other rows
        assert isinstance(all_rows, np.ndarray)
        if isinstance(start, Map):
            check_goes_on(self.som, start, rows.shape[1], is_warm=False)
        labels = known_labels(known, len(all_rows))
        labels = None if labels is None else prepared.of_kept(labels)
        detection = replace(detection, n_maps=n_maps).of_rows(prepared.encoding)
        expect_maps(settings.callbacks, n_trainings(len(rows), detection, weights))
        trained = train_detector(rows, weights, prepared.encoding, settings, detection, labels)
        self.detector_, units = trained.detector, trained.of_all_rows.units
        self._stream = DetectorStream.after(trained, rows, weights, settings.seed)
        is_whole = len(units) == len(all_rows)
        self.units_ = units if is_whole else self.map_._winners_of_rows(all_rows)
        self.explain_defaults_: dict[str, str] = detection.reasons(weights, len(rows))
        if prepared.why is not None:
            self.explain_defaults_["encoder"] = prepared.why
        self.kernels_used_ = select_kernels().name
        return self

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        known: Any = None,
        sample_weight: Any = None,
        half_life: float | None = None,
    ) -> "SOMDetector":
        """Update the detector.  This trains one map, but `fit` trains several maps.

        The first call does the same as `fit`, except that ``n_maps="auto"`` means one map.  `fit`
        uses 4 maps for at most 2,000 rows.  Each later call first computes the scores of the new
        rows, and then updates the map, as `SOM.partial_fit` does.  Each later call also updates the
        set of usual prototypes, the rarity of values, the relations between columns, the threshold
        and the calibration.  The threshold and the calibration are computed from the scores that
        rows had before these updates.  For this purpose, the detector stores a sample of 10,000
        scores.  It also stores 2,000 rows for rarity and relations.  The memory is constant.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            The new rows.  Calls with at least a thousand rows are most efficient, because the
            update takes O(n_units^2 * n_features) in each call.
        y : ignored
        known : array-like of shape (n_samples,), optional
            Mark of each row, as in `fit`.  In later calls, the only effect of marks is that
            confirmed anomalies are left out of the calibration.
        sample_weight : array-like of shape (n_samples,), optional
        half_life : float or None, default=None
            Number of later rows after which the weight of a row is halved, as for
            `SOM.partial_fit`.  These weights also apply to the threshold and the calibration.

        Returns
        -------
        SOMDetector
            This estimator, whose ``units_`` contains the best matching units of the new rows.

        Raises
        ------
        ValueError
            As for `fit`.
        """
        if half_life is not None:
            check_number("half_life", half_life, 0)
        if not hasattr(self, "detector_"):
            is_auto = isinstance(self.n_maps, str) and self.n_maps == "auto"
            self._fit_with(X, known, sample_weight, 1 if is_auto else self.n_maps)
            if is_auto:
                why = "1: `partial_fit` trains one map, and `fit` 4 maps for at most 2,000 rows."
                self.explain_defaults_ = {"n_maps": why} | self.explain_defaults_ | {"n_maps": why}
            return self
        if not hasattr(self, "_stream"):
            raise InputError(
                "This SOMDetector comes from a file, which does not contain the sample of rows "
                "that `partial_fit` needs. Call `fit` with earlier and new rows."
            )
        detection, _ = self._settings()
        detection = replace(detection, method=self.detector_.score).of_rows(self.map_.encoding)
        rows = rows_for(self, X)
        assert isinstance(rows, np.ndarray)  # `rows_for` makes rows dense
        self.detector_, self._stream, self.units_ = updated(
            (self.detector_, self._stream),
            rows,
            checked_weights(sample_weight, len(rows)),
            known_labels(known, len(rows)),
            detection=detection,
            half_life=half_life,
        )
        return self

    @answers_where_it_lies("score", np.float64)
    def score_samples(self, X: Any) -> Float64s:
        """Return the score of each row, which is low for unusual rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples,)
            Score of each row by the chosen ``method``, multiplied by -1, as scikit-learn requires.
        """
        return -self.detector_.scores(data_for(self, X))

    @answers_where_it_lies("decision", np.float64)
    def decision_function(self, X: Any) -> Float64s:
        """Return the score of each row minus `offset_` (below 0 for flagged rows).

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.score_samples(X) - self.offset_

    @answers_where_it_lies("prediction", np.int64)
    def predict(self, X: Any) -> Ints:
        """Return -1 for each row that is flagged as an anomaly, and 1 for other rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def score_stream(self, stream: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Score rows as they arrive, in constant memory.

        Parameters
        ----------
        stream : iterable
            Items, each of which is a piece or a row.  A piece is an array-like of shape (n_samples,
            n_features), a data frame or a Table.  A row is an array-like of shape (n_features,), or
            a mapping from column names to values.

        Yields
        ------
        scores : ndarray of shape (n_samples,), or float for a row
            Scores of the item, as in `score_samples`.  Unusual rows have low scores.
        p_values : ndarray of shape (n_samples,), or float for a row

        Raises
        ------
        InputError
            If an item of the stream is neither a piece nor a row, or if its columns do not fit the
            map.  The message contains the number of the item (counted from 0).

        Examples
        --------
        >>> import numpy as np
        >>> from somscape import SOMDetector
        >>> X = np.random.default_rng(0).normal(size=(300, 3))
        >>> detector = SOMDetector(random_state=0).fit(X)
        >>> [p < 0.05 for _, p in detector.score_stream([X[0], [9, 9, 9]])]
        [False, True]
        """
        _ = self.detector_  # raises an error before `fit`
        return scored_stream(self, stream)

    @answers_where_it_lies("p_value", np.float64)
    def p_values(self, X: Any) -> Float64s:
        """Return the p-value of each row, which is small for unusual rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples,)
            P-values in (0, 1], which are multiples of ``1 / (n + 1)`` for n calibration rows.  With
            ``calibration="regional"``, n is the number of calibration rows in the row's region.
            The p-value of an unusual row can be smaller than ``1 / (n + 1)``.  See Notes.

        Notes
        -----
        In these notes, scores are positive and high for unusual rows.  High scores of unusual
        training rows would make the p-values of unusual new rows too large.  So, with at least 50
        calibration rows, the p-values for the highest 20 % of the scores are estimated from the
        other scores.  The estimate is based on the assumption that the square roots of usual scores
        above their median are normally distributed (an empirical null, Efron 2004).  An estimate is
        at least ``0.01 / (n + 1)``, and is used only if it is below the p-value that is counted
        from the calibration rows.  P-values are estimated only for the method ``"combined"``,
        because the assumption is wrong for other methods.

        P-values are conformal with ``training_is_clean`` and for other methods.  A new row from the
        same population then has a p-value of at most ``a`` with a probability of about ``a``.  With
        100 calibration rows or more, a generalized Pareto distribution is fitted to the highest 5 %
        of the scores (at least 20 scores).  If the p-value from the Pareto distribution is lower
        than the conformal p-value, the result is a weighted mean of both, with the weights 3/4
        (Pareto) and 1/4 (conformal).  Apart from a small effect of cross-fitting, such a mean is at
        most ``a`` with a probability of at most ``4 * a``.

        After a `fit` with marks, p-values are only approximate.  A score gets the estimate for the
        score with the same rank if marks lowered scores but did not raise any.
        """
        return self._scores_and_p_values(X)[1]

    def _scores_and_p_values(self, X: Any) -> tuple[Float64s, Float64s]:
        rows = self.map_.rows_of(data_for(self, X))
        scores, p = self.detector_._scores_and_p_values_of_rows(rows)
        return -scores, p
