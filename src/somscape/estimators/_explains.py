"""What a fitted detector says of rows besides their score: why, what instead, which come first."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from somscape._types import Float64s
from somscape.estimators._prepare import data_for
from somscape.outliers import (
    Alerts,
    Counterfactual,
    Detector,
    LabelShare,
    Reason,
    SimilarRows,
)


class Explains:
    """Mixin of an estimator with a ``detector_``, which answers."""

    detector_: Detector

    def contributions(self, X: Any) -> Float64s:
        """Return what each column adds to each row's unusualness.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Each row adds up to ``-score_samples(X)``; the levels of a category are merged.
        """
        check_is_fitted(self)
        return self.detector_.contributions(data_for(self, X))

    def reasons(self, X: Any) -> list[tuple[Reason, ...]]:
        """Return why each row is unusual, in original units, the largest share first.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        list of tuple of Reason
            At most four per row; see `Detector.reasons`.
        """
        check_is_fitted(self)
        return self.detector_.reasons(X)

    def counterfactuals(self, X: Any) -> list[Counterfactual | None]:
        """Return what would make each row usual: few columns to change, and to what.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        list of Counterfactual or None
            One per row, without changes if `predict` gives 1, and None if no usual prototype itself
            scores at most the threshold.  As text: "would be usual with A3 between 0.5 and 4".
        """
        check_is_fitted(self)
        return self.detector_.counterfactuals(X)

    def similar_rows(self, X: Any, *, among: Any, n_similar: int = 5) -> SimilarRows:
        """Return the usual rows nearest to each row, such as an alert.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        among : array-like or data frame of shape (n_others, n_features), or Table
            Rows to search, such as the training rows; the detector itself keeps none.
        n_similar : int, default=5
            Number of similar rows for each row.

        Returns
        -------
        SimilarRows
            Ids, row numbers and distances, nearest first.
        """
        check_is_fitted(self)
        return self.detector_.similar_rows(X, among=among, n_similar=n_similar)

    def label_share(self, X: Any, *, among: Any, y: Any, level: float = 0.95) -> LabelShare:
        """Return the share of known anomalies around each row, with its Wilson interval.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        among : array-like or data frame of shape (n_others, n_features), or Table
            Rows with labels.
        y : array-like of shape (n_others,)
            1, 0 and -1, as for `known` in `fit`.
        level : float, default=0.95
            Confidence level of the interval, above 0 and below 1.

        Returns
        -------
        LabelShare
            Counts, shares and intervals over the rows of the same unit and its neighbors.
        """
        check_is_fitted(self)
        return self.detector_.label_share(X, among=among, y=y, level=level)

    def alerts(
        self,
        X: Any,
        n_alerts: int | None = None,
        *,
        p_value: float | None = None,
        fdr: float | None = None,
        amount: str | None = None,
        cost: float | None = None,
    ) -> Alerts:
        """Rank rows, with reasons in original units for the alerts.

        Pass at most one rule.  Without a rule, the alerts are the rows that `predict` flags.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
        n_alerts : int or None, default=None
            Number of alerts: the rows with the highest scores.
        p_value : float or None, default=None
            Alerts are the rows with at most this p-value.
        fdr : float or None, default=None
            As many alerts as keep the false discovery rate, the expected share of usual rows among
            them, at most about this; see `somscape.outliers.AlertRule`.
        amount : str or None, default=None
            Column with the amount that each row puts at stake.  Required with `cost`.
        cost : float or None, default=None
            Cost of a review, in the unit of `amount`.  Alerts are the rows whose review pays, those
            worth most first.

        Returns
        -------
        Alerts
        """
        check_is_fitted(self)
        return self.detector_.alerts(
            X, n_alerts, p_value=p_value, fdr=fdr, amount=amount, cost=cost
        )
